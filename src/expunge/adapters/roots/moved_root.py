"""A root that has moved: new epochs are made in one place, and the epochs from before live in another until they are destroyed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from expunge.errors import KeyDestroyed, KeyUnknown, StateCorrupt
from expunge.ports.vault.root_keys import RootKeys


class MovedRoot:
    """Implements :class:`expunge.ports.vault.root_keys.RootKeys` over two roots. Both have to answer for anything to be changed."""

    def __init__(self, current: RootKeys, former: RootKeys) -> None:
        """Take the root for new epochs, and the one that has those from before."""
        self._current = current
        self._former = former

    @property
    def copyable(self) -> bool:
        """Whether copies of one of the two open a destroyed epoch."""
        return self._current.copyable or self._former.copyable

    def epochs(self) -> Mapping[int, datetime]:
        """Return the living epochs of both. Raises as either."""
        return {**self._former.epochs(), **self._current.epochs()}

    def make(self, epoch: int) -> None:
        """Make an epoch in the current root, unless the former one has it. Raises KeyDestroyed, and as either."""
        if not self._is_former(epoch):
            self._current.make(epoch)

    def open(self, epoch: int) -> bytes:
        """Open an epoch where it was made. Raises KeyDestroyed, KeyUnknown, and as either."""
        try:
            return self._current.open(epoch)
        except KeyUnknown:
            return self._former.open(epoch)

    def destroy(self, epoch: int) -> None:
        """Destroy an epoch where it was made; one that was never made, in the current root. Raises as either."""
        try:
            former = self._is_former(epoch)
        except (KeyDestroyed, StateCorrupt):
            former = True
        (self._former if former else self._current).destroy(epoch)

    def _is_former(self, epoch: int) -> bool:
        """Return whether the former root has an epoch. Raises KeyDestroyed where it had it."""
        try:
            self._former.open(epoch)
        except KeyUnknown:
            return False
        return True
