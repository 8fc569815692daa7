"""Leases and views: activate, step up, fetch a range, and stop what may not go on.

A fetch asks every question anew, enters the view, has it rendered, and asks once more before it hands the bytes out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from expunge.core.journal.review_events import ClarityChanged, LeaseBegun, LeaseEnded, ReviewEvent, ViewReported, ViewServed
from expunge.core.journal.review_words import Clarity, DeskAct, LeaseEnding, Sound
from expunge.core.review.question import PolicyReason
from expunge.core.review.request import Lease, LeaseStanding, ReviewRequest, Reviews
from expunge.engine.review import requesting
from expunge.engine.review.deciding import Asked, Known, decide, decide_at_machine, known_of, refused, stop_reason
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import IllegalTransition, UsageError
from expunge.ports.review.recordings import ReviewSource
from expunge.ports.review.seats import Seat

Render = Callable[[ReviewSource, ViewServed], bytes]
"""Returns the rendition of the range of a view. It reads the source while it is called, and not after."""
LONGEST_WAIT = 0.25
"""Seconds after which a stream that waits looks by itself whether its lease goes on."""


@dataclass(frozen=True)
class Viewing:
    """Leases of one process with the seats of their reviewers. Safe between threads."""

    desk: Desk
    _seats: dict[str, Seat] = field(default_factory=dict, repr=False)
    """Lease -> the seat of its reviewer."""
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)

    # --- leases ---------------------------------------------------------------------------------

    def activate(self, seat: Seat, request: str, *, at_machine: bool = False) -> Lease:
        """Begin the lease of an approved request: its time counts from here.

        Args:
            seat: its reviewer.
            request: its id.
            at_machine: whether the operator does it at the command line for that account. The first web session of the reviewer that
                fetches then takes the lease.

        Raises ReviewRefused, IllegalTransition where there was a lease, UsageError.
        """
        desk, known = self.desk, requesting.found(self.desk, request)
        if known.lease is not None:
            raise IllegalTransition("the request had its lease", help="what goes on is a new request")
        event, (clarity, sound) = known.asked, requesting.LEAST
        clarity, sound = min(clarity, event.clarity, key=lambda each: each.step), min(sound, event.sound, key=lambda each: each.step)
        asked = Asked(DeskAct.ACTIVATE, known, requesting.recording_of(desk, known), clarity, sound, event.first_ms, event.last_ms)
        stands, digest = (decide_at_machine(desk, asked, seat.account), "") if at_machine else decide(desk, asked, seat)
        now, session = desk.now(), "" if at_machine else _digest(seat.session)
        by_family = known.takes_family_word or (not known.approvers and not event.break_glass and stands.family_agrees)
        begun = LeaseBegun(
            now, desk.context.random(8).hex(), request, now + desk.bounds.lease, clarity, sound, by_family, session, digest
        )  # fmt: skip

        def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
            if reviews.requests[request].lease is not None:
                raise IllegalTransition("the request had its lease", help="what goes on is a new request")
            return (begun,)

        desk.stream.enter(conclude)
        # commit point: the lease runs.
        if not at_machine:
            self._remember(begun.lease, seat)
        return self._lease(begun.lease)

    def step(self, seat: Seat, lease: str, clarity: Clarity, sound: Sound) -> Lease:
        """Have a lease show more or less, up to what was asked. Less is never refused. Raises ReviewRefused, UsageError."""
        desk, (known, running) = self.desk, self._found(lease)
        event = known.asked
        up = clarity.step > running.clarity.step or sound.step > running.sound.step
        recording = requesting.recording_of(desk, known)
        asked = Asked(DeskAct.STEP_UP if up else DeskAct.VIEW, known, recording, clarity, sound, event.first_ms, event.last_ms)
        digest = self._decided(asked, seat, running)[1] if up else ""
        if not up and event.reviewer != seat.account:
            raise ReviewRefused([PolicyReason("not-yours", "the request is another reviewer's")])
        changed = ClarityChanged(desk.now(), lease, clarity, sound, digest)

        def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
            self._require_running(reviews, lease)
            return (changed,)

        desk.stream.enter(conclude)
        return self._lease(lease)

    # --- views ----------------------------------------------------------------------------------

    def fetch(self, seat: Seat, lease: str, first_ms: int, last_ms: int, render: Render, *, words: bool = False) -> bytes:
        """Return the rendition of a range, by every question of this moment.

        The view is durable in the journal, and the first one of a lease in the log, before ``render`` is called.

        Args:
            seat: the reviewer.
            lease: its id.
            first_ms: the first millisecond.
            last_ms: the millisecond before which it ends.
            render: makes the rendition, of the clarity that the event of the view has.
            words: whether what was said is read, and nothing seen or heard: that has no clearer step than the transcript, and no part.

        Raises:
            ReviewRefused: a rule or a policy is against it, also after it was rendered.
            UsageError: the lease is not known, or the range is none or too long.
            Busy, StateUnavailable, NotWitnessed: journal, log or keeper cannot be reached. Nothing is shown then.
            ItemGone, Unplayable, StoreUnavailable: the recording.
        """
        desk, (known, running) = self.desk, self._found(lease)
        if not 0 <= first_ms < last_ms or (last_ms - first_ms > desk.bounds.fetch_ms and not words):
            message = f"a fetch has {desk.bounds.fetch_ms} milliseconds at most"
            raise UsageError(message, help="ask for a part of it")
        recording = requesting.recording_of(desk, known)
        clarity, sound = (Clarity.TRANSCRIPT, Sound.MUTE) if words else (running.clarity, running.sound)
        asked = Asked(DeskAct.VIEW, known, recording, clarity, sound, first_ms, last_ms)
        stands, digest = self._decided(asked, seat, running)
        view = desk.views.enter(lease, lambda reviews, number: self._view(reviews, number, asked, stands, digest, lease))
        # commit point: the view is entered; from here on it is known, whatever becomes of its bytes.
        data = b""
        try:
            source = desk.recordings.open(recording, lambda: self.require(lease))
            try:
                made = render(source, view)
            finally:
                source.close()
            self._decided(asked, seat, running)
            self.require(lease)
            data = made
        finally:
            desk.views.note_given(view, len(data))
        return data

    def report(self, seat: Seat, lease: str, shown_ms: int, seeks: int, hidden_ms: int, *, ended: bool) -> None:
        """Enter what the reviewer's player says it showed. Raises ReviewRefused for another reviewer, UsageError."""
        desk, (known, _) = self.desk, self._found(lease)
        if known.asked.reviewer != seat.account:
            raise ReviewRefused([PolicyReason("not-yours", "the request is another reviewer's")])
        if min(shown_ms, seeks, hidden_ms) < 0 or max(shown_ms, seeks, hidden_ms) > _MOST_REPORTED:
            raise UsageError("a player tells milliseconds and counts of one lease", help="reload the page")
        desk.stream.enter(lambda _: (ViewReported(desk.now(), lease, seat.account, shown_ms, seeks, hidden_ms, ended),))

    def sit(self, seat: Seat, lease: str) -> Lease:
        """Have a lease watch the session of its reviewer, as after a restart of the process, and return it.

        Raises ReviewRefused for another account or another session, UsageError.
        """
        known, running = self._found(lease)
        with self._guard:
            bound = self._seats.get(lease)
        if known.asked.reviewer != seat.account:
            raise ReviewRefused([PolicyReason("not-yours", "the request is another reviewer's")])
        begun = running.begun.session
        if (begun and begun != _digest(seat.session)) or (bound is not None and bound.session != seat.session):
            raise ReviewRefused([PolicyReason("another-session", "the lease belongs to another login of the reviewer")])
        if begun:
            self._remember(lease, seat)
        return running

    # --- what stops -----------------------------------------------------------------------------

    def goes_on(self, lease: str) -> bool:
        """Return whether a lease runs, and end it where something stands against it by now. Raises StateUnavailable."""
        desk = self.desk
        known, running = self._found(lease)
        if running.standing(desk.now()) is not LeaseStanding.RUNNING:
            return False
        with self._guard:
            seat = self._seats.get(lease)
        why = stop_reason(desk, known_of(desk, known, known.asked.reviewer), seat, by_family=running.begun.by_family)
        if why is not None:
            self._end(lease, why)
        return why is None

    def wait(self, lease: str, seconds: float) -> bool:
        """Wait until a lease does not run any more, at most so long. Return whether it still runs. Raises StateUnavailable.

        What this process decides wakes it at once; what others decided is seen within :data:`LONGEST_WAIT`.
        """
        count, left = self.desk.watch.count, seconds
        while self.goes_on(lease):
            if left <= 0:
                return True
            count = self.desk.watch.wait(count, min(left, LONGEST_WAIT))
            left -= LONGEST_WAIT
        return False

    def sweep(self) -> int:
        """End every running lease that something stands against. Return how many. The process calls it from time to time."""
        now = self.desk.now()
        running = self.desk.stream.read(lambda reviews: [each.begun.lease for each in reviews.running(now)])
        with self._guard:
            for lease in self._seats.keys() - set(running):
                del self._seats[lease]
        return sum(not self.goes_on(lease) for lease in running)

    def _end(self, lease: str, why: LeaseEnding) -> None:
        def conclude(reviews: Reviews) -> Sequence[ReviewEvent]:
            running = reviews.leases[lease].standing(self.desk.now()) is LeaseStanding.RUNNING
            return (LeaseEnded(self.desk.now(), lease, why, ""),) if running else ()

        self.desk.stream.enter(conclude)
        self.desk.watch.wake()

    def require(self, lease: str) -> None:
        """Raise ReviewRefused where a lease does not run any more."""
        self.desk.stream.read(lambda reviews: self._require_running(reviews, lease))

    # --- private --------------------------------------------------------------------------------

    def _decided(self, asked: Asked, seat: Seat, running: Lease) -> tuple[Known, str]:
        """Decide an act under a lease, in the session that it belongs to. Raises as :func:`decide`."""
        begun = running.begun
        with self._guard:
            bound = self._seats.get(begun.lease)
        other = bool(begun.session) and begun.session != _digest(seat.session)
        if seat.account == asked.request.asked.reviewer and (other or (bound is not None and bound.session != seat.session)):
            known = known_of(self.desk, asked.request, asked.request.asked.reviewer)
            reason = PolicyReason("another-session", "the lease belongs to another login of the reviewer")
            raise refused(self.desk, asked, known, seat.account, [reason], "")
        found = decide(self.desk, asked, seat)
        self._remember(begun.lease, seat)
        return found

    def _remember(self, lease: str, seat: Seat) -> None:
        with self._guard:
            self._seats.setdefault(lease, seat)

    def _view(self, reviews: Reviews, number: int, asked: Asked, stands: Known, digest: str, lease: str) -> ViewServed:
        """Return the event of a view, right before it is appended. Raises ReviewRefused where the lease ended meanwhile."""
        running = self._require_running(reviews, lease)
        if running.clarity.step < asked.clarity.step or running.sound.step < asked.sound.step:
            raise ReviewRefused([PolicyReason("clearer-than-lease", "the lease shows less by now")])
        event = stands.request.asked
        return ViewServed(
            max(self.desk.now(), running.begun.at), number, lease, event.request, event.reviewer,
            self.desk.function(event.reviewer, DeskAct.VIEW) or event.function, event.purpose, event.case_kind, event.case_number,
            stands.request.approvers, event.dataset, event.recording, event.subjects, asked.first_ms, asked.last_ms, asked.clarity,
            asked.sound, asked.recording.room, event.break_glass, digest,
        )  # fmt: skip

    def _require_running(self, reviews: Reviews, lease: str) -> Lease:
        running = reviews.leases[lease]
        if running.standing(self.desk.now()) is not LeaseStanding.RUNNING:
            raise ReviewRefused([PolicyReason("no-lease", "no lease of the request runs")])
        return running

    def _lease(self, lease: str) -> Lease:
        return self._found(lease)[1]

    def _found(self, lease: str) -> tuple[ReviewRequest, Lease]:
        request = self.desk.stream.read(lambda reviews: getattr(reviews.leases.get(lease), "begun", None))
        if request is None:
            raise UsageError("there is no lease of that id", help="activate the request first")
        known = requesting.found(self.desk, request.request)
        assert known.lease is not None
        return known, known.lease


_MOST_REPORTED = 24 * 3600 * 1000


def _digest(session: bytes) -> str:
    return sha256(session).hexdigest()
