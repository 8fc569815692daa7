"""Events of a consent request whose method takes several steps. They belong to the register ``consents``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


class AskingEnd(StrEnum):
    """The way in which a request ended."""

    AGREED = "agreed"
    NOT_PROVEN = "it could not be established that a parent answered"
    NOT_REACHED = "the parent cannot be reached there"
    EXPIRED = "nobody agreed in time"
    CHANGED = "the text or the purpose changed meanwhile"
    NOT_ENOUGH = "data goes to third parties meanwhile, and this way of asking is not enough for that"
    WITHDRAWN = "the account that asked took the request back"


class NoticeWay(StrEnum):
    """The way in which a direct notice reached its reader."""

    PAGE = "page"
    """A page showed it, and the account confirmed the digest of what was shown."""
    MAIL = "mail"
    """A mail server took it, whole."""
    PAPER = "paper"
    """It stands on the form that was handed out."""


class ScanRefusal(StrEnum):
    """The reason why a member of staff did not accept a signed form. The list is closed."""

    UNREADABLE = "the scan cannot be read"
    NOT_SIGNED = "the form is not signed"
    OTHER_FORM = "the number on the form is that of another request"
    NOT_A_PARENT = "the form does not show that a parent or guardian signed"

    @property
    def again(self) -> bool:
        """Return whether another scan may be handed in for the same request."""
        return self is not ScanRefusal.NOT_A_PARENT


class InvitationEnd(StrEnum):
    """The way in which an invitation ended."""

    TAKEN = "taken"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    NOT_REACHED = "the invited person cannot be reached there"


@tagged("ConsentAsked")
@dataclass(frozen=True)
class ConsentAsked:
    """A guardian is asked. Their address and the child's birthday lie sealed under the request, and die with it."""

    at: datetime
    request: str
    """``ask-`` and 16 hex digits."""
    subject: Pseudonym
    kind: str
    """Identity kind of the child."""
    entry: str
    guardian: Pseudonym
    purpose: str
    text: str
    version: str
    sha256: str
    terms: str
    method: str
    expires: datetime


@tagged("ConsentMessageSent")
@dataclass(frozen=True)
class ConsentMessageSent:
    """A message with a token left for the guardian; written after it left, so that after a crash it is sent again, with another token."""

    at: datetime
    request: str
    step: int
    """From 1."""
    token: str
    """Hex SHA-256 of the token; it is used once."""
    expires: datetime


@tagged("ConsentStepDone")
@dataclass(frozen=True)
class ConsentStepDone:
    """The guardian did a step: its token is spent."""

    at: datetime
    request: str
    step: int


@tagged("EvidenceKept")
@dataclass(frozen=True)
class EvidenceKept:
    """The guardian's evidence lies sealed under the request until its retention ends."""

    at: datetime
    request: str
    sha256: str
    until: datetime


@tagged("EvidenceDeleted")
@dataclass(frozen=True)
class EvidenceDeleted:
    """The evidence is gone: its key was destroyed."""

    at: datetime
    request: str


@tagged("AskingEnded")
@dataclass(frozen=True)
class AskingEnded:
    """The asking is over; address and birthday are gone."""

    at: datetime
    request: str
    how: AskingEnd
    by: str = ""
    """The member of staff who checked what was handed in, where one did."""


@tagged("AskedPurpose")
@dataclass(frozen=True)
class AskedPurpose:
    """One purpose that the guardian chose by a box of its own, with the text that was shown for it."""

    purpose: str
    text: str
    version: str
    sha256: str
    """Hex SHA-256 of the text's bytes."""
    terms: str
    """Digest of the purpose's terms."""


@tagged("AccountAsked")
@dataclass(frozen=True)
class AccountAsked:
    """The request is that of an account of the pages, which becomes guardian when its method has shown that it may."""

    at: datetime
    request: str
    account: str
    """A random UUID."""
    purposes: tuple[AskedPurpose, ...]
    """The purposes that were chosen; none where the account wants to be guardian and agrees to nothing yet."""
    notice: str
    """Hex SHA-256 of the direct notice that the account read."""
    language: str
    invitation: str
    """The invitation that it answers; empty where a member of the family asked by itself."""


@tagged("AccountAgreed")
@dataclass(frozen=True)
class AccountAgreed:
    """The account has shown that it is guardian, and agreed. It is entered with the proof and the consents, or not at all."""

    at: datetime
    request: str
    proof: str
    consents: tuple[str, ...]
    """Their ids; purposes that another guardian's no stands against have none."""


@tagged("NoticeFixed")
@dataclass(frozen=True)
class NoticeFixed:
    """A direct notice was shown for the first time. Its bytes are kept under its hash from now on."""

    at: datetime
    version: int
    """Counts up from 1, over all languages."""
    language: str
    sha256: str


@tagged("NoticeDelivered")
@dataclass(frozen=True)
class NoticeDelivered:
    """The direct notice of a request reached its reader (16 CFR 312.4(c)(1)). Without it no answer counts."""

    at: datetime
    request: str
    sha256: str
    way: NoticeWay


@tagged("GuardianInvited")
@dataclass(frozen=True)
class GuardianInvited:
    """A person is invited to show that they are guardian of a child, or to take over their own data. Names lie sealed under its id."""

    at: datetime
    invitation: str
    """``inv-`` and 16 hex digits."""
    subject: Pseudonym
    kind: str
    entry: str
    token: str
    """Hex SHA-256 of the token in the link."""
    account: str
    """The account of the guardian who invites; empty where the company does."""
    expires: datetime
    oneself: bool
    """Whether the invited person is the subject, who decides alone from a day on."""


@tagged("InvitationEnded")
@dataclass(frozen=True)
class InvitationEnded:
    """The invitation is over; what lay sealed for it is gone."""

    at: datetime
    invitation: str
    how: InvitationEnd


@tagged("ScanHanded")
@dataclass(frozen=True)
class ScanHanded:
    """A scan of a signed form lies sealed and waits for a member of staff."""

    at: datetime
    request: str
    place: str
    """``scn-`` and 16 hex digits: each scan has a key of its own, which dies with it."""
    sha256: str
    media_type: str


@tagged("ScanOpened")
@dataclass(frozen=True)
class ScanOpened:
    """A member of staff opened the scan; written before its first byte is handed out."""

    at: datetime
    request: str
    by: str
    """The account of staff, a random UUID."""


@tagged("ScanRefused")
@dataclass(frozen=True)
class ScanRefused:
    """A member of staff did not accept the scan, which is gone."""

    at: datetime
    request: str
    why: ScanRefusal
    by: str


AskingEvent: TypeAlias = (
    ConsentAsked
    | ConsentMessageSent
    | ConsentStepDone
    | EvidenceKept
    | EvidenceDeleted
    | AskingEnded
    | AccountAsked
    | AccountAgreed
    | NoticeFixed
    | NoticeDelivered
    | GuardianInvited
    | InvitationEnded
    | ScanHanded
    | ScanOpened
    | ScanRefused
)
