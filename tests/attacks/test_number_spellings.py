"""People known by a whole number that some places write with zeros after its point, as columns with missing values and fixed scales do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge import survey
from expunge.bootstrap import Expunge
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.errors import NotResolved
from expunge.gate import GateReason, Subject
from tests.attacks.mention_company import MentionCompany

OF_ANNA = ("a walnut tree behind the old mill", "the purple hedgehog sleeps in there")
OF_OTHERS = (
    "seven lighthouse keepers at dawn",
    "cinnamon toast for the captain",
    "four moons above the harbour",
    "a letter without a sender",
)
PEOPLE = """
CREATE TABLE customers (id {type} PRIMARY KEY, name TEXT, closed_at TEXT);
INSERT INTO customers VALUES ({anna}, 'Anna whom nobody should find again', NULL), ({bela}, 'Bela who came along some time later', NULL);
"""
NUMBERED = PEOPLE.format(type="INTEGER", anna=7, bela=70)
CUSTOMERS = "customers: {store: app, table: customers, subject: {customer: id}, retention: life}"
NOTES = "notes: {{store: app, table: notes, subject: {{customer: {field}}}, retention: life}}"


def told(*keys: object) -> list[tuple[object, str]]:
    """Rows of Anna under her key, twice, and of others under keys that look alike."""
    anna, again, *others = keys
    return [(anna, OF_ANNA[0]), *zip(others, OF_OTHERS, strict=False), (again, OF_ANNA[1])]


def table(folder: Path, rows: list[tuple[object, str]], kind: pa.DataType) -> None:
    pq.write_table(pa.table({"who": pa.array([who for who, _ in rows], kind), "said": [said for _, said in rows]}), folder / "c.parquet")


def csv(folder: Path) -> None:
    rows = told("7.0", "7.00", "70.0", "7.5", "17.0", "")
    (folder / "c.csv").write_text("who,said\n" + "".join(f"{who},{said}\n" for who, said in rows))


def jsonl(folder: Path) -> None:
    lines = (json.dumps({"who": who, "said": said}) for who, said in told(7.0, "7.0", 70.0, 7.5, "17.0", None))
    (folder / "c.jsonl").write_text("".join(f"{line}\n" for line in lines))


def floats(folder: Path) -> None:
    table(folder, told(7.0, 7.0, 70.0, 7.5, 17.0, None), pa.float64())


def decimals(folder: Path) -> None:
    numbers = told(*(each if each is None else Decimal(each) for each in ("7", "7", "70", "7.5", "17", None)))
    table(folder, numbers, pa.decimal128(10, 2))


def numerals(folder: Path) -> None:
    table(folder, told("7.0", "7.00", "70.0", "7.5", "007", None), pa.string())


FILES: dict[str, tuple[str, str, Callable[[Path], None]]] = {
    "csv": ("files", "path: c.csv, format: csv", csv),
    "jsonl": ("files", "path: c.jsonl, format: jsonl", jsonl),
    "parquet with missing values": ("parquet", "path: c.parquet", floats),
    "parquet of a fixed scale": ("parquet", "path: c.parquet", decimals),
    "parquet of texts": ("parquet", "path: c.parquet", numerals),
}


def quick(cases: Iterable[str], *first: str) -> list[object]:
    return [case if case in first else pytest.param(case, marks=pytest.mark.soak) for case in cases]


def built(
    folder: Path, sql: str, *datasets: str, server: str = "", kind: str = "", write: Callable[[Path], None] | None = None
) -> MentionCompany:
    made = MentionCompany(folder, server, bool(kind))
    lake = made.database.parent / "lake"
    lake.mkdir(parents=True)
    made.run(sql)
    if write is not None:
        write(lake)
    made.declare(*datasets)
    made.map.write_text(made.map.read_text().replace("kind: parquet", f"kind: {kind}"))
    Expunge.init(made.map)
    return made


def gone(made: MentionCompany, name: str = "customer:7") -> None:
    run = made.erase(name)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert made.found(*OF_ANNA) == []


@pytest.mark.parametrize("case", quick(FILES, "csv", "parquet of a fixed scale"))
def test_a_file_that_writes_the_key_with_zeros_loses_the_persons_records(tmp_path: Path, case: str) -> None:
    kind, place, write = FILES[case]
    events = f"events: {{store: lake, {place}, subject: {{customer: who}}, retention: life}}"
    made = built(tmp_path / "home", NUMBERED, CUSTOMERS, events, kind=kind, write=write)
    gone(made)
    (path,) = (made.database.parent / "lake").glob("c.*")
    if path.suffix == ".parquet":
        assert pq.read_table(path).column("said").to_pylist() == list(OF_OTHERS)
    else:
        assert all(said in path.read_text() for said in OF_OTHERS)


TABLES = {
    "text": ("who TEXT", ("'7.0'", "'7.00'", "'70.0'", "'7.5'", "'007'", "NULL"), "who"),
    "indexed text": ("who TEXT", ("'7.0'", "'7.00'", "'70.0'", "'7.5'", "'007'", "NULL"), "who"),
    "any": ("who", ("7.0", "'7.00'", "70.0", "7.5", "'17.0'", "NULL"), "who"),
    "json": (
        "doc TEXT",
        *(("""'{"who": 7.0}'""", """'{"who": "7.0"}'""", """'{"who": 70.0}'""", """'{"who": 7.5}'""", "'{}'", "NULL"), "doc.who"),
    ),
}
SERVED = {
    "numeric": ("who NUMERIC(9, 2)", ("7", "7.00", "70", "7.5", "17", "NULL"), "who"),
    "indexed numeric": ("who NUMERIC(9, 2)", ("7", "7.00", "70", "7.5", "17", "NULL"), "who"),
    "real": ("who DOUBLE PRECISION", ("7", "7.00", "70", "7.5", "17", "NULL"), "who"),
    "text": ("who TEXT", ("'7.0'", "'7.00'", "'70.0'", "'7.5'", "'007'", "NULL"), "who"),
    "json": (
        "doc JSONB",
        ("""'{"who": 7.0}'""", """'{"who": "7.0"}'""", """'{"who": 70.0}'""", """'{"who": 7.5}'""", "'{}'", "NULL"),
        "doc.who",
    ),
}


def noted(column: str, keys: tuple[str, ...], *, indexed: bool) -> str:
    rows = ", ".join(f"({who}, '{said}', {number})" for number, (who, said) in enumerate(told(*keys)))
    index = "CREATE INDEX by_who ON notes (who);" if indexed else ""
    return f"CREATE TABLE notes ({column}, said TEXT, n INTEGER PRIMARY KEY); {index} INSERT INTO notes VALUES {rows};"


def stay(made: MentionCompany) -> None:
    assert [said for (said,) in made.run("SELECT said FROM notes ORDER BY n")] == list(OF_OTHERS)


@pytest.mark.parametrize("case", quick(TABLES, "text"))
def test_a_column_that_writes_the_key_with_zeros_loses_the_persons_rows(tmp_path: Path, case: str) -> None:
    column, keys, field = TABLES[case]
    sql = NUMBERED + noted(column, keys, indexed="indexed" in case)
    made = built(tmp_path / "home", sql, CUSTOMERS, NOTES.format(field=field))
    gone(made)
    stay(made)


@pytest.mark.soak
@pytest.mark.parametrize("case", SERVED)
def test_a_column_of_a_server_that_writes_the_key_with_zeros_loses_the_persons_rows(tmp_path: Path, database: str, case: str) -> None:
    column, keys, field = SERVED[case]
    sql = NUMBERED + noted(column, keys, indexed="indexed" in case)
    made = built(tmp_path / "home", sql, CUSTOMERS, NOTES.format(field=field), server=database)
    made.erase("customer:7")
    stay(made)


def test_keys_that_differ_in_zeros_alone_are_found_by_check_and_no_name_means_them(tmp_path: Path) -> None:
    made = built(tmp_path / "home", PEOPLE.format(type="TEXT", anna="'7'", bela="'7.0'"), CUSTOMERS)
    assert any(each.kind is FindingKind.SPELLING for each in survey.check(made.map).findings)
    with pytest.raises(NotResolved, match="2 different keys"):
        made.erase("customer:7")


def test_the_gate_refuses_the_number_with_zeros_as_well(tmp_path: Path) -> None:
    made = built(tmp_path / "home", NUMBERED, CUSTOMERS)
    with made.open() as opened:
        opened.order_erase([opened.resolve("customer:7.0")])
        gate = opened.gate()
        assert gate.may_use(Subject("customer", "7.00"), "training").reason is GateReason.SUPPRESSED
        assert gate.may_use(Subject("customer", "70.0"), "training")
        assert list(gate.allowed(["7.0", "70.0", "7.5", "7"], None, "customer", "training").rows) == ["70.0", "7.5"]
