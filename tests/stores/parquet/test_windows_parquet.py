"""Windows of time over Parquet: every type that a time is kept in, days of partitions, and what footers save from reading."""

from __future__ import annotations

import secrets
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Erased
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import micros, moment
from expunge.stores.arrow import row_match
from expunge.stores.arrow.times import times
from expunge.stores.arrow.values import leaves
from expunge.stores.parquet.lake import column_scan
from expunge.stores.parquet.store import Parquet
from expunge.testing import WindowSuite
from expunge.testing.store_windows import CLASS, KEY, NOON, typed
from tests.stores.postgres.test_windows_postgres import SAID

PROFILE = ByField({"profile": "profile_id"})


class TestInstants(WindowSuite):
    """Timestamps with a zone, in small row groups."""

    store = Parquet
    texts = False
    type = pa.timestamp("us", "America/New_York")
    path = "clips/{part}.parquet"
    columns = ("name", "profile_id", "text", "recorded_at")

    def declare(self, folder):
        return StoreSpec("lake", "parquet", str(folder / "lake")), Dataset(
            "clips", "lake", PROFILE, "voice", layout=PathLayout((self.path,))
        )

    def spelt(self, when):
        return typed(when)

    def place(self, folder, each):
        return folder / "lake" / "clips" / f"part-{secrets.token_hex(6)}.parquet"

    def write(self, folder, items):
        rows = [
            {"name": each.name, "profile_id": each.owner.id, "text": each.owner.text, "recorded_at": self.spelt(each.when)}
            for each in items
        ]
        groups = {}
        for row, each in zip(rows, items, strict=True):
            groups.setdefault(self.place(folder, each).parent, (self.place(folder, each), []))[1].append(row)
        types = {"name": pa.string(), "profile_id": pa.string(), "text": pa.string(), "recorded_at": self.type}
        schema = pa.schema([(name, types[name]) for name in self.columns])
        for path, rows in groups.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_pylist([{name: row[name] for name in self.columns} for row in rows], schema)
            pq.write_table(table, path, row_group_size=2, compression="zstd")

    def read(self, folder):
        held = {}
        for path in sorted((folder / "lake").rglob("*.parquet")):
            with pa.OSFile(str(path)) as source:
                for row in pq.ParquetFile(source).read().to_pylist():
                    held[row["name"]] = repr((path.parent.name, row)).encode()
        return held


class TestNanoseconds(TestInstants):
    """Timestamps without a zone, in nanoseconds: UTC is meant."""

    type = pa.timestamp("ns")

    def spelt(self, when):
        return when and typed(when).replace(tzinfo=None)


class TestDates(TestInstants):
    """Days, which are their midnight in UTC."""

    type = pa.date32()
    step = timedelta(days=1)
    zones = False

    def spelt(self, when):
        return when and when.astimezone(UTC).date()


class TestTexts(TestInstants):
    """Text as programs write it."""

    type = pa.string()
    texts = True

    def spelt(self, when):
        return when.isoformat() if isinstance(when, datetime) else when


class TestSeconds(TestInstants):
    """Seconds since 1970."""

    type = pa.int64()
    zones = False

    def spelt(self, when):
        return when and int(when.timestamp())


class TestReals(TestSeconds):
    """Seconds with fractions."""

    type = pa.float64()
    step = timedelta(milliseconds=500)

    def spelt(self, when):
        return when and when.timestamp()


class TestDaysOfPartitions(TestInstants):
    """The time in the folder's name alone."""

    path = "clips/recorded_at={recorded_at}/{part}.parquet"
    columns = ("name", "profile_id", "text")
    step = timedelta(days=1)
    zones = none = False

    def place(self, folder, each):
        return folder / "lake" / "clips" / f"recorded_at={each.when.date().isoformat()}" / f"part-{secrets.token_hex(6)}.parquet"


class TestFilesOfOnePerson(TestInstants):
    """The name says whose the file is, its rows say when: of such a file a part goes."""

    path = "clips/profile_id={profile_id}/{part}.parquet"
    columns = ("name", "text", "recorded_at")

    def place(self, folder, each):
        return folder / "lake" / "clips" / f"profile_id={each.owner.id}" / f"part-{secrets.token_hex(6)}.parquet"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_columns_of_text_are_read_as_the_other_stores_do(kind):
    """One grammar, one value at a time and all together, to the microsecond."""
    for said in ([each] for each in SAID), ([SAID]):
        for texts in said:
            table = pa.table({"t": pa.array(texts, pa.string()).cast(kind)})
            read = times(table, leaves(table.schema))
            expected = [moment(each) for each in texts]
            assert read.known.tolist() == [each is not None for each in expected], texts
            assert read.at[read.known].tolist() == [micros(each) for each in expected if each]


def test_times_beyond_the_calendar_are_none():
    table = pa.table({"t": pa.array([2**62, -(2**62), 0], pa.timestamp("s"))})
    assert times(table, leaves(table.schema)).known.tolist() == [False, False, True]
    table = pa.table({"t": pa.array([float("nan"), float("inf"), 1.7e9], pa.float64())})
    assert times(table, leaves(table.schema)).known.tolist() == [False, False, True]


def test_of_several_times_in_a_row_the_latest_counts():
    """A row is as old as what is newest in it; one time that cannot be read makes it undated."""
    table = pa.table({"t": pa.array([["2024-01-01", "2025-01-01"], ["2024-01-01", "soon"], []], pa.list_(pa.string()))})
    read = times(table, leaves(table.schema))
    assert read.known.tolist() == [True, False, False]
    assert read.at[0] == micros(datetime(2025, 1, 1, tzinfo=UTC))


def test_footers_save_from_reading(tmp_path, monkeypatch):
    """Row groups that lie outside the window are not read; ages whose row groups lie between two edges read nothing at all."""
    (tmp_path / "lake").mkdir()
    start = datetime(2024, 1, 1, tzinfo=UTC)
    at = np.datetime64("2024-01-01", "us") + np.arange(1000) * np.timedelta64(1, "h")
    table = pa.table({"profile_id": [f"p{number % 7}" for number in range(1000)], "recorded_at": pa.array(at)})
    pq.write_table(table, tmp_path / "lake" / "x.parquet", row_group_size=100)
    dataset = Dataset("clips", "lake", PROFILE, "voice", layout=PathLayout(("{part}.parquet",)))
    groups = []

    def read(file, which, found):
        groups.extend(which)
        return row_match.read(file, which, found)

    monkeypatch.setattr(column_scan, "read", read)
    monkeypatch.setattr("expunge.stores.parquet.lake.ages.read", read)
    with closing(Parquet(StoreSpec("lake", "parquet", str(tmp_path / "lake")), (dataset,))) as store:
        window = Window("recorded_at", None, start + timedelta(hours=150))
        (copy,) = store.locate(dataset, [Selector(CLASS, {}, every=True, where=window)])
        assert copy.items == 150
        assert groups == [0, 1]
        groups.clear()
        ages = store.ages(dataset, "recorded_at", [start + timedelta(hours=each) for each in (100, 500)])
        assert ages.items == (100, 400, 500)
        assert groups == []
        ages = store.ages(dataset, "recorded_at", [start + timedelta(hours=150)])
        assert ages.items == (150, 850)
        assert groups == [1]


def test_ids_of_someone_who_keeps_some_rows_stay_in_the_footer(tmp_path):
    """Metadata beside the rows that names a person goes with their last row, not with their oldest."""
    (tmp_path / "lake").mkdir()
    table = pa.table({"profile_id": ["kim", "kim"], "recorded_at": ["2020-01-01", "2030-01-01"]}).replace_schema_metadata(
        {"made for": "kim"}
    )
    pq.write_table(table, tmp_path / "lake" / "x.parquet")
    dataset = Dataset("clips", "lake", PROFILE, "voice", layout=PathLayout(("{part}.parquet",)))
    selector = Selector(CLASS, {"profile_id": frozenset({"kim"})}, where=Window("recorded_at", None, NOON))
    with closing(Parquet(StoreSpec("lake", "parquet", str(tmp_path / "lake")), (dataset,))) as store:
        assert isinstance(store.erase(dataset, list(store.locate(dataset, [selector])), KEY)[CLASS], Erased)
    left = pq.read_table(tmp_path / "lake" / "x.parquet")
    assert left.column("recorded_at").to_pylist() == ["2030-01-01"]
    assert left.schema.metadata[b"made for"] == b"kim"
