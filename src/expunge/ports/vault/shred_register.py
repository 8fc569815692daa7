"""The register of key deaths. It lies outside the key table, and so tells a table that comes from a backup."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import Protocol


@unique
class Deed(Enum):
    """The kinds of entry."""

    SHRED = "shred"
    EPOCH_MADE = "epoch made"
    EPOCH_DESTROYED = "epoch destroyed"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. It holds numbers, times and 16-byte ids, and nothing else."""

    deed: Deed
    at: datetime
    subjects: tuple[bytes, ...] = ()
    """Of a shred: the subjects whose keys die."""
    objects: tuple[bytes, ...] = ()
    """Of a shred: the recordings whose keys die, alone or with their subjects."""
    epoch: int = 0
    """The number of the epoch that was made or destroyed."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a register: the number of its last entry, from 1, and a digest over all entries up to it."""

    number: int
    digest: bytes


START = Head(0, bytes(32))
"""The head of an empty register."""


class ShredRegister(Protocol):
    """An append-only register. After a crash, an entry whose append returned is there; one whose append did not is whole or not there.

    Every method raises ``StateUnavailable`` where the disk refuses, ``StateCorrupt`` where an entry was changed. Safe between threads and
    processes.
    """

    def head(self) -> Head:
        """Return the head. It is asked for before each key is read, so it costs microseconds."""
        ...

    def digest(self, number: int) -> bytes:
        """Return the digest up to an entry. Raises ``LookupError`` beyond the head."""
        ...

    def after(self, number: int) -> Iterator[tuple[Head, Entry]]:
        """Yield the entries after an entry, oldest first."""
        ...

    def append(self, entry: Entry) -> Head:
        """Append durably, and return the new head."""
        ...


class KnownHeads(Protocol):
    """The heads of a register that are known elsewhere, in a place that no backup of the register brings back."""

    def known(self) -> Head:
        """Return the head that was entered last, or that a person accepted since; :data:`START` without any."""
        ...

    def enter(self, head: Head) -> None:
        """Enter a head, durably if it can be now. It never raises: a head that is entered later, or not at all, does no harm."""
        ...
