"""A small company with doorbells: recordings lie sealed in a vault, beside a database of people and a folder of notes."""

from __future__ import annotations

import io
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.verification import receipt_verify
from expunge.ports.clock import Clock
from expunge.vault.ingesting import Ingested
from tests.engine.household import shorten_pauses

SPEECH = Path(os.environ.get("EXPUNGE_SPEECH") or Path(__file__).parents[3] / "shared" / "data" / "librispeech")
PEOPLE = ("prf-anna-7Q2M9K4T", "prf-bela-3R8W1Z6P", "prf-cara-9D4F2H7S")
ANNA, BELA, CARA = PEOPLE
WINDOW = 64
"""Bytes of a recording that are looked for."""
MAP = """\
version: 1
state: ./state
{extra}identities:
  profile: {{dataset: profiles, key: profile_id}}
stores:
  app: {{kind: sqlite, url: "sqlite:///world/app.db"}}
  recordings: {{kind: vault, url: ./world/vault}}
  notes: {{kind: files, url: ./world/notes}}
retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
  seen: {{period: 30 days, from: modified, purpose: show who rang, need: contract}}
datasets:
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
  doorbell:
    store: recordings
    path: "doorbell/{{profile_id}}/{{recording_id}}.flac"
    subject: {{profile: profile_id}}
    categories: [user.biometrics.voice]
    shared: {shared}
    retention: seen
  remarks: {{store: notes, path: "{{profile_id}}/{{day}}.txt", subject: {{profile: profile_id}}, retention: seen}}
"""


def speech(number: int) -> bytes:
    """The n-th recording of real speech; made up, where none lies here."""
    found = next(islice(sorted(SPEECH.glob("*.flac")), number, None), None) if SPEECH.is_dir() else None
    return found.read_bytes() if found is not None else b"fLaC" + random.Random(number).randbytes(90_000)


@dataclass
class Doorbells:
    """One installation on disk."""

    folder: Path

    @property
    def vault(self) -> Path:
        return self.folder / "world" / "vault"

    @property
    def notes(self) -> Path:
        return self.folder / "world" / "notes"

    @property
    def map(self) -> Path:
        return self.folder / "expunge.yaml"

    def write_map(self, *, shared: str = "erase", extra: str = "") -> None:
        self.map.write_text(MAP.format(shared=shared, extra=extra))

    @contextmanager
    def open(self, clock: Clock | None = None) -> Iterator[Expunge]:
        with Expunge.open(self.map, clock=clock) as opened:
            shorten_pauses(opened)
            yield opened

    def ring(self, one: str, name: str, data: bytes, *others: str, clock: Clock | None = None) -> Ingested:
        """Take one recording in."""
        with self.open(clock) as opened:
            opened.vault.renew_gate()
            return opened.vault.ingest("doorbell", path_of(one, name), io.BytesIO(data), [("profile", each) for each in others])

    def read(self, one: str, name: str) -> bytes:
        with self.open() as opened, opened.vault.open(f"doorbell/{path_of(one, name)}", purpose="look") as file:
            return file.read()

    def order(self, *names: str) -> str:
        with self.open() as opened:
            order = opened.order_erase([opened.resolve(name) for name in names]).order
            opened.plan(order)
            return order

    def apply(self, order: str) -> Run:
        with self.open() as opened:
            return opened.apply(order)

    def erase(self, *names: str) -> Run:
        return self.apply(self.order(*names))

    def entries(self, run: Run) -> dict[str, tuple[str, str]]:
        """Dataset of the receipt -> outcome and verdict of the scan."""
        with self.open() as opened:
            files = opened.receipt_folder(run.order)
        receipt = receipt_verify.verify(files, files["trust-policy.txt"], at=None).receipt
        return {each.dataset: (each.outcome.value, each.scan.verdict.value if each.scan else "") for each in receipt.datasets}

    def places(self, data: bytes) -> list[str]:
        """Files of the company and of the installation that hold a window of a recording."""
        every = (data[at : at + WINDOW] for at in range(0, len(data) - WINDOW, 997))
        # Padding and silence are nobody's.
        windows = [window for window in every if len(set(window)) > WINDOW // 3]
        assert len(windows) > 20
        return [
            str(path.relative_to(self.folder))
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and any(window in held for held in (path.read_bytes(),) for window in windows)
        ]


def path_of(one: str, name: str) -> str:
    return f"doorbell/{one}/{name}.flac"


def build(folder: Path, people: Sequence[str] = PEOPLE, extra: str = "", passphrase: str | None = None) -> Doorbells:
    """Make one."""
    home = Doorbells(folder)
    (folder / "world" / "notes").mkdir(parents=True)
    with closing(sqlite3.connect(folder / "world" / "app.db")) as database, database:
        database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, closed_at TEXT)")
        database.executemany("INSERT INTO profiles VALUES (?, NULL)", [(each,) for each in people])
    home.write_map(extra=extra)
    Expunge.init(home.map, passphrase=passphrase)
    return home


def copy(template: Doorbells, folder: Path) -> Doorbells:
    """A fresh one for a test."""
    shutil.copytree(template.folder, folder, symlinks=True)
    return Doorbells(folder)
