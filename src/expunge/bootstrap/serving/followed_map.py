"""What is opened for a data map at the first use, and anew when the map has changed; the earlier one is closed after its last use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from expunge.errors import Misconfigured

T = TypeVar("T")
_Stamp: TypeAlias = tuple[int, int, int, int]


@dataclass
class _Opened(Generic[T]):
    """What was opened for one version of the map, and the number of its users."""

    value: T
    stamp: _Stamp
    users: int = 0
    superseded: bool = False


class OfMap(Generic[T]):
    """One thing of a map that may change. Safe between threads."""

    def __init__(
        self,
        map_path: Path,
        open_: Callable[[Path], T],
        close: Callable[[T], None],
        ending: Callable[[], None] = lambda: None,
        *,
        outlives: bool = False,
    ) -> None:
        """Open nothing yet.

        Args:
            map_path: the data map.
            open_: opens it for the map.
            close: closes it.
            ending: called when the map has changed, and right before an earlier one is closed: ends what was begun by it.
            outlives: whether the earlier one stays in use where the map that replaced its map cannot be read.
        """
        self._map_path, self._open, self._close = map_path, open_, close
        self._ending, self._outlives = ending, outlives
        self._opening = threading.Lock()
        self._counting = threading.Lock()
        self._current: _Opened[T] | None = None

    @contextmanager
    def used(self) -> Iterator[T]:
        """Give it, by the map as it is now, for the length of a block. Raises Misconfigured, and as it is opened."""
        with self._opening:
            opened = self._of_today()
            with self._counting:
                opened.users += 1
        try:
            yield opened.value
        finally:
            with self._counting:
                opened.users -= 1
            self._close_if_idle(opened)

    def close(self) -> None:
        """Close it, as soon as nothing uses it; the next use opens it again."""
        with self._opening:
            current, self._current = self._current, None
        if current is not None:
            self._supersede(current)

    def _of_today(self) -> _Opened[T]:
        stamp = self._stamp()
        current = self._current
        if current is not None and current.stamp == stamp:
            return current
        try:
            self._current = _Opened(self._open(self._map_path), stamp)
        except Misconfigured:
            if current is None or not self._outlives:
                raise
            current.stamp = stamp
            return current
        if current is not None:
            # Why all end: they were begun by another map.
            self._ending()
            self._supersede(current)
        return self._current

    def _stamp(self) -> _Stamp:
        try:
            status = self._map_path.stat()
        except OSError as error:
            message = f"the keeper cannot read its map: {error.strerror}"
            raise Misconfigured(message, help="put it back, or restart the keeper with another") from error
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _supersede(self, opened: _Opened[T]) -> None:
        with self._counting:
            opened.superseded = True
        self._close_if_idle(opened)

    def _close_if_idle(self, opened: _Opened[T]) -> None:
        with self._counting:
            idle = opened.superseded and not opened.users
            opened.superseded = opened.superseded and not idle
        if idle:
            # Why once more: a call that began before the map changed may have begun something by the old map meanwhile.
            self._ending()
            self._close(opened.value)
