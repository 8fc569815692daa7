"""The port of the review desk as the pages of staff ask for it: each verb names an account and its web session."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.families.looks import LookedBy
from expunge.core.journal.finding_events import FindingReason
from expunge.core.journal.review_words import (
    AnswerBy,
    CaseKind,
    Clarity,
    LeaseEnding,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.noticing.findings import FindingStanding
from expunge.core.noticing.judging import Compared
from expunge.core.review.new_review import NewReview
from expunge.core.review.people import PersonAccess, RecordedDuty
from expunge.core.review.rendition import MediaForm, Segment, Still
from expunge.core.review.request import LeaseStanding, RequestStanding

LONGEST_FOLLOW = 5.0
"""Seconds that one call waits for a lease to change."""
MOST_LOOKS = 500
"""Looks in one answer."""


@dataclass(frozen=True)
class DeskCaller:
    """An account of staff at one browser, as a page names it. The clerk looks up whether that login goes on."""

    account: str
    session: bytes = field(repr=False)
    """The 32 bytes by which the keeper knows the browser's session."""
    address: str = field(default="", repr=False)
    """The network address of the browser. The clerk holds it against the networks of the map, and keeps it nowhere."""


@dataclass(frozen=True)
class StaffName:
    """An account of staff as pages name it."""

    account: str
    """Its id; an approver of the map by ``approver:NAME``; an account of the operating system by its name."""
    label: str


@dataclass(frozen=True)
class LeaseCard:
    """A lease as it stands now."""

    lease: str
    """Its id: 16 hex digits."""
    request: str
    begun: datetime
    until: datetime
    seconds_left: int
    standing: LeaseStanding
    clarity: Clarity
    sound: Sound
    """What is shown now."""
    views: int
    by_family: bool
    """Whether it stands on the family's word alone."""
    ended: LeaseEnding | None = None
    ended_by: StaffName | None = None

    @property
    def runs(self) -> bool:
        """Whether anything is shown under it now."""
        return self.standing is LeaseStanding.RUNNING


@dataclass(frozen=True)
class RequestCard:
    """A request as lists show it: without the recording's name and without texts."""

    request: str
    """Its id: 16 hex digits, which addresses may hold."""
    reviewer: StaffName
    function: JobFunction
    purpose: ReviewPurpose
    case_kind: CaseKind
    case_number: str
    dataset: str
    first_ms: int
    last_ms: int
    clarity: Clarity
    sound: Sound
    """The clearest that is asked for."""
    asked: datetime
    until: datetime
    standing: RequestStanding
    approvers: tuple[StaffName, ...]
    takes_family_word: bool
    allowed_by_family: bool
    denied_by_family: bool
    break_glass: bool
    extends: str
    lease: LeaseCard | None = None
    outcome: ReviewOutcome | None = None
    recused: RecusalReason | None = None
    judge_until: datetime | None = None
    """When another person has to have judged an emergency; None where no judgement is owed."""
    justified: bool | None = None
    """How an emergency was judged; None where it was not."""


@dataclass(frozen=True)
class AnswerCard:
    """One answer to a request."""

    at: datetime
    by: AnswerBy
    name: StaffName | None
    """None for a member of the family, whose account staff is not told."""
    granted: bool


@dataclass(frozen=True)
class RequestPage:
    """A request as its own page shows it. Texts are None where they died with a person, or are not for who asks."""

    card: RequestCard
    answers: tuple[AnswerCard, ...]
    own: bool
    """Whether it is of the account that asks."""
    recording: str | None = field(default=None, repr=False)
    """``DATASET/NAME``, for its reviewer and for who may approve."""
    need: str | None = field(default=None, repr=False)
    """Why less would not do, in the reviewer's words; for the same."""
    outcome_note: str | None = field(default=None, repr=False)
    judgement_note: str | None = field(default=None, repr=False)
    child: bool | None = None
    """Whether the recording may be about a child; None where it cannot be found now."""
    room: Room | None = None
    needed: int | None = None
    """Other members of staff who have to approve what is asked, where no word of the family stands; None where that is not known now."""


@dataclass(frozen=True)
class DeskToday:
    """What waits for an account at the desk."""

    mine: tuple[RequestCard, ...]
    """Its requests that wait, are approved, or run."""
    owed: tuple[RequestCard, ...]
    """Its requests whose outcome it owes."""
    approvals: tuple[RequestCard, ...]
    """Requests of others that it may answer."""
    judgements: tuple[RequestCard, ...]
    """Emergencies of others that it may judge."""
    findings: int | None
    """Findings that it may judge; None where it may read none."""


@dataclass(frozen=True)
class LookCard:
    """One look at a recording, or one refusal."""

    at: datetime
    by: LookedBy
    """STAFF, PROGRAM or FAMILY."""
    name: str
    """The label of the account of staff, or the program as it calls itself; empty for a family."""
    purpose: str
    dataset: str
    recording: str
    """As the journal names it: the id of a sealed one, or a keyed tag. It may be searched for, and is no personal data by itself."""
    case: str = ""
    request: str = ""
    lease: str = ""
    sequence: int = 0
    first_ms: int = 0
    last_ms: int = 0
    """For staff: the range. For programs and families, bytes."""
    clarity: str = ""
    sound: str = ""
    room: str = ""
    given: int | None = None
    """Bytes that were handed out; None where that was not entered."""
    approvers: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    """The reasons of a refusal; empty for a look."""
    more: int = 0
    """Refusals of the same kind without an entry of their own."""
    break_glass: bool = False


@dataclass(frozen=True)
class LookProof:
    """The result of a check of the register of views against the transparency log."""

    events: int
    views: int
    leases: int
    entries: int
    proven: int
    """Events that an entry of the log commits to."""
    faults: tuple[str, ...]
    """Empty: no view is missing of those that were ever entered."""


@dataclass(frozen=True)
class LooksPage:
    """Looks, the newest first."""

    looks: tuple[LookCard, ...]
    total: int
    proof: LookProof


@dataclass(frozen=True)
class FindingDecisionCard:
    """How one person judged a finding."""

    at: datetime
    by: StaffName
    reason: FindingReason
    reference: str


@dataclass(frozen=True)
class FindingCard:
    """A finding."""

    finding: str
    """Its id: 16 hex digits."""
    reviewer: StaffName
    function: str
    day: str
    """As ISO 8601 writes it."""
    met: tuple[tuple[str, int], ...]
    """Rule and the number that met it, by rule."""
    standing: FindingStanding
    decisions: tuple[FindingDecisionCard, ...]
    changes: int
    """What a person who judges has seen of it."""


@dataclass(frozen=True)
class OwnRecords:
    """Training and statements of one account, with the text of each statement."""

    duties: tuple[RecordedDuty, ...]
    statements: tuple[tuple[ReviewPurpose, str], ...]


@dataclass(frozen=True)
class PeopleAtDesk:
    """What accounts of staff can reach of recordings, and their training and statements."""

    people: tuple[PersonAccess, ...]
    duties: tuple[RecordedDuty, ...]
    lapses: tuple[tuple[str, date], ...] = ()
    """Account and the day on which the first of its rights about views lapses, unless it is confirmed before."""
    sealed_only: tuple[StaffName, ...] = ()
    """Active accounts without a right about views: no key and no recording is in their reach (RNG III.E.3)."""
    machines: int | None = None
    """Accounts of the machine that can open keys of the vaults; None for a company without a vault."""


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording, with names masked."""

    text: str = field(repr=False)
    masked: int
    """Words that were masked."""


class DeskDoor(Protocol):
    """The review desk. Safe between threads.

    Durability: what a verb enters is in the journal when it returns, and a view is there before its first byte. A call that is repeated
    after a lost answer enters a second view, and a second request; nothing else twice.

    Raises, from each verb:
        DeskRefused: the login does not go on (rule ``no-session``), a right is lacking (``no-right``), or another rule is against it.
        UsageError: there is no such request, lease, recording or finding; or what was sent has another form.
        ClerkAway, KeeperAway, Busy, StateUnavailable, StoreUnavailable: it could not be asked. Nothing is shown then.
    """

    # --- requests -------------------------------------------------------------------------------

    def today(self, caller: DeskCaller) -> DeskToday:
        """Return what waits for an account."""
        ...

    def mine(self, caller: DeskCaller, most: int = 100) -> tuple[RequestCard, ...]:
        """Return the account's own requests, the newest first."""
        ...

    def request(self, caller: DeskCaller, request: str) -> RequestPage:
        """Return a request: to its reviewer, to who may approve, and to who may read evidence."""
        ...

    def ask(self, caller: DeskCaller, new: NewReview) -> RequestCard:
        """Enter a request. Takes ``request-views``."""
        ...

    def approve(self, caller: DeskCaller, request: str) -> RequestCard:
        """Approve a request of another person. Takes ``approve-views``, and a fresh login."""
        ...

    def deny(self, caller: DeskCaller, request: str) -> RequestCard:
        """Deny it, for good. Takes ``approve-views``."""
        ...

    def withdraw(self, caller: DeskCaller, request: str) -> RequestCard:
        """Take an own request back that waits or is approved, for good. Raises IllegalTransition where it waits for nothing any more."""
        ...

    def judge(self, caller: DeskCaller, request: str, note: str, *, justified: bool) -> RequestCard:
        """Judge an emergency. Takes ``approve-views``. Raises IllegalTransition where none is owed."""
        ...

    # --- leases and views -----------------------------------------------------------------------

    def activate(self, caller: DeskCaller, request: str) -> LeaseCard:
        """Begin the lease of an approved request. Takes ``see-views`` and a fresh login. Raises IllegalTransition where it had one."""
        ...

    def step(self, caller: DeskCaller, lease: str, clarity: Clarity, sound: Sound) -> LeaseCard:
        """Have a lease show more or less. Less is never refused."""
        ...

    def lease(self, caller: DeskCaller, lease: str) -> LeaseCard:
        """Return a lease as it stands, to its reviewer; it ends here where something stands against it by now."""
        ...

    def follow(self, caller: DeskCaller, lease: str, seconds: float) -> LeaseCard:
        """Return a lease once it runs no more, or after so many seconds, :data:`LONGEST_FOLLOW` at most."""
        ...

    def describe(self, caller: DeskCaller, lease: str) -> MediaForm:
        """Return what can be rendered of the recording of a lease. It is entered as a view of which no byte was handed out."""
        ...

    def segment(self, caller: DeskCaller, lease: str, first_ms: int, last_ms: int) -> Segment:
        """Return a rendition of a range, ten seconds at most, as clear as the lease is now. Raises ItemGone, Unplayable."""
        ...

    def still(self, caller: DeskCaller, lease: str) -> Still:
        """Return a rendition of a picture. Raises ItemGone, Unplayable, UsageError for a film or a sound."""
        ...

    def transcript(self, caller: DeskCaller, lease: str) -> Transcript:
        """Return what was said, with names masked. Raises Unplayable where no transcript is known."""
        ...

    def report(self, caller: DeskCaller, lease: str, shown_ms: int, seeks: int, hidden_ms: int, *, ended: bool) -> None:
        """Enter what the player says it showed."""
        ...

    def revoke(self, caller: DeskCaller, request: str) -> RequestCard:
        """End the lease of a request at once. Open to each account with a right about views or evidence."""
        ...

    def recuse(self, caller: DeskCaller, request: str, why: RecusalReason) -> RequestCard:
        """Give an own request back: its lease ends, and this reviewer never sees that recording."""
        ...

    def outcome(self, caller: DeskCaller, request: str, outcome: ReviewOutcome, note: str = "") -> RequestCard:
        """Enter the result of an own review, which closes the request. Raises IllegalTransition where there was no lease."""
        ...

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
        """Return who looked, for all time, and whether the register is whole. Takes ``read-evidence``.

        Args:
            caller: who asks.
            recording: ``DATASET/NAME``, or the id or tag that the journal has.
            person: ``KIND:IDENTIFIER``.
            reviewer: an account of staff by id or label.
            first: the first day, in UTC; with ``last`` it may be all that is named.
            last: the last day.
            most: entries of the answer, :data:`MOST_LOOKS` at most.
        """
        ...

    def findings(self, caller: DeskCaller) -> tuple[FindingCard, ...]:
        """Return findings, the newest day first; none about the same person. Takes ``read-evidence``."""
        ...

    def finding(self, caller: DeskCaller, finding: str) -> FindingCard:
        """Return a finding. Takes ``read-evidence``."""
        ...

    def compared(self, caller: DeskCaller, finding: str) -> tuple[Compared, ...]:
        """Return the numbers of a finding beside what is usual for others. Takes ``read-evidence``; empty where nothing is known of it."""
        ...

    def decide_finding(self, caller: DeskCaller, finding: str, reason: FindingReason, reference: str, seen: int) -> FindingCard:
        """Judge a finding. ``seen``: its changes as the page showed them. Raises DecisionRefused, Conflict."""
        ...

    def records(self, caller: DeskCaller) -> OwnRecords:
        """Return the account's own training and statements."""
        ...

    def attest(self, caller: DeskCaller, purpose: ReviewPurpose, permit: str) -> OwnRecords:
        """Enter that the account made the statement of a purpose today.

        ``permit``: the keeper's, for :func:`expunge.core.review.statements.attesting`. Takes ``see-views``. Raises ProofRefused without.
        """
        ...

    def train(self, caller: DeskCaller, account: str, role: str, on: date, document: str = "") -> PeopleAtDesk:
        """Enter that the holder of another account was trained. Takes ``confirm-rights``, and never one's own account.

        Args:
            caller: who enters it.
            account: who was trained.
            role: of :data:`expunge.core.review.statements.TRAINED_ROLES`.
            on: the day.
            document: hex SHA-256 of the certificate; empty without one.
        """
        ...

    def people(self, caller: DeskCaller) -> PeopleAtDesk:
        """Return who can be shown a recording, with unused rights. Takes ``read-staff``."""
        ...

    def rights(self, caller: DeskCaller) -> frozenset[StaffRight]:
        """Return the rights that an account has at the desk in this login."""
        ...
