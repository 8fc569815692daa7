"""Account for every byte of a SQLite database, its write-ahead log and its rollback journal (file format 1.2 to 1.8, 3 and 4)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from expunge import descriptors
from expunge.ports.optional.placing import CannotTell, NothingLive
from expunge.ports.optional.row_accounts import AccountPart, TableFile
from expunge.residue.placing.sqlite_pages import LOG, DatabasePages
from expunge.residue.placing.sqlite_records import TABLE_INTERIOR, DamagedPage, Record, TreePage, Value
from expunge.residue.placing.sqlite_schema import Holds, Tree
from expunge.residue.placing.sqlite_trees import PageMap, reader
from expunge.residue.short_rows.sqlite_entries import TableEntries
from expunge.residue.short_rows.sqlite_leftovers import Leftovers, LiveCells, in_live_cells
from expunge.residue.short_rows.word_index import UnreadBlock, has_only

_DAMAGED = CannotTell("damaged page")
_FREE_SPACE, _OLD, _SLACK = NothingLive("free space"), NothingLive("old frame"), NothingLive("slack")
_JOURNAL = "-journal"
_NAMED_LAST = frozenset({Holds.ENTRIES, Holds.KEYED_ENTRIES})
_POINTER = 4
_ENTRY, _KINDS = 5, 5
"""Bytes of an entry of a pointer map, and how many kinds of pages it tells apart (file format 1.8)."""
_BLOCK = 1 << 20


class SqliteAccount:
    """The account of one table's database, as its next reader would see it. Implements ``ports.optional.row_accounts.AccountReader``."""

    def __init__(self, file: TableFile) -> None:
        """Open a database. Raises OSError, and DamagedPage where it is none."""
        path, table = file.path, file.relation
        self._file = file
        self._path = path
        self._table = table
        self._pages = DatabasePages(path, log=False)
        self._map = PageMap(self._pages)
        self._trees = list(self._map.trees())
        self._live: dict[int, LiveCells] = {}
        """By the root of a tree."""

    def parts(self) -> Iterator[AccountPart]:
        """Yield the live rows of the table, and a word for bytes that nothing accounts for. Raises OSError."""
        try:
            yield from self._strays()
            yield from TableEntries(
                self._pages, self._table, self._map.root(self._table), self._trees, self._map.defaults(self._table), self._file.computed
            ).parts()
        except DamagedPage:
            yield _DAMAGED

    def files(self) -> Iterator[Path]:
        """Yield the database, its log and its journal, as far as they are there."""
        beside = (self._path.with_name(self._path.name + ending) for ending in ("", LOG, _JOURNAL))
        yield from (each for each in beside if each.exists())

    def close(self) -> None:
        """Close the files."""
        self._pages.close()

    def _strays(self) -> Iterator[AccountPart]:
        """Yield a word for bytes of the database, its log and its journal that are not accounted for."""
        if self._map.has_word_index(self._table) and not self._words_are_of_rows():
            yield CannotTell("full-text index")
        for tree, numbers in self._trees:
            for number in numbers:
                yield from self._on_page(tree, number, self._pages.passing_image(number))
        for number in self._map.treeless():
            yield from self._treeless(number, self._pages.passing_image(number))
        if self._map.damaged:
            yield _DAMAGED
        yield from self._beside()

    def _words_are_of_rows(self) -> bool:
        """Return whether each full-text index over the table has nothing but what one that is made of its live rows has."""
        fresh = self._file.words() if self._file.words is not None else None
        if fresh is None:
            return False
        try:
            return all(has_only(each, *(self._stored(each.name, part) for part in ("data", "idx", "docsize"))) for each in fresh)
        except UnreadBlock:
            return False

    def _stored(self, index: str, part: str) -> list[tuple[int, tuple[Value, ...]]]:
        """The rows of a table in which a full-text index lies, each with its number."""
        root = self._map.root(f"{index}_{part}")
        numbers = next((numbers for tree, numbers in self._trees if tree.root == root), [])
        return [row for number in numbers for row in self._records_on(TreePage.of(self._pages.passing_image(number), number))]

    def _records_on(self, page: TreePage) -> Iterator[tuple[int, tuple[Value, ...]]]:
        for start in page.starts if page.kind != TABLE_INTERIOR else ():
            cell = page.cell(start, self._pages.usable)
            record = Record.of(reader(self._pages, page, cell), self._pages.encoding)
            yield cell.rowid, tuple(record.value(at) for at in range(len(record)))

    def _on_page(self, tree: Tree, number: int, image: bytes) -> Iterator[AccountPart]:
        if any(image[self._pages.usable :]):
            yield NothingLive("reserved bytes")
        if self._leftovers(tree, TreePage.of(image, number)).unaccounted():
            yield _FREE_SPACE

    def _beside(self) -> Iterator[AccountPart]:
        """Yield a word for what lies behind the last page, for images that no reader sees any more, and for a journal."""
        if self._pages.any_after_end():
            yield NothingLive("after the end")
        for number, image in self._pages.replaced():
            if not self._is_live_image(number, image):
                yield _OLD
        if _any_bytes(self._path.with_name(self._path.name + _JOURNAL)):
            yield NothingLive("rollback journal")

    def _leftovers(self, tree: Tree, page: TreePage) -> Leftovers:
        return Leftovers(
            page,
            self._pages.usable,
            self._pages.count,
            lambda: self._live_cells(tree),
            named_last=tree.holds in _NAMED_LAST,
            words=tree.holds is Holds.SCHEMA,
        )

    def _live_cells(self, tree: Tree) -> LiveCells:
        live = self._live.get(tree.root)
        if live is None:
            numbers = next(numbers for other, numbers in self._trees if other is tree)
            images = (TreePage.of(self._pages.passing_image(number), number) for number in numbers)
            live = self._live[tree.root] = LiveCells.of(images, self._pages.usable)
        return live

    def _treeless(self, number: int, image: bytes) -> Iterator[AccountPart]:
        """Yield a word for what lies on a page without cells."""
        if number == self._pages.lock_page:
            word, begin = NothingLive("lock page"), 0
        elif self._pages.is_pointer_map(number):
            word, begin = NothingLive("pointer map"), self._mapped(number, image)
        elif self._map.is_trunk(number):
            word, begin = NothingLive("free page"), 8 + 4 * int.from_bytes(image[4:8], "big")
        elif self._map.is_free(number):
            word, begin = NothingLive("free page"), 0
        else:
            overflow = self._map.overflow(number)
            word, begin = (_SLACK, _POINTER + overflow.used) if overflow is not None else (NothingLive("unused page"), 0)
        if any(image[begin:]):
            yield word

    def _mapped(self, number: int, image: bytes) -> int:
        """Return the end of the entries of a pointer map; 0 where they are none."""
        end = min(self._pages.usable // _ENTRY, self._pages.count - number) * _ENTRY
        kinds, parents = image[0:end:_ENTRY], (image[at + 1 : at + _ENTRY] for at in range(0, end, _ENTRY))
        return end if max(kinds, default=0) <= _KINDS and all(int.from_bytes(each, "big") <= self._pages.count for each in parents) else 0

    def _is_live_image(self, number: int, image: bytes) -> bool:
        """Return whether an image that a later one replaces holds nothing but cells that are live still."""
        tree = self._map.tree(number) if number <= self._pages.count else None
        if tree is None:
            return not any(image)
        try:
            page = TreePage.of(image, number)
            return in_live_cells(page, self._pages.usable, self._live_cells(tree)) and not self._leftovers(tree, page).unaccounted()
        except DamagedPage:
            return False


def _any_bytes(path: Path) -> bool:
    """Return whether a file is there and holds anything but zeros. Raises OSError."""
    try:
        with descriptors.reading(path) as file:
            at = 0
            while data := os.pread(file, _BLOCK, at):
                if data.count(0) != len(data):
                    return True
                at += len(data)
    except FileNotFoundError:
        pass
    return False
