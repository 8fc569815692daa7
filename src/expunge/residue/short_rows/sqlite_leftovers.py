"""What live pages of a SQLite database hold between their cells: zeros, pointers, and copies of live cells that moved.

Here no bytes are asked about; all of them are accounted for. A copy of a live cell counts where it is whole, where a live cell cut off its
end, and, of entries of an index, where a list of free blocks took its first bytes (file format 1.6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expunge.residue.placing.sqlite_records import (
    INTERIOR,
    TABLE_INTERIOR,
    TABLE_LEAF,
    DamagedPage,
    TreePage,
    most_local,
)
from expunge.residue.short_rows.live_bytes import LiveBytes

_FREE_BLOCK = 4
_SHORTEST = 4
"""Bytes of the smallest cell."""
_SHORT = 0x7F
_VARINT = 9


def body(page: TreePage, start: int, end: int) -> bytes:
    """Return a cell without the number of the page below it, which is no part of a cell that moves."""
    return page.image[start + 4 if page.kind in INTERIOR else start : end]


@dataclass
class LiveCells(LiveBytes):
    """The cells of one b-tree, without numbers of pages."""

    keys: frozenset[bytes] = frozenset()
    """What tells the pages below an interior page of a table apart."""
    _tails: frozenset[bytes] = frozenset()

    @classmethod
    def of(cls, pages: Iterable[TreePage], usable: int) -> LiveCells:
        """Collect the cells of the pages of a tree. Raises DamagedPage."""
        whole, keys = set[bytes](), set[bytes]()
        for page in pages:
            into = keys if page.kind == TABLE_INTERIOR else whole
            into.update(body(page, start, page.cell(start, usable).end) for start in page.starts)
        return cls(frozenset(whole), keys=frozenset(keys))

    def within(self, data: bytes) -> bool:
        """Return whether a live cell has some bytes anywhere."""
        return any(data in each for each in self.whole)

    def ends(self, data: bytes) -> bool:
        """Return whether all of a live cell but its first bytes, which a free block takes, is equal to some bytes."""
        if not self._tails:
            self._tails = frozenset(each[_FREE_BLOCK:] for each in self.whole if len(each) > _FREE_BLOCK)
        return data in self._tails


def gaps(page: TreePage, usable: int) -> list[tuple[int, int]]:
    """Return the stretches between the cells of a page that are not all zeros. Raises DamagedPage where cells overlap."""
    ends = _ends(page, usable)
    before = np.concatenate(([page.first], ends))
    after = np.concatenate((np.array(page.starts, dtype=np.int64), [usable]))
    if (before > after).any():
        raise DamagedPage
    between = np.flatnonzero(before < after).tolist()
    stretches = ((int(before[at]), int(after[at])) for at in between)
    return [(start, end) for start, end in stretches if page.image.count(0, start, end) != end - start]


def _ends(page: TreePage, usable: int) -> npt.NDArray[np.int64]:
    """The first byte after each cell of a page. Raises DamagedPage."""
    starts = np.array(page.starts, dtype=np.int64)
    if not starts.size:
        return starts
    data = np.frombuffer(page.image, dtype=np.uint8)
    last = np.where(data < 0x80, np.arange(data.size), data.size)
    after = np.concatenate((np.minimum.accumulate(last[::-1])[::-1] + 1, np.full(2 * _VARINT + 4, data.size + 1)))
    at = starts + (4 if page.kind in INTERIOR else 0)
    first = after[at]
    slow = first - at > (_VARINT - 1)
    if page.kind == TABLE_INTERIOR:
        ends = first
    else:
        length = first - at
        padded = np.concatenate((data, np.zeros(_VARINT, dtype=np.uint8))).astype(np.int64)
        size = np.where(length == 1, padded[at], (padded[at] & _SHORT) << 7 | padded[at + 1])
        record = first
        if page.kind == TABLE_LEAF:
            record = after[first]
            slow |= record - first > (_VARINT - 1)
        ends = record + size
        slow |= (length > 2) | (size > most_local(usable, table=page.kind == TABLE_LEAF))
        # a cell has four bytes at least
        ends = np.maximum(ends, starts + _SHORTEST)
    for at_slow in np.flatnonzero(slow).tolist():
        ends[at_slow] = page.cell(page.starts[at_slow], usable).end
    if int(ends.max()) > usable:
        raise DamagedPage
    return ends


def free_blocks(page: TreePage, usable: int) -> dict[int, int]:
    """Return the free blocks that a page lists: where each begins, and how long it is. Raises DamagedPage."""
    found: dict[int, int] = {}
    at = int.from_bytes(page.image[page.head + 1 : page.head + 3], "big")
    while at:
        size = int.from_bytes(page.image[at + 2 : at + 4], "big")
        if at < page.first or at in found or size < _FREE_BLOCK or at + size > usable:
            raise DamagedPage
        found[at] = size
        at = int.from_bytes(page.image[at : at + 2], "big")
    return found


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The gaps of one page."""

    page: TreePage
    usable: int
    count: int
    """Pages of the database."""
    cells: Callable[[], LiveCells]
    """Read the live cells of the tree: most pages need them not."""
    named_last: bool
    """Whether cells end with what names the row."""
    words: bool = False
    """Whether they are words of the schema, any part of which may be left."""

    def unaccounted(self) -> bool:
        """Return whether any byte between the cells is not accounted for. Raises DamagedPage."""
        found = gaps(self.page, self.usable)
        if not found:
            return False
        blocks = free_blocks(self.page, self.usable)
        return any(not self._is_accounted(start, end, blocks) for start, end in found)

    def _is_accounted(self, start: int, end: int, blocks: Mapping[int, int]) -> bool:
        at = self._past_pointers(end, blocks) if start == self.page.first else start
        # between cells one byte may as well be the end of a row that is gone
        least = 1 if start == self.page.first else 2
        while at < end:
            step = self._step(at, end, blocks, least)
            if not step:
                return False
            at += step
        return True

    def _past_pointers(self, end: int, blocks: Mapping[int, int]) -> int:
        """Return the first byte behind the pointers that the array had before: each to a place where a cell is, or was."""
        image, at = self.page.image, self.page.first
        while at + 2 <= end and self._was_cell(int.from_bytes(image[at : at + 2], "big"), blocks):
            at += 2
        # a cell that was written since may have cut the last of them in two
        return end if self.page.first < at == end - 1 and image[at] <= self.usable >> 8 else at

    def _was_cell(self, place: int, blocks: Mapping[int, int]) -> bool:
        if place in blocks or place in self.page.starts:
            return True
        if not self.page.first <= place <= self.usable - _SHORTEST:
            return False
        return not any(self.page.image[place : place + _SHORTEST]) or self._copy(place, self.usable) > 0

    def _step(self, at: int, end: int, blocks: Mapping[int, int], least: int) -> int:
        """Return how many bytes from a place on are accounted for; 0 where the byte there is not."""
        if at in blocks:
            tail = self.page.image[at + _FREE_BLOCK : at + blocks[at]]
            return blocks[at] if self.named_last and self.cells().ends(tail) else _FREE_BLOCK
        return 1 if not self.page.image[at] else self._copy(at, end, least) or (self._words(at, end) if self.words else 0)

    def _words(self, at: int, end: int) -> int:
        """Return how many bytes up to the next zero are a part of a live cell."""
        zero = self.page.image.find(0, at, end)
        stop = zero if zero >= 0 else end
        return stop - at if self.cells().within(self.page.image[at:stop]) else 0

    def _copy(self, at: int, end: int, least: int = 1) -> int:
        """Return how many bytes the copy of a live cell that begins at a place has up to the end of the gap; 0 where none begins there.

        ``least`` is how many bytes a copy has at least.
        """
        image, kind, live = self.page.image, self.page.kind, self.cells()
        interior = kind in INTERIOR
        first = at + 4 if interior else at
        if interior and (first > end or int.from_bytes(image[at:first], "big") > self.count):
            return 0
        try:
            stop = self.page.cell(at, self.usable).end
        except DamagedPage:
            stop = self.usable
        if stop <= end and image[first:stop] in (live.keys if kind == TABLE_INTERIOR else live.whole):
            return stop - at
        # of a cell that moved, the end was written over, or is zero: a page that is put in order is cleared behind its pointers
        common = 0 if kind == TABLE_INTERIOR else live.beginning(image[first:end])
        cut = common >= least and (first + common == end or not image[first + common])
        return first + common - at if cut else 0


def in_live_cells(page: TreePage, usable: int, live: LiveCells) -> bool:
    """Return whether each cell of an image that another one replaces is a cell of the tree still. Raises DamagedPage."""
    known = live.keys if page.kind == TABLE_INTERIOR else live.whole
    return all(body(page, start, page.cell(start, usable).end) in known for start in page.starts)
