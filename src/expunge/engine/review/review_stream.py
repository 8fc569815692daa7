"""The register of reviews as one process knows it: folded as it grows, with the bytes that no entry of the log commits to yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from expunge.core.journal import events as journalled
from expunge.core.journal.peek import peek, read_flat
from expunge.core.journal.review_events import ReviewEvent, ReviewsCommitted, ViewGiven, ViewServed
from expunge.core.review.request import Reviews
from expunge.engine.kernel.journal_streams import MOST_REBASES, REVIEWS, crowded, register_at
from expunge.ports.journal import Journal

_Answer = TypeVar("_Answer")


class ReviewStream:
    """The register of reviews. Safe between threads."""

    def __init__(self, journal: Journal) -> None:
        """Read nothing yet."""
        self._journal = journal
        self._lock = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self._reviews, self._length = Reviews(), 0
        self._waiting: list[bytes] = []

    def read(self, look: Callable[[Reviews], _Answer]) -> _Answer:
        """Return what ``look`` returns of the register as it is now. It changes nothing, and keeps nothing of what it is given.

        Raises StateUnavailable, StateCorrupt.
        """
        with self._lock:
            self._take_up()
            return look(self._reviews)

    def waiting(self) -> tuple[int, list[bytes]]:
        """Return the position of the first event that no entry of the log commits to, and the bytes of all such events.

        It reads nothing anew: inside a conclusion it tells of the same register as the conclusion is given.
        """
        with self._lock:
            return self._reviews.committed_to, list(self._waiting)

    def enter(self, conclude: Callable[[Reviews], Sequence[ReviewEvent]]) -> tuple[ReviewEvent, ...]:
        """Append a conclusion from the whole register, right behind it. Conclude anew when another process was quicker.

        Returns what was appended. Raises Busy when others keep appending, and what ``conclude`` raises.
        """
        with self._lock:
            for _ in range(MOST_REBASES):
                self._take_up()
                events = tuple(conclude(self._reviews))
                if not events:
                    return ()
                if register_at(self._journal, REVIEWS, self._length, events):
                    self._take_up()
                    return events
        raise crowded(REVIEWS)

    def _take_up(self) -> None:
        """Fold what was appended since."""
        length = self._journal.length(REVIEWS)
        if length < self._length:
            # A journal that was put back from a copy.
            self._begin()
        if length > self._length:
            for data in self._journal.read(REVIEWS, self._length):
                event = read_event(data)
                self._reviews.apply(event)
                self._length += 1
                self._waiting.append(data)
                if isinstance(event, ReviewsCommitted):
                    # What comes behind the events that it commits to, itself among them, waits for the next one.
                    del self._waiting[: len(self._waiting) - (self._length - self._reviews.committed_to)]


def read_event(data: bytes) -> object:
    """Read one event of the register. Views, which are most of it, are read in a fraction of the time."""
    view = peek(data, ViewServed, ViewGiven)
    return journalled.decode(data) if view is None else read_flat(data, view)
