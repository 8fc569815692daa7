"""Counts of what is held about one child: by kind of data, with the oldest day and the next deletion that comes by itself.

It holds numbers, days and words of the map: no identifier and no content.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from expunge.core.datamap.artefact import DataKind
from expunge.core.values.outcome import Reason

_ORDER = {kind: place for place, kind in enumerate(DataKind)}


@dataclass(frozen=True)
class KindHeld:
    """The items of one kind of data."""

    kind: DataKind
    items: int
    oldest: date | None = None
    """The day, in UTC, of the oldest item; None where no item says its day."""
    goes: date | None = None
    """The first day, in UTC, on which an item goes by itself, because its period is over; None where none does so."""
    undated: int = 0
    """Items whose period has not begun, or which say no time: no period ends for them yet."""
    bound: int = 0
    """Items that are kept although a period ends or the family asks, because a legal hold binds them."""

    def __add__(self, other: KindHeld) -> KindHeld:
        """Return both together; they are of one kind."""
        return replace(
            self,
            items=self.items + other.items,
            oldest=earliest(self.oldest, other.oldest),
            goes=earliest(self.goes, other.goes),
            undated=self.undated + other.undated,
            bound=self.bound + other.bound,
        )


@dataclass(frozen=True)
class MadeFrom:
    """Things that were made from data of many people, the child's among it: nothing in them says whose is what."""

    kind: DataKind
    """Models, in most cases; else what an index or an export is called."""
    learnt: int
    """How many were made from data of the child, or cannot be told apart from those."""
    unknown: int = 0
    """How many there are of which no record says what they were made from: they may have been."""


@dataclass(frozen=True)
class NotCounted:
    """Data that could not be counted: what is held of it is not known, and not nothing."""

    kind: DataKind
    reason: Reason


@dataclass(frozen=True)
class Holdings:
    """What is held about one child."""

    at: datetime
    """When the count began: a change after it is not in it."""
    kinds: tuple[KindHeld, ...]
    """Those with at least one item, in the order in which people are told."""
    made: tuple[MadeFrom, ...]
    not_counted: tuple[NotCounted, ...]

    @property
    def items(self) -> int:
        """How many items are held, of all kinds."""
        return sum(each.items for each in self.kinds)

    @property
    def oldest(self) -> date | None:
        """The day of the oldest item of all kinds."""
        return earliest(*(each.oldest for each in self.kinds))

    @property
    def goes(self) -> date | None:
        """The first day on which anything goes by itself."""
        return earliest(*(each.goes for each in self.kinds))

    @property
    def whole(self) -> bool:
        """Whether everything was counted."""
        return not self.not_counted


def together(found: Iterable[KindHeld]) -> tuple[KindHeld, ...]:
    """Return one entry for each kind, in the order in which people are told; a kind without an item is left out."""
    by_kind: dict[DataKind, KindHeld] = {}
    for each in found:
        by_kind[each.kind] = by_kind[each.kind] + each if each.kind in by_kind else each
    return tuple(sorted((each for each in by_kind.values() if each.items), key=lambda each: _ORDER[each.kind]))


def in_order(found: Iterable[MadeFrom]) -> tuple[MadeFrom, ...]:
    """Return one entry for each kind of thing that was made, in the order in which people are told; none without a number."""
    by_kind: dict[DataKind, MadeFrom] = {}
    for each in found:
        before = by_kind.get(each.kind, MadeFrom(each.kind, 0))
        by_kind[each.kind] = MadeFrom(each.kind, before.learnt + each.learnt, before.unknown + each.unknown)
    return tuple(sorted((each for each in by_kind.values() if each.learnt or each.unknown), key=lambda each: _ORDER[each.kind]))


def not_counted(found: Iterable[NotCounted]) -> tuple[NotCounted, ...]:
    """Return each kind and reason once, in the order in which people are told."""
    return tuple(sorted(set(found), key=lambda each: (_ORDER[each.kind], each.reason.value)))


def earliest(*days: date | None) -> date | None:
    """Return the earliest of the days that are known; None where none is."""
    return min((day for day in days if day is not None), default=None)
