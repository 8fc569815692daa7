"""What schemas and values can be: names, types, keys, references, triggers, rules, views, JSON, arrays, partitions, large objects."""

from __future__ import annotations

import base64
import json

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, Dataset, Ignore, TableLayout, Through
from expunge.core.values.copy import Copy, FindingKind, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.stores.postgres.schema.catalogue import PostgresSchema
from expunge.testing.store_reading import Listener
from tests.stores.postgres.postgres_company import KEY, dataset, erased, located, opened, rows, run, selectors

NAMES = [
    'with "quotes" in',
    "it's",
    "spaces and\nlines",
    "select",
    "ünï 日本",
    "semi;colon--",
    "a.b",
    "[brackets]",
    "%s {x} %",
    "Back\\slash",
]
PEOPLE = (
    "CREATE TABLE people (id text PRIMARY KEY, said text); INSERT INTO people VALUES ('a', 'sentence of a'), ('b', 'sentence of b'),"
    " ('c', 'sentence of c')"
)


@pytest.fixture(scope="module")
def emptied(postgres_server):
    """One database for all tests of this file: to make one takes longer than most of them."""
    postgres_server.start()
    yield postgres_server.database("oddities")
    postgres_server.drop("oddities")


@pytest.fixture
def database(emptied):
    names = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    for (name,) in rows(emptied, f"SELECT quote_ident(nspname) FROM pg_namespace n WHERE {names}"):
        run(emptied, f"DROP SCHEMA {name} CASCADE")
    run(emptied, "CREATE SCHEMA public", "SELECT lo_unlink(oid) FROM pg_largeobject_metadata")
    return emptied


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def complaints(store, *ignored):
    return [each for each in store.check(ignored) if each.kind is not FindingKind.NOTE]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tables_and_columns_are_data(database, name):
    it = quoted(name)
    run(
        database,
        f"CREATE TABLE {it} ({it} text, said text, PRIMARY KEY ({it}, said)); CREATE INDEX {quoted('i' + name)} ON {it} ({it})",
        f"CREATE VIEW {quoted('v' + name)} AS SELECT * FROM {it}",
        f"INSERT INTO {it} VALUES ('one', 'sentence of one'), ('two', 'sentence of two')",
    )
    each = dataset(name, name)
    with opened(database, each) as store:
        assert complaints(store) == []
        copies = located(store, each, "one")
        (seen,) = store.probe(each, copies)
        assert seen.items == 1
        assert {"table", f"view v{name}"} <= set(seen.paths)
        assert any(path.startswith("index ") for path in seen.paths)
        assert store.preflight(each, copies) == ()
        assert len(list(store.export(each, copies[0]))) == 1
        assert store.erase(each, copies, KEY) == {"s0": Erased(1)}
        (seen,) = store.probe(each, copies)
        assert (seen.items, seen.could_not) == (0, "")
    assert rows(database, f"SELECT * FROM {it}") == [("two", "sentence of two")]


def test_tables_in_other_schemas_and_names_that_look_like_it(database):
    run(database, 'CREATE SCHEMA "Other"', 'CREATE TABLE "Other".people (id text)', 'CREATE TABLE "Other.people" (id text)')
    run(database, "INSERT INTO \"Other\".people VALUES ('a')", "INSERT INTO \"Other.people\" VALUES ('a'), ('a')")
    each = dataset("people", table="Other.people")
    with opened(database, each) as store:
        assert erased(store, each, "a") == {"s0": Erased(1)}
    assert rows(database, 'SELECT count(*) FROM "Other.people"') == [(2,)]


@pytest.mark.parametrize(
    ("declared", "stored", "asked", "not_asked"),
    [
        ("int", "42", "42", ("042", "42.0", " 42", "+42", "4.2e1", "x", "99999999999", "")),
        ("smallint", "-1", "-1", ("1", "- 1", "65535")),
        ("bigint", str(2**62), str(2**62), (str(2**62 + 1), str(2**64), f"{2**62}.0")),
        ("real", "42", "42", ("042", "1e300")),
        ("double precision", "42", "42.0", ("42.00",)),
        ("numeric", "1.50", "1.50", ("1.5", "1.500", "NaN", "-0")),
        ("text", "'0042'", "0042", ("42",)),
        ("varchar(5)", "'0042'", "0042", ("42", "0042 more")),
        ("char(6)", "'anna'", "anna", ("Anna", " anna")),
        ("char(6)", "'anna'", "anna  ", ("ann",)),
        ("uuid", "'6F9619FF-8B86-D011-B42D-00C04FC964FF'", "6f9619ff-8b86-d011-b42d-00c04fc964ff", ("6F9619FF", "x")),
        ("mood", "'glad'", "glad", ("sad", "angry", "GLAD")),
        ("address", "'a@example.org'", "a@example.org", ("A@example.org",)),
        ("public.citext", "'Anna'", "Anna", ("anna", "ANNA")),
        ('text COLLATE "de-x-icu"', "'Straße'", "Straße", ("Strasse", "straße")),
        ("text COLLATE blind", "'Anna'", "Anna", ("anna", "ANNA", "Ánna")),
        ("boolean", "true", "true", ("t", "1")),
        ("date", "'2026-11-25'", "2026-11-25", ("25.11.2026",)),
        ("timestamptz", "'2026-11-25T00:00:00Z'", "2026-11-25 00:00:00+00", ("2026-11-25",)),
        ("inet", "'10.0.0.1'", "10.0.0.1/32", ("10.0.0.1",)),
        ("bytea", "'\\x00ff'", "\\x00ff", ("00ff",)),
        ("text[]", "ARRAY['a', 'b']", "b", ("{a,b}", "B", "")),
        ("int[]", "ARRAY[[1, 2], [3, 4]]", "3", ("03", "5")),
        ("oid", "4000000000", "4000000000", ("-1",)),
        ("text", "''", "", (" ",)),
        ("text", "E'tab\\tnew\\nback\\\\ r\\r'", "tab\tnew\nback\\ r\r", ("tab",)),
        ("text", "'\\N'", "\\N", ("",)),
    ],
)
@pytest.mark.parametrize("index", [pytest.param(False, marks=pytest.mark.soak), True])
def test_values_compare_as_text_and_exactly(database, declared, stored, asked, not_asked, index):
    if "icu" in declared or "blind" in declared:
        if not rows(database, "SELECT 1 FROM pg_collation WHERE collname = 'de-x-icu'"):
            pytest.skip("this server is built without ICU")
        run(database, "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level1', deterministic = false)")
    run(
        database,
        "CREATE EXTENSION citext",
        "CREATE TYPE mood AS ENUM ('glad', 'sad')",
        "CREATE DOMAIN address AS varchar(40) CHECK (value <> '')",
    )
    run(database, f"CREATE TABLE people (id {declared}, said text)", f"INSERT INTO people VALUES ({stored}, 'mine')")
    run(database, "INSERT INTO people VALUES (NULL, 'theirs')")
    if index:
        using = "USING gin " if declared.endswith("[]") else ""
        run(database, f"CREATE INDEX by_id ON people {using}(id)", "SET enable_seqscan = off")
    each = dataset("people", follow=("id",))
    with opened(database, each) as store:
        for other in not_asked:
            assert located(store, each, other) == [], other
        (copy,) = located(store, each, asked)
        (seen,) = store.probe(each, [copy])
        assert (copy.items, seen.items) == (1, 1)
        again = list(store.locate(each, [Selector(Pseudonym("again"), copy.links)]))
        assert [found.keys for found in again] == [copy.keys]
        heard = Listener()
        store.trace(each, [copy], heard)
        assert "mine" in heard.heard["s0"]
        assert [found.subject for found in store.bystanders(each, [copy], None)] == ["control-0"]
        assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}
        assert store.erase(each, [copy], KEY) == {"s0": Absent()}
    assert rows(database, "SELECT said FROM people") == [("theirs",)]


def test_identifiers_that_no_row_can_hold_are_nobody(database):
    run(database, PEOPLE)
    each = dataset("people")
    with opened(database, each) as store:
        assert located(store, each, "nul\0inside", "lone \udcff surrogate", "\ud800") == []


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_that_are_not_in_unicode(postgres_server, encoding):
    name = f"odd_{encoding.lower()}"
    postgres_server.sql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'")
    url = postgres_server.url.removesuffix("postgres") + name
    try:
        raw = "\\xff" if encoding == "SQL_ASCII" else "\\xe9"
        run(url, "CREATE TABLE people (id text PRIMARY KEY, said text)", "INSERT INTO people VALUES ('other', 'x')")
        run(url, f"INSERT INTO people VALUES (convert_from('{raw}'::bytea, '{encoding}'), 'mine')")
        each = dataset("people", follow=("id",))
        with opened(url, each) as store:
            (copy,) = located(store, each, "\udcff" if encoding == "SQL_ASCII" else "é")
            assert located(store, each, "日本") == []
            (item,) = store.export(each, copy)
            assert b"mine" in b"".join(item.chunks)
            assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}
    finally:
        postgres_server.drop(name)


def test_keys_of_several_columns_unique_indexes_and_none(database):
    run(
        database,
        "CREATE TABLE many (id text, n int, raw bytea, PRIMARY KEY (n, raw)); CREATE TABLE one (id text, n bigint NOT NULL UNIQUE);"
        "CREATE TABLE half (id text, n int UNIQUE); CREATE TABLE part (id text, n int NOT NULL);"
        "CREATE UNIQUE INDEX ON part (n) WHERE n > 1;"
        "INSERT INTO many VALUES ('a', 1, '\\x00ff'), ('a', 2, '\\x00'), ('b', 1, '\\x00')",
        *(f"INSERT INTO {table} VALUES ('a', 1), ('a', 2), ('b', 3)" for table in ("one", "half", "part")),
    )
    for name, lasting in (("many", True), ("one", True), ("half", False), ("part", False)):
        each = dataset(name)
        with opened(database, each) as store:
            (copy,) = located(store, each, "a")
            assert (copy.items, len(copy.keys), copy.lasting) == (2, 2, lasting)
            assert all(isinstance(json.loads(key), list) for key in copy.keys)
            assert store.erase(each, [copy.without(copy.keys[:1])], KEY) == {"s0": Erased(1)}
            assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}
        assert rows(database, f"SELECT id FROM {name}") == [("b",)]


def test_a_key_that_was_given_to_somebody_else_is_left_alone(database):
    run(database, "CREATE TABLE people (n int PRIMARY KEY, id text)", "INSERT INTO people VALUES (1, 'a')")
    each = dataset("people")
    with opened(database, each) as store:
        (copy,) = located(store, each, "a")
        run(database, "UPDATE people SET id = 'b'")
        heard = Listener()
        store.trace(each, [copy], heard)
        (item,) = store.export(each, copy)
        assert (heard.heard, b"".join(item.chunks)) == ({}, b"")
        assert store.erase(each, [copy], KEY) == {"s0": Absent()}
    assert rows(database, "SELECT * FROM people") == [(1, "b")]


@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_inside_json(database, kind):
    documents = ['{"who": {"profile id": "a", "it\'s": 1}}', '{"who": {"profile id": "b"}}', '{"who": {"profile id": 7}}', '["a"]', "{}"]
    run(database, f"CREATE TABLE events (data {kind})", "CREATE INDEX ON events ((data -> 'who' ->> 'profile id'))")
    with psycopg.connect(database) as connection:
        connection.cursor().executemany("INSERT INTO events VALUES (%s)", [(each,) for each in documents])
    each = dataset("events", "data.who.profile id", follow=("data.who.profile id",))
    with opened(database, each) as store:
        assert complaints(store) == []
        assert located(store, each, "a")[0].links == {"data.who.profile id": frozenset({"a"})}
        assert "index events_expr_idx" in next(store.probe(each, located(store, each, "a"))).paths
        assert erased(store, each, "a", "7") == {"s0": Erased(1), "s1": Erased(1)}
    assert len(rows(database, "SELECT * FROM events")) == 3


def test_everything_about_a_row_is_exported_and_traced(database):
    run(database, "CREATE EXTENSION vector", "CREATE EXTENSION lo", "CREATE TYPE pair AS (x int, y text)")
    run(
        database,
        "CREATE TABLE people (id uuid PRIMARY KEY, big bigint, exact numeric, media bytea, voice vector(3), half halfvec(3), plain real[],"
        "  tags text[], spans tstzrange, at timestamptz, data jsonb, place point, words tsvector, couple pair,"
        "  truth bool, photo lo, nothing text)",
        "INSERT INTO people VALUES ('6f9619ff-8b86-d011-b42d-00c04fc964ff', 1234567890123456789, 12345678901234567890.5, '\\x00ff10',"
        " '[1.5,2.5,3.5]', '[1,2,3]', '{0.5,NULL,1.5}', '{one,\"two, \\\"x\\\"\",NULL}', '[2026-01-01,2026-01-02)', '2026-11-25 12:00+01',"
        ' \'{"said": ["hello world", 7], "deep": {"k": "value in depth"}}\', \'(1.25,2.5)\', \'apple:1 bananasplit:2\', \'(1,yes)\', true,'
        " lo_from_bytea(0, 'a large object'), NULL)",
    )
    each = dataset("people")
    with opened(database, each) as store:
        (copy,) = located(store, each, "6f9619ff-8b86-d011-b42d-00c04fc964ff")
        lines, photo = store.export(each, copy)
        shown = json.loads(b"".join(lines.chunks))
        assert b"".join(photo.chunks) == b"a large object"
        assert base64.b64decode(shown["media"]["base64"]) == b"\x00\xff\x10"
        assert (shown["voice"], shown["tags"]) == ([1.5, 2.5, 3.5], ["one", 'two, "x"', None])
        assert shown["at"] == "2026-11-25T11:00:00+00:00"
        assert shown["data"] == {"said": ["hello world", 7], "deep": {"k": "value in depth"}}
        assert (shown["big"], shown["truth"], shown["nothing"]) == (1234567890123456789, True, None)
        heard = Listener()
        store.trace(each, [copy], heard)
        told = heard.heard["s0"]
        assert {"hello world", "value in depth", "one", 'two, "x"', "bananasplit", "6f9619ff-8b86-d011-b42d-00c04fc964ff"} <= set(told)
        assert {(1.5, 2.5, 3.5), (1.0, 2.0, 3.0), (0.5, 1.5), (1.25, 2.5), b"a large object", b"\x00\xff\x10"} <= set(told)
        assert bytes.fromhex("6f9619ff8b86d011b42d00c04fc964ff") in told
        assert (1234567890123456789).to_bytes(8, "little") in told
        assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}
    assert rows(database, "SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]


def test_what_is_handed_over_lies_so_in_the_server_s_pages(postgres_server, database):
    """Numbers, exact decimals, uuids and what joins two short values, byte for byte as the heap holds them."""
    run(
        database,
        "CREATE TABLE people (n int, id text, big bigint, exact numeric, who uuid, tail text); INSERT INTO people VALUES"
        " (77, 'acc-51', 1234567890123456789, 31415926535897932384.62643383, '6f9619ff-8b86-d011-b42d-00c04fc964ff', 'end');"
        "CHECKPOINT",
    )
    ((path,),) = rows(database, "SELECT pg_relation_filepath('people')")
    page = (postgres_server.data / path).read_bytes()
    each = dataset("people")
    with opened(database, each) as store:
        heard = Listener()
        store.trace(each, located(store, each, "acc-51"), heard)
    blobs = [said for said in heard.heard["s0"] if isinstance(said, bytes)]
    assert len(blobs) >= 5
    assert all(said in page for said in blobs), [said.hex() for said in blobs if said not in page]
    assert any(b"acc-51" in said and (77).to_bytes(4, "little") in said for said in blobs)


def test_large_objects_go_with_the_last_row_that_names_them(database):
    run(
        database,
        "CREATE EXTENSION lo",
        "CREATE TABLE clips (id text, n int PRIMARY KEY, media oid); CREATE TABLE covers (n int, picture lo)",
        "INSERT INTO clips VALUES ('a', 1, lo_from_bytea(1001, 'only a')), ('a', 2, lo_from_bytea(1002, 'a and b')), ('b', 3, 1002),"
        " ('a', 4, lo_from_bytea(1003, 'a cover')), ('a', 5, 4711)",
        "INSERT INTO covers VALUES (1, 1003)",
        "SELECT lo_from_bytea(1004, 'of nobody')",
    )
    each = dataset("clips")
    with opened(database, each) as store:
        (finding,) = [found for found in complaints(store, Ignore("app", "covers", "no people")) if "large objects" in found.what]
        assert finding.what.startswith("1 large") or finding.what.startswith("2 large")
        assert erased(store, each, "a") == {"s0": Erased(4)}
    assert rows(database, "SELECT oid FROM pg_largeobject_metadata ORDER BY 1") == [(1002,), (1003,), (1004,)]


def test_the_application_s_own_trigger_may_unlink_first(database):
    run(
        database,
        "CREATE EXTENSION lo; CREATE TABLE clips (id text PRIMARY KEY, media lo);"
        "CREATE TRIGGER tidy BEFORE UPDATE OR DELETE ON clips FOR EACH ROW EXECUTE FUNCTION lo_manage(media);"
        "INSERT INTO clips VALUES ('a', lo_from_bytea(1001, 'only a'))",
    )
    each = dataset("clips")
    with opened(database, each) as store:
        assert store.capabilities.rewritten == frozenset()
        assert erased(store, each, "a") == {"s0": Erased(1)}
    assert rows(database, "SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]


@pytest.mark.parametrize("key", ["PRIMARY KEY (n, at)", "CHECK (true)"])
def test_partitions_the_default_one_and_those_below(database, key):
    run(
        database,
        f"CREATE TABLE calls (id text, n int NOT NULL, at date NOT NULL, {key}) PARTITION BY RANGE (at);"
        "CREATE TABLE calls_old PARTITION OF calls FOR VALUES FROM ('2020-01-01') TO ('2025-01-01') PARTITION BY LIST (n);"
        "CREATE TABLE calls_old_1 PARTITION OF calls_old FOR VALUES IN (1); CREATE TABLE calls_rest PARTITION OF calls DEFAULT;"
        "INSERT INTO calls VALUES ('a', 1, '2024-01-01'), ('b', 1, '2024-01-02'), ('a', 2, '2026-01-01'), ('b', 3, '2026-01-02')",
    )
    each = dataset("calls")
    with opened(database, each) as store:
        assert complaints(store) == []
        copies = located(store, each, "a")
        assert (copies[0].items, copies[0].lasting) == (2, key.startswith("PRIMARY"))
        assert {"partition calls_old_1", "partition calls_rest"} <= set(next(store.probe(each, copies)).paths)
        assert store.preflight(each, copies) == ()
        assert len(list(store.bystanders(each, copies, None))) == 1
        assert store.erase(each, copies, KEY) == {"s0": Erased(2)}
    assert rows(database, "SELECT id, n FROM calls ORDER BY n") == [("b", 1), ("b", 3)]


class Altered(psycopg.Connection):
    """A connection beside which the schema changes once a table's columns were asked for."""

    change = ""

    def execute(self, query, *more, **options):
        answer = super().execute(query, *more, **options)
        if self.change and "attnotnull" in str(query):
            change, self.change = self.change, ""
            with psycopg.connect(self.info.dsn) as other:
                other.execute(change)
        return answer


def test_a_column_that_changes_its_type_while_the_schema_is_read_is_not_left_out(database):
    run(database, "CREATE DOMAIN said AS text; CREATE TABLE notes (id int PRIMARY KEY, profile_id said, word text)")
    with Altered.connect(database, autocommit=True) as connection:
        connection.change = "ALTER TABLE notes ALTER profile_id TYPE varchar; DROP DOMAIN said"
        columns = PostgresSchema(connection).require("notes").columns
        assert connection.change == ""
        assert [(each.name, each.type) for each in columns] == [("id", "int4"), ("profile_id", "varchar"), ("word", "text")]


def test_a_connection_that_lives_on_sees_what_the_schema_became(database):
    """Partitions, inheritance, indexes, views, rules, domains and labels that come after the table was looked at once."""
    run(
        database,
        "CREATE TABLE parent (id int NOT NULL, word text); CREATE DOMAIN kind AS text; CREATE TYPE mood AS ENUM ('glad');"
        "CREATE TABLE typed (k kind, m mood); CREATE TABLE parts (id int) PARTITION BY LIST (id)",
        "VACUUM ANALYZE parent",
    )
    with psycopg.connect(database, autocommit=True) as connection:

        def table(name):
            return PostgresSchema(connection).require(name)

        assert (table("parent").children, table("parts").children, table("parent").lasting) == ((), (), False)
        assert PostgresSchema(connection).views([table("parent").oid]) == []
        assert [each.labels for each in table("typed").columns] == [frozenset(), frozenset({"glad"})]
        run(database, "CREATE TABLE child () INHERITS (parent); CREATE TABLE part PARTITION OF parts FOR VALUES IN (1)")
        run(database, "ALTER TYPE mood ADD VALUE 'sad'", "CREATE VIEW shown AS SELECT * FROM parent")
        run(database, "CREATE VIEW above AS SELECT word FROM shown; ALTER TABLE typed ALTER k TYPE int USING 1")
        assert (table("parent").children, table("parts").children) == (("child",), ("part",))
        assert [each.name for each in PostgresSchema(connection).views([table("parent").oid])] == ["above", "shown"]
        typed = [(each.type, each.labels) for each in table("typed").columns]
        assert typed == [("int4", frozenset()), ("mood", frozenset({"glad", "sad"}))]
        run(database, "DROP TABLE child CASCADE; CREATE UNIQUE INDEX ON parent (id)")
        assert table("parent").lasting


def test_tables_that_inherit_are_read_and_erased_with_their_parent(database):
    run(
        database,
        "CREATE TABLE people (n int PRIMARY KEY, id text); CREATE TABLE guests (room int) INHERITS (people);"
        "INSERT INTO people VALUES (1, 'a'), (2, 'b'); INSERT INTO guests VALUES (1, 'b', 7), (2, 'a', 8)",
    )
    each = dataset("people")
    with opened(database, each) as store:
        assert complaints(store) == []
        assert erased(store, each, "a") == {"s0": Erased(2)}
    assert rows(database, "SELECT n, id FROM people ORDER BY n") == [(1, "b"), (2, "b")]


def test_a_partition_on_another_server_is_refused(database):
    run(
        database,
        "CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;"
        "CREATE TABLE calls (id text, n int) PARTITION BY LIST (n);"
        "CREATE TABLE near PARTITION OF calls FOR VALUES IN (1); CREATE FOREIGN TABLE away PARTITION OF calls FOR VALUES IN (2) SERVER far;"
        "CREATE FOREIGN TABLE alone (id text) SERVER far",
    )
    each = dataset("calls")
    with opened(database, each) as store:
        found = {(finding.kind, finding.where) for finding in complaints(store)}
        assert found == {(FindingKind.UNSUPPORTED, "app: calls"), (FindingKind.UNDECLARED, "app: alone")}
        unable, *_ = store.preflight(each, [Copy("calls", Pseudonym("s0"), (), 0)])
        assert (unable.reason, "away" in unable.detail) == (Reason.UNSUPPORTED, True)


@pytest.mark.parametrize(
    ("made", "what"),
    [
        ("CREATE VIEW seen AS SELECT 'a'::text AS id", "a view"),
        ("CREATE MATERIALIZED VIEW seen AS SELECT 'a'::text AS id", "a materialised view"),
    ],
)
def test_what_is_no_table_is_said(database, made, what):
    run(database, made)
    each = dataset("seen")
    with opened(database, each) as store:
        assert [finding.kind for finding in complaints(store) if finding.kind is FindingKind.UNSUPPORTED]
        with pytest.raises(CouldNotLook, match=what):
            located(store, each, "a")
        copy = Copy("seen", Pseudonym("s0"), ('["a"]',), 1)
        assert store.erase(each, [copy], KEY)["s0"].reason is Reason.UNSUPPORTED


# --- references -------------------------------------------------------------------------------------

CHILD = (
    "CREATE TABLE orders (n int PRIMARY KEY, person text REFERENCES people {action}, buyer text);"
    "INSERT INTO orders VALUES (1, 'a', 'a'), (2, 'b', 'x')"
)


@pytest.mark.parametrize("action", ["", "ON DELETE RESTRICT", "DEFERRABLE INITIALLY DEFERRED"])
def test_rows_that_nobody_declared_stand_in_the_way(database, action):
    run(database, PEOPLE, CHILD.format(action=action))
    each = dataset("people")
    with opened(database, each) as store:
        copies = located(store, each, "a", "b", "c")
        warned, _ = store.binding_references(each, copies, {}).values()
        assert (warned.reason, "orders" in warned.detail) == (Reason.REFERENCED, True)
        answers = store.erase(each, copies, KEY)
        assert [getattr(answers[who], "reason", answers[who]) for who in ("s0", "s1", "s2")] == [Reason.REFERENCED] * 2 + [Erased(1)]
        run(database, "DELETE FROM orders")
        assert store.erase(each, copies, KEY) == {"s0": Erased(1), "s1": Erased(1), "s2": Absent()}


def test_rows_that_an_order_erases_itself_do_not_stand_in_the_way_beforehand(database):
    run(database, PEOPLE, CHILD.format(action=""))
    people = dataset("people", follow=("id",))
    orders = dataset("orders", "person")
    with opened(database, people, orders) as store:
        copies = located(store, people, "a")
        assert not store.binding_references(people, copies, {})
        assert store.erase(people, copies, KEY)["s0"].reason is Reason.REFERENCED
        assert erased(store, orders, "a") == {"s0": Erased(1)}
        assert store.erase(people, copies, KEY) == {"s0": Erased(1)}


def test_cascades_go_as_the_schema_says_and_never_into_what_is_kept(database):
    run(database, PEOPLE, CHILD.format(action="ON DELETE CASCADE"))
    people, orders = dataset("people"), dataset("orders", "person")
    with opened(database, people, orders) as store:
        copies, kept = located(store, people, "a"), located(store, orders, "a")
        (warned,) = store.preflight(people, copies, kept)
        assert (warned.reason, "orders" in warned.detail) == (Reason.REFERENCED, True)
        assert store.preflight(people, copies) == ()
        assert store.erase(people, copies, KEY) == {"s0": Erased(1)}
        assert store.erase(orders, kept, KEY) == {"s0": Absent()}
    assert rows(database, "SELECT n FROM orders") == [(2,)]


def test_rows_of_one_person_may_refer_to_each_other(database):
    run(database, "CREATE TABLE people (n int PRIMARY KEY, id text, replies_to int REFERENCES people)")
    run(database, "INSERT INTO people VALUES (1, 'a', 2), (2, 'a', 1), (3, 'b', 3), (4, 'c', 3)")
    each = dataset("people")
    with opened(database, each) as store:
        copies = located(store, each, "a", "b")
        answers = store.erase(each, copies, KEY)
        assert answers["s0"] == Erased(2)
        assert answers["s1"].reason is Reason.REFERENCED
    assert rows(database, "SELECT n FROM people ORDER BY n") == [(3,), (4,)]


# --- triggers and rules -----------------------------------------------------------------------------


def trigger(body, when="AFTER"):
    return (
        f"CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;"
        f"CREATE TRIGGER telling {when} DELETE ON people FOR EACH ROW EXECUTE FUNCTION told()"
    )


def test_a_trigger_that_refuses_some_is_told_of_those_alone(database):
    run(database, PEOPLE, trigger("IF old.id = 'b' THEN RAISE EXCEPTION 'no: %', old.said; END IF; RETURN old;", "BEFORE"))
    each = dataset("people")
    with opened(database, each) as store:
        answers = erased(store, each, "a", "b", "c")
    assert (answers["s0"], answers["s2"]) == (Erased(1), Erased(1))
    assert answers["s1"].reason is Reason.UNSUPPORTED
    assert "sentence" not in repr(answers)
    assert rows(database, "SELECT id FROM people") == [("b",)]


@pytest.mark.parametrize("body", ["RETURN NULL;", "UPDATE people SET said = 'deleted' WHERE id = old.id; RETURN NULL;"])
@pytest.mark.parametrize("keyed", [True, False])
def test_a_trigger_that_keeps_rows_is_no_success(database, body, keyed):
    run(database, PEOPLE, trigger(f"IF old.id = 'b' THEN {body} END IF; RETURN old;", "BEFORE"))
    if not keyed:
        run(database, "ALTER TABLE people DROP CONSTRAINT people_pkey")
    each = dataset("people")
    with opened(database, each) as store:
        answers = erased(store, each, "a", "b", "c")
    assert (answers["s0"], answers["s2"]) == (Erased(1), Erased(1))
    assert (answers["s1"].reason, "keeps" in answers["s1"].detail) == (Reason.UNSUPPORTED, True)
    assert rows(database, "SELECT id, said FROM people") == [("b", "sentence of b")]


def test_a_rule_that_takes_the_place_of_deletions_is_found_before(database):
    run(database, PEOPLE, "CREATE RULE keep AS ON DELETE TO people DO INSTEAD NOTHING")
    each = dataset("people")
    with opened(database, each) as store:
        copies = located(store, each, "a")
        assert [each.reason for each in store.preflight(each, copies)] == [Reason.UNSUPPORTED]
        assert isinstance(store.erase(each, copies, KEY)["s0"], Unable)
        assert FindingKind.UNSUPPORTED in {found.kind for found in complaints(store)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("INSERT INTO audit VALUES (old.id); RETURN NULL;", {"audit"}),
        ('INSERT INTO "Strange name" VALUES (old.id); RETURN NULL;', {"strange"}),
        ("PERFORM pass_on(old.id); RETURN NULL;", {"audit"}),
        ("EXECUTE format('INSERT INTO %I VALUES ($1)', 'au' || 'dit') USING old.id; RETURN NULL;", {"people", "audit", "strange"}),
        ("PERFORM 1; RETURN NULL;", set()),
    ],
)
def test_what_triggers_write_to_is_known_before(database, body, expected):
    run(
        database,
        PEOPLE + ';CREATE TABLE audit (id text); CREATE TABLE "Strange name" (id text);'
        "CREATE FUNCTION pass_on(one text) RETURNS void LANGUAGE sql AS 'INSERT INTO audit VALUES ($1)'",
        trigger(body),
    )
    datasets = dataset("people"), dataset("audit"), dataset("strange", table="Strange name")
    with opened(database, *datasets) as store:
        assert store.capabilities.rewritten == expected


def test_what_rules_and_cascades_lead_to_is_known_too(database):
    run(
        database,
        PEOPLE + ";CREATE TABLE notes (n int, person text REFERENCES people ON DELETE CASCADE);"
        "CREATE TABLE audit (id text); CREATE TABLE log (id text);"
        "CREATE RULE note AS ON DELETE TO notes DO ALSO INSERT INTO audit VALUES (old.person);"
        "CREATE FUNCTION told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES (new.id); RETURN NULL; END $$;"
        "CREATE TRIGGER telling AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION told()",
    )
    with opened(database, dataset("people"), dataset("audit"), dataset("log")) as store:
        assert store.capabilities.rewritten == {"audit", "log"}


# --- what others see --------------------------------------------------------------------------------


def test_the_probe_sees_what_only_a_view_still_shows(database):
    run(
        database,
        PEOPLE,
        "CREATE MATERIALIZED VIEW shown AS SELECT said, id FROM people; CREATE TABLE archive AS SELECT * FROM people;"
        "CREATE VIEW everybody AS SELECT said, id FROM people UNION ALL SELECT said, id FROM archive; CREATE VIEW other AS SELECT 1 AS id",
    )
    each = dataset("people")
    with opened(database, each) as store:
        copies = located(store, each, "a")
        assert {"view everybody", "materialised view shown"} <= set(next(store.probe(each, copies)).paths)
        store.erase(each, copies, KEY)
        assert next(store.probe(each, copies)).items == 1
        run(database, "DROP TABLE archive CASCADE")
        assert next(store.probe(each, copies)).items == 1
        run(database, "REFRESH MATERIALIZED VIEW shown")
        assert next(store.probe(each, copies)).items == 0


def test_a_view_that_fails_is_no_look(database):
    run(database, PEOPLE, "CREATE VIEW broken AS SELECT id, 1 / (length(id) - 1) AS n FROM people WHERE 1 / (length(id) - 1) = 1")
    each = dataset("people")
    with opened(database, each) as store:
        (seen,) = store.probe(each, located(store, each, "a"))
    assert "broken" in seen.could_not


def test_what_nobody_declared_is_found_and_what_is_covered_is_not(database):
    run(
        database,
        PEOPLE,
        "CREATE TABLE stray (x text); CREATE MATERIALIZED VIEW fine AS SELECT * FROM people;"
        "CREATE MATERIALIZED VIEW other AS SELECT * FROM stray;"
        "CREATE SCHEMA odd; CREATE TABLE odd.framework (x int); CREATE TABLE calls (id text) PARTITION BY LIST (id);"
        "CREATE TABLE calls_a PARTITION OF calls DEFAULT",
    )
    each = dataset("people", "who", follow=("what",))
    gone = dataset("gone")
    with opened(database, each, gone) as store:
        found = {(finding.kind, finding.where.removeprefix("app: ")) for finding in complaints(store, Ignore("app", "odd.*", "framework"))}
    assert found == {
        (FindingKind.MISSING, "gone"),
        (FindingKind.SUBJECT_PATH, "people"),
        *((FindingKind.UNDECLARED, name) for name in ("stray", "other", "calls")),
    }


def test_several_kinds_of_identity_any_of_them_means_the_subject(database):
    each = Dataset("calls", "app", ByField({"caller": "from", "callee": "to"}), "life", layout=TableLayout("calls"))
    run(
        database, "CREATE TABLE calls (\"from\" text, \"to\" text); INSERT INTO calls VALUES ('a', 'b'), ('b', 'a'), ('a', 'a'), ('b', 'c')"
    )
    with opened(database, each) as store:
        copies = list(store.locate(each, selectors(each, ["a", "b"])))
        assert [copy.items for copy in copies] == [3, 3]
        assert store.erase(each, copies[:1], KEY) == {"s0": Erased(3)}
        assert store.erase(each, copies, KEY) == {"s0": Absent(), "s1": Erased(1)}


def test_a_row_of_two_people_who_both_go_counts_for_both(database):
    each = Dataset("calls", "app", ByField({"caller": "from", "callee": "to"}), "life", layout=TableLayout("calls"))
    run(database, "CREATE TABLE calls (\"from\" text, \"to\" text); INSERT INTO calls VALUES ('a', 'b')")
    with opened(database, each) as store:
        copies = list(store.locate(each, selectors(each, ["a", "b"])))
        assert store.erase(each, copies, KEY) == {"s0": Erased(1), "s1": Erased(1)}


def test_links_lead_on(database):
    run(
        database,
        "CREATE TABLE clips (id text, clip int); CREATE TABLE words (clip int, said text); INSERT INTO clips VALUES ('a', 1), ('b', 2)",
    )
    run(database, "INSERT INTO words VALUES (1, 'one'), (2, 'two'), (1, 'three')")
    clips = dataset("clips", follow=("clip",))
    words = Dataset("words", "app", Through("clips", "clip"), "life", layout=TableLayout("words"))
    with opened(database, clips, words) as store:
        (copy,) = located(store, clips, "a")
        (mine,) = store.locate(words, [Selector(copy.subject, {"clip": copy.links["clip"]})])
        assert store.erase(words, [mine], KEY) == {"s0": Erased(2)}


ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6) | st.sampled_from(["1", "01", "a", "A", "a "])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(ids, min_size=1, max_size=12), gone=st.lists(ids, max_size=4), index=st.booleans(), keyed=st.booleans())
def test_exactly_the_rows_of_the_named_go(database, people, gone, index, keyed):
    run(database, "DROP TABLE IF EXISTS people", f"CREATE TABLE people (n int {'PRIMARY KEY' if keyed else ''}, id text)")
    with psycopg.connect(database) as connection:
        connection.cursor().executemany("INSERT INTO people VALUES (%s, %s)", list(enumerate(people)))
    if index:
        run(database, "CREATE INDEX by_id ON people (id)")
    each = dataset("people")
    with opened(database, each) as store:
        copies = located(store, each, *gone)
        staying = [key for copy in store.bystanders(each, copies, None) for key in copy.keys]
        assert len(staying) == len(set(staying)) == sum(one not in gone for one in people)
        store.erase(each, copies, KEY)
    assert rows(database, "SELECT n, id FROM people ORDER BY n") == [(n, one) for n, one in enumerate(people) if one not in gone]


def test_many_people_who_stay_are_streamed_less_many_who_go(database):
    run(
        database,
        "CREATE TABLE rows (n int PRIMARY KEY, id text, room int);"
        "INSERT INTO rows SELECT i, 'p' || i % 40, i % 7 FROM generate_series(1, 6000) i",
    )
    each = dataset("rows", follow=("room",))
    with opened(database, each) as store:
        gone = located(store, each, *(f"p{n}" for n in range(20)))
        assert sum(copy.items for copy in gone) == 3000
        staying = list(store.bystanders(each, gone, None))
        assert {next(iter(copy.selector.match["id"])) for copy in staying} == {f"p{n}" for n in range(20, 40)}
        assert sum(copy.items for copy in staying) == 3000
        assert all(copy.links["room"] for copy in staying)
        few = list(store.bystanders(each, gone, 3))
        assert [copy.subject for copy in few] == ["control-0", "control-1", "control-2"]
        assert all(copy.items == 150 for copy in few)


@pytest.mark.parametrize("shared", ["v7", "v" * 3000])
def test_many_people_are_found_together_though_some_share_a_value(database, shared):
    run(database, "CREATE TABLE calls (id int, leg int, number text, said text, PRIMARY KEY (id, leg)); CREATE INDEX ON calls (number)")
    run(database, "INSERT INTO calls SELECT g / 2, g % 2, 'v' || g / 2, 'sentence of call ' || g FROM generate_series(0, 999) AS g")
    run(database, f"UPDATE calls SET number = '{shared}' WHERE id = 7")
    each = dataset("calls", "number")
    wanted = [Selector(Pseudonym(f"s{at}"), {"number": frozenset({shared if at == 7 else f"v{at}"})}) for at in range(300)]
    wanted.append(Selector(Pseudonym("twin"), {"number": frozenset({shared})}))
    with opened(database, each) as store:
        copies = list(store.locate(each, wanted))
        assert {copy.subject: copy.items for copy in copies} == {selector.subject: 2 for selector in wanted}
        assert {frozenset(copy.keys) for copy in copies if copy.subject in {"s7", "twin"}} == {frozenset({'["7", "0"]', '["7", "1"]'})}
        seen = list(store.probe(each, copies))
        assert [one.items for one in seen] == [2] * len(wanted)
        assert {path for one in seen for path in one.paths if path.startswith("index ")} == {"index calls_number_idx"}
        listener = Listener()
        store.trace(each, copies, listener)
        assert store.erase(each, copies, KEY).keys() == {selector.subject for selector in wanted}
        assert [one.items for one in store.probe(each, copies)] == [0] * len(wanted)
    assert rows(database, "SELECT count(*), min(id) FROM calls") == [(400, 300)]


def lying(store, each, *people):
    heard = Listener()
    store.trace(each, located(store, each, *people), heard)
    tuple(store.raw())  # a checkpoint
    data = b"".join(path.read_bytes()[first:last] for path, stretches in heard.lying.items() for first, last in stretches)
    return heard.lying, data


def test_the_pages_that_rows_lie_in_are_told_and_no_others(database):
    run(database, "CREATE TABLE people (id text, said text) WITH (fillfactor = 10)")
    with psycopg.connect(database) as connection, connection.cursor().copy("COPY people FROM STDIN") as copy:
        for number in range(2000):
            copy.write_row((f"p{number}", f"sentence of {number:04} and more of the same"))
    each = dataset("people")
    with opened(database, each) as store:
        ((path, stretches),), data = lying(store, each, "p7", "p1500")[0].items(), lying(store, each, "p7", "p1500")[1]
        assert all(f"sentence of {number} ".encode() in data for number in ("0007", "1500"))
        assert sum(last - first for first, last in stretches) == 2 * 8192
        assert any(path.is_relative_to(source.path) for source in store.raw())


def test_rows_of_partitions_are_found_in_the_partitions_files(database):
    run(
        database,
        "CREATE TABLE people (id text, said text) PARTITION BY LIST (id)",
        *(f"CREATE TABLE people_{each} PARTITION OF people FOR VALUES IN ('{each}')" for each in "ab"),
        "INSERT INTO people VALUES ('a', 'sentence of a'), ('b', 'sentence of b')",
    )
    each = dataset("people")
    with opened(database, each) as store:
        files, data = lying(store, each, "a", "b")
    assert len(files) == 2
    assert b"sentence of a" in data
    assert b"sentence of b" in data


def test_nothing_is_told_of_rows_whose_values_may_lie_elsewhere(database):
    run(database, "CREATE TABLE people (id text, said text)", "ALTER TABLE people ALTER said SET STORAGE EXTERNAL")
    run(database, "INSERT INTO people VALUES ('a', 'short')", "INSERT INTO people SELECT 'b', repeat('long ', 5000)")
    each = dataset("people")
    with opened(database, each) as store:
        assert lying(store, each, "a")[0] == {}
