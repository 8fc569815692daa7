"""A company with voices in files and films in a vault, each with a transcript or details: whose recordings families look at."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from expunge.bootstrap import Expunge
from expunge.bootstrap.clerk.recordings import FamilyRecordings
from expunge.core.datamap.person import Person
from expunge.engine.families.recordings.playback import Viewer
from expunge.engine.families.recordings.timelines import Timeline
from tests.engine.household import shorten_pauses, wav

ANNA, BELA = "prf-anna-7Q2M9K4T", "prf-bela-3R8W1Z6P"
ACCOUNT, OTHER_ACCOUNT = UUID(int=7), UUID(int=8)
SESSION, OTHER_SESSION = b"s" * 32, b"t" * 32
MAP = """\
version: 1
state: ./state
{extra}identities:
  profile: {{dataset: profiles, key: profile_id}}
stores:
  media: {{kind: files, url: ./world/media}}
  sealed: {{kind: vault, url: ./world/vault}}
  app: {{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}}
retention:
  life: {{period: 30 years, from: closed_at, purpose: keep the account, need: contract}}
  day: {{period: 30 years, from: day, purpose: answer, need: contract}}
  seen: {{period: 30 years, from: recorded_at, purpose: show who rang, need: contract}}
datasets:
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
  voice:
    store: media
    path: "voice/{{profile_id}}/{{day}}/{{device_id}}/{{recording_id}}.wav"
    subject: {{profile: profile_id}}
    categories: [user.content.audio]
    retention: day
  shared:
    store: media
    path: "shared/{{talk_id}}.wav"
    subject: {{through: participants, via: talk_id}}
    people: participants
    shared: erase
    categories: [user.content.audio]
    retention: seen
  participants: {{store: app, table: participants, subject: {{profile: profile_id}}, retention: life}}
  transcripts:
    store: app
    table: transcripts
    subject: {{through: voice, via: recording_id}}
    derived_from: [voice]
    on_erase: erase
    holds: transcripts
    retention: life
  bell:
    store: sealed
    path: "bell/{{profile_id}}/{{ring_id}}.mp4"
    subject: {{profile: profile_id}}
    categories: [user.content.video]
    retention: seen
  heard:
    store: sealed
    path: "heard/{{profile_id}}/{{ring_id}}.txt"
    subject: {{profile: profile_id}}
    derived_from: [bell]
    on_erase: erase
    holds: transcripts
    retention: seen
  rings:
    store: app
    table: rings
    subject: {{profile: profile_id}}
    derived_from: [bell]
    on_erase: erase
    holds: details of recordings
    retention: life
"""
FILM = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(range(256)) * 400
"""What a film begins with, and bytes that no player would take."""


@dataclass
class Company:
    """One installation on disk."""

    folder: Path

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @property
    def media(self) -> Path:
        return self.world / "media"

    def speak(self, profile: str, day: str, recording: str, text: str = "", device: str = "kitchen", data: bytes | None = None) -> Path:
        """Add a recording, and its transcript where it has a text."""
        path = self.media / "voice" / profile / day / device / f"{recording}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(recording) if data is None else data)
        if text:
            self.sql("INSERT INTO transcripts VALUES (?, ?, '2026-01-01')", recording, text)
        return path

    def talk(self, talk: str, *profiles: str) -> Path:
        """Add a recording of several people."""
        path = self.media / "shared" / f"{talk}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(talk))
        for each in profiles:
            self.sql("INSERT INTO participants VALUES (?, ?)", talk, each)
        return path

    def ring(self, opened: Expunge, profile: str, ring: str, data: bytes = FILM) -> None:
        """Take a film into the vault."""
        opened.vault.ingest("bell", f"bell/{profile}/{ring}.mp4", io.BytesIO(data))
        self.sql("INSERT INTO rings VALUES (?, ?, '2026-03-04T05:06:07Z', 4.5)", ring, profile)

    def hear(self, opened: Expunge, profile: str, ring: str, text: str) -> None:
        """Take what was said in a film into the vault."""
        opened.vault.ingest("heard", f"heard/{profile}/{ring}.txt", io.BytesIO(text.encode()))

    def sql(self, text: str, *values: object) -> None:
        with closing(sqlite3.connect(self.world / "app.db")) as database, database:
            database.execute(text, values)

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.folder / "expunge.yaml") as opened:
            shorten_pauses(opened)
            yield opened

    def order(self, profile: str) -> None:
        """Ask for the erasure of everything about a person; it waits."""
        with self.open() as opened:
            opened.order_erase([opened.resolve(f"profile:{profile}")], cooling_off=timedelta(days=3))

    def write_map(self, extra: str = "") -> None:
        (self.folder / "expunge.yaml").write_text(MAP.format(extra=extra))


@dataclass
class Viewing:
    """One account that looks at the recordings of one person."""

    opened: Expunge
    kept: FamilyRecordings
    viewer: Viewer
    person: Person

    @property
    def timeline(self) -> Timeline:
        return self.kept.timeline(self.viewer, lambda: self.person)

    def handle(self, number: int = 0) -> str:
        return self.timeline.items[number].handle

    def read(self, handle: str, first: int, last: int) -> bytes:
        self.kept.playback.begin(self.viewer, self.timeline, handle)
        return self.kept.playback.read(self.viewer, self.timeline, handle, first, last)


def build(folder: Path, extra: str = "") -> Company:
    """A company without recordings."""
    company = Company(folder)
    company.media.mkdir(parents=True)
    for table in (
        "profiles (profile_id TEXT PRIMARY KEY, closed_at TEXT)",
        "transcripts (recording_id TEXT, said TEXT, made_at TEXT)",
        "participants (talk_id TEXT, profile_id TEXT)",
        "rings (ring_id TEXT, profile_id TEXT, recorded_at TEXT, seconds REAL)",
    ):
        company.sql(f"CREATE TABLE {table}")
    for each in (ANNA, BELA):
        company.sql("INSERT INTO profiles VALUES (?, NULL)", each)
    company.write_map(extra)
    Expunge.init(folder / "expunge.yaml")
    return company


@contextmanager
def viewing(company: Company, profile: str = ANNA, account: UUID = ACCOUNT, session: bytes = SESSION) -> Iterator[Viewing]:
    """Look at the recordings of a person."""
    with company.open() as opened:
        kept = FamilyRecordings(opened)
        try:
            yield of(opened, kept, profile, account, session)
        finally:
            kept.close()


def of(opened: Expunge, kept: FamilyRecordings, profile: str = ANNA, account: UUID = ACCOUNT, session: bytes = SESSION) -> Viewing:
    """Another one who looks, in the same process."""
    person = opened.resolve(f"profile:{profile}").person
    return Viewing(opened, kept, kept.viewer(account, person.subject, session), person)
