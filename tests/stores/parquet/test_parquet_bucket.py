"""A lake in a bucket keeps every promise of the port against a real server, with versions and without; and what is particular to it."""

from __future__ import annotations

import secrets

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.adapters.files.index_files import FileIndex
from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.copy import FindingKind, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased, Reason, Unable
from expunge.stores.parquet.store import Parquet
from tests.stores.s3.s3_company import Shelf, bucket, options
from tests.stores.s3.test_s3_suite import InBucket

KEY = IdempotencyKey("key-1")
EVENTS = Dataset("events", "lake", ByField({"person": "person"}), "voice", layout=PathLayout(("events/day={day}/{part}.parquet",)))


def packed(table, **more):
    sink = pa.BufferOutputStream()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink, **{"row_group_size": 3, **more})
    return sink.getvalue().to_pybytes()


def unpacked(body):
    return pq.read_table(pa.BufferReader(body)).to_pylist()


def spec_of(shelf, **more):
    return StoreSpec("lake", "parquet", f"s3://{shelf.name}/{shelf.prefix}", options(shelf.server, **more))


class Rows(InBucket):
    """Events of many people, a new object for each write."""

    store = Parquet
    crowd = 60

    def declare(self, folder):
        return spec_of(self.shelf(folder)), [EVENTS]

    def write(self, folder, people):
        rows = [{"person": one.id, "email": one.email, "text": one.text, "blob": one.blob} for one in people]
        name = f"events/day=2024-01-0{len(people) % 3}/part-{secrets.token_hex(6)}.parquet"
        self.shelf(folder).put(name, packed(pa.Table.from_pylist(rows)))

    def read(self, folder):
        held = {}
        for name, body in self.shelf(folder).all("events/"):
            for row in unpacked(body):
                held[row["person"]] = held.get(row["person"], b"") + repr((name.split("/")[1], row)).encode()
        return held

    def spoil(self, folder, person):
        shelf = self.shelf(folder)
        for name, body in list(shelf.all("events/")):
            shelf.put(name, body[:-6])
        return True


@pytest.mark.variant
class TestRows(Rows):
    """In a bucket without versions, where an order goes fewer steps of the same way."""

    __test__ = True


class TestRowsWithVersions(Rows):
    """The same in a bucket that keeps every version."""

    __test__ = True
    versioning = "Enabled"


# --- stories ----------------------------------------------------------------------------------------


@pytest.fixture(params=[pytest.param(None, id="never-versions", marks=pytest.mark.soak), pytest.param("Enabled", id="versions")])
def shelf(request, seaweed, tmp_path):
    seaweed.start()
    return Shelf.of(seaweed, bucket(seaweed, f"lake-{request.param or 'never'}".lower(), request.param), tmp_path)


def located(store, *people):
    return list(store.locate(EVENTS, [Selector(Pseudonym(f"s-{one}"), {"person": frozenset({one})}) for one in people]))


def test_rows_go_from_every_version(shelf):
    name = "events/day=1/a.parquet"
    shelf.put(name, packed({"person": ["p1", "p2"], "n": [1, 2]}))
    shelf.put(name, packed({"person": ["p2", "p3"], "n": [3, 4]}))
    store = Parquet(spec_of(shelf, clock="90 days"), (EVENTS,))
    copies = located(store, "p1", "p2")
    versions = len(shelf.versions(name)) > 1
    assert [copy.keys for copy in copies] == ([(f"{name}#^1:0",), (f"{name}#0", f"{name}#^1:1")] if versions else [(f"{name}#0",)])
    assert store.preflight(EVENTS, copies) == ()
    assert all(isinstance(each, Erased) for each in store.erase(EVENTS, copies, KEY).values())
    assert [unpacked(body) for _, body in shelf.all()] == [[{"person": "p3", "n": 4}]]
    assert len(shelf.versions(name)) == 1
    assert [each.items for each in store.probe(EVENTS, copies)] == [0] * len(copies)
    assert store.capabilities.grounding is Grounding.REMOVED
    assert any("90 days" in sentence for sentence in store.capabilities.out_of_scope)
    assert list(store.raw()) == []
    store.close()


def test_a_store_that_stays_open_finds_the_versions_that_its_bucket_began_to_keep(seaweed, tmp_path):
    """A worker has a store open for days."""
    seaweed.start()
    shelf = Shelf.of(seaweed, bucket(seaweed, f"begins-{secrets.token_hex(4)}"), tmp_path)
    name = "events/day=1/a.parquet"
    shelf.put(name, packed({"person": ["p1", "p2"], "n": [1, 2]}))
    store = Parquet(spec_of(shelf), (EVENTS,))
    assert len(located(store, "p1")) == 1
    bucket(seaweed, shelf.name, "Enabled")
    shelf.put(name, packed({"person": ["p1", "p2"], "n": [3, 4]}))
    shelf.put(name, packed({"person": ["p2"], "n": [4]}))
    copies = located(store, "p1")
    assert [copy.subject for copy in copies] == ["s-p1"], "older versions name the person"
    assert all(isinstance(each, Erased) for each in store.erase(EVENTS, copies, KEY).values())
    assert [each.items for each in store.probe(EVENTS, copies)] == [0]
    assert located(store, "p1") == []
    assert [unpacked(body) for _, body in shelf.all()] == [[{"person": "p2", "n": 4}]]
    store.close()


def test_only_what_is_needed_is_fetched(shelf, monkeypatch):
    rows = {"load": [secrets.token_bytes(30_000) for _ in range(200)], "person": [f"p{number}" for number in range(200)]}
    shelf.put("events/day=1/big.parquet", packed(rows, row_group_size=20, compression="none"))
    store = Parquet(spec_of(shelf), (EVENTS,))
    kind = type(store._lake.bucket)
    real, fetched = kind.read, []

    def counted(self, *asked):
        answer = real(self, *asked)
        fetched.append(len(answer[0]))
        return answer

    monkeypatch.setattr(kind, "read", counted)
    assert [copy.keys for copy in located(store, "p77")] == [("events/day=1/big.parquet#77",)]
    assert 0 < sum(fetched) < 1_500_000
    store.close()


def test_the_index_knows_objects_by_their_tags(shelf, tmp_path, monkeypatch):
    for part in "ab":
        shelf.put(f"events/day=1/{part}.parquet", packed({"person": ["p1", part]}))
    store = Parquet(spec_of(shelf), (EVENTS,))
    store.index, store.index_key = FileIndex(tmp_path / "index"), b"key"
    first = [(copy.keys, copy.items) for copy in located(store, "p1", "b")]
    kind = type(store._lake)
    real, opened = kind.opened, []
    monkeypatch.setattr(kind, "opened", lambda self, part, *more: (opened.append(part.key), real(self, part, *more))[1])
    assert [(copy.keys, copy.items) for copy in located(store, "p1", "b")] == first
    assert opened == []
    shelf.put("events/day=1/b.parquet", packed({"person": ["p9", "p1"]}))
    assert located(store, "p1")[0].items == (3 if len(shelf.versions("events/day=1/b.parquet")) > 1 else 2)
    assert set(opened) == {"events/day=1/b.parquet"}
    store.close()


def test_a_table_with_a_log_is_left_alone(shelf):
    shelf.put("events/day=1/a.parquet", packed({"person": ["p1"]}))
    store = Parquet(spec_of(shelf), (EVENTS,))
    copies = located(store, "p1")
    shelf.put("events/_delta_log/00000000000000000000.json", b"{}")
    store.close()
    store = Parquet(spec_of(shelf), (EVENTS,))
    assert [each.reason for each in store.preflight(EVENTS, copies)] == [Reason.UNSUPPORTED]
    (outcome,) = store.erase(EVENTS, copies, KEY).values()
    assert isinstance(outcome, Unable)
    assert outcome.reason is Reason.UNSUPPORTED
    assert [each.kind for each in store.check(())] == [FindingKind.UNSUPPORTED]
    store.close()


def test_a_service_that_is_not_there_is_an_answer(seaweed, tmp_path):
    spec = StoreSpec("lake", "parquet", "s3://lake/x", options(seaweed, endpoint="http://127.0.0.1:9"))
    store = Parquet(spec, (EVENTS,))
    copy = next(iter([Selector(Pseudonym("s"), {"person": frozenset({"p1"})})]))
    with pytest.raises(Exception, match="cannot be reached"):
        list(store.locate(EVENTS, [copy]))
    store.close()
