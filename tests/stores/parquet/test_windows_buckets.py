"""Windows of time over buckets: times in keys, times of writing, records, rows of Parquet; with versions and without."""

from __future__ import annotations

import io
import json
import secrets
import time
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout
from expunge.core.values.outcome import Erased
from expunge.core.values.scope import MODIFIED
from expunge.stores.parquet.store import Parquet
from expunge.stores.s3.store import S3
from expunge.testing import WindowSuite
from expunge.testing.store_windows import KEY, typed
from tests.moment import of_the_machine
from tests.stores.s3.s3_company import Shelf, bucket, dataset


class InBucket(WindowSuite):
    """A folder of the suite is a prefix of a bucket."""

    __test__ = False
    store = S3
    versioning = None

    @pytest.fixture(autouse=True)
    def served(self, seaweed):
        seaweed.start()  # a test before may have stopped it
        self.server = seaweed
        self.bucket = bucket(seaweed, f"windows-{self.versioning or 'never'}".lower(), self.versioning)

    def shelf(self, folder):
        return Shelf.of(self.server, self.bucket, folder)


class TestTimesInKeys(InBucket):
    """Whole objects whose keys say whose they are and when they were made."""

    __test__ = True
    none = False

    def declare(self, folder):
        return self.shelf(folder).spec(), dataset("voice", "voice/{profile_id}/{recorded_at}/{name}.flac")

    def write(self, folder, items):
        said = {each: each.when.isoformat() if isinstance(each.when, datetime) else each.when for each in items}
        self.shelf(folder).put_all({f"voice/{each.owner.id}/{said[each]}/{each.name}.flac": each.owner.text.encode() for each in items})

    def read(self, folder):
        return {key.rpartition("/")[2].removesuffix(".flac"): key.encode() + body for key, body in self.shelf(folder).all()}


class TestVersionedJsonLines(InBucket):
    """Records of many people, in a bucket with versions."""

    __test__ = True
    versioning = "Enabled"

    def declare(self, folder):
        return self.shelf(folder).spec(), dataset("events", "events/{year}.jsonl", format="jsonl")

    def write(self, folder, items):
        rows = [
            {"name": each.name, "profile_id": each.owner.id, "text": each.owner.text}
            | ({} if each.when is None else {"recorded_at": each.when.isoformat() if isinstance(each.when, datetime) else each.when})
            for each in items
        ]
        self.shelf(folder).change("events/2024.jsonl", lambda body: body + "".join(json.dumps(row) + "\n" for row in rows).encode())

    def read(self, folder):
        return {json.loads(line)["name"]: line for line in (self.shelf(folder).get("events/2024.jsonl") or b"").splitlines(keepends=True)}


class TestParquetInABucket(InBucket):
    """Rows of Parquet objects."""

    __test__ = True
    store = Parquet
    texts = False

    def declare(self, folder):
        spec = self.shelf(folder).spec()
        return type(spec)("lake", "parquet", spec.url, spec.options), Dataset(
            "clips", "lake", ByField({"profile": "profile_id"}), "voice", layout=PathLayout(("clips/{part}.parquet",))
        )

    def write(self, folder, items):
        schema = pa.schema([(name, pa.string()) for name in ("name", "profile_id", "text")] + [("recorded_at", pa.timestamp("ms", "UTC"))])
        rows = [
            {"name": each.name, "profile_id": each.owner.id, "text": each.owner.text, "recorded_at": typed(each.when)} for each in items
        ]
        body = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows, schema), body, row_group_size=2)
        self.shelf(folder).put(f"clips/part-{secrets.token_hex(6)}.parquet", body.getvalue())

    def read(self, folder):
        found = (row for _, body in self.shelf(folder).all() for row in pq.read_table(io.BytesIO(body)).to_pylist())
        return {row["name"]: repr(row).encode() for row in found}


@pytest.mark.parametrize("versioning", [None, "Enabled"])
def test_objects_without_a_date_go_by_when_they_were_written(seaweed, tmp_path, versioning):
    """LastModified of the newest content; who is written again between the look and the act is young again, and stays whole."""
    seaweed.start()
    shelf = Shelf.of(seaweed, bucket(seaweed, f"windows-{versioning or 'never'}".lower(), versioning), tmp_path)
    voice = dataset("voice", "voice/{profile_id}/{name}.flac")
    shelf.put_all({"voice/a/1.flac": b"old", "voice/b/2.flac": b"old"})
    time.sleep(1.1)
    cut = of_the_machine()
    time.sleep(1.1)
    shelf.put("voice/c/3.flac", b"new")
    suite = TestTimesInKeys()
    suite.field = MODIFIED
    store = S3(shelf.spec(), (voice,))
    try:
        (copy,) = store.locate(voice, [suite._every(suite._window(until=cut))])
        assert store.ages(voice, MODIFIED, [cut]).items == (2, 1)
        assert copy.items == 2
        shelf.put("voice/a/1.flac", b"written again")
        outcome = store.erase(voice, [copy], KEY)[copy.subject]
        assert isinstance(outcome, Erased)
        assert outcome.items == 1
        assert [each.items for each in store.probe(voice, [copy])] == [0]
    finally:
        store.close()
    assert dict(shelf.all()) == {"voice/a/1.flac": b"written again", "voice/c/3.flac": b"new"}
