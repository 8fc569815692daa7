"""The Parquet store keeps every promise of the port, over each layout: the shipped suite."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec, Through
from expunge.stores.parquet.lake.copy_keys import named
from expunge.stores.parquet.store import Parquet
from expunge.testing import PlacingSuite, StoreSuite


def dataset(name, *paths, subject, **more):
    return Dataset(name, "lake", subject, "voice", layout=PathLayout(paths), **more)


def quiet(path):
    """A file's rows, as any reader gets them; nothing when it went meanwhile."""
    try:
        with pa.OSFile(str(path)) as source:
            return pq.ParquetFile(source).read().to_pylist()
    except FileNotFoundError:
        return []


class Lake(StoreSuite, PlacingSuite):
    """A folder of Parquet files."""

    store = Parquet
    crowd = 500
    options: dict[str, object] = {}  # noqa: RUF012 - never changed

    def put(self, folder, name, table):
        """As writers of lakes do: a new file under a name of its own, whole before it has the name."""
        path = folder / "lake" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"writing-{secrets.token_hex(4)}"
        pq.write_table(table, fresh, **{"row_group_size": 3, "compression": "zstd", **self.options})
        while True:
            try:
                fresh.replace(path)
                break
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)

    def has(self, copy, key):
        """Copies name rows of a file together, nominated ones each by its place."""
        row = named(key)
        mine = [known for known in map(named, copy.keys) if known.file == row.file]
        return any(known.whole or row.place in known.numbers() for known in mine)

    def rows(self, folder, pattern="**/*.parquet"):
        for path in self.paths(folder, pattern):
            for row in quiet(path):
                yield path, row

    @staticmethod
    def paths(folder, pattern):
        """The files there are; begun again when a folder went while it was being listed."""
        while True:
            try:
                return sorted((folder / "lake").glob(pattern))
            except FileNotFoundError:
                continue

    def plant(self, folder, person):
        (folder / "lake" / "copy of events.parquet.bak").write_bytes(person.text.encode())

    @contextmanager
    def obstruct(self, folder, person):
        files = [path.open("rb") for path in (folder / "lake").rglob("*.parquet")]
        yield
        for file in files:
            file.close()

    def spoil(self, folder, person):
        for path in (folder / "lake").rglob("*.parquet"):
            path.write_bytes(path.read_bytes()[:-6])
        return True


class TestRows(Lake):
    """Events of many people in day partitions, the subject in a column of its own, with text, media and a vector."""

    def declare(self, folder):
        return StoreSpec("lake", "parquet", str(folder / "lake")), [
            dataset("events", "events/day={day}/{part}.parquet", subject=ByField({"person": "person"}))
        ]

    def write(self, folder, people):
        schema = pa.schema(
            [("person", pa.string()), ("email", pa.string()), ("text", pa.string()), ("blob", pa.binary()), ("v", pa.list_(pa.float32()))]
        )
        rows = [{"person": one.id, "email": one.email, "text": one.text, "blob": one.blob, "v": [0.5, 1.5]} for one in people]
        self.put(folder, f"events/day=2024-01-0{len(people) % 3}/part-{secrets.token_hex(6)}.parquet", pa.Table.from_pylist(rows, schema))

    def read(self, folder):
        held = {}
        for path, row in self.rows(folder):
            held[row["person"]] = held.get(row["person"], b"") + repr((path.parent.name, row)).encode()
        return held


@pytest.mark.soak
class TestSnappyWithoutDictionary(TestRows):
    """The same, in another codec, with plain pages, checksums and data pages of version 2."""

    options = {"compression": "snappy", "use_dictionary": False, "data_page_version": "2.0", "write_page_checksum": True}  # noqa: RUF012


@pytest.mark.variant
class TestNested(Lake):
    """The subject inside a struct, and the media in a second dataset found through the first."""

    def declare(self, folder):
        return StoreSpec("lake", "parquet", str(folder / "lake")), [
            dataset("clips", "clips/{part}.parquet", subject=ByField({"person": "user.id"})),
            dataset("media", "media/{part}.parquet", subject=Through("clips", "clip")),
        ]

    def write(self, folder, people):
        clips = [{"user": {"id": one.id, "mail": one.email}, "clip": int.from_bytes(one.blob[:5]), "text": one.text} for one in people]
        media = [{"clip": row["clip"], "audio": one.blob} for row, one in zip(clips, people, strict=True)]
        part = secrets.token_hex(6)
        self.put(folder, f"media/{part}.parquet", pa.Table.from_pylist(media))
        self.put(folder, f"clips/{part}.parquet", pa.Table.from_pylist(clips))

    def read(self, folder):
        media: dict[int, bytes] = {}
        for path, row in self.rows(folder, "media/*.parquet"):
            media[row["clip"]] = media.get(row["clip"], b"") + repr((path.name, row)).encode()
        held: dict[str, bytes] = {}
        for path, row in self.rows(folder, "clips/*.parquet"):
            one = row["user"]["id"]
            held[one] = held.get(one, b"") + repr((path.name, row)).encode() + media.get(row["clip"], b"")
        return held


class TestPartitionedByPerson(Lake):
    """Folders named after people, as Spark and pyarrow name them."""

    unsayable = "\0"
    unsayable_whole = ("", ".", "..")

    def declare(self, folder):
        return StoreSpec("lake", "parquet", str(folder / "lake")), [
            dataset("voice", "voice/person={person}/{part}.parquet", subject=ByField({"person": "person"}))
        ]

    def write(self, folder, people):
        for one in people:
            table = pa.Table.from_pylist([{"email": one.email, "text": one.text, "blob": one.blob}])
            self.put(folder, f"voice/person={quote(one.id, safe='')}/part-{secrets.token_hex(6)}.parquet", table)

    def read(self, folder):
        held = {}
        for path, row in self.rows(folder):
            one = unquote(path.parent.name.partition("=")[2])
            held[one] = held.get(one, b"") + repr((path.name, row)).encode()
        return held

    def obstruct(self, folder, person):
        return super().obstruct(folder, person)

    def spoil(self, folder, person):
        return False


def test_the_harness_reads_what_it_wrote(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    (tmp_path / "lake").mkdir()
    TestRows().put(tmp_path, "x.parquet", table)
    assert quiet(tmp_path / "lake" / "x.parquet") == [{"a": 1}]
