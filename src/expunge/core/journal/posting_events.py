"""Texts that pages show the public (register ``postings``): each by the hash of what was shown, with the first and last day.

Sources: the notice of an order is posted for six months (AMZ-10); a disclosure of retention is shown and adhered to (AMZ-09). The register
holds hashes, names of the map and days: no text and nothing of a reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TypeAlias

from expunge.core.values.tags import tagged


@tagged("TextPosted")
@dataclass(frozen=True)
class TextPosted:
    """A page shows a text: once for each day on which it does, and once more where the text changes."""

    at: datetime
    name: str
    """``notice:ID`` of the map, or ``disclosure:KIND``."""
    sha256: str
    """Hex, of what is shown."""


@tagged("TextMissing")
@dataclass(frozen=True)
class TextMissing:
    """A text that has to be shown cannot be read: once for each day."""

    at: datetime
    name: str


PostingEvent: TypeAlias = TextPosted | TextMissing


@dataclass(frozen=True)
class Posting:
    """One text that was shown."""

    name: str
    sha256: str
    first: datetime
    last: datetime
    days: frozenset[date]
    """The days, in UTC, on which it was shown."""


@dataclass(frozen=True)
class Postings:
    """The register as it stands."""

    shown: tuple[Posting, ...] = ()
    """By name, and for each name the texts in the order in which they were first shown."""
    missing: frozenset[tuple[str, date]] = frozenset()
    """(name, day) on which a text could not be read."""

    def latest(self, name: str) -> Posting | None:
        """Return the text of a name that was shown last."""
        return max((each for each in self.shown if each.name == name), key=lambda each: each.last, default=None)

    def days(self, name: str) -> frozenset[date]:
        """Return the days on which a name was shown, with whatever text."""
        return frozenset[date]().union(*(each.days for each in self.shown if each.name == name))


def fold_postings(events: Iterable[object]) -> Postings:
    """Return the register as it stands after some events."""
    known: dict[tuple[str, str], Posting] = {}
    missing = set[tuple[str, date]]()
    for event in events:
        if isinstance(event, TextPosted):
            day = event.at.astimezone(UTC).date()
            before = known.get((event.name, event.sha256), Posting(event.name, event.sha256, event.at, event.at, frozenset()))
            known[event.name, event.sha256] = Posting(event.name, event.sha256, before.first, event.at, before.days | {day})
        elif isinstance(event, TextMissing):
            missing.add((event.name, event.at.astimezone(UTC).date()))
    return Postings(tuple(sorted(known.values(), key=lambda each: (each.name, each.first))), frozenset(missing))


def days_between(since: date, until: date) -> tuple[date, ...]:
    """Return the days from one on and before another."""
    return tuple(since + timedelta(days=number) for number in range(max(0, (until - since).days)))
