"""Fold the register of reviews: each request with its answers, its lease and its result, and the standing of each at a moment.

Time alone denies a request that was not approved, and ends a lease.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from expunge.core.journal import review_events as ev
from expunge.core.journal.review_words import AnswerBy, Clarity, ReviewPurpose, Room, Sound
from expunge.core.values.ids import Pseudonym

BREAK_GLASS_REVIEWED = timedelta(hours=24)
"""A request that asked no other person first is judged by one within this time."""
ALL = ("", "")
"""What a family bars when it bars every recording."""


class RequestStanding(StrEnum):
    """The standing of a request at a moment."""

    WAITING = "waiting"
    APPROVED = "approved"
    """As many approved as it takes, and the reviewer may activate it."""
    DENIED = "denied"
    EXPIRED = "expired"
    """It was not approved, or not activated, in its time: denied."""
    ACTIVE = "active"
    """Its lease runs."""
    OUTCOME_OWED = "outcome owed"
    """Its lease is over, and the reviewer has not entered the result."""
    CLOSED = "closed"
    RECUSED = "recused"


class LeaseStanding(StrEnum):
    """The standing of a lease at a moment."""

    RUNNING = "running"
    TIME_OVER = "time over"
    ENDED = "ended"


@dataclass
class Lease:
    """A lease as it stands after the events that were folded."""

    begun: ev.LeaseBegun
    clarity: Clarity
    sound: Sound
    ended: ev.LeaseEnded | None = None
    views: int = 0
    """Views that were entered; the next one has this sequence number."""
    last_view: datetime | None = None
    first_position: int | None = None
    """The position of its first view in the register."""

    def standing(self, now: datetime) -> LeaseStanding:
        """Return its standing at a time."""
        if self.ended is not None:
            return LeaseStanding.ENDED
        return LeaseStanding.RUNNING if now < self.begun.until else LeaseStanding.TIME_OVER

    def seconds_left(self, now: datetime) -> int:
        """Return the whole seconds until it ends by time; 0 where it is over."""
        if self.standing(now) is not LeaseStanding.RUNNING:
            return 0
        return max(0, int((self.begun.until - now).total_seconds()))


@dataclass
class ReviewRequest:
    """A request as it stands after the events that were folded."""

    asked: ev.ReviewRequested
    answers: list[ev.ReviewAnswered] = field(default_factory=list)
    lease: Lease | None = None
    recused: ev.ReviewRecused | None = None
    outcome: ev.OutcomeEntered | None = None
    judged: ev.BreakGlassReviewed | None = None
    """Of a request that asked no other person first."""
    notes: list[ev.ReviewNoteKept] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Return its id."""
        return self.asked.request

    @property
    def approvers(self) -> tuple[str, ...]:
        """Return the accounts of staff that approved it, each once, in their order."""
        return tuple(dict.fromkeys(each.account for each in self.answers if each.by is AnswerBy.STAFF and each.granted))

    @property
    def allowed_by_family(self) -> bool:
        """Return whether a member of the family allowed it, and none denied it."""
        family = [each.granted for each in self.answers if each.by is AnswerBy.FAMILY]
        return bool(family) and all(family)

    @property
    def denied_by_family(self) -> bool:
        """Return whether a member of the family denied it."""
        return any(each.by is AnswerBy.FAMILY and not each.granted for each in self.answers)

    @property
    def denied(self) -> bool:
        """Return whether it was denied: by staff, or, where it takes the family's word, by the family. A denial is final."""
        return any(not each.granted for each in self.answers if each.by is AnswerBy.STAFF or self.takes_family_word)

    @property
    def takes_family_word(self) -> bool:
        """Return whether only the family's word lets it be seen: an approval by staff never stands in for it (RNG III.E.1(a)(5))."""
        return self.asked.purpose is ReviewPurpose.AUTHORISED

    def standing(self, now: datetime) -> RequestStanding:
        """Return its standing at a time. Whether so many approvals are enough, and whether a consent stands, is decided at each view."""
        if self.outcome is not None:
            return RequestStanding.CLOSED
        if self.recused is not None:
            return RequestStanding.RECUSED
        if self.lease is not None:
            return RequestStanding.ACTIVE if self.lease.standing(now) is LeaseStanding.RUNNING else RequestStanding.OUTCOME_OWED
        if self.denied:
            return RequestStanding.DENIED
        if now >= self.asked.until:
            return RequestStanding.EXPIRED
        return RequestStanding.APPROVED if self.approvers or self.allowed_by_family else RequestStanding.WAITING

    def owes_judgement(self) -> datetime | None:
        """Return the time by which another person has to judge a request that asked none first; None where that is done or not due."""
        begun = self.lease is not None and self.asked.break_glass and self.judged is None
        return self.lease.begun.at + BREAK_GLASS_REVIEWED if begun and self.lease is not None else None


def approvals_needed(clarity: Clarity, sound: Sound, room: Room, *, child: bool) -> int:
    """Return how many other members of staff have to approve a view that stands on no word of the family.

    Two for a child or a room inside a home that is seen or heard in the clear, and one otherwise. A policy may ask for more, and never for
    less.
    """
    return 2 if (clarity is Clarity.CLEAR or sound is Sound.CLEAR) and (child or room.indoors) else 1


class Reviews:
    """All requests and leases, folded from the events of the register in order."""

    def __init__(self, events: Iterable[object] = ()) -> None:
        """Fold events."""
        self.requests: dict[str, ReviewRequest] = {}
        self.leases: dict[str, Lease] = {}
        self.barred: dict[Pseudonym, dict[tuple[str, str], ev.ReviewsBarred]] = {}
        """Family -> (dataset, recording) of what it bars, :data:`ALL` for every recording -> the event that did."""
        self.notes: dict[str, ev.ReviewNoteKept] = {}
        self.notes_ended: set[Pseudonym] = set()
        """Subjects whose notes are gone."""
        self._watched: dict[tuple[str, date], int] = {}
        """(reviewer, day in UTC) -> milliseconds of recordings that were given."""
        self.committed: ev.ReviewsCommitted | None = None
        """The last entry of the log that was stated."""
        self.logged: ev.ReviewsLogged | None = None
        self.length = 0
        """Events that were folded."""
        for event in events:
            self.apply(event)

    @property
    def next_number(self) -> int:
        """Return the number of the next entry of the log."""
        return 0 if self.committed is None else self.committed.number + 1

    @property
    def committed_to(self) -> int:
        """Return the position of the first event that no entry of the log commits to."""
        return 0 if self.committed is None else self.committed.first + self.committed.count

    @property
    def logged_to(self) -> int:
        """Return the position of the first event that no published entry of the log commits to."""
        if self.committed is None:
            return 0
        return self.committed.first if self.unlogged is not None else self.committed_to

    @property
    def unlogged(self) -> ev.ReviewsCommitted | None:
        """Return the stated entry that is not noted to be in the log."""
        if self.committed is None or (self.logged is not None and self.logged.number >= self.committed.number):
            return None
        return self.committed

    def request_of(self, lease: str) -> ReviewRequest | None:
        """Return the request of a lease; None for one that is not known."""
        found = self.leases.get(lease)
        return None if found is None else self.requests.get(found.begun.request)

    def is_barred(self, subjects: Iterable[Pseudonym], dataset: str, recording: str) -> bool:
        """Return whether a family of any of these subjects bars review of a recording."""
        return any(not self.barred.get(each, {}).keys().isdisjoint({ALL, (dataset, recording)}) for each in subjects)

    def watched_ms(self, reviewer: str, day: date) -> int:
        """Return the milliseconds of recordings that a reviewer was given on a day in UTC. What was fetched twice counts twice."""
        return self._watched.get((reviewer, day), 0)

    def running(self, now: datetime) -> tuple[Lease, ...]:
        """Return the leases that run at a time."""
        return tuple(lease for lease in self.leases.values() if lease.standing(now) is LeaseStanding.RUNNING)

    def apply(self, event: object) -> None:
        """Fold one event. One of another register changes nothing."""
        self.length += 1
        match event:
            case ev.ViewServed():
                lease = self.leases[event.lease]
                lease.views, lease.last_view = event.sequence + 1, event.at
                if lease.first_position is None:
                    lease.first_position = self.length - 1
                day = event.reviewer, event.at.date()
                self._watched[day] = self._watched.get(day, 0) + event.last_ms - event.first_ms
            case ev.ReviewRequested():
                self.requests[event.request] = ReviewRequest(event)
            case ev.ReviewAnswered():
                self.requests[event.request].answers.append(event)
            case ev.LeaseBegun():
                lease = Lease(event, event.clarity, event.sound)
                self.leases[event.lease] = lease
                self.requests[event.request].lease = lease
            case ev.ClarityChanged():
                self.leases[event.lease].clarity, self.leases[event.lease].sound = event.clarity, event.sound
            case ev.LeaseEnded():
                self._end(event)
            case _:
                self._apply_rest(event)

    def _apply_rest(self, event: object) -> None:
        match event:
            case ev.ReviewRecused():
                self.requests[event.request].recused = event
            case ev.OutcomeEntered():
                self.requests[event.request].outcome = event
            case ev.BreakGlassReviewed():
                self.requests[event.request].judged = event
            case ev.ReviewsBarred():
                bars, what = self.barred.setdefault(event.family, {}), (event.dataset, event.recording)
                if event.barred:
                    bars[what] = event
                else:
                    bars.pop(what, None)
            case ev.ReviewNoteKept():
                self.notes[event.note] = event
                self.requests[event.request].notes.append(event)
            case ev.ReviewNotesEnded():
                self.notes_ended.add(event.subject)
            case ev.ReviewsCommitted():
                self.committed = event
            case ev.ReviewsLogged():
                self.logged = event

    def _end(self, event: ev.LeaseEnded) -> None:
        lease = self.leases[event.lease]
        lease.ended = lease.ended or event
