"""Nominate the rows of PostgreSQL that lie at a place of a relation's file.

The raw page alone is asked: its line pointers, and the headers of its tuples. A nomination may be of a row that no transaction sees any
more; the store, which is asked for the row, says so. The relation is named by its file, as ``pg_relation_filepath`` does. One in a table
space is named by the file's whole path.

A place in decoded content is that of its frame, such as the beginning of a compressed value in its tuple.
"""

from __future__ import annotations

from expunge.ports.optional.placing import CannotTell, LiveRows, Lying, NothingLive
from expunge.residue.formats.pglz import unpack
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.formats.postgres_values import METHODS
from expunge.residue.placing.postgres_indexes import Index, index_of
from expunge.residue.placing.postgres_pages import NORMAL, SEGMENT, Item, Page, Relation, RelationFile, ctid, tid

_HOPS = 16
"""Newer versions of a row that are followed, each from the one before."""
_NULLS = 0x0001
_LOCKED = 0x0080
_NEVER_WRITTEN, _INSERT_BITS = 0x0200, 0x0300
_ENDED = 0x0400
_NOT_ENDED = 0x0800
_MANY_LOCKERS = 0x1000
_FIELDS = 0x07FF
_PACKED_HEAD = 8
"""Bytes before those of a compressed value: its size, and that of its content with the method."""


class PostgresPlaces:
    """Reads the pages of one relation. Implements ``ports.optional.placing.PlaceReader``."""

    def __init__(self, file: RelationFile) -> None:
        """Take a file of the relation; nothing is opened."""
        self._name = file.relation
        self._fork = file.fork
        self._begins = file.segment * SEGMENT
        self._pages = Relation(file.first)

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the rows at a place of the file. A page that cannot be read is *cannot tell*."""
        if self._fork:
            return NothingLive("map of pages" if self._fork != "init" else "empty form")
        number, within = divmod(self._begins + offset, PAGE)
        try:
            page = self._pages.page(number)
            if page is None:
                return CannotTell("damaged page")
            return lying_in(self._name, self._pages, page, within, length)
        except OSError:
            return CannotTell("unreadable")

    def unpacked(self, offset: int, hidden: str) -> bytes:
        """Return what a compressed value that lies in a tuple decodes to, by the place of its bytes; empty where it cannot be read."""
        number, within = divmod(self._begins + offset, PAGE)
        if self._fork or not hidden.startswith("postgres ") or hidden.removeprefix("postgres ") not in METHODS or within < _PACKED_HEAD:
            return b""
        try:
            page = self._pages.page(number)
        except OSError:
            return b""
        if page is None:
            return b""
        end, info = within - _PACKED_HEAD + (page.u32(within - _PACKED_HEAD) >> 2), page.u32(within - 4)
        return unpack(page.data[within:end], info & 0x3FFF_FFFF, info >> 30)[0] if info >> 30 < len(METHODS) else b""

    def close(self) -> None:
        """Close the relation's files."""
        self._pages.close()


def lying_in(relation: str, pages: Relation | None, page: Page, within: int, length: int) -> Lying:
    """Nominate the rows at a place of a page; without ``pages`` no other page is asked. Raises OSError."""
    if within + length > PAGE:
        return NothingLive("across pages")
    end, index = within + max(1, length), index_of(page)
    item = page.covering(within, end)
    if item is None and page.lower <= within and end <= page.special:
        item = page.copied(within, end, rows=index is None)
    if index is not None:
        stop = item.start + item.size if item is not None else end
        found = Index(relation, page, pages, index, page.data[within : min(stop, max(end, within + 16))]).rows(item)
        return found if not isinstance(found, tuple) else _rows(relation, found)
    if item is None:
        return NothingLive("page header" if within < page.lower else "free space")
    return _heap(relation, pages, page, item)


def _heap(relation: str, pages: Relation | None, page: Page, item: Item) -> Lying:
    if item.state != NORMAL or item.size < 23:
        return NothingLive("removed row")
    bits = page.u16(item.start + 20)
    if bits & _INSERT_BITS == _NEVER_WRITTEN:
        return NothingLive("never committed")
    rows = [] if _is_over(bits) else [ctid(page.number, item.number)]
    rows += _newer(pages, page, item) if pages is not None else []
    if not rows:
        return NothingLive("deleted row")
    value = _piece_of(page, item)
    return LiveRows(relation, (*rows, f"toast {value}") if value is not None else tuple(rows))


def _is_over(bits: int) -> bool:
    """Whether the version was deleted or replaced for sure; where the page does not say, the server is asked."""
    return bool(bits & _ENDED) and not bits & (_NOT_ENDED | _LOCKED | _MANY_LOCKERS)


def _newer(pages: Relation, page: Page, item: Item) -> list[str]:
    """The versions of the row that replaced this one: it is that row's, as long as the row lives."""
    rows: list[str] = []
    for _ in range(_HOPS):
        ended_by, bits = page.u32(item.start + 4), page.u16(item.start + 20)
        block, number = tid(page.data, item.start + 12)
        if bits & (_NOT_ENDED | _LOCKED | _MANY_LOCKERS) or (block, number) == (page.number, item.number):
            break
        newer = pages.page(block)
        found = newer.item(number) if newer is not None else None
        # Another row may lie there by now: the version that replaced this one was written by who ended this one.
        if newer is None or found is None or found.state != NORMAL or newer.u32(found.start) != ended_by:
            break
        page, item = newer, found
        rows.append(ctid(block, number))
    return rows


def _piece_of(page: Page, item: Item) -> int | None:
    """The long value that a tuple is a piece of, if it has that form; an ordinary row may have it as well."""
    fields, bits, begin = page.u16(item.start + 18) & _FIELDS, page.u16(item.start + 20), page.data[item.start + 22]
    if fields != 3 or bits & _NULLS or begin != 24 or item.size < 24 + 8:
        return None
    return page.u32(item.start + begin)


def _rows(relation: str, tids: tuple[tuple[int, int], ...]) -> Lying:
    rows = tuple(dict.fromkeys(ctid(*each) for each in tids))
    return LiveRows(relation, rows) if rows else NothingLive("entry without rows")
