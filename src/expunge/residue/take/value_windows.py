"""Keep windows of each value of an order, so that a copy of one value alone is noticed: as many values as fit, each field its share."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from expunge.core.evidence.window_choice import ValueCount
from expunge.core.values.ids import Pseudonym

MOST = 100_000
"""Windows of single values in one store of an order, over all people and fields."""
OF_A_VALUE = 3
"""Windows of one value at most: where other people have one of them as well, another may be this person's alone."""
MOST_SOURCES = 4096
"""Values of which a window is known to be a part; of one with more nobody can say that each of them has other windows."""
_NO_LIMIT = 1 << 96

Field = tuple[Pseudonym, str, str]
"""Subject, dataset, field."""


class ValueWindow:
    """A window of one or more values."""

    __slots__ = ("first_of", "form", "place", "sources")

    def __init__(self, place: int, form: str) -> None:
        self.place = place
        """Its rank within its value, then a draw that depends on the window alone: the smaller, the better."""
        self.form = form
        self.first_of = 0
        """Values whose best window it is."""
        self.sources = array("I")
        """The numbers of the values that have it, :data:`MOST_SOURCES` at most."""


class ValueWindows:
    """Windows of single values, at most ``most`` in all. Where there are more, the fields with the most give first, and each its worst.

    Which stay depends on the windows alone, and not on the sequence in which they come.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._fields: dict[Field, dict[bytes, ValueWindow]] = {}
        self._limits: dict[Field, int] = {}
        """The worst place that a field still takes."""
        self._size = 0
        self._values: Counter[tuple[Pseudonym, str]] = Counter()
        self._ranks = 0

    def begin(self) -> None:
        """A value begins: the windows that are offered next are parts of it."""
        self._ranks = 0

    def wants(self, where: Field, draw: int) -> bool:
        """Return whether the next window of the value may be among those that stay. Of a value whose best may not, none is asked again."""
        rank = self._ranks
        if rank >= OF_A_VALUE:
            return False
        if (rank << 32 | draw) <= self._limits.get(where, _NO_LIMIT):
            return True
        if not rank:
            self._values[where[:2]] += 1
        self._ranks = rank + 1
        return False

    def add(self, where: Field, data: bytes, form: str, draw: int, source: int) -> None:
        """Take the next window of the value with the number ``source``, after it was asked whether it is wanted."""
        rank, self._ranks = self._ranks, self._ranks + 1
        if not rank:
            self._values[where[:2]] += 1
        windows = self._fields.setdefault(where, {})
        place = rank << 32 | draw
        known = windows.get(data)
        if known is None:
            known = windows[data] = ValueWindow(place, form)
            self._size += 1
        known.place = min(known.place, place)
        known.first_of += not rank
        if len(known.sources) < MOST_SOURCES and (not known.sources or known.sources[-1] != source):
            known.sources.append(source)
        if self._size > self._most + (self._most >> 1):
            self._shrink()

    def takes_beside(self, where: Field) -> bool:
        """Return whether a field may still take such windows."""
        return where in self._fields and self._limits.get(where, _NO_LIMIT) >= OF_A_VALUE << 32

    def add_beside(self, where: Field, data: bytes, form: str, draw: int, source: int) -> None:
        """Take a window that was just taken in another way of writing it; these are the first to go where there are too many."""
        place = OF_A_VALUE << 32 | draw
        windows = self._fields.get(where)
        if windows is None or data in windows or place > self._limits.get(where, _NO_LIMIT):
            return
        known = windows[data] = ValueWindow(place, form)
        known.sources.append(source)
        self._size += 1
        if self._size > self._most + (self._most >> 2):
            self._shrink()

    def of(self, where: Field) -> Sequence[tuple[bytes, ValueWindow]]:
        """Return the windows of a field, the best first."""
        if self._size > self._most:
            self._shrink()
        return sorted(self._fields.get(where, {}).items(), key=_by_place)

    def counts(self) -> dict[tuple[Pseudonym, str], ValueCount]:
        """Return, for each person and dataset, how many values there are, and how many of them have a window."""
        if self._size > self._most:
            self._shrink()
        having: Counter[tuple[Pseudonym, str]] = Counter()
        for where, windows in self._fields.items():
            having[where[:2]] += sum(each.first_of for each in windows.values())
        return {whose: ValueCount(values, min(values, having[whose])) for whose, values in self._values.items()}

    def _shrink(self) -> None:
        level = _level([len(windows) for windows in self._fields.values()], self._most)
        for where, windows in self._fields.items():
            if len(windows) > level:
                limit = sorted([each.place for each in windows.values()])[level - 1] if level else -1
                kept = {data: each for data, each in windows.items() if each.place <= limit}
                if len(kept) > level:
                    kept = dict(sorted(kept.items(), key=_by_place)[:level])
                self._fields[where] = kept
                self._limits[where] = limit
        self._size = sum(map(len, self._fields.values()))


def _by_place(each: tuple[bytes, ValueWindow]) -> tuple[int, bytes]:
    return each[1].place, each[0]


def _level(sizes: Sequence[int], most: int) -> int:
    """Return how many each field may keep so that all together keep ``most`` at most."""
    left, fields = most, len(sizes)
    for size in sorted(sizes):
        if size * fields > left:
            return left // fields
        left -= size
        fields -= 1
    return max(sizes, default=0)
