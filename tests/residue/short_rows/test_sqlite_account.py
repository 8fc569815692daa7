"""Every byte of a SQLite database is accounted for after VACUUM, and nothing that a deletion leaves behind is."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import TableFile
from expunge.residue.short_rows.account_reader import open_account

PERSON = 207
FILL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
TABLE = f"""
CREATE TABLE t (a INTEGER, b INTEGER); CREATE INDEX ta ON t (a); CREATE INDEX tb ON t (b);
{FILL} INSERT INTO t SELECT (i * 7919) % 300 + 101, i % 37 FROM n;
CREATE TABLE long (x TEXT); INSERT INTO long VALUES (hex(zeroblob(4188)));
"""


def connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA secure_delete = OFF")
    return db


def account(path: Path, table: str = "t") -> tuple[int, set[str]]:
    """The live rows of a table, and the words for what is not accounted for."""
    with closing(open_account([TableFile(path, table)])) as reader:  # type: ignore[type-var]
        parts = list(reader.parts())  # type: ignore[union-attr]
    rows = sum(len(each.rows) for each in parts if isinstance(each, LiveRows))
    return rows, {each.why for each in parts if not isinstance(each, LiveRows)}


def made(path: Path, before: str = "") -> Path:
    with closing(connect(path)) as db:
        db.executescript(before + TABLE)
        db.execute("DELETE FROM t WHERE a = ?", (PERSON,))
        db.execute("PRAGMA secure_delete = ON")
        db.execute("VACUUM")
    return path


@pytest.mark.parametrize(
    "before",
    ["", "PRAGMA auto_vacuum = FULL; VACUUM;", "PRAGMA encoding = 'UTF-16le';", "PRAGMA page_size = 512;", "PRAGMA page_size = 65536;"],
)
def test_a_database_that_was_written_anew_is_accounted_for(tmp_path: Path, before: str) -> None:
    assert account(made(tmp_path / "app.db", before)) == (2990, set())


def delete_without_zeros(path: Path) -> None:
    with closing(connect(path)) as db:
        db.execute("DELETE FROM t WHERE a = 103")


def free_pages(path: Path) -> None:
    with closing(connect(path)) as db:
        db.executescript(f"CREATE TABLE u (a INTEGER, b INTEGER); {FILL} INSERT INTO u SELECT i, i FROM n; DROP TABLE u;")


def put_back_an_index_page(path: Path) -> None:
    """Have the index be what it was before rows were deleted, as a block of a disk comes back."""
    was = path.with_name("was")
    with closing(connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'tb'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
        shutil.copy(path, was)
        db.execute("PRAGMA secure_delete = ON")
        db.execute("DELETE FROM t WHERE rowid = 1")
    old, new = was.read_bytes(), bytearray(path.read_bytes())
    was.unlink()
    pages = [number for number in range(len(new) // size) if old[number * size] in {0x02, 0x0A}]
    assert root - 1 in pages
    for number in pages:
        new[number * size : (number + 1) * size] = old[number * size : (number + 1) * size]
    path.write_bytes(new)


def keep_the_log(path: Path) -> None:
    with closing(connect(path)) as db, closing(connect(path)) as reader:
        db.execute("PRAGMA journal_mode = WAL")
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM t").fetchone()
        db.execute("DELETE FROM t WHERE a = 103")
        db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", path.with_name(f"kept{ending}"))
    for ending in ("", "-wal"):
        path.with_name(f"kept{ending}").replace(f"{path}{ending}")


def keep_the_journal(path: Path) -> None:
    with closing(connect(path)) as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("PRAGMA journal_mode = PERSIST")
        db.execute("DELETE FROM t WHERE a = 103")


def write_into_slack(path: Path) -> None:
    """Write behind the end of the long value, on its last overflow page."""
    data = bytearray(path.read_bytes())
    last = next(at for at in range(0, len(data), 4096) if data[at : at + 54] == bytes(4) + b"0" * 50)
    data[data.rindex(b"0", last, last + 4096) + 9] = PERSON
    path.write_bytes(data)


def write_behind_the_end(path: Path) -> None:
    with path.open("ab") as file:
        file.write(bytes(100) + bytes([PERSON]) + bytes(3995))


LEFT: dict[str, tuple[Callable[[Path], None], set[str]]] = {
    "rows in free space": (delete_without_zeros, {"free space"}),
    "rows on free pages": (free_pages, {"free page", "free space"}),
    "entries of an index": (put_back_an_index_page, {"index entry with values of no live row"}),
    "images in the log": (keep_the_log, {"old frame", "free space"}),
    "images in a journal": (keep_the_journal, {"rollback journal", "free space"}),
    "bytes in slack": (write_into_slack, {"slack"}),
    "bytes behind the last page": (write_behind_the_end, {"after the end"}),
}


@pytest.mark.parametrize("case", LEFT)
def test_what_a_deletion_leaves_is_not_accounted_for(tmp_path: Path, case: str) -> None:
    leave, words = LEFT[case]
    path = made(tmp_path / "app.db")
    leave(path)
    _, left = account(path)
    assert left, case
    assert left <= words


def test_a_full_text_table_cannot_be_told(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "app.db")) as db:
        db.executescript("CREATE TABLE t (a TEXT); CREATE VIRTUAL TABLE f USING fts5(a, content='t'); INSERT INTO t VALUES ('no'); VACUUM;")
    assert account(tmp_path / "app.db") == (1, {"full-text index"})
    with closing(connect(tmp_path / "app.db")) as db:
        db.executescript(
            "DROP TABLE f; CREATE VIRTUAL TABLE g USING fts5(a, content='', columnsize=0);"
            "CREATE TRIGGER fed AFTER INSERT ON t BEGIN INSERT INTO g (rowid, a) VALUES (new.rowid, new.a); END; VACUUM;"
        )
    assert account(tmp_path / "app.db") == (1, {"full-text index"})


# --- random databases ------------------------------------------------------------------------------


def fill(draw: random.Random, db: sqlite3.Connection) -> list[str]:
    """Make some tables with indexes, and rows that come, change and go."""
    tables = [f"t{number}" for number in range(draw.randint(1, 4))]
    for name in tables:
        form = draw.choice(
            ["(a INT, b INT, c)", "(a INTEGER PRIMARY KEY, b INT, c)", "(a INT, b INT, c, PRIMARY KEY (a, b)) WITHOUT ROWID"]
        )
        db.execute(f"CREATE TABLE {name} {form}")
        for number in range(draw.randint(0, 3)):
            db.execute(f"CREATE INDEX {name}_{number} ON {name} ({', '.join(draw.sample('abc', draw.randint(1, 3)))})")
    values: list[Callable[[], object]] = [
        lambda: None,
        lambda: draw.randint(0, 300),
        lambda: draw.random() * 100,
        lambda: "x" * draw.choice([1, 3, 50, 5000]),
        lambda: draw.randbytes(draw.choice([3, 900])),
    ]
    db.execute("BEGIN")
    for _ in range(draw.choice([10, 300, 2000])):
        name, chance = draw.choice(tables), draw.random()
        if chance < 0.7:
            row = (draw.randint(-200, 100_000), draw.randint(0, 300), draw.choice(values)())
            db.execute(f"INSERT OR IGNORE INTO {name} VALUES (?, ?, ?)", row)
        elif chance < 0.85:
            db.execute(f"DELETE FROM {name} WHERE a % {draw.randint(2, 30)} = 0")
        else:
            db.execute(f"UPDATE {name} SET c = ? WHERE b = ?", (draw.choice(values)(), draw.randint(0, 300)))
    db.execute("COMMIT")
    return tables


def seeds(few: int, many: int) -> list[object]:
    return [number if number < few else pytest.param(number, marks=pytest.mark.soak) for number in range(many)]


@pytest.mark.parametrize("seed", seeds(6, 250))
def test_any_database_is_accounted_for_after_it_was_written_anew(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "app.db"
    with closing(connect(path)) as db:
        db.execute(f"PRAGMA page_size = {draw.choice([512, 1024, 4096, 65536])}")
        db.execute(f"PRAGMA auto_vacuum = {draw.choice([0, 0, 0, 1, 2])}")
        tables = fill(draw, db)
        db.execute("PRAGMA secure_delete = ON")
        db.execute("VACUUM")
        rows = {name: db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables}
    assert {name: account(path, name) for name in tables} == {name: (count, set()) for name, count in rows.items()}


@pytest.mark.parametrize("seed", seeds(6, 250))
def test_a_row_that_was_deleted_without_zeros_is_not_accounted_for(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "app.db"
    with closing(connect(path)) as db:
        db.execute(f"PRAGMA page_size = {draw.choice([512, 4096])}")
        db.execute(draw.choice(["CREATE TABLE t (a INT, b INT)", "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID"]))
        high = draw.choice([9, 300, 70_000])
        rows = [(draw.randint(1, high), draw.randint(0, 40)) for _ in range(draw.choice([5, 60, 120, 400, 3000]))]
        db.execute("BEGIN")
        db.executemany("INSERT OR IGNORE INTO t VALUES (?, ?)", rows)
        db.execute("COMMIT")
        db.execute("VACUUM")
        db.execute("DELETE FROM t WHERE a = ?", (draw.choice(rows)[0],))
    assert account(path)[1]


def test_an_entry_with_another_value_of_an_expression_is_not_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(connect(path)) as db:
        db.executescript("CREATE TABLE t (a INTEGER, b INTEGER); CREATE INDEX ts ON t (a * 1000 + b); INSERT INTO t VALUES (7, 1), (8, 2);")
        computed = [((1,), (7001,)), ((2,), (8002,))]
    for values, words in ((computed, set()), ([computed[0], ((2,), (9002,))], {"index entry with values of no live row"})):
        with closing(open_account([TableFile(path, "t", computed=lambda values=values: values)])) as reader:  # type: ignore[type-var, misc]
            assert {each.why for each in reader.parts() if not isinstance(each, LiveRows)} == words  # type: ignore[union-attr]
