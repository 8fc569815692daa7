"""Read events of the register of reviews as looks: one for each view and each refusal, with what noticing needs of it alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from expunge.core.accounts.review_spec import WorkingHours
from expunge.core.journal.review_events import OutcomeEntered, ReviewRequested, ViewRefused, ViewServed
from expunge.core.journal.review_words import Room

REQUESTS_COUNT = timedelta(days=60)
"""So long after a request its range is a need. It is longer than any answer and any lease may take."""
WATCHED_AGAIN = 2
"""A range may be watched twice; what is shown beyond that counts as past need."""
PRIVATE_ROOMS = frozenset({Room.BEDROOM, Room.BATHROOM})


@dataclass(frozen=True, slots=True)
class Look:
    """One view, or one refusal."""

    day: int
    """The day in the time zone of the map: the proleptic Gregorian ordinal, as :meth:`datetime.date.toordinal` has it."""
    reviewer: str
    function: str
    """Empty for a refusal."""
    household: str
    """The first pseudonym of the people in the recording; the recording itself where it has none."""
    recording: str
    case: str
    """Kind and number; empty where none was named."""
    begins: bool = False
    """Whether it is the first view of its lease."""
    shown_ms: int = 0
    private_ms: int = 0
    off_ms: int = 0
    past_ms: int = 0
    refusals: int = 0
    caseless: int = 0
    """Refusals that named no case."""


@dataclass
class Need:
    """What one request needs."""

    at: datetime
    first_ms: int
    last_ms: int
    shown_ms: int = 0
    closed: bool = False

    def past(self, event: ViewServed) -> int:
        """Return the milliseconds of a view that the request did not need, and count what is shown."""
        whole = event.last_ms - event.first_ms
        inside = max(0, min(event.last_ms, self.last_ms) - max(event.first_ms, self.first_ms))
        left = max(0, WATCHED_AGAIN * (self.last_ms - self.first_ms) - self.shown_ms)
        self.shown_ms += inside
        needed = 0 if self.closed or event.at - self.at > REQUESTS_COUNT else min(inside, left)
        return whole - needed


class LookReader:
    """Turns events into looks, in their order. It keeps what each open request needs."""

    def __init__(self, hours: WorkingHours, needs: Mapping[str, Need] | None = None) -> None:
        """Go on from what an earlier reader knew, or from nothing."""
        self._hours, self._zone = hours, ZoneInfo(hours.zone)
        self.needs: dict[str, Need] = dict(needs or {})
        """Request -> what it needs."""

    def take(self, event: object) -> Look | None:
        """Return the look that an event is; None for an event that is none."""
        match event:
            case ReviewRequested():
                self.needs[event.request] = Need(event.at, event.first_ms, event.last_ms)
            case OutcomeEntered():
                if event.request in self.needs:
                    self.needs[event.request].closed = True
            case ViewServed():
                return self._served(event)
            case ViewRefused():
                return self._refused(event)
        return None

    def forget(self, now: datetime) -> None:
        """Forget old requests. A view of one that is not known counts as past need, as a view of an old one does."""
        self.needs = {name: need for name, need in self.needs.items() if now - need.at <= REQUESTS_COUNT}

    def _served(self, event: ViewServed) -> Look:
        day, off = self._when(event.at)
        shown = event.last_ms - event.first_ms
        need = self.needs.get(event.request)
        return Look(
            day,
            event.reviewer,
            event.function.value,
            min(event.subjects, default=event.recording),
            event.recording,
            f"{event.case_kind.value} {event.case_number}",
            begins=event.sequence == 0,
            shown_ms=shown,
            private_ms=shown if event.room in PRIVATE_ROOMS else 0,
            off_ms=shown if off else 0,
            past_ms=shown if need is None else need.past(event),
        )

    def _refused(self, event: ViewRefused) -> Look:
        day, _ = self._when(event.at)
        case = f"{event.case_kind} {event.case_number}" if event.case_kind and event.case_number else ""
        count = 1 + event.more
        household = min(event.subjects, default=event.recording)
        return Look(day, event.reviewer, "", household, event.recording, case, refusals=count, caseless=0 if case else count)

    def _when(self, at: datetime) -> tuple[int, bool]:
        """Return the day of an instant, and whether it lies outside the working hours."""
        local = at.astimezone(self._zone)
        minute, hours = local.hour * 60 + local.minute, self._hours
        return local.toordinal(), local.isoweekday() not in hours.days or not hours.first <= minute < hours.last
