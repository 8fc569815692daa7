"""The use of every page of a SQLite database: which b-tree it belongs to, whose overflow it is, or that it is free.

The map of the b-trees comes from their interior pages alone. Overflow pages have no pointer back: the first question about one has every
leaf read for records that go on elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expunge.residue.placing.sqlite_pages import DatabasePages
from expunge.residue.placing.sqlite_records import (
    INDEX_INTERIOR,
    INTERIOR,
    TABLE_INTERIOR,
    TABLE_LEAF,
    Cell,
    DamagedPage,
    Read,
    Record,
    TreePage,
    most_local,
)
from expunge.residue.placing.sqlite_schema import Holds, SchemaEntry, Tree, defaults, fold, has_word_index, trees

_NO_TREE, _FREE, _TRUNK = -1, -2, -3
_NEAR = 6
"""Pages on either side: SQLite balances three neighbours at a time, and a page may have been balanced twice."""
_SHORT = 0x7F
"""The largest size that a varint of one byte says."""
_SCHEMA = Tree(1, Holds.SCHEMA)


@dataclass(frozen=True, slots=True)
class OverflowPlace:
    """An overflow page: the cell whose record it continues, and the bytes of it that do."""

    page: int
    start: int
    """Offset of the cell in its page."""
    used: int
    """Bytes after the number of the next page."""


class PageMap:
    """What the pages of a database are used for."""

    def __init__(self, pages: DatabasePages) -> None:
        """Read the schema and the interior pages of every b-tree. Parts that are damaged are passed over."""
        self._pages = pages
        self.damaged = False
        self._use = np.full(pages.count + 1, _NO_TREE, dtype=np.int32)
        self._trees: list[Tree] = []
        self._levels: list[list[npt.NDArray[np.int64]]] = []
        self._ranks = np.zeros(pages.count + 1, dtype=np.uint32)
        self._overflow: _OverflowMap | None = None
        self._add(_SCHEMA)
        entries = list(self._schema())
        self._entries = entries
        for tree in trees(entries, self._without_rowids(entries)):
            self._add(tree)
        self._note_free()

    def tree(self, number: int) -> Tree | None:
        """Return the b-tree that a page belongs to."""
        use = int(self._use[number])
        return self._trees[use] if use >= 0 else None

    def trees(self) -> Iterator[tuple[Tree, list[int]]]:
        """Yield each b-tree with the numbers of its pages, level by level from its root."""
        for tree, levels in zip(self._trees, self._levels, strict=True):
            yield tree, [number for level in levels for number in level.tolist()]

    def defaults(self, table: str) -> frozenset[int | float | str]:
        """Return the values that the statement of a table gives to rows that are older than a column."""
        return frozenset().union(*(defaults(each.sql) for each in self._entries if each.type == "table" and fold(each.name) == fold(table)))

    def root(self, table: str) -> int:
        """Return the number of the page on which the rows of a table begin; 0 where there is no such table."""
        return next((each.root for each in self._entries if each.type == "table" and fold(each.name) == fold(table)), 0)

    def has_word_index(self, table: str) -> bool:
        """Return whether a full-text index is over a table."""
        return has_word_index(self._entries, table)

    def treeless(self) -> list[int]:
        """Return the numbers of the pages that belong to no b-tree."""
        return [int(number) for number in np.flatnonzero(self._use[1:] < 0) + 1]

    def is_free(self, number: int) -> bool:
        """Return whether a page is on the list of free pages."""
        return bool(self._use[number] <= _FREE)

    def is_trunk(self, number: int) -> bool:
        """Return whether a page lists free pages."""
        return bool(self._use[number] == _TRUNK)

    def overflow(self, number: int) -> OverflowPlace | None:
        """Return the cell that an overflow page continues; None for a page that no live record reaches."""
        if self._overflow is None:
            self._overflow = _OverflowMap(self._pages, self._use)
        self.damaged |= self._overflow.damaged
        return self._overflow.place(number)

    def near(self, number: int) -> Iterator[int]:
        """Yield the pages of a b-tree that cells of one of its pages may have moved to, the likeliest first.

        A page that overflows shares its cells with its neighbours, and cells of an index with the pages above. A root that overflows gives
        all of them to the pages below.
        """
        rank = int(self._ranks[number])
        levels = self._levels[int(self._use[number])]
        at = next(at for at, level in enumerate(levels) if rank < len(level) and level[rank] == number)
        yield from levels[at][max(0, rank - _NEAR) : rank + _NEAR + 1].tolist()
        for other, level in enumerate(levels):
            if other != at:
                like = rank * len(level) // len(levels[at])
                yield from level[max(0, like - _NEAR) : like + _NEAR + 1].tolist()

    def _add(self, tree: Tree) -> None:
        at = len(self._trees)
        self._trees.append(tree)
        self._levels.append([])
        try:
            level = [tree.root]
            while level:
                self._claim(level, at)
                self._levels[at].append(np.array(level, dtype=np.int64))
                self._ranks[self._levels[at][-1]] = np.arange(len(level))
                page = TreePage.of(self._pages.passing_image(level[0]), level[0])
                if page.kind not in INTERIOR:
                    return
                level = [child for number in level for child in self._children(number)]
        except DamagedPage:
            self.damaged = True

    def _children(self, number: int) -> list[int]:
        page = TreePage.of(self._pages.passing_image(number), number)
        if page.kind not in INTERIOR:
            raise DamagedPage
        return page.children()

    def _claim(self, numbers: list[int], use: int) -> None:
        claimed = np.array(numbers, dtype=np.int64)
        if claimed.min() < 1 or claimed.max() > self._pages.count or (self._use[claimed] != _NO_TREE).any():
            raise DamagedPage
        self._use[claimed] = use

    def _schema(self) -> Iterator[SchemaEntry]:
        for number in np.flatnonzero(self._use == 0).tolist():
            try:
                yield from self._schema_entries(number)
            except DamagedPage:
                self.damaged = True

    def _schema_entries(self, number: int) -> Iterator[SchemaEntry]:
        page = TreePage.of(self._pages.passing_image(number), number)
        if page.kind != TABLE_LEAF:
            return
        for start in page.starts:
            record = Record.of(reader(self._pages, page, page.cell(start, self._pages.usable)), self._pages.encoding)
            kind, name, table, root, sql = (record.value(at) for at in range(5))
            yield SchemaEntry(str(kind), str(name), str(table), root if isinstance(root, int) else 0, str(sql or ""))

    def _without_rowids(self, entries: list[SchemaEntry]) -> frozenset[str]:
        found = set[str]()
        for entry in entries:
            if entry.type == "table" and entry.root:
                try:
                    kind = TreePage.of(self._pages.passing_image(entry.root), entry.root).kind
                except DamagedPage:
                    self.damaged = True
                    continue
                if kind not in {TABLE_LEAF, TABLE_INTERIOR}:
                    found.add(fold(entry.name))
        return frozenset(found)

    def _note_free(self) -> None:
        trunk = self._pages.trunk
        try:
            while trunk:
                self._claim([trunk], _TRUNK)
                image = self._pages.passing_image(trunk)
                count = int.from_bytes(image[4:8], "big")
                if count > self._pages.size // 4 - 2:
                    raise DamagedPage
                if count:
                    self._claim(np.frombuffer(image, ">u4", count, 8).tolist(), _FREE)
                trunk = int.from_bytes(image[:4], "big")
        except DamagedPage:
            self.damaged = True


class _OverflowMap:
    """The cell of each overflow page, 14 bytes a page of the database."""

    def __init__(self, pages: DatabasePages, use: npt.NDArray[np.int32]) -> None:
        self._pages = pages
        self._page = np.zeros(pages.count + 1, dtype=np.uint32)
        self._start = np.zeros(pages.count + 1, dtype=np.uint16)
        self._used = np.zeros(pages.count + 1, dtype=np.uint16)
        self._room = pages.usable - 4
        self.damaged = False
        for number in np.flatnonzero(use >= 0).tolist():
            try:
                page = TreePage.of(pages.passing_image(number), number)
                for cell in overflowing(page, pages.usable):
                    self._follow(number, cell, use)
            except DamagedPage:
                self.damaged = True

    def place(self, number: int) -> OverflowPlace | None:
        if not self._page[number]:
            return None
        return OverflowPlace(int(self._page[number]), int(self._start[number]), int(self._used[number]))

    def _follow(self, page: int, cell: Cell, use: npt.NDArray[np.int32]) -> None:
        number, left = cell.overflow, cell.size - cell.local
        while left > 0:
            if not 2 <= number <= self._pages.count or use[number] != _NO_TREE or self._page[number]:
                raise DamagedPage
            self._page[number], self._start[number], self._used[number] = page, cell.start, min(left, self._room)
            left -= self._room
            number = self._pages.following(number)


def overflowing(page: TreePage, usable: int) -> Iterator[Cell]:
    """Yield the cells of a page whose records go on elsewhere. Raises DamagedPage."""
    if not page.starts or page.kind == TABLE_INTERIOR:
        return
    most = most_local(usable, table=page.kind == TABLE_LEAF)
    data = np.frombuffer(page.image, dtype=np.uint8)
    starts = np.array(page.starts) + (4 if page.kind == INDEX_INTERIOR else 0)
    if int(starts[-1]) + 1 >= data.size:
        raise DamagedPage
    first, second = data[starts].astype(np.int32), data[starts + 1].astype(np.int32)
    short = (first <= _SHORT) & (first <= most)
    # of two bytes, seven bits each; a third byte means more than any page holds only on small pages, so those are read
    two = (first > _SHORT) & (second <= _SHORT) & (((first & _SHORT) << 7 | second) <= most)
    for at in np.flatnonzero(~(short | two)).tolist():
        cell = page.cell(page.starts[at], usable)
        if cell.overflow:
            yield cell


def reader(pages: DatabasePages, page: TreePage, cell: Cell) -> Read:
    """Return what reads the bytes of a cell's record, on its own page and beyond."""

    def read(start: int, count: int) -> bytes:
        end = min(start + count, cell.size)
        if start < 0 or start >= end:
            return b""
        local = page.image[cell.payload + start : cell.payload + min(end, cell.local)] if start < cell.local else b""
        if end <= cell.local:
            return local
        room = pages.usable - 4
        if cell.size > pages.count * pages.size:
            raise DamagedPage
        skip, wanted = divmod(max(start, cell.local) - cell.local, room)
        number = cell.overflow
        for _ in range(skip):
            number = pages.following(number)
        parts, left = [local], end - max(start, cell.local)
        while left > 0:
            part = pages.passing_image(number)[4 + wanted : 4 + min(room, wanted + left)]
            parts.append(part)
            left -= len(part)
            wanted = 0
            if left > 0:
                number = pages.following(number)
        return b"".join(parts)

    return read
