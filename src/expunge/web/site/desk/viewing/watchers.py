"""Those who watch at this moment: each stream holds a thread of the server, and pages need threads too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

MOST = 6
"""Leases that are watched at once, of the threads that are shared by turns."""
OF_ACCOUNT = 2
"""Those of one account."""


class Place(Enum):
    """The place of a stream among those who watch."""

    HELD = auto()
    FULL = auto()
    """There is no room."""
    TAKEN = auto()
    """A later stream of the same account took it: a lease is watched in one window, and an account watches two leases."""


class Watcher:
    """One stream that watches a lease."""

    def __init__(self, watchers: Watchers, key: tuple[str, str], *, room: bool) -> None:
        """Take the place, where there is room."""
        self._watchers, self._key, self._room = watchers, key, room

    @property
    def place(self) -> Place:
        """Return the place as it is now."""
        if not self._room:
            return Place.FULL
        return Place.HELD if self._watchers.newest(self._key) is self else Place.TAKEN


class Watchers:
    """The bound on those who watch. Safe between threads.

    Why the newest one counts: that a browser has left a page is seen a second or two later, and by then it has opened the next one.
    """

    def __init__(self, most: int = MOST, of_account: int = OF_ACCOUNT) -> None:
        """Take the bounds."""
        self._most, self._of_account = most, of_account
        self._guard = threading.Lock()
        self._held: dict[tuple[str, str], Watcher] = {}

    @contextmanager
    def watching(self, account: str, lease: str) -> Iterator[Watcher]:
        """Give a stream its place for the length of a block."""
        key = (account, lease)
        with self._guard:
            # Behind the others again, where it is here already: the newest stands last.
            self._held.pop(key, None)
            own = [each for each in self._held if each[0] == account]
            if len(own) >= self._of_account:
                del self._held[own[0]]
            room = len(self._held) < self._most
            watcher = Watcher(self, key, room=room)
            if room:
                self._held[key] = watcher
        try:
            yield watcher
        finally:
            with self._guard:
                if self._held.get(key) is watcher:
                    del self._held[key]

    def newest(self, key: tuple[str, str]) -> Watcher | None:
        """Return the stream that has the place of an account and a lease."""
        with self._guard:
            return self._held.get(key)


WATCHERS = Watchers()
"""Those of this process."""
