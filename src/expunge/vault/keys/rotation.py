"""Rotation: every living key wrapped anew under the current epoch, where it lies, a part at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from expunge.vault.keys import deaths
from expunge.vault.keys.epochs import Epochs
from expunge.vault.keys.wrapping import Holder, epoch_of, epoch_prefix, unwrap_slot, wrap_slot

BATCH = 50_000
"""Keys of one transaction: others wait for it, and a crash loses it."""
_RANGE = 20 * BATCH
"""Slots whose holders are held in memory together, some 30 MB."""


@dataclass(frozen=True, slots=True)
class RotationSummary:
    """What a rotation did.

    Attributes:
        epoch: the one that every living key is under now.
        rewrapped: keys that were wrapped anew.
        resumed: whether a rotation that had been interrupted was finished, and no epoch made.
    """

    epoch: int
    rewrapped: int
    resumed: bool


class Rewrapping:
    """One pass over the slots, oldest first. Each call of :meth:`step` belongs into a write transaction of its own."""

    def __init__(self, epochs: Epochs) -> None:
        self._epochs = epochs
        self._next = 1
        self._held_to = 0

    def step(self, database: sqlite3.Connection) -> int | None:
        """Wrap the next part anew; return how many keys that were, None at the end."""
        current = deaths.fact(database, "current")
        (last,) = database.execute("SELECT coalesce(max(slot), 0) FROM slots").fetchone()
        if self._next > last:
            return None
        if self._next > self._held_to:
            self._hold(database)
        to = min(self._next + BATCH, self._held_to + 1)
        rows = database.execute(
            "SELECT s.slot, s.wrapped, h.id, h.recording FROM slots s JOIN holders h ON h.slot = s.slot"
            " WHERE s.slot >= ? AND s.slot < ? AND substr(s.wrapped, 1, 2) NOT IN (?, x'0000')",
            (self._next, to, epoch_prefix(current)),
        ).fetchall()
        kek, from_ = self._epochs.key(current), {epoch: self._epochs.key(epoch) for epoch in deaths.epochs_in_use(database)}
        changed = []
        for slot, wrapped, id_, recording in rows:
            if epoch_of(wrapped) not in from_:
                continue  # of an old table, below an epoch that is destroyed
            holder = Holder(id_, bool(recording))
            changed.append((wrap_slot(current, kek, holder, unwrap_slot(from_[epoch_of(wrapped)], holder, wrapped)), slot))
        database.executemany("UPDATE slots SET wrapped = ? WHERE slot = ?", changed)
        self._next = to
        return len(changed)

    def _hold(self, database: sqlite3.Connection) -> None:
        """Hold who has the next slots. Whoever gets one later has it under the current epoch, and is passed over."""
        self._held_to = self._next + _RANGE - 1
        database.execute("DELETE FROM holders")
        for source in ("SELECT slot, id, 0 FROM subjects WHERE", "SELECT slot, id, 1 FROM objects WHERE length(owners) > 16 AND"):
            database.execute(f"INSERT INTO holders {source} slot BETWEEN ? AND ?", (self._next, self._held_to))
