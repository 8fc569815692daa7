"""Keep the best windows of one field of one subject within a budget, in any sequence of arrival and in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple

from expunge.residue.take.value_windows import MOST_SOURCES

FORMS = 20
"""Other written forms of one window, on average at most."""
DRESSED = 7
"""Windows that are taken in other forms too, however large the budget: so that a large one buys more of the content as it is."""
_SLACK = 16
"""Windows kept beyond twice those wanted before the worst are dropped; small, because an order has thousands of fields of people."""


class ContentWindow(NamedTuple):
    """Content that may become a trace."""

    place: int
    """Its rank within its value, and among those of equal rank a draw that depends on the window alone: the smaller, the better."""
    data: bytes
    form: str
    piece: str | None = None
    """The text it was written from, which can be written otherwise."""
    value: str | None = None
    """The value that the piece begins."""
    source: int = 0
    """The number of the value that it is a part of."""


class WindowSample:
    """A sample: of each value the best windows first, and among equals those with the smallest draw, which is a fair one."""

    __slots__ = ("_budget", "_kept", "_limit", "_sources")

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._kept: dict[bytes, ContentWindow] = {}
        self._sources: dict[bytes, array[int]] = {}
        """Window -> the numbers of the values that have it, ascending."""
        self._limit = 1 << 96

    def wants(self, place: int) -> bool:
        """Return whether a window of this place may be among the best."""
        return place <= self._limit

    def add(self, window: ContentWindow) -> None:
        """Offer one window."""
        if self._budget > 1:
            self._note_source(window)
        known = self._kept.get(window.data)
        if known is not None:
            if _preference(window) < _preference(known):
                self._kept[window.data] = window
            return
        self._kept[window.data] = window
        if len(self._kept) > (2 * self._budget + _SLACK if self._budget > 1 else 0):
            best = self.best()
            self._kept = {each.data: each for each in best}
            self._sources = {data: self._sources[data] for data in self._kept if data in self._sources}
            self._limit = best[-1].place

    def _note_source(self, window: ContentWindow) -> None:
        sources = self._sources.setdefault(window.data, array("I"))
        if len(sources) < MOST_SOURCES and (not sources or sources[-1] != window.source):
            sources.append(window.source)

    def sources(self, window: ContentWindow) -> Sequence[int]:
        """Return the numbers of the values that have a window, :data:`MOST_SOURCES` at most; none with a budget of one."""
        return self._sources.get(window.data, ())

    def best(self, without: Callable[[ContentWindow], bool] | None = None) -> list[ContentWindow]:
        """At most ``budget`` windows, the best first, but for some that turned out to say nothing."""
        kept = [window for window in self._kept.values() if without is None or not without(window)]
        return kept if len(kept) == 1 else sorted(kept, key=_wanted)[: self._budget]


def _wanted(window: ContentWindow) -> tuple[int, bytes]:
    return window.place, window.data


def _preference(window: ContentWindow) -> tuple[int, bool, str]:
    """Among equal windows: the one of the better rank, then the one that can be written otherwise."""
    return window.place, window.piece is None, window.value or ""
