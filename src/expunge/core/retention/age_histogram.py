"""The age of a dataset's items: counts by age, and the first and last time of each person's items."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Ages:
    """Items of one dataset between some moments, half-open as windows are."""

    items: tuple[int, ...]
    """Before the first moment, from the first on and before the second, ..., from the last on: one more than there are moments."""
    bytes: tuple[int, ...]
    """What they take, as closely as the store can tell without reading them."""
    undated: int = 0
    """Items without a time that can be read: they are in no window, and no retention reaches them."""

    def __post_init__(self) -> None:
        if not self.items or len(self.items) != len(self.bytes):
            message = "as many counts of bytes as of items"
            raise ValueError(message)

    def __add__(self, other: Ages) -> Ages:
        items = tuple(one + two for one, two in zip(self.items, other.items, strict=True))
        size = tuple(one + two for one, two in zip(self.bytes, other.bytes, strict=True))
        return Ages(items, size, self.undated + other.undated)

    @classmethod
    def none(cls, edges: Sequence[datetime]) -> Ages:
        """Nothing at all."""
        return cls((0,) * (len(edges) + 1), (0,) * (len(edges) + 1))


@dataclass(frozen=True)
class AgeSpan:
    """The items in which one value of a subject field stands."""

    value: str = field(repr=False)
    items: int
    first: datetime | None
    """Time of the oldest; None where none can be read."""
    last: datetime | None
    """Time of the newest."""


class CountedItem:
    """Items as they are counted, between moments."""

    def __init__(self, edges: Sequence[datetime]) -> None:
        self._edges = edges
        self._items = [0] * (len(edges) + 1)
        self._bytes = [0] * (len(edges) + 1)
        self._undated = 0

    def add(self, when: datetime | None, size: int) -> None:
        """Count one more item."""
        if when is None:
            self._undated += 1
            return
        at = bisect_right(self._edges, when)
        self._items[at] += 1
        self._bytes[at] += size

    def ages(self) -> Ages:
        """The counts."""
        return Ages(tuple(self._items), tuple(self._bytes), self._undated)


class SpannedItem:
    """Items as they are counted, by a value that stands in them."""

    def __init__(self) -> None:
        self._by: dict[str, tuple[int, datetime | None, datetime | None]] = {}

    def add(self, value: str, when: datetime | None, items: int = 1) -> None:
        """Some more items, of one time."""
        count, first, last = self._by.get(value, (0, None, None))
        if when is not None:
            first = when if first is None else min(first, when)
            last = when if last is None else max(last, when)
        self._by[value] = (count + items, first, last)

    def spans(self) -> Iterator[AgeSpan]:
        """One for each value."""
        for value, (items, first, last) in self._by.items():
            yield AgeSpan(value, items, first, last)
