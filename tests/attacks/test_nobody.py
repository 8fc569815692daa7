"""Rows about nobody: a value that living people have as well is theirs, and the person's own is not, whoever took the name off."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.evidence.receipt import SharedValues
from expunge.core.orders.run import Run
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from tests.attacks.mention_company import ANNA, BELA, CARA, CUSTOMERS, CUSTOMERS_SET, MentionCompany, company

HEALTH = "GET /health answered in time"
OWN = "the purple hedgehog sleeps under the piano"
LINES = ((ANNA, HEALTH), (ANNA, OWN), (BELA, HEALTH), (CARA, "the tangerine umbrella brigade"), (None, HEALTH), ("", HEALTH))
STAYING = {
    "own text": (None, OWN),
    "own text in a longer value": (None, f"{HEALTH}: {OWN}"),
    "identifier": (None, f"said by {ANNA}"),
}
Line = tuple[str | None, str]


def _table(lines: Sequence[Line]) -> str:
    rows = ", ".join(f"({n}, {'NULL' if who is None else repr(who)}, '{text}')" for n, (who, text) in enumerate(lines))
    return f"CREATE TABLE logs (n INTEGER PRIMARY KEY, customer TEXT, msg TEXT); INSERT INTO logs VALUES {rows};"


def _json_lines(lines: Sequence[Line]) -> bytes:
    return b"".join(json.dumps({"n": n, "customer": who, "msg": text}).encode() + b"\n" for n, (who, text) in enumerate(lines))


def _csv(lines: Sequence[Line]) -> bytes:
    out = io.StringIO()
    written = csv.writer(out)
    written.writerow(("n", "customer", "msg"))
    written.writerows((n, who or "", text) for n, (who, text) in enumerate(lines))
    return out.getvalue().encode()


def logs(folder: Path, store: str, *more: Line, server: str = "") -> MentionCompany:
    """A company whose logs lie in a kind of store."""
    lines = (*LINES, *more)
    sql = CUSTOMERS + (_table(lines) if store in {"sqlite", "postgres"} else "")
    declared = {
        "sqlite": "store: app, table: logs",
        "postgres": "store: app, table: logs",
        "parquet": 'store: lake, path: "logs/{part}.parquet"',
        "json lines": 'store: lake, path: "logs/{part}.jsonl.gz", format: jsonl',
        "csv": 'store: lake, path: "logs/{part}.csv", format: csv',
    }
    logs_set = f"logs: {{{declared[store]}, subject: {{customer: customer}}, retention: life}}"
    made = company(
        folder / "home",
        sql,
        f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}",
        logs_set,
        server=server,
        lake=store not in {"sqlite", "postgres"},
    )
    place = made.folder / "world" / "lake" / "logs"
    place.mkdir()
    if store == "parquet":
        columns = {"n": list(range(len(lines))), "customer": [who for who, _ in lines], "msg": [text for _, text in lines]}
        pq.write_table(pa.table(columns), place / "p.parquet")
    elif store == "json lines":
        (place / "p.jsonl.gz").write_bytes(gzip.compress(_json_lines(lines)))
    elif store == "csv":
        (place / "p.csv").write_bytes(_csv(lines))
    if store in {"csv", "json lines"}:
        made.map.write_text(made.map.read_text().replace("kind: parquet, url: ./world/lake", "kind: files, url: ./world/lake"))
    return made


STORES = ("sqlite", "json lines", "csv", "parquet")


def ended(run: Run) -> tuple[OrderState, tuple[str, ...]]:
    return run.state, run.reasons


@pytest.mark.parametrize("store", STORES)
def test_a_row_without_a_subject_may_have_what_a_living_person_has_as_well(tmp_path: Path, store: str) -> None:
    home = logs(tmp_path, store)
    assert ended(home.erase(f"customer:{ANNA}")) == (OrderState.FULFILLED, ())
    assert home.found(ANNA) == []


@pytest.mark.parametrize("store", [STORES[0], *(pytest.param(each, marks=pytest.mark.soak) for each in STORES[1:])])
@pytest.mark.parametrize("more", STAYING.values(), ids=STAYING)
def test_the_persons_own_text_in_a_row_without_a_subject_is_residue(tmp_path: Path, store: str, more: Line) -> None:
    home = logs(tmp_path, store, more)
    assert home.erase(f"customer:{ANNA}").state is OrderState.IN_PART


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize(
    ("left", "state"),
    [({"path": HEALTH, "n": 9}, OrderState.FULFILLED), ({"path": HEALTH, "own": OWN}, OrderState.IN_PART)],
    ids=["shared", "own text"],
)
def test_a_string_of_a_document_in_a_row_without_a_subject_is_a_value(
    tmp_path: Path, coded: bool, left: dict[str, object], state: OrderState
) -> None:
    own: Sequence[tuple[str | None, dict[str, object]]] = (
        (ANNA, {"path": HEALTH, "own": OWN, "n": 1}),
        (BELA, {"path": HEALTH, "n": 2}),
        (None, left),
    )
    texts = [(who, json.dumps(said)) for who, said in own]
    lines = [(who, base64.b64encode(text.encode()).decode() if coded else text) for who, text in texts]
    logs_set = "logs: {store: app, table: logs, subject: {customer: customer}, retention: life}"
    made = company(tmp_path / "home", CUSTOMERS + _table(lines), f"{CUSTOMERS_SET}, mentions: {{referred_by: null}}}}", logs_set)
    run = made.erase(f"customer:{ANNA}")
    assert run.state is state, run.reasons


# --- reference data ---------------------------------------------------------------------------------

CITIES = f"""
ALTER TABLE customers ADD COLUMN city TEXT;
UPDATE customers SET referred_by = NULL, city = 'Reykjavik' WHERE id IN ('{ANNA}', '{BELA}');
CREATE TABLE cities (name TEXT PRIMARY KEY, country TEXT);
CREATE INDEX cities_by_name ON cities (name);
INSERT INTO cities VALUES ('Reykjavik', 'IS'), ('Hammerfest', 'NO'), ('Alexandroupoli', 'GR');
"""
PLAIN = "cities: {store: app, table: cities, about: nobody}"
LISTED = "cities: {store: app, table: cities, about: nobody, vocabulary: {name: {customers: city}}}"
MOVED = f"UPDATE customers SET city = 'Oslo in Norway' WHERE id = '{BELA}';"
BY_THE_SEA = "INSERT INTO cities VALUES ('SAND by  the Sea', 'GR');"


def cities(folder: Path, declared: str, more: str = "") -> MentionCompany:
    return company(folder / "home", CUSTOMERS + CITIES + more, CUSTOMERS_SET + "}", *([declared] if declared else []))


@pytest.mark.parametrize(
    ("declared", "more", "state"),
    [
        (PLAIN, "", OrderState.FULFILLED),
        ("", "", OrderState.IN_PART),
        (PLAIN, f"UPDATE customers SET city = 'Hammerfest' WHERE id = '{ANNA}';", OrderState.IN_PART),
        (LISTED, f"UPDATE customers SET city = 'Hammerfest' WHERE id = '{ANNA}';", OrderState.FULFILLED),
        (PLAIN, f"UPDATE customers SET city = 'reykjavik' WHERE id = '{BELA}';", OrderState.FULFILLED),
        (PLAIN, "UPDATE customers SET city = 'REYKJAVIK' WHERE city = 'Reykjavik';", OrderState.FULFILLED),
        (PLAIN, f"UPDATE customers SET city = 'reykjavik' WHERE id = '{ANNA}'; {MOVED}", OrderState.IN_PART),
        (PLAIN, "UPDATE customers SET city = 'UmV5a2phdmlr' WHERE city = 'Reykjavik';", OrderState.FULFILLED),
        (PLAIN, f"UPDATE customers SET city = 'UmV5a2phdmlr' WHERE city = 'Reykjavik'; {MOVED}", OrderState.IN_PART),
        (
            PLAIN,
            f"UPDATE customers SET city = 'Sand by the &#83;ea' WHERE city = 'Reykjavik'; {BY_THE_SEA}",
            OrderState.FULFILLED,
        ),
        (LISTED, "INSERT INTO cities VALUES ('Anna the first of all customers', 'copied from her name');", OrderState.IN_PART),
        (LISTED, "INSERT INTO cities VALUES ('Reykjavik, where Anna lives', 'IS');", OrderState.IN_PART),
        (LISTED, f"INSERT INTO cities VALUES ('{ANNA}', 'IS');", OrderState.IN_PART),
        (LISTED, f"INSERT INTO cities VALUES ('{ANNA.upper()}', 'IS');", OrderState.IN_PART),
    ],
    ids=[
        "a neighbour's",
        "undeclared",
        "nobody else's",
        "listed",
        "a neighbour's in small letters",
        "two neighbours' in capitals",
        "nobody else's in small letters",
        "a neighbour's in base64",
        "nobody else's in base64",
        "a neighbour's with entities",
        "name",
        "longer",
        "identifier",
        "spelling",
    ],
)
def test_reference_data_has_a_value_as_a_whole_that_is_also_somebody_elses_or_none(
    tmp_path: Path, declared: str, more: str, state: OrderState
) -> None:
    home = cities(tmp_path, declared, more)
    run = home.erase(f"customer:{ANNA}")
    assert run.state is state, run.reasons
    shared = home.receipt(run).shared_values
    assert shared == ((SharedValues("cities", "app", 1),) if state is OrderState.FULFILLED else shared)


@pytest.mark.parametrize(
    ("declared", "more", "told"),
    [
        (LISTED, "", ""),
        ("", "", "cities: {store: app, table: cities, about: nobody}"),
        (LISTED.replace("name:", "town:"), "", "no row has a text in town"),
        (LISTED.replace("city", "town"), "", "no row of customers has a text in town"),
        (
            LISTED.replace("name:", "country:"),
            "INSERT INTO cities VALUES ('Akureyri', 'IS');",
            "values that stand in more than one row: 1",
        ),
        (LISTED, f"INSERT INTO cities VALUES ('{'long ' * 10}', 'IS');", "name: values of more than 32 bytes, which explain nothing: 1"),
        (PLAIN, f"INSERT INTO cities VALUES ('{BELA}', 'IS');", "name names people, so that it is not about nobody"),
    ],
)
def test_check_holds_reference_data_against_what_the_map_says(tmp_path: Path, declared: str, more: str, told: str) -> None:
    home = cities(tmp_path, declared, more)
    with home.open() as opened:
        found = [f"{each.what}; {each.mend}" for each in opened.check() if "cities" in each.where or "cities" in each.what]
    assert len(found) == bool(told)
    assert all(told in each for each in found)


def test_the_receipt_says_that_rows_without_a_subject_still_hold_the_persons_own(tmp_path: Path) -> None:
    home = logs(tmp_path, "sqlite", (None, OWN))
    details = {each.dataset: each.detail for each in home.receipt(home.erase(f"customer:{ANNA}")).datasets}
    assert "rows of logs that name nobody" in details["logs"]


@pytest.mark.soak
@pytest.mark.parametrize(("more", "state"), [((), OrderState.FULFILLED), (((None, OWN),), OrderState.IN_PART)], ids=["shared", "own text"])
def test_on_a_server_rows_without_a_subject_are_told_apart_as_well(
    tmp_path: Path, database: str, more: Sequence[Line], state: OrderState
) -> None:
    home = logs(tmp_path, "postgres", *more, server=database)
    run = home.erase(f"customer:{ANNA}")
    assert run.state is state, run.reasons


AGGREGATE = (
    "cities: {store: app, table: cities, retention: life, aggregate: {reason: counts of people by city, safeguards: small groups are left"
    " out, prohibition: the business forbids trying it, release: it never leaves the house, no_attempt: nobody here ever tries}}"
)


@pytest.mark.soak
def test_an_aggregate_has_what_a_living_person_has_as_well(tmp_path: Path) -> None:
    assert ended(cities(tmp_path, AGGREGATE).erase(f"customer:{ANNA}")) == (OrderState.FULFILLED, ())


# --- placeholders -----------------------------------------------------------------------------------

PLACEHOLDERS = ("deleted-user", "0", "cus-of1N0B0dy9Z")
SOAKED = [STORES[0], STORES[1], *(pytest.param(each, marks=pytest.mark.soak) for each in STORES[2:])]


@pytest.mark.parametrize("store", SOAKED)
def test_the_persons_own_text_in_rows_of_a_placeholder_is_residue(tmp_path: Path, store: str) -> None:
    home = logs(tmp_path, store, *((each, OWN) for each in PLACEHOLDERS))
    assert home.erase(f"customer:{ANNA}").state is OrderState.IN_PART


@pytest.mark.parametrize("store", SOAKED)
def test_rows_of_a_placeholder_may_have_what_a_living_person_has_as_well(tmp_path: Path, store: str) -> None:
    home = logs(tmp_path, store, *((each, HEALTH) for each in PLACEHOLDERS))
    assert ended(home.erase(f"customer:{ANNA}")) == (OrderState.FULFILLED, ())


@pytest.mark.parametrize("who", [BELA, pytest.param(BELA.upper(), marks=pytest.mark.soak)], ids=["key", "in capitals"])
def test_a_row_of_a_person_who_is_there_explains_as_before(tmp_path: Path, who: str) -> None:
    home = logs(tmp_path, "sqlite", (who, f"{HEALTH}: {OWN}"))
    _compare_in_any_case(home)
    assert ended(home.erase(f"customer:{ANNA}")) == (OrderState.FULFILLED, ())


def _compare_in_any_case(home: MentionCompany) -> None:
    said = home.map.read_text()
    home.map.write_text(said.replace("customers, key: id}", "customers, key: id, compare: {id: {case: fold}}}"))


@pytest.mark.soak
def test_rows_are_not_judged_while_the_list_of_people_is_away(tmp_path: Path) -> None:
    home = logs(tmp_path, "csv", ("deleted-user", HEALTH))
    with home.open() as opened:
        order = opened.order_erase([opened.resolve(f"customer:{ANNA}")]).order
        opened.plan(order)
    away = home.database.rename(home.database.with_suffix(".away"))
    with home.open() as opened:
        run = opened.apply(order)
    assert ended(run) == (OrderState.IN_PART, ("customers: unreachable", "logs: unreachable"))
    away.rename(home.database)
    assert ended(home.again(run)) == (OrderState.FULFILLED, ())


@pytest.mark.soak
@pytest.mark.parametrize(("text", "residue"), [(HEALTH, False), (OWN, True)], ids=["shared", "own text"])
def test_on_a_server_placeholders_name_nobody_as_well(tmp_path: Path, database: str, text: str, residue: bool) -> None:
    run = logs(tmp_path, "postgres", *((each, text) for each in PLACEHOLDERS), server=database).erase(f"customer:{ANNA}")
    assert any("residue found" in each for each in run.reasons) is residue, run.reasons


@pytest.mark.parametrize("store", [STORES[0], *(pytest.param(each, marks=pytest.mark.soak) for each in STORES[1:])])
def test_check_counts_rows_of_a_placeholder(tmp_path: Path, store: str) -> None:
    home = logs(tmp_path, store, *((each, HEALTH) for each in PLACEHOLDERS))
    with home.open() as opened:
        found = [each for each in opened.check() if each.kind is FindingKind.NOTE]
    assert [each.what for each in found] == [
        "3 items of logs name a subject that is not in customers, and so nobody: no order reaches them"
    ]


def test_check_says_nothing_of_rows_whose_people_are_all_there(tmp_path: Path) -> None:
    home = logs(tmp_path, "sqlite", (BELA.upper(), HEALTH))
    _compare_in_any_case(home)
    with home.open() as opened:
        assert not [each for each in opened.check() if each.kind is FindingKind.NOTE]


@pytest.mark.soak
def test_check_prints_the_line_for_a_list_on_a_server_too(tmp_path: Path, database: str) -> None:
    lists = f"{CITIES} CREATE SCHEMA stock; CREATE TABLE stock.parts (label text); INSERT INTO stock.parts VALUES ('bolt'), ('nut');"
    told = "CREATE TABLE told (said text); INSERT INTO told VALUES ('once'), ('once');"
    home = company(tmp_path / "home", CUSTOMERS + lists + told, CUSTOMERS_SET + "}", server=database)
    with home.open() as opened:
        mends = {each.where: each.mend for each in opened.check() if each.kind is FindingKind.UNDECLARED}
    assert "`cities: {store: app, table: cities, about: nobody}`" in mends["app: cities"]
    assert "`parts: {store: app, table: stock.parts, about: nobody}`" in mends["app: stock.parts"]
    assert "about: nobody" not in mends["app: told"]
