"""The depth of an erasure, and the capabilities of a kind of store."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum


class Grounding(IntEnum):
    """Depth of an erasure; a larger value is deeper. ``NONE`` means that nothing was confirmed."""

    NONE = 0
    HIDDEN = 1
    """No normal read returns it."""
    REMOVED = 2
    """No live file or row holds it."""
    SCRUBBED = 3
    """No trace in any file of the store: free pages, logs, statistics, old versions, journals."""
    DEVICE = 4
    """The medium was discarded, or encrypted under a destroyed key."""

    @property
    def word(self) -> str:
        """The lower-case word used in maps, receipts and pages."""
        return self.name.lower()

    @classmethod
    def from_word(cls, word: str) -> Grounding:
        """Parse the word of a map or receipt. Raises ValueError."""
        try:
            return cls[word.upper()]
        except KeyError:
            message = f"unknown grounding {word!r}"
            raise ValueError(message) from None


class ScanDepth(StrEnum):
    """The share of a store's bytes that looks after an erasure read, as the map says."""

    ALL = "all"
    CHANGED = "changed"
    """Looks of an order read everything; later looks of the same order read what has changed since the last of these."""
    SAMPLE = "sample"
    """Each look reads a part that is drawn by chance: it can find, and it cannot clear."""


@dataclass(frozen=True)
class Retained:
    """Something that goes on holding what is erased elsewhere, until it ends by itself: a backup, or a schedule of them."""

    ground: str
    """A sentence for the receipt, without identifiers: ``backups of app (pg_dump, daily, kept 30 days)``."""
    made: datetime | None = None
    """When this one was made: it holds only what was there then. None for a schedule whose single backups cannot be seen."""
    lasts: timedelta | None = None
    """How long after it was made it ends; None where only a condition ends it (the ground says which)."""

    def until(self, erased: datetime | None) -> datetime | None:
        """Return the last instant at which it holds the data that was erased at that time."""
        start = self.made or erased
        return start + self.lasts if start and self.lasts else None

    def holds(self, erased: datetime | None, now: datetime) -> bool:
        """Return whether it can still hold, at ``now``, the data that was erased then. False without an erasure (None)."""
        if erased is None or (self.made is not None and self.made > erased):
            return False
        until = self.until(erased)
        return until is None or until > now


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a store in the place where it runs. The planner reads them, the conformance suite checks them."""

    grounding: Grounding
    """The deepest grounding reachable here, with the rights and file access that this process has."""
    batch: int = 1000
    """Subjects that one ``erase`` call takes well."""
    exclusive: bool = False
    """``purge`` needs the store to itself for a while (a maintenance window applies)."""
    mute: bool = False
    """Can silence one person in a shared recording."""
    rewritten: frozenset[str] = frozenset()
    """Datasets that the store itself writes into when rows of another are deleted (by a trigger): what is found there after an erasure
    is somebody else's own only if they held it before."""
    refers: tuple[tuple[str, str], ...] = ()
    """(one, other) dataset: rows of the one refer to rows of the other, so that the other's cannot go first, or not without them."""
    retains: tuple[Retained, ...] = ()
    """What this store keeps of everybody, whatever is erased: then it is not scanned, and each receipt says until when."""
    out_of_scope: tuple[str, ...] = ()
    """Sentences for the receipt: what this store cannot reach, and where it lies."""

    def within(self, depth: ScanDepth) -> Capabilities:
        """Return what is reached where looks read so much: nothing deeper than *removed* by a sample."""
        return replace(self, grounding=min(self.grounding, Grounding.REMOVED)) if depth is ScanDepth.SAMPLE else self
