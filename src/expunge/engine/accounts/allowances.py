"""Allowances: how often something may be done within a time, by key. They delay, and lock nothing: the time passes by itself."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from expunge.errors import Busy

MOST_KEYS = 100_000


class Allowance:
    """At most so many in a sliding time, for each key. Safe between threads."""

    def __init__(self, what: str, most: int, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """``what``: is done, in the plural, for messages: *codes for this account*."""
        self._what, self._most, self._seconds, self._now = what, most, seconds, now
        self._guard = threading.Lock()
        self._times: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def take(self, key: Hashable = "") -> None:
        """Count one. Raises Busy, and counts none, where there were too many."""
        with self._guard:
            times = self._within(key)
            times.append(self._now())
            self._times[key] = times
            self._times.move_to_end(key)
            while len(self._times) > MOST_KEYS:
                self._times.popitem(last=False)

    def give_back(self, key: Hashable = "") -> None:
        """Count the latest one no more: it did not happen, or was none of those that are bounded."""
        with self._guard:
            times = self._times.get(key)
            if times:
                times.pop()

    def _within(self, key: Hashable) -> deque[float]:
        times = self._times.get(key, deque())
        while times and times[0] <= self._now() - self._seconds:
            times.popleft()
        if len(times) >= self._most:
            wait = max(1, round((times[0] + self._seconds - self._now()) / 60))
            message = f"there were too many {self._what}"
            raise Busy(message, help=f"wait {wait} minute{'' if wait == 1 else 's'}, then try again")
        return times
