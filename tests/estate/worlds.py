"""Small companies in one folder, for machines that do anything in any order: simulated stores, and real ones that need no server."""

from __future__ import annotations

import json
import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expunge import Expunge
from expunge.demo.company.outside_search import Search
from tests.estate import simulated

WHO = ("prf-anna-7q2m9k4t", "prf-bela-3r8w1z6p", "prf-cara-9d4f2h7s", "prf-dino-5g1j8v3b")
HEAD = """\
version: 1
state: ./state
identities:
  profile: {dataset: profiles, key: profile_id}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
"""


def said(who: str, where: str) -> str:
    """A sentence that nobody else says anywhere."""
    return " ".join(sha256(f"{who} {where} {number}".encode()).hexdigest()[:9] for number in range(6))


def clip(who: str) -> str:
    return f"clip-{sha256(who.encode()).hexdigest()[:16]}"


class World(ABC):
    """One installation: stores as folders and files under ``world/``, map and state beside it."""

    stores: tuple[str, ...]
    held = "notes"
    """A dataset on which holds are placed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @abstractmethod
    def text(self) -> str:
        """The map after its head."""

    @abstractmethod
    def write(self, store: str, who: str) -> None:
        """What the company's own programs write of one person into one store."""

    @abstractmethod
    def rows(self, store: str, who: str) -> Counter[str]:
        """What normal reads of one store give of one person."""

    @abstractmethod
    def place(self, store: str) -> Path:
        """The file or folder that the store is."""

    @abstractmethod
    def restore(self, store: str) -> None:
        """Put the store back as :meth:`build` left it."""

    def build(self) -> None:
        self.world.mkdir(parents=True)
        for store in self.stores:
            for who in WHO:
                self.write(store, who)
        shutil.copytree(self.world, self.folder / "copies")
        self.map.write_text(HEAD + self.text())
        Expunge.init(self.map)

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.map) as opened:
            opened.context = replace(opened.context, pause=lambda _: None)
            yield opened

    def marks(self, who: str) -> tuple[str, ...]:
        """What is one person's alone."""
        return (who, clip(who), *(said(who, store) for store in self.stores))

    def search(self, *strings: str, where: str = "world") -> list[str]:
        return [f"{hit.path.relative_to(self.folder)} ({hit.how})" for hit in Search(strings).folder(self.folder / where)]


class SimulatedWorld(World):
    stores = ("desk", "shelf")

    def text(self) -> str:
        return """\
stores:
  desk: {kind: simulated, url: ./world/desk}
  shelf: {kind: simulated, url: ./world/shelf}
datasets:
  profiles: {store: desk, table: profiles, subject: {profile: profile_id}, retention: life}
  notes: {store: desk, table: notes, subject: {profile: profile_id}, retention: life}
  clips: {store: shelf, table: clips, subject: {through: notes, via: clip_id}, derived_from: [notes], on_erase: erase}
  drafts: {store: shelf, table: drafts, subject: {profile: profile_id}, retention: life}
"""

    def place(self, store: str) -> Path:
        return self.world / store

    def write(self, store: str, who: str) -> None:
        words = said(who, store)
        if store == "desk":
            simulated.insert(self.place(store), "profiles", {"profile_id": who, "words": words[:29]})
            simulated.insert(self.place(store), "notes", {"profile_id": who, "clip_id": clip(who), "words": words[30:]})
        else:
            simulated.insert(self.place(store), "clips", {"clip_id": clip(who), "words": words[:29]})
            simulated.insert(self.place(store), "drafts", {"profile_id": who, "words": words[30:]})

    def rows(self, store: str, who: str) -> Counter[str]:
        tables = simulated.load(self.place(store))[simulated.TABLES]
        mine = {who, clip(who)}
        return Counter(
            json.dumps([name, row], sort_keys=True) for name, table in tables.items() for row in table.values() if mine & set(row.values())
        )

    def restore(self, store: str) -> None:
        shutil.rmtree(self.place(store))
        shutil.copytree(self.folder / "copies" / store, self.place(store))


class LocalWorld(World):
    stores = ("hub", "media", "lake")

    def text(self) -> str:
        return """\
stores:
  hub: {kind: sqlite, url: "sqlite:///world/hub.db", busy_ms: 500}
  media: {kind: files, url: ./world/media}
  lake: {kind: parquet, url: ./world/lake}
datasets:
  profiles: {store: hub, table: profiles, subject: {profile: profile_id}, retention: life}
  notes: {store: hub, table: notes, subject: {profile: profile_id}, retention: life}
  clips:
    {store: media, path: "clips/{clip_id}.txt", subject: {through: notes, via: clip_id}, derived_from: [notes], on_erase: erase}
  events: {store: lake, path: "events/{part}.parquet", subject: {profile: profile_id}, retention: life}
"""

    def place(self, store: str) -> Path:
        return self.world / ("hub.db" if store == "hub" else store)

    def write(self, store: str, who: str) -> None:
        words = said(who, store)
        if store == "hub":
            with closing(sqlite3.connect(self.place(store))) as db, db:
                db.execute("CREATE TABLE IF NOT EXISTS profiles (profile_id TEXT, words TEXT, closed_at TEXT)")
                db.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, profile_id TEXT, clip_id TEXT, words TEXT)")
                db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (who, words[:29]))
                db.execute("INSERT INTO notes (profile_id, clip_id, words) VALUES (?, ?, ?)", (who, clip(who), words[30:]))
        elif store == "media":
            (self.place(store) / "clips").mkdir(parents=True, exist_ok=True)
            (self.place(store) / "clips" / f"{clip(who)}.txt").write_text(words)
        else:
            folder = self.place(store) / "events"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"{'first' if who < WHO[2] else 'second'}.parquet"
            rows = pq.read_table(path).to_pylist() if path.exists() else []
            fresh = self.folder / "fresh.parquet"
            pq.write_table(pa.Table.from_pylist([*rows, {"profile_id": who, "words": words}]), fresh)
            fresh.replace(path)

    def rows(self, store: str, who: str) -> Counter[str]:
        if store == "hub":
            with closing(sqlite3.connect(self.place(store))) as db:
                found = [
                    row for table in ("profiles", "notes") for row in db.execute(f"SELECT * FROM {table} WHERE profile_id = ?", (who,))
                ]
            return Counter(map(str, found))
        if store == "media":
            return Counter(path.read_text() for path in (self.place(store) / "clips").glob(f"{clip(who)}*"))
        tables = [pq.read_table(path).to_pylist() for path in sorted((self.place(store) / "events").glob("*.parquet"))]
        return Counter(str(row) for rows in tables for row in rows if row["profile_id"] == who)

    def restore(self, store: str) -> None:
        place, copied = self.place(store), self.folder / "copies" / self.place(store).name
        if place.is_dir():
            shutil.rmtree(place)
            shutil.copytree(copied, place)
        else:
            for each in self.world.glob(f"{place.name}*"):
                each.unlink()
            shutil.copy2(copied, place)
