"""The port of guardians: what a member sees of them, how an account shows that it is one, and what staff decide about signed forms.

Every verb raises ClerkAway, StateUnavailable and Busy where the clerk or its state does not answer, NotPermitted where the account has no
role that the verb takes, and GuardianshipRefused for a reason that a page explains. No message holds an identifier of a person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from expunge.core.accounts.asks import Ask
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.consent.scans import ScanFault

MOST_ADDRESS = 320


class Shown(StrEnum):
    """The way in which a guardian became one."""

    METHOD = "method"
    """By a consent method; its name stands beside."""
    COMPANY = "company"
    """The company said so."""


class Happened(StrEnum):
    """What happened about the guardians of a child."""

    PROVEN = "proven"
    ENDED = "ended"
    DISPUTE_BEGAN = "dispute-began"
    DISPUTE_ENDED = "dispute-ended"
    INVITED = "invited"
    INVITATION_ENDED = "invitation-ended"


class RequestState(StrEnum):
    """Where a request of an account stands."""

    WAITS_ANSWER = "waits-answer"
    """A message left; its link is to be opened."""
    UNSENT = "unsent"
    """The message could not leave yet; it is tried again."""
    WAITS_SECOND = "waits-second"
    """The first answer came; the second message follows."""
    WAITS_AGAIN = "waits-again"
    """The second message left; its link is to be opened."""
    WAITS_FORM = "waits-form"
    """The form is to be printed, signed and handed in."""
    WAITS_STAFF = "waits-staff"
    """A person looks at the scan."""
    SCAN_REFUSED = "scan-refused"
    """The scan was not accepted; another one may be handed in. The reason stands beside."""
    AGREED = "agreed"
    ENDED = "ended"
    """It is over without consent. The reason stands beside."""


@dataclass(frozen=True)
class GuardianLine:
    """One guardian of a child, or a former one, without a name."""

    own: bool
    """Whether it is the account that looks."""
    role: MembershipRole
    since: datetime
    shown: Shown
    method: str = ""
    """The method's name, where it was shown by one."""


@dataclass(frozen=True)
class HistoryLine:
    """One thing that happened."""

    at: datetime
    what: Happened
    detail: str = ""
    """A method's name, or the value of a reason of a closed list."""


@dataclass(frozen=True)
class RequestCard:
    """One request of an account."""

    request: str
    family: str = field(repr=False)
    method: str
    state: RequestState
    at: datetime
    expires: datetime
    purposes: tuple[str, ...]
    """In the words of the map."""
    reason: str = ""
    """The value of an ``AskingEnd`` or a ``ScanRefusal``."""
    consents: tuple[str, ...] = ()
    """The ids of the consents that it gave, each with a receipt."""
    refused: int = 0
    """Chosen purposes that are not agreed to, because another guardian said no."""


@dataclass(frozen=True)
class GuardiansCard:
    """The guardians of a child, as a member sees them."""

    lines: tuple[GuardianLine, ...]
    history: tuple[HistoryLine, ...]
    """The newest first."""
    requests: tuple[RequestCard, ...]
    """Those of the account that looks."""
    dispute: datetime | None = None
    """Since when guardians are in dispute."""
    own_dispute: bool = False
    of_age: date | None = None
    """The day from which the subject decides alone, where it is known."""
    invited: tuple[tuple[datetime, bool], ...] = ()
    """(end, whether it is for the subject) of each open invitation."""


@dataclass(frozen=True)
class PurposeCard:
    """One purpose that a guardian can agree to."""

    name: str
    words: str
    outward: bool
    """Whether data goes to third parties for it: a choice of its own."""
    recipients: tuple[str, ...]
    text: str
    """The whole text that people read before they agree."""


@dataclass(frozen=True)
class MethodCard:
    """One way to show that an account is guardian."""

    name: str
    steps: int
    delay_hours: int
    enough: bool
    """False where data goes to third parties and the way is not enough for that."""
    there: bool
    """Whether the company has set it up."""


@dataclass(frozen=True)
class NoticeCard:
    """The direct notice, with what can be chosen after it."""

    language: str
    digest: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    """(heading, lines) of each."""
    purposes: tuple[PurposeCard, ...]
    methods: tuple[MethodCard, ...]
    asks_birthday: bool = True
    asks_number: bool = True
    """Whether a number has to be typed for a text message."""
    oneself: bool = False
    """The link is for the young person, and nothing is chosen."""
    expires: datetime | None = None


@dataclass(frozen=True)
class Chosen:
    """What an account chose on a page."""

    method: str
    purposes: tuple[str, ...]
    notice: str
    """Hex SHA-256 of the notice that the page showed."""
    language: str
    number: str = field(default="", repr=False)
    born: str = field(default="", repr=False)
    """As 2017-05-04."""
    zone: str = ""


@dataclass(frozen=True)
class ScanCard:
    """A scan that waits for a member of staff."""

    request: str
    handed: datetime
    expires: datetime
    media_type: str
    sha256: str
    number: str
    """The number that has to stand on the form."""
    purposes: tuple[str, ...]


class GuardianDoor(Protocol):
    """See the module."""

    def guardians(self, account: UUID, family: str) -> GuardiansCard:
        """Return the guardians of a child, what happened, and the account's own requests."""
        ...

    def notice(self, account: UUID, family: str, language: str) -> NoticeCard:
        """Return the direct notice for a guardian of a family."""
        ...

    def ask(self, account: UUID, family: str, chosen: Chosen) -> str:
        """Begin a request of a guardian of a family: to show it by a method, and to agree. Return its id."""
        ...

    def requests(self, account: UUID) -> tuple[RequestCard, ...]:
        """Return the requests of an account, the newest first."""
        ...

    def withdraw(self, account: UUID, request: str) -> None:
        """End a request of the account that is open."""
        ...

    def form(self, account: UUID, request: str) -> tuple[str, bytes]:
        """Return the media type and the bytes of a request's form."""
        ...

    def hand_in(self, account: UUID, request: str, document: bytes) -> ScanFault | None:
        """Take the scan of a form. Return what is wrong with it; None where it was taken."""
        ...

    def look(self, account: UUID, request: str, token: str, language: str) -> NoticeCard:
        """Return the notice and what was chosen, for the page that takes the answer to a message. It spends nothing."""
        ...

    def answer(self, account: UUID, request: str, token: str) -> RequestCard:
        """Take the answer to a message, and return where the request stands then."""
        ...

    def invitation(self, account: UUID, token: str, language: str) -> NoticeCard:
        """Return what the page of an invitation shows. It spends nothing."""
        ...

    def take(self, account: UUID, token: str, chosen: Chosen) -> str:
        """Begin the request of an account that was invited. Return its id."""
        ...

    def take_over(self, account: UUID, token: str) -> None:
        """Make the account the subject's own, from the day on which the subject decides alone."""
        ...

    def invite(self, permit: str, session: bytes, ask: Ask, address: str, language: str) -> None:
        """Invite a person by the permit of an ask of the kind *change-of-guardian*, whose details name the act and the address' digest."""
        ...

    def step_down(self, permit: str, session: bytes, ask: Ask) -> None:
        """End the account's own role by the permit of an ask of the kind *change-of-guardian*."""
        ...

    def dispute(self, permit: str, session: bytes, ask: Ask) -> None:
        """Freeze what guardians decide, until a named person of the company releases it, by the permit of an ask as for :meth:`step_down`.

        It takes one because a dispute keeps both sides from erasing. Safe to repeat.
        """
        ...

    def receipt(self, account: UUID, request: str, consent: str) -> bytes:
        """Return the signed receipt of a consent that a request of the account gave."""
        ...

    def waiting(self, staff: UUID) -> tuple[ScanCard, ...]:
        """Return the scans that wait, for an employee who may check forms."""
        ...

    def scan(self, staff: UUID, request: str) -> tuple[str, bytes]:
        """Return the media type and the bytes of a scan. That it was opened is journalled first."""
        ...

    def decide(self, permit: str, session: bytes, ask: Ask) -> None:
        """Accept or refuse a scan by the permit of an ask of the kind *approval*, whose details name request, scan and decision."""
        ...


INVITE, INVITE_SUBJECT, STEP_DOWN, DISPUTE = "invite", "invite-subject", "step-down", "dispute"
"""The detail ``act`` of an ask to change guardians."""
ACCEPT = "accept"
"""The detail ``decision`` of an ask to accept a scan; else it is the name of a ``ScanRefusal``."""
