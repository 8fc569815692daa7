"""Tell a family who looked at its child's recordings, from the registers of openings and of reviews.

Both are folded as they grow. Of each person the numbers of entries are kept, four bytes each, and counts; entries themselves are read
again when a page shows them. What staff saw under one lease is one look, which grows while the lease lasts.
"""

from __future__ import annotations

import heapq
import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from expunge.core.accounts.staff_state import Staff
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.looks import Look, LookCount, LookedBy, LookPage, StaffLook
from expunge.core.families.timeline import TimelineItem
from expunge.core.journal import events as ev
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ViewRefused, ViewServed
from expunge.core.journal.review_words import Clarity, DeskAct, Sound
from expunge.core.review import colleagues
from expunge.core.review.colleagues import SIGNED
from expunge.core.values.ids import Pseudonym
from expunge.engine.accounts.staff_register import StaffStream
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import OPENINGS, REVIEWS
from expunge.engine.review.review_stream import read_event
from expunge.engine.vault.openings import EXPORT, RUN

MOST_LOOKS = 100
"""Looks of one page at most."""
_Reader: TypeAlias = tuple[str, str, str]
"""Account, program, purpose."""
_MOST_READERS = 500
"""Readers of one person that are counted apart; further programs count as one."""
_OTHERS = "other programs"
_STAFF = "staff"
"""In the place of an account, where staff looked: accounts are UUIDs."""
_Entry: TypeAlias = RecordingOpened | OpeningRefused | ViewServed | ViewRefused


@dataclass
class _Count:
    opened: int = 0
    refused: int = 0
    bytes: int = 0
    ms: int = 0
    last: datetime | None = None


@dataclass(slots=True)
class _LeaseLook:
    """What was seen under one lease so far."""

    views: int = 0
    ms: int = 0
    clarity: int = 0
    sound: int = 0


@dataclass
class _OfPerson:
    positions: array[int] = field(default_factory=lambda: array("I"))
    counts: dict[_Reader, _Count] = field(default_factory=dict)


class LookIndex:
    """The registers of openings and of reviews, by person. Safe between threads."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._people: dict[Pseudonym, _OfPerson] = {}
        self._lengths = {OPENINGS: 0, REVIEWS: 0}
        self._order: array[int] = array("Q")
        """Number of a look -> twice its position in its register, and one more in that of reviews. By time."""
        self._leases: dict[str, _LeaseLook] = {}
        self._staff = StaffStream(context.journal)
        self._guard = threading.Lock()

    def page(
        self,
        subjects: Iterable[Pseudonym],
        account: str,
        recordings: Mapping[tuple[str, str], TimelineItem] | None = None,
        before: int | None = None,
        most: int = 50,
    ) -> LookPage:
        """Return a page of looks at a person.

        Args:
            subjects: the pseudonyms of the person.
            account: of the account that asks.
            recordings: (dataset, name in the register) -> recording, within an opening; None outside: then counts alone are told.
            before: the cursor of the page before: looks from an earlier position on; None for the newest.
            most: looks of one page.
        """
        with self._guard:
            self._take_up()
            found = [self._people[each] for each in sorted(set(subjects)) if each in self._people]
            counts = _counts(found, account)
            positions = sorted({at for each in found for at in each.positions})
        if recordings is None:
            return LookPage(counts, total=len(positions))
        end = len(positions) if before is None else next((number for number, at in enumerate(positions) if at >= before), len(positions))
        start = max(0, end - min(max(1, most), MOST_LOOKS))
        with self._guard:
            looks = tuple(self._looks(positions[start:end], account, recordings))[::-1]
        return LookPage(counts, looks, len(positions), len(positions) - end + 1 if looks else 0, positions[start] if start else None)

    def _take_up(self) -> None:
        """Fold the entries that came since. Many together: entries that this process wrote a moment ago among them."""
        new = (self._new(OPENINGS, RecordingOpened, OpeningRefused), self._new(REVIEWS, ViewServed, ViewRefused))
        for event, code in heapq.merge(*new, key=lambda each: each[0].at):
            if isinstance(event, ViewServed):
                self._take_view(event, code)
            else:
                self._take(event, code)

    def _new(self, register: str, *kinds: type) -> Iterator[tuple[_Entry, int]]:
        for data in self._context.journal.read(register, self._lengths[register]):
            position, self._lengths[register] = self._lengths[register], self._lengths[register] + 1
            if peek(data, *kinds) is None:
                continue
            event = read_event(data) if register == REVIEWS else ev.decode(data)
            if isinstance(event, RecordingOpened | OpeningRefused | ViewServed | ViewRefused):
                yield event, position * 2 + (register == REVIEWS)

    def _take(self, event: RecordingOpened | OpeningRefused | ViewRefused, code: int) -> None:
        self._order.append(code)
        reader = (_STAFF, "", event.purpose) if isinstance(event, ViewRefused) else _reader_of(event)
        for subject in dict.fromkeys(event.subjects):
            count = self._count(subject, reader, new=True)
            count.last = event.at
            if isinstance(event, RecordingOpened):
                count.opened += 1
                count.bytes += event.last - event.first
            else:
                count.refused += 1 + event.more

    def _take_view(self, event: ViewServed, code: int) -> None:
        """Fold a view. The first of a lease is a look, to which the others are added."""
        new, ms = event.lease not in self._leases, event.last_ms - event.first_ms
        if new:
            self._order.append(code)
        lease = self._leases.setdefault(event.lease, _LeaseLook())
        lease.views, lease.ms = lease.views + 1, lease.ms + ms
        lease.clarity, lease.sound = max(lease.clarity, event.clarity.step), max(lease.sound, event.sound.step)
        for subject in dict.fromkeys(event.subjects):
            count = self._count(subject, (_STAFF, "", event.purpose.value), new=new)
            count.opened, count.ms, count.last = count.opened + new, count.ms + ms, event.at

    def _count(self, subject: Pseudonym, reader: _Reader, *, new: bool) -> _Count:
        """Return the count of a reader at a person, to whom the last look is added where it is new."""
        of = self._people.setdefault(subject, _OfPerson())
        if new:
            of.positions.append(len(self._order) - 1)
        if reader not in of.counts and len(of.counts) >= _MOST_READERS:
            reader = "", _OTHERS, ""
        return of.counts.setdefault(reader, _Count())

    def _looks(self, numbers: list[int], account: str, recordings: Mapping[tuple[str, str], TimelineItem]) -> Iterator[Look]:
        data_map = self._context.data_map
        codes = [self._order[number] for number in numbers]
        events = {
            code: event
            for which, register in enumerate((OPENINGS, REVIEWS))
            for code, event in _at(self._context, register, sorted(code // 2 for code in codes if code % 2 == which), which)
        }
        for code in codes:
            event = events[code]
            kind = kind_held(data_map, event.dataset) if event.dataset in data_map.datasets else None
            item = recordings.get((event.dataset, event.recording))
            if isinstance(event, ViewServed | ViewRefused):
                yield replace(self._staff_look(event), kind=kind, item=item)
                continue
            by, name = _by(event.account, event.program, event.purpose, account)
            look = Look(event.at, by, name, event.purpose, kind=kind, item=item)
            if isinstance(event, OpeningRefused):
                yield replace(look, refused=event.why, more=event.more)
            else:
                yield replace(look, first=event.first, last=event.last)

    def _staff_look(self, event: ViewServed | ViewRefused) -> Look:
        look = Look(event.at, LookedBy.STAFF, "", str(event.purpose))
        if isinstance(event, ViewRefused):
            return replace(look, refused=", ".join(event.reasons), more=event.more, staff=StaffLook("", event.case_kind, event.case_number))
        lease, staff = self._leases[event.lease], self._staff.known()
        functions = ("" if name.startswith(SIGNED) else _function(staff, name, event.at) for name in event.approvers)
        return replace(
            look,
            staff=StaffLook(
                event.function.value, event.case_kind.value, event.case_number, tuple(functions), -(-lease.ms // 1000), lease.views,
                list(Clarity)[lease.clarity].value, list(Sound)[lease.sound].value, event.break_glass, event.lease,
            ),
        )  # fmt: skip


def _function(staff: Staff, account: str, at: datetime) -> str:
    """Return the job function by which an account could approve then; that which it was invited for, where it holds the right no more."""
    found = colleagues.function_of(staff, account, DeskAct.APPROVE, at)
    known = staff.accounts.get(account)
    return found.value if found is not None else known.invited.function.value if known is not None else ""


def _reader_of(event: RecordingOpened | OpeningRefused) -> _Reader:
    return event.account, event.program.partition(RUN)[0], event.purpose


def _at(context: Context, register: str, positions: list[int], which: int) -> Iterator[tuple[int, _Entry]]:
    """Yield the entries at some ascending positions of a register, each with its code. Those that lie close together are read in one go."""
    number = 0
    while number < len(positions):
        start = end = number
        while end + 1 < len(positions) and positions[end + 1] - positions[end] <= MOST_LOOKS:
            end += 1
        wanted, at = set(positions[start : end + 1]), positions[start]
        for data in context.journal.read(register, at):
            if at in wanted:
                event = read_event(data) if register == REVIEWS else ev.decode(data)
                if isinstance(event, RecordingOpened | OpeningRefused | ViewServed | ViewRefused):
                    yield at * 2 + which, event
            if at >= positions[end]:
                break
            at += 1
        number = end + 1


def _by(by_account: str, program: str, purpose: str, account: str) -> tuple[LookedBy, str]:
    if by_account == _STAFF:
        return LookedBy.STAFF, ""
    if by_account:
        return (LookedBy.YOU if by_account == account else LookedBy.FAMILY), ""
    if (purpose, program) == EXPORT:
        return LookedBy.EXPORT, ""
    return LookedBy.PROGRAM, program.partition(RUN)[0]


def _counts(found: list[_OfPerson], account: str) -> tuple[LookCount, ...]:
    """Return counts of every pseudonym together. A recording of two members of the family counts for each."""
    together: dict[tuple[LookedBy, str, str], LookCount] = {}
    for of in found:
        for (by_account, program, purpose), count in of.counts.items():
            if count.last is None:
                continue
            by, name = _by(by_account, program, purpose, account)
            key = by, name, purpose
            known = together.get(key, LookCount(by, name, purpose, 0, 0, 0, count.last))
            together[key] = LookCount(
                by, name, purpose, known.opened + count.opened, known.refused + count.refused, known.bytes + count.bytes,
                max(known.last, count.last), known.seconds + -(-count.ms // 1000),
            )  # fmt: skip
    return tuple(sorted(together.values(), key=lambda each: each.last, reverse=True))
