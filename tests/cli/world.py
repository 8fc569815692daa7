"""A very small company: one family and a neighbour, in a SQLite database and a folder of recordings."""

from __future__ import annotations

import json
import math
import random
import sqlite3
import wave
from array import array
from contextlib import closing
from pathlib import Path

from tests.moment import dated, days_ago

MAP = """\
version: 1
state: state
identities:
  account: {dataset: accounts, key: account_id, also: [email]}
  profile: {dataset: profiles, key: profile_id, member_of: account}
stores:
  media: {kind: files, url: ./world/media}
  app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}
retention:
  voice: {period: 90 days, from: modified, purpose: answer the request, need: the service itself}
  life: {period: 2 years, from: created_at, purpose: keep the account, need: contract}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life}
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life}
  recordings:
    store: media
    path: "voice/{profile_id}/{recording_id}.wav"
    subject: {profile: profile_id}
    retention: voice
  transcripts:
    store: app
    table: transcripts
    subject: {through: recordings, via: recording_id}
    derived_from: [recordings]
    on_erase: erase
"""

PEOPLE = {
    "p-mia": ("a-one", "Mia Thistlewood", ["rec-m1-71835", "rec-m2-90417"]),
    "p-tom": ("a-one", "Tom Thistlewood", ["rec-t1-33810"]),
    "p-ada": ("a-two", "Ada Quillfeather", ["rec-a1-55129", "rec-a2-60233"]),
}
ACCOUNTS = {"a-one": "ruth.thistlewood@example.org", "a-two": "ada.quillfeather@example.org"}
SAID = {
    "rec-m1-71835": "please tell me a story about the purple walrus of Greenwich",
    "rec-m2-90417": "what do hedgehogs dream of when the moon is yellow",
    "rec-t1-33810": "set the kettle timer to eleven minutes for the thermos",
    "rec-a1-55129": "remind me to water the monstera before Thursday evening",
    "rec-a2-60233": "play the second cello suite in the upstairs library",
}


def make(folder: Path, more: str = "") -> Path:
    """Build it; returns the map's path."""
    (folder / "world" / "media").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.executescript(
            "create table accounts (account_id text primary key, email text, created_at text);"
            "create table profiles (profile_id text primary key, account_id text, name text, created_at text);"
            "create table transcripts (id integer primary key, recording_id text, said text, recorded_at text);"
        )
        database.executemany("insert into accounts values (?, ?, ?)", [(*account, days_ago(340)) for account in ACCOUNTS.items()])
        for profile, (account, name, recordings) in PEOPLE.items():
            database.execute("insert into profiles values (?, ?, ?, ?)", (profile, account, name, days_ago(339)))
            for recording in recordings:
                record(folder, profile, recording)
                database.execute(
                    "insert into transcripts (recording_id, said, recorded_at) values (?, ?, ?)",
                    (recording, SAID[recording], days_ago(307)),
                )
    path = folder / "expunge.yaml"
    path.write_text(MAP + more)
    return path


def record(folder: Path, profile: str, recording: str) -> Path:
    """One second of a voice that is nobody else's."""
    chance = random.Random(recording)
    path = folder / "world" / "media" / "voice" / profile / f"{recording}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    pitch = chance.uniform(90, 250)
    samples = array("h", (int(9000 * math.sin(2 * math.pi * pitch * n / 8000) + chance.gauss(0, 1500)) for n in range(8000)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    dated(path)
    return path


def rows(folder: Path, table: str) -> str:
    """A table as JSON, to compare."""
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database:
        return json.dumps(database.execute(f"select * from {table} order by 1").fetchall())
