"""The company as values: its recordings, the coming requests, the places of its stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from expunge.demo.company.book import Book
from expunge.demo.company.people import Household, Profile
from expunge.demo.company.services import Services
from expunge.demo.voices.audio import Sound

EXPORT = "exports/asr-errors-2026-10.csv.gz"
"""The copy that nobody declared: an object in the bucket of the recordings."""
TRAINING = "training/set-2026-10.parquet"
"""What the speech model is trained with, in the lake."""


STORES: Mapping[str, str] = {"app": "postgres", "audio": "s3", "lake": "lake", "hub": "hub.db"}
"""Store of the data map -> where its bytes lie in ``world/``."""


@dataclass(frozen=True)
class Request:
    """A person to be erased, with the name that the requester uses for them."""

    person: Profile
    kind: str
    """Identity kind of the data map."""
    value: str
    asked_by: str


@dataclass(frozen=True)
class Recording:
    """One utterance to a device."""

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
        """Key of the sound in the bucket: it names no person."""
        return f"{'voice' if len(self.who) == 1 else 'shared'}/{self.recording_id}.wav"


@dataclass(frozen=True)
class World:
    """The company as it was built."""

    folder: Path
    """Holds ``world/`` and ``expunge.yaml``."""
    services: Services
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
        """All people of the world."""
        return tuple(person for home in self.households for person in home.profiles)

    @property
    def lake(self) -> Path:
        """The folder of the lake."""
        return self.folder / "world" / STORES["lake"]

    @property
    def hub(self) -> Path:
        """The database of the device hub."""
        return self.folder / "world" / STORES["hub"]


def place_text(where: tuple[float, float]) -> str:
    """Return a place as the company writes it: degrees with six decimals."""
    return f"{where[0]:.6f},{where[1]:.6f}"


def time_text(at: datetime) -> str:
    """Return a time as the company writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
