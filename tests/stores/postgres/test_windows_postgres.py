"""Windows of time over PostgreSQL tables: every type that a time is kept in, compared by the server."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Reason, Unable
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import moment
from expunge.errors import CouldNotLook
from expunge.stores.postgres.store import Postgres
from expunge.testing import WindowSuite
from expunge.testing.store_windows import CLASS, KEY, NOON, typed

SCHEMA = """
CREATE TABLE clips (clip_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text, profile_id text, text text, recorded_at {type});
CREATE INDEX by_profile ON clips (profile_id);
CREATE INDEX by_time ON clips (recorded_at);
CREATE VIEW listing AS SELECT name, profile_id, recorded_at FROM clips;
"""
DIRECTORY = "CREATE MATERIALIZED VIEW directory AS SELECT name, profile_id, recorded_at FROM clips"
"""Shows erased rows until a purge refreshes it."""
PROFILE = ByField({"profile": "profile_id"})


def declared(url, *more, table="clips"):
    return StoreSpec("app", "postgres", url), Dataset("clips", "app", PROFILE, "voice", layout=TableLayout(table))


class TestInstants(WindowSuite):
    """timestamptz, with an index, in a database whose sessions live elsewhere."""

    store = Postgres
    type = "timestamptz"
    texts = False
    schema = SCHEMA

    @pytest.fixture(autouse=True)
    def _database(self, database):
        self.url = database
        with psycopg.connect(self.url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE \"{name}\" SET timezone = 'America/New_York'")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(self.schema.format(type=self.type))
            if self.purges:
                connection.execute(DIRECTORY)

    def declare(self, folder):
        return declared(self.url)

    def spelt(self, when):
        return typed(when)

    def write(self, folder, items):
        with psycopg.connect(self.url) as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO clips (name, profile_id, text, recorded_at) VALUES (%s, %s, %s, %s)",
                [(each.name, each.owner.id, each.owner.text, self.spelt(each.when)) for each in items],
            )
            if self.purges:
                cursor.execute("REFRESH MATERIALIZED VIEW directory")

    def read(self, folder):
        with psycopg.connect(self.url) as connection:
            return {row[0]: repr(row).encode() for row in connection.execute("SELECT name, * FROM clips")}


class TestPlainTimestamps(TestInstants):
    """timestamp without a zone: UTC is meant, whatever zone a session is in."""

    type = "timestamp"
    purges = False

    def spelt(self, when):
        return when and typed(when).replace(tzinfo=None)


class TestDates(TestInstants):
    """Days, which are their midnight in UTC."""

    type = "date"
    purges = False
    step = timedelta(days=1)
    zones = False

    def spelt(self, when):
        return when and when.astimezone(UTC).date()


class TestTexts(TestInstants):
    """Text as programs write it."""

    type = "text"
    purges = False
    texts = True

    def spelt(self, when):
        return when.isoformat(" ") if isinstance(when, datetime) else when


class TestSeconds(TestInstants):
    """Seconds since 1970 as integers."""

    type = "bigint"
    purges = False
    zones = False

    def spelt(self, when):
        return when and int(when.timestamp())


class TestMilliseconds(TestInstants):
    """Milliseconds as a numeric."""

    type = "numeric"
    purges = False
    zones = False
    step = timedelta(milliseconds=1)

    def spelt(self, when):
        return when and int(when.timestamp() * 1000)


class TestPartitions(TestInstants):
    """A table partitioned by its time."""

    schema = """
    CREATE TABLE clips (clip_id bigint GENERATED ALWAYS AS IDENTITY, name text, profile_id text, text text, recorded_at timestamptz,
      UNIQUE (clip_id, recorded_at)) PARTITION BY RANGE (recorded_at);
    CREATE TABLE clips_old PARTITION OF clips FOR VALUES FROM (MINVALUE) TO ('2024-03-01');
    CREATE TABLE clips_new PARTITION OF clips DEFAULT;
    """
    none = purges = False


@pytest.fixture
def clips(database):
    """A table with text times, and its store."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA.format(type="text"))
        yield connection, database


SAID = [
    "2024-02-29",
    "20240229",
    "2023-02-29",
    "20240229T235959Z",
    "2024-02-29T24:00:00",
    "2024-02-29 23:59:59.123456789+05:30",
    "2024-02-29 23:59:59,5 UTC",
    "2024-02-29T23",
    "2024-02-29T23:59-0330",
    "2024-02-29 23:59 +02",
    "2024-02-29T23:59:60",
    "2024-13-01",
    "2024-00-10",
    "2024-01-00",
    "0000-01-01",
    "1709251199",
    "1709251199.75",
    "1709251199123",
    "012345678",
    "99999999",
    "2024-02-29T23:59:59+24:00",
    "2024-02-29T23:59:59+05:75",
    "now",
    "infinity",
    " 2024-02-29",
    "2024-02-29T",
    "\uff12\uff10\uff12\uff14-02-29",
    "2024-02-29T23:59:59 Z",
    "2024-1-1",
    "",
]


def test_the_server_reads_text_as_the_other_stores_do(clips):
    """One grammar: what is a time in a file's name is one in a column, to the microsecond, and nothing else is."""
    connection, url = clips
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO clips (name, profile_id, recorded_at) VALUES (%s, %s, %s)", [(each, each, each) for each in SAID])
    spec, dataset = declared(url)
    with closing(Postgres(spec, (dataset,))) as store:
        read = {each.value: each.last for each in store.spans(dataset, "profile_id", "recorded_at")}
    assert read == {each: moment(each) for each in SAID}


def test_infinite_times_are_none(database):
    """``-infinity`` is no time that anything is older than."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA.format(type="timestamptz"))
        connection.execute("INSERT INTO clips (name, profile_id, recorded_at) VALUES ('a', 'p', '-infinity'), ('b', 'p', 'infinity')")
    spec, dataset = declared(database)
    with closing(Postgres(spec, (dataset,))) as store:
        assert list(store.locate(dataset, [Selector(CLASS, {}, every=True, where=Window("recorded_at", None, NOON))])) == []
        assert list(store.locate(dataset, [Selector(CLASS, {}, every=True, where=Window("recorded_at", NOON))])) == []
        assert store.ages(dataset, "recorded_at", [NOON]).undated == 2


def test_an_index_over_the_time_serves_the_window(database):
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA.format(type="timestamptz"))
        connection.execute(
            "INSERT INTO clips (name, profile_id, recorded_at) SELECT n::text, 'p', timestamptz '2020-01-01+00' + n * interval '1 hour' "
            "FROM generate_series(1, 20000) AS n"
        )
        connection.execute("ANALYZE clips")
    spec, dataset = declared(database)
    window = Window("recorded_at", None, datetime(2020, 1, 2, tzinfo=UTC))
    with closing(Postgres(spec, (dataset,))) as store:
        (copy,) = store.locate(dataset, [Selector(CLASS, {}, every=True, where=window)])
        assert copy.items == 23
        (probed,) = store.probe(dataset, [copy])
    assert "index by_time" in probed.paths


def test_a_column_that_can_be_no_time_is_said(database):
    """A window over it finds nothing and says why, instead of finding nothing in silence."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA.format(type="boolean"))
    spec, dataset = declared(database)
    with closing(Postgres(spec, (dataset,))) as store:
        with pytest.raises(CouldNotLook, match="recorded_at is no time"):
            list(store.locate(dataset, [Selector(CLASS, {}, every=True, where=Window("recorded_at", None, NOON))]))
        with pytest.raises(CouldNotLook, match="column gone does not exist"):
            store.ages(dataset, "gone", [NOON])


def test_rows_of_the_same_person_with_a_longer_life_are_not_taken_along(database):
    """An erasure may take a person's notes along with their clips; an expiry of clips may not, and says so before it begins."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(SCHEMA.format(type="timestamptz"))
        connection.execute("CREATE TABLE notes (id int PRIMARY KEY, profile_id text, clip_id bigint REFERENCES clips ON DELETE CASCADE)")
        connection.execute("INSERT INTO clips (name, profile_id, recorded_at) VALUES ('a', 'p', '2020-01-01')")
        connection.execute("INSERT INTO notes SELECT 1, 'p', clip_id FROM clips")
    spec, dataset = declared(database)
    notes = Dataset("notes", "app", PROFILE, "life", layout=TableLayout("notes"))
    with closing(Postgres(spec, (dataset, notes))) as store:
        copies = list(store.locate(dataset, [Selector(CLASS, {}, every=True, where=Window("recorded_at", None, NOON))]))
        warned = store.binding_references(dataset, copies, {}).values()
        outcome = store.erase(dataset, copies, KEY)[CLASS]
    assert Reason.REFERENCED in {each.reason for each in warned}
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.REFERENCED
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT (SELECT count(*) FROM clips), (SELECT count(*) FROM notes)").fetchone() == (1, 1)
