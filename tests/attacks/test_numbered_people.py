"""People known by a number, in tables and files that nobody declared: there the number lies in binary, and is no window of raw bytes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import MentionCompany, company

ANNA = 7
CUSTOMERS = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES (3, 'Cara who was the first of them all', NULL);
INSERT INTO customers VALUES (5, 'Bela who came along some time later', NULL);
INSERT INTO customers VALUES (7, 'Anna whom nobody should find again', NULL);
INSERT INTO customers VALUES (9, 'Dora who came as the last of them', NULL);
"""
SPARSE = CUSTOMERS.replace("(3,", "(120731,").replace("(5,", "(340559,").replace("(7,", "(558203,").replace("(9,", "(901277,")
DECLARED = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"

NAMED = {
    "values that are all customers": (CUSTOMERS, "CREATE TABLE audit (who INTEGER); INSERT INTO audit VALUES (7), (3), (5);"),
    "a row number beside": (
        CUSTOMERS,
        "CREATE TABLE audit (n INTEGER PRIMARY KEY, who INTEGER, what TEXT); INSERT INTO audit VALUES (1, 7, 'in'), (2, 3, 'out');",
    ),
    "the name of the table of people": (CUSTOMERS, "CREATE TABLE audit (customer_id BIGINT); INSERT INTO audit VALUES (7), (4000);"),
    "a number with a point": (CUSTOMERS, "CREATE TABLE audit (who DOUBLE PRECISION); INSERT INTO audit VALUES (7), (3), (5);"),
    "a number with two places": (CUSTOMERS, "CREATE TABLE audit (who NUMERIC(9, 2)); INSERT INTO audit VALUES (7), (3), (5);"),
    "a number as text": (CUSTOMERS, "CREATE TABLE audit (who TEXT); INSERT INTO audit VALUES ('7'), ('3');"),
    "a key that only customers can have": (
        SPARSE,
        "CREATE TABLE audit (which INTEGER); INSERT INTO audit VALUES (558203), (120731), (340559);",
    ),
    "a copy of the people": (
        CUSTOMERS,
        "CREATE TABLE customers_2023 (id INTEGER PRIMARY KEY, tier TEXT); INSERT INTO customers_2023 VALUES (7, 'a'), (3, 'b');",
    ),
    "a large number among others": (SPARSE, "CREATE TABLE audit (which INTEGER); INSERT INTO audit VALUES (558203), (12), (1);"),
}
NOT_NAMED = {
    "pieces": (CUSTOMERS, "CREATE TABLE orders (n INTEGER PRIMARY KEY, quantity INTEGER); INSERT INTO orders VALUES (1, 7), (2, 3);"),
    "row numbers": (
        CUSTOMERS,
        (
            "CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT);"
            "INSERT INTO towns VALUES (3, 'Pecs'), (5, 'Vac'), (7, 'Eger'), (9, 'Tata');"
        ),
    ),
    "a reference to other rows": (
        CUSTOMERS,
        (
            "CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO towns VALUES (3, 'Pecs'), (7, 'Eger');"
            "CREATE TABLE shops (n INTEGER PRIMARY KEY, place INTEGER REFERENCES towns (id)); INSERT INTO shops VALUES (1, 7), (2, 3);"
        ),
    ),
    "versions": (
        CUSTOMERS,
        "CREATE TABLE app (major INTEGER, minor INTEGER, patch INTEGER, build INTEGER); INSERT INTO app VALUES (7, 3, 5, 7);",
    ),
    "row numbers of a table that names its people": (
        CUSTOMERS,
        "CREATE TABLE customer_notes (id INTEGER PRIMARY KEY, customer_id INTEGER); INSERT INTO customer_notes VALUES (7, 3), (3, 5);",
    ),
    "values that no customer has": (CUSTOMERS, "CREATE TABLE stock (shelf INTEGER); INSERT INTO stock VALUES (7), (8), (10), (12);"),
    "the name of another table": (
        CUSTOMERS,
        (
            "CREATE TABLE towns (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE shops (n INTEGER PRIMARY KEY, town_id INTEGER);"
            "INSERT INTO shops VALUES (1, 7), (2, 3);"
        ),
    ),
}
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.soak)]


def numbered(request: pytest.FixtureRequest, folder: Path, store: str, sql: str, ignore: str = "") -> MentionCompany:
    """A company whose customers have numbers, and a table that no dataset declares."""
    server = request.getfixturevalue("database") if store == "postgres" else ""
    made = company(folder, sql, DECLARED, server=server)
    if ignore:
        made.map.write_text(f"{made.map.read_text()}ignore:\n  - {{store: app, table: {ignore}, reason: nobody is in it}}\n")
    return made


def person(sql: str) -> str:
    return "558203" if "558203" in sql else str(ANNA)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", NAMED)
def test_a_number_of_the_person_in_an_undeclared_table_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, case: str, store: str
) -> None:
    customers, more = NAMED[case]
    made = numbered(request, tmp_path, store, customers + more)
    run = made.erase(person(customers))
    column = next(name for name in ("customer_id", "who", "which", "id") if f"{name} " in more)
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if "table audit" in reason or "table customers_2023" in reason]
    assert f"{column} names the person" in why
    assert f"subject: {{customer: {column}}}" in why


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", NOT_NAMED)
def test_a_number_that_means_something_else_is_nobodys(request: pytest.FixtureRequest, tmp_path: Path, case: str, store: str) -> None:
    customers, more = NOT_NAMED[case]
    made = numbered(request, tmp_path, store, customers + more)
    run = made.erase(person(customers))
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.soak
@pytest.mark.parametrize("schema", ["kept.2023", 'with "quotes"'])
def test_a_schema_with_an_odd_name_is_looked_through_as_well(tmp_path: Path, database: str, schema: str) -> None:
    name = schema.replace('"', '""')
    sql = f'CREATE SCHEMA "{name}"; CREATE TABLE "{name}".audit (who INTEGER); INSERT INTO "{name}".audit VALUES (7), (3), (5);'
    run = company(tmp_path, CUSTOMERS + sql, DECLARED, server=database).erase(str(ANNA))
    assert run.state is OrderState.IN_PART
    assert any(f"{schema}.audit: who names the person" in reason for reason in run.reasons), run.reasons


def test_an_ignored_table_is_looked_through_as_well(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    customers, more = NAMED["a row number beside"]
    made = numbered(request, tmp_path, "sqlite", customers + more, ignore="aud*")
    assert made.erase(person(customers)).state is OrderState.IN_PART


def test_a_column_that_nobody_can_judge_is_said_and_settled_by_one_line(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    made = numbered(request, tmp_path, "sqlite", f"{CUSTOMERS} CREATE TABLE stock (shelf INTEGER); INSERT INTO stock VALUES (7), (3);")
    run = made.erase(person(CUSTOMERS))
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if "table stock" in reason]
    line = "{store: app, table: stock.shelf, reason: WHY}"
    assert "cannot tell" in why
    assert line in why
    made.map.write_text(f"{made.map.read_text()}ignore:\n  - {line}\n")
    again = made.again(run)
    assert again.state is OrderState.FULFILLED, again.reasons


def test_a_declared_column_of_an_undeclared_table_settles_a_finding(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    customers, more = NAMED["a row number beside"]
    made = numbered(request, tmp_path, "sqlite", customers + more, ignore="audit.who")
    run = made.erase(person(customers))
    assert run.state is OrderState.FULFILLED, run.reasons


def lake(folder: Path, **columns: pa.Array) -> Run:
    made = company(
        folder,
        CUSTOMERS,
        DECLARED,
        'clicks: {store: lake, path: "clicks/{day}.parquet", subject: {customer: who}, retention: life}',
        lake=True,
    )
    root = folder / "world" / "lake"
    for name, table in {
        "clicks/monday.parquet": {"who": pa.array([3, 7, 5]), "said": ["a sentence of Cara's", "a sentence of Anna's", "one of Bela's"]},
        "old/{odd} name.parquet": columns,
    }.items():
        (root / name).parent.mkdir(exist_ok=True)
        pq.write_table(pa.table(table), root / name)
    return made.erase(str(ANNA))


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.uint16(), pa.float64(), pa.float32(), pa.decimal128(9, 2)], ids=str)
def test_a_number_of_the_person_in_an_undeclared_file_of_a_lake_is_found(tmp_path: Path, kind: pa.DataType) -> None:
    run = lake(tmp_path, who=pa.array([7, 3], kind), clicks=pa.array([1, 12]))
    assert run.state is OrderState.IN_PART
    assert any("who names the person" in reason for reason in run.reasons), run.reasons


def test_a_number_in_an_undeclared_file_of_a_lake_may_mean_something_else(tmp_path: Path) -> None:
    others = {"price": pa.array([7.0, 12.5]), "embedding": pa.array([[7.0, 3.0], [5.0, 9.0]]), "fee": pa.array([7, 3], pa.decimal128(9, 2))}
    run = lake(tmp_path, quantity=pa.array([7, 3]), town=pa.array([7, 12]), **others)
    assert run.state is OrderState.FULFILLED, run.reasons


TICKETS = "tickets: {store: app, table: tickets, subject: {customer: customer_id}, retention: life"
BESIDE_THE_SUBJECT = {
    "another column of the people's own table": (
        "ALTER TABLE customers ADD COLUMN referred_by INTEGER; UPDATE customers SET referred_by = 7 WHERE id = 3;",
        "customers",
        "referred_by",
        (),
    ),
    "a row that names no subject": (
        (
            "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer_id INTEGER, opened_by INTEGER, closed_at TEXT);"
            "INSERT INTO tickets VALUES (1, NULL, 7, NULL), (2, 3, 3, NULL);"
        ),
        "tickets",
        "opened_by",
        (f"{TICKETS}}}",),
    ),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", BESIDE_THE_SUBJECT)
def test_a_number_beside_the_subject_of_a_declared_table_is_found_and_taken_out_by_a_rule(
    request: pytest.FixtureRequest, tmp_path: Path, case: str, store: str
) -> None:
    more, table, column, sets = BESIDE_THE_SUBJECT[case]
    server = request.getfixturevalue("database") if store == "postgres" else ""
    made = company(tmp_path, CUSTOMERS + more, DECLARED, *sets, server=server)
    run = made.erase(str(ANNA))
    assert run.state is OrderState.IN_PART
    line = f"mentions: {{{column}: null}}"
    assert any(f"`{line}` in {table}" in reason for reason in run.reasons), run.reasons
    text = made.map.read_text()
    place = f"table: {table}, "
    assert place in text
    made.map.write_text(text.replace(place, f"{place}{line}, "))
    again = made.again(run)
    assert again.state is OrderState.FULFILLED, again.reasons
    assert not made.run(f"SELECT 1 FROM {table} WHERE {column} = {ANNA}")


def test_a_rule_from_the_start_settles_a_number_beside_the_subject(tmp_path: Path) -> None:
    more, *_ = BESIDE_THE_SUBJECT["another column of the people's own table"]
    for act in ("null", "keep"):
        declared = DECLARED.replace("life}", f"life, mentions: {{referred_by: {act}}}}}")
        run = company(tmp_path / act, CUSTOMERS + more, declared).erase(str(ANNA))
        assert run.state is OrderState.FULFILLED, run.reasons


def test_an_amount_beside_the_subject_of_a_declared_table_is_nobodys(tmp_path: Path) -> None:
    more = (
        "CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer_id INTEGER, quantity INTEGER, shelf INTEGER, said TEXT, closed_at TEXT);"
        "INSERT INTO tickets VALUES (3, 7, 7, 7, 'a sentence of Anna', NULL), (7, 3, 7, 7, 'a sentence that Cara said', NULL);"
    )
    run = company(tmp_path, CUSTOMERS + more, DECLARED, f"{TICKETS}}}").erase(str(ANNA))
    assert run.state is OrderState.FULFILLED, run.reasons


def test_a_short_number_among_the_other_names_is_found_under_its_name(tmp_path: Path) -> None:
    numbered = "ALTER TABLE customers ADD COLUMN card INTEGER; UPDATE customers SET card = 4700 + id;"
    calls = "CREATE TABLE calls (CARD INTEGER, seconds INTEGER); INSERT INTO calls VALUES ({}, 4707);"
    for card, state in ((4707, OrderState.IN_PART), (4703, OrderState.FULFILLED)):
        made = MentionCompany(tmp_path / str(card))
        made.database.parent.mkdir(parents=True)
        made.run(CUSTOMERS + numbered + calls.format(card))
        made.declare(DECLARED)
        made.map.write_text(made.map.read_text().replace("key: id}", "key: id, also: [card]}"))
        Expunge.init(made.map)
        run = made.erase(str(ANNA))
        assert run.state is state, run.reasons


def test_a_number_in_a_table_declared_to_be_about_nobody_is_found_and_settled_by_one_line(tmp_path: Path) -> None:
    audit = "CREATE TABLE audit (who INTEGER, quantity INTEGER); INSERT INTO audit VALUES (7, 7), (3, 7);"
    made = company(tmp_path, CUSTOMERS + audit, DECLARED, "audit: {store: app, table: audit, about: nobody}")
    run = made.erase(str(ANNA))
    assert run.state is OrderState.IN_PART
    (why,) = [reason for reason in run.reasons if "table audit" in reason]
    line = "{store: app, table: audit.who, reason: WHY}"
    assert "who names the person in 1 row" in why
    assert line in why
    made.map.write_text(f"{made.map.read_text()}ignore:\n  - {line}\n")
    again = made.again(run)
    assert again.state is OrderState.FULFILLED, again.reasons


def many(*gone: int) -> str:
    """Customers who are numbered from 1 to 59, less some."""
    rows = (f"({number}, 'Customer whose word is {number * 7919 % 10007}', NULL)" for number in range(1, 60) if number not in gone)
    return f"CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT); INSERT INTO customers VALUES {', '.join(rows)};"


def things(table: str, numbers: Iterable[int], columns: str = "id INTEGER PRIMARY KEY") -> str:
    """A table of things whose first column holds some numbers."""
    rows = ", ".join(f"({number}, 'thing {at * 31}')" for at, number in enumerate(numbers))
    return f"CREATE TABLE {table} ({columns}, title TEXT); INSERT INTO {table} VALUES {rows};"


SOME, LEFT = range(1, 31), (13, 21, 40, 44)
RIDES = ", ".join(f"({number}, {number * 17 % 59 + 1}, 'a ride of length {number * 31}', NULL)" for number in SOME)
OWN_NUMBERS = {
    "a key": (many(), things("products", SOME)),
    "as many as people": (many(), things("rooms", range(1, 60))),
    "a thing that went": (many(), things("vehicles", [number for number in SOME if number != 12])),
    "the table's name": (many(), things("products", SOME, "product_id INTEGER PRIMARY KEY")),
    "the table's name in one word": (many(), things("products", SOME, "productid INTEGER PRIMARY KEY")),
    "another unique column": (many(), things("products", SOME, "product_no INTEGER NOT NULL UNIQUE")),
    "a letter's name": (many(), things("shop_products", SOME, '"productNo" INTEGER PRIMARY KEY')),
    "steps": (many(*range(2, 60, 2)), things("products", range(1, 60, 2))),
}
NOT_OWN_NUMBERS = {
    "a name after the people": (many(), things("customer_profiles", SOME), "id"),
    "a name that says people": (many(), things("profiles", SOME), "id"),
    "a foreign key": (many(), things("products", SOME, "id INTEGER PRIMARY KEY REFERENCES customers (id)"), "id"),
    "a key named after the people": (many(), things("products", SOME, "customer_id INTEGER PRIMARY KEY"), "customer_id"),
    "a key named after people": (many(), things("products", SOME, "user_id INTEGER PRIMARY KEY"), "user_id"),
    "a key of another name": (many(), things("products", SOME, "which INTEGER PRIMARY KEY"), "which"),
    "the people's gaps": (many(*LEFT), things("settings", (each for each in range(1, 60) if each not in LEFT)), "id"),
    "numbers that come again": (many(), things("events", [*SOME, 7], "id INTEGER"), "id"),
    "numbers of six digits": (SPARSE, things("settings", (120731, 340559, 558203)), "id"),
}


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", OWN_NUMBERS)
def test_the_numbers_of_a_tables_own_rows_are_nobodys(request: pytest.FixtureRequest, tmp_path: Path, case: str, store: str) -> None:
    run = about_nobody(request, tmp_path, store, "".join(OWN_NUMBERS[case]))
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("case", NOT_OWN_NUMBERS)
def test_a_key_that_more_than_its_values_ties_to_people_is_found(
    request: pytest.FixtureRequest, tmp_path: Path, case: str, store: str
) -> None:
    customers, more, column = NOT_OWN_NUMBERS[case]
    run = about_nobody(request, tmp_path, store, customers + more)
    assert run.state is OrderState.IN_PART
    assert any(f"{column} names the person" in reason for reason in run.reasons), run.reasons


def about_nobody(request: pytest.FixtureRequest, folder: Path, store: str, sql: str) -> Run:
    """An order for one customer, beside a table that is declared to be about nobody."""
    table = sql.rpartition("CREATE TABLE ")[2].partition(" ")[0]
    server = request.getfixturevalue("database") if store == "postgres" else ""
    made = company(folder, sql, DECLARED, f"things: {{store: app, table: {table}, about: nobody}}", server=server)
    return made.erase(person(sql))


def test_the_numbers_of_rows_whose_people_the_map_tells_are_nobodys(tmp_path: Path) -> None:
    sql = f"CREATE TABLE rides (id INTEGER PRIMARY KEY, customer_id INTEGER, note TEXT, closed_at TEXT); INSERT INTO rides VALUES {RIDES};"
    rides = "rides: {store: app, table: rides, subject: {customer: customer_id}, retention: life}"
    run = company(tmp_path, many() + sql, DECLARED, rides).erase(str(ANNA))
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("table", ["customer_profiles", "settings"])
def test_a_table_that_nobody_declared_is_told_by_its_numbers(tmp_path: Path, table: str) -> None:
    run = company(tmp_path, many() + things(table, range(1, 60)), DECLARED).erase(str(ANNA))
    assert run.state is OrderState.IN_PART
    assert any("id names the person in 1 row" in reason for reason in run.reasons), run.reasons
