"""Places in SQLite files lead to the row that lies there, and to no other."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive, SchemaPlace, SomeRow
from expunge.residue.placing.reader import NoRows, open_reader
from tests.residue.placing.sqlite_places import explained, mark, named, places, rows_with, wrong

PAGES = [512, 1024, 4096, 65536]


def database(path: Path, page: int = 4096, vacuum: int = 0, encoding: str = "UTF-8") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in (f"encoding = '{encoding}'", f"page_size = {page}", f"auto_vacuum = {vacuum}", "secure_delete = 0", "synchronous = OFF"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def many(connection: sqlite3.Connection, sql: str, rows: list[tuple[object, ...]]) -> None:
    inside = connection.in_transaction
    if not inside:
        connection.execute("BEGIN")
    connection.executemany(sql, rows)
    if not inside:
        connection.execute("COMMIT")


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("vacuum", [0, 1, 2])
def test_every_place_of_a_live_value_leads_to_its_row(tmp_path: Path, page: int, vacuum: int) -> None:
    path = tmp_path / "app.db"
    numbers = random.Random(page)
    with closing(database(path, page, vacuum)) as connection:
        connection.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, note TEXT, data BLOB)")
        connection.execute("CREATE INDEX by_name ON people (name)")
        connection.execute("CREATE INDEX by_note ON people (note DESC, name) WHERE note IS NOT NULL")
        connection.execute("CREATE TABLE plain (a, b, c, d, e)")
        connection.execute("BEGIN")
        for number in range(600):
            long = mark(number) + "." * numbers.choice([0, 20, 300, page, 3 * page]) + mark(number)
            rowid = numbers.choice([number, -number - 1, (1 << 62) + number])
            connection.execute("INSERT INTO people VALUES (?, ?, ?, ?)", (rowid, mark(number), long, long.encode()))
            connection.execute("INSERT INTO plain VALUES (?, NULL, 1, ?, 2.5)", (number, mark(10_000 + number)))
        connection.execute("COMMIT")
        truth = {table: rows_with(connection, table) for table in ("people", "plain")}
    answers = explained(path)
    assert not wrong(answers, truth)
    assert named(answers) == {(table, held) for table, rows in truth.items() for held in rows}
    # splits leave stale copies of rows in free space; nothing else stays untold
    assert {lying for _, _, lying in answers if not isinstance(lying, LiveRows)} <= {NothingLive("free space")}


@pytest.mark.parametrize("page", PAGES)
def test_after_vacuum_places_are_live(tmp_path: Path, page: int) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, page)) as connection:
        connection.execute("CREATE TABLE t (a TEXT, b TEXT)")
        connection.execute("CREATE INDEX i ON t (b)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(mark(n), mark(n) + "." * (n * 37 % (2 * page))) for n in range(300)])
        connection.execute("DELETE FROM t WHERE rowid % 3 = 0")
        connection.execute("VACUUM")
        truth = {"t": rows_with(connection, "t")}
    answers = explained(path)
    # a copy of which a live cell and the header of a free block leave too little is told by nothing
    assert len([lying for _, _, lying in answers if not isinstance(lying, LiveRows)]) <= len(answers) // 100
    assert not wrong(answers, truth)
    assert {held for _, held in named(answers)} == set(truth["t"])


def test_a_copy_that_a_split_left_is_told_from_a_deleted_row_with_the_same_words(tmp_path: Path) -> None:
    """Free space holds a whole copy of a live row, and a deleted row whose words the live one quotes: only the copy is the row's."""
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, f"{mark(n)} said {n}") for n in range(20)])
    data = bytearray(path.read_bytes())
    own = data.index(mark(7).encode()) - 5
    assert data[own + 1] == 7
    length = len(mark(7)) + len(" said 7") + 5
    copy = data[own : own + length]
    data[6000 : 6000 + length] = copy
    # the same words in a cell of another number, of another length, and with one more word
    data[6200 : 6200 + length] = copy[:1] + b"\x63" + copy[2:]
    data[6400 : 6400 + length] = copy[:3] + bytes([copy[3] + 2]) + copy[4:]
    data[6600 : 6600 + length] = copy[:-1] + b"8"
    # the end of the copy right behind the page's header: what named the row may have been another number
    first = 4096 + 8 + 2 * 20
    data[first : first + length - 4] = copy[4:]
    path.write_bytes(data)
    lying = {at // 100: lying for at, held, lying in explained(path) if held == mark(7)}
    assert lying == {
        first // 100: NothingLive("free space"),
        60: LiveRows("t", ("7",)),
        62: NothingLive("free space"),
        64: NothingLive("free space"),
        66: NothingLive("free space"),
        (own + 5) // 100: LiveRows("t", ("7",)),
    }


@pytest.mark.parametrize("vacuum", [0, 1, 2])
def test_deleted_rows_lie_nowhere_live(tmp_path: Path, vacuum: int) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, 1024, vacuum)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        connection.execute("CREATE INDEX i ON t (a)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n) + "." * (n * 37 % 4000)) for n in range(400)])
        connection.execute("DELETE FROM t WHERE id % 4 <> 0 OR id > 300")
        truth = {"t": rows_with(connection, "t")}
    answers = explained(path)
    gone = [lying for _, held, lying in answers if held not in truth["t"]]
    assert gone
    assert all(isinstance(lying, NothingLive) for lying in gone)
    assert not wrong(answers, truth)
    assert {lying.why for lying in gone} >= ({"free space", "free page"} if vacuum != 1 else {"free space"})


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page", [512, 4096])
def test_tables_without_rowids_are_named_by_their_key(tmp_path: Path, page: int, encoding: str) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, page, encoding=encoding)) as connection:
        connection.execute(
            """CREATE TABLE [od,d] (data BLOB, /* PRIMARY KEY (x) */ "x ""y" TEXT COLLATE NOCASE UNIQUE, n INTEGER, e REAL DEFAULT (1 + 2),
               CONSTRAINT "unique" UNIQUE (n, data) -- UNIQUE (a)
               PRIMARY KEY (n DESC, "x ""y")) WITHOUT ROWID"""
        )
        connection.execute('CREATE INDEX by_e ON [od,d] (e, "x ""y" COLLATE BINARY)')
        connection.execute("CREATE INDEX by_data ON [od,d] (data)")
        connection.execute('CREATE INDEX by_part ON [od,d] (substr(data, 1, 20), "x ""y")')
        for number in range(200):
            long = (mark(number) + "." * (number * 41 % 1500) + mark(number)).encode()
            connection.execute("INSERT INTO [od,d] VALUES (?, ?, ?, ?)", (long, f"kéy {number}", number * 3 - 100, number + 0.5))
        connection.execute("CREATE TABLE keyed (k BLOB PRIMARY KEY, v TEXT UNIQUE) WITHOUT ROWID")
        many(connection, "INSERT INTO keyed VALUES (?, ?)", [(mark(5000 + n).encode() + b"\xff", f"v{n}") for n in range(100)])
        connection.execute("DELETE FROM [od,d] WHERE n % 2 = 0")
        truth = {"od,d": rows_with(connection, "[od,d]", ("n", '"x ""y"')), "keyed": rows_with(connection, "keyed", ("k",))}
        roots = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    assert len(roots) == 6
    answers = explained(path)
    assert not wrong(answers, truth)
    assert named(answers) == {(table, held) for table, rows in truth.items() for held in rows}
    assert {type(lying) for _, _, lying in answers} <= {LiveRows, NothingLive}


def test_a_key_that_an_index_compares_in_another_way_stands_in_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("CREATE TABLE t (mail TEXT PRIMARY KEY, a TEXT) WITHOUT ROWID")
        connection.execute("CREATE INDEX i ON t (mail COLLATE NOCASE)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(mark(n), f"a{n}") for n in range(500)])
        truth = {"t": rows_with(connection, "t", ("mail",))}
    answers = explained(path)
    assert not wrong(answers, truth)
    assert len([lying for _, _, lying in answers if isinstance(lying, LiveRows)]) >= 1500


def test_columns_that_came_and_went(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("CREATE TABLE t (a TEXT, b TEXT)")
        many(connection, "INSERT INTO t VALUES (?, 'b')", [(mark(n),) for n in range(50)])
        connection.execute("ALTER TABLE t ADD COLUMN c TEXT DEFAULT 'mk000000000000'")
        many(connection, "INSERT INTO t VALUES (?, 'b', 'c')", [(mark(n),) for n in range(50, 99)])
        connection.execute("ALTER TABLE t DROP COLUMN b")
        connection.execute("ALTER TABLE t RENAME TO u")
        truth = {"u": rows_with(connection, "u")}
    answers = explained(path)
    assert not wrong(answers, truth)
    assert SchemaPlace() in {lying for _, held, lying in answers if held == "mk000000000000"}
    assert {held for _, held in named(answers)} == set(truth["u"])


def test_a_long_schema_is_the_schema_also_where_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, 512)) as connection:
        for number in range(40):
            columns = ", ".join(f"{mark(number)}{at} TEXT" for at in range(60))
            connection.execute(f"CREATE TABLE t{number} ({columns})")
            connection.execute(f"INSERT INTO t{number} ({mark(number)}0) VALUES ('{mark(900 + number)}')")
    answers = explained(path)
    assert {lying for _, held, lying in answers if held in {mark(number) for number in range(40)}} <= {
        SchemaPlace(),
        NothingLive("free space"),
    }
    assert {lying.relation for _, held, lying in answers if isinstance(lying, LiveRows)} == {f"t{number}" for number in range(40)}


def test_slack_behind_the_last_byte_of_a_long_value(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, 1024)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        connection.execute("INSERT INTO t VALUES (1, ?)", ("x" * 5078,))
    data = bytearray(path.read_bytes())
    end = data.rindex(b"xxxx") + 4
    data[end : end + 14] = mark(1).encode()
    data[end - 40 : end - 26] = mark(2).encode()
    path.write_bytes(data)
    assert [(held, lying) for _, held, lying in explained(path)] == [(mark(2), LiveRows("t", ("1",))), (mark(1), NothingLive("slack"))]
    with closing(open_reader(path)) as reader:
        assert reader.at(end - 1, 2) == NothingLive("slack")
        assert reader.at(end // 1024 * 1024 + 2, 4) == NothingLive("page header")


def test_reserved_bytes_at_the_end_of_a_page(tmp_path: Path) -> None:
    """A program that encrypts reserves some; the header says how many."""
    path = tmp_path / "app.db"
    with closing(database(path, 1024)) as connection:
        connection.execute("VACUUM")
    data = bytearray(path.read_bytes() or b"")
    if not data:
        with closing(database(path, 1024)) as connection:
            connection.execute("CREATE TABLE away (a)")
            connection.execute("DROP TABLE away")
            connection.execute("VACUUM")
        data = bytearray(path.read_bytes())
    data[20] = 32
    # an empty first page has its content area at the end of what can be used
    data[105:107] = (len(data) - 32).to_bytes(2, "big")
    path.write_bytes(data[:1024])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        many(connection, "INSERT INTO t VALUES (?)", [(mark(n) + "." * (n * 37 % 3000) + mark(n),) for n in range(100)])
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        truth = {"t": rows_with(connection, "t")}
    answers = explained(path)
    assert not wrong(answers, truth)
    assert {held for _, held in named(answers)} == set(truth["t"])
    planted = bytearray(path.read_bytes())
    planted[2048 - 20 : 2048 - 6] = mark(77_777).encode()
    path.write_bytes(planted)
    assert [lying for _, held, lying in explained(path) if held == mark(77_777)] == [NothingLive("reserved bytes")]


def test_full_text_content_is_the_rows_and_its_words_are_any_rows(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("CREATE VIRTUAL TABLE words USING fts5 (text)")
        connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
        connection.execute("CREATE VIRTUAL TABLE found USING fts5 (body, content='notes', content_rowid=id)")
        connection.execute("CREATE VIRTUAL TABLE old USING fts4 (body)")
        connection.execute("CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1, +label TEXT)")
        for number in range(60):
            connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (number * 3, f"alpha {mark(number)}"))
            connection.execute("INSERT INTO notes VALUES (?, ?)", (number, f"beta {mark(100 + number)}"))
            connection.execute("INSERT INTO found (rowid, body) VALUES (?, ?)", (number, f"beta {mark(100 + number)}"))
            connection.execute("INSERT INTO old (docid, body) VALUES (?, ?)", (number + 7, f"gamma {mark(200 + number)}"))
            connection.execute("INSERT INTO boxes VALUES (?, 1, 2, ?)", (number + 1, mark(300 + number)))
        truth = {table: rows_with(connection, table) for table in ("words", "notes", "old", "boxes")}
    answers = explained(path)
    assert not wrong(answers, truth)
    assert named(answers) == {(table, held) for table, rows in truth.items() for held in rows}
    assert {lying for _, _, lying in answers if isinstance(lying, SomeRow)} == {SomeRow("words"), SomeRow("found"), SomeRow("old")}
    assert {type(lying) for _, _, lying in answers} <= {LiveRows, SomeRow, NothingLive}


def test_samples_of_statistics_are_values_of_the_table_they_were_taken_from(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        if not connection.execute("SELECT 1 FROM pragma_compile_options WHERE compile_options = 'ENABLE_STAT4'").fetchall():
            connection.execute("CREATE TABLE sample (tbl, idx, neq, nlt, ndlt, sample)")
            connection.execute("INSERT INTO sample VALUES ('t', 'i', 1, 1, 1, ?)", (mark(1).encode(),))
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_schema SET name = 'sqlite_stat4', tbl_name = 'sqlite_stat4' WHERE name = 'sample'")
        else:
            connection.execute("CREATE TABLE t (a TEXT)")
            connection.execute("CREATE INDEX i ON t (a)")
            many(connection, "INSERT INTO t VALUES (?)", [(mark(n),) for n in range(200)])
            connection.execute("ANALYZE")
    answers = explained(path)
    assert SomeRow("t") in {lying for _, _, lying in answers}
    assert "sqlite_stat4" not in {relation for relation, _ in named(answers)}


# --- write-ahead log -------------------------------------------------------------------------------


def test_frames_of_a_log_and_the_pages_that_they_replace(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n)) for n in range(200)])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("UPDATE t SET a = ? WHERE id = 7", (mark(7007),))
        connection.execute("UPDATE t SET a = ? WHERE id = 8", (mark(8008),))
        connection.execute("INSERT INTO t VALUES (500, ?)", (mark(500) + "." * 9000 + mark(501),))
        truth = {"t": rows_with(connection, "t")}
        in_file, in_log = explained(path), explained(tmp_path / "app.db-wal")
        assert not wrong(in_file, truth)
        assert not wrong(in_log, truth)
        for held in (mark(7), mark(8)):
            assert {lying for _, found, lying in in_file if found == held} <= {NothingLive("replaced page"), NothingLive("free space")}
        # the frame of the first update still has the old value of the second row
        assert {lying for _, found, lying in in_log if found == mark(8)} == {NothingLive("old frame")}
        assert {lying for _, found, lying in in_log if found == mark(7007)} == {LiveRows("t", ("7",))}
        assert {lying for _, found, lying in in_log if found in {mark(500), mark(501)}} == {LiveRows("t", ("500",))}
        # rows that did not change lie in the replaced page as well, with the same bytes
        assert LiveRows("t", ("9",)) in {lying for _, found, lying in in_file if found == mark(9)}
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        in_file = explained(path)
        assert not wrong(in_file, truth)
        assert {held for _, held in named(in_file)} == set(truth["t"])


def test_a_transaction_that_was_not_committed_is_no_row(tmp_path: Path) -> None:
    path, seen = tmp_path / "app.db", tmp_path / "seen"
    seen.mkdir()
    with closing(database(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n) + "." * 2000) for n in range(90)])
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("UPDATE t SET a = ? WHERE id = 0", (mark(2000) + "." * 2000,))
        truth = {"t": rows_with(connection, "t")}
        connection.execute("PRAGMA cache_size = 5")
        connection.execute("BEGIN")
        connection.execute(f"UPDATE t SET a = '{mark(3000)}' || substr(a, 15) WHERE id > 5")
        for name in ("app.db", "app.db-wal"):
            shutil.copy(tmp_path / name, seen / name)
    in_file, in_log = explained(seen / "app.db"), explained(seen / "app.db-wal")
    assert NothingLive("old frame") in {lying for _, held, lying in in_log if held == mark(3000)}
    assert not wrong([*in_file, *in_log], truth)
    assert {held for _, held in named([*in_file, *in_log])} == set(truth["t"])


def test_frames_of_a_log_that_was_begun_anew_are_old(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        for number in range(40):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, mark(number)))
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("UPDATE t SET a = ? WHERE id = 7", (mark(7007),))
        truth = {"t": rows_with(connection, "t")}
        answers = explained(tmp_path / "app.db-wal")
    assert {lying for _, held, lying in answers if held == mark(7)} == {NothingLive("old frame")}
    assert {lying for _, held, lying in answers if held == mark(7007)} == {LiveRows("t", ("7",))}
    assert not wrong(answers, truth)


def test_journals_hold_no_live_row(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path)) as connection:
        connection.execute("PRAGMA journal_mode = PERSIST")
        connection.execute("CREATE TABLE t (a TEXT)")
        many(connection, "INSERT INTO t VALUES (?)", [(mark(n),) for n in range(50)])
        connection.execute("DELETE FROM t WHERE rowid = 9")
        answers = explained(tmp_path / "app.db-journal")
    assert answers
    assert {lying for _, _, lying in answers} == {NothingLive("rollback journal")}


def test_a_row_that_moves_while_the_reader_is_open(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, 1024)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n)) for n in range(30)])
        with closing(open_reader(path)) as reader:
            at = next(at for at, held in places(path) if held == mark(3))
            assert reader.at(at, 14) == LiveRows("t", ("3",))
            many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n) + "." * 3000) for n in range(30, 300)])
            answers = [(at, held, reader.at(at, 14)) for at, held in places(path)]
            truth = {"t": rows_with(connection, "t")}
    # a stale answer may name a row that has moved away, and never leaves out one that is there
    assert {held for _, held in named(answers)} == set(truth["t"])


# --- chains ----------------------------------------------------------------------------------------


def test_a_chain_is_told_by_the_page_that_it_starts_on(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(database(path, 1024)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        connection.execute("CREATE TABLE other (a TEXT)")
        connection.execute("INSERT INTO other VALUES ('short')")
        for number in range(5):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, mark(number) + "." * 5180 + mark(100 + number)))
        starts = {held: at // 1024 * 1024 for at, held in places(path)}
        with closing(open_reader(path)) as reader:
            for number in range(5):
                told = {row for lying in reader.at_page(starts[mark(number)]) for row in lying.rows if lying.relation == "t"}
                assert str(number) in told
            tail = next(at for at, held in places(path) if held == mark(101))
            assert reader.at(tail, 14) == LiveRows("t", ("1",))
            assert reader.at_page(tail // 1024 * 1024) == (LiveRows("t", ("1",)),)
        connection.execute("DELETE FROM t WHERE id = 4")
        with closing(open_reader(path)) as reader:
            told = [lying for start in starts.values() for lying in reader.at_page(start)]
            assert CannotTell("pointer to a free page") in told
        connection.execute("VACUUM")
        with closing(open_reader(path)) as reader:
            told = [lying for at, _ in places(path) for lying in reader.at_page(at // 1024 * 1024)]
            assert all(isinstance(lying, LiveRows) for lying in told)


# --- files -----------------------------------------------------------------------------------------


def test_other_files_have_no_reader(tmp_path: Path) -> None:
    for name, content in (("a.txt", b"plain"), ("empty", b""), ("x-wal", b"\x37\x7f\x06\x82"), ("y.db", b"SQLite format 3\0" + bytes(100))):
        (tmp_path / name).write_bytes(content)
        assert open_reader(tmp_path / name) is None
    with pytest.raises(FileNotFoundError):
        open_reader(tmp_path / "gone")
    with closing(database(tmp_path / "app.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    (tmp_path / "app.db-wal").write_bytes(b"")
    assert isinstance(open_reader(tmp_path / "app.db-wal"), NoRows)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "app.db"
    with closing(database(path, 512)) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)")
        connection.execute("CREATE TABLE k (a TEXT PRIMARY KEY, b TEXT) WITHOUT ROWID")
        connection.execute("CREATE INDEX i ON t (a)")
        many(connection, "INSERT INTO t VALUES (?, ?)", [(n, mark(n) + "." * (n * 91 % 1500)) for n in range(40)])
        many(connection, "INSERT INTO k VALUES (?, ?)", [(mark(n), "." * (n * 91 % 1500)) for n in range(40)])
        connection.execute("DELETE FROM t WHERE id % 5 = 0")
    return path.read_bytes()


@given(
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=40),
    schema=st.booleans(),
    left=st.floats(0.01, 1),
)
def test_damage_is_told_and_raises_nothing(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, damage: list[tuple[float, int]], schema: bool, left: float
) -> None:
    content = bytearray(whole)
    for part, value in damage:
        content[28 + int(part * (700 if schema else len(content) - 29))] = value
    path = tmp_path_factory.mktemp("damaged") / "app.db"
    path.write_bytes(content[: int(left * len(content))])
    reader = open_reader(path)
    if reader is not None:
        with closing(reader):
            for at in range(0, len(content) + 600, 497):
                reader.at(at, 14)
                reader.at_page(at)


# --- property --------------------------------------------------------------------------------------

SHAPES = {
    "(id INTEGER PRIMARY KEY, a, b)": ("rowid",),
    "(id, a, b)": ("rowid",),
    "(id TEXT PRIMARY KEY, a, b)": ("rowid",),
    "(id PRIMARY KEY, a, b) WITHOUT ROWID": ("id",),
    "(id, a, b, PRIMARY KEY (b, id)) WITHOUT ROWID": ("b", "id"),
}
CHANGES = st.sampled_from(["insert", "insert", "insert", "delete", "update", "vacuum"])


@given(
    page=st.sampled_from([512, 1024, 4096]),
    vacuum=st.integers(0, 2),
    shape=st.sampled_from(sorted(SHAPES)),
    indexes=st.lists(st.sampled_from(["a", "b", "b, a", "a COLLATE NOCASE", "substr(a, 1, 9), b"]), unique=True, max_size=3),
    log=st.booleans(),
    changes=st.lists(st.tuples(CHANGES, st.integers(0, 400), st.integers(0, 2600)), min_size=1, max_size=60),
)
def test_no_place_leads_to_a_row_that_does_not_hold_it(
    tmp_path_factory: pytest.TempPathFactory,
    page: int,
    vacuum: int,
    shape: str,
    indexes: list[str],
    log: bool,
    changes: list[tuple[str, int, int]],
) -> None:
    """Whatever was written, changed and deleted: a place is the row that holds these bytes, or nothing; and every row is found."""
    path = tmp_path_factory.mktemp("any") / "app.db"
    with closing(database(path, page, vacuum)) as connection:
        connection.execute(f"PRAGMA journal_mode = {'WAL' if log else 'DELETE'}")
        connection.execute(f"CREATE TABLE t {shape}")
        for number, columns in enumerate(indexes):
            connection.execute(f"CREATE INDEX i{number} ON t ({columns})")
        for number, (change, which, size) in enumerate(changes):
            if change == "insert":
                for more in range(1 + which % 7):
                    row = (
                        number * 10 + more,
                        mark(number * 10 + more) + "." * size,
                        b"." * (1 + size // 9) + mark(number * 10 + more).encode(),
                    )
                    connection.execute("INSERT INTO t VALUES (?, ?, ?)", row)
            elif change == "delete":
                connection.execute("DELETE FROM t WHERE id % 7 = ?", (which % 7,))
            elif change == "update":
                connection.execute("UPDATE t SET a = ? || a WHERE id % 11 = ?", (mark(9000 + number), which % 11))
            else:
                connection.execute("VACUUM")
        truth = {"t": rows_with(connection, "t", SHAPES[shape])}
        answers = explained(path)
        if log and (path.parent / "app.db-wal").stat().st_size:
            answers += explained(path.parent / "app.db-wal")
        # A value may be divided where its row goes on over another page, while an old copy of it still lies in one piece.
        connection.execute("VACUUM INTO ?", (str(path.with_name("compact.db")),))
    whole = path.with_name("compact.db").read_bytes()
    assert not wrong(answers, truth)
    found = {held for _, held, _ in answers}
    assert {held for _, held in named(answers)} == {held for held in truth["t"] if held in found and held.encode() in whole}
    assert all(isinstance(lying, LiveRows | NothingLive) for _, _, lying in answers)
