"""The register of notices (register ``notices``): which account was written to about which step of an order, and what became of the letter.

No event holds an address or a text: an account is a random id, and a notice is named by the order, the step and its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.tags import tagged


class NoticeKind(StrEnum):
    """The steps of an order, and the views by staff, that families are told of."""

    RECEIVED = "received"
    NEEDS_YOU = "needs you"
    ANSWERED = "answered"
    """The company wrote."""
    EXTENDED = "extended"
    DONE = "done"
    IN_PART = "in part"
    CANCELLED = "cancelled"
    CAME_BACK = "came back"
    REVIEW_WAITS = "review waits"
    """Staff asked to see a recording, and the family's word is needed."""
    SEEN_BY_STAFF = "seen by staff"
    """Staff began to see a recording at the review desk."""
    EMERGENCY_VIEW = "emergency view"
    """The same, where no other person was asked first."""

    @property
    def of_review(self) -> bool:
        """Return whether it is about a view by staff, or a request for one, rather than a step of an order."""
        return self in {NoticeKind.REVIEW_WAITS, NoticeKind.SEEN_BY_STAFF, NoticeKind.EMERGENCY_VIEW}


class LetterResult(StrEnum):
    """The result of handing one letter to the mail server."""

    TAKEN = "taken"
    REFUSED = "refused"
    """The server knows the address, and takes nothing for it: a bounce."""
    LATER = "later"
    """It could not be handed over now."""
    NO_ADDRESS = "no address"
    """There is no address, or none that was proven."""

    @property
    def final(self) -> bool:
        """Return whether no further try would end otherwise."""
        return self is not LetterResult.LATER


@tagged("NoticeTried")
@dataclass(frozen=True)
class NoticeTried:
    """A letter is about to be handed over. Crash after this: whether it was is unknown, and it is sent once more."""

    at: datetime
    notice: str
    """Its id: 16 hex digits of order, step and time."""
    order: OrderId
    """Of a view by staff, ``rev-`` and the id of its lease; of a request for one, ``ask-`` and its id."""
    kind: NoticeKind
    account: str


@tagged("NoticeSent")
@dataclass(frozen=True)
class NoticeSent:
    """The mail server's answer to one try."""

    at: datetime
    notice: str
    account: str
    result: LetterResult


@tagged("NoticesSeen")
@dataclass(frozen=True)
class NoticesSeen:
    """An account saw a family's list of notices: those until then are not new to it any more."""

    at: datetime
    account: str
    family: Pseudonym
    until: datetime
    """The time of the newest notice that was shown."""


@tagged("CohortFound")
@dataclass(frozen=True)
class CohortFound:
    """Customers of a past period were found, who have to be told. Register ``cohorts``. A later look adds those found since.

    Source: FTC v. Ring, VIII (RNG-30).
    """

    at: datetime
    cohort: str
    """The operator's name for it: no identifier."""
    dataset: str
    since: datetime
    until: datetime
    """The period: from, and before."""
    template: str
    """Hex SHA-256 of the letter's text."""
    subjects: tuple[Pseudonym, ...]
    """Those whom no earlier look found."""
    ordered: datetime
    """When the order to tell them was entered: the time of the first look is counted from there."""
    first: bool
    """Whether this is the first look: those whom a later one finds have a time of their own."""


@tagged("CohortTried")
@dataclass(frozen=True)
class CohortTried:
    """The letter to one customer is about to be handed over."""

    at: datetime
    cohort: str
    subject: Pseudonym


@tagged("CohortSent")
@dataclass(frozen=True)
class CohortSent:
    """The mail server's answer for one customer, or that no address is known."""

    at: datetime
    cohort: str
    subject: Pseudonym
    result: LetterResult


@tagged("CohortBounced")
@dataclass(frozen=True)
class CohortBounced:
    """A letter that was taken came back undelivered, as the operator says by the bounces of the mail server."""

    at: datetime
    cohort: str
    subject: Pseudonym
    by: str


NoticeEvent: TypeAlias = NoticeTried | NoticeSent | NoticesSeen | CohortFound | CohortTried | CohortSent | CohortBounced
