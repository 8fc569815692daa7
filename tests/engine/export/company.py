"""A company with a child's recordings, transcripts, places and a model, for tests of the export."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from expunge.bootstrap import Expunge
from tests.engine.household import Household, wav

CHILD, OTHER = "prf-child-4T9K", "prf-other-8B2M"
MAP = """\
version: 1
state: ./state
company: {name: Night Owl & Sons <b>, contact: privacy@nightowl.example}
identities:
  profile: {dataset: profiles, key: profile_id}
stores:
  media: {kind: files, url: ./world/media, outside: ["tapes in a mine, until 2027"]}
  app: {kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}
  made: {kind: files, url: ./world/made}
retention:
  life: {period: 30 days, from: recorded_at, purpose: answer the request, need: contract}
datasets:
  profiles: {store: app, table: profiles, holds: profiles, subject: {profile: profile_id}, retention: life}
  voice:
    store: media
    path: "voice/{profile_id}/{recording_id}"
    holds: voice recordings
    subject: {profile: profile_id}
    retention: life
  transcripts:
    store: app
    table: transcripts
    holds: transcripts
    subject: {through: voice, via: recording_id}
    derived_from: [voice]
    on_erase: erase
    retention: life
  places: {store: app, table: places, holds: location points, subject: {profile: profile_id}, retention: life}
  intent:
    store: made
    path: "intent/model.bin"
    kind: model
    derived_from: [transcripts]
    on_erase: {retrain: "true"}
"""


def build(folder: Path, recordings: dict[str, bytes] | None = None, *, places: int = 40) -> Household:
    """Write the world, and initialise the state."""
    home = Household(folder)
    voices = home.world / "media" / "voice"
    for profile in (CHILD, OTHER):
        (voices / profile).mkdir(parents=True)
    (home.world / "made" / "intent").mkdir(parents=True)
    (home.world / "made" / "intent" / "model.bin").write_bytes(b"weights of many people")
    files = {"morning.wav": wav("morning"), "evening.wav": wav("evening")} if recordings is None else recordings
    for name, data in files.items():
        (voices / CHILD / name).write_bytes(data)
    (voices / OTHER / "elsewhere.wav").write_bytes(wav("elsewhere"))
    with sqlite3.connect(home.database) as db:
        db.executescript(
            """
            CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, name TEXT, recorded_at TEXT);
            CREATE TABLE transcripts (id INTEGER PRIMARY KEY, recording_id TEXT, text TEXT, recorded_at TEXT);
            CREATE TABLE places (id INTEGER PRIMARY KEY, profile_id TEXT, latitude REAL, longitude REAL, recorded_at TEXT);
            """
        )
        db.execute(
            "INSERT INTO profiles VALUES (?, ?, ?)",
            (CHILD, "<script>alert(1)</script> \u0645\u0631\u064a\u0645 \u5c0f\u660e", "2026-01-02"),
        )
        db.execute("INSERT INTO profiles VALUES (?, ?, ?)", (OTHER, "somebody else entirely", "2026-01-02"))
        for number, name in enumerate([*files, "elsewhere.wav"]):
            db.execute(
                "INSERT INTO transcripts (recording_id, text, recorded_at) VALUES (?, ?, ?)",
                (name, f"the heron number {number} sang & <i>danced</i>", f"2026-03-{1 + number % 28:02}T08:00:00Z"),
            )
        for number in range(places):
            db.execute(
                "INSERT INTO places (profile_id, latitude, longitude, recorded_at) VALUES (?, ?, ?, ?)",
                (CHILD, 52.5 + number / 500, 13.4 - number / 300, f"2026-04-{1 + number % 28:02}T08:00:00Z"),
            )
    db.close()
    home.map.write_text(MAP)
    Expunge.init(home.map)
    return home


def lines(data: bytes) -> list[dict[str, object]]:
    """The rows of JSON lines."""
    return [json.loads(line) for line in data.splitlines()]
