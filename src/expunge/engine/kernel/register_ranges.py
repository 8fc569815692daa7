"""Read the events of a long register in a range of time, without reading all those before it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from expunge.core.journal.peek import peek_text
from expunge.errors import StateCorrupt
from expunge.ports.journal import Journal

CLOCKS_APART = timedelta(days=2)
"""Processes that write to one register may have clocks so far apart: so much more is read on both sides of a range."""


def read_between(journal: Journal, name: str, since: datetime, until: datetime, end: int | None = None) -> Iterator[bytes]:
    """Yield the events of a register that may be of a range of time, and some before and after it.

    Args:
        journal: the journal.
        name: of a register whose events all have the time ``at``, as they were written one after the other.
        since: the first instant.
        until: before this one.
        end: events of the register that count; all where it is None.
    """
    length = journal.length(name) if end is None else end
    place = _first(journal, name, length, since - CLOCKS_APART)
    for data in journal.read(name, place) if place < length else ():
        if place >= length or _at(data) >= until + CLOCKS_APART:
            return
        place += 1
        yield data


def _first(journal: Journal, name: str, length: int, at: datetime) -> int:
    """Return the position of the first event that is not before an instant, by halving."""
    low, high = 0, length
    while low < high:
        middle = (low + high) // 2
        if _at(next(iter(journal.read(name, middle)))) < at:
            low = middle + 1
        else:
            high = middle
    return low


def _at(data: bytes) -> datetime:
    text = peek_text(data, "at")
    if text is None:
        raise StateCorrupt("an event of the journal has no time", help="it was written by another version, or the state was changed")
    return datetime.fromisoformat(text)
