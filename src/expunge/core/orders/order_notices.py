"""The notices of an order, derived from its events and threads: nothing is stored twice. And the ledger of letters about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

from expunge.core.journal import events as ev
from expunge.core.journal.notice_events import LetterResult, NoticeKind, NoticeSent, NoticesSeen, NoticeTried
from expunge.core.journal.review_events import ReviewRequested, ViewServed
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.journal.thread_events import MessageKind, MessageWritten, ThreadSide
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState

STEPS = (ev.Received, ev.Extended, ev.Ended, ev.Cancelled, ev.Reopened)
"""The events of an order that give a notice."""
REVIEW = "rev-"
"""Before the id of a lease, in the place of an order, where staff saw a recording."""
ASKED = "ask-"
"""Likewise before the id of a request, where staff asked to see one."""
IN_FLIGHT = timedelta(minutes=10)
"""For so long a try without a result belongs to a process that may still be at it."""
AGAIN = timedelta(minutes=30)
"""Between two tries of a letter that the server did not take."""
TRIED_FOR = timedelta(days=3)
"""For so long a letter is tried again; then it counts as refused."""
MOST_UNKNOWN = 2
"""Tries of one letter whose result a crash took: a third one is not made, so that no person gets a letter more than twice."""
MAILED_FOR = timedelta(days=30)
"""A step is mailed for so long; an older one is shown in the list alone."""


@dataclass(frozen=True)
class OrderNotice:
    """One step of an order, a request of staff to see a recording, or the first view of a lease, that a family is told of."""

    order: OrderId
    kind: NoticeKind
    at: datetime
    subjects: tuple[Pseudonym, ...]
    reason: str = ""
    """Of an extension or a refusal, as the operator wrote it: no identifier."""

    @property
    def id(self) -> str:
        """Return the name of the notice: 16 hex digits of order, step and time."""
        return sha256(f"{self.order}\n{self.kind}\n{self.at.isoformat()}".encode()).hexdigest()[:16]


def notice_of(event: object, order: OrderId, subjects: tuple[Pseudonym, ...]) -> OrderNotice | None:
    """Return the notice that an event of an order gives; None for one that gives none.

    An order that follows another because data came back gives none for its beginning: the other one's *came back* says it.
    """
    match event:
        case ev.Received():
            return None if event.follows else OrderNotice(order, NoticeKind.RECEIVED, event.at, subjects)
        case ev.Extended():
            return OrderNotice(order, NoticeKind.EXTENDED, event.at, subjects, event.reason)
        case ev.Ended():
            kind = NoticeKind.DONE if event.state is OrderState.FULFILLED else NoticeKind.IN_PART
            return OrderNotice(order, kind, event.at, subjects)
        case ev.Cancelled():
            return OrderNotice(order, NoticeKind.CANCELLED, event.at, subjects, event.reason)
        case ev.Reopened():
            return OrderNotice(order, NoticeKind.CAME_BACK, event.at, subjects)
        case MessageWritten(side=ThreadSide.COMPANY):
            kind = NoticeKind.NEEDS_YOU if event.kind is MessageKind.QUESTION else NoticeKind.ANSWERED
            return OrderNotice(event.order, kind, event.at, (event.subject,))
        case _:
            return review_notice(event)


def review_notice(event: object) -> OrderNotice | None:
    """Return the notice that an event of the register of reviews gives; None for one that gives none."""
    match event:
        case ReviewRequested(purpose=ReviewPurpose.AUTHORISED):
            return OrderNotice(OrderId(ASKED + event.request), NoticeKind.REVIEW_WAITS, event.at, event.subjects)
        case ViewServed(sequence=0):
            kind = NoticeKind.EMERGENCY_VIEW if event.break_glass else NoticeKind.SEEN_BY_STAFF
            return OrderNotice(OrderId(REVIEW + event.lease), kind, event.at, event.subjects)
        case _:
            return None


@dataclass(frozen=True)
class LetterTries:
    """The tries of one notice's letter to one account."""

    first: datetime
    open: datetime | None = None
    """The time of a try without a result."""
    unknown: int = 0
    """Tries whose result a crash took, before the open one."""
    last: datetime | None = None
    """The time of the last result."""
    result: LetterResult | None = None

    def due(self, now: datetime) -> bool:
        """Return whether the letter is to be tried now."""
        if self.result is not None and self.result.final:
            return False
        if now >= self.first + TRIED_FOR:
            return False
        if self.open is not None:
            return now >= self.open + IN_FLIGHT and self.unknown + 1 < MOST_UNKNOWN
        return self.last is None or now >= self.last + AGAIN

    def tried(self, at: datetime) -> LetterTries:
        """Return it after one more try began."""
        return replace(self, open=at, unknown=self.unknown + (self.open is not None))

    def answered(self, at: datetime, result: LetterResult) -> LetterTries:
        """Return it after the server's answer."""
        return replace(self, open=None, last=at, result=result)


@dataclass
class NoticeLedger:
    """The letters about notices and the lists that were seen, folded; it grows with the register."""

    letters: dict[tuple[str, str], LetterTries] = field(default_factory=dict)
    """(Notice, account) -> its tries."""
    seen: dict[tuple[str, Pseudonym], datetime] = field(default_factory=dict)
    """(Account, family) -> the time of the newest notice that it saw."""

    def take(self, events: Iterable[object]) -> None:
        """Take in further events of the register; those of other kinds are passed over."""
        for event in events:
            match event:
                case NoticeTried():
                    slot = (event.notice, event.account)
                    self.letters[slot] = self.letters.get(slot, LetterTries(event.at)).tried(event.at)
                case NoticeSent():
                    slot = (event.notice, event.account)
                    self.letters[slot] = self.letters.get(slot, LetterTries(event.at)).answered(event.at, event.result)
                case NoticesSeen():
                    name = (event.account, event.family)
                    self.seen[name] = max(event.until, self.seen.get(name, event.until))
                case _:
                    continue

    def due(self, notice: OrderNotice, account: str, now: datetime) -> bool:
        """Return whether a notice's letter to an account is to be tried now."""
        tries = self.letters.get((notice.id, account))
        return now < notice.at + MAILED_FOR and (tries is None or tries.due(now))


def unread(notices: Iterable[OrderNotice], seen: Mapping[tuple[str, Pseudonym], datetime], account: str, family: Pseudonym) -> int:
    """Return how many notices of a family an account has not seen."""
    until = seen.get((account, family))
    return sum(until is None or notice.at > until for notice in notices)
