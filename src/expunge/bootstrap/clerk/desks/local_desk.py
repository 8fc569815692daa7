"""The review desk in the clerk's process, for pages of staff: who asks is looked up at the keeper at each call."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from expunge.bootstrap.clerk.desks import desk_cards
from expunge.bootstrap.clerk.desks.desk_cards import Cards
from expunge.bootstrap.clerk.review_room import ReviewRoom
from expunge.core.accounts.staff import StaffRight
from expunge.core.accounts.staff_state import GrantStanding, Staff, StaffAccount, StaffStanding
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_events import ViewServed
from expunge.core.journal.review_words import Clarity, NoteAbout, RecusalReason, ReviewOutcome, ReviewPurpose, Sound
from expunge.core.noticing.findings import Finding
from expunge.core.noticing.judging import Compared
from expunge.core.review.colleagues import SIGNED
from expunge.core.review.networks import network_of
from expunge.core.review.new_review import NewReview
from expunge.core.review.question import PolicyReason
from expunge.core.review.rendition import MediaForm, Segment, Still
from expunge.core.review.request import RequestStanding, ReviewRequest, approvals_needed
from expunge.core.review.statements import attesting, statement
from expunge.engine.noticing.deciding import Judgement
from expunge.engine.review import notes, requesting
from expunge.engine.review.desk import Desk
from expunge.engine.review.refusals import ReviewRefused
from expunge.engine.review.viewing import Render
from expunge.engine.review.who_looked import FoundLook
from expunge.errors import CouldNotLook, DeskRefused, ItemGone, Refused, StoreUnavailable, Unplayable, UsageError
from expunge.ports.review.desk_door import (
    LONGEST_FOLLOW,
    MOST_LOOKS,
    DeskCaller,
    DeskToday,
    FindingCard,
    LeaseCard,
    LooksPage,
    OwnRecords,
    PeopleAtDesk,
    RequestCard,
    RequestPage,
    StaffName,
    Transcript,
)
from expunge.ports.review.recordings import ReviewSource
from expunge.ports.review.seats import Seat

_ANY = frozenset(
    {StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS, StaffRight.APPROVE_VIEWS, StaffRight.READ_EVIDENCE, StaffRight.READ_STAFF}
)
"""Rights by which an account has business at the desk."""
_OPEN = frozenset({RequestStanding.WAITING, RequestStanding.APPROVED, RequestStanding.ACTIVE})
_VIEWS = frozenset({StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS, StaffRight.APPROVE_VIEWS})
_CLEAR_TAKES = 2
"""Approvals that a view in the clear may take."""
_MOST_MINE = 500
_STILL_MS = 1000
_FORM_MS = 1
"""Milliseconds that a view counts for in which the form alone was looked at: an entry has a range, and nothing was seen."""


@dataclass(frozen=True)
class LocalDesk:
    """Implements ``expunge.ports.review.desk_door.DeskDoor``."""

    room: ReviewRoom

    # --- requests -------------------------------------------------------------------------------

    def today(self, caller: DeskCaller) -> DeskToday:
        """See the port."""
        seat, rights = self._seated(caller)
        desk, now, cards = self._desk, self._desk.now(), self._cards()
        every = self._requests()
        own = [each for each in every if each.asked.reviewer == seat.account]
        others = [each for each in every if not desk.same_person(seat.account, each.asked.reviewer)]
        approvals, judgements = [], []
        if StaffRight.APPROVE_VIEWS in rights:
            approvals = [each for each in others if self._awaits(each, seat.account)]
            judgements = [each for each in others if each.owes_judgement() is not None]
        findings = None
        if StaffRight.READ_EVIDENCE in rights:
            findings = sum(not each.standing.closed for each in self._findings(seat.account))
        return DeskToday(
            tuple(cards.request(each) for each in own if each.standing(now) in _OPEN),
            tuple(cards.request(each) for each in own if each.standing(now) is RequestStanding.OUTCOME_OWED),
            tuple(map(cards.request, approvals)),
            tuple(map(cards.request, judgements)),
            findings,
        )

    def mine(self, caller: DeskCaller, most: int = 100) -> tuple[RequestCard, ...]:
        """See the port."""
        seat, _ = self._seated(caller)
        cards = self._cards()
        own = [each for each in reversed(self._requests()) if each.asked.reviewer == seat.account]
        return tuple(map(cards.request, own[: max(0, min(most, _MOST_MINE))]))

    def request(self, caller: DeskCaller, request: str) -> RequestPage:
        """See the port."""
        seat, rights = self._seated(caller)
        known, cards, context = requesting.found(self._desk, request), self._cards(), self._desk.context
        own = known.asked.reviewer == seat.account
        if not own and not rights & {StaffRight.APPROVE_VIEWS, StaffRight.READ_EVIDENCE}:
            # Why the same words: only these people are told which ids exist.
            raise UsageError("there is no request of that id", help="look at the list of your requests")
        page = RequestPage(cards.request(known), cards.answers(known), own)
        if not own and StaffRight.APPROVE_VIEWS not in rights:
            return page
        child = room = needed = None
        try:
            recording = requesting.recording_of(self._desk, known)
            child, room = recording.child, recording.room
            needed = approvals_needed(known.asked.clarity, known.asked.sound, recording.room, child=recording.child)
        except (DeskRefused, UsageError, StoreUnavailable, CouldNotLook, ItemGone):
            # Told by None: the request itself is shown, and says how it stands.
            recording = None
        name = notes.of(context, known, NoteAbout.RECORDING)
        return RequestPage(
            page.card, page.answers, own, f"{known.asked.dataset}/{name}" if name is not None else None,
            notes.of(context, known, NoteAbout.NEED), notes.of(context, known, NoteAbout.OUTCOME),
            notes.of(context, known, NoteAbout.BREAK_GLASS), child, room, needed,
        )  # fmt: skip

    def ask(self, caller: DeskCaller, new: NewReview) -> RequestCard:
        """See the port."""
        seat = self._require(caller, StaffRight.REQUEST_VIEWS)
        return self._cards().request(requesting.ask(self._desk, seat, new))

    def approve(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        seat = self._require(caller, StaffRight.APPROVE_VIEWS)
        for name in requesting.found(self._desk, request).approvers:
            if name.startswith(SIGNED) and any(
                self._desk.same_person(each, seat.account) for each in self.room.holders_of(name.removeprefix(SIGNED))
            ):
                raise requesting.approved_already()
        return self._cards().request(requesting.approve(self._desk, seat, request))

    def deny(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        seat = self._require(caller, StaffRight.APPROVE_VIEWS)
        known = requesting.found(self._desk, request)
        if self._desk.same_person(seat.account, known.asked.reviewer):
            raise ReviewRefused([PolicyReason("own-request", "no person answers a request of their own")])
        return self._cards().request(requesting.deny(self._desk, seat.account, request))

    def withdraw(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        seat, _ = self._seated(caller)
        return self._cards().request(requesting.withdraw(self._desk, seat.account, request))

    def judge(self, caller: DeskCaller, request: str, note: str, *, justified: bool) -> RequestCard:
        """See the port."""
        seat = self._require(caller, StaffRight.APPROVE_VIEWS)
        return self._cards().request(requesting.judge(self._desk, seat.account, request, note, justified=justified))

    # --- leases and views -----------------------------------------------------------------------

    def activate(self, caller: DeskCaller, request: str) -> LeaseCard:
        """See the port."""
        seat = self._require(caller, StaffRight.SEE_VIEWS)
        self.room.warm()
        return self._cards().lease(self.room.viewing.activate(seat, request))

    def step(self, caller: DeskCaller, lease: str, clarity: Clarity, sound: Sound) -> LeaseCard:
        """See the port."""
        seat = self._require(caller, StaffRight.SEE_VIEWS)
        self.room.viewing.sit(seat, lease)
        return self._cards().lease(self.room.viewing.step(seat, lease, clarity, sound))

    def lease(self, caller: DeskCaller, lease: str) -> LeaseCard:
        """See the port."""
        seat, _ = self._seated(caller)
        self.room.viewing.sit(seat, lease)
        self.room.viewing.goes_on(lease)
        return self._cards().lease(self.room.viewing.sit(seat, lease))

    def follow(self, caller: DeskCaller, lease: str, seconds: float) -> LeaseCard:
        """See the port."""
        seat = self._seat(caller)
        if self._desk.logins.login(seat).live:
            self.room.viewing.sit(seat, lease)
            self.room.viewing.wait(lease, min(max(seconds, 0.0), LONGEST_FOLLOW))
        else:
            # Why sat first: after a restart the lease does not know yet whose login it watches.
            self.room.viewing.sit(seat, lease)
            self.room.viewing.goes_on(lease)
        # Why no refusal where the login has ended: the lease has ended with it, and the page is told so.
        found = self.room.viewing.sit(seat, lease)
        return self._cards().lease(found)

    def describe(self, caller: DeskCaller, lease: str) -> MediaForm:
        """See the port."""
        made: list[MediaForm] = []

        def look(source: ReviewSource, _: ViewServed) -> bytes:
            made.append(self.room.renditions.renderer.describe(source))
            return b""

        self._fetched(caller, lease, _FORM_MS, look)
        return made[0]

    def segment(self, caller: DeskCaller, lease: str, first_ms: int, last_ms: int) -> Segment:
        """See the port."""
        made: list[Segment] = []

        def render(source: ReviewSource, view: ViewServed) -> bytes:
            made.append(self.room.renditions.segment(source, view))
            return made[0].data

        self._fetched(caller, lease, (first_ms, last_ms), render)
        return made[0]

    def still(self, caller: DeskCaller, lease: str) -> Still:
        """See the port."""
        made: list[Still] = []

        def render(source: ReviewSource, view: ViewServed) -> bytes:
            made.append(self.room.renditions.still(source, view))
            return made[0].data

        self._fetched(caller, lease, _STILL_MS, render)
        return made[0]

    def transcript(self, caller: DeskCaller, lease: str) -> Transcript:
        """See the port."""
        made: list[Transcript] = []
        seat = self._require(caller, StaffRight.SEE_VIEWS)
        viewing = self.room.viewing
        known = requesting.found(self._desk, viewing.sit(seat, lease).begun.request)
        asked = known.asked

        def read(source: ReviewSource, _: ViewServed) -> bytes:
            # Why its length: a transcript tells no times, and the request is for what its range has.
            if asked.first_ms or asked.last_ms < self.room.renditions.renderer.describe(source).length_ms:
                message = "a transcript is of the whole recording, and this request is for a part of it"
                raise Unplayable(message, help="ask for the whole recording, or look at the part")
            found = self.room.spoken(requesting.recording_of(self._desk, known), lambda: viewing.require(lease))
            made.append(Transcript(found.text, found.words))
            return made[0].text.encode()

        viewing.fetch(seat, lease, asked.first_ms, asked.last_ms, read, words=True)
        return made[0]

    def report(self, caller: DeskCaller, lease: str, shown_ms: int, seeks: int, hidden_ms: int, *, ended: bool) -> None:
        """See the port."""
        # Why without the right: a player tells its end after the right has ended too.
        seat = self._seat(caller)
        self.room.viewing.sit(seat, lease)
        self.room.viewing.report(seat, lease, shown_ms, seeks, hidden_ms, ended=ended)

    def revoke(self, caller: DeskCaller, request: str) -> RequestCard:
        """See the port."""
        seat = self._require(caller, *_ANY)
        return self._cards().request(requesting.revoke(self._desk, request, seat.account))

    def recuse(self, caller: DeskCaller, request: str, why: RecusalReason) -> RequestCard:
        """See the port."""
        seat, _ = self._seated(caller)
        return self._cards().request(requesting.recuse(self._desk, seat.account, request, why))

    def outcome(self, caller: DeskCaller, request: str, outcome: ReviewOutcome, note: str = "") -> RequestCard:
        """See the port."""
        seat, _ = self._seated(caller)
        return self._cards().request(requesting.enter_outcome(self._desk, seat.account, request, outcome, note))

    # --- who looked, findings, people -----------------------------------------------------------

    def looks(
        self,
        caller: DeskCaller,
        *,
        recording: str = "",
        person: str = "",
        reviewer: str = "",
        first: date | None = None,
        last: date | None = None,
        most: int = 100,
    ) -> LooksPage:
        """See the port."""
        self._require(caller, StaffRight.READ_EVIDENCE)
        if not (recording or person or reviewer or (first and last)):
            raise UsageError("name a recording, a reviewer, or a first and a last day", help="no page lists every look")
        kept, total = deque[FoundLook](maxlen=max(1, min(most, MOST_LOOKS))), 0
        since = datetime.combine(first, time(), UTC) if first else None
        until = datetime.combine(last, time(), UTC) + timedelta(days=1) if last else None
        for found in self.room.expunge.access.looks(recording=recording, person=person, reviewer=reviewer, since=since, until=until):
            kept.append(found)
            total += 1
        cards = self._cards()
        return LooksPage(
            tuple(cards.look(each) for each in reversed(kept)), total, desk_cards.proof(self.room.expunge.access.prove())
        )  # fmt: skip

    def findings(self, caller: DeskCaller) -> tuple[FindingCard, ...]:
        """See the port."""
        seat, cards = self._require(caller, StaffRight.READ_EVIDENCE), self._cards()
        found = sorted(self._findings(seat.account), key=lambda each: each.opened.day, reverse=True)
        return tuple(map(cards.finding, found))

    def finding(self, caller: DeskCaller, finding: str) -> FindingCard:
        """See the port."""
        seat, cards = self._require(caller, StaffRight.READ_EVIDENCE), self._cards()
        for each in self._findings(seat.account):
            if each.opened.finding == finding:
                return cards.finding(each)
        raise UsageError("there is no finding of that id", help="look at the list of findings")

    def compared(self, caller: DeskCaller, finding: str) -> tuple[Compared, ...]:
        """See the port."""
        self.finding(caller, finding)
        try:
            return self.room.expunge.findings.compared(finding)
        except OSError:
            # Why nothing: the sums of days cannot be kept now, and the finding itself is shown.
            return ()

    def decide_finding(self, caller: DeskCaller, finding: str, reason: FindingReason, reference: str, seen: int) -> FindingCard:
        """See the port."""
        seat = self._require(caller, StaffRight.READ_EVIDENCE)
        return self._cards().finding(self.room.expunge.findings.decide(finding, seat.account, Judgement(reason, reference, seen)))

    def records(self, caller: DeskCaller) -> OwnRecords:
        """See the port."""
        seat, _ = self._seated(caller)
        return self._records(seat.account)

    def attest(self, caller: DeskCaller, purpose: ReviewPurpose, permit: str) -> OwnRecords:
        """See the port."""
        seat = self._require(caller, StaffRight.SEE_VIEWS, note=False)
        self.room.permits.use_permit(permit, seat.session, attesting(UUID(seat.account), purpose))
        self.room.expunge.reviewers.attest(seat.account, purpose, self._desk.now().date())
        return self._records(seat.account)

    def train(self, caller: DeskCaller, account: str, role: str, on: date, document: str = "") -> PeopleAtDesk:
        """See the port."""
        seat, _ = self._seated(caller)
        if not self._desk.staff(lambda staff: staff.may(seat.account, StaffRight.CONFIRM_RIGHTS, self._desk.now())):
            raise _no_right()
        if self._desk.same_person(seat.account, account):
            raise ReviewRefused([PolicyReason("own-training", "no person enters a training of their own")])
        self.room.note_use(seat.account, StaffRight.CONFIRM_RIGHTS)
        self.room.expunge.reviewers.train(account, role, on, document)
        return self.people(caller)

    def people(self, caller: DeskCaller) -> PeopleAtDesk:
        """See the port."""
        self._require(caller, StaffRight.READ_STAFF)
        service, now = self.room.expunge.reviewers, self._desk.now()
        found = service.people()

        def lapses(staff: Staff) -> tuple[tuple[str, date], ...]:
            due = {each.account: _due(staff.accounts[each.account], now) for each in found}
            return tuple((account, day) for account, day in due.items() if day is not None)

        at_desk = {each.account for each in found}

        def sealed_only(staff: Staff) -> tuple[StaffName, ...]:
            others = (each for each in staff.accounts.values() if each.id not in at_desk and each.standing(now) is StaffStanding.ACTIVE)
            return tuple(StaffName(each.id, each.label) for each in others)

        machines = self.room.expunge.epochs.opening_alone()
        return PeopleAtDesk(found, service.overview(), self._desk.staff(lapses), self._desk.staff(sealed_only), machines)

    def rights(self, caller: DeskCaller) -> frozenset[StaffRight]:
        """See the port."""
        return self._seated(caller)[1]

    # --- private --------------------------------------------------------------------------------

    @property
    def _desk(self) -> Desk:
        return self.room.desk

    def _seat(self, caller: DeskCaller) -> Seat:
        spec = self.room.spec
        return Seat(caller.account, caller.session, network_of(spec.networks, caller.address) if spec else "")

    def _seated(self, caller: DeskCaller) -> tuple[Seat, frozenset[StaffRight]]:
        """Return the seat of a caller and its rights at the desk, by the keeper and the register as they are now. Raises ReviewRefused."""
        seat, now = self._seat(caller), self._desk.now()
        if not self._desk.logins.login(seat).live:
            raise ReviewRefused([PolicyReason("no-session", "the login has ended")], help="log in again with a passkey")

        def held(staff: Staff) -> frozenset[StaffRight]:
            account = staff.accounts.get(seat.account)
            return account.rights(now) & _ANY if account is not None else frozenset()

        rights = self._desk.staff(held)
        if not rights:
            raise _no_right()
        return seat, rights

    def _require(self, caller: DeskCaller, *rights: StaffRight, note: bool = True) -> Seat:
        """Return the seat of a caller that has one of some rights, and note that it is used today. Raises ReviewRefused."""
        seat, held = self._seated(caller)
        found = [each for each in rights if each in held]
        if not found:
            raise _no_right()
        if note:
            # Why suppressed: a right that ended this moment is refused by the act itself.
            with suppress(Refused):
                self.room.note_use(seat.account, found[0])
        return seat

    def _fetched(self, caller: DeskCaller, lease: str, part: tuple[int, int] | int, render: Render) -> None:
        """Fetch a part of a lease's range, or so many milliseconds of its beginning."""
        seat = self._require(caller, StaffRight.SEE_VIEWS)
        viewing = self.room.viewing
        running = viewing.sit(seat, lease)
        if isinstance(part, int):
            asked = requesting.found(self._desk, running.begun.request).asked
            part = asked.first_ms, min(asked.last_ms, asked.first_ms + part)
        viewing.fetch(seat, lease, *part, render)

    def _requests(self) -> tuple[ReviewRequest, ...]:
        ids = self._desk.stream.read(lambda reviews: tuple(reviews.requests))
        return tuple(requesting.found(self._desk, each) for each in ids)

    def _awaits(self, known: ReviewRequest, account: str) -> bool:
        """Return whether a request waits for an answer of an account, as far as the register tells without its recording."""
        standing, asked = known.standing(self._desk.now()), known.asked
        if known.takes_family_word or asked.break_glass or any(each.account == account for each in known.answers):
            return False
        is_clear = asked.clarity is Clarity.CLEAR or asked.sound is Sound.CLEAR
        second = standing is RequestStanding.APPROVED and is_clear and len(known.approvers) < _CLEAR_TAKES
        return standing is RequestStanding.WAITING or second

    def _findings(self, account: str) -> list[Finding]:
        every = self.room.expunge.findings.all().findings.values()
        return [each for each in every if not self._desk.same_person(account, each.opened.reviewer)]

    def _records(self, account: str) -> OwnRecords:
        duties = tuple(each for each in self.room.expunge.reviewers.overview() if each.account == account)
        return OwnRecords(duties, tuple((each, statement(each)) for each in ReviewPurpose))

    def _cards(self) -> Cards:
        labels = self._desk.staff(lambda staff: {name: each.label for name, each in staff.accounts.items()})
        return Cards(labels, self._desk.now())


def _no_right() -> ReviewRefused:
    return ReviewRefused([PolicyReason("no-right", "the account does not have the right that this takes")])


def _due(account: StaffAccount, now: datetime) -> date | None:
    held = (each for each in account.grants.values() if each.right in _VIEWS and each.standing(now) is not GrantStanding.LAPSED)
    return min((each.due.date() for each in held), default=None)
