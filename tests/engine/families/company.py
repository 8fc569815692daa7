"""A small company with voices, transcripts, voiceprints, places and a model, about two children, with days that tests know."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from expunge.bootstrap import Expunge
from tests.engine.household import wav

MIA, BEN = "prf-mia-77Q2M9", "prf-ben-31R8W1"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
OLDEST = datetime(2026, 10, 1, 9, tzinfo=UTC)
"""When Mia's first recording was made."""
HOME = (48.137154, 11.576124)

MAP = """\
version: 1
state: ./state
company: {name: Night Owl, contact: privacy@nightowl.example}
identities:
  account: {dataset: accounts, key: account_id, also: [email]}
  profile: {dataset: profiles, key: profile_id, member_of: account, label: first_name}
guardians: {profile: 13 years}
stores:
  media: {kind: files, url: ./world/media}
  app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}
  models: {kind: files, url: ./world/models}
retention:
  life: {period: 30 days, from: closed_at, purpose: keep the account, need: contract}
  voice: {period: 90 days, from: recorded_at, purpose: answer the request, need: the service itself}
  prints: {period: 1 year, from: made_at, purpose: know who speaks, need: the service itself}
  places: {period: 60 days, from: at, purpose: say what the weather is, need: the service itself}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life, holds: account details}
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: life, holds: profiles}
  recordings:
    store: media
    path: "voice/{profile_id}/{recorded_at}/{recording_id}.wav"
    subject: {profile: profile_id}
    categories: [user.content.audio]
    retention: voice
  transcripts:
    store: app
    table: transcripts
    holds: transcripts
    subject: {through: recordings, via: recording_id}
    derived_from: [recordings]
    on_erase: erase
    retention: voice
  prints:
    store: app
    table: prints
    kind: embedding
    categories: [user.biometrics.voice]
    subject: {profile: profile_id}
    derived_from: [recordings]
    on_erase: erase
    retention: prints
  places:
    store: app
    table: places
    categories: [user.location.precise]
    subject: {profile: profile_id}
    retention: places
  intent:
    store: models
    path: "intent.bin"
    kind: model
    derived_from: [transcripts]
    on_erase: destroy
  orphan:
    store: models
    path: "orphan.bin"
    kind: model
    retention: prints
    aggregate:
      reason: "a model that came with the device"
      safeguards: "nobody knows what it learnt from"
      prohibition: "nobody may look for people in it"
      release: "it is not handed on"
      no_attempt: "nobody here tries to find anyone"
"""


class Clock:
    """A clock that tests set."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant that was set."""
        return self.at


def build(folder: Path, recordings: int = 3, places: int = 2) -> Path:
    """Write the company: so many recordings and places a day apart for Mia, one of each for Ben. Return the path of the map."""
    world = folder / "world"
    (world / "models").mkdir(parents=True)
    (world / "models" / "intent.bin").write_bytes(b"weights of intents" * 20)
    (world / "models" / "orphan.bin").write_bytes(b"weights of an orphan" * 20)
    with closing(sqlite3.connect(world / "app.db")) as db, db:
        db.executescript(
            """
            CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, closed_at TEXT);
            CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, account_id TEXT, first_name TEXT, closed_at TEXT);
            CREATE TABLE transcripts (id INTEGER PRIMARY KEY, recording_id TEXT, text TEXT, recorded_at TEXT);
            CREATE INDEX by_recording ON transcripts (recording_id);
            CREATE TABLE prints (id INTEGER PRIMARY KEY, profile_id TEXT, vector BLOB, made_at TEXT);
            CREATE TABLE places (id INTEGER PRIMARY KEY, profile_id TEXT, lat REAL, lng REAL, at TEXT);
            CREATE INDEX by_profile ON places (profile_id);
            INSERT INTO accounts VALUES ('acc-owl-1', 'owl@example.org', NULL);
            """
        )
        for profile, name, many, spots in ((MIA, "Mía", recordings, places), (BEN, "Ben", 1, 1)):
            db.execute("INSERT INTO profiles VALUES (?, 'acc-owl-1', ?, NULL)", (profile, name))
            db.execute("INSERT INTO prints (profile_id, vector, made_at) VALUES (?, ?, ?)", (profile, b"\x01\x02" * 16, "2026-11-01"))
            for number in range(many):
                when = OLDEST + timedelta(days=number % 50)
                path = world / "media" / "voice" / profile / f"{when:%Y-%m-%d}" / f"rec-{profile[4:7]}-{number:05}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(wav(f"{profile}{number % 7}", 0.05))
                row = (path.stem, f"words of {name} number {number}", when.isoformat())
                db.execute("INSERT INTO transcripts (recording_id, text, recorded_at) VALUES (?, ?, ?)", row)
            for number in range(spots):
                spot = (profile, HOME[0] + number / 1000, HOME[1] - number / 1000, (NOW - timedelta(days=number)).isoformat())
                db.execute("INSERT INTO places (profile_id, lat, lng, at) VALUES (?, ?, ?, ?)", spot)
    (folder / "expunge.yaml").write_text(MAP)
    Expunge.init(folder / "expunge.yaml")
    return folder / "expunge.yaml"
