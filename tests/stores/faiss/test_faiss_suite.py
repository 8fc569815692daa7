"""The FAISS store keeps every promise of the port, over several types of index and both kinds of sidecar: the shipped suite."""

from __future__ import annotations

import csv
import io
import json
import secrets
from contextlib import contextmanager

import faiss
import numpy as np
import pytest

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.stores.faiss.store import Faiss
from expunge.testing import PlacingSuite, StoreSuite, WindowSuite

DIMENSIONS = 16
# The suites fork, and a pool of OpenMP threads does not outlive a fork.
faiss.omp_set_num_threads(1)


def vector(one):
    """An embedding that is this person's alone."""
    return (np.frombuffer(one.blob[: 4 * DIMENSIONS], np.uint32) / 2**32).astype(np.float32)


def number_of(one):
    return int.from_bytes(one.blob[-7:])


class Vectors(StoreSuite, PlacingSuite):
    """Indexes in a folder, a new one with each batch; its sidecar first, as a record is found where its vector is not yet."""

    store = Faiss
    crowd = 300
    factory = "IDMap2,Flat"

    def declare(self, folder):
        return StoreSpec("vectors", "faiss", str(folder / "vectors")), [
            Dataset("voices", "vectors", ByField({"person": "person"}), "voice", layout=PathLayout(("voices/{part}.faiss",)))
        ]

    def numbers(self, people):
        return np.array([number_of(one) for one in people], np.int64)

    def index(self, people):
        made = faiss.index_factory(DIMENSIONS, self.factory)
        found = np.stack([vector(one) for one in people])
        if not made.is_trained:
            made.train(np.random.default_rng(7).random((64, DIMENSIONS), np.float32))
        made.add_with_ids(found, self.numbers(people))
        return made

    def sidecar(self, rows):
        return "jsonl", "".join(json.dumps(row) + "\n" for row in rows).encode()

    def write(self, folder, people):
        home = folder / "vectors" / "voices"
        home.mkdir(parents=True, exist_ok=True)
        part = secrets.token_hex(6)
        rows = [
            {"id": number, "person": one.id, "email": one.email, "text": one.text, "blob": one.blob.hex()}
            for number, one in zip(self.numbers(people).tolist(), people, strict=True)
        ]
        kind, data = self.sidecar(rows)
        fresh = folder / f"writing-{part}"
        fresh.write_bytes(data)
        fresh.replace(home / f"{part}.ids.{kind}")
        faiss.write_index(self.index(people), str(fresh))
        fresh.replace(home / f"{part}.faiss")

    def parsed(self, path):
        return [json.loads(line) for line in path.read_text().splitlines()]

    def read(self, folder):
        """What a search by number and the sidecar say; the sidecar is read first, as an erasure changes it last."""
        held = {}
        for path in sorted((folder / "vectors" / "voices").glob("*.ids.*")):
            rows = self.parsed(path)
            index_file = path.with_name(path.name.partition(".ids.")[0] + ".faiss")
            index = faiss.read_index(str(index_file)) if index_file.exists() else None
            for row in rows if index is not None else ():
                one = row["person"]
                try:
                    found = index.reconstruct(row["id"]).tobytes()
                except RuntimeError:
                    continue
                held[one] = held.get(one, b"") + repr((path.name, sorted(row.items()))).encode() + found
        return held

    def plant(self, folder, person):
        (folder / "vectors" / "voices" / "old.npy").write_bytes(vector(person).tobytes() + person.text.encode())

    @contextmanager
    def obstruct(self, folder, person):
        files = [path.open("rb") for path in (folder / "vectors").rglob("*.faiss")]
        yield
        for file in files:
            file.close()

    def spoil(self, folder, person):
        for path in (folder / "vectors").rglob("*.faiss"):
            path.write_bytes(path.read_bytes()[:-6])
        return True


@pytest.mark.variant
class TestFlat(Vectors):
    """IndexIDMap2 over a flat index, sidecars in JSON lines."""


@pytest.mark.soak
class TestLists(Vectors):
    """Inverted lists, sidecars in CSV."""

    factory = "IVF4,Flat"
    crowd = 60
    unsayable = "\0"

    def index(self, people):
        made = super().index(people)
        made.set_direct_map_type(faiss.DirectMap.Hashtable)
        return made

    def sidecar(self, rows):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
        return "csv", text.getvalue().encode()

    def parsed(self, path):
        with path.open(newline="") as file:
            return [{**row, "id": int(row["id"])} for row in csv.DictReader(file)]


class TestPositions(Vectors):
    """A graph whose numbers are positions, which FAISS cannot remove from."""

    factory = "HNSW8"
    crowd = 60

    def numbers(self, people):
        return np.arange(len(people), dtype=np.int64)

    def index(self, people):
        made = faiss.index_factory(DIMENSIONS, self.factory)
        made.add(np.stack([vector(one) for one in people]))
        return made


class TestWindows(WindowSuite):
    """Windows over what the sidecar says."""

    store = Faiss

    def declare(self, folder):
        dataset = Dataset("voices", "vectors", ByField({"person": "profile_id"}), "voice", layout=PathLayout(("{part}.faiss",)))
        return StoreSpec("vectors", "faiss", str(folder / "vectors")), dataset

    def write(self, folder, items):
        home = folder / "vectors"
        home.mkdir(exist_ok=True)
        part = secrets.token_hex(6)
        lines = []
        for number, each in enumerate(items):
            when = each.when if isinstance(each.when, str | None) else each.when.isoformat()
            row = {"id": number, "name": each.name, "profile_id": each.owner.id, "text": each.owner.text, "recorded_at": when}
            lines.append(json.dumps(row) + "\n")
        (home / f"{part}.ids.jsonl").write_text("".join(lines))
        index = faiss.index_factory(DIMENSIONS, "IDMap2,Flat")
        index.add_with_ids(np.stack([vector(each.owner) for each in items]), np.arange(len(items)))
        faiss.write_index(index, str(home / f"{part}.faiss"))

    def read(self, folder):
        held = {}
        for path in sorted((folder / "vectors").glob("*.ids.jsonl")):
            index = faiss.read_index(str(path).replace(".ids.jsonl", ".faiss"))
            for row in map(json.loads, path.read_text().splitlines()):
                held[row["name"]] = repr(row).encode() + index.reconstruct(row["id"]).tobytes()
        return held
