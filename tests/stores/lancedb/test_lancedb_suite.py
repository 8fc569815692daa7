"""The LanceDB store keeps every promise of the port: the shipped suite over plain, indexed and nested tables, and windows of time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import datetime, timedelta

import lance
import numpy as np
import pyarrow as pa
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, StoreSpec, TableLayout, Through
from expunge.stores.lancedb.store import LanceDb
from expunge.testing import StoreSuite, WindowSuite
from expunge.testing.plain_search import snapshot
from expunge.testing.store_windows import typed

# A purge leaves what other writers have begun, by the age of its files.
pytestmark = pytest.mark.usefixtures("machines_clock")

BUSY = (OSError, ValueError, RuntimeError)


def dataset(name, subject, **more):
    return Dataset(name, "vectors", subject, "voice", layout=TableLayout(name), **more)


def rows_of(path):
    """What an ordinary reader gets; opened again where an old version went in the middle of its reading."""
    for attempt in range(200):
        try:
            return lance.dataset(str(path)).to_table().to_pylist() if path.exists() else []
        except BUSY:
            if attempt == 199:
                raise
            time.sleep(0.01)
    return []


class Database:
    """A folder of LanceDB tables."""

    store = LanceDb
    crowd = 300
    # The engine crashes in a fork of a process that used it, or waits for ever there.
    forks = False

    def put(self, folder, name, rows, schema):
        path = folder / "db" / f"{name}.lance"
        path.parent.mkdir(exist_ok=True)
        table = pa.Table.from_pylist(rows, schema)
        fresh = not path.exists()
        for attempt in range(20):
            try:
                lance.write_dataset(table, str(path), mode="create" if fresh else "append", enable_stable_row_ids=False)
                break
            # A writer begins again where the version that it looked up was replaced and removed before it read it.
            except BUSY as error:
                if fresh or attempt == 19 or "not found" not in str(error).lower():
                    raise
                time.sleep(0.05)
        return lance.dataset(str(path)) if fresh else None

    def state(self, folder):
        """By folder and place in it: the engine gives each version's files names of their own."""
        numbered = {}
        for path, seen in sorted(snapshot(folder).items()):
            home = path.parent.parent if path.parent.parent.name == "_indices" else path.parent
            numbered[home, sum(place == home for place, _ in numbered)] = (path.name, seen)
        return numbered

    def plant(self, folder, person):
        lance.write_dataset(pa.table({"text": [person.text]}), str(folder / "db" / "backup_of_clips.lance"))

    @contextmanager
    def obstruct(self, folder, person):
        held = [path.open("rb") for path in (folder / "db").rglob("data/*.lance")]
        yield
        for file in held:
            file.close()

    def spoil(self, folder, person):
        for path in (folder / "db").rglob("data/*.lance"):
            path.write_bytes(path.read_bytes()[:-40])
        return True


CLIPS = pa.schema(
    [
        ("person", pa.string()),
        ("email", pa.string()),
        ("text", pa.string()),
        ("blob", pa.binary()),
        ("kind", pa.int32()),
        ("vector", pa.list_(pa.float32(), 8)),
    ]
)


def clip(one):
    vector = (np.frombuffer(one.blob[:32], np.uint32) / 2**32).astype(np.float32)
    return {"person": one.id, "email": one.email, "text": one.text, "blob": one.blob, "kind": one.blob[0] % 3, "vector": vector.tolist()}


class Rows(Database):
    """Clips of many people with text, media and an embedding."""

    def declare(self, folder):
        return StoreSpec("vectors", "lancedb", str(folder / "db")), [dataset("clips", ByField({"person": "person"}))]

    def write(self, folder, people):
        self.put(folder, "clips", [clip(one) for one in people], CLIPS)

    def read(self, folder):
        held = {}
        for row in rows_of(folder / "db" / "clips.lance"):
            held[row["person"]] = held.get(row["person"], b"") + repr(row).encode()
        return held


class TestRows(Rows, StoreSuite):
    """Plain rows."""


@pytest.mark.variant
class TestIndexed(Rows, StoreSuite):
    """The same with indexes."""

    crowd = 60

    def write(self, folder, people):
        made = self.put(folder, "clips", [clip(one) for one in people], CLIPS)
        if made is not None:
            made.create_scalar_index("person", "BTREE")
            made.create_scalar_index("text", "INVERTED", with_position=True, stem=False)
            made.create_scalar_index("kind", "BITMAP")
            made.create_scalar_index("email", "NGRAM")
            made.create_scalar_index("email", "ZONEMAP", name="zones")


@pytest.mark.variant
class TestNested(Database, StoreSuite):
    """The subject inside a struct, and the media in a second table found through the first."""

    crowd = 60

    def declare(self, folder):
        return StoreSpec("vectors", "lancedb", str(folder / "db")), [
            dataset("clips", ByField({"person": "user.id"})),
            dataset("media", Through("clips", "clip")),
        ]

    def write(self, folder, people):
        clips = pa.schema([("user", pa.struct([("id", pa.string()), ("mail", pa.string())])), ("clip", pa.int64()), ("text", pa.string())])
        rows = [{"user": {"id": one.id, "mail": one.email}, "clip": int.from_bytes(one.blob[:5]), "text": one.text} for one in people]
        media = [{"clip": row["clip"], "audio": one.blob} for row, one in zip(rows, people, strict=True)]
        self.put(folder, "media", media, pa.schema([("clip", pa.int64()), ("audio", pa.binary())]))
        self.put(folder, "clips", rows, clips)

    def read(self, folder):
        media, held = {}, {}
        for row in rows_of(folder / "db" / "media.lance"):
            media[row["clip"]] = media.get(row["clip"], b"") + repr(row).encode()
        for row in rows_of(folder / "db" / "clips.lance"):
            held[row["user"]["id"]] = held.get(row["user"]["id"], b"") + repr(row).encode() + media.get(row["clip"], b"")
        return held


class TestInstants(WindowSuite):
    """Windows over timestamps."""

    store = LanceDb
    texts = False
    type = pa.timestamp("us", "UTC")

    def declare(self, folder):
        return StoreSpec("vectors", "lancedb", str(folder / "db")), dataset("clips", ByField({"person": "profile_id"}))

    def spelt(self, when):
        return typed(when)

    def write(self, folder, items):
        schema = pa.schema([("name", pa.string()), ("profile_id", pa.string()), ("text", pa.string()), ("recorded_at", self.type)])
        rows = [
            {"name": each.name, "profile_id": each.owner.id, "text": each.owner.text, "recorded_at": self.spelt(each.when)}
            for each in items
        ]
        path = folder / "db" / "clips.lance"
        path.parent.mkdir(exist_ok=True)
        lance.write_dataset(pa.Table.from_pylist(rows, schema), str(path), mode="append" if path.exists() else "create")

    def read(self, folder):
        return {row["name"]: repr(row).encode() for row in rows_of(folder / "db" / "clips.lance")}


class TestTexts(TestInstants):
    """Windows over text."""

    type = pa.string()
    texts = True

    def spelt(self, when):
        return when.isoformat() if isinstance(when, datetime) else when


class TestDates(TestInstants):
    """Windows over days."""

    type = pa.date32()
    step = timedelta(days=1)
    zones = False

    def spelt(self, when):
        return when and typed(when).date()
