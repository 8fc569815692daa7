"""Windows of time over SQLite tables, whose columns may hold a time as text, as a number, or as anything."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.sqlite.store import Sqlite
from expunge.testing import WindowSuite, person
from expunge.testing.store_windows import KEY, NOON, Dated

SCHEMA = """
CREATE TABLE clips (clip_id INTEGER PRIMARY KEY, name TEXT, profile_id TEXT, text TEXT, recorded_at {type});
CREATE INDEX by_profile ON clips (profile_id);
{index}
CREATE VIRTUAL TABLE words USING fts5 (text, content='clips', content_rowid='clip_id');
CREATE TRIGGER words_in AFTER INSERT ON clips BEGIN INSERT INTO words (rowid, text) VALUES (new.clip_id, new.text); END;
CREATE TRIGGER words_out AFTER DELETE ON clips BEGIN INSERT INTO words (words, rowid, text) VALUES ('delete', old.clip_id, old.text); END;
CREATE VIEW listing AS SELECT name, profile_id, recorded_at FROM clips;
CREATE VIEW totals AS SELECT count(*) AS clips FROM clips;
"""


class TestText(WindowSuite):
    """ISO 8601 text, with an index."""

    store = Sqlite
    type = "TEXT"
    index = "CREATE INDEX by_time ON clips (recorded_at);"

    def declare(self, folder):
        return StoreSpec("app", "sqlite", str(folder / "app.db")), Dataset(
            "clips", "app", ByField({"profile": "profile_id"}), "voice", layout=TableLayout("clips")
        )

    def spelt(self, when):
        return when.isoformat() if isinstance(when, datetime) else when

    def write(self, folder, items):
        fresh = not (folder / "app.db").exists()
        with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as connection:
            if fresh:
                connection.executescript(SCHEMA.format(type=self.type, index=self.index))
            connection.executemany(
                "INSERT INTO clips (name, profile_id, text, recorded_at) VALUES (?, ?, ?, ?)",
                [(each.name, each.owner.id, each.owner.text, self.spelt(each.when)) for each in items],
            )

    def read(self, folder):
        with closing(sqlite3.connect(folder / "app.db")) as connection:
            return {row[0]: repr(row).encode() for row in connection.execute("SELECT name, * FROM clips")}

    def test_an_index_over_the_time_serves_the_window(self, folder):
        self.write(folder, [Dated("a", person("one"), NOON)])
        if not self.index:
            pytest.skip("this one has none")
        with self._opened(folder) as (store, dataset):
            steps = []
            with store._looking(dataset) as (connection, _):
                connection.set_trace_callback(steps.append)
                list(store.locate(dataset, [self._every(self._window(until=NOON))]))
                connection.set_trace_callback(None)
                (query,) = [each for each in steps if each.startswith("SELECT t") and "recorded_at" in each and " WHERE " in each]
                plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
        assert any("by_time" in each for each in plan), plan
        assert not any(each.startswith("SCAN t") for each in plan), plan


class TestBareColumn(TestText):
    """The same in a column without a type, with no index."""

    type = ""
    index = ""


class TestNumbers(TestText):
    """Seconds since 1970 as numbers, where a date written as a number and a 0 are no times."""

    type = "INTEGER"
    zones = False

    def spelt(self, when):
        if when is None or isinstance(when, datetime):
            return None if when is None else int(when.timestamp())
        return int(when) if when.isdecimal() else when


class TestReals(TestNumbers):
    """Seconds with fractions, as ``julianday`` users wish they had."""

    type = "REAL"
    step = timedelta(milliseconds=500)

    def spelt(self, when):
        return when.timestamp() if isinstance(when, datetime) else super().spelt(when)


class TestInsideJson(TestText):
    """The time inside a JSON document."""

    field = "meta.at"
    index = ""

    def write(self, folder, items):
        with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS clips (name TEXT PRIMARY KEY, profile_id TEXT, text TEXT, meta TEXT)")
            connection.executemany(
                "INSERT INTO clips VALUES (?, ?, ?, json_object('at', ?))",
                [(each.name, each.owner.id, each.owner.text, self.spelt(each.when)) for each in items],
            )


def company(folder, act):
    with closing(sqlite3.connect(folder / "app.db", isolation_level=None)) as connection:
        connection.executescript(
            f"""
            CREATE TABLE clips (clip_id INTEGER PRIMARY KEY, profile_id TEXT, recorded_at TEXT);
            CREATE TABLE notes (id INTEGER PRIMARY KEY, profile_id TEXT, clip_id INTEGER REFERENCES clips {act});
            INSERT INTO clips VALUES (1, 'p1', '2020-01-01'), (2, 'p1', '2030-01-01');
            INSERT INTO notes VALUES (1, 'p1', 1);
            """
        )
    kinds = ByField({"profile": "profile_id"})
    clips = Dataset("clips", "app", kinds, "voice", layout=TableLayout("clips"))
    return Sqlite(
        StoreSpec("app", "sqlite", str(folder / "app.db")), (clips, Dataset("notes", "app", kinds, "life", layout=TableLayout("notes")))
    ), clips


@pytest.mark.parametrize("act", ["ON DELETE CASCADE", ""])
def test_rows_of_the_same_person_with_a_longer_life_are_not_taken_along(tmp_path, act):
    """An erasure may take a person's notes along with their clips; an expiry of clips may not, and says so before it begins."""
    store, clips = company(tmp_path, act)
    window = TestText()._window(until=NOON)
    with closing(store):
        copies = list(store.locate(clips, [Selector("class", {}, every=True, where=TestText()._every(window).where)]))
        warned = store.binding_references(clips, copies, {}).values()
        outcome = store.erase(clips, copies, KEY)["class"]
    assert [each.reason for each in warned] == [Reason.REFERENCED]
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.REFERENCED
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM clips), (SELECT count(*) FROM notes)").fetchone() == (2, 1)
