"""The root of the vault: it keeps the keys of epochs. Every key of the vault hangs below one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class RootKeys(Protocol):
    """The epoch keys of one vault, numbered from 1.

    Durability: once :meth:`make` returned, the epoch can be opened after a crash. Once :meth:`destroy` returned, it can never be
    opened again, even after our files were put back from a copy. Safe between threads and processes.

    Every method raises ``RootUnavailable`` where the place does not answer, ``KeystoreLocked`` where it wants a passphrase or a PIN that it
    was not given. Neither loses anything; the same call works later.
    """

    @property
    def copyable(self) -> bool:
        """Whether a copy of the root's files, made before an epoch was destroyed, still opens it afterwards (a local folder: yes)."""
        ...

    def epochs(self) -> Mapping[int, datetime]:
        """Return the living epochs and when each was made, in aware UTC."""
        ...

    def make(self, epoch: int) -> None:
        """Make a random key for the epoch. A living epoch stays as it is; a destroyed one raises ``KeyDestroyed``."""
        ...

    def open(self, epoch: int) -> bytes:
        """Return the epoch's key, 32 bytes. Raises ``KeyDestroyed`` after :meth:`destroy`, ``KeyUnknown`` where it was never made."""
        ...

    def destroy(self, epoch: int) -> None:
        """Destroy the epoch's key for good. Success too where it was destroyed already, or never made. The number is never used again."""
        ...
