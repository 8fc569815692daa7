"""The live rows that lie at a place of a SQLite file or its write-ahead log, read from the raw pages."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from expunge.ports.optional.placing import CannotTell, LiveRows, Lying, NothingLive, SchemaPlace, SomeRow
from expunge.residue.placing.sqlite_gaps import Gap
from expunge.residue.placing.sqlite_pages import DatabasePages, ImagePlace
from expunge.residue.placing.sqlite_records import INTERIOR, Cell, DamagedPage, Record, TreePage, key_text
from expunge.residue.placing.sqlite_schema import UNREADABLE, Holds, Tree
from expunge.residue.placing.sqlite_trees import PageMap, reader

DAMAGED = CannotTell("damaged page")
SEVERAL = CannotTell("several rows")
STALE_POINTER = CannotTell("pointer to a free page")
_POINTER = 4
"""Bytes of the number with which an overflow page begins."""
_FILE_HEAD = 100
_KEPT = 256
"""Parsed pages that are kept in memory."""


class SqlitePlaces:
    """Places in a SQLite database, or in the log beside it.

    The first place builds a map of the pages. Pages themselves are read when they are asked for: a row that has moved since the map was
    made is named wrongly, which explains nothing. An answer that names no row is given only by a map as new as the file.
    """

    def __init__(self, path: Path, *, log: bool = False) -> None:
        """Open a database.

        Args:
            path: the database itself, also for places in its log.
            log: whether places are those of the log.

        Raises:
            OSError: when it cannot be opened.
            DamagedPage: when it is none.
        """
        self._pages = DatabasePages(path, log=log)
        self._log = log
        self._map: PageMap | None = None
        self._parsed: dict[int, TreePage] = {}

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the live row whose bytes hold the whole stretch of ``length`` bytes from ``offset``.

        The bytes of an index entry are those of the row that it points to. Overflow pages belong to the row whose record goes on there. In
        free space, and in an image that a later one replaces, a copy of a live cell counts as that cell where it has the same bytes.
        """
        lying = self._safely(offset, max(length, 1))
        if isinstance(lying, LiveRows | SomeRow | SchemaPlace) or not self._renewed():
            return lying
        return self._safely(offset, max(length, 1))

    def at_page(self, offset: int) -> tuple[Lying, ...]:
        """Return all that content may lie in which is said to begin on the page at ``offset`` and to go on over overflow pages.

        The rows of the page, and the rows of every overflow page whose number stands anywhere on it: a scan cannot tell a number that
        looks like a pointer from one that is. A number of a free page is an answer of its own: bytes of a deleted row may go on there.
        """
        lying = self._page_safely(offset)
        if all(isinstance(each, LiveRows | SomeRow | SchemaPlace) for each in lying) or not self._renewed():
            return lying
        return self._page_safely(offset)

    def close(self) -> None:
        """Close the files."""
        self._pages.close()

    def _renewed(self) -> bool:
        if not self._pages.changed():
            return False
        self._map = None
        self._parsed.clear()
        try:
            self._pages.renew()
        except (DamagedPage, OSError):
            return False
        return True

    def _safely(self, offset: int, length: int) -> Lying:
        try:
            return self._lying(offset, length)
        except DamagedPage:
            return DAMAGED

    def _page_safely(self, offset: int) -> tuple[Lying, ...]:
        try:
            return self._all_of(offset)
        except DamagedPage:
            return (DAMAGED,)

    @property
    def _known(self) -> PageMap:
        if self._map is None:
            self._map = PageMap(self._pages)
        return self._map

    # --- one stretch -------------------------------------------------------------------------------

    def _lying(self, offset: int, length: int) -> Lying:
        place = self._pages.place(offset)
        if place is None:
            return NothingLive("log header" if self._log else "end of the file")
        if place.at + length > self._pages.size:
            return NothingLive("page border")
        if place.number > self._pages.count:
            return NothingLive("after the end")
        if place.current:
            return self._on_page(place.number, place.at, place.at + length)
        return self._in_old_image(place, length)

    def _on_page(self, number: int, start: int, end: int) -> Lying:
        if end > self._pages.usable:
            return NothingLive("reserved bytes")
        tree = self._known.tree(number)
        if tree is not None:
            return self._in_tree(tree, number, start, end)
        if number == self._pages.lock_page:
            return NothingLive("lock page")
        if self._pages.is_pointer_map(number):
            return NothingLive("pointer map")
        if self._known.is_free(number):
            return NothingLive("free page")
        return self._in_overflow(number, start, end)

    def _in_overflow(self, number: int, start: int, end: int) -> Lying:
        overflow = self._known.overflow(number)
        if overflow is None:
            return DAMAGED if self._known.damaged else NothingLive("unused page")
        if start < _POINTER:
            return NothingLive("page header")
        if end > _POINTER + overflow.used:
            return NothingLive("slack")
        holder = self._known.tree(overflow.page)
        page = self._page(overflow.page)
        return DAMAGED if holder is None else self._rows(holder, page, self._cell(page, overflow.start))

    def _in_tree(self, tree: Tree, number: int, start: int, end: int) -> Lying:
        if number == 1 and start < _FILE_HEAD:
            return NothingLive("file header")
        page = self._page(number)
        if start < page.first:
            return NothingLive("page header")
        at = bisect_right(page.starts, start) - 1
        before = page.first
        if at >= 0:
            cell = self._cell(page, page.starts[at])
            if end <= cell.end:
                return self._rows(tree, page, cell)
            before = cell.end
        after = page.starts[at + 1] if at + 1 < len(page.starts) else self._pages.usable
        if start >= before and end <= after:
            return self._in_gap(tree, number, Gap(page.image, before, after), start, end)
        return SEVERAL if before == after else NothingLive("free space")

    def _in_gap(self, tree: Tree, number: int, gap: Gap, start: int, end: int) -> Lying:
        """Free space: a copy of a live cell that has moved to another page, or what was deleted."""
        for other in self._known.near(number):
            try:
                page = self._page(other)
                cell = gap.copied(page, start, end, tree.holds, self._pages.usable)
                if cell is not None:
                    return self._rows(tree, page, cell)
            except DamagedPage:
                continue
        return NothingLive("free space")

    def _rows(self, tree: Tree, page: TreePage, cell: Cell) -> Lying:
        """What a cell of a tree stands for."""
        if tree.holds in {Holds.UNTOLD, Holds.SCHEMA, Holds.VALUES}:
            return CannotTell(tree.why) if tree.why else SomeRow(tree.relation) if tree.holds is Holds.VALUES else SchemaPlace()
        if not cell.size:
            return NothingLive("interior key")
        if tree.holds is Holds.ROWS:
            return LiveRows(tree.relation, (str(cell.rowid),))
        record = Record.of(reader(self._pages, page, cell), self._pages.encoding)
        if tree.holds is Holds.SAMPLES:
            return SomeRow(str(record.value(0)))
        if tree.holds is Holds.ENTRIES:
            rowid = record.value(-1)
            return LiveRows(tree.relation, (str(rowid),)) if isinstance(rowid, int) else DAMAGED
        places = tree.key_places(len(record))
        if places is None:
            return CannotTell(UNREADABLE)
        return LiveRows(tree.relation, (key_text([record.value(place) for place in places]),))

    def _in_old_image(self, place: ImagePlace, length: int) -> Lying:
        """An image that a later one replaces: a cell that is there unchanged is a copy of a live one."""
        old = NothingLive("old frame" if self._log else "replaced page")
        tree = self._known.tree(place.number)
        if tree is None:
            return old
        try:
            page = TreePage.of(self._pages.image_at(place), place.number)
            at = bisect_right(page.starts, place.at) - 1
            if place.at < page.first or at < 0:
                return old
            cell = self._cell(page, page.starts[at])
        except DamagedPage:
            # the page was something else then
            return old
        if place.at + length > cell.end:
            return old
        current, data = self._page(place.number), page.image[cell.start : cell.end]
        same = next((start for start in current.starts if current.image.startswith(data, start)), None)
        if same is None or current.kind != page.kind or self._cell(current, same).end != same + len(data):
            return old
        return self._rows(tree, current, self._cell(current, same))

    # --- a page and what it may point to -----------------------------------------------------------

    def _all_of(self, offset: int) -> tuple[Lying, ...]:
        place = self._pages.place(offset)
        if place is None or place.number > self._pages.count or not place.current:
            return (NothingLive("old frame" if self._log else "replaced page"),)
        number = place.number
        tree = self._known.tree(number)
        if tree is None:
            return (self._on_page(number, _POINTER, _POINTER + 1),)
        page = self._page(number)
        interior = tree.holds is Holds.ROWS and page.kind in INTERIOR
        found = [] if interior else [self._rows(tree, page, self._cell(page, start)) for start in page.starts]
        for pointed in _numbers(page.image, self._pages.count):
            if self._known.tree(pointed) is None and pointed != self._pages.lock_page and not self._pages.is_pointer_map(pointed):
                reached = not self._known.is_free(pointed) and self._known.overflow(pointed) is not None
                if reached:
                    found.append(self._in_overflow(pointed, _POINTER, _POINTER + 1))
                elif not self._is_blank(pointed):
                    found.append(STALE_POINTER)
        return _together(found)

    def _is_blank(self, number: int) -> bool:
        """Whether a page that no tree has holds no content: zeros, behind a list of free pages if it is one."""
        image = self._pages.image(number)
        listed = 8 + 4 * int.from_bytes(image[4:8], "big") if self._known.is_trunk(number) else 0
        return not any(image[listed:])

    # --- pages -------------------------------------------------------------------------------------

    def _page(self, number: int) -> TreePage:
        page = self._parsed.get(number)
        if page is None:
            if len(self._parsed) >= _KEPT:
                self._parsed.clear()
            page = self._parsed[number] = TreePage.of(self._pages.image(number), number)
        return page

    def _cell(self, page: TreePage, start: int) -> Cell:
        return page.cell(start, self._pages.usable)


def _numbers(image: bytes, count: int) -> list[int]:
    """Return the numbers of pages that stand anywhere in an image as four bytes."""
    found = np.zeros(0, dtype=np.uint32)
    for shift in range(4):
        values = np.frombuffer(image, ">u4", (len(image) - shift) // 4, shift)
        found = np.union1d(found, values[(values >= 2) & (values <= count)])
    return [int(number) for number in found]


def _together(lying: Iterable[Lying]) -> tuple[Lying, ...]:
    """The same answers with the rows of each table in one."""
    rows: dict[str, dict[str, None]] = {}
    others: dict[Lying, None] = {}
    for answer in lying:
        if isinstance(answer, LiveRows):
            rows.setdefault(answer.relation, {}).update(dict.fromkeys(answer.rows))
        else:
            others[answer] = None
    return (*(LiveRows(relation, tuple(keys)) for relation, keys in rows.items()), *others)
