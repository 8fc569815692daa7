"""Rows that several tables lead to, such as an address of a customer, of an employee and of an order: each goes with the last person."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.demo.company.outside_search import Search
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

    def erase_all(self, *names: str) -> Run:
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name) for name in names]).order
            opened.plan(order)
            return opened.apply(order)


@pytest.fixture(params=[pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.soak)])
def company(request: pytest.FixtureRequest, tmp_path: Path) -> Company:
    made = Company(tmp_path, str(request.getfixturevalue("database")) if request.param == "postgres" else "")
    made.database.parent.mkdir(parents=True)
    made.run(TABLES)
    made.declare()
    Expunge.init(made.map)
    return made


def test_each_goes_with_the_last_person(company: Company) -> None:
    run = company.erase(f"customer:{ANNA}")
    assert (run.state, run.reasons) == (OrderState.IN_PART, ("addresses: kept, shared with people who stay",))
    assert company.addresses() == [2, 4, 5]
    if not company.server:
        assert [str(hit.path) for hit in Search(HERS).folder(company.folder / "world")] == []
    assert company.erase(f"customer:{BELA}").state is OrderState.IN_PART
    assert company.addresses() == [2, 4]
    assert company.run("SELECT home FROM staff ORDER BY 1") == [(2,), (4,)]
    last = company.erase(f"staff:{CARA}")
    assert (last.state, last.reasons) == (OrderState.FULFILLED, ())
    assert company.addresses() == [4]


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
