"""A watch that open streams wait on: it is woken when a lease may have ended, so that a player stops at once."""

from __future__ import annotations

import threading
import time


class LeaseWatch:
    """Wakes all that wait. Safe between threads."""

    def __init__(self) -> None:
        """Nothing has happened yet."""
        self._changed = threading.Condition()
        self._count = 0

    @property
    def count(self) -> int:
        """How often it was woken: what a caller that looks before it waits compares with."""
        with self._changed:
            return self._count

    def wake(self) -> None:
        """Wake all that wait."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, count: int, seconds: float) -> int:
        """Wait until it is woken after so many times, at most so long. Return how often it was woken by now."""
        until = time.monotonic() + seconds
        with self._changed:
            while self._count == count and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._count
