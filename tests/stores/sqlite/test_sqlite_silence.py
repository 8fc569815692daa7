"""What a database does behind an erasure's back: triggers that write, indexes of words alone, copies of the file under another name."""

from __future__ import annotations

import gzip
import sqlite3
from contextlib import closing

import pytest

from expunge.core.datamap.datamap import Dataset, TableLayout, Through
from expunge.core.values.copy import FindingKind
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.testing.store_reading import Listener
from tests.stores.sqlite.sqlite_company import KEY, dataset, forget, located, opened, rows, run

PEOPLE = (
    "CREATE TABLE people (n INTEGER PRIMARY KEY, id TEXT, said TEXT); INSERT INTO people (id, said) VALUES ('a', 'apple'), ('b', 'banana');"
)


# --- triggers --------------------------------------------------------------------------------------

OTHERS = """
CREATE TABLE archive (id TEXT, said TEXT);
CREATE TABLE counts (id TEXT, n INTEGER);
CREATE TABLE calls (n INTEGER PRIMARY KEY, id TEXT);
CREATE TABLE parts (call INTEGER REFERENCES calls (n) ON DELETE CASCADE, id TEXT);
CREATE VIEW hall AS SELECT * FROM archive;
CREATE VIRTUAL TABLE words USING fts5 (said, content='people', content_rowid='n');
"""
WRITERS = {
    "an insert": ("ON people BEGIN INSERT INTO archive VALUES ('b', old.said); END", {"archive"}),
    "a replace": ("ON people BEGIN REPLACE INTO archive VALUES ('b', old.said); END", {"archive"}),
    "an update": ("ON people BEGIN UPDATE counts SET n = n + 1 WHERE id = 'b'; END", {"counts"}),
    "its own table": ("ON people BEGIN INSERT INTO people (id, said) VALUES ('b', old.said); END", {"people"}),
    "a view": ("ON people BEGIN INSERT INTO hall VALUES ('b', old.said); END", {"archive"}),
    "a further trigger": ("ON people BEGIN UPDATE calls SET n = n; END", {"calls", "counts"}),
    "a cascade": ("ON parts BEGIN INSERT INTO archive VALUES ('b', old.call); END", {"archive"}),
    "a deletion": ("ON people BEGIN DELETE FROM counts; END", set()),
    "a full-text index": ("ON people BEGIN INSERT INTO words (words, rowid, said) VALUES ('delete', old.n, old.said); END", set()),
    "an undeclared table": ("ON people BEGIN INSERT INTO nobodys VALUES (old.said); END", set()),
}


@pytest.mark.parametrize("how", WRITERS)
def test_the_datasets_that_a_deletion_writes_to_are_named(tmp_path, how):
    path = tmp_path / "app.db"
    trigger, names = WRITERS[how]
    run(path, PEOPLE + OTHERS + "CREATE TABLE nobodys (x)")
    run(path, "CREATE TRIGGER into_hall INSTEAD OF INSERT ON hall BEGIN INSERT INTO archive VALUES (new.id, new.said); END")
    run(path, "CREATE TRIGGER counted AFTER UPDATE ON calls BEGIN INSERT INTO counts VALUES (new.id, 1); END")
    declared = [dataset(each) for each in ("people", "archive", "counts", "calls")]
    with opened(path, *declared, dataset("words", "said")) as store:
        assert store.capabilities.rewritten == set()
        run(path, f"CREATE TRIGGER writes AFTER DELETE {trigger}")
        assert store.capabilities.rewritten == names
        run(path, "DROP TRIGGER writes")
        assert store.capabilities.rewritten == set()


def test_asking_what_triggers_do_changes_nothing(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + "CREATE TRIGGER again AFTER DELETE ON people BEGIN INSERT INTO people (id) VALUES ('b'); END")
    before = path.read_bytes()
    with opened(path, each) as store:
        assert store.capabilities.rewritten == {"people"}
    assert path.read_bytes() == before


def test_where_nobody_can_tell_all_datasets_may_be_written_to(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + "CREATE TRIGGER calls AFTER DELETE ON people BEGIN SELECT of_the_application(old.id); END")
    with opened(path, each) as store:
        assert store.capabilities.rewritten == {"people"}


# --- indexes that hold words alone -------------------------------------------------------------------

INDEX = "CREATE VIRTUAL TABLE words USING fts5 (said, content=''{}); INSERT INTO words (rowid, said) SELECT n, said FROM people;"
OUT = (
    "CREATE TRIGGER words_out AFTER DELETE ON people BEGIN INSERT INTO words (words, rowid, said) VALUES ('delete', old.n, old.said); END;"
)


def silent(outcome):
    return isinstance(outcome, Unable) and outcome.reason is Reason.UNSUPPORTED and "words" in outcome.detail


@pytest.mark.parametrize("index", [INDEX.format(""), INDEX.format(", contentless_delete=1"), INDEX.format(", columnsize=0")])
def test_a_contentless_index_that_nobody_accounts_for_is_never_passed_over(tmp_path, index):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + index)
    assert silent(forget(path, each, "a"))
    with opened(path, each) as store:
        assert silent(store.purge([each], KEY))
        assert silent(store.purge([each], KEY))
        assert [(found.kind, found.where.endswith(": words")) for found in store.check(())] == [(FindingKind.UNDECLARED, True)]
    run(path, "DROP TABLE words")
    with opened(path, each) as store:
        assert isinstance(store.purge([each], KEY), Erased)


def test_a_contentless_index_of_the_old_kind_is_never_passed_over_either(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        PEOPLE + 'CREATE VIRTUAL TABLE words USING fts4 (said, content=""); INSERT INTO words (docid, said) SELECT n, said FROM people',
    )
    assert silent(forget(path, each, "a"))


def test_a_contentless_index_that_a_trigger_keeps_in_step_is_fine(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + INDEX.format("") + OUT)
    assert isinstance(forget(path, each, "a"), Erased)
    assert rows(path, "SELECT rowid FROM words WHERE words MATCH 'apple OR banana'") == [(2,)]
    with opened(path, each) as store:
        assert list(store.check(())) == []


def test_a_contentless_index_that_lists_a_row_which_is_gone_is_not_fine(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + INDEX.format("") + OUT + "INSERT INTO words (rowid, said) VALUES (77, 'apple')")
    assert silent(forget(path, each, "a"))


def test_a_trigger_that_adds_words_does_not_account_for_an_index(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    more = "CREATE TRIGGER keeps AFTER DELETE ON people BEGIN INSERT INTO words (rowid, said) VALUES (old.n + 100, old.said); END"
    run(path, PEOPLE + INDEX.format("") + OUT + more)
    assert silent(forget(path, each, "a"))


def test_a_contentless_index_that_is_declared_is_erased_in_its_own_right(tmp_path):
    path, each = tmp_path / "app.db", dataset("people", follow=("n",))
    words = Dataset("words", "app", Through("people", "rowid"), "life", layout=TableLayout("words"))
    run(path, PEOPLE + INDEX.format(", contentless_delete=1"))
    with opened(path, each, words) as store:
        assert isinstance(store.purge([each, words], KEY), Erased | Absent)


# --- copies under another name -----------------------------------------------------------------------


def test_copies_beside_the_database_are_raw_bytes_of_the_store(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE)
    with closing(sqlite3.connect(path)) as connection:
        dump = "\n".join(connection.iterdump()).encode()
    copies = {"app-2026.db", "app.db.bak", "old app.sqlite", "app.sql.gz", "2026_app.db"}
    for name in copies:
        (tmp_path / name).write_bytes(gzip.compress(dump) if name.endswith("gz") else path.read_bytes())
    run(tmp_path / "app-jobs.db", "CREATE TABLE jobs (x)")
    for name in ("apple.db", "application.log", "myapp.db", "app-jobs.db-wal"):
        (tmp_path / name).write_bytes(b"something else")
    (tmp_path / "app").mkdir()
    with opened(path, each) as store:
        assert {source.path.name for source in store.raw()} == {"app.db", *copies}
        assert {found.where.rpartition("/")[2] for found in store.check(())} == copies


# --- rows of short values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "values"),
    [
        ("(id TEXT, account TEXT, seen INTEGER)", ("7", "acc-51", 1_700_000_000)),
        ("(n INTEGER PRIMARY KEY, id TEXT, empty TEXT, account TEXT)", (5, "7", None, "acc-51-of-north")),
        ("(account TEXT, id TEXT, price REAL, PRIMARY KEY (id, account)) WITHOUT ROWID", ("acc-51-of-north", "7", 12.0)),
        ("(id TEXT, price REAL, rate REAL, flag INTEGER, big INTEGER)", ("7", 12.0, 0.7, 1, -(2**40))),
    ],
)
def test_what_joins_short_values_is_traced_as_it_lies_in_the_file(tmp_path, schema, values):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, f"CREATE TABLE people {schema}")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"INSERT INTO people VALUES ({', '.join('?' * len(values))})", values)
    listener = Listener()
    with opened(path, each) as store:
        store.trace(each, located(store, each, "7"), listener)
    seams = [heard for heard in listener.heard[Pseudonym("s0")] if isinstance(heard, bytes)]
    assert seams
    assert all(seam in path.read_bytes() for seam in seams)


def test_rows_that_hold_content_have_no_need_of_what_joins_them(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, f"CREATE TABLE people (id TEXT, said TEXT); INSERT INTO people VALUES ('7', '{'a sentence ' * 5}')")
    listener = Listener()
    with opened(path, each) as store:
        store.trace(each, located(store, each, "7"), listener)
    assert listener.fields == {"id", "said"}
