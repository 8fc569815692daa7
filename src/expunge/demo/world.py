"""The company as values: what was recorded, who will ask, where the stores lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expunge.demo.audio import Sound
from expunge.demo.book import Book
from expunge.demo.people import Household, Profile

EXPORT = "exports/asr-errors-2026-10.csv.gz"
"""The copy that nobody declared, under ``media/``."""


@dataclass(frozen=True)
class Request:
    """Who is to be erased, and how whoever asks names them."""

    person: Profile
    kind: str
    """Identity kind of the data map."""
    value: str
    asked_by: str


@dataclass(frozen=True)
class Recording:
    """One thing that somebody said to a device."""

    recording_id: str
    who: tuple[Profile, ...]
    sound: Sound
    text: str
    text_from: str
    voice: str
    device: str
    place: str
    at: datetime

    @property
    def path(self) -> str:
        """Where the sound lies under ``media/``."""
        folder = f"voice/{self.who[0].profile_id}" if len(self.who) == 1 else "shared"
        return f"{folder}/{self.recording_id}.wav"


@dataclass(frozen=True)
class World:
    """The company as it was built."""

    folder: Path
    """Holds ``world/`` and ``expunge.yaml``."""
    households: tuple[Household, ...]
    recordings: tuple[Recording, ...]
    late: Mapping[str, Recording]
    """By profile, for those who will ask: a recording that has not reached the company yet."""
    requests: tuple[Request, ...]
    book: Book
    notes: tuple[str, ...]
    """What could not be had."""

    @property
    def people(self) -> tuple[Profile, ...]:
        """Everybody."""
        return tuple(person for home in self.households for person in home.profiles)

    @property
    def stores(self) -> dict[str, Path]:
        """Where each store of the data map lies."""
        world = self.folder / "world"
        return {"media": world / "media", "app": world / "app.db", "analytics": world / "analytics"}


def place_text(where: tuple[float, float]) -> str:
    """A place as the company writes it: degrees with six decimals."""
    return f"{where[0]:.6f},{where[1]:.6f}"


def time_text(at: datetime) -> str:
    """A time as the company writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
