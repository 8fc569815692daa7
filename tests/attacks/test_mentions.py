"""Rows of people who stay that name the erased person: in a column of identifiers, and in what somebody wrote."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import clock, faults
from expunge.core.datamap.mentions import MentionAct
from expunge.core.evidence.receipt import Mention
from expunge.core.values.order import OrderState
from expunge.errors import Misconfigured
from expunge.testing.forked import in_child
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS, CUSTOMERS_SET, GONE, MentionCompany, company

PLACES = {
    "customers.referred_by": (CUSTOMERS, (f"{CUSTOMERS_SET}}}",)),
    "messages.recipient": (
        CUSTOMERS.replace(
            f"'{ANNA}', NULL);\nINSERT INTO customers VALUES ('{CARA}'", f"NULL, NULL);\nINSERT INTO customers VALUES ('{CARA}'"
        )
        + "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, body TEXT);"
        f"INSERT INTO messages VALUES (1, '{ANNA}', '{BELA}', 'the walnuts are ripe'), (2, '{BELA}', '{ANNA}', 'then we shall come');",
        (f"{CUSTOMERS_SET}}}", "messages: {store: app, table: messages, subject: {customer: sender}, retention: life}"),
    ),
    "tickets.assignee": (
        CUSTOMERS.replace(
            f"'{ANNA}', NULL);\nINSERT INTO customers VALUES ('{CARA}'", f"NULL, NULL);\nINSERT INTO customers VALUES ('{CARA}'"
        )
        + "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer TEXT, assignee TEXT);"
        f"INSERT INTO tickets VALUES (1, '{ANNA}', '{BELA}'), (2, '{BELA}', '{ANNA}'), (3, '{CARA}', '{ANNA}');",
        (f"{CUSTOMERS_SET}}}", "tickets: {store: app, table: tickets, subject: {customer: customer}, retention: life}"),
    ),
    "payments.payee": (
        CUSTOMERS.replace(
            f"'{ANNA}', NULL);\nINSERT INTO customers VALUES ('{CARA}'", f"NULL, NULL);\nINSERT INTO customers VALUES ('{CARA}'"
        )
        + "CREATE TABLE payments (payer TEXT, payee TEXT, cents INTEGER);"
        f"INSERT INTO payments VALUES ('{BELA}', '{ANNA}', 1250), ('{CARA}', '{BELA}', 990), ('{CARA}', '{ANNA}', 75);",
        (f"{CUSTOMERS_SET}}}", "payments: {store: app, table: payments, subject: {customer: payer}, retention: life}"),
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_an_identifier_that_fills_a_cell_of_anothers_row_is_never_excused(tmp_path: Path, place: str) -> None:
    sql, datasets = PLACES[place]
    made = company(tmp_path, sql, *datasets)
    table, _, column = place.partition(".")
    before = made.run(f"SELECT count(*) FROM {table} WHERE {column} = '{ANNA}'")
    run = made.erase(ANNA)
    assert made.run(f"SELECT count(*) FROM {table} WHERE {column} = '{ANNA}'") == before
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if reason.startswith(f"{table}: ")]
    assert column in why
    assert f"mentions: {{{column}: null}}" in why


def declared(datasets: tuple[str, ...], rules: str) -> tuple[str, ...]:
    """The datasets with rules about mentions in the last of them."""
    return (*datasets[:-1], datasets[-1].removesuffix("}") + f", mentions: {{{rules}}}}}")


@pytest.mark.parametrize("place", PLACES)
def test_a_declared_mention_is_set_to_null_and_listed_and_nothing_else_changes(tmp_path: Path, place: str) -> None:
    sql, datasets = PLACES[place]
    table, _, column = place.partition(".")
    made = company(tmp_path, sql, *declared(datasets, f"{column}: null"))
    owner = {"customers": "id", "messages": "sender", "tickets": "customer", "payments": "payer"}[table]
    others = f"SELECT * FROM {table} WHERE {owner} <> '{ANNA}' ORDER BY rowid"
    before = made.run(others)
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run(others) == [tuple(None if cell == ANNA else cell for cell in row) for row in before]
    assert made.run(f"SELECT count(*) FROM {table} WHERE {column} IS NULL AND {owner} <> '{ANNA}'") >= [(1,)]
    assert made.found(ANNA) == []
    named = sum(ANNA in row for row in before)
    assert Mention(table, column, MentionAct.NULL, named) in made.receipt(run).mentions


def test_a_mention_is_replaced_and_one_that_nobody_declared_is_mended_by_the_line_to_paste(tmp_path: Path) -> None:
    sql, datasets = PLACES["tickets.assignee"]
    made = company(tmp_path, sql, *datasets)
    run = made.erase(ANNA)
    assert run.state is OrderState.IN_PART
    made.declare(*declared(datasets, "assignee: {replace: u_deleted}"))
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT customer, assignee FROM tickets ORDER BY n") == [(BELA, GONE), (CARA, GONE)]
    assert made.receipt(run).mentions == (Mention("tickets", "assignee", MentionAct.REPLACE, 2),)
    assert made.found(ANNA) == []


def test_a_mention_that_the_map_keeps_stays_and_is_listed(tmp_path: Path) -> None:
    sql, datasets = PLACES["payments.payee"]
    made = company(tmp_path, sql, *declared(datasets, "payee: keep"))
    before = made.run("SELECT * FROM payments")
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT * FROM payments") == before
    assert made.receipt(run).mentions == (Mention("payments", "payee", MentionAct.KEEP, 2),)


NOTES = "notes: {store: app, table: notes, subject: {customer: author}, retention: life}"


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        (f"as I told {ANNA} last week, the walnuts are ripe", True),
        (f'["{ANNA}", "{BELA}"]', False),
        (f"{BELA};{ANNA}", False),
        (f"customers/{ANNA}/portrait.png", False),
    ],
)
def test_free_text_of_others_stays_and_is_listed_and_lists_and_paths_are_no_free_text(tmp_path: Path, said: str, *, stays: bool) -> None:
    sql, _ = PLACES["messages.recipient"]
    sql += f"CREATE TABLE notes (n INTEGER PRIMARY KEY, author TEXT, said TEXT); INSERT INTO notes VALUES (1, '{BELA}', '{said}');"
    messages = PLACES["messages.recipient"][1]
    made = company(tmp_path, sql, *declared(messages, "recipient: null"), NOTES)
    run = made.erase(ANNA)
    if not stays:
        assert run.state is OrderState.IN_PART
        assert any("mentions: {said: keep}" in reason for reason in run.reasons)
        made.declare(*declared(messages, "recipient: null"), *declared((NOTES,), "said: keep"))
        run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT said FROM notes") == [(said,)]
    assert Mention("notes", "said", MentionAct.KEEP, 1) in made.receipt(run).mentions


NUMBERED = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES (7, 'Anna the first of all customers', NULL), (8, 'Bela who came along some time later', NULL);
CREATE TABLE orders (n INTEGER PRIMARY KEY, customer INTEGER, pieces INTEGER, seller INTEGER REFERENCES customers (id));
INSERT INTO orders VALUES (1, 8, 7, 8), (2, 8, 3, 7), (3, 7, 1, 8);
"""
ORDERS = "orders: {store: app, table: orders, subject: {customer: customer}, retention: life}"


def test_a_small_number_is_an_identifier_where_the_schema_says_so_and_a_number_elsewhere(tmp_path: Path) -> None:
    datasets = (f"{CUSTOMERS_SET}}}", ORDERS)
    made = company(tmp_path, NUMBERED, *declared(datasets, "seller: null"))
    run = made.erase("customer:7")
    assert made.run("SELECT customer, pieces, seller FROM orders ORDER BY n") == [(8, 7, 8), (8, 3, None)]
    assert made.receipt(run).mentions == (Mention("orders", "seller", MentionAct.NULL, 1),)


def test_a_reference_that_stands_in_the_way_says_what_to_declare(tmp_path: Path) -> None:
    made = company(tmp_path, NUMBERED, f"{CUSTOMERS_SET}}}", ORDERS)
    run = made.erase("customer:7")
    assert run.state is OrderState.IN_PART
    entries = {entry.dataset: entry.detail for entry in made.receipt(run).datasets}
    assert "mentions: {seller: null}" in entries["customers"] + entries["orders"]


# --- what cannot be done is said before anything is -----------------------------------------------------


def mends(made: MentionCompany) -> list[str]:
    with made.open() as opened:
        return [finding.mend for finding in opened.check()]


@pytest.mark.parametrize("place", PLACES)
def test_check_names_the_column_and_the_line_to_paste(tmp_path: Path, place: str) -> None:
    sql, datasets = PLACES[place]
    column = place.partition(".")[2]
    made = company(tmp_path, sql, *datasets)
    assert f"mentions: {{{column}: null}}" in mends(made)
    made.declare(*declared(datasets, f"{column}: null"))
    assert f"mentions: {{{column}: null}}" not in mends(made)


REFUSED = {
    "no null": ("seller TEXT NOT NULL", "null", "takes no null"),
    "no parent": ("seller TEXT REFERENCES customers (id)", "{replace: u_deleted}", "refers to customers"),
    "unique": ("seller TEXT UNIQUE", "{replace: u_deleted}", "has to be unique"),
    "key": ("seller TEXT PRIMARY KEY", "null", "primary key"),
    "computed": ("seller TEXT GENERATED ALWAYS AS (customer) STORED", "null", "computed"),
    "no column": ("other TEXT", "null", "no column"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_rule_that_the_schema_forbids_is_refused_by_check_and_plan(tmp_path: Path, case: str) -> None:
    column, rule, why = REFUSED[case]
    sql = CUSTOMERS + f"CREATE TABLE sales (n INTEGER, customer TEXT, {column});"
    sales = f"sales: {{store: app, table: sales, subject: {{customer: customer}}, retention: life, mentions: {{seller: {rule}}}}}"
    made = company(tmp_path, sql, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", sales)
    with made.open() as opened:
        assert any(why in finding.what for finding in opened.check())
        order = opened.order_erase([opened.resolve(ANNA)]).order
        with pytest.raises(Misconfigured, match=why):
            opened.plan(order)
    assert made.run(f"SELECT count(*) FROM customers WHERE id = '{ANNA}'") == [(1,)]


# --- PostgreSQL ----------------------------------------------------------------------------------------

SERVED = f"""
CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE customers (id text PRIMARY KEY, name text, referred_by text REFERENCES customers (id), closed_at text);
INSERT INTO customers VALUES ('{ANNA}', 'Anna the first of all customers', NULL), ('{GONE}', 'nobody in particular', NULL);
INSERT INTO customers VALUES ('{BELA}', 'Bela who came along some time later', '{ANNA}'), ('{CARA}', 'Cara who was sent by Bela', '{BELA}');
CREATE TABLE tickets (n int PRIMARY KEY, customer text REFERENCES customers (id), assignee citext, watchers text[], said text);
INSERT INTO tickets VALUES (1, '{ANNA}', '{BELA}', NULL, 'the walnuts are ripe'),
  (2, '{BELA}', '{ANNA.upper()}', NULL, 'as {ANNA} told me'),
  (3, '{CARA}', '{BELA}', ARRAY['{BELA}', '{ANNA}'], NULL);
CREATE TABLE payments (n int PRIMARY KEY, payer text REFERENCES customers (id), payee text REFERENCES customers (id), cents int);
INSERT INTO payments VALUES (1, '{BELA}', '{ANNA}', 1250), (2, '{CARA}', '{BELA}', 990), (3, '{ANNA}', '{CARA}', 10);
"""
SERVED_SETS = {
    "customers": "{store: app, table: customers, subject: {customer: id}, retention: life}",
    "tickets": "{store: app, table: tickets, subject: {customer: customer}, retention: life}",
    "payments": "{store: app, table: payments, subject: {customer: payer}, retention: life}",
}


def served(**rules: str) -> list[str]:
    return [(declared((f"{name}: {said}",), rules[name])[0] if name in rules else f"{name}: {said}") for name, said in SERVED_SETS.items()]


@pytest.mark.soak
def test_on_a_server_each_mention_is_found_and_declared_ones_are_taken_out(tmp_path: Path, database: str) -> None:
    made = company(tmp_path, SERVED, *served(), server=database)
    assert {"mentions: {referred_by: null}", "mentions: {payee: null}"} <= set(mends(made))
    made.declare(*served(customers="referred_by: null", payments="payee: {replace: u_deleted}"))
    run = made.erase(ANNA)
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if reason.startswith("tickets: ")]
    assert "assignee, watchers" in why
    made.declare(
        *served(customers="referred_by: null", payments="payee: {replace: u_deleted}", tickets="assignee: null, watchers: keep, said: keep")
    )
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT id, referred_by FROM customers ORDER BY id") == [(BELA, None), (CARA, BELA), (GONE, None)]
    assert made.run("SELECT n, customer, assignee FROM tickets ORDER BY n") == [(2, BELA, None), (3, CARA, BELA)]
    assert made.run("SELECT payer, payee FROM payments ORDER BY n") == [(BELA, GONE), (CARA, BELA)]
    assert set(made.receipt(run).mentions) == {
        Mention("customers", "referred_by", MentionAct.NULL, 1),
        Mention("tickets", "assignee", MentionAct.NULL, 1),
        Mention("tickets", "watchers", MentionAct.KEEP, 1),
        Mention("tickets", "said", MentionAct.KEEP, 1),
        Mention("payments", "payee", MentionAct.REPLACE, 1),
    }


@pytest.mark.soak
def test_on_a_server_rules_that_the_schema_forbids_are_refused(tmp_path: Path, database: str) -> None:
    sql = SERVED + "ALTER TABLE tickets ALTER assignee SET NOT NULL; ALTER TABLE payments ADD UNIQUE (payee);"
    made = company(tmp_path, sql, *served(), server=database)
    for rules, why in (
        ({"tickets": "assignee: null"}, "takes no null"),
        ({"tickets": "n: null"}, "primary key"),
        ({"tickets": "watchers: null"}, "holds lists"),
        ({"payments": "payee: {replace: u_deleted}"}, "has to be unique"),
        ({"payments": "cents: {replace: u_deleted}"}, "of type integer"),
        ({"customers": "referred_by: {replace: u_other}"}, "refers to customers"),
    ):
        made.declare(*served(**rules))
        with made.open() as opened:
            assert any(why in finding.what for finding in opened.check()), why
            order = opened.order_erase([opened.resolve(ANNA)]).order
            with pytest.raises(Misconfigured, match=why):
                opened.plan(order)


# --- Parquet -------------------------------------------------------------------------------------------

VISITS = 'visits: {store: lake, path: "visits/{day}.parquet", subject: {customer: customer}, retention: life}'


def test_in_a_lake_each_mention_is_found_and_declared_ones_are_taken_out(tmp_path: Path) -> None:
    sql, datasets = PLACES["messages.recipient"]
    made = company(tmp_path, sql, *declared(datasets, "recipient: null"), VISITS, lake=True)
    folder = tmp_path / "world" / "lake" / "visits"
    folder.mkdir()
    rows = pa.table(
        {
            "customer": [ANNA, BELA, CARA, CARA],
            "host": pa.array([BELA, ANNA, BELA, None]).dictionary_encode(),
            "guests": [[BELA], [CARA, ANNA], None, []],
            "minutes": pa.array([7, 8, 9, None], pa.int16()),
            "said": ["the walnuts were ripe on that very day", f"met {ANNA} at the door", None, "nothing"],
        }
    )
    others = pa.table({"customer": [BELA, CARA], "host": [CARA, ANNA], "guests": [[BELA], None], "minutes": [1, 2], "said": ["a", "b"]})
    pq.write_table(rows, folder / "monday.parquet", compression="zstd", row_group_size=2)
    pq.write_table(others, folder / "tuesday.parquet", compression="snappy")
    assert "mentions: {guests: null, host: null}" in mends(made)
    run = made.erase(ANNA)
    assert run.state is OrderState.IN_PART
    assert any("guests, host" in reason for reason in run.reasons), run.reasons
    made.declare(*declared(datasets, "recipient: null"), *declared((VISITS,), "host: {replace: u_deleted}, guests: keep"))
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons
    monday = pq.read_table(folder / "monday.parquet")
    assert monday.to_pylist() == [
        {**row, "host": GONE if row["host"] == ANNA else row["host"]} for row in rows.to_pylist() if row["customer"] != ANNA
    ]
    assert monday.schema.field("minutes").type == pa.int16()
    assert pq.read_table(folder / "tuesday.parquet").column("host").to_pylist() == [CARA, GONE]
    assert {each for each in made.receipt(run).mentions if each.dataset == "visits"} == {
        Mention("visits", "host", MentionAct.REPLACE, 2),
        Mention("visits", "guests", MentionAct.KEEP, 1),
        Mention("visits", "said", MentionAct.KEEP, 1),
    }


# --- crashes, and several people -----------------------------------------------------------------------


@pytest.mark.parametrize("point", ["sqlite.erase.commit:before", "sqlite.erase.commit:after", "store.erase:after"])
def test_a_crash_around_the_change_does_not_change_what_the_receipt_says(tmp_path: Path, point: str) -> None:
    sql, datasets = PLACES["tickets.assignee"]
    made = company(tmp_path, sql, *declared(datasets, "assignee: null"))
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(ANNA)]).order
        opened.plan(order)

    def doomed() -> None:
        with faults.arm(point, "kill", 1), made.open() as opened:
            opened.apply(order)

    assert in_child(doomed).killed_by == 9
    with made.open() as opened:
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.receipt(run).mentions == (Mention("tickets", "assignee", MentionAct.NULL, 2),)
    assert made.run("SELECT customer, assignee FROM tickets ORDER BY n") == [(BELA, None), (CARA, None)]


def test_people_who_leave_together_do_not_count_as_others_to_one_another(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}")
    with made.open() as opened:
        order = opened.order_erase([opened.resolve(name) for name in (ANNA, BELA)]).order
        opened.plan(order)
        run = opened.apply(order)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT id, referred_by FROM customers") == [(CARA, None)]
    assert [made.receipt(run, number).mentions for number in (1, 2)] == [(), (Mention("customers", "referred_by", MentionAct.NULL, 1),)]


def test_a_store_that_folds_case_finds_the_identifier_in_another_spelling(tmp_path: Path) -> None:
    sql = CUSTOMERS.replace("referred_by TEXT", "referred_by TEXT COLLATE NOCASE").replace(f"'{ANNA}', NULL)", f"'{ANNA.upper()}', NULL)")
    made = company(tmp_path, sql, f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}")
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.run("SELECT referred_by FROM customers ORDER BY id") == [(None,), (BELA,)]


def test_a_longer_identifier_that_begins_alike_is_another_persons(tmp_path: Path) -> None:
    sql = CUSTOMERS.replace(f"later', '{ANNA}'", "later', NULL").replace(BELA, f"{ANNA}2")
    made = company(tmp_path, sql, f"{CUSTOMERS_SET}}}")
    run = made.erase(ANNA)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.receipt(run).mentions == ()
    assert made.run("SELECT id, referred_by FROM customers ORDER BY id") == [(f"{ANNA}2", None), (CARA, f"{ANNA}2")]


def test_no_row_is_changed_while_a_hold_keeps_rows_of_the_dataset(tmp_path: Path) -> None:
    sql, datasets = PLACES["tickets.assignee"]
    made = company(tmp_path, sql, *declared(datasets, "assignee: null"))
    until = clock.now() + timedelta(days=9)
    with made.open() as opened:
        hold = opened.holds.place(opened.resolve(BELA), "tickets", ground="matter 7", authority="court", until=until).id
    before = made.run(f"SELECT * FROM tickets WHERE customer <> '{ANNA}'")
    run = made.erase(ANNA)
    assert any("a hold keeps rows" in reason for reason in run.reasons)
    assert made.run("SELECT * FROM tickets") == before
    with made.open() as opened:
        opened.holds.end(hold, "closed")
    assert made.again(run).state is OrderState.FULFILLED
    assert made.found(ANNA) == []


def test_a_column_that_the_schema_itself_empties_needs_no_rule(tmp_path: Path) -> None:
    sql = CUSTOMERS.replace("referred_by TEXT", "referred_by TEXT REFERENCES customers (id) ON DELETE SET NULL")
    made = company(tmp_path, sql, f"{CUSTOMERS_SET}}}")
    assert not [mend for mend in mends(made) if "mentions" in mend]
    assert made.erase(ANNA).state is OrderState.FULFILLED
    assert made.run("SELECT referred_by FROM customers ORDER BY id") == [(None,), (BELA,)]


def test_a_number_of_another_kind_of_person_is_not_changed(tmp_path: Path) -> None:
    sql = NUMBERED.replace("seller INTEGER REFERENCES customers (id)", "seller INTEGER, clerk INTEGER REFERENCES clerks (id)")
    sql = sql.replace("8, 7, 8)", "8, 7, 8, 7)").replace("3, 7)", "3, 7, 9)").replace("1, 8)", "1, 8, 9)")
    sql += (
        "CREATE TABLE clerks (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT); INSERT INTO clerks VALUES (7, 'C', NULL), (9, 'D', NULL);"
    )
    clerks = "clerks: {store: app, table: clerks, subject: {clerk: id}, retention: life}"
    made = company(tmp_path, sql, f"{CUSTOMERS_SET}}}")
    made.declare(f"{CUSTOMERS_SET}}}", clerks, *declared((ORDERS,), "seller: null, clerk: null"))
    made.map.write_text(made.map.read_text().replace("  customer: {dataset", "  clerk: {dataset: clerks, key: id}\n  customer: {dataset"))
    made.erase("customer:7")
    assert made.run("SELECT customer, seller, clerk FROM orders ORDER BY n") == [(8, 8, 7), (8, 7, 9)]
    made.erase("clerk:7")
    assert made.run("SELECT customer, seller, clerk FROM orders ORDER BY n") == [(8, 8, None), (8, 7, 9)]
