"""Events of consents and guardians (register ``consents``). They hold pseudonyms and keyed tags, and no subject's content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap.purposes import Terms
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.tags import tagged


class ConsentAct(StrEnum):
    """The form of an agreement: an affirmative act for this one purpose. The list is closed: any other act is no consent."""

    TICKED = "ticked"
    """Ticked a box that was empty."""
    PRESSED = "pressed"
    """Pressed a button that says what it agrees to."""
    SIGNED = "signed"
    SAID = "said"
    """Said yes, in a recorded or staffed call."""
    CONFIRMED = "confirmed"
    """Answered a message that was sent for this alone."""


NO_ACT = {
    "terms": "terms of use and privacy policies are not agreed to for a purpose",
    "hover": "to pass over something with the pointer says nothing",
    "close": "to close a notice says nothing",
    "continue": "to go on using something says nothing",
    "scroll": "to scroll past a notice says nothing",
    "silence": "who says nothing has not agreed",
    "pre-ticked": "a box that was ticked already was not ticked by the person",
    "bundled": "one act for several purposes agrees to none of them",
}
"""What is often passed off as consent, and why it is none (the orders' definition of affirmative express consent)."""


class EndReason(StrEnum):
    """The reason why a guardian's authority ended."""

    CUSTODY = "custody changed"
    MISTAKEN = "the proof was mistaken"
    """It never held: what was agreed to under it falls as well."""
    GREW_UP = "the child decides alone now"
    ERASED = "the child was erased"
    RESIGNED = "resigned"


@tagged("ConsentTextFixed")
@dataclass(frozen=True)
class ConsentTextFixed:
    """A text was agreed to for the first time. From now on it is known by its hash."""

    at: datetime
    text: str
    version: str
    sha256: str


@tagged("ConsentTermsFixed")
@dataclass(frozen=True)
class ConsentTermsFixed:
    """A purpose was agreed to with these terms. They are kept under their digest."""

    at: datetime
    digest: str
    terms: Terms


@tagged("ConsentGiven")
@dataclass(frozen=True)
class ConsentGiven:
    """Commit point of a consent: one person, one purpose, one version of one text."""

    at: datetime
    id: str
    """``cns-`` and 16 hex digits."""
    subject: Pseudonym
    entry: str
    """The subject's entry in the gate's snapshot (:func:`expunge.core.gate.gate_snapshot.gate_entry`), in hex."""
    purpose: str
    text: str
    version: str
    sha256: str
    """Of the text's bytes, as they were shown."""
    terms: str
    """Digest of the purpose's terms."""
    surface: str
    """Where it was shown and done: ``app 4.2, voice settings``."""
    act: ConsentAct
    proof: str
    """The guardian's proof of authority; empty where the person themself agreed."""
    method: str
    """How it was established who agreed."""
    carries_disclosure: bool
    """Whether that method is enough where data goes to third parties."""


@tagged("ConsentWithdrawn")
@dataclass(frozen=True)
class ConsentWithdrawn:
    """Commit point of a withdrawal: from here on nothing may be used for the purpose."""

    at: datetime
    id: str
    """``wdr-`` and 16 hex digits."""
    subject: Pseudonym
    entry: str
    purpose: str
    proof: str
    """As in :class:`ConsentGiven`."""
    datasets: tuple[str, ...]
    """What nothing has a ground to keep any more, and an order erases; names of the map."""


@tagged("WithdrawalByAccount")
@dataclass(frozen=True)
class WithdrawalByAccount:
    """A withdrawal was made on the pages. It stands in the journal with the withdrawal, in one transaction."""

    at: datetime
    withdrawal: str
    account: str
    """The random id of the account that was logged in."""


@tagged("WithdrawalOrdered")
@dataclass(frozen=True)
class WithdrawalOrdered:
    """The order that a withdrawal owes was received."""

    at: datetime
    withdrawal: str
    order: OrderId


@tagged("GuardianProven")
@dataclass(frozen=True)
class GuardianProven:
    """A guardian's authority over a child was proven."""

    at: datetime
    proof: str
    """``grd-`` and 16 hex digits. Under it lies sealed when the child was born."""
    child: Pseudonym
    kind: str
    """Identity kind of the child."""
    guardian: Pseudonym
    method: str
    """How it was shown, in the operator's words; no identifier."""
    by: str
    """Who checked it."""
    zone: str = ""
    """The time zone in which the child lives; empty: UTC."""


@tagged("GuardianEnded")
@dataclass(frozen=True)
class GuardianEnded:
    """The authority ended."""

    at: datetime
    proof: str
    why: EndReason
    by: str
    """Who said so; empty where it ended by itself."""


@tagged("ChildFrozen")
@dataclass(frozen=True)
class ChildFrozen:
    """Guardians are in dispute: none of them sees or orders anything about the child."""

    at: datetime
    child: Pseudonym
    entry: str
    by: str
    reason: str
    names: tuple[str, ...] = ()
    """Entries of the child's other names and of what goes with them: no consent holds under those, but a dispute does."""


@tagged("ChildReleased")
@dataclass(frozen=True)
class ChildReleased:
    """The dispute is settled."""

    at: datetime
    child: Pseudonym
    by: str
    reason: str


@tagged("SubjectsMerged")
@dataclass(frozen=True)
class SubjectsMerged:
    """Two identities belong to one person. The stricter of their decisions holds, and none of the decisions is lost."""

    at: datetime
    source: Pseudonym
    into: Pseudonym
    entries: tuple[str, ...]
    """Those of both."""
    by: str
    reason: str


@tagged("SubjectSplit")
@dataclass(frozen=True)
class SubjectSplit:
    """One identity belongs to two people. The new one has agreed to nothing. A withdrawal stays in force for both."""

    at: datetime
    subject: Pseudonym
    into: Pseudonym
    entry: str
    """That of the new one."""
    by: str
    reason: str


@tagged("GroundMissed")
@dataclass(frozen=True)
class GroundMissed:
    """Data of some people was found in a dataset that only consents have a ground for, and none of theirs holds."""

    at: datetime
    dataset: str
    why: str
    """A :class:`expunge.core.consent.consent.ConsentReason`."""
    subjects: tuple[Pseudonym, ...]


@tagged("GroundFound")
@dataclass(frozen=True)
class GroundFound:
    """Of people whose data had no ground, a consent holds again, or nothing is there any more."""

    at: datetime
    dataset: str
    subjects: tuple[Pseudonym, ...]


ConsentEvent: TypeAlias = (
    ConsentTextFixed
    | ConsentTermsFixed
    | ConsentGiven
    | ConsentWithdrawn
    | WithdrawalByAccount
    | WithdrawalOrdered
    | GuardianProven
    | GuardianEnded
    | ChildFrozen
    | ChildReleased
    | SubjectsMerged
    | SubjectSplit
    | GroundMissed
    | GroundFound
)
