"""The ladder of SQLite with and without one rung, over a fresh file each time."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from expunge.core.values.outcome import Absent, Erased
from expunge.stores.sqlite import ladder as sqlite_ladder
from tests.stores.sqlite.sqlite_company import dataset, forget, lying, run

RUNGS = tuple((rung.__name__, (rung.__doc__ or "").splitlines()[0].rstrip(".")) for rung in sqlite_ladder.LADDER)
SAID = "gkz7q0vmwx4tn2yd"
WORDS = SAID[-10:].encode()
SPOT = (1234.5, 9876.25)
CONTENT = {
    "full_text": (
        "CREATE VIRTUAL TABLE words USING fts5 (said)",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE rowid = old.rowid",
    ),
    "r_tree": (
        "CREATE VIRTUAL TABLE places USING rtree (n, west, east)",
        f"""INSERT INTO places SELECT new.n, {SPOT[0]}, {SPOT[1]} WHERE new.n = 777
        UNION ALL SELECT new.n, new.n, new.n + 1 WHERE new.n BETWEEN 770 AND 776""",
        "DELETE FROM places WHERE n = old.n",
    ),
}
"""Rung -> what it takes for it to matter: a declaration, what follows an insertion, what goes before a deletion."""
CROWD = """
CREATE TABLE people (n INTEGER PRIMARY KEY, id TEXT, said TEXT);
CREATE INDEX people_id ON people (id);
{};
CREATE TRIGGER follow_in AFTER INSERT ON people BEGIN {}; END;
CREATE TRIGGER follow_out BEFORE DELETE ON people BEGIN {}; END;
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
INSERT INTO people (id, said) SELECT 'p' || i, CASE i WHEN 777 THEN '{}' ELSE 'hello w' || i || ' x' || (i * 7) END FROM n;
"""


@contextmanager
def ready() -> Iterator[Callable[[str, bool], list[str]]]:
    """Nothing is shared but a folder."""
    folder = Path(tempfile.mkdtemp(prefix="expunge-ladder-"))
    numbers = iter(range(1, 1000))
    try:
        yield lambda rung, left_out: stays(folder / f"{next(numbers)}" / "app.db", rung, left_out)
    finally:
        shutil.rmtree(folder)


def stays(path: Path, rung: str, left_out: bool) -> list[str]:
    """Erase the person from a new file and climb, perhaps without one rung; where something of them lies after success."""
    path.parent.mkdir()
    wal = rung == "write_ahead_log"
    run(path, CROWD.format(*CONTENT.get(rung, ("SELECT 1",) * 3), SAID), f"journal_mode={'wal' if wal else 'delete'}", "secure_delete=0")
    if rung == "statistics":
        _samples(path)
    if rung in {"vacuum", "write_ahead_log"}:
        _earlier_days(path)
    needle = struct.pack(">ff", *SPOT) if rung == "r_tree" else WORDS
    assert lying(path, needle)
    with ExitStack() as held:
        if wal:
            idle = held.enter_context(closing(sqlite3.connect(path)))
            idle.execute("SELECT count(*) FROM people").fetchall()
        with without(rung if left_out else ""):
            assert isinstance(forget(path, dataset("people"), "p777"), Erased | Absent)
        return lying(path, needle)


@contextmanager
def without(rung: str) -> Iterator[None]:
    """Leave one rung out of the ladder; none when it is empty."""
    before = sqlite_ladder.LADDER
    sqlite_ladder.LADDER = tuple(each for each in before if each.__name__ != rung)
    assert not rung or len(sqlite_ladder.LADDER) == len(before) - 1
    try:
        yield
    finally:
        sqlite_ladder.LADDER = before


def _earlier_days(path: Path) -> None:
    """The application stored something long of the person and deleted it again."""
    long = "'" + "~" * 20_000 + SAID + "'"
    run(path, f"INSERT INTO people (id, said) VALUES ('p777', {long}); DELETE FROM people WHERE length(said) > 1000", "secure_delete=0")


def _samples(path: Path) -> None:
    """What an SQLite built to keep samples has put into the file; put there by hand, because not every build does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ANALYZE")
        connection.execute("CREATE TABLE samples (tbl, idx, neq, nlt, ndlt, sample)")
        connection.execute("INSERT INTO samples VALUES ('people', 'people_id', 1, 1, 1, ?)", (SAID.encode(),))
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = 'sqlite_stat4', tbl_name = 'sqlite_stat4',"
            " sql = 'CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)' WHERE name = 'samples'"
        )
