"""Tell members of families of each step of their orders: once, also across crashes, by the ledger in the journal.

Intent before, outcome after, as for every act: the try is journalled, the letter is handed over, and the server's answer is journalled. A
crash between leaves a try without an answer, which is sent once more; so a person gets a letter once, and twice after a crash at worst.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from expunge.core.journal import events as ev
from expunge.core.journal.notice_events import LetterResult, NoticeSent, NoticesSeen, NoticeTried
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewRequested, ReviewsBarred, ViewServed
from expunge.core.orders.order_notices import (
    MAILED_FOR,
    STEPS,
    NoticeLedger,
    OrderNotice,
    notice_of,
    review_notice,
    unread,
)
from expunge.core.review.request import Reviews
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import NOTICES, REVIEWS, THREADS, is_order, read_register, register, register_behind
from expunge.ports.accounts.family_letters import FamilyLetters, LetterReader

_AT_A_TIME = 100
MOST_SHOWN = 200
"""Notices of one family that a list shows, newest first."""


@dataclass(frozen=True)
class LettersSent:
    """The letters of one round, by what became of them."""

    taken: int = 0
    refused: int = 0
    later: int = 0

    def plus(self, result: LetterResult) -> LettersSent:
        """Return the counts with one more letter."""
        match result:
            case LetterResult.TAKEN:
                return LettersSent(self.taken + 1, self.refused, self.later)
            case LetterResult.LATER:
                return LettersSent(self.taken, self.refused, self.later + 1)
            case _:
                return LettersSent(self.taken, self.refused + 1, self.later)


@dataclass(frozen=True)
class NoticeList:
    """The notices of a family, as one account sees them."""

    notices: tuple[OrderNotice, ...]
    """Newest first."""
    seen: datetime | None
    """The account saw those until then."""
    unread: int


@dataclass
class _Order:
    subjects: tuple[Pseudonym, ...]
    length: int = 0
    notices: list[OrderNotice] = field(default_factory=list)


class NoticeIndex:
    """The orders and notices of each subject, kept up to date by reading only what was appended since. Safe between threads.

    It is memory, and may be made anew at any time: the journal is the truth.
    """

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._guard = threading.Lock()
        self._orders: dict[OrderId, _Order] = {}
        self._of: dict[Pseudonym, list[OrderId]] = {}
        self._messages: dict[Pseudonym, list[OrderNotice]] = {}
        self._threads = self._ledgered = self._reviews = 0
        self._barred = Reviews()
        """What families bar, and nothing else of the register."""
        self.ledger = NoticeLedger()

    def refresh(self) -> None:
        """Read what was appended since the last time."""
        with self._guard:
            journal, lengths = self._context.journal, self._context.journal.lengths()
            grown = {name: self._known(name) for name, length in lengths.items() if is_order(name) and length > self._known(name)}
            names = list(grown)
            for start in range(0, len(names), _AT_A_TIME):
                found = journal.read_all({name: grown[name] for name in names[start : start + _AT_A_TIME]})
                for name, events in found.items():
                    self._take(OrderId(name), events)
            if lengths.get(THREADS, 0) > self._threads:
                self._threads += self._take_threads(list(journal.read(THREADS, self._threads)))
            if lengths.get(REVIEWS, 0) > self._reviews:
                self._reviews += self._take_reviews(journal.read(REVIEWS, self._reviews))
            if lengths.get(NOTICES, 0) > self._ledgered:
                events = list(journal.read(NOTICES, self._ledgered))
                self.ledger.take(map(ev.decode, events))
                self._ledgered += len(events)

    def orders(self, subject: Pseudonym) -> tuple[OrderId, ...]:
        """Return the orders about a subject, oldest first, however they came in."""
        self.refresh()
        with self._guard:
            return tuple(self._of.get(subject, ()))

    def notices(self, subject: Pseudonym) -> tuple[OrderNotice, ...]:
        """Return the notices of a subject, newest first."""
        self.refresh()
        with self._guard:
            return self._notices(subject)

    def since(self, at: datetime) -> tuple[OrderNotice, ...]:
        """Return the notices of everybody after a time, oldest first, as they were at the last look."""
        with self._guard:
            found = [each for order in self._orders.values() for each in order.notices if each.at >= at]
            found += [each for messages in self._messages.values() for each in messages if each.at >= at]
        return tuple(sorted(found, key=lambda notice: notice.at))

    def listed(self, account: UUID, family: Pseudonym) -> NoticeList:
        """Return the list of a family's notices for an account."""
        notices = self.notices(family)
        seen = self.ledger.seen
        return NoticeList(notices[:MOST_SHOWN], seen.get((str(account), family)), unread(notices, seen, str(account), family))

    def _notices(self, subject: Pseudonym) -> tuple[OrderNotice, ...]:
        found = [each for order in self._of.get(subject, ()) for each in self._orders[order].notices]
        return tuple(sorted([*found, *self._messages.get(subject, ())], key=lambda notice: notice.at, reverse=True))

    def _known(self, name: str) -> int:
        order = self._orders.get(OrderId(name))
        return 0 if order is None else order.length

    def _take(self, name: OrderId, events: Sequence[bytes]) -> None:
        for data in events:
            # Why a peek: decoding every step of every order takes many times as long.
            if peek(data, *STEPS) is None:
                continue
            event = ev.decode(data)
            if isinstance(event, ev.Received):
                self._orders[name] = _Order(event.subjects)
                for subject in event.subjects:
                    self._of.setdefault(subject, []).append(name)
            notice = notice_of(event, name, self._orders[name].subjects)
            if notice is not None:
                self._orders[name].notices.append(notice)
        self._orders[name].length += len(events)

    def _take_reviews(self, events: Iterable[bytes]) -> int:
        """Take up requests for the family's word, and the first view of each lease. Return how many events there were."""
        count = 0
        for data in events:
            count += 1
            # Why a look at the bytes: of the views of a lease, which are most of the register, one gives a notice.
            kinds = (ReviewRequested, ReviewsBarred, *((ViewServed,) if b'"sequence":0,' in data else ()))
            if peek(data, *kinds) is None:
                continue
            event = ev.decode(data)
            if isinstance(event, ReviewsBarred):
                self._barred.apply(event)
            if isinstance(event, ReviewRequested) and self._barred.is_barred(event.subjects, event.dataset, event.recording):
                # Why none: no word is waited for.
                continue
            notice = review_notice(event)
            for subject in dict.fromkeys(notice.subjects if notice is not None else ()):
                assert notice is not None
                self._messages.setdefault(subject, []).append(replace(notice, subjects=(subject,)))
        return count

    def _take_threads(self, events: Sequence[bytes]) -> int:
        for event in map(ev.decode, events):
            notice = notice_of(event, OrderId(""), ())
            if notice is not None:
                self._messages.setdefault(notice.subjects[0], []).append(notice)
        return len(events)


def see(context: Context, account: UUID, family: Pseudonym, until: datetime) -> None:
    """Note that an account saw a family's notices until a time; nothing is written where it had seen them."""

    def decide(events: list[ev.Event]) -> list[NoticesSeen]:
        ledger = NoticeLedger()
        ledger.take(events)
        known = ledger.seen.get((str(account), family))
        return [] if known is not None and known >= until else [NoticesSeen(context.clock.now(), str(account), family, until)]

    register_behind(context.journal, NOTICES, decide)


def send_due(context: Context, index: NoticeIndex, letters: FamilyLetters, most: int = 1000) -> LettersSent:
    """Write the letters that are due, one after the other, at most so many.

    A letter that the server does not take now is tried again at later rounds, for three days. Raises what ``letters`` raises when the
    keeper is away.
    """
    index.refresh()
    now, sent = context.clock.now(), LettersSent()
    readers: dict[Pseudonym, tuple[LetterReader, ...]] = {}
    for notice, subject in _recent(index, now):
        if subject not in readers:
            readers[subject] = letters.readers(subject)
        for reader in readers[subject]:
            if notice.at < reader.since or not index.ledger.due(notice, str(reader.account), now):
                continue
            if sent.taken + sent.refused + sent.later >= most:
                return sent
            result = _send(context, letters, notice, subject, reader.account)
            sent = sent if result is None else sent.plus(result)
    return sent


def _recent(index: NoticeIndex, now: datetime) -> Iterator[tuple[OrderNotice, Pseudonym]]:
    for notice in index.since(now - MAILED_FOR):
        for subject in notice.subjects:
            yield notice, subject


def _send(context: Context, letters: FamilyLetters, notice: OrderNotice, subject: Pseudonym, account: UUID) -> LetterResult | None:
    """Write one letter. Return None where another process is at it."""

    def decide(events: list[ev.Event]) -> list[NoticeTried]:
        ledger, now = NoticeLedger(), context.clock.now()
        ledger.take(events)
        return [NoticeTried(now, notice.id, notice.order, notice.kind, str(account))] if ledger.due(notice, str(account), now) else []

    if not register_behind(context.journal, NOTICES, decide):
        return None
    result = letters.write(account, subject, notice.kind, notice.at, f"{notice.id} {account}")
    # commit point: the letter is not written again, unless the server did not take it. A crash before sends it once more.
    register(context.journal, NOTICES, NoticeSent(context.clock.now(), notice.id, str(account), result))
    return result


def standing(context: Context) -> NoticeLedger:
    """Return the ledger as its register tells it."""
    ledger = NoticeLedger()
    ledger.take(read_register(context.journal, NOTICES))
    return ledger
