"""A made-up company of any size: a database with full-text search, recordings, gzipped JSON lines. The same bytes each time."""

from __future__ import annotations

import gzip
import json
import random
import sqlite3
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expunge.bootstrap import Expunge

SPOKEN = 20
"""Transcripts of each recording."""
PLACES = 78
"""Positions of each profile."""
DAYS = 5
"""Files of JSON lines; each profile has a line in each."""
SAMPLES = 2000
MAP = """\
version: 1
state: ./state
identities:
  account: {dataset: accounts, key: account_id, also: [email]}
  profile: {dataset: profiles, key: profile_id, member_of: account}
stores:
  media: {kind: files, url: ./world/media}
  app: {kind: sqlite, url: "sqlite:///world/app.db"}
  lake: {kind: files, url: ./world/lake}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}
  voice: {store: media, path: "voice/{profile_id}/{recording_id}.wav", subject: {profile: profile_id}, retention: life}
  transcripts: {store: app, table: transcripts, subject: {through: voice, via: recording_id}, retention: life}
  positions: {store: app, table: positions, subject: {profile: profile_id}, retention: life}
  events: {store: lake, path: "events/{day}.jsonl.gz", format: jsonl, subject: {profile: profile_id}, retention: life}
"""
_SCHEMA = """
PRAGMA journal_mode=WAL;
CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, closed_at TEXT);
CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, account_id TEXT REFERENCES accounts, closed_at TEXT);
CREATE TABLE transcripts (id INTEGER PRIMARY KEY, recording_id TEXT, text TEXT, closed_at TEXT);
CREATE TABLE positions (id INTEGER PRIMARY KEY, profile_id TEXT, at TEXT, latitude REAL, longitude REAL, closed_at TEXT);
CREATE VIRTUAL TABLE words USING fts5(text, content='transcripts', content_rowid='id');
"""
_INDEXES = """
CREATE INDEX by_recording ON transcripts (recording_id);
CREATE INDEX by_profile ON positions (profile_id);
CREATE INDEX by_account ON profiles (account_id);
INSERT INTO words(words) VALUES ('rebuild');
CREATE TRIGGER words_in AFTER INSERT ON transcripts BEGIN INSERT INTO words(rowid, text) VALUES (new.id, new.text); END;
CREATE TRIGGER words_out AFTER DELETE ON transcripts BEGIN
  INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text); END;
"""
# fmt: off
_WORDS = [
    "play", "stop", "remind", "kitchen", "garden", "lights", "thunder", "weather", "tomorrow", "story", "dinosaur", "bicycle",
    "pancake", "recipe", "homework", "whisper", "louder", "grandmother", "umbrella", "november", "piano", "station", "window",
    "marble", "lantern", "harbour", "pepper", "quiet", "sister", "football", "alarm", "seven",
]
# fmt: on


@dataclass(frozen=True)
class Company:
    """One company on disk, with an installation that knows it."""

    folder: Path
    profiles: int

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @property
    def database(self) -> Path:
        return self.world / "app.db"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    @property
    def rows(self) -> int:
        """In all tables."""
        return self.profiles * (SPOKEN + PLACES + 1) + self.profiles // 2

    def chosen(self, people: int) -> list[str]:
        """Profiles to be erased, spread evenly over the company."""
        step = self.profiles / people
        return [profile(int(number * step)) for number in range(people)]


def profile(number: int) -> str:
    return f"prf-{number * 7919 % 1_000_003:07d}-{_tag(3 * number)}"


def recording(number: int) -> str:
    return f"rec-{number * 6007 % 1_000_003:07d}-{_tag(3 * number + 1)}"


def account(number: int) -> str:
    return f"acc-{number * 5099 % 1_000_003:07d}-{_tag(3 * number + 2)}"


def _tag(number: int) -> str:
    return format((number + 1) * 2654435761 % 2**32, "08x")


def build(folder: Path, profiles: int) -> Company:
    """Write the world and the map, and initialise the state."""
    company = Company(folder, profiles)
    (company.world / "media" / "voice").mkdir(parents=True)
    (company.world / "lake" / "events").mkdir(parents=True)
    _database(company)
    _recordings(company)
    _events(company)
    company.map.write_text(MAP, encoding="utf-8")
    Expunge.init(company.map)
    return company


def _database(company: Company) -> None:
    db = sqlite3.connect(company.database)
    db.executescript(_SCHEMA)
    accounts = range(company.profiles // 2)
    with db:
        db.executemany("INSERT INTO accounts VALUES (?, ?, NULL)", ((account(n), f"home{n}@example.org") for n in accounts))
        people = range(company.profiles)
        db.executemany("INSERT INTO profiles VALUES (?, ?, NULL)", ((profile(n), account(n // 2)) for n in people))
        db.executemany("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", _transcripts(company))
        db.executemany("INSERT INTO positions (profile_id, at, latitude, longitude) VALUES (?, ?, ?, ?)", _positions(company))
    db.executescript(_INDEXES)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _sentence(seed: random.Random) -> str:
    return " ".join(seed.choices(_WORDS, k=8))


def _transcripts(company: Company) -> Iterator[tuple[str, str]]:
    seed = random.Random(1)
    for _ in range(SPOKEN):
        for number in range(company.profiles):
            yield recording(number), _sentence(seed)


def _positions(company: Company) -> Iterator[tuple[str, str, float, float]]:
    seed = random.Random(2)
    for visit in range(PLACES):
        at = f"2026-{visit % 12 + 1:02d}-{visit % 28 + 1:02d}T{visit % 24:02d}:15:00Z"
        for number in range(company.profiles):
            yield profile(number), at, 48 + seed.random(), 11 + seed.random()


def _recordings(company: Company) -> None:
    seed = random.Random(3)
    size = 2 * SAMPLES
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
    for number in range(company.profiles):
        place = company.world / "media" / "voice" / profile(number)
        place.mkdir()
        sound = array("h", (each // 8 for each in array("h", seed.randbytes(size)))).tobytes()  # not too loud
        (place / f"{recording(number)}.wav").write_bytes(header + b"data" + struct.pack("<I", size) + sound)


def _events(company: Company) -> None:
    seed = random.Random(4)
    for day in range(DAYS):
        lines = (
            json.dumps({"profile_id": profile(n), "day": day, "said": _sentence(seed), "score": round(seed.random(), 9)})
            for n in range(company.profiles)
        )
        path = company.world / "lake" / "events" / f"2026-05-{day + 1:02d}.jsonl.gz"
        with gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) as file:
            file.writelines(f"{line}\n".encode() for line in lines)
