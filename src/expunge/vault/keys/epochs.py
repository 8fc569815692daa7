"""Epochs as the key table sees them: the current one, the living ones, and their keys, held in memory while they live."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from expunge.errors import KeyDestroyed, KeyUnknown, RootUnavailable, StateCorrupt, StateRolledBack
from expunge.ports.vault.root_keys import RootKeys
from expunge.ports.vault.shred_register import Deed, Entry, ShredRegister
from expunge.vault.keys import deaths
from expunge.vault.keys.wrapping import MOST_EPOCHS


class Epochs:
    """The epochs of one open table. Its methods are called inside a transaction of the table, except :meth:`key`."""

    def __init__(self, roots: RootKeys, shreds: ShredRegister) -> None:
        self._roots = roots
        self._shreds = shreds
        self._keys: dict[int, AESGCMSIV] = {}
        self._seen = 0

    @property
    def copyable(self) -> bool:
        """Whether a copy of the root's files opens a destroyed epoch."""
        return self._roots.copyable

    def key(self, epoch: int) -> AESGCMSIV:
        """Return the epoch's key, ready for use. Raises KeyDestroyed, KeystoreLocked, RootUnavailable, StateCorrupt."""
        held = self._keys.get(epoch)
        if held is None:
            held = self._keys[epoch] = AESGCMSIV(self._roots.open(epoch))
        return held

    def follow(self, database: sqlite3.Connection, number: int) -> None:
        """Let go of the epochs that another process destroyed. ``number`` is that of the register's last entry."""
        if number != self._seen:
            for (epoch,) in database.execute("SELECT epoch FROM destroyed"):
                self.forget(epoch)
            self._seen = number

    def forget(self, epoch: int) -> None:
        """Let go of a destroyed epoch's key."""
        self._keys.pop(epoch, None)

    def living(self) -> dict[int, datetime]:
        """Return the living epochs and when each was made."""
        return dict(self._roots.epochs())

    def begin(self, database: sqlite3.Connection, at: datetime) -> int:
        """Make the next epoch current, and return it. An epoch that was made before a crash, and not entered, is used.

        The register has the epoch before anything is wrapped under it. So each shred knows which epochs a kept copy may need.
        """
        newest, living = deaths.fact(database, "newest"), self.living()
        # An epoch in the register may have held keys already, in a copy of the table that is newer than this one.
        target = max([*living, newest])
        if target == newest:
            target += 1
        if target > MOST_EPOCHS:
            raise StateCorrupt("there are no numbers left for epochs", help="make a new vault and move the recordings")
        self._roots.make(target)
        self.enter(database, Entry(Deed.EPOCH_MADE, at, epoch=target))
        deaths.set_fact(database, "current", target)
        return target

    def enter(self, database: sqlite3.Connection, entry: Entry) -> int:
        """Apply a deed to the table, and enter it in the register before the table's transaction ends. Returns the entry's number.

        A deed that cannot be applied is not entered: in the register it would hold up everything until it can be.
        """
        number = deaths.applied(database).number + 1
        deaths.apply(database, number, entry, self)
        # commit point: from here on the deed counts. Where this transaction is lost, the next one applies it.
        head = self._shreds.append(entry)
        if head.number != number:
            raise StateCorrupt("two key tables write one register of shreds", help="give each vault a register of its own")
        deaths.set_applied(database, head)
        return number

    def destroy(self, database: sqlite3.Connection, epoch: int, at: datetime) -> None:
        """Destroy an epoch at its root, then enter its destruction."""
        self._roots.destroy(epoch)
        self.enter(database, Entry(Deed.EPOCH_DESTROYED, at, epoch=epoch))

    def settle(self, database: sqlite3.Connection, at: datetime) -> None:
        """Bring root, register and table together after a crash, or after one was put back. Does nothing while the root is away.

        An epoch that is back, although the register has its destruction, is destroyed again. One that the root destroyed without an entry
        gets its entry now. A table whose current epoch is destroyed goes on in another one. Raises StateRolledBack where the root lacks
        the current epoch, which was not destroyed.
        """
        try:
            living = self.living()
        except RootUnavailable:
            return
        newest, current = deaths.fact(database, "newest"), deaths.fact(database, "current")
        destroyed = {epoch for (epoch,) in database.execute("SELECT epoch FROM destroyed")}
        for epoch in destroyed & set(living):
            self._roots.destroy(epoch)
        for epoch in sorted(set(range(1, newest + 1)) - set(living) - destroyed):
            if self._is_known(epoch):
                self.enter(database, Entry(Deed.EPOCH_DESTROYED, at, epoch=epoch))
            elif epoch == current:
                raise StateRolledBack(
                    "the root lacks the vault's current epoch, which was not destroyed", help="put the newest copy of the root back"
                )
        if current not in living or current in destroyed:
            self.begin(database, at)

    def _is_known(self, epoch: int) -> bool:
        """Return whether the root knows an epoch that does not live, which it has then destroyed."""
        try:
            self._roots.open(epoch)
        except KeyDestroyed:
            return True
        except KeyUnknown:
            return False
        return False

    def openable(self, epoch: int) -> bool:
        """Return whether an epoch can be opened at all. Raises KeystoreLocked, RootUnavailable."""
        try:
            self.key(epoch)
        except KeyDestroyed:
            return False
        return True
