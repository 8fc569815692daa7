"""Tell a family who looked at its child's recordings, from the register of openings.

The register is folded as it grows. Of each person the positions of entries are kept, four bytes each, and counts; entries themselves are
read again when a page shows them.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.looks import Look, LookCount, LookedBy, LookPage
from expunge.core.families.timeline import TimelineItem
from expunge.core.journal import events as ev
from expunge.core.journal.opening_events import OpeningRefused, RecordingOpened
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import OPENINGS
from expunge.engine.vault.openings import EXPORT, RUN

MOST_LOOKS = 100
"""Looks of one page at most."""
_Reader: TypeAlias = tuple[str, str, str]
"""Account, program, purpose."""
_MOST_READERS = 500
"""Readers of one person that are counted apart; further programs count as one."""
_OTHERS = "other programs"


@dataclass
class _Count:
    opened: int = 0
    refused: int = 0
    bytes: int = 0
    last: datetime | None = None


@dataclass
class _OfPerson:
    positions: array[int] = field(default_factory=lambda: array("I"))
    counts: dict[_Reader, _Count] = field(default_factory=dict)


class LookIndex:
    """The register of openings, by person. Safe between threads."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._context = context
        self._people: dict[Pseudonym, _OfPerson] = {}
        self._length = 0
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
        looks = tuple(self._looks(positions[start:end], account, recordings))[::-1]
        return LookPage(counts, looks, len(positions), len(positions) - end + 1 if looks else 0, positions[start] if start else None)

    def _take_up(self) -> None:
        """Fold the entries that came since. Many together: entries that this process wrote a moment ago among them."""
        for data in self._context.journal.read(OPENINGS, self._length):
            position, self._length = self._length, self._length + 1
            event = ev.decode(data)
            if not isinstance(event, RecordingOpened | OpeningRefused):
                continue
            reader = event.account, event.program.partition(RUN)[0], event.purpose
            for subject in dict.fromkeys(event.subjects):
                of = self._people.setdefault(subject, _OfPerson())
                of.positions.append(position)
                if reader not in of.counts and len(of.counts) >= _MOST_READERS:
                    reader = "", _OTHERS, ""
                count = of.counts.setdefault(reader, _Count())
                count.last = event.at
                if isinstance(event, RecordingOpened):
                    count.opened += 1
                    count.bytes += event.last - event.first
                else:
                    count.refused += 1 + event.more

    def _looks(self, positions: list[int], account: str, recordings: Mapping[tuple[str, str], TimelineItem]) -> Iterator[Look]:
        data_map = self._context.data_map
        for event in _at(self._context, positions):
            by, name = _by(event.account, event.program, event.purpose, account)
            kind = kind_held(data_map, event.dataset) if event.dataset in data_map.datasets else None
            look = Look(event.at, by, name, event.purpose, kind=kind, item=recordings.get((event.dataset, event.recording)))
            if isinstance(event, OpeningRefused):
                yield replace(look, refused=event.why, more=event.more)
            else:
                yield replace(look, first=event.first, last=event.last)


def _at(context: Context, positions: list[int]) -> Iterator[RecordingOpened | OpeningRefused]:
    """Yield the entries at some ascending positions. Those that lie close together are read in one go."""
    number = 0
    while number < len(positions):
        start = end = number
        while end + 1 < len(positions) and positions[end + 1] - positions[end] <= MOST_LOOKS:
            end += 1
        wanted, at = set(positions[start : end + 1]), positions[start]
        for data in context.journal.read(OPENINGS, at):
            if at in wanted:
                event = ev.decode(data)
                if isinstance(event, RecordingOpened | OpeningRefused):
                    yield event
            if at >= positions[end]:
                break
            at += 1
        number = end + 1


def _by(by_account: str, program: str, purpose: str, account: str) -> tuple[LookedBy, str]:
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
                max(known.last, count.last),
            )  # fmt: skip
    return tuple(sorted(together.values(), key=lambda each: each.last, reverse=True))
