"""What schemas and values can be: names, types, keys, references, triggers, views, JSON, attached files."""

from __future__ import annotations

import io
import json
import sqlite3
import struct
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.core.datamap.datamap import ByField, Dataset, TableLayout, Through
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from tests.stores.sqlite.sqlite_company import KEY, dataset, erased, forget, located, lying, opened, rows, run, selectors

NAMES = ['with "quotes" in', "it's", "spaces and\nlines", "select", "ünï 日本", "semi;colon--", "a.b", "[brackets]", "back`tick", "%s {x}"]


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.mark.parametrize("name", NAMES)
def test_names_of_tables_and_columns_are_data(tmp_path, name):
    path, it = tmp_path / "app.db", quoted(name)
    run(
        path,
        f"CREATE TABLE {it} ({it} TEXT, said TEXT); CREATE INDEX {quoted('i' + name)} ON {it} ({it});"
        f"CREATE VIEW {quoted('v' + name)} AS SELECT * FROM {it};"
        f"CREATE VIRTUAL TABLE {quoted('f' + name)} USING fts5 (said, content={it});"
        f"INSERT INTO {it} VALUES ('one', 'sentence of one'), ('two', 'sentence of two');"
        f"INSERT INTO {quoted('f' + name)} ({quoted('f' + name)}) VALUES ('rebuild')",
    )
    each = dataset(name, name)
    with opened(path, each) as store:
        assert [found.kind for found in store.check(())] == []
        copies = located(store, each, "one")
        (seen,) = store.probe(each, copies)
        assert seen.items == 1
        assert seen.paths == ("table", f"index i{name}", f"view v{name}", f"full-text f{name}")
        assert store.preflight(each, copies) == ()
        assert store.erase(each, copies, KEY) == {"s0": Erased(1)}
        assert isinstance(store.purge([each], KEY), Erased)
        (seen,) = store.probe(each, copies)
        assert (seen.items, seen.could_not) == (0, "")
    assert rows(path, f"SELECT * FROM {it}") == [("two", "sentence of two")]
    assert not lying(path, b"sentence of one")


@pytest.mark.parametrize(
    ("declared", "stored", "asked", "not_asked"),
    [
        ("INTEGER", 42, "42", ("042", "42.0", " 42", "+42", "4.2e1", "0x2a")),
        ("INTEGER PRIMARY KEY", 42, "42", ("042", "42.0")),
        ("BIGINT", 2**62, str(2**62), (str(2**62 + 1), f"{2**62}.0")),
        ("INTEGER", -1, "-1", ("1", "- 1")),
        ("REAL", 42, "42", ("042",)),
        ("REAL", 42, "42.0", ("42.00",)),
        ("REAL", 1.5, "1.5", ("1.50",)),
        ("NUMERIC", "0042", "42", ("0042",)),
        ("TEXT", "0042", "0042", ("42",)),
        ("", 42, "42", ("42.0",)),
        ("", "42", "42", ("42.0",)),
        ("", b"42", "42", ("42.0",)),
        ("BLOB", b"raw", "raw", ("RAW",)),
        ("TEXT", b"raw", "raw", ("RAW",)),
        ("TEXT COLLATE NOCASE", "Anna", "Anna", ("anna", "ANNA")),
        ("TEXT COLLATE RTRIM", "Anna", "Anna", ("Anna ",)),
        ("TEXT", "nul\0inside", "nul\0inside", ("nul",)),
        ("TEXT", "", "", (" ",)),
    ],
)
@pytest.mark.parametrize("index", [False, True])
def test_values_compare_as_text_and_exactly(tmp_path, declared, stored, asked, not_asked, index):
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE people (id {declared}, said TEXT)")
        connection.execute("INSERT INTO people VALUES (?, 'mine')", (stored,))
        connection.execute("INSERT INTO people VALUES (77, 'theirs')")
        if index:
            connection.execute("CREATE INDEX by_id ON people (id)")
    each = dataset("people")
    with opened(path, each) as store:
        for other in not_asked:
            assert located(store, each, other) == [], other
        (copy,) = located(store, each, asked)
        (seen,) = store.probe(each, [copy])
        assert (copy.items, seen.items) == (1, 1)
        assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}
    assert rows(path, "SELECT said FROM people") == [("theirs",)]


def test_bytes_that_are_no_text(tmp_path):
    """TEXT that is not valid UTF-8 is found by what was read before, exported, and erased."""
    path = tmp_path / "app.db"
    run(
        path, "CREATE TABLE people (id TEXT PRIMARY KEY, next TEXT) WITHOUT ROWID; INSERT INTO people VALUES (CAST(x'6162ff' AS TEXT), 'x')"
    )
    each = dataset("people", follow=("id",))
    with opened(path, each) as store:
        (copy,) = located(store, each, "ab\udcff")
        assert copy.links == {"id": frozenset({"ab\udcff"})}
        (item,) = store.export(each, copy)
        assert json.loads(b"".join(item.chunks)) == {"id": "ab\udcff", "next": "x"}
        assert store.erase(each, [copy], KEY) == {"s0": Erased(1)}


def test_keys_of_several_columns_without_rowid_and_strict(tmp_path):
    path = tmp_path / "app.db"
    run(
        path,
        """
        CREATE TABLE people (id TEXT, n INTEGER, raw BLOB, said TEXT, size INTEGER AS (length(said)), PRIMARY KEY (n, raw))
          STRICT, WITHOUT ROWID;
        CREATE INDEX by_lower ON people (lower(id));
        CREATE INDEX of_some ON people (id) WHERE n > 1;
        INSERT INTO people VALUES ('a', 1, x'00ff', 'one'), ('a', 2, x'00', 'two'), ('b', 1, x'00', 'three');
        """,
    )
    each = dataset("people")
    with opened(path, each) as store:
        (copy,) = located(store, each, "a")
        assert copy.items == len(copy.keys) == 2
        items = {item.name: b"".join(item.chunks) for item in store.export(each, copy)}
        lines = [json.loads(line) for line in items.pop("people.jsonl").splitlines()]
        assert [line["size"] for line in lines] == [3, 3]
        assert sorted(items.values()) == [b"\x00", b"\x00\xff"]
        assert {line["raw"]["file"] for line in lines} == set(items)
        assert [seen.subject for seen in store.bystanders(each, [copy], None)] == ["control-0"]
        assert store.erase(each, [copy], KEY) == {"s0": Erased(2)}
        assert isinstance(store.purge([each], KEY), Erased)
    assert rows(path, "SELECT id, said FROM people") == [("b", "three")]


@pytest.mark.parametrize("columns", ["rowid TEXT, id TEXT", "rowid TEXT, _rowid_ TEXT, id TEXT", "oid TEXT, id TEXT"])
def test_columns_named_like_the_rowid(tmp_path, columns):
    path, count = tmp_path / "app.db", columns.count(",")
    run(path, f"CREATE TABLE people ({columns}); INSERT INTO people VALUES ({'5, ' * count}'a'), ({'5, ' * count}'b')")
    forget(path, dataset("people"), "a")
    assert rows(path, "SELECT id FROM people") == [("b",)]


def test_inside_json(tmp_path):
    path = tmp_path / "app.db"
    documents = ['{"who": {"profile id": "a"}}', '{"who": {"profile id": "b"}}', "no json", "", '{"who": {"profile id": 7}}', '["a"]']
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE events (data TEXT)")
        connection.executemany("INSERT INTO events VALUES (?)", [(each,) for each in documents])
    each = dataset("events", "data.who.profile id", follow=("data.who.profile id",))
    with opened(path, each) as store:
        assert located(store, each, "a")[0].links == {"data.who.profile id": frozenset({"a"})}
        assert [found.kind for found in store.check(())] == []
    forget(path, each, "a", "7")
    assert [row[0] for row in rows(path, "SELECT data FROM events")] == [documents[at] for at in (1, 2, 3, 5)]


def test_attached_databases_are_files_of_their_own(tmp_path):
    path, other = tmp_path / "app.db", tmp_path / "more data.db"
    run(path, "CREATE TABLE people (id TEXT, said TEXT); INSERT INTO people VALUES ('a', 'here'), ('b', 'stays')")
    run(
        other,
        "CREATE TABLE people (id TEXT, said TEXT); INSERT INTO people VALUES ('a', 'sentence there'), ('b', 'stays')",
        "journal_mode=wal",
    )
    mine, theirs = dataset("people"), dataset("archive", table="old.people")
    with opened(path, mine, theirs, attach={"old": "more data.db"}) as store:
        assert [found.kind for found in store.check(())] == []
        assert erased(store, theirs, "a") == {"s0": Erased(1)}
        assert erased(store, mine, "a") == {"s0": Erased(1)}
        assert isinstance(store.purge([mine, theirs], KEY), Erased)
        assert {path, other} <= {source.path for source in store.raw()}
    assert rows(path, "SELECT id FROM people") == rows(other, "SELECT id FROM people") == [("b",)]
    assert not lying(other, b"sentence there")


def test_numbers_that_are_given_out_again_are_somebody_elses(tmp_path):
    """Between locating and erasing the application deletes the row and its number goes to another person."""
    path, each = tmp_path / "app.db", dataset("people")
    run(path, "CREATE TABLE people (id TEXT, said TEXT); INSERT INTO people VALUES ('x', ''), ('a', 'mine')")
    with opened(path, each) as store:
        copies = located(store, each, "a")
        run(path, "DELETE FROM people WHERE id = 'a'; INSERT INTO people VALUES ('b', 'theirs')")
        assert [b"".join(item.chunks) for item in store.export(each, copies[0])] == [b""]
        assert next(store.probe(each, copies)).items == 0
        assert store.erase(each, copies, KEY) == {"s0": Absent()}
    assert rows(path, "SELECT id FROM people") == [("x",), ("b",)]


def test_automatic_numbers_go_on(tmp_path):
    path = tmp_path / "app.db"
    run(path, "CREATE TABLE people (n INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT); INSERT INTO people (id) VALUES ('a'), ('b'), ('c')")
    forget(path, dataset("people"), "c")
    run(path, "INSERT INTO people (id) VALUES ('d')")
    assert rows(path, "SELECT n, id FROM people") == [(1, "a"), (2, "b"), (4, "d")]


# --- references ------------------------------------------------------------------------------------

FAMILY = """
CREATE TABLE accounts (id TEXT PRIMARY KEY);
CREATE TABLE clips (n INTEGER PRIMARY KEY, id TEXT, account TEXT REFERENCES accounts (id) {action});
INSERT INTO accounts VALUES ('a'), ('b'), ('c');
INSERT INTO clips (id, account) VALUES ('a', 'a'), ('b', 'b');
"""


@pytest.mark.parametrize("action", ["", "ON DELETE RESTRICT", "ON DELETE NO ACTION", "DEFERRABLE INITIALLY DEFERRED"])
def test_a_reference_from_a_table_nobody_declared_is_said(tmp_path, action):
    path, each = tmp_path / "app.db", dataset("accounts")
    run(path, FAMILY.format(action=action))
    with opened(path, each) as store:
        copies = located(store, each, "a", "c")
        (warned,) = store.binding_references(each, copies, {}).values()
        outcomes = store.erase(each, copies, KEY)
    for unable in (warned, outcomes["s0"]):
        assert isinstance(unable, Unable)
        assert unable.reason is Reason.REFERENCED
        assert "clips" in unable.detail
    assert outcomes["s1"] == Erased(1), "whoever nothing refers to goes"
    assert rows(path, "SELECT id FROM accounts") == [("a",), ("b",)]


def test_a_reference_of_the_same_person_does_not_stand_in_the_way(tmp_path):
    path, each, clips = tmp_path / "app.db", dataset("accounts"), dataset("clips")
    run(path, FAMILY.format(action="") + "INSERT INTO clips (id, account) VALUES ('c', 'b')")
    with opened(path, each, clips) as store:
        copies = located(store, each, "a", "b")
        assert [warned.reason for warned in store.binding_references(each, copies, {}).values()] == [Reason.REFERENCED]
        assert not store.binding_references(each, copies, {"clips": located(store, clips, "c")}), "c's row goes in the same order"
        outcomes = store.erase(each, copies, KEY)
        assert outcomes["s0"] == Erased(1)
        assert isinstance(outcomes["s1"], Unable), "a row of c refers to b's account"


def test_what_is_found_through_the_row_must_be_gone_first(tmp_path):
    path, each = tmp_path / "app.db", dataset("accounts")
    clips = Dataset("clips", "app", Through("accounts", "account"), "life", layout=TableLayout("clips"))
    run(path, FAMILY.format(action=""))
    with opened(path, each, clips) as store:
        copies = located(store, each, "a")
        assert not store.binding_references(each, copies, {})
        assert isinstance(store.erase(each, copies, KEY)["s0"], Unable)
        mine = list(store.locate(clips, [Selector(Pseudonym("s0"), {"account": frozenset({"a"})})]))
        assert store.erase(clips, mine, KEY) == {"s0": Erased(1)}
        assert store.erase(each, copies, KEY) == {"s0": Erased(1)}


@pytest.mark.parametrize(("action", "left"), [("CASCADE", [("b", "b")]), ("SET NULL", [("a", None), ("b", "b")])])
def test_cascades_do_what_the_schema_says(tmp_path, action, left):
    path = tmp_path / "app.db"
    run(path, FAMILY.format(action=f"ON DELETE {action}"))
    forget(path, dataset("accounts"), "a")
    assert rows(path, "SELECT id, account FROM clips") == left


def test_a_cascade_that_runs_into_a_restriction_undoes_that_person_only(tmp_path):
    path, each = tmp_path / "app.db", dataset("accounts")
    more = "CREATE TABLE notes (clip INTEGER REFERENCES clips (n) ON DELETE RESTRICT); INSERT INTO notes VALUES (1)"
    run(path, FAMILY.format(action="ON DELETE CASCADE") + more)
    with opened(path, each) as store:
        outcomes = erased(store, each, "a", "b")
    assert isinstance(outcomes["s0"], Unable)
    assert outcomes["s0"].reason is Reason.REFERENCED
    assert outcomes["s1"] == Erased(1)
    assert rows(path, "SELECT id FROM accounts") == [("a",), ("c",)]
    assert rows(path, "SELECT id FROM clips") == [("a",)]


def test_rows_that_refer_to_each_other_go_together(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        "CREATE TABLE people (n INTEGER PRIMARY KEY, id TEXT, boss INTEGER REFERENCES people ON DELETE RESTRICT);"
        "INSERT INTO people VALUES (1, 'a', 2), (2, 'a', 1), (3, 'b', 4), (4, 'c', NULL)",
    )
    with opened(path, each) as store:
        outcomes = erased(store, each, "a", "c")
        assert outcomes["s0"] == Erased(2)
        assert isinstance(outcomes["s1"], Unable)
        assert erased(store, each, "b", "c") == {"s0": Erased(1), "s1": Erased(1)}


# --- triggers --------------------------------------------------------------------------------------

PEOPLE = "CREATE TABLE people (id TEXT, said TEXT); INSERT INTO people VALUES ('a', 'sentence of a'), ('b', 'b'), ('c', 'c');"


def test_an_audit_trigger_fires_and_its_table_is_seen(tmp_path):
    """It is the application's rule; what it copies is data of the person in a table that the map has to name."""
    path = tmp_path / "app.db"
    run(
        path,
        PEOPLE + "CREATE TABLE audit (id TEXT, said TEXT);"
        "CREATE TRIGGER keep AFTER DELETE ON people BEGIN INSERT INTO audit VALUES (old.id, old.said); END",
    )
    people, audit = dataset("people"), dataset("audit")
    with opened(path, people) as store:
        assert [found.where.rpartition(": ")[2] for found in store.check(())] == ["audit"]
    with opened(path, people, audit) as store:
        erased(store, people, "a")
        assert erased(store, audit, "a") == {"s0": Erased(1)}
        store.purge([people, audit], KEY)
    assert not lying(path, b"sentence of a")


@pytest.mark.parametrize(("act", "word"), [("ABORT, 'a said so'", "refuses"), ("FAIL, 'a said so'", "refuses"), ("IGNORE", "keeps")])
def test_a_trigger_that_refuses_is_said_and_others_go(tmp_path, act, word):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + f"CREATE TRIGGER no BEFORE DELETE ON people WHEN old.id = 'a' BEGIN SELECT RAISE ({act}); END")
    with opened(path, each) as store:
        outcomes = erased(store, each, "a", "b")
    assert isinstance(outcomes["s0"], Unable)
    assert outcomes["s0"].reason is Reason.UNSUPPORTED
    assert word in outcomes["s0"].detail
    assert "said so" not in outcomes["s0"].detail
    assert outcomes["s1"] == Erased(1)
    assert rows(path, "SELECT id FROM people") == [("a",), ("c",)]


def test_a_trigger_that_rolls_everything_back_is_said_for_all(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + "CREATE TRIGGER no BEFORE DELETE ON people WHEN old.id = 'b' BEGIN SELECT RAISE (ROLLBACK, 'no'); END")
    with opened(path, each) as store:
        assert all(isinstance(outcome, Unable) for outcome in erased(store, each, "a", "b").values())
    assert len(rows(path, "SELECT * FROM people")) == 3


def test_a_function_that_only_the_application_has_is_foreseen(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("app_says", 1, lambda text: text, deterministic=True)
        connection.executescript(PEOPLE + "CREATE TRIGGER f AFTER DELETE ON people BEGIN SELECT app_says(old.said); END")
    with opened(path, each) as store:
        copies = located(store, each, "a")
        (warned,) = store.preflight(each, copies)
        assert warned.reason is Reason.UNSUPPORTED
        assert store.erase(each, copies, KEY) == {"s0": warned}
    assert len(rows(path, "SELECT * FROM people")) == 3


# --- reading ---------------------------------------------------------------------------------------


class Heard:
    def __init__(self):
        self.all = []

    def __getattr__(self, kind):
        def keep(subject, dataset, *rest):
            value = rest[-1].read() if isinstance(rest[-1], io.IOBase) else rest[-1]
            self.all.append((kind, rest[0], value))

        return keep


def test_the_tracer_hears_each_value_in_its_kind(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    floats = tuple(struct.unpack("<16f", struct.pack("<16f", *(n / 7 for n in range(16)))))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE people (id TEXT, n INTEGER, x REAL, v BLOB, media BLOB, empty TEXT)")
        packed, media = struct.pack("<16f", *floats), b"RIFF\0\0\0\0" + bytes(range(200, 256)) * 4
        connection.execute("INSERT INTO people VALUES ('a', ?, 2.5, ?, ?, NULL)", (2**60 + 1, packed, media))
    heard = Heard()
    with opened(path, each) as store:
        store.trace(each, located(store, each, "a"), heard)
    assert heard.all == [
        ("text", "id", "a"),
        ("number", "n", 2**60 + 1),
        ("blob", "n", (2**60 + 1).to_bytes(8, "big")),
        ("number", "x", 2.5),
        ("blob", "v", packed),
        ("vector", "v", floats),
        ("blob", "media", media),
    ]


def test_bystanders_over_many_pages_are_one_control_a_person(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        "CREATE TABLE people (id TEXT, said TEXT); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2345)"
        "INSERT INTO people SELECT 'p' || (i % 7), i FROM n",
    )
    with opened(path, each) as store:
        gone = located(store, each, "p0", "p1")
        everybody = list(store.bystanders(each, gone, None))
        assert {copy.subject for copy in everybody} == {f"control-{n}" for n in range(5)}
        keys = [key for copy in everybody for key in copy.keys]
        assert len(keys) == len(set(keys)) == rows(path, "SELECT count(*) FROM people WHERE id NOT IN ('p0', 'p1')")[0][0]
        few = list(store.bystanders(each, gone, 2))
        assert [copy.subject for copy in few] == ["control-0", "control-1"]
        assert [copy.items for copy in few] == [335, 335]
        assert not {key for copy in gone for key in copy.keys} & set(keys)


def test_rows_of_a_contentless_index_follow_row_numbers(tmp_path):
    path = tmp_path / "app.db"
    run(
        path,
        "CREATE TABLE people (n INTEGER PRIMARY KEY, id TEXT); INSERT INTO people VALUES (1, 'a'), (2, 'b');"
        "CREATE VIRTUAL TABLE words USING fts5 (said, content='', contentless_delete=1);"
        "INSERT INTO words (rowid, said) VALUES (1, 'apple'), (2, 'banana')",
    )
    people = dataset("people", follow=("rowid",))
    words = Dataset("words", "app", Through("people", "rowid"), "life", layout=TableLayout("words"))
    with opened(path, people, words) as store:
        assert [found.kind for found in store.check(())] == []
        (copy,) = located(store, people, "a")
        mine = list(store.locate(words, [Selector(copy.subject, {"rowid": copy.links["rowid"]})]))
        assert store.erase(words, mine, KEY) == {"s0": Erased(1)}
        assert store.erase(people, [copy], KEY) == {"s0": Erased(1)}
        store.purge([people, words], KEY)
    assert not lying(path, b"apple")
    assert rows(path, "SELECT rowid FROM words WHERE words MATCH 'banana'") == [(2,)]


def test_several_kinds_of_identity_any_of_them_means_the_subject(tmp_path):
    path = tmp_path / "app.db"
    each = Dataset("calls", "app", ByField({"caller": "from", "callee": "to"}), "life", layout=TableLayout("calls"))
    run(path, "CREATE TABLE calls (\"from\" TEXT, \"to\" TEXT); INSERT INTO calls VALUES ('a', 'b'), ('b', 'a'), ('a', 'a'), ('b', 'c')")
    with opened(path, each) as store:
        (copy,) = store.locate(each, selectors(each, ["a"]))
        assert (copy.items, len(copy.keys)) == (3, 3)
        assert store.erase(each, [copy.without(copy.keys[:1])], KEY) == {"s0": Erased(2)}
    assert len(rows(path, "SELECT * FROM calls")) == 2


ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(["1", "01", "1.0", "a", "A", "a "])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(ids, min_size=1, max_size=12), gone=st.lists(ids, max_size=4), index=st.booleans(), keyed=st.booleans())
def test_exactly_the_rows_of_the_named_go(tmp_path_factory, people, gone, index, keyed):
    path = tmp_path_factory.mktemp("any") / "app.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        rowid = ("PRIMARY KEY (n)", "WITHOUT ROWID") if keyed else ("CHECK (1)", "")
        connection.execute(f"CREATE TABLE people (n INT, id TEXT COLLATE NOCASE, {rowid[0]}) {rowid[1]}")
        connection.executemany("INSERT INTO people VALUES (?, ?)", list(enumerate(people)))
        if index:
            connection.execute("CREATE INDEX by_id ON people (id)")
    forget(path, dataset("people"), *gone)
    assert rows(path, "SELECT n, id FROM people ORDER BY n") == [(n, one) for n, one in enumerate(people) if one not in gone]


# --- what the probe sees ---------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["fts5 (said, id, content='people')", 'fts4 (said, id, content="people")'])
def test_the_probe_sees_what_only_a_full_text_index_still_knows(tmp_path, module):
    """The application deleted the row and did not tell the index: a search by number or by identifier still returns it."""
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE + f"CREATE VIRTUAL TABLE words USING {module}; INSERT INTO words (words) VALUES ('rebuild')")
    with opened(path, each) as store:
        copies = located(store, each, "a", "b")
        run(path, "DELETE FROM people WHERE id = 'a'")
        gone, there = store.probe(each, copies)
        assert (gone.items, there.items) == (1, 1)
        (by_value,) = store.probe(each, [Copy(each.name, copies[0].subject, (), 0, selector=copies[0].selector)])
        assert by_value.items == 1
        store.purge([each], KEY)
        assert [seen.items for seen in store.probe(each, copies)] == [0, 1]


def test_the_probe_sees_what_only_a_view_still_shows(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(
        path,
        PEOPLE + "CREATE TABLE archive AS SELECT * FROM people;"
        "CREATE VIEW everybody AS SELECT said, id FROM people UNION ALL SELECT said, id FROM archive; CREATE VIEW other AS SELECT 1 AS id",
    )
    with opened(path, each) as store:
        copies = located(store, each, "a")
        store.erase(each, copies, KEY)
        (seen,) = store.probe(each, copies)
    assert (seen.items, seen.paths) == (1, ("table", "view everybody"))


def test_less_lies_about_while_the_purge_waits(tmp_path):
    path, each = tmp_path / "app.db", dataset("people")
    run(path, PEOPLE, "secure_delete=0")
    with opened(path, each) as store:
        erased(store, each, "a")
        assert not lying(path, b"sentence of a")
