"""Rows of SQLite read by the place that a page reader nominates them for."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.errors import CouldNotLook
from expunge.ports.optional.placing import LiveRows
from expunge.residue.placing.reader import open_reader
from expunge.stores.sqlite.store import Sqlite
from tests.residue.placing.sqlite_places import explained, mark
from tests.stores.sqlite.sqlite_company import dataset, forget, located, opened, run


def read(store, each, *rows, erased=()):
    """(index, keys, values of the selector) of every row that is read."""
    found = store.nominated(each, [LiveRows("people", keys) for keys in rows], erased)
    return [(at, copy.keys, dict(copy.selector.match) if copy.selector else None) for at, copy in found]


def someone(name):
    return {"id": frozenset({name})}


@pytest.fixture
def people(tmp_path):
    path = tmp_path / "app.db"
    run(
        path,
        "CREATE TABLE people (id TEXT, friend TEXT, said TEXT);"
        "INSERT INTO people (rowid, id, friend, said) VALUES (-5, 'anna', 'ben', 'x'), (7, 'ben', 'anna', 'y'), (9, 'anna', NULL, 'z'),"
        "  (4611686018427387904, NULL, NULL, 'nobody')",
    )
    return path


def test_rows_come_as_bystanders_do(people):
    each = replace(dataset("people"), follow=("friend",))
    with opened(people, each) as store:
        found = list(store.nominated(each, [LiveRows("people", ("-5", "4611686018427387904")), LiveRows("people", ("-5",))], ()))
        assert sorted((at, copy.keys) for at, copy in found) == [(0, ("[-5]",)), (0, ("[4611686018427387904]",)), (1, ("[-5]",))]
        assert {copy.subject for _, copy in found} == {"control-0", "control-1", "control-2"}
        anna = next(copy for _, copy in found if copy.keys == ("[-5]",))
        assert anna.selector.match == someone("anna")
        assert anna.links == {"friend": frozenset({"ben"})}
        assert next(copy for _, copy in found if copy.keys != ("[-5]",)).selector is None


def test_rows_of_the_erased_are_not_read(people):
    each = dataset("people")
    with opened(people, each) as store:
        copies = located(store, each, "anna")
        assert read(store, each, ("-5",), ("7",), ("9",), erased=copies) == [(1, ("[7]",), someone("ben"))]
        # of those who keep some of their rows, the keys alone say what goes
        assert read(store, each, ("-5",), ("9",), erased=[Copy("people", Pseudonym("s0"), ("[9]",), 1)]) == [
            (0, ("[-5]",), someone("anna"))
        ]
        # a row that came in later is the erased person's all the same, by the value of its field
        run(people, "INSERT INTO people (rowid, id) VALUES (11, 'anna')")
        assert read(store, each, ("11",), erased=copies) == []


@pytest.mark.parametrize("row", ["", "x", "[7]", "7.0", " 7", "99999999999999999999", "9223372036854775808", "\u0667", "8"])
def test_what_is_no_row_is_not_read(people, row):
    each = dataset("people")
    with opened(people, each) as store:
        assert read(store, each, (row,)) == []
        assert read(store, each, (row, "7")) == [(0, ("[7]",), someone("ben"))]


def test_more_rows_than_one_statement_takes(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        "CREATE TABLE people (id TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1300)"
        "INSERT INTO people SELECT 'p' || i FROM n",
    )
    with opened(path, each) as store:
        found = read(store, each, *((str(number), "1") for number in range(1, 1301)))
    assert {(at, keys) for at, keys, _ in found} == {(at, (f"[{at + 1}]",)) for at in range(1300)} | {(at, ("[1]",)) for at in range(1300)}


@pytest.mark.parametrize(
    "values", ["'key'", "x'00ff'", "1.5", "12", "'caf' || char(233)", "CAST(x'ff41' AS TEXT)", "9007199254740993", "1e300", "''"]
)
def test_keys_of_tables_without_rowids_lead_from_the_place_to_the_row(tmp_path, values):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        "CREATE TABLE people (said TEXT UNIQUE, k, id TEXT, PRIMARY KEY (id, k)) WITHOUT ROWID;"
        f"INSERT INTO people VALUES ('a long sentence of one', {values}, 'one'), ('another sentence of two', {values}, 'two')",
    )
    data = path.read_bytes()
    with opened(path, each) as store, closing(open_reader(path)) as reader:
        places = [at for at in range(len(data)) if data.startswith(b"sentence of one", at)]
        assert len(places) == 2
        for at in places:
            lying = reader.at(at, 15)
            assert [dict(copy.selector.match) for _, copy in store.nominated(each, [lying], ())] == [someone("one")]
            assert read(store, each, lying.rows, erased=located(store, each, "one")) == []


def test_a_key_of_another_kind_of_table_is_no_row(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, "CREATE TABLE people (id TEXT PRIMARY KEY) WITHOUT ROWID; INSERT INTO people VALUES ('1')")
    with opened(path, each) as store:
        assert read(store, each, ("1", "[", '["1", "2"]', "{}", '["1"]')) == [(0, ('["1"]',), someone("1"))]


def test_attached_databases_hold_their_own_rows(tmp_path):
    """Tables of one name in two files: a place in one file is read from that file."""
    for name, who in (("app.db", "anna"), ("old.db", "ben")):
        run(tmp_path / name, f"CREATE TABLE people (id TEXT); INSERT INTO people VALUES ('{who}')")
    here, there = (
        Dataset(name, "app", ByField({"p": "id"}), "life", layout=TableLayout(table))
        for name, table in (("here", "people"), ("there", "Old.People"))
    )
    spec = StoreSpec("app", "sqlite", str(tmp_path / "app.db"), {"attach": {"old": "old.db"}})
    with closing(Sqlite(spec, (here, there))) as store:
        assert [store.holds(each, tmp_path / "app.db") for each in (here, there)] == [True, False]
        assert [store.holds(each, tmp_path / "old.db") for each in (here, there)] == [False, True]
        assert store.holds(there, tmp_path / "old.db-wal")
        assert not store.holds(there, tmp_path / "old.db-journal")
        (tmp_path / "link").symlink_to(tmp_path / "old.db")
        assert store.holds(there, tmp_path / "link")
        assert read(store, here, ("1",)) == [(0, ("[1]",), someone("anna"))]
        assert read(store, there, ("1",)) == [(0, ("[1]",), someone("ben"))]


def test_a_table_that_is_not_there_is_told(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, "CREATE TABLE persons (id TEXT); CREATE VIEW people AS SELECT * FROM persons")
    with opened(path, each) as store, pytest.raises(CouldNotLook):
        list(store.nominated(each, [LiveRows("people", ("1",))], ()))


def test_rows_of_a_full_text_table(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        "CREATE VIRTUAL TABLE people USING fts5 (id, said); INSERT INTO people (rowid, id, said) VALUES (41, 'one', 'a sentence of one'),"
        " (42, 'two', 'a sentence of two')",
    )
    with opened(path, each) as store, closing(open_reader(path)) as reader:
        lying = reader.at(path.read_bytes().index(b"a sentence of two"), 17)
        assert lying == LiveRows("people", ("42",))
        assert read(store, each, lying.rows) == [(0, ("[42]",), someone("two"))]


@pytest.mark.parametrize("page", [512, 1024, 4096])
def test_after_a_purge_every_place_of_those_who_stay_is_a_row(tmp_path, page):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, "CREATE TABLE people (id TEXT PRIMARY KEY, said TEXT); CREATE INDEX i ON people (said)", f"page_size={page}")
    numbers = random.Random(page)
    with closing(sqlite3.connect(path)) as connection:
        rows = [(f"p{n}", mark(n) + "." * numbers.randrange(2 * page)) for n in numbers.sample(range(1500), 700)]
        connection.executemany("INSERT INTO people VALUES (?, ?)", rows)
        connection.commit()
    forget(path, each, *(name for name, _ in rows[:50]))
    answers = explained(path)
    assert {held for _, held, _ in answers} == {said[:14] for _, said in rows[50:]}
    with opened(path, each) as store:
        for _, held, lying in answers:
            ((_, copy),) = store.nominated(each, [lying], ())
            assert copy.selector.match == someone(next(name for name, said in rows if said.startswith(held)))
