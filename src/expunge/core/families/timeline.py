"""The timeline of a child: recordings in the order of their times, filtered and in pages. Pure values; items have handles, no names."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from expunge.core.datamap.artefact import DataKind

SHOWN = (DataKind.VOICE, DataKind.VIDEO, DataKind.PICTURE)
"""The kinds of data that are recordings."""
MOST_SHOWN = 100
"""Items of one page at most."""
MOST_WORDS = 2_000
"""Characters of a transcript that are kept for a timeline."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One recording, as its family is shown it. Nothing of its content was read for this."""

    handle: str
    """32 hex digits, which mean nothing outside the opening in which they were given."""
    kind: DataKind
    at: datetime | None
    """When it was recorded, by the field that its retention runs from; else when it was written. None where neither says."""
    size: int
    """Bytes."""
    transcript: str = field(default="", repr=False)
    """Up to :data:`MOST_WORDS` characters; empty where none is held. In a list, also where it lies sealed."""
    device: str = field(default="", repr=False)
    seconds: float | None = None
    """How long it is, where the company wrote that down."""
    shared: bool = False
    """Whether other people are in it as well."""
    broken: bool = False
    """Whether it is known that it cannot be played: in this web session it was tried before."""


@dataclass(frozen=True)
class TimelineFilter:
    """The items that are asked for; an empty field asks for all."""

    kinds: frozenset[DataKind] = frozenset()
    since: datetime | None = None
    until: datetime | None = None
    """The first moment behind them."""
    text: str = field(default="", repr=False)
    """Words of the transcript, in any case."""

    def chosen(self, items: Iterable[TimelineItem]) -> list[TimelineItem]:
        """Return the items that pass, in their order. An item without a time passes no bound."""
        words = folded(self.text).split()
        return [each for each in items if self._passes(each, words)]

    def _passes(self, item: TimelineItem, words: Sequence[str]) -> bool:
        if self.kinds and item.kind not in self.kinds:
            return False
        if (self.since or self.until) and item.at is None:
            return False
        if item.at is not None and ((self.since and item.at < self.since) or (self.until and item.at >= self.until)):
            return False
        if not words:
            return True
        said = folded(item.transcript)
        return all(word in said for word in words)


@dataclass(frozen=True)
class TimelinePage:
    """Some of the items of a timeline, the newest first."""

    items: tuple[TimelineItem, ...]
    total: int
    """How many items pass the filter."""
    first: int
    """The number of the first item of this page, from 1."""
    held: int
    """How many items the timeline has."""
    following: str
    """The cursor of the next page; empty on the last."""
    previous: str
    """The cursor of the page before, empty on the first and on the second, which begin anew."""
    could_not: tuple[str, ...] = ()
    """The kinds of data that could not be looked for now, in the words of the map."""


def page_of(items: Sequence[TimelineItem], wanted: TimelineFilter, after: str, most: int, could_not: tuple[str, ...] = ()) -> TimelinePage:
    """Return the page that begins behind an item.

    Args:
        items: all of the timeline, the newest first.
        wanted: the filter.
        after: the handle of the last item of the page before. Empty, or one that is gone since: the first page.
        most: items of a page.
        could_not: see :class:`TimelinePage`.
    """
    chosen = wanted.chosen(items)
    start = next((number + 1 for number, each in enumerate(chosen) if after and each.handle == after), 0)
    most = min(max(1, most), MOST_SHOWN)
    shown = tuple(chosen[start : start + most])
    following = shown[-1].handle if shown and start + most < len(chosen) else ""
    previous = chosen[start - most - 1].handle if start > most else ""
    return TimelinePage(shown, len(chosen), start + 1 if shown else 0, len(items), following, previous, could_not)


def in_order(items: Iterable[TimelineItem]) -> tuple[TimelineItem, ...]:
    """Return items newest first; those of one time by handle, those without a time last."""
    dated, undated = list[tuple[datetime, str, TimelineItem]](), list[TimelineItem]()
    for each in items:
        if each.at is None:
            undated.append(each)
        else:
            dated.append((each.at, each.handle, each))
    dated.sort(key=lambda entry: entry[:2], reverse=True)
    return (*(each for _, _, each in dated), *sorted(undated, key=lambda each: each.handle))


def folded(text: str) -> str:
    """Return a text as it is compared: compatible characters are one (NFKC), and letters have no case."""
    return unicodedata.normalize("NFKC", text).casefold()
