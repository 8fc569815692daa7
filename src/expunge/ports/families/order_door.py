"""The port of a family's requests: its orders and consents, the thread of each order, and its notices.

The web process asks it, as it asks :mod:`expunge.ports.families.family_door`, and it raises the same. Texts of a thread are shown within an
opening alone; to write takes none: to appeal is never harder than to ask.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from expunge.core.datamap.artefact import DataKind
from expunge.core.journal.export_events import ExportEnd
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.journal.thread_events import MessageKind, ThreadSide
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason


class RequestState(StrEnum):
    """The state of a request, as a person needs it."""

    WAITING = "waiting"
    """Nothing is erased yet: it can still be stopped."""
    RUNNING = "running"
    DONE = "done"
    IN_PART = "in part"
    STOPPED = "stopped"
    """Refused or cancelled before anything was erased."""
    CAME_BACK = "came back"
    """Data was found again after it had been erased; another order erases it."""


@dataclass(frozen=True)
class RequestCard:
    """One order in the list of a family's requests."""

    order: OrderId
    kind: OrderKind
    state: RequestState
    received: datetime
    asked_by_family: bool
    """Whether the person or a guardian asked, rather than a rule or a sweep."""
    due: datetime | None = None
    """By the clocks of the map; None where none runs."""
    ended: datetime | None = None
    receipt: bool = False
    needs_you: bool = False
    appealed: bool = False
    """Whether an appeal waits for its answer."""


@dataclass(frozen=True)
class ConsentCard:
    """One change of a consent."""

    at: datetime
    purpose: str
    """In the map's words."""
    given: bool


class CopyMaker(StrEnum):
    """The one who had a copy made."""

    YOU = "you"
    MEMBER = "member"
    """Another member of the family."""
    COMPANY = "company"


@dataclass(frozen=True)
class CopyCard:
    """One copy of the family's data that was asked for. It is fetched on the pages of copies, by its own account alone."""

    at: datetime
    maker: CopyMaker
    until: datetime | None = None
    """Until when it can be fetched; None where it is not ready, or is not kept here."""
    ended: ExportEnd | None = None
    """Why it is gone."""


@dataclass(frozen=True)
class UndoneKind:
    """Data that could not be erased, and why."""

    kind: DataKind | None
    """None where the map says no kind."""
    reason: Reason


@dataclass(frozen=True)
class KeptKind:
    """Data that is kept, with its ground."""

    kind: DataKind | None
    items: int
    ground: str
    """In the map's or the operator's words."""
    until: datetime | None


@dataclass(frozen=True)
class RequestList:
    """The requests of a family, newest first."""

    requests: tuple[RequestCard, ...]
    consents: tuple[ConsentCard, ...]
    copies: tuple[CopyCard, ...] = ()


@dataclass(frozen=True)
class RequestDetail:
    """One order with what a person can read and do about it."""

    card: RequestCard
    earliest: datetime
    """Nothing is erased before."""
    extended: datetime | None = None
    extension: str = ""
    """Why it takes longer, as the operator wrote it."""
    refusal: str = ""
    """Why it was stopped, likewise."""
    undone: tuple[UndoneKind, ...] = ()
    kept: tuple[KeptKind, ...] = ()
    messages: int = 0
    may_write: bool = False
    may_appeal: bool = False


@dataclass(frozen=True)
class ThreadMessage:
    """One message of a thread."""

    at: datetime
    side: ThreadSide
    kind: MessageKind
    own: bool
    """Whether the account that asks wrote it."""
    text: str | None = field(default=None, repr=False)
    """None where it cannot be read any more."""


@dataclass(frozen=True)
class NoticeLine:
    """One notice of a list."""

    order: OrderId
    kind: NoticeKind
    at: datetime
    reason: str
    new: bool
    """Whether the account has not seen it."""


class OrderDoor(Protocol):
    """See the module."""

    def requests(self, account: UUID, family: str) -> RequestList:
        """Return the requests of a family."""
        ...

    def request(self, account: UUID, family: str, order: OrderId) -> RequestDetail:
        """Return one of them. Raises UsageError for an order that is not about the family."""
        ...

    def messages(self, account: UUID, family: str, order: OrderId, session: bytes) -> tuple[ThreadMessage, ...]:
        """Return the thread of an order with its texts, oldest first. Raises OpeningNeeded, and as :meth:`request`."""
        ...

    def write(self, account: UUID, family: str, order: OrderId, session: bytes, kind: MessageKind, text: str, message: str = "") -> None:
        """Write a message or an appeal, within an opening.

        Args:
            account: writes.
            family: whose order it is.
            order: the order.
            session: of the guard.
            kind: a message or an appeal.
            text: plain text.
            message: an id of 16 hex digits: a message that has it already is not written again. A new one where it is empty.

        Raises UsageError and IllegalTransition where the thread does not take it, and as :meth:`request`.
        """
        ...

    def unread(self, account: UUID, family: str) -> int:
        """Return how many notices the account has not seen."""
        ...

    def notices(self, account: UUID, family: str) -> tuple[NoticeLine, ...]:
        """Return the notices of a family, newest first."""
        ...

    def see_notices(self, account: UUID, family: str, until: datetime) -> None:
        """Note that the account saw the notices until a time."""
        ...


class ReceiptDoor(Protocol):
    """Receipts of a family's orders. A receipt names no person: counts, kinds of data and words of the map."""

    def receipt(self, account: UUID, family: str, order: OrderId) -> dict[str, bytes]:
        """Return the files of the receipt that holds for the family's subject, by name.

        Raises UsageError for an order that is not about the family, and where it has no receipt.
        """
        ...

    def published_keys(self) -> bytes:
        """Return the trust policy that the company publishes. It is public: no account is named."""
        ...
