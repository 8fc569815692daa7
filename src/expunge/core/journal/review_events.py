"""The register of reviews (register ``reviews``): requests of staff to see recordings, answers, leases, each view, and each refusal.

No event holds an identifier, a name of a camera or a text. An account is a random id, a recording is the id of a sealed one or a keyed
tag, and texts lie sealed on the shelf under keys of the subjects.

Source: each instance in which a recording is accessed is logged (RNG III.E.5, RNG-19); an event of a view is durable before its first byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_words import (
    AnswerBy,
    CaseKind,
    Clarity,
    DeskAct,
    LeaseEnding,
    NoteAbout,
    RecusalReason,
    ReviewOutcome,
    ReviewPurpose,
    Room,
    Sound,
)
from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


@tagged("ReviewRequested")
@dataclass(frozen=True)
class ReviewRequested:
    """A reviewer asked to see a range of one recording."""

    at: datetime
    request: str
    """Its id: 16 hex digits."""
    reviewer: str
    """The account of the reviewer, a random UUID."""
    function: JobFunction
    purpose: ReviewPurpose
    case_kind: CaseKind
    case_number: str
    dataset: str
    recording: str
    """The id of a sealed recording, or the keyed tag of an item that lies in the clear."""
    sealed: bool
    subjects: tuple[Pseudonym, ...]
    """Every person in it."""
    first_ms: int
    last_ms: int
    """The range: from, and before, in milliseconds of the recording."""
    clarity: Clarity
    sound: Sound
    """The clearest that is asked for. A lease begins with the least, whatever was asked."""
    until: datetime
    """Without an approval until then it is denied."""
    extends: str
    """The request that it goes on with; empty for none."""
    break_glass: bool
    """Whether no other person was asked first: it is reviewed within 24 hours, and the family is told."""
    policy: str
    """Digest of the policies that let it be asked."""


@tagged("ReviewAnswered")
@dataclass(frozen=True)
class ReviewAnswered:
    """A request was approved or denied: by another member of staff, or by a member of the family."""

    at: datetime
    request: str
    by: AnswerBy
    account: str
    """The account of staff, or of the member of the family."""
    family: str
    """The pseudonym of the family's subject; empty for staff."""
    granted: bool
    policy: str
    """Digest of the policies that let it be approved; empty for a family, for a denial, and at the command line."""
    signed: str
    """Base64 of the Ed25519 signature of an approver of the map; empty for the others, whom the keeper knows by their login."""


@tagged("ReviewsBarred")
@dataclass(frozen=True)
class ReviewsBarred:
    """A family barred review of a recording, or of all; or ended that. No consent and no allowance counts while it is barred."""

    at: datetime
    account: str
    family: Pseudonym
    dataset: str
    recording: str
    """Both empty: every recording."""
    barred: bool


@tagged("LeaseBegun")
@dataclass(frozen=True)
class LeaseBegun:
    """The reviewer activated an approved request: the lease counts from here."""

    at: datetime
    lease: str
    """Its id: 16 hex digits."""
    request: str
    until: datetime
    clarity: Clarity
    sound: Sound
    """What is shown at first."""
    by_family: bool
    """Whether it stands on a consent or an allowance of the family alone, so that it ends with that."""
    session: str
    """Hex SHA-256 of the hash of the web session in which it was activated: in no other one anything is seen. Empty at the command line."""
    policy: str


@tagged("ClarityChanged")
@dataclass(frozen=True)
class ClarityChanged:
    """The reviewer sees and hears more or less clearly from here on."""

    at: datetime
    lease: str
    clarity: Clarity
    sound: Sound
    policy: str


@tagged("LeaseEnded")
@dataclass(frozen=True)
class LeaseEnded:
    """A lease ended before its time."""

    at: datetime
    lease: str
    why: LeaseEnding
    by: str
    """The account that ended it, or the account of the operating system at the command line; empty where what happened ended it."""


@tagged("ReviewRecused")
@dataclass(frozen=True)
class ReviewRecused:
    """A reviewer gave a request back, and never sees that recording under it again."""

    at: datetime
    request: str
    reviewer: str
    why: RecusalReason


@tagged("OutcomeEntered")
@dataclass(frozen=True)
class OutcomeEntered:
    """The reviewer entered the result: the request is closed."""

    at: datetime
    request: str
    reviewer: str
    outcome: ReviewOutcome


@tagged("BreakGlassReviewed")
@dataclass(frozen=True)
class BreakGlassReviewed:
    """Another person judged a request that asked no other person first."""

    at: datetime
    request: str
    by: str
    """The account of staff."""
    justified: bool


@tagged("ReviewNoteKept")
@dataclass(frozen=True)
class ReviewNoteKept:
    """A text about a request lies sealed under keys of its subjects: it dies with the first of them."""

    at: datetime
    note: str
    """Its id: 16 hex digits."""
    request: str
    about: NoteAbout
    by: str
    """The account of staff that wrote it."""
    subjects: tuple[Pseudonym, ...]


@tagged("ReviewNotesEnded")
@dataclass(frozen=True)
class ReviewNotesEnded:
    """The key of every note about a subject is gone, and with it their texts."""

    at: datetime
    subject: Pseudonym


@tagged("ViewServed")
@dataclass(frozen=True)
class ViewServed:
    """A reviewer is given a range of a recording. Durable before the first byte."""

    at: datetime
    sequence: int
    """From 0 without gaps in each lease."""
    lease: str
    request: str
    reviewer: str
    function: JobFunction
    purpose: ReviewPurpose
    case_kind: CaseKind
    case_number: str
    approvers: tuple[str, ...]
    """Accounts of staff that approved; none where it stands on the family's word alone."""
    dataset: str
    recording: str
    subjects: tuple[Pseudonym, ...]
    first_ms: int
    last_ms: int
    clarity: Clarity
    sound: Sound
    room: Room
    break_glass: bool
    policy: str
    """Digest of the policies that let it be seen."""


@tagged("ViewGiven")
@dataclass(frozen=True)
class ViewGiven:
    """The bytes of a view that were handed to the reviewer's page; 0 where it failed after it was entered."""

    at: datetime
    lease: str
    sequence: int
    bytes: int


@tagged("ViewReported")
@dataclass(frozen=True)
class ViewReported:
    """The reviewer's player said what was shown since its report before. It is told by a browser: compare it with :class:`ViewServed`."""

    at: datetime
    lease: str
    reviewer: str
    shown_ms: int
    seeks: int
    hidden_ms: int
    """Milliseconds for which the page was hidden."""
    ended: bool


@tagged("ViewRefused")
@dataclass(frozen=True)
class ViewRefused:
    """A member of staff was refused an act about a recording."""

    at: datetime
    act: DeskAct
    request: str
    """Empty where there was none."""
    lease: str
    reviewer: str
    """The account that asked."""
    purpose: str
    case_kind: str
    case_number: str
    """As asked; empty where that was none of the lists."""
    dataset: str
    recording: str
    subjects: tuple[Pseudonym, ...]
    first_ms: int
    last_ms: int
    clarity: str
    room: Room
    reasons: tuple[str, ...]
    policy: str
    more: int
    """Refusals of the same kind before it that have no entry of their own."""


@tagged("ReviewsCommitted")
@dataclass(frozen=True)
class ReviewsCommitted:
    """Commit point of an entry in the transparency log: it commits to every event of this register since the last one of these.

    The leaf of an event is salted; see :func:`expunge.core.review.commitment.salted`.
    """

    at: datetime
    number: int
    """From 0 without gaps."""
    first: int
    """The position of the first event that it commits to."""
    count: int
    salt: str
    """Hex, 32 random bytes."""
    root: str
    """Hex: the Merkle root of the salted leaves."""
    log_size: int
    """Size of the log before: where to look for the entry after a crash."""


@tagged("ReviewsLogged")
@dataclass(frozen=True)
class ReviewsLogged:
    """The entry is in the log under a published checkpoint."""

    at: datetime
    number: int
    index: int
    size: int
    root: str


ReviewEvent: TypeAlias = (
    ReviewRequested
    | ReviewAnswered
    | ReviewsBarred
    | LeaseBegun
    | ClarityChanged
    | LeaseEnded
    | ReviewRecused
    | OutcomeEntered
    | BreakGlassReviewed
    | ReviewNoteKept
    | ReviewNotesEnded
    | ViewServed
    | ViewGiven
    | ViewReported
    | ViewRefused
    | ReviewsCommitted
    | ReviewsLogged
)
