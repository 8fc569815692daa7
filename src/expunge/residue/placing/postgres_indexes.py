"""Find the rows that an entry of a PostgreSQL index points to, by the raw page: B-tree, hash, GIN, GiST, SP-GiST, HNSW and IVFFlat.

Layouts are those of ``access/nbtree.h``, ``access/hash.h``, ``access/ginblock.h``, ``access/gist.h``, ``access/spgist_private.h`` and of
the extension pgvector. An index has no schema in its pages: the kind is told by the special space at their end.

A separator (the high key of a B-tree's page, a key of an inner page) points to no row. It repeats values of a row at the boundary: of the
rows next to it those are nominated whose own entry has the same bytes. Where there is none, it is a value of any row of the table, as the
summaries of BRIN are, the centres of IVFFlat, and the prefixes of SP-GiST.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from expunge.ports.optional.placing import CannotTell, NothingLive, SomeRow
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.placing.postgres_pages import NORMAL, Item, Page, Relation, tid

Tids: TypeAlias = tuple[tuple[int, int], ...]
"""Blocks and items of the indexed table."""

_BY_ID = {
    (16, 0xFF80): "hash",
    (16, 0xFF81): "gist",
    (8, 0xFF82): "spgist",
    (8, 0xFF83): "bloom",
    (8, 0xFF84): "ivfflat",
    (8, 0xFF90): "hnsw",
    (8, 0xF091): "brin",
    (8, 0xF092): "brin",
    (8, 0xF093): "brin",
}
_SEQUENCE = 0x1717
_DEPTH = 12
"""More levels than any tree has."""
_PAGES = 1000
"""Pages of an index that are looked through for the entry of one key."""
_MOST = 2000
"""Rows under one key of an inner page, beyond which it cannot be told to which of them it belongs."""
_SIZE, _ALTERNATIVE = 0x1FFF, 0x2000


def index_of(page: Page) -> str | None:
    """The kind of index that a page is of, ``sequence`` for one of a sequence, None for one of a table."""
    special = PAGE - page.special
    if not special:
        return None
    kind = _BY_ID.get((special, page.u16(PAGE - 2)))
    if kind is not None:
        return kind
    if special == 8:
        return "sequence" if page.u32(page.special) == _SEQUENCE else "gin"
    return "btree" if special == 16 else "unknown"


class Index:
    """One page of an index, and the index's other pages, where they can be asked."""

    def __init__(self, relation: str, page: Page, pages: Relation | None, kind: str, wanted: bytes) -> None:
        """Take the index's name, a page and its kind, the other pages, and the bytes at the place that is asked about."""
        self._some_row = SomeRow(relation)
        self._page = page
        self._pages = pages
        self._kind = kind
        self._wanted = wanted

    def rows(self, item: Item | None) -> Tids | SomeRow | NothingLive | CannotTell:
        """Return the rows that an entry of the page points to, None being a place outside of all entries. Raises OSError."""
        read = {"btree": self._btree, "gin": self._gin, "gist": self._gist, "hash": self._hash, "spgist": self._spgist, "hnsw": self._hnsw,
                "ivfflat": self._ivfflat}.get(self._kind)  # fmt: skip
        if self._kind == "sequence":
            return NothingLive("sequence")
        if self._kind == "brin":
            return self._some_row if item is not None else NothingLive("free space")
        if read is None:
            return CannotTell("index of another kind")
        page = self._page
        # where a page holds something else, bytes like line pointers are none
        if (self._kind == "gin" and self._gin_flags() & 1) or (self._kind in {"spgist", "hnsw", "ivfflat"} and not page.number):
            return NothingLive("index page")
        return read(item) if item is not None else NothingLive("free space")

    def _other(self, number: int) -> Page | None:
        found = self._pages.page(number) if self._pages is not None else None
        return found if found is not None and index_of(found) == self._kind else None

    # --- B-tree ------------------------------------------------------------------------------------

    def _btree(self, item: Item) -> Tids | SomeRow | NothingLive:
        page = self._page
        flags = page.u16(page.special + 12)
        if flags & 0x1C:  # deleted, half dead, or the one that describes the tree
            return NothingLive("index page")
        leaf, following = bool(flags & 1), page.u32(page.special + 4)
        if item.number > 1 or not following:
            if leaf:
                return _btree_rows(page, item)
            return self._boundary(tid(page.data, item.start)[0])
        if not leaf:
            return self._boundary(following)
        return self._next_to(self._other(following), page) or self._some_row

    def _boundary(self, number: int) -> Tids | SomeRow:
        """The first rows below a page, and the last ones before it."""
        for _ in range(_DEPTH):
            page = self._other(number)
            if page is None:
                break
            if page.u16(page.special + 12) & 1:
                return self._next_to(page, self._other(page.u32(page.special)) if page.u32(page.special) else None) or self._some_row
            first = page.item(2 if page.u32(page.special + 4) else 1)
            if first is None:
                break
            number = tid(page.data, first.start)[0]
        return self._some_row

    def _next_to(self, page: Page | None, before: Page | None) -> Tids:
        """The first rows of a leaf, and the last ones of the leaf before it, that have the bytes that are asked about."""
        first = next(_items(page, 2 if page.u32(page.special + 4) else 1), None) if page is not None else None
        last = before.item(before.count) if before is not None and (before.count > 1 or not before.u32(before.special + 4)) else None
        sides = [(on, item) for on, item in ((page, first), (before, last)) if on is not None and item is not None]
        return tuple(row for on, item in sides if self._repeats(on, item) for row in _btree_rows(on, item))

    def _repeats(self, page: Page, item: Item) -> bool:
        return self._wanted in page.data[item.start : item.start + item.size]

    # --- GIN ---------------------------------------------------------------------------------------

    def _gin_flags(self) -> int:
        return self._page.u16(self._page.special + 6)

    def _gin(self, item: Item) -> Tids | SomeRow | NothingLive | CannotTell:
        page, flags = self._page, self._gin_flags()
        if flags & 0x0C:  # deleted, or the one that describes the index
            return NothingLive("index page")
        if flags & 0x10:
            return (tid(page.data, item.start),)
        if flags & 2:
            return self._gin_rows(page, item)
        # The key was the greatest of the page below when that page was cut; if it was cut again, the key went to a page before it.
        key = page.data[item.start + 8 : item.start + item.size].rstrip(b"\0")
        waiting = [tid(page.data, each.start)[0] for each in _items(page)]
        waiting.append(tid(page.data, item.start)[0])
        for _ in range(_PAGES):
            below = self._other(waiting.pop()) if waiting else None
            if below is None:
                break
            if not below.u16(below.special + 6) & 2:
                waiting += [tid(below.data, each.start)[0] for each in _items(below)]
                continue
            for entry in _items(below):
                if below.data.startswith(key, entry.start + 8):
                    return self._gin_rows(below, entry)
        return self._some_row

    def _gin_rows(self, page: Page, item: Item) -> Tids | CannotTell:
        block, count = tid(page.data, item.start)
        if count == 0xFFFF:
            return self._posting_tree(block)
        at, end = item.start + (block & 0x7FFF_FFFF), item.start + item.size
        if block >> 31:
            return tuple(_compressed(page.data, at, end, count))
        return tuple(tid(page.data, at + 6 * number) for number in range(count) if at + 6 * number + 6 <= end)

    def _posting_tree(self, number: int) -> Tids | CannotTell:
        """The first rows of a key that has many: each of them has it."""
        for _ in range(_DEPTH):
            page = self._other(number)
            if page is None or not page.u16(page.special + 6) & 1:
                break
            if page.u16(page.special + 6) & 2:
                return tuple(_compressed(page.data, 32, page.lower, _MOST))
            high, low = page.u16(32), page.u16(34)
            number = high << 16 | low
        return CannotTell("gin posting tree")

    # --- others ------------------------------------------------------------------------------------

    def _gist(self, item: Item) -> Tids | SomeRow | NothingLive:
        page, rows = self._page, list[tuple[int, int]]()
        waiting = [(page, item)]
        while waiting:
            page, item = waiting.pop()
            flags = page.u16(page.special + 12)
            if flags & 2:
                return NothingLive("index page")
            if flags & 1:
                rows += [tid(page.data, item.start)] if self._repeats(page, item) else []
            else:
                below = self._other(tid(page.data, item.start)[0])
                if below is None:
                    return self._some_row
                waiting += [(below, each) for each in _items(below) if each.state == NORMAL]
            if len(waiting) > _MOST:
                return self._some_row
        return tuple(rows) or self._some_row

    def _hash(self, item: Item) -> Tids | NothingLive:
        return (tid(self._page.data, item.start),) if self._page.u16(self._page.special + 12) & 3 else NothingLive("index page")

    def _ivfflat(self, item: Item) -> Tids | SomeRow:
        # the centre of a list has other bytes where an entry has its size
        entry = self._page.u16(item.start + 6) & _SIZE == item.size
        return (tid(self._page.data, item.start),) if entry else self._some_row

    def _spgist(self, item: Item) -> Tids | SomeRow | NothingLive:
        if not self._page.u16(self._page.special) & 4:
            return self._some_row
        if self._page.u32(item.start) & 3:  # it leads elsewhere, is dead, or keeps a place
            return NothingLive("dead entry")
        return (tid(self._page.data, item.start + 6),)

    def _hnsw(self, item: Item) -> Tids | NothingLive:
        data, at = self._page.data, item.start
        if data[at] != 1 or item.size < 72:
            return NothingLive("index page")
        found = tuple(tid(data, at + 4 + 6 * number) for number in range(10))
        rows = tuple((block, row) for block, row in found if row)
        return rows if not data[at + 2] and rows else NothingLive("dead entry")


def _items(page: Page, first: int = 1) -> Iterator[Item]:
    for number in range(first, page.count + 1):
        item = page.item(number)
        if item is not None:
            yield item


def _btree_rows(page: Page, item: Item) -> Tids:
    """The rows of an entry of a B-tree's leaf: one, or all that have the same key."""
    block, number = tid(page.data, item.start)
    if not page.u16(item.start + 6) & _ALTERNATIVE:
        return ((block, number),)
    if not number & 0x2000:
        return ()  # a separator
    at, end = item.start + block, item.start + item.size
    return tuple(tid(page.data, place) for place in range(at, at + 6 * (number & 0x0FFF), 6) if place + 6 <= end)


def _compressed(data: bytes, at: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """Rows of compressed posting lists (``access/gin/ginpostinglist.c``): the first whole, then distances of 7 bits a byte."""
    count = 0
    while at + 8 <= end and count < most:
        block, number = tid(data, at)
        size = int.from_bytes(data[at + 6 : at + 8], "little")
        yield block, number
        count += 1
        value, distance, shift = block << 11 | number, 0, 0
        for byte in data[at + 8 : min(end, at + 8 + size)]:
            distance |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                value += distance
                distance = shift = 0
                yield value >> 11, value & 0x7FF
                count += 1
                if count >= most:
                    return
        at += 8 + size + (size & 1)
