"""The system's clock, and a clock that is never before the latest time in the journal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from expunge import clock
from expunge.ports.clock import Clock

SLACK = timedelta(seconds=2)
"""Set back by less than this is how time services trim a clock: held, not said."""


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> datetime:
        """Aware UTC, microseconds."""
        return clock.now()


class MonotonicClock:
    """A clock that never answers before any earlier answer, nor before the latest time that the journal holds.

    A clock set back is *held*: the answer stands still at the latest known time until the machine's clock has caught up, so that no period
    ends later or hold earlier than what was already written says. It is also *said*, once for each time that it happens.

    Args:
        inner: the clock underneath.
        floor: the latest time in the journal; None for an empty one.
        say: called with how far the clock is behind when a setting back of more than :data:`SLACK` is noticed.
    """

    def __init__(self, inner: Clock, floor: datetime | None, say: Callable[[timedelta], None]) -> None:
        self._inner = inner
        self._latest = floor
        self._say = say
        self._said = False
        self._guard = threading.Lock()

    def now(self) -> datetime:
        """Return the time, or the latest known time where the machine's clock is behind it."""
        answer = self._inner.now()
        with self._guard:
            latest = self._latest
            if latest is None or answer >= latest:
                self._latest, self._said = answer, False
                return answer
            news = latest - answer > SLACK and not self._said
            self._said = self._said or news
        if news:
            self._say(latest - answer)
        return latest

    def observe(self, journalled: datetime) -> None:
        """Raise the floor to a time read from the journal (another process may have written a later one)."""
        with self._guard:
            if self._latest is None or journalled > self._latest:
                self._latest = journalled
