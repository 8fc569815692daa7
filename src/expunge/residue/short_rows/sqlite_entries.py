"""The rows of one table of a SQLite database, and what else its b-trees hold about that table: entries of indexes, keys, samples.

An entry of an index is a row's where the row that it names is live and has its values. One that names no row, or has values of another,
was left from a row that is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive
from expunge.ports.optional.row_accounts import AccountPart, StoredValues
from expunge.residue.placing.sqlite_pages import DatabasePages
from expunge.residue.placing.sqlite_records import TABLE_INTERIOR, DamagedPage, Record, TreePage, Value, key_text
from expunge.residue.placing.sqlite_schema import UNREADABLE, Holds, Tree, fold
from expunge.residue.placing.sqlite_trees import reader

Computed: TypeAlias = Callable[[], Iterable[tuple[StoredValues, StoredValues]]]

MOST_ROWS = 1_000_000
"""Rows of one table that are kept in memory to compare entries of its indexes with."""
_TOGETHER = 500
"""Rows that are named at once."""
_FORMS = {Holds.VALUES: CannotTell("full-text index"), Holds.UNTOLD: CannotTell(UNREADABLE)}
_STRAY_ENTRY = CannotTell("index entry with values of no live row")
_STRAY_KEY = NothingLive("interior key")
_STRAY_SAMPLE = CannotTell("statistics")
_SAMPLE_COLUMNS = 6
"""Columns of a table of statistics that holds samples of rows."""


@dataclass
class TableEntries:
    """The b-trees of one table."""

    pages: DatabasePages
    relation: str
    root: int
    """Of the table's own tree: a full-text index over it has others."""
    trees: list[tuple[Tree, list[int]]]
    """All of the database, with their pages."""
    defaults: frozenset[Value] = frozenset()
    """Values that the table's statement gives to rows older than a column."""
    computed: Computed | None = None
    """As :class:`~expunge.ports.optional.row_accounts.TableFile` has it."""
    _rows: dict[int | str, tuple[Value, ...]] = field(default_factory=dict)

    def parts(self) -> Iterator[AccountPart]:
        """Yield the live rows of the table, and a word for each entry, key and sample that no live row has. Raises DamagedPage."""
        own = [each for each in self.trees if fold(each[0].relation) == fold(self.relation)]
        yield from (_FORMS[tree.holds] for tree, _ in own if tree.holds in _FORMS)
        tables = [each for each in own if each[0].holds in {Holds.ROWS, Holds.KEYED} and each[0].root == self.root]
        if len(tables) != 1:
            yield CannotTell("no table")
            return
        tree, numbers = tables[0]
        name = tree.relation
        waiting: list[str] = []
        for key, values in self._rows_of(tree, numbers):
            if len(self._rows) >= MOST_ROWS:
                yield CannotTell("more rows than are looked at")
                return
            self._rows[key] = values
            waiting.append(str(key))
            if len(waiting) >= _TOGETHER:
                yield LiveRows(name, tuple(waiting))
                waiting.clear()
        if waiting:
            yield LiveRows(name, tuple(waiting))
        if tree.holds is Holds.ROWS and not self._keys(numbers) <= self._rows.keys():
            yield _STRAY_KEY
        for other, pages in own:
            if other.holds in {Holds.ENTRIES, Holds.KEYED_ENTRIES} and not all(self._is_rows(other, each) for each in self._records(pages)):
                yield _STRAY_ENTRY
        for other, pages in self.trees:
            if other.holds is Holds.SAMPLES and not all(self._is_sample(each, tree) for each in self._records(pages)):
                yield _STRAY_SAMPLE

    def _rows_of(self, tree: Tree, numbers: Iterable[int]) -> Iterator[tuple[int | str, tuple[Value, ...]]]:
        for page in self._images(numbers):
            for start in page.starts if page.kind != TABLE_INTERIOR else ():
                cell = page.cell(start, self.pages.usable)
                record = Record.of(reader(self.pages, page, cell), self.pages.encoding)
                values = _values(record)
                if tree.holds is Holds.ROWS:
                    yield cell.rowid, values
                else:
                    places = tree.key_places(len(values))
                    if places is None:
                        raise DamagedPage
                    yield key_text([values[place] for place in places]), values

    def _records(self, numbers: Iterable[int]) -> Iterator[Record]:
        for page in self._images(numbers):
            for start in page.starts if page.kind != TABLE_INTERIOR else ():
                yield Record.of(reader(self.pages, page, page.cell(start, self.pages.usable)), self.pages.encoding)

    def _images(self, numbers: Iterable[int]) -> Iterator[TreePage]:
        return (TreePage.of(self.pages.passing_image(number), number) for number in numbers)

    def _keys(self, numbers: Iterable[int]) -> set[int | str]:
        """The keys of the table's interior pages."""
        interior = (page for page in self._images(numbers) if page.kind == TABLE_INTERIOR)
        return {key for page in interior for key in page.row_keys()}

    def _is_rows(self, tree: Tree, record: Record) -> bool:
        """Return whether an entry of an index is one of a live row."""
        values = _values(record)
        if tree.holds is Holds.ENTRIES:
            key: Value = values[-1] if values else None
        else:
            places = tree.key_places(len(values))
            key = key_text([values[place] for place in places]) if places is not None else None
        return self._has(key, values)

    def _is_sample(self, record: Record, table: Tree) -> bool:
        """Return whether a row of statistics is about another table, or has no sample, or that of a live row."""
        values = _values(record)
        if len(values) < _SAMPLE_COLUMNS or not isinstance(values[0], str) or fold(values[0]) != fold(self.relation):
            return True
        sample = values[-1]
        if not isinstance(sample, bytes) or table.holds is not Holds.ROWS:
            return False
        held = _values(Record.of(lambda start, count: sample[start : start + count], self.pages.encoding))
        return bool(held) and self._has(held[-1], held)

    def _has(self, key: Value, values: tuple[Value, ...]) -> bool:
        row = self._rows.get(key) if isinstance(key, int | str) else None
        if row is None or not isinstance(key, int | str):
            return False
        more = [each for each in values if not (each is None or each == key or each in row or each in self.defaults)]
        return not more or set(more) <= set(self._of_expressions.get(key, ()))

    @cached_property
    def _of_expressions(self) -> dict[int | str, tuple[Value, ...]]:
        """What indexes hold of rows, and rows do not, by key."""
        found = self.computed() if self.computed is not None else ()
        return {_as_key(key): values for key, values in found}


def _as_key(key: StoredValues) -> int | str:
    """A row's key, as pages tell it."""
    return key[0] if len(key) == 1 and isinstance(key[0], int) else key_text(key)


def _values(record: Record) -> tuple[Value, ...]:
    return tuple(record.value(at) for at in range(len(record)))
