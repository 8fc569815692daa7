"""A small real company for stories: two families in files, a database and gzipped records; built in a few milliseconds."""

from __future__ import annotations

import atexit
import gzip
import hashlib
import io
import json
import random
import shutil
import sqlite3
import tempfile
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.demo.company.outside_search import Search
from expunge.engine.intake.person_orders import Accepted
from tests.moment import dated

PEOPLE = {
    "prf-anna-7Q2M9K4T": "acc-north-51XK",
    "prf-bela-3R8W1Z6P": "acc-north-51XK",
    "prf-cara-9D4F2H7S": "acc-south-82LM",
    "prf-dino-5G1J8V3B": "acc-south-82LM",
}
ANNA, BELA, CARA, DINO = PEOPLE
SAID = {
    ANNA: ["the purple hedgehog sleeps under grandmother's piano", "remind me that walnuts make me itch terribly"],
    BELA: ["seventeen lighthouse keepers ordered cinnamon toast", "play the song about submarines once more please"],
    CARA: ["my telescope shows four moons around jupiter", "nobody expects the tangerine umbrella brigade"],
    DINO: ["count backwards from ninety nine in swahili now", "the quarterly marmalade report is due on friday"],
}
MAP = """\
version: 1
state: ./state
company: {{name: Night Owl, contact: privacy@nightowl.example}}
{extra}identities:
  account: {{dataset: accounts, key: account_id, also: [email]}}
  profile: {{dataset: profiles, key: profile_id, member_of: account}}
stores:
  media: {{kind: files, url: ./world/media}}
  app: {{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}}
  lake: {{kind: files, url: ./world/lake}}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
datasets:
  accounts: {{store: app, table: accounts, subject: {{account: account_id}}, retention: life}}
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
  voice: {{store: media, path: "voice/{{profile_id}}/{{recording_id}}.wav", subject: {{profile: profile_id}}, retention: life}}
  transcripts: {{store: app, table: transcripts, holds: transcripts, subject: {{through: voice, via: recording_id}}, retention: life}}
  participants: {{store: app, table: participants, subject: {{profile: profile_id}}, retention: life}}
  shared:
    store: media
    path: "shared/{{recording_id}}.wav"
    subject: {{through: participants, via: recording_id}}
    shared: {shared}
    people: participants
    retention: life
  events:
    store: lake
    path: "events/{{day}}.jsonl.gz"
    format: jsonl
    subject: {{profile: profile_id, account: account_id}}
    retention: life
"""


@lru_cache(maxsize=256)
def wav(seed: str, seconds: float = 0.3) -> bytes:
    """A voice as far as bytes go: noise that nobody else has."""
    noise = random.Random(seed)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(noise.randrange(-20000, 20000).to_bytes(2, "little", signed=True) for _ in range(int(8000 * seconds))))
    return out.getvalue()


@dataclass
class Household:
    """One installation on disk."""

    folder: Path

    @property
    def world(self) -> Path:
        return self.folder / "world"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    @property
    def database(self) -> Path:
        return self.world / "app.db"

    def write_map(self, *, shared: str = "erase", extra: str = "", more: str = "") -> None:
        self.map.write_text(MAP.format(shared=shared, extra=extra) + more)

    @contextmanager
    def open(self) -> Iterator[Expunge]:
        with Expunge.open(self.map) as opened:
            shorten_pauses(opened)
            yield opened

    def order(self, *names: str, cooling_off: timedelta | None = None, contact: str = "") -> Accepted:
        with self.open() as opened:
            return opened.order_erase([opened.resolve(name) for name in names], cooling_off=cooling_off, contact=contact)

    def plan(self, order: OrderId) -> bytes:
        with self.open() as opened:
            return opened.plan(order).plan.to_bytes()

    def apply(self, order: OrderId) -> Run:
        with self.open() as opened:
            return opened.apply(order)

    def erase(self, *names: str) -> Run:
        """Order, plan and apply, all while the household is open once."""
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name) for name in names]).order
            opened.plan(order)
            return opened.apply(order)

    def search(self, *strings: str, where: tuple[str, ...] = ("world", "state")) -> list[str]:
        """Where an outside search, which shares no code with us, finds the strings."""
        search = Search(strings)
        return [f"{hit.path.relative_to(self.folder)} ({hit.how})" for part in where for hit in search.folder(self.folder / part)]

    def logical(self) -> dict[str, str]:
        """Everybody's content as normal reads give it, by digest: file or row -> hash."""
        result = {}
        for path in sorted(self.world.rglob("*")):
            if path.is_file() and path.suffix == ".wav":
                result[str(path.relative_to(self.world))] = hashlib.sha256(path.read_bytes()).hexdigest()
            if path.name.endswith(".jsonl.gz"):
                for line in gzip.decompress(path.read_bytes()).splitlines():
                    result[f"{path.name}: {line!r}"] = ""
        with sqlite3.connect(self.database) as db:
            for table in ("accounts", "profiles", "transcripts", "participants"):
                for row in db.execute(f"SELECT * FROM {table}"):
                    result[f"{table}: {row!r}"] = ""
            for row in db.execute("SELECT rowid, text FROM words"):
                result[f"words: {row!r}"] = ""
        db.close()
        return result


class Erased(NamedTuple):
    """An installation from which one child was erased."""

    home: Household
    run: Run


def shorten_pauses(opened: Expunge) -> None:
    """Pause between two attempts for a hundredth of the time."""
    # Why in place: the services of an installation share this one context.
    object.__setattr__(opened.context, "pause", lambda seconds: time.sleep(seconds / 100))


def hasty(home: Household) -> None:
    """Let the database's store answer *locked* after a moment, not after seconds."""
    home.map.write_text(home.map.read_text().replace("busy_ms: 500", "busy_ms: 50"))


def strings_of(profile: str) -> tuple[str, ...]:
    """What belongs to one profile alone."""
    return (profile, *SAID[profile], *(f"rec-{profile[4:8]}-{n}-X7" for n in range(2)))


def build(folder: Path) -> Household:
    """Write the world and the map, and initialise the state: as a copy of the first household of this process, which takes a thirtieth.

    Households of one process have the same keys.
    """
    shutil.copytree(_first(), folder, dirs_exist_ok=True)
    dated(folder / "world" / "media", folder / "world" / "lake")
    return Household(folder)


@cache
def _first() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="expunge-household-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _build(folder / "home")
    return folder / "home"


def _build(folder: Path) -> None:
    home = Household(folder)
    (home.world / "media" / "shared").mkdir(parents=True)
    (home.world / "lake" / "events").mkdir(parents=True)
    for profile in PEOPLE:
        (home.world / "media" / "voice" / profile).mkdir(parents=True)
        for n in range(2):
            (home.world / "media" / "voice" / profile / f"rec-{profile[4:8]}-{n}-X7.wav").write_bytes(wav(f"{profile}{n}"))
    for name in ("rec-both-north-K2", "rec-both-south-K2"):
        (home.world / "media" / "shared" / f"{name}.wav").write_bytes(wav(name))
    _write_database(home.database)
    for day in ("2026-05-01", "2026-05-02"):
        lines = [
            json.dumps({"profile_id": profile, "account_id": account, "day": day, "said": SAID[profile][0], "n": n})
            for n, (profile, account) in enumerate(PEOPLE.items())
        ]
        (home.world / "lake" / "events" / f"{day}.jsonl.gz").write_bytes(gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0))
    home.write_map()
    Expunge.init(home.map)


def _write_database(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(
            """
            CREATE TABLE accounts (account_id TEXT PRIMARY KEY, email TEXT, closed_at TEXT);
            CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, account_id TEXT REFERENCES accounts, closed_at TEXT);
            CREATE TABLE transcripts (id INTEGER PRIMARY KEY, recording_id TEXT, text TEXT, closed_at TEXT);
            CREATE INDEX by_recording ON transcripts (recording_id);
            CREATE VIRTUAL TABLE words USING fts5(text, content='transcripts', content_rowid='id');
            CREATE TRIGGER words_in AFTER INSERT ON transcripts BEGIN INSERT INTO words(rowid, text) VALUES (new.id, new.text); END;
            CREATE TRIGGER words_out AFTER DELETE ON transcripts BEGIN
              INSERT INTO words(words, rowid, text) VALUES ('delete', old.id, old.text); END;
            CREATE TABLE participants (recording_id TEXT, profile_id TEXT, closed_at TEXT, PRIMARY KEY (recording_id, profile_id));
            """
        )
        for account in dict.fromkeys(PEOPLE.values()):
            db.execute("INSERT INTO accounts VALUES (?, ?, NULL)", (account, f"{account}@example.org"))
        for profile, account in PEOPLE.items():
            db.execute("INSERT INTO profiles VALUES (?, ?, NULL)", (profile, account))
            for n, text in enumerate(SAID[profile]):
                db.execute("INSERT INTO transcripts (recording_id, text) VALUES (?, ?)", (f"rec-{profile[4:8]}-{n}-X7", text))
            db.execute("INSERT INTO participants VALUES (?, ?, NULL)", (f"rec-both-{account[4:9]}-K2", profile))
    db.close()


def copy(home: Household, target: Path) -> Household:
    """A cold copy of a whole installation; its state moves along because the map names it by a relative path."""
    shutil.copytree(home.folder, target, symlinks=True)
    return Household(target)


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """What is not the same any more."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}
