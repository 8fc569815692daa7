"""Account for the pages of a PostgreSQL B-tree: entries of live rows with their values, and separators that repeat such values.

Layouts: ``access/nbtree.h``, ``access/itup.h``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from expunge.ports.optional.placing import CannotTell, NothingLive
from expunge.ports.optional.row_accounts import AccountPart, TableFile
from expunge.residue.placing.postgres_indexes import index_of
from expunge.residue.placing.postgres_pages import NORMAL, Item, Page, tid
from expunge.residue.short_rows.live_bytes import LiveBytes
from expunge.residue.short_rows.postgres_files import pages
from expunge.residue.short_rows.postgres_heap import DAMAGED, HeapAccount, Place
from expunge.residue.short_rows.postgres_leftovers import is_empty, overlapping, unaccounted
from expunge.residue.short_rows.postgres_values import Misfit, values

METHOD = "btree"
_FREE_SPACE, _FREE_PAGE, _REMOVED = NothingLive("free space"), NothingLive("free page"), NothingLive("removed entry")
_STRAY, _SEPARATOR = CannotTell("index entry with values of no live row"), NothingLive("interior key")
_LEAF, _GONE, _META = 0x01, 0x14, 0x08
_HEAD, _META_END = 24, 96
_PAGE_ID = 8
"""Bytes at the beginning of a deleted page: the transaction after which it may be used again."""
_TERMINATED = -2
_SIZE, _NULLS, _ALTERNATIVE = 0x1FFF, 0x8000, 0x2000
_POSTING, _WITH_ROW, _COUNT = 0x2000, 0x1000, 0x0FFF


@dataclass
class TreeAccount:
    """The account of one index."""

    file: TableFile
    heap: HeapAccount
    _prefixes: dict[int, frozenset[tuple[bytes | None, ...]]] = field(default_factory=dict)
    """The first values of live rows, by how many they are."""
    _entries: LiveBytes | None = None
    """Of all pages: an entry may have moved to the next one."""

    def parts(self) -> Iterator[AccountPart]:
        """Yield a word for each kind of byte that is not accounted for. Raises OSError."""
        for data, page in pages(self.file.path):
            if page is None:
                if not is_empty(data):
                    yield DAMAGED
            elif index_of(page) != METHOD:
                yield DAMAGED
            else:
                yield from self._on_page(page)

    def _on_page(self, page: Page) -> Iterator[AccountPart]:
        flags = page.u16(page.special + 12)
        if flags & _META or not page.number:
            end = min(page.lower, _META_END) if flags & _META and not page.number else _HEAD
            if any(page.data[end : page.special]):
                yield _FREE_SPACE
            return
        if flags & _GONE:
            if any(page.data[_HEAD + _PAGE_ID : page.special]):
                yield _FREE_PAGE
            return
        items = [item for each in range(1, page.count + 1) if (item := page.item(each)) is not None]
        if overlapping(items) or len(items) != page.count:
            yield DAMAGED
            return
        for item in items:
            yield from self._entry(page, item, leaf=bool(flags & _LEAF))
        if unaccounted(page, items, lambda begin, end: self._copied(page.data[begin:end])):
            yield _FREE_SPACE

    def _copied(self, data: bytes) -> int:
        """Return how many bytes copy an entry from its beginning on, up to its own end or to that of all of them."""
        if self._entries is None:
            self._entries = LiveBytes(frozenset(self._all_entries()))
        size = int.from_bytes(data[6:8], "little") & _SIZE
        if data[:size] in self._entries.whole:
            return size
        common = self._entries.beginning(data)
        return common if common == len(data) else 0

    def _all_entries(self) -> Iterator[bytes]:
        for _, page in pages(self.file.path):
            if page is not None and page.number and not page.u16(page.special + 12) & (_GONE | _META):
                for number in range(1, page.count + 1):
                    if (item := page.item(number)) is not None and item.state == NORMAL:
                        yield page.data[item.start : item.start + item.size]

    def _entry(self, page: Page, item: Item, *, leaf: bool) -> Iterator[AccountPart]:
        if item.state != NORMAL:
            yield _REMOVED
            return
        # the first entry of a page that another follows is its upper bound
        bound = item.number == 1 and page.u32(page.special + 4) != 0
        try:
            if leaf and not bound:
                if not self._is_live(page, item):
                    yield _STRAY
            elif not self._repeats(page, item):
                yield _SEPARATOR
        except Misfit:
            yield NothingLive("slack")

    def _is_live(self, page: Page, item: Item) -> bool:
        """Return whether an entry of a leaf names live rows alone, each of which has its values."""
        (first, count), end = tid(page.data, item.start), item.start + item.size
        places: list[Place] = [(first, count)]
        if page.u16(item.start + 6) & _ALTERNATIVE:
            if not count & _POSTING:
                raise Misfit
            end = item.start + first
            stop = end + 6 * (count & _COUNT)
            if stop > item.start + item.size or any(page.data[stop : item.start + item.size]):
                raise Misfit
            places = [tid(page.data, at) for at in range(end, stop, 6)]
        held = self._values(page, item, end, len(self.file.columns))
        return all((row := self.heap.at(place)) is not None and self._key(row, len(held)) == held for place in places)

    def _repeats(self, page: Page, item: Item) -> bool:
        """Return whether the values of a separator are the first ones of a live row."""
        _, count = tid(page.data, item.start)
        fields = count & _COUNT if page.u16(item.start + 6) & _ALTERNATIVE else len(self.file.columns)
        end = item.start + item.size - (8 if count & _WITH_ROW and page.u16(item.start + 6) & _ALTERNATIVE else 0)
        if fields > len(self.file.columns):
            raise Misfit
        held = self._values(page, item, end, fields)
        if fields not in self._prefixes:
            self._prefixes[fields] = frozenset(self._key(row, fields) for row in self.heap.rows.values())
        return not held or held in self._prefixes[fields]

    def _values(self, page: Page, item: Item, end: int, count: int) -> tuple[bytes | None, ...]:
        nulls = page.u16(item.start + 6) & _NULLS
        if page.u16(item.start + 6) & _SIZE > item.size:
            raise Misfit
        bitmap = int.from_bytes(page.data[item.start + 8 : item.start + 12], "little") if nulls else -1
        begin = item.start + (16 if nulls else 8)
        if nulls and any(page.data[item.start + 12 : begin]):
            raise Misfit
        return tuple(values(page.data, begin, end, self.file.columns[:count], lambda number: bool(bitmap >> number & 1)))

    def _key(self, row: tuple[bytes | None, ...], count: int) -> tuple[bytes | None, ...]:
        """The values of a row that an index has, the first so many."""
        pairs = zip(self._at[:count], self.file.columns, strict=False)
        # Why stripped: the type name has 64 bytes in rows, and ends with its first zero in an index.
        return tuple(value.rstrip(b"\0") if (value := row[at]) and form.length == _TERMINATED else value for at, form in pairs)

    @property
    def _at(self) -> list[int]:
        columns = self.heap.columns()
        return [columns.index(key) for key in self.file.keys]
