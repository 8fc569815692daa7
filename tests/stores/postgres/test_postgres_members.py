"""Rows of several people: a member leaves an array or a JSON list, and the row stays for the others."""

from __future__ import annotations

import json

import psycopg
import pytest

from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Unable
from tests.stores.postgres.postgres_company import KEY, dataset, erased, located, opened, rows, run


@pytest.fixture(scope="module")
def emptied(postgres_server):
    """One database for all tests of this file."""
    postgres_server.start()
    yield postgres_server.database("members")
    postgres_server.drop("members")


@pytest.fixture
def database(emptied):
    run(emptied, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    return emptied


ODD = ['quo"te', "back\\slash", "com,ma", "{brace}", "NULL", "tab\tand\nline", ""]


@pytest.mark.parametrize("kind", ["text[]", "varchar(40)[]", "jsonb", "json"])
def test_a_member_leaves_and_everything_else_stays(database, kind):
    lists = [["ann", "bob"], ["ann"], ["bob", "cara"], [*ODD, "ann"], [], ["ann", "ann", "bob"]]
    run(database, f"CREATE TABLE groups (id int PRIMARY KEY, title text, members {kind}, n numeric(9,4))")
    for number, members in enumerate(lists):
        cell = json.dumps(members) if kind.startswith("json") else members
        with_cast = "%s::" + kind
        rows_in(database, f"INSERT INTO groups VALUES (%s, 'a group', {with_cast}, 1.5)", number, cell)
    groups = dataset("groups", "members", members=True)
    before = {row[0]: row for row in rows(database, "SELECT id, title, members, n::text FROM groups")}
    with opened(database, groups) as store:
        (copy,) = located(store, groups, "ann")
        assert (copy.items, len(copy.shared), copy.others) == (4, 3, {})
        assert store.preflight(groups, [copy]) == ()
        assert list(store.erase(groups, [copy], KEY).values()) == [Erased(4)]
        (seen,) = store.probe(groups, [copy])
        assert seen.items == 0
        assert located(store, groups, "ann") == []
        assert list(store.erase(groups, [copy], KEY).values()) == [Absent()]
    after = {row[0]: row for row in rows(database, "SELECT id, title, members, n::text FROM groups")}
    assert {number: row[2] for number, row in after.items()} == {0: ["bob"], 2: ["bob", "cara"], 3: ODD, 4: [], 5: ["bob"]}
    assert all(row[:2] + row[3:] == before[number][:2] + before[number][3:] for number, row in after.items())


def rows_in(url, sql, *parameters):
    with psycopg.connect(url) as connection:
        connection.execute(sql, parameters)


@pytest.mark.parametrize("kind", ["jsonb", "json"])
def test_the_entry_of_a_list_of_objects_leaves_with_all_that_it_holds(database, kind):
    document = {"title": "garden", "members": [{"id": "ann", "said": "hello from the shed"}, {"id": "bob", "n": 1.50}], "x": [1]}
    run(database, f"CREATE TABLE circles (id int PRIMARY KEY, doc {kind})")
    rows_in(database, f"INSERT INTO circles VALUES (1, %s::{kind})", json.dumps(document))
    rows_in(database, f"INSERT INTO circles VALUES (2, %s::{kind})", json.dumps({"members": [{"id": "ann"}]}))
    circles = dataset("circles", "doc.members.id", members=True)
    with opened(database, circles) as store:
        assert list(erased(store, circles, "ann").values()) == [Erased(2)]
    assert rows(database, "SELECT id, doc FROM circles") == [(1, {**document, "members": [{"id": "bob", "n": 1.5}]})]


def test_the_text_of_a_json_column_stays_as_it_was_written(database):
    run(database, "CREATE TABLE groups (id int PRIMARY KEY, members json)")
    rows_in(database, "INSERT INTO groups VALUES (1, %s::json)", '[ "bob" ,  "ann",\n "cara"]')
    groups = dataset("groups", "members", members=True)
    with opened(database, groups) as store:
        erased(store, groups, "ann")
    assert rows(database, "SELECT members::text FROM groups") == [('[ "bob",\n "cara"]',)]


def test_two_members_leave_together_and_the_row_goes_with_the_last(database):
    run(
        database,
        "CREATE TABLE groups (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), title text, members int[])",
        "INSERT INTO groups (title, members) VALUES ('a', '{1,2,3}'), ('b', '{1,2}'), ('c', '{2}'), ('d', '{3,NULL,1}')",
    )
    groups = dataset("groups", "members", members=True)
    with opened(database, groups) as store:
        assert list(erased(store, groups, "1", "2").values()) == [Erased(3), Erased(3)]
    assert sorted(rows(database, "SELECT title, members FROM groups")) == [("a", [3]), ("d", [3, None])]


def test_a_row_that_goes_by_the_map_names_the_others_who_lose_it(database):
    run(database, "CREATE TABLE groups (id int PRIMARY KEY, members text[])", "INSERT INTO groups VALUES (1, '{ann,bob}'), (2, '{ann}')")
    groups = dataset("groups", "members")
    with opened(database, groups) as store:
        (copy,) = located(store, groups, "ann")
        assert (copy.others, len(copy.shared)) == ({"members": frozenset({"bob"})}, 1)
        (by_number,) = store.locate(groups, [Selector(Pseudonym("s"), {"id": frozenset({"1"})})])
        assert by_number.others == {"members": frozenset({"ann", "bob"})}
        assert list(store.erase(groups, [copy], KEY).values()) == [Erased(2)]
    assert rows(database, "SELECT id FROM groups") == []


def test_a_constraint_that_refuses_is_said_and_nothing_changes(database):
    run(
        database,
        "CREATE TABLE pairs (id int PRIMARY KEY, members text[] CHECK (cardinality(members) = 2))",
        "INSERT INTO pairs VALUES (1, '{ann,bob}')",
    )
    pairs = dataset("pairs", "members", members=True)
    with opened(database, pairs) as store:
        (outcome,) = erased(store, pairs, "ann").values()
    assert isinstance(outcome, Unable)
    assert rows(database, "SELECT members FROM pairs") == [(["ann", "bob"],)]


def test_people_inside_lists_of_objects_are_told_apart_as_bystanders(database):
    run(database, "CREATE TABLE circles (id int PRIMARY KEY, doc jsonb)")
    for number, people in enumerate((["ann", "bob"], ["bob"], [], ["bob"])):
        rows_in(database, "INSERT INTO circles VALUES (%s, %s)", number, json.dumps({"members": [{"id": name} for name in people]}))
    circles = dataset("circles", "doc.members.id")
    with opened(database, circles) as store:
        found = {
            frozenset(copy.selector.match["doc.members.id"]) if copy.selector else None: copy.items
            for copy in store.bystanders(circles, (), None)
        }
        few = list(store.bystanders(circles, (), 2))
    assert found == {frozenset({"ann", "bob"}): 1, frozenset({"bob"}): 2, None: 1}
    assert len(few) == 2
