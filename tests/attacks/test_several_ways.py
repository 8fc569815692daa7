"""Rows that several tables lead to, such as an address of a customer, of an employee and of an order: each goes with the last person."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.evidence.receipt import OthersText
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.demo.company.outside_search import Search
from expunge.errors import IllegalTransition
from tests.attacks.mention_company import ANNA, BELA, CARA, MentionCompany

IDENTITIES = """\
  customer: {dataset: customers, key: id}
  staff: {dataset: staff, key: id}
"""
TABLES = f"""
CREATE TABLE addresses (a int PRIMARY KEY, street text, closed_at text);
INSERT INTO addresses VALUES (1, 'Nettlecombe Terrace 41 of her own', NULL), (2, 'Gatehouse Mews 7 of three people', NULL);
INSERT INTO addresses VALUES (3, 'Quarry Bank 112 for one parcel', NULL), (4, 'Tannery Passage 8 of an employee', NULL);
INSERT INTO addresses VALUES (5, 'Brewhouse Hill 19 of another one', NULL);
CREATE TABLE customers (id varchar(20) PRIMARY KEY, name text, home int REFERENCES addresses (a), closed_at text);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', 1, NULL), ('{BELA}', 'Bela who came some time later', 2, NULL);
CREATE TABLE staff (id varchar(20) PRIMARY KEY, name text, home int REFERENCES addresses (a), closed_at text);
INSERT INTO staff VALUES ('{CARA}', 'Cara who works at the counter', 2, NULL), ('sta-4444AAAAZZ', 'Dora who drives the van home', 4, NULL);
CREATE TABLE orders (n int PRIMARY KEY, customer_id varchar(20) REFERENCES customers (id), bill_to int REFERENCES addresses (a),
  ship_to int REFERENCES addresses (a));
INSERT INTO orders VALUES (1, '{ANNA}', 1, 3), (2, '{ANNA}', 2, NULL), (3, '{BELA}', 2, 5);
"""
WAYS = "through: {customers: home, staff: home, orders: [bill_to, ship_to]}, via: a"
DATASETS = (
    "customers: {store: app, table: customers, subject: {customer: id}, retention: life}",
    "staff: {store: app, table: staff, subject: {staff: id}, retention: life}",
    "orders: {store: app, table: orders, subject: {customer: customer_id}, retention: life}",
    f"addresses: {{store: app, table: addresses, subject: {{{WAYS}}}, retention: life}}",
)
HERS = ("Nettlecombe Terrace", "Quarry Bank")


class Company(MentionCompany):
    """Customers, employees, orders and addresses of all of them."""

    def declare(self, *datasets: str) -> None:
        super().declare(*(datasets or DATASETS))
        text = self.map.read_text()
        self.map.write_text(text.replace("  customer: {dataset: customers, key: id}\n", IDENTITIES))

    def addresses(self) -> list[int]:
        return [int(str(row[0])) for row in self.run("SELECT a FROM addresses ORDER BY 1")]

    def details(self, run: Run) -> list[str]:
        return [entry.detail for entry in self.receipt(run).datasets if entry.dataset == "addresses"]

    def erase_all(self, *names: str) -> Run:
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name) for name in names]).order
            opened.plan(order)
            return opened.apply(order)


@pytest.fixture(params=[pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Company:
    return build(tmp_path, str(request.getfixturevalue("database")) if request.param == "postgres" else "")


@pytest.fixture
def on_a_server(database: str, tmp_path: Path) -> Company:
    """The same on PostgreSQL: SQLite holds to foreign keys only where a program asks for it."""
    return build(tmp_path, str(database))


def build(folder: Path, server: str) -> Company:
    made = Company(folder, server)
    made.database.parent.mkdir(parents=True)
    made.run(TABLES)
    made.declare()
    Expunge.init(made.map)
    return made


def test_each_goes_with_the_last_person(company: Company) -> None:
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert company.receipt(run).others_text == (OthersText("addresses", "app", 1, ("addresses.a",)),)
    assert company.addresses() == [2, 4, 5]
    if not company.server:
        assert [str(hit.path) for hit in Search(HERS).folder(company.folder / "world")] == []
    assert company.erase(f"customer:{BELA}").state is OrderState.FULFILLED
    assert company.addresses() == [2, 4]
    assert company.run("SELECT home FROM staff ORDER BY 1") == [(2,), (4,)]
    last = company.erase(f"staff:{CARA}")
    assert (last.state, last.reasons) == (OrderState.FULFILLED, ())
    assert company.receipt(last).others_text == ()
    assert company.addresses() == [4]
    for each in (run, last):
        assert company.again(each).state is OrderState.FULFILLED
        with company.open() as opened, pytest.raises(IllegalTransition, match="is fulfilled cannot become planned"):
            opened.plan(each.order)


FLOORS = """
CREATE TABLE floors (fl int PRIMARY KEY, adr int, words text);
INSERT INTO floors VALUES (1, 1, 'door code of Anna is seven seven nine'), (2, 2, 'door code of three people is one one two'),
  (3, 4, 'door of the employee is green and old');
CREATE TABLE doors (d int PRIMARY KEY, fl int, words text);
INSERT INTO doors VALUES (1, 1, 'the lock of Anna turns to the left'), (2, 2, 'the lock of three people is new'),
  (3, 3, 'the employee has no lock');
"""
BELOW = (
    "floors: {store: app, table: floors, subject: {through: addresses, via: {adr: a}}, retention: life}",
    "doors: {store: app, table: doors, subject: {through: floors, via: fl}, retention: life}",
)


def test_what_is_found_through_it_goes_and_stays_with_it(company: Company) -> None:
    company.run(FLOORS)
    company.declare(*DATASETS, *BELOW)
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert [each.dataset for each in company.receipt(run).others_text] == ["addresses", "doors", "floors"]
    assert (company.run("SELECT fl FROM floors ORDER BY 1"), company.run("SELECT d FROM doors ORDER BY 1")) == ([(2,), (3,)], [(2,), (3,)])
    run = company.erase_all(f"customer:{BELA}", f"staff:{CARA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert (company.run("SELECT fl FROM floors"), company.run("SELECT d FROM doors"), company.addresses()) == ([(3,)], [(3,)], [4])
    if not company.server:
        assert company.found("door code of three", "lock of three", "lock of Anna") == []


@pytest.mark.parametrize("owner", ["NULL", "'deleted-user'"])
def test_a_link_of_nobody_keeps_nothing(company: Company, owner: str) -> None:
    """One way has no foreign key, others have: rows of all of them go before the address."""
    company.run(f"CREATE TABLE guests (n int PRIMARY KEY, customer_id varchar(20), bill_to int); INSERT INTO guests VALUES (9, {owner}, 1)")
    guests = "guests: {store: app, table: guests, subject: {customer: customer_id}, retention: life}"
    company.declare(*DATASETS[:3], guests, DATASETS[3].replace("staff: home", "staff: home, guests: bill_to"))
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert (company.addresses(), company.run("SELECT n, bill_to FROM guests")) == ([2, 4, 5], [(9, 1)])
    if not company.server:
        assert company.found(*HERS) == []


def test_a_foreign_key_of_nobody_binds_it_and_is_said(company: Company) -> None:
    company.run("INSERT INTO orders VALUES (9, NULL, 1, 3)")
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, [each.split(":")[0] for each in run.reasons]) == (OrderState.IN_PART, ["addresses"])
    assert "shared with people who stay" not in run.reasons[0]
    assert company.run("SELECT n, bill_to, ship_to FROM orders WHERE n = 9") == [(9, 1, 3)]


@pytest.mark.soak
def test_what_stays_of_the_person_keeps_it_for_its_own_reason(company: Company) -> None:
    company.declare(*DATASETS[:2], DATASETS[2][:-1] + ', on_erase: {keep: "books for ten years"}}', DATASETS[3])
    run = company.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert set(run.reasons) >= {"addresses: kept, books for ten years", "orders: kept, books for ten years"}
    assert company.addresses() == [1, 2, 3, 4, 5]
    if company.server:
        return
    with company.open() as opened, pytest.raises(IllegalTransition, match="has ended for good, in part: addresses: kept, books"):
        opened.plan(run.order)


def test_the_last_link_that_goes_without_an_order_leaves_no_silence(company: Company) -> None:
    run = company.erase(f"customer:{ANNA}")
    company.run(
        f"UPDATE staff SET home = 4 WHERE id = '{CARA}'; UPDATE customers SET home = 5 WHERE id = '{BELA}'; DELETE FROM orders WHERE n = 3"
    )
    company.run("INSERT INTO addresses VALUES (7, 'Orchard Lane 3 of nobody at all', NULL)")
    with company.open() as opened:
        said = [each.what for each in opened.check() if each.where == "addresses"]
        assert any("2 items of addresses lead to nothing in customers, staff, orders" in each for each in said), said
        (back,) = opened.sweep().came_back
        assert (back.order, back.datasets) == (run.order, ("addresses",))
        again = opened.status(run.order)
        assert again.state is OrderState.REOPENED
        opened.plan(back.followed_by)
        done = opened.apply(back.followed_by)
    assert (done.state, company.addresses()) == (OrderState.FULFILLED, [4, 5, 7])
    assert [each.dataset for each in company.receipt(done).orphaned] == ["addresses"]


@pytest.mark.soak
@pytest.mark.parametrize("more", [", shared: erase", ", people: customers"])
def test_nothing_else_says_what_becomes_of_what_is_found_through_it(tmp_path: Path, more: str) -> None:
    made = Company(tmp_path)
    made.declare(*DATASETS, BELOW[0][:-1] + more + "}")
    with pytest.raises(Exception, match="several ways"):
        made.open()


def test_many_would_take_what_stays(tmp_path: Path) -> None:
    made = Company(tmp_path)
    made.declare(*DATASETS, BELOW[0].replace("{adr: a}}", "{adr: a}, many: true}"))
    with pytest.raises(Exception, match="several ways"):
        made.open()


@pytest.mark.soak
def test_what_only_one_person_leads_to_leaves_nothing_open(company: Company) -> None:
    company.run("DELETE FROM orders WHERE n = 2")
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert company.addresses() == [2, 4, 5]


def test_an_order_for_all_of_them_takes_it(company: Company) -> None:
    run = company.erase_all(f"customer:{ANNA}", f"customer:{BELA}", f"staff:{CARA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert company.addresses() == [4]


@pytest.mark.soak
def test_a_row_that_comes_back_alone_is_known(company: Company) -> None:
    company.erase(f"customer:{ANNA}")
    company.run("INSERT INTO addresses VALUES (3, 'Quarry Bank 112 for one parcel', NULL)")
    with company.open() as opened:
        assert [each.datasets for each in opened.sweep().came_back] == [("addresses",)]


@pytest.mark.parametrize("way", ["through: {customers: home}, via: a", "through: {customers: home, staff: home}, via: {a: home}"])
def test_what_says_no_several_ways_is_refused(tmp_path: Path, way: str) -> None:
    made = Company(tmp_path)
    made.declare(*DATASETS[:3], f"addresses: {{store: app, table: addresses, subject: {{{way}}}, retention: life}}")
    with pytest.raises(Exception, match="ways"):
        made.open()


@pytest.mark.soak
@pytest.mark.parametrize("more", ["shared: erase", "people: customers"])
def test_nothing_else_says_what_becomes_of_the_others(tmp_path: Path, more: str) -> None:
    made = Company(tmp_path)
    made.declare(*DATASETS[:3], f"addresses: {{store: app, table: addresses, subject: {{{WAYS}}}, retention: life, {more}}}")
    with pytest.raises(Exception, match="several ways"):
        made.open()


KEEPER = f"ALTER TABLE addresses ADD COLUMN keeper varchar(20); UPDATE addresses SET keeper = '{CARA}' WHERE a = 2;"


def with_keeper(rule: str) -> str:
    return DATASETS[3][:-1] + f", mentions: {{keeper: {rule}}}}}"


@pytest.mark.parametrize(("rule", "left"), [("null", None), ("keep", CARA)])
def test_a_row_that_stays_with_others_names_the_person_as_any_row_of_others(company: Company, rule: str, left: str | None) -> None:
    company.run(KEEPER)
    company.declare(*DATASETS[:3], with_keeper(rule))
    run = company.erase(f"staff:{CARA}")
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert company.run("SELECT keeper FROM addresses WHERE a = 2") == [(left,)]
    receipt = company.receipt(run)
    assert [(each.dataset, each.column, each.act.value, each.items) for each in receipt.mentions] == [("addresses", "keeper", rule, 1)]
    if rule == "null" and not company.server:
        assert company.found(CARA) == []


def test_a_row_that_stays_with_others_and_names_the_person_without_a_rule_is_said(company: Company) -> None:
    company.run(KEEPER)
    run = company.erase(f"staff:{CARA}")
    assert run.state is OrderState.IN_PART
    assert [each for each in company.details(run) if "mentions: {keeper: null}" in each]
    company.declare(*DATASETS[:3], with_keeper("null"))
    assert company.again(run).state is OrderState.FULFILLED
    assert company.run("SELECT a FROM addresses WHERE keeper IS NOT NULL") == []


def test_a_row_that_goes_names_the_person_as_her_own(company: Company) -> None:
    company.run(KEEPER + f"UPDATE addresses SET keeper = '{ANNA}' WHERE a = 1")
    run = company.erase_all(f"customer:{ANNA}", f"customer:{BELA}", f"staff:{CARA}")
    assert (run.state, run.reasons, company.addresses()) == (OrderState.FULFILLED, (), [4])


def of_parcels(company: Company, owner: str, act: str = "ON DELETE CASCADE") -> None:
    """Parcels lead to addresses as well, and the schema says that they go with the address."""
    company.run(
        "CREATE TABLE parcels (n int PRIMARY KEY, customer_id varchar(20), "
        f"bill_to int REFERENCES addresses (a) {act}, words text);"
        f"INSERT INTO parcels VALUES (7, {owner}, 1, 'a clock for the uncle of Berta'), (8, '{ANNA}', 1, 'a lamp for Anna and her desk')"
    )
    parcels = "parcels: {store: app, table: parcels, subject: {customer: customer_id}, retention: life}"
    company.declare(*DATASETS[:3], parcels, DATASETS[3].replace("staff: home", "staff: home, parcels: bill_to"))


def test_a_cascade_takes_no_row_of_a_key_that_no_list_has(company: Company) -> None:
    of_parcels(company, "'cus-gh0STKEY99'")
    run = company.erase(f"customer:{ANNA}")
    assert run.state is OrderState.IN_PART
    assert company.run("SELECT n, bill_to FROM parcels") == [(7, 1)]
    assert 1 in company.addresses()
    assert [each for each in company.details(run) if "rows of parcels along (ON DELETE CASCADE)" in each]


@pytest.mark.parametrize(("owner", "act"), [("NULL", "ON DELETE CASCADE"), ("'cus-gh0STKEY99'", "ON DELETE SET NULL")])
def test_what_the_schema_says_of_rows_of_nobody_stands(company: Company, owner: str, act: str) -> None:
    of_parcels(company, owner, act)
    run = company.erase(f"customer:{ANNA}")
    if owner == "NULL" and run.state is OrderState.IN_PART:
        # What went along was a control of the scan.
        assert all(each.endswith("cannot tell") for each in run.reasons)
        run = company.again(run)
    assert (run.state, run.reasons, company.addresses()) == (OrderState.FULFILLED, (), [2, 4, 5])
    assert company.run("SELECT n, bill_to FROM parcels") == ([] if owner == "NULL" else [(7, None)])


def test_rows_of_the_person_go_before_a_cascade_asks(company: Company) -> None:
    of_parcels(company, f"'{BELA}'")
    company.run("UPDATE parcels SET bill_to = 5 WHERE n = 7")
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons, company.addresses()) == (OrderState.FULFILLED, (), [2, 4, 5])
    assert company.run("SELECT n, bill_to FROM parcels") == [(7, 5)]


def test_a_person_goes_whose_row_and_address_refer_to_one_another(tmp_path: Path) -> None:
    """The address goes first, and the schema deletes the person's own row along."""
    made = Company(tmp_path)
    made.database.parent.mkdir(parents=True)
    tables = TABLES.replace("home int REFERENCES addresses (a)", "home int REFERENCES addresses (a) ON DELETE CASCADE")
    tables += "ALTER TABLE addresses ADD COLUMN keeper varchar(20) REFERENCES staff (id);"
    made.run(tables + "UPDATE addresses SET keeper = 'sta-4444AAAAZZ' WHERE a = 4")
    made.declare()
    Expunge.init(made.map)
    run = made.erase("staff:sta-4444AAAAZZ")
    assert (run.state, run.reasons, made.addresses()) == (OrderState.FULFILLED, (), [1, 2, 3, 5])
    assert (made.run("SELECT id FROM staff"), len(made.run("SELECT id FROM customers"))) == ([(CARA,)], 2)
