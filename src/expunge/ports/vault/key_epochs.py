"""How the keys of vaults stand: epochs, what lives under them, and deaths that are not yet irrecoverable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(days=30)
"""How long an epoch may live where the map does not say ``epochs:``."""


@dataclass(frozen=True, slots=True)
class KeyEpoch:
    """A living epoch."""

    number: int
    made: datetime
    current: bool
    """New keys are wrapped under it."""
    subjects: int
    """Living subjects whose keys are wrapped under it."""
    recordings: int
    """Living recordings whose keys hang below it."""

    @property
    def destroyable(self) -> bool:
        """Whether nothing living is under it."""
        return not (self.current or self.subjects or self.recordings)


@dataclass(frozen=True, slots=True)
class KeyDeath:
    """The death of keys: inaccessible since, and irrecoverable since or not yet."""

    inaccessible: datetime
    irrecoverable: datetime | None
    """When the last epoch was destroyed that a kept copy of the table may need; None while one lives."""
    epochs: Mapping[int, datetime]
    """The living epochs that a kept copy may need, and when each was made."""
    shreds: int = 1
    """How many shreds it stands for."""

    def due(self, lifetime: timedelta) -> datetime | None:
        """Return until when the last of these epochs should be destroyed; None where none of them lives here."""
        return max(self.epochs.values()) + lifetime if self.epochs else None


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """What the destruction of an epoch destroys for good. Nothing of it changes once the epoch can be destroyed."""

    number: int
    made: datetime
    shreds: int
    """Shreds made while it was the newest."""
    register: bytes
    """Digest of the register of key deaths up to the last of them, or of those before."""
