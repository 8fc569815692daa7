"""Rows too short for a window: join tables of small integers, flags, ids of a few digits. Every byte of their files is accounted for."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from expunge.core.datamap.datamap import Dataset
from expunge.core.evidence.receipt import DatasetEntry, Result, ScanVerdict
from expunge.core.orders.run import Run
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Outcome
from expunge.stores.sqlite.store import Sqlite
from tests.attacks.mention_company import CUSTOMERS_SET, MentionCompany, company

PERSON = 207
"""The key of the person: three digits."""
CUSTOMERS = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, closed_at TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
INSERT INTO customers SELECT i + 100, 'Customer called number ' || (i * 7919), NULL FROM n;
"""
FILL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
ENROLMENTS = f"""
CREATE TABLE enrolments (customer_id INTEGER, course_id INTEGER);
{FILL} INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 FROM n;
"""
ENROLMENTS_SET = "enrolments: {store: app, table: enrolments, subject: {customer: customer_id}, retention: life}"
INDEXES = """
CREATE INDEX by_customer ON enrolments (customer_id);
CREATE INDEX by_both ON enrolments (course_id, customer_id);
"""
TWINS = {
    "a table with rowids": ENROLMENTS,
    "with indexes": ENROLMENTS + INDEXES,
    "without rowids": f"""
        CREATE TABLE enrolments (customer_id INTEGER, course_id INTEGER, PRIMARY KEY (customer_id, course_id)) WITHOUT ROWID;
        {FILL} INSERT OR IGNORE INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 FROM n;
        CREATE INDEX by_course ON enrolments (course_id);""",
    "flags": f"""
        CREATE TABLE enrolments (customer_id INTEGER PRIMARY KEY, agreed INTEGER, plan TEXT);
        {FILL} INSERT OR IGNORE INTO enrolments SELECT i % 300 + 101, i % 2, CASE i % 3 WHEN 0 THEN 'free' END FROM n;""",
    "a column that came later": f"""
        {ENROLMENTS} ALTER TABLE enrolments ADD COLUMN active INTEGER NOT NULL DEFAULT 1;
        CREATE INDEX by_active ON enrolments (active);""",
    "an index on an expression": f"""
        {ENROLMENTS} CREATE INDEX by_sum ON enrolments (customer_id * 1000 + course_id DESC, substr(course_id, 1, 1) || ',' /* a, b */);""",
    "expressions without rowids": f"""
        CREATE TABLE enrolments (customer_id INTEGER, course_id INTEGER, PRIMARY KEY (customer_id, course_id)) WITHOUT ROWID;
        {FILL} INSERT OR IGNORE INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 FROM n;
        CREATE INDEX by_sum ON enrolments (customer_id * 1000 + course_id);""",
    "a generated column": f"""
        CREATE TABLE enrolments (customer_id INTEGER, course_id INTEGER, code INTEGER AS (customer_id * 7 + course_id) VIRTUAL);
        {FILL} INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, i % 37 FROM n; CREATE INDEX by_code ON enrolments (code);""",
    "a full-text index": f"""
        CREATE TABLE enrolments (n INTEGER PRIMARY KEY, customer_id INTEGER, code TEXT);
        {FILL} INSERT INTO enrolments SELECT NULL, (i * 7919) % 300 + 101, 'c' || (i % 37) || ' x' FROM n;
        CREATE VIRTUAL TABLE words USING fts5(code, content='enrolments', content_rowid='n', prefix='2');
        INSERT INTO words (words) VALUES ('rebuild');
        CREATE TRIGGER words_out AFTER DELETE ON enrolments BEGIN
          INSERT INTO words (words, rowid, code) VALUES ('delete', OLD.n, OLD.code); END;""",
    "a full-text index without triggers": f"""
        CREATE TABLE enrolments (customer_id INTEGER, code TEXT);
        {FILL} INSERT INTO enrolments SELECT (i * 7919) % 300 + 101, 'c' || (i % 37) FROM n;
        CREATE VIRTUAL TABLE words USING fts5(code, content='enrolments'); INSERT INTO words (words) VALUES ('rebuild');""",
    "its last row": f"""
        CREATE TABLE enrolments (customer_id INTEGER, course_id INTEGER);
        CREATE INDEX by_customer ON enrolments (customer_id);
        INSERT INTO enrolments VALUES ({PERSON}, 3);""",
    "a write-ahead log": f"PRAGMA journal_mode=WAL; {ENROLMENTS} {INDEXES}",
    "a file that shrinks by itself": f"PRAGMA auto_vacuum=FULL; VACUUM; {ENROLMENTS} {INDEXES}",
}


def entry(made: MentionCompany, run: Run, name: str = "enrolments") -> DatasetEntry:
    return next(each for each in made.receipt(run).datasets if each.dataset == name)


def once_purged(patch: pytest.MonkeyPatch, kind: type[Sqlite], act: Callable[[], None]) -> None:
    """Have something happen to a store's files right after the purge: another program, a disk, a restored block."""
    purge = kind.purge

    def purged(self: Sqlite, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:
        outcome = purge(self, datasets, key)
        act()
        return outcome

    patch.setattr(kind, "purge", purged)


OFTEN = {"with indexes", "without rowids", "a write-ahead log"}


def seldom(*values: object) -> object:
    """A case for soak runs alone."""
    return pytest.param(*values, marks=pytest.mark.soak)


@pytest.mark.parametrize("twin", [each if each in OFTEN else seldom(each) for each in TWINS])
def test_a_table_of_short_values_is_accounted_for(tmp_path: Path, twin: str) -> None:
    made = company(tmp_path, CUSTOMERS + TWINS[twin], f"{CUSTOMERS_SET}}}", ENROLMENTS_SET)
    others = f"SELECT * FROM enrolments WHERE customer_id <> {PERSON} ORDER BY 1, 2"
    before = made.run(others)
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, made.receipt(run).datasets
    assert made.run(others) == before
    found = entry(made, run)
    assert found.outcome is Result.ERASED
    assert found.scan is not None
    assert found.scan.verdict is ScanVerdict.GONE
    assert found.scan.traces_usable == 0
    assert found.scan.accounted is not None
    assert found.scan.accounted.bytes >= made.database.stat().st_size


# --- raw copies of what was there ------------------------------------------------------------------


def pages(path: Path) -> list[bytes]:
    data = path.read_bytes()
    size = int.from_bytes(data[16:18], "big")
    return [data[at : at + size] for at in range(0, len(data), size)]


def hide(made: MentionCompany, put: Callable[[bytearray, int], None]) -> None:
    """Change the last leaf page of the table as it lies in the file."""
    with closing(sqlite3.connect(made.database)) as db:
        ((size,),) = db.execute("PRAGMA page_size").fetchall()
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'enrolments'").fetchone()
    with made.database.open("r+b") as file:
        file.seek((root - 1) * size)
        page = file.read(size)
        leaf = root if page[0] == 0x0D else int.from_bytes(page[8:12], "big")
        file.seek((leaf - 1) * size)
        image = bytearray(file.read(size))
        put(image, 8 + 2 * int.from_bytes(image[3:5], "big"))
        file.seek((leaf - 1) * size)
        file.write(image)


def in_a_free_block(image: bytearray, first: int) -> None:
    """The row as a free block that the page lists, as a deletion without secure_delete leaves it."""
    start = int.from_bytes(image[5:7], "big") - 40
    assert start > first
    image[1:3] = start.to_bytes(2, "big")
    image[5:7] = start.to_bytes(2, "big")
    image[start : start + 40] = b"\0\0\0\x28" + bytes(4) + bytes.fromhex("0581480302010000cf03") + bytes(22)


def in_free_space(image: bytearray, first: int) -> None:
    """The row below all cells, where a cell was that moved."""
    start = int.from_bytes(image[5:7], "big") - 64
    assert start > first
    image[start : start + 9] = bytes.fromhex("06814803020100cf03")


def in_the_last_bytes(image: bytearray, first: int) -> None:
    """Nothing of the row but the two bytes of the key, and one more."""
    start = int.from_bytes(image[5:7], "big") - 3
    assert start > first
    image[start : start + 3] = b"\0\xcf\x03"


@pytest.mark.parametrize("put", [in_a_free_block, seldom(in_free_space), seldom(in_the_last_bytes)])
def test_a_deleted_row_in_free_space_is_not_accounted_for(tmp_path: Path, put: Callable[[bytearray, int], None]) -> None:
    made = company(tmp_path, CUSTOMERS + ENROLMENTS, f"{CUSTOMERS_SET}}}", ENROLMENTS_SET)
    with pytest.MonkeyPatch.context() as patch:
        once_purged(patch, Sqlite, lambda: hide(made, put))
        run = made.erase(f"customer:{PERSON}")
        assert run.state is OrderState.IN_PART
        run = made.again(run)
    assert run.state is OrderState.IN_PART
    assert "free space" in entry(made, run).detail
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, made.receipt(run).datasets


# --- files beside the database that are named like it ----------------------------------------------


LINES = "2026-05-01 12:00:00 INFO the nightly job has ended\n" * 50
DUMP = "INSERT INTO enrolments VALUES (207, 3);\n"


def beside(tmp_path: Path, name: str, data: bytes) -> tuple[MentionCompany, Run]:
    made = company(tmp_path, CUSTOMERS + ENROLMENTS, f"{CUSTOMERS_SET}}}", ENROLMENTS_SET)
    made.database.with_name(name).write_bytes(data)
    return made, made.erase(f"customer:{PERSON}")


@pytest.mark.parametrize("name", ["app.log", seldom("app.log.1"), seldom("app-2026.log")])
def test_a_log_of_the_application_is_no_copy_of_its_database(tmp_path: Path, name: str) -> None:
    _, run = beside(tmp_path, name, LINES.encode())
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize(
    ("name", "data"),
    [("app.log", LINES + DUMP), seldom("app.sql", DUMP), seldom("app.csv", "207,3\n")],
)
def test_what_may_be_a_copy_is_named_and_ignoring_it_settles_it(tmp_path: Path, name: str, data: str) -> None:
    made, run = beside(tmp_path, name, data.encode())
    assert run.state is OrderState.IN_PART
    assert f"old version ({name})" in entry(made, run).detail
    made.map.write_text(f"{made.map.read_text()}ignore:\n  - {{store: app, path: {name}, reason: lines of the application}}\n")
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize("packed", [bytes, seldom(gzip.compress), seldom(zlib.compress)])
def test_a_database_with_another_name_is_a_copy_whatever_the_map_ignores(tmp_path: Path, packed: Callable[[bytes], bytes]) -> None:
    made = company(tmp_path, CUSTOMERS + ENROLMENTS, f"{CUSTOMERS_SET}}}", ENROLMENTS_SET)
    made.database.with_name("app.log").write_bytes(packed(made.database.read_bytes()))
    made.map.write_text(f"{made.map.read_text()}ignore:\n  - {{store: app, path: app.log, reason: lines of the application}}\n")
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert "old version (app.log)" in entry(made, run).detail


@pytest.mark.soak
def test_a_name_that_may_tell_of_a_person_is_not_given_whole(tmp_path: Path) -> None:
    made, run = beside(tmp_path, "app-for-anna.csv", b"207,3\n")
    assert run.state is OrderState.IN_PART
    assert "old version (app\N{HORIZONTAL ELLIPSIS}csv)" in entry(made, run).detail


# --- the key itself in a table that the map ignores ------------------------------------------------


def ignoring(folder: Path, table: str) -> MentionCompany:
    made = company(folder, CUSTOMERS + table, f"{CUSTOMERS_SET}}}")
    made.map.write_text(f"{made.map.read_text()}ignore:\n  - {{store: app, table: shelf*, reason: only numbers}}\n")
    return made


@pytest.mark.parametrize("columns", ["customer_id INTEGER", seldom("who INTEGER"), seldom("customer_id TEXT"), seldom("customer_id REAL")])
def test_an_ignored_table_with_the_short_key_is_a_finding(tmp_path: Path, columns: str) -> None:
    made = ignoring(tmp_path, f"CREATE TABLE shelf ({columns}, n INTEGER); INSERT INTO shelf VALUES ({PERSON}, 1), (103, 2);")
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert any("names the person in 1 row" in reason for reason in run.reasons), run.reasons


def test_a_doubt_about_an_ignored_table_is_said_and_settled_by_one_line(tmp_path: Path) -> None:
    made = ignoring(tmp_path, f"CREATE TABLE shelf (which INTEGER); INSERT INTO shelf VALUES ({PERSON}), (103);")
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    line = "{store: app, table: shelf.which, reason: WHY}"
    assert any("cannot tell" in reason and line in reason for reason in run.reasons), run.reasons
    made.map.write_text(f"{made.map.read_text()}  - {line}\n")
    run = made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons


@pytest.mark.parametrize(("column", "other"), [("quantity", 103), seldom("which", 7), seldom("shelf_no", 103)])
def test_a_number_in_an_ignored_table_may_mean_something_else(tmp_path: Path, column: str, other: int) -> None:
    made = ignoring(tmp_path, f"CREATE TABLE shelf ({column} INTEGER); INSERT INTO shelf VALUES ({PERSON}), ({other});")
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, run.reasons


# --- lists of keys in one cell of a table that no dataset declares ---------------------------------

LISTS = (
    f"101,{PERSON},103",
    f"[101, {PERSON}, 103]",
    f'{{"of": [101, {PERSON}]}}',
    f'[{{"ref": {PERSON}, "n": 3}}]',
    f"101; {PERSON};",
    f"{PERSON} 103",
)
OFTEN_LISTED = (LISTS[0], LISTS[2])


def listing(folder: Path, column: str, *cells: str, ignored: bool = False) -> MentionCompany:
    rows = ", ".join(f"('{each}')" for each in cells)
    table = f"CREATE TABLE shelf ({column} TEXT); INSERT INTO shelf VALUES {rows};"
    return ignoring(folder, table) if ignored else company(folder, CUSTOMERS + table, f"{CUSTOMERS_SET}}}")


@pytest.mark.parametrize("ignored", [False, seldom(True)])
@pytest.mark.parametrize("cell", [each if each in OFTEN_LISTED else seldom(each) for each in LISTS])
def test_a_list_with_the_short_key_is_never_silent(tmp_path: Path, cell: str, ignored: bool) -> None:
    made = listing(tmp_path, "ids", cell, "104, 105", ignored=ignored)
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert any("may name the person in 1 row" in reason and "table: shelf.ids" in reason for reason in run.reasons), run.reasons
    ignore = "" if ignored else "ignore:\n"
    made.map.write_text(f"{made.map.read_text()}{ignore}  - {{store: app, table: shelf.ids, reason: shelves}}\n")
    assert made.again(run).state is OrderState.FULFILLED


@pytest.mark.parametrize(("column", "cell"), [("customer_ids", LISTS[0]), seldom("it", f'{{"customer_id": {PERSON}, "n": 1}}')])
def test_a_list_whose_name_tells_people_is_a_finding(tmp_path: Path, column: str, cell: str) -> None:
    run = listing(tmp_path, column, cell, "7, 8").erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert any("names the person in 1 row" in reason for reason in run.reasons), run.reasons


NUMBERS = (
    ("sizes", f"101,{PERSON}"),
    ("ids", f"7,{PERSON}"),
    ("it", f'{{"width": {PERSON}, "customer_id": 103}}'),
    ("it", f"1{PERSON}, {PERSON}1"),
)


@pytest.mark.parametrize(("column", "cell"), [NUMBERS[0], NUMBERS[2], *(seldom(*each) for each in (NUMBERS[1], NUMBERS[3]))])
def test_a_list_of_other_numbers_says_nothing(tmp_path: Path, column: str, cell: str) -> None:
    run = listing(tmp_path, column, cell).erase(f"customer:{PERSON}")
    assert run.state is OrderState.FULFILLED, run.reasons


# --- rows that triggers write elsewhere while the person's rows go ---------------------------------

LOG = "CREATE TABLE log (n INTEGER, course_no INTEGER); INSERT INTO log VALUES (0, 0);"
SAYING = (
    "INSERT INTO log VALUES (OLD.customer_id, 3)",
    "INSERT INTO log VALUES (1, OLD.course_id)",
    "UPDATE log SET n = OLD.customer_id * 2",
)
COUNTING = "UPDATE log SET n = n + 1 WHERE course_no <> OLD.customer_id"


def triggering(folder: Path, act: str, *datasets: str) -> MentionCompany:
    trigger = f"CREATE TRIGGER keeps AFTER DELETE ON enrolments BEGIN {act}; END;"
    return company(folder, CUSTOMERS + ENROLMENTS + LOG + trigger, f"{CUSTOMERS_SET}}}", ENROLMENTS_SET, *datasets)


@pytest.mark.parametrize("act", [SAYING[0], *map(seldom, SAYING[1:])])
def test_a_table_is_not_accounted_for_while_triggers_write_its_rows_elsewhere(tmp_path: Path, act: str) -> None:
    made = triggering(tmp_path, act)
    run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert "keeps: log" in entry(made, run).detail
    made.map.write_text(made.map.read_text().replace("kind: ", "triggers: {keeps: counts and names nobody}, kind: ", 1))
    assert made.again(run).state is OrderState.FULFILLED


@pytest.mark.parametrize(
    ("act", "datasets"),
    [(COUNTING, ()), seldom(SAYING[0], ("log: {store: app, table: log, subject: {customer: n}, retention: life}",))],
)
def test_triggers_that_count_or_write_declared_rows_are_no_reason(tmp_path: Path, act: str, datasets: tuple[str, ...]) -> None:
    made = triggering(tmp_path, act, *datasets)
    run = made.erase(f"customer:{PERSON}")
    run = run if run.state is OrderState.FULFILLED else made.again(run)
    assert run.state is OrderState.FULFILLED, run.reasons
    assert entry(made, run).scan is not None


# --- words of rows that are gone -------------------------------------------------------------------


@pytest.mark.soak
def test_a_word_of_a_row_that_is_gone_is_not_accounted_for(tmp_path: Path) -> None:
    made = company(tmp_path, CUSTOMERS + TWINS["a full-text index without triggers"], f"{CUSTOMERS_SET}}}", ENROLMENTS_SET)

    def leave() -> None:
        with closing(sqlite3.connect(made.database, isolation_level=None)) as db:
            db.executescript(
                "PRAGMA secure_delete = ON; INSERT INTO enrolments (rowid, customer_id, code) VALUES (9999, 103, 'q7');"
                "INSERT INTO words (rowid, code) VALUES (9999, 'q7'); DELETE FROM enrolments WHERE rowid = 9999; VACUUM;"
            )

    with pytest.MonkeyPatch.context() as patch:
        once_purged(patch, Sqlite, leave)
        run = made.erase(f"customer:{PERSON}")
    assert run.state is OrderState.IN_PART
    assert "(full-text index)" in entry(made, run).detail
    assert made.again(run).state is OrderState.FULFILLED
