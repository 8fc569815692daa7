"""Each rung of the ladder is needed: without it a plain search of bytes still finds the person. With all of them, nothing."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

import pytest

from expunge.core.values.outcome import Absent, Erased
from expunge.stores.sqlite import ladder as sqlite_ladder
from tests.stores.sqlite.sqlite_company import KEY, dataset, erased, forget, lying, opened, rows, run

PEOPLE = dataset("people")
SAID = "gkz7q0vmwx4tn2yd"
WORDS = b"vmwx4tn2yd"
"""The end of the only word that the person said: the start of a word is left out where its neighbour starts alike."""
SPOT = (1234.5, 9876.25)

INDEXES = {
    "own content": (
        "CREATE VIRTUAL TABLE words USING fts5 (said)",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE rowid = old.rowid",
    ),
    "external content": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='people')",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "INSERT INTO words (words, rowid, said) VALUES ('delete', old.rowid, old.said)",
    ),
    "external content, no trigger": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='people', columnsize=1)",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "SELECT 1",
    ),
    "external content, no sizes, no trigger": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='people', columnsize=0)",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "SELECT 1",
    ),
    "contentless": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='')",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "INSERT INTO words (words, rowid, said) VALUES ('delete', old.rowid, old.said)",
    ),
    "contentless_delete": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='', contentless_delete=1)",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE rowid = old.rowid",
    ),
    "trigram": (
        "CREATE VIRTUAL TABLE words USING fts5 (said, tokenize='trigram')",
        "INSERT INTO words (rowid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE rowid = old.rowid",
    ),
    "fts4": (
        "CREATE VIRTUAL TABLE words USING fts4 (said, prefix='2,4')",
        "INSERT INTO words (docid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE docid = old.rowid",
    ),
    "fts4 external content": (
        'CREATE VIRTUAL TABLE words USING fts4 (said, content="people")',
        "INSERT INTO words (docid, said) VALUES (new.rowid, new.said)",
        "SELECT 1",
    ),
    "fts3": (
        "CREATE VIRTUAL TABLE words USING fts3 (said)",
        "INSERT INTO words (docid, said) VALUES (new.rowid, new.said)",
        "DELETE FROM words WHERE docid = old.rowid",
    ),
}


def crowd(path, *settings, extra="", after_insert="SELECT 1", before_delete="SELECT 1"):
    run(
        path,
        f"""
        CREATE TABLE people (n INTEGER PRIMARY KEY, id TEXT, said TEXT);
        CREATE INDEX people_id ON people (id);
        {extra};
        CREATE TRIGGER follow_in AFTER INSERT ON people BEGIN {after_insert}; END;
        CREATE TRIGGER follow_out BEFORE DELETE ON people BEGIN {before_delete}; END;
        BEGIN;
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
        INSERT INTO people (id, said) SELECT 'p' || i, CASE i WHEN 777 THEN '{SAID}' ELSE 'hello w' || i || ' x' || (i * 7) END FROM n;
        COMMIT;
        """,
        *settings,
    )


def earlier_days(path, *settings):
    """The application stored something long of the person and deleted it again, without ``secure_delete``."""
    long = "'" + "~" * 20_000 + SAID + "'"
    settings = ("secure_delete=0", *settings)
    run(path, f"INSERT INTO people (id, said) VALUES ('p777', {long}); DELETE FROM people WHERE length(said) > 1000", *settings)
    run(path, "UPDATE people SET said = 'short' WHERE id = 'p777'", *settings)
    assert lying(path, WORDS)


def without(monkeypatch, rung):
    ladder = tuple(each for each in sqlite_ladder.LADDER if each is not rung)
    assert len(ladder) == len(sqlite_ladder.LADDER) - 1
    monkeypatch.setattr(sqlite_ladder, "LADDER", ladder)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("kind", INDEXES)
def test_full_text(tmp_path, monkeypatch, kind, skip):
    path, (index, added, gone) = tmp_path / "app.db", INDEXES[kind]
    if skip and kind in {"external content, no trigger", "external content, no sizes, no trigger", "fts4 external content"}:
        pytest.skip("no trigger follows: the index is rebuilt with the deletion itself")
    needles = (b"vmw", b"mwx", b"x4t") if kind == "trigram" else (WORDS,)
    crowd(path, "secure_delete=0", extra=index, after_insert=added, before_delete=gone)
    assert lying(path, *needles)
    if skip:
        without(monkeypatch, sqlite_ladder.full_text)
    assert isinstance(forget(path, PEOPLE, "p777"), Erased)
    assert bool(lying(path, *needles)) == skip
    assert rows(path, "SELECT count(*) FROM words WHERE words MATCH 'w778'") == [(1,)]
    assert rows(path, "SELECT count(*) FROM words WHERE words MATCH ?", SAID) == [(0,)]


def test_full_text_that_lost_step_long_ago(tmp_path):
    """The application deleted rows and never told the index: their words go as well."""
    path, (index, added, gone) = tmp_path / "app.db", INDEXES["external content, no trigger"]
    crowd(path, extra=index, after_insert=added, before_delete=gone)
    run(path, "DELETE FROM people WHERE id = 'p777'")
    assert lying(path, WORDS)
    assert isinstance(forget(path, PEOPLE, "p1"), Erased)
    assert not lying(path, WORDS)


@pytest.mark.parametrize("skip", [False, True])
def test_r_tree(tmp_path, monkeypatch, skip):
    path = tmp_path / "app.db"
    crowd(
        path,
        extra="CREATE VIRTUAL TABLE places USING rtree (n, west, east, +note)",
        after_insert=f"INSERT INTO places SELECT new.n, {SPOT[0]}, {SPOT[1]}, new.id WHERE new.n = 777 UNION ALL "
        "SELECT new.n, new.n, new.n + 1, new.id WHERE new.n BETWEEN 770 AND 776",
        before_delete="DELETE FROM places WHERE n = old.n",
    )
    needle = struct.pack(">ff", *SPOT)
    assert lying(path, needle)
    before = rows(path, "SELECT * FROM places WHERE n <> 777 ORDER BY n")
    if skip:
        without(monkeypatch, sqlite_ladder.r_tree)
    forget(path, PEOPLE, "p777")
    assert bool(lying(path, needle)) == skip
    assert rows(path, "SELECT * FROM places ORDER BY n") == before
    assert rows(path, "SELECT rtreecheck('main', 'places')") == [("ok",)]


@pytest.mark.parametrize("table", ["sqlite_stat4", "sqlite_stat3"])
@pytest.mark.parametrize("skip", [False, True])
def test_statistics(tmp_path, monkeypatch, skip, table):
    """Samples that an SQLite built to keep them has put into the file; put there by hand, because not every build does."""
    path = tmp_path / "app.db"
    crowd(path, extra="ANALYZE")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE samples (tbl, idx, neq, nlt, ndlt, sample)")
        connection.execute(
            "INSERT INTO samples VALUES ('people', 'people_id', 1, 1, 1, ?), ('dropped', 'x', 1, 1, 1, ?)", (SAID.encode(),) * 2
        )
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "UPDATE sqlite_schema SET name = ?1, tbl_name = ?1, sql = 'CREATE TABLE ' || ?1 || '(tbl,idx,neq,nlt,ndlt,sample)'"
            " WHERE name = 'samples'",
            (table,),
        )
    if skip:
        without(monkeypatch, sqlite_ladder.statistics)
    forget(path, PEOPLE, "p777")
    assert bool(lying(path, WORDS)) == skip


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "off"])
def test_vacuum(tmp_path, monkeypatch, mode, skip):
    """Old values in free space and, where journals are kept, in the journal."""
    path = tmp_path / "app.db"
    crowd(path, "secure_delete=0", f"journal_mode={mode}")
    earlier_days(path, f"journal_mode={mode}")
    if skip:
        without(monkeypatch, sqlite_ladder.vacuum)
    forget(path, PEOPLE, "p777")
    assert bool(lying(path, WORDS)) == skip
    assert {each.name for each in tmp_path.iterdir()} == {"app.db"}


def test_a_journal_of_earlier_days_goes_when_the_database_gets_a_log(tmp_path):
    """No rung for it: SQLite removes the journal itself."""
    path = tmp_path / "app.db"
    crowd(path)
    run(path, "UPDATE people SET said = 'short' WHERE id = 'p777'", "journal_mode=persist")
    assert any("app.db-journal" in each for each in lying(path, WORDS))
    run(path, "SELECT 1", "journal_mode=wal")
    assert not path.with_name("app.db-journal").exists()


def test_the_ladder_has_a_test_for_each_rung():
    tests = {name.removeprefix("test_") for name in globals()}
    assert all(rung.__name__ in tests for rung in sqlite_ladder.LADDER)


@pytest.mark.parametrize("skip", [False, True])
def test_write_ahead_log(tmp_path, monkeypatch, skip):
    """The application keeps its connection open, idle: so the log is not removed by whoever closes last."""
    path = tmp_path / "app.db"
    crowd(path, "journal_mode=wal")
    earlier_days(path)
    with closing(sqlite3.connect(path)) as idle:
        idle.execute("SELECT count(*) FROM people").fetchall()
        if skip:
            without(monkeypatch, sqlite_ladder.write_ahead_log)
        forget(path, PEOPLE, "p777")
        assert bool(lying(path, WORDS)) == skip
        assert (path.with_name("app.db-wal").stat().st_size == 0) != skip
        assert idle.execute("SELECT count(*) FROM people").fetchall() == [(1999,)]


@pytest.mark.parametrize("scrub", [0, 1])
@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", "memory", "off", "wal"])
def test_all_of_it_in_every_journal_mode(tmp_path, mode, scrub):
    path, (index, added, gone) = tmp_path / "app.db", INDEXES["external content"]
    settings = (f"secure_delete={scrub}", f"journal_mode={mode}")
    crowd(path, *settings, extra=index, after_insert=added, before_delete=gone)
    run(path, "UPDATE people SET n = n + 10000 WHERE id = 'p777'; DELETE FROM people WHERE id = 'p5'", *settings)
    before = rows(path, "SELECT * FROM people WHERE id <> 'p777' ORDER BY n")
    assert lying(path, WORDS)
    forget(path, PEOPLE, "p777")
    assert not lying(path, WORDS, b"p777")
    assert rows(path, "SELECT * FROM people ORDER BY n") == before
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "PRAGMA journal_mode")[0][0] == ("wal" if mode == "wal" else "delete")


@pytest.mark.parametrize("vacuuming", [0, 1, 2])
def test_the_layout_of_the_file_stays(tmp_path, vacuuming):
    path = tmp_path / "app.db"
    crowd(path, "page_size=1024", f"auto_vacuum={vacuuming}", "user_version=7", "application_id=99", "encoding='UTF-16be'")
    assert lying(path, SAID.encode("utf-16-be"))
    forget(path, PEOPLE, "p777")
    assert not lying(path, SAID.encode("utf-16-be"))
    kept = [rows(path, f"PRAGMA {each}")[0][0] for each in ("page_size", "auto_vacuum", "user_version", "application_id", "encoding")]
    assert kept == [1024, vacuuming, 7, 99, "UTF-16be"]


def test_a_purge_again_has_nothing_to_do(tmp_path):
    path = tmp_path / "app.db"
    crowd(path)
    with opened(path, PEOPLE) as store:
        erased(store, PEOPLE, "p777")
        assert isinstance(store.purge([PEOPLE], KEY), Erased)
        assert isinstance(store.purge([PEOPLE], KEY), Absent)
        run(path, "UPDATE people SET said = 'new' WHERE id = 'p778'")
        assert isinstance(store.purge([PEOPLE], KEY), Erased)


def test_search_finds_the_others_after_rows_were_renumbered(tmp_path):
    """VACUUM may number the rows of a table without an INTEGER PRIMARY KEY anew; its full-text index follows."""
    path = tmp_path / "app.db"
    run(
        path,
        """
        CREATE TABLE people (id TEXT, said TEXT);
        CREATE VIRTUAL TABLE words USING fts5 (said, content='people');
        INSERT INTO people VALUES ('a', 'apple'), ('b', 'banana'), ('c', 'cherry'), ('d', 'date');
        INSERT INTO words (words) VALUES ('rebuild');
        """,
    )
    forget(path, PEOPLE, "b")
    for one, said in (("a", "apple"), ("c", "cherry"), ("d", "date")):
        found = "SELECT id FROM people WHERE rowid IN (SELECT rowid FROM words WHERE words MATCH ?)"
        assert rows(path, found, said) == [(one,)]
    assert rows(path, "SELECT max(rowid) FROM people") == [(3,)], "this SQLite does not renumber: the test shows nothing"
