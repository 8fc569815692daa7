"""A root whose epoch keys a token or a key service guards, under a separate key for each epoch.

The guard's key never leaves the guard. These files hold the epochs' keys as it sealed them. Once its key is gone, no copy of these
files opens anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Protocol

from expunge import durable
from expunge.adapters.roots.epoch_files import EpochFiles
from expunge.errors import KeyUnknown

_NAME = "name"
_MOVED = "moved"
"""An empty mark: the vault had a root before whose copies open its epochs."""


class Guard(Protocol):
    """A token or a key service. Each method raises RootUnavailable where it does not answer, KeystoreLocked where it does not let us in."""

    def names(self, prefix: str) -> set[str]:
        """Return the names of its keys that start with ``prefix``."""
        ...

    def make(self, name: str) -> None:
        """Make a key that cannot be taken out, unless a key of that name exists."""
        ...

    def seal(self, name: str, key: bytes) -> bytes:
        """Seal an epoch's key, bound to the name."""
        ...

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Open the output of :meth:`seal`. Raises KeyUnknown where no key of that name exists, StateCorrupt."""
        ...

    def remove(self, name: str) -> None:
        """Destroy a key. Destroying twice is success."""
        ...


class GuardedRoot:
    """Implements :class:`expunge.ports.vault.root_keys.RootKeys` in one folder; the guard is asked only when it has to be."""

    def __init__(self, folder: Path, guard: Guard, *, prefix: str = "expunge", after_copyable: bool = False) -> None:
        """Open the folder, or make it.

        Args:
            folder: takes the epochs' keys as the guard sealed them.
            guard: the token or the key service.
            prefix: the beginning of the names of its keys, once the folder is made.
            after_copyable: whether the vault had a root before whose copies open its epochs.

        Raises:
            Misconfigured: others can read it.
            RootUnavailable: the disk does not answer.
        """
        self._guard = guard
        self._files = EpochFiles(folder)
        with self._files.changing():
            path = folder / _NAME
            if not path.exists():
                # Several vaults may use one token.
                durable.write_bytes(path, f"{prefix}-{secrets.token_hex(8)}-epoch-".encode(), at="roots.guarded.name")
            self._prefix = path.read_text("ascii")
            moved = folder / _MOVED
            if after_copyable and not moved.exists():
                durable.write_bytes(moved, b"", at="roots.guarded.moved")
            self._copyable = moved.exists()

    @property
    def copyable(self) -> bool:
        """Whether a copy of the root's files opens a destroyed epoch: never of these, but of a root that the vault had before."""
        return self._copyable

    def epochs(self) -> Mapping[int, datetime]:
        """Return the epochs whose key the guard has, and when each was made. Destructions that a crash interrupted are finished first."""
        names = self._guard.names(self._prefix)
        with self._files.changing():
            for name in sorted(names):
                if self._files.is_destroyed(int(name.removeprefix(self._prefix))):
                    self._guard.remove(name)
        return {epoch: at for epoch, at in self._files.epochs().items() if self._name(epoch) in names}

    def make(self, epoch: int) -> None:
        """Make an epoch's key, and have it sealed. Raises KeyDestroyed, KeystoreLocked, RootUnavailable."""
        with self._files.changing():
            self._files.refuse_destroyed(epoch)
            self._guard.make(self._name(epoch))
            if not self._files.path(epoch).exists():
                self._files.write(epoch, self._guard.seal(self._name(epoch), secrets.token_bytes(32)))

    def open(self, epoch: int) -> bytes:
        """Return an epoch's key. Raises KeyDestroyed, KeyUnknown, KeystoreLocked, RootUnavailable, StateCorrupt."""
        sealed = self._files.read(epoch)
        try:
            return self._guard.unseal(self._name(epoch), sealed)
        except KeyUnknown:
            self._files.refuse_destroyed(epoch)  # by another process, meanwhile
            raise

    def destroy(self, epoch: int) -> None:
        """Have the guard destroy its key, then remove ours. Raises KeystoreLocked, RootUnavailable; then nothing is destroyed."""
        with self._files.changing():
            self._guard.names(self._prefix)
            self._files.mark(epoch)
            # crash here: the mark forbids the epoch, and the next listing of epochs has its key removed.
            self._guard.remove(self._name(epoch))
            self._files.wipe(epoch)

    def _name(self, epoch: int) -> str:
        return f"{self._prefix}{epoch}"
