"""Rotation: every living key wrapped anew under the current epoch, where it lies, a part at a time."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from expunge.errors import StateCorrupt
from expunge.vault.keys import deaths
from expunge.vault.keys.epochs import Epochs
from expunge.vault.keys.wrapping import Holder, epoch_prefix, rewrapping, tie_of

BATCH = 50_000
"""Keys of one transaction. Other processes wait for its length, and a crash undoes it."""
_RANGE = 10 * BATCH
"""Slots whose holders are in memory at one time, some 70 MB."""


_REWRAP = """
UPDATE slots SET wrapped = rewrapped(wrapped, slot)
WHERE slot >= ? AND slot < ? AND substr(wrapped, 1, 2) NOT IN (?, x'0000')
"""


@dataclass(frozen=True, slots=True)
class RotationSummary:
    """The result of a rotation.

    Attributes:
        epoch: the epoch that every living key is under now.
        rewrapped: how many keys were wrapped anew.
        resumed: whether it finished an interrupted rotation, and made no epoch.
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
        self._ties: dict[int, bytes] = {}
        """The holders of the next slots."""
        self._old: dict[int, AESGCMSIV] | None = None
        """The epochs of keys at the start."""

    def step(self, database: sqlite3.Connection) -> int | None:
        """Wrap the next part anew; return how many keys it had, None at the end."""
        current = deaths.fact(database, "current")
        (last,) = database.execute("SELECT coalesce(max(slot), 0) FROM slots").fetchone()
        if self._next > last:
            return None
        if self._next > self._held_to:
            self._hold(database)
        to = min(self._next + BATCH, self._held_to + 1)
        if self._old is None:
            self._old = {epoch: self._epochs.key(epoch) for epoch in deaths.epochs_in_use(database)}
        failed: list[StateCorrupt] = []
        # The database calls it for each row in place, in two thirds of the time that it takes to fetch and write back the rows.
        database.create_function("rewrapped", 2, rewrapping(self._old, current, self._epochs.key(current), self._ties, failed))
        try:
            count = database.execute(_REWRAP, (self._next, to, epoch_prefix(current))).rowcount
        except sqlite3.OperationalError:
            if failed:
                raise failed[0] from None
            raise
        finally:
            database.create_function("rewrapped", 2, None)
        self._next = to
        return count

    def _hold(self, database: sqlite3.Connection) -> None:
        """Read the holders of the next slots. A slot that is filled later is under the current epoch already, and is passed over."""
        self._held_to = self._next + _RANGE - 1
        self._ties.clear()
        for is_recording, source in ((False, "subjects WHERE"), (True, "objects WHERE length(owners) > 16 AND")):
            kind = tie_of(Holder(b"", is_recording))
            rows = database.execute(f"SELECT slot, id FROM {source} slot BETWEEN ? AND ?", (self._next, self._held_to))  # noqa: S608
            self._ties.update((slot, kind + id_) for slot, id_ in rows)
