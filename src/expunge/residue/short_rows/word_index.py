"""The entries of a full-text index of FTS5: which term lies at which row, from the blocks of its segments (``fts5_index.c``).

What a deletion leaves is an entry of a row that is gone, or a mark without places. A new index over the live rows has neither.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from expunge.ports.optional.row_accounts import WordIndex
from expunge.residue.placing.sqlite_records import Value

Rows: TypeAlias = Sequence[tuple[int, tuple[Value, ...]]]
"""Rows of a table in which an index lies, by number."""
Entry: TypeAlias = tuple[bytes, int, bytes]
"""Term, row, and where the term stands in it."""
_FIRST = 11
"""The first number of a block of a segment."""
_SEGMENT, _LIST = 37, 36
"""Bits of a block's number below that of its segment, and the one that marks the index over a long list."""
_HEAD = 4


class UnreadBlock(Exception):
    """A block of another form."""


def entries(blocks: Iterable[tuple[int, bytes]]) -> Iterator[Entry]:
    """Yield the entries of blocks, given by their numbers in ascending order. Raises UnreadBlock."""
    leaves = ((number, data) for number, data in blocks if number >= _FIRST and not number >> _LIST & 1)
    for _, segment in groupby(leaves, lambda block: block[0] >> _SEGMENT):
        yield from _Segment([data for _, data in segment]).entries()


def has_only(fresh: WordIndex, blocks: Rows, ways: Rows, sizes: Rows) -> bool:
    """Return whether an index holds nothing but what one that was made anew holds: terms, rows, ways to terms, sizes of rows.

    Raises UnreadBlock.
    """
    wanted = frozenset(entries(fresh.blocks))
    found = entries(sorted((number, data) for number, (_, data, *_) in blocks if isinstance(data, bytes)))
    if not all(each in wanted for each in found) or not {(number, size) for number, (_, size, *_) in sizes} <= fresh.sizes:
        return False
    terms = sorted({term for term, _, _ in wanted})
    cut = (term if isinstance(term, bytes) else str(term or "").encode() for _, (_, term, *_) in ways)
    return all((at := bisect_left(terms, each)) < len(terms) and terms[at].startswith(each) for each in cut if each)


@dataclass
class _Segment:
    """Leaf pages that follow one another. Lists of rows, and places in a row, go on from page to page."""

    pages: list[bytes]
    _term: bytes = b""
    _row: int = 0
    _new: bool = False
    """Whether no row of the term was read yet."""

    def entries(self) -> Iterator[Entry]:
        left, places = 0, b""
        for page in self.pages:
            end = int.from_bytes(page[2:4], "big")
            if not _HEAD <= end <= len(page):
                raise UnreadBlock
            first_row, terms, at = int.from_bytes(page[:2], "big"), _terms(page, end), _HEAD
            fresh = True
            if left:
                part = page[at : min(end, at + left)]
                places, left, at = places + part, left - len(part), at + len(part)
                if left:
                    continue
                yield self._term, self._row, places
            while at < end:
                if at in terms:
                    at, fresh = self._read_term(page, at, first=fresh), False
                    continue
                at = self._read_row(page, at, whole=at == first_row)
                size, at = _varint(page, at)
                size >>= 1
                places, at = page[at : min(end, at + size)], at + min(size, end - at)
                left = size - len(places)
                if not left:
                    yield self._term, self._row, places
        if left:
            raise UnreadBlock

    def _read_term(self, page: bytes, at: int, *, first: bool) -> int:
        kept = 0
        if not first:
            kept, at = _varint(page, at)
        size, at = _varint(page, at)
        if kept > len(self._term) or at + size > len(page):
            raise UnreadBlock
        self._term, self._new = self._term[:kept] + page[at : at + size], True
        return at + size

    def _read_row(self, page: bytes, at: int, *, whole: bool) -> int:
        number, at = _varint(page, at)
        number -= (number >> 63) << 64
        self._row = number if whole or self._new else self._row + number
        self._new = False
        return at


def _terms(page: bytes, end: int) -> frozenset[int]:
    """Where terms begin on a page, as the list at its end says."""
    found, at, place = set[int](), end, 0
    while at < len(page):
        step, at = _varint(page, at)
        place += step
        found.add(place)
    return frozenset(found)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number as SQLite writes it, and where it ends."""
    value = 0
    for step in range(9):
        if at + step >= len(data):
            raise UnreadBlock
        byte = data[at + step]
        if step == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    raise UnreadBlock
