"""What was handed out under a lease, held against what its player says it showed. Pure fold of events of the register of reviews.

The one is known here, byte by byte; the other is the word of a browser. A browser that was closed in the middle tells no end, and a view
whose bytes were never counted was cut off by a crash: neither is an error, and both are said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.core.journal.review_events import ClarityChanged, ViewGiven, ViewReported, ViewServed

SLACK_MS = 2_000
"""Milliseconds that a player may tell of beyond what it was handed: its clock is not ours."""


class WatchDoubt(StrEnum):
    """What does not fit between the two."""

    CUT_OFF = "the bytes of a view were not counted: it was cut off"
    NO_END = "the player never told its end"
    MORE_TOLD = "the player tells of more than it was handed"


@dataclass
class WatchedLease:
    """A lease as it was watched."""

    views: int = 0
    """Views that were entered."""
    handed_bytes: int = 0
    handed_ms: int = 0
    """Milliseconds of the recording that were handed out. What was fetched twice counts twice."""
    reports: int = 0
    shown_ms: int = 0
    """Milliseconds that the player says it showed."""
    seeks: int = 0
    hidden_ms: int = 0
    """Milliseconds for which the page was not in front."""
    steps: int = 0
    """Changes of clarity or sound."""
    ended: bool = False
    """Whether the player told its end, and was handed nothing since."""
    _uncounted: dict[int, int] = field(default_factory=dict)
    """Number of a view whose bytes are not counted yet -> its milliseconds."""

    @classmethod
    def of(cls, lease: str, events: Iterable[object]) -> WatchedLease:
        """Return what the events of a register say of one lease."""
        found = cls()
        for event in events:
            if getattr(event, "lease", None) == lease:
                found.apply(event)
        return found

    def apply(self, event: object) -> None:
        """Fold an event of the lease."""
        match event:
            case ViewServed():
                self.views, self.ended = self.views + 1, False
                self._uncounted[event.sequence] = event.last_ms - event.first_ms
            case ViewGiven():
                length = self._uncounted.pop(event.sequence, 0)
                self.handed_bytes += event.bytes
                self.handed_ms += length if event.bytes else 0
            case ViewReported():
                self.reports, self.shown_ms = self.reports + 1, self.shown_ms + event.shown_ms
                self.seeks, self.hidden_ms = self.seeks + event.seeks, self.hidden_ms + event.hidden_ms
                self.ended = event.ended
            case ClarityChanged():
                self.steps += 1

    @property
    def doubts(self) -> tuple[WatchDoubt, ...]:
        """Return what does not fit."""
        found = []
        if self._uncounted:
            found.append(WatchDoubt.CUT_OFF)
        if self.views and not self.ended:
            found.append(WatchDoubt.NO_END)
        if self.shown_ms > self.handed_ms + SLACK_MS:
            found.append(WatchDoubt.MORE_TOLD)
        return tuple(found)
