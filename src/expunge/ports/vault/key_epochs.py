"""The state of the vaults' keys: epochs, the keys that live under them, and deaths that are not yet irrecoverable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(days=30)
"""The longest life of an epoch where the map has no ``epochs:``."""


@dataclass(frozen=True, slots=True)
class KeyEpoch:
    """A living epoch."""

    number: int
    made: datetime
    current: bool
    """Whether new keys are wrapped under it."""
    subjects: int
    """Number of living subjects whose keys are wrapped under it."""
    recordings: int
    """Number of living recordings whose keys hang below it."""

    @property
    def destroyable(self) -> bool:
        """Whether it is not the current one, and no living key is under it."""
        return not (self.current or self.subjects or self.recordings)


@dataclass(frozen=True, slots=True)
class KeyDeath:
    """The death of keys: the time since when they are inaccessible, and since when irrecoverable, if they are."""

    inaccessible: datetime
    irrecoverable: datetime | None
    """When the last epoch that a kept copy of the table may need was destroyed; None while one of them lives."""
    epochs: Mapping[int, datetime]
    """The living epochs that a kept copy may need, and when each was made."""
    shreds: int = 1
    """The number of shreds that it stands for."""

    def due(self, lifetime: timedelta) -> datetime | None:
        """Return when the last of these epochs is due to be destroyed; None where none of them lives here."""
        return max(self.epochs.values()) + lifetime if self.epochs else None

    def until(self) -> str:
        """Return what has to happen first, in words: ``epoch 1 is destroyed``, ``epochs 1 and 2 are destroyed``."""
        *others, last = map(str, sorted(self.epochs)) if self.epochs else ("",)
        return f"epochs {', '.join(others)} and {last} are destroyed" if others else f"epoch {last} is destroyed"


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """What the destruction of an epoch ends for good. Its values no longer change once the epoch can be destroyed."""

    number: int
    made: datetime
    shreds: int
    """Number of shreds made while it was the newest epoch."""
    register: bytes
    """Digest of the register of key deaths up to the last of these shreds; without any, up to the last one before."""
