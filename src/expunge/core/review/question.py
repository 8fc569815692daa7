"""The question that stands before each act of review, and its answer.

A question holds facts and no identifier: the journal may hold it, and a later year can decide it again. Each fact has a default that the
shipped policies refuse: *not known*, or the worst. So a caller that leaves out a fact is refused (RNG III.E.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from expunge.core.accounts.credential_strength import Level, Method
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_words import Clarity, DeskAct, ReviewPurpose, Room, Sound
from expunge.core.values.tags import tagged


class ConsentState(StrEnum):
    """Where the customer's consent to review by people stands, in general."""

    NONE = "none"
    """It was never given, or it is not known."""
    VALID = "valid"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """It ended by time, or by a material change of what it was given to."""


class CustomerAnswer(StrEnum):
    """What became of the question that the customer was asked about this one request."""

    NOT_ASKED = "not asked"
    WAITING = "waiting"
    ALLOWED = "allowed"
    DENIED = "denied"
    EXPIRED = "expired"
    """The customer did not answer in time, which counts as denied."""


@tagged("ViewQuestion")
@dataclass(frozen=True)
class ViewQuestion:
    """The facts of one act of review at the moment at which it is decided. ``None`` means *not known*."""

    action: DeskAct
    """At ``APPROVE``, facts about a person are those of the approver."""
    purpose: ReviewPurpose | None = None
    case_given: bool = False
    """Whether the request names a structured case."""
    reason_given: bool = False
    """Whether the request says why less would not do."""
    function: JobFunction | None = None
    """The job function by which the account holds the right that the act takes, now. None where it holds none: never granted, lapsed,
    revoked, suspended, idle."""
    own_request: bool = False
    """Whether the person who acts is the person who requested."""
    approvers: int = 0
    """The number of different people who approved this very request. The requester is never counted."""
    self_approved: bool | None = None
    """Whether an approval comes from the requester, as far as the register of staff tells: another account of the same person counts."""
    consent: ConsentState = ConsentState.NONE
    customer: CustomerAnswer | None = None
    barred: bool | None = None
    """Whether a family bars review of this recording, or of all of its recordings."""
    child: bool | None = None
    """Whether the recording may be about a child."""
    room: Room = Room.UNKNOWN
    live: bool | None = None
    """Whether the camera records at this moment (RNG-13)."""
    clarity: Clarity = Clarity.CLEAR
    """What the act asks for."""
    sound: Sound = Sound.CLEAR
    granted_clarity: Clarity | None = None
    """The most that the approval or the consent covers; None before there is one."""
    granted_sound: Sound | None = None
    own_most_clarity: Clarity | None = None
    """The most that the reviewer wants to be shown; None where the reviewer said nothing. A wish only makes less of what is shown."""
    own_most_sound: Sound | None = None
    range_seconds: int | None = None
    """Length of the range that is asked for or fetched, rounded up."""
    lease_minutes: int | None = None
    """Length of the lease that the request asks for."""
    attested_days: int | None = None
    """Whole days since the person attested to view for this very purpose alone (RNG-10); None where the person never did."""
    trained_days: int | None = None
    """Whole days since the person was trained to review (RNG-15, AMZ-15); None where the person never was."""
    purpose_trained_days: int | None = None
    """Whole days since the person was trained for this very purpose (RNG-11); None where the person never was."""
    session_live: bool = False
    """Whether the login session goes on at the keeper now."""
    login_methods: frozenset[Method] = frozenset()
    """What the person showed at this login."""
    login_level: Level | None = None
    """The strength of the account, by its weakest way in (NST-04)."""
    login_equivalent: bool = False
    """Whether a written equivalence of the account covers the method of this login (RNG III.E.4(b))."""
    login_seconds: int | None = None
    """Whole seconds since the person showed a credential last: login or confirmation."""
    network: str = ""
    """The map's name of the network that the request comes from; empty for one that has none."""
    weekday: int | None = None
    """Day of the week in the map's time zone: 1 is Monday, 7 is Sunday (ISO 8601)."""
    minute: int | None = None
    """Minute of the day in the map's time zone: 0 to 1439."""
    lease_running: bool = False
    """Whether a lease of this very request was activated, and neither its minutes are over nor was it ended."""
    lease_seconds_left: int | None = None
    break_glass: bool = False
    """Whether the request asks for the way of emergencies: approved afterwards, within 24 hours, and told to the customer."""
    break_glass_overdue: bool | None = None
    """Whether an emergency view of this person waits for its review longer than 24 hours."""
    erasure_open: bool | None = None
    """Whether an order to erase the recording, or its subject, was received."""
    recused: bool | None = None
    """Whether the reviewer recused from this recording: *I know this person*, *this harms me*."""
    watched_seconds_today: int | None = None
    """Seconds of recordings that the reviewer was shown today."""


@dataclass(frozen=True)
class PolicyReason:
    """One reason of an answer."""

    rule: str
    """The rule that gave it, such as ``training-lapsed``. Programs go by this one."""
    text: str
    """A sentence for people. Its words may change any day."""


@dataclass(frozen=True)
class PolicyAnswer:
    """The answer to a question. Nothing but ``allowed`` lets anything be seen."""

    allowed: bool
    reasons: tuple[PolicyReason, ...]
    """Why, sorted by rule: every rule that refused; where it is allowed, every rule that permitted. Never empty."""
    policy_digest: str
    """Hex SHA-256 of the set of policies that decided; empty where there was none that could."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules of the reasons."""
        return tuple(reason.rule for reason in self.reasons)
