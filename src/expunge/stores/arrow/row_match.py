"""Find the owners of a file's rows. Columns are compared with all wanted values at once, many rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.values.copy import Selector
from expunge.stores.arrow.damage import readable
from expunge.stores.arrow.times import ArrowNarrowing
from expunge.stores.arrow.values import ColumnLeaf, Numbers, SearchTexts, leaves, pieces
from expunge.stores.tree.folder_layout import NameFacts

ROWS_AT_ONCE = 1 << 18
"""Rows that are compared at a time: enough for the machine to be quick, few enough for memory to stay flat."""
_NOBODY: frozenset[str] = frozenset()
_FEW = 256
"""Up to so many texts, the bounds of a column can be expected to leave row groups out."""


@dataclass(frozen=True)
class OwnedRows:
    """Rows of one stretch of a file and their owners; a row may occur several times, for several owners."""

    owners: Numbers
    """Numbers of selectors."""
    rows: Numbers
    """Numbers of rows in the file."""
    shared: npt.NDArray[np.bool_]
    """Whether others than the owner are in the row as well."""


class _Field:
    """One field: its texts, and for each the selectors that look for it."""

    def __init__(self, texts: Sequence[str], owners: Numbers) -> None:
        self.needles = SearchTexts(texts)
        if len(self.needles.texts) == len(texts):
            self.sought = SoughtTexts(owners, np.ones(len(owners), np.int64))
            return
        place = {text: number for number, text in enumerate(self.needles.texts)}
        there = [place.get(text, -1) for text in texts]
        codes = np.array(there, np.int64)
        order = np.argsort(codes, kind="stable")[there.count(-1) :]
        self.sought = SoughtTexts(owners[order], np.bincount(codes[order], minlength=len(place)))


@dataclass(frozen=True)
class SoughtTexts:
    """The selectors that look for each of some texts."""

    by: Numbers
    """Numbers of selectors, those of the first text first."""
    counts: Numbers
    """How many look for each text."""

    @cached_property
    def in_order(self) -> bool:
        """True when each text belongs to exactly one selector, and texts and selectors are in the same sequence."""
        return len(self.by) == len(self.counts) and bool((self.by == np.arange(len(self.by))).all())

    def owners(self, codes: Numbers, rows: Numbers) -> tuple[Numbers, Numbers]:
        """Return the owners of texts that were found, given by number, and the finding of each: a row, or a row of several numbers."""
        if self.in_order:
            return codes, rows
        if len(self.by) == len(self.counts):
            return self.by[codes], rows
        counts = self.counts[codes]
        starts = np.cumsum(self.counts) - self.counts
        first = np.repeat(starts[codes] - (np.cumsum(counts) - counts), counts)
        return self.by[first + np.arange(len(first))], np.repeat(rows, counts, axis=0)


class Targets:
    """Selectors of one call, ready to be compared with columns."""

    def __init__(self, selectors: Iterable[Selector]) -> None:
        self.selectors = tuple(selectors)
        # Thousands of people may be asked for: each of these goes over all of them without a step of Python's between two.
        matches = [selector.match for selector in self.selectors]
        everybody = np.arange(len(matches))
        self._fields: dict[str, _Field] = {}
        for name in sorted(set[str]().union(*matches)):
            values = [each.get(name, _NOBODY) for each in matches]
            self._fields[name] = _Field([text for value in values for text in value], np.repeat(everybody, [*map(len, values)]))
        narrowed = [selector for selector in self.selectors if selector.narrowed]
        self.simple = not narrowed and True not in {selector.every for selector in self.selectors}
        """Whether values alone decide."""
        self.beside = frozenset[str]().union(*(each.beside for each in narrowed))
        """Fields that are looked at besides."""

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that any selector looks at."""
        return tuple(self._fields)

    def spoken(self, names: Sequence[str]) -> tuple[list[str], SoughtTexts]:
        """Return all texts of some fields as an index knows them, ``field NUL text``, and the selectors that look for each."""
        fields = [(name, self._fields[name]) for name in names]
        values = [f"{name}\0{text}" for name, each in fields for text in each.needles.texts]
        none = np.empty(0, np.int64)
        by, counts = (np.concatenate([none, *(getattr(each.sought, which) for _, each in fields)]) for which in ("by", "counts"))
        return values, SoughtTexts(by, counts)

    def leaves(self, file: pq.ParquetFile, names: Iterable[str]) -> list[ColumnLeaf]:
        """The leaves of a file that hold some of the fields."""
        wanted = set(names)
        return [leaf for leaf in leaves(file.schema_arrow) if leaf.field in wanted]

    def may_hold(self, file: pq.ParquetFile, group: int, found: Sequence[ColumnLeaf]) -> bool:
        """Return whether a row group may hold any wanted value, by the bounds in the footer."""
        about = file.metadata.row_group(group)
        for leaf in found:
            needles = self._fields[leaf.field].needles
            told = about.column(leaf.index).statistics
            if len(needles.texts) > _FEW or told is None or not told.has_min_max or needles.between(told.min, told.max):
                return True
        return False

    def in_tables(self, tables: Sequence[tuple[pa.Table, int]], found: Sequence[ColumnLeaf]) -> list[OwnedRows]:
        """Compare tables that follow the same schema; each comes with the number of its first row in its file."""
        hits: list[list[_Hits]] = [[] for _ in tables]
        for leaf in found:
            if leaf.listed or len(leaf.steps) > 1:
                for number, (table, _) in enumerate(tables):
                    for values, rows in pieces(table, leaf):
                        hits[number].append(self._compare(leaf, values, rows))
                continue
            columns = [table.column(leaf.steps[0]) for table, _ in tables]
            field = self._fields[leaf.field]
            where, codes = field.needles.hits(pa.chunked_array([chunk for column in columns for chunk in column.chunks], columns[0].type))
            owners, where = field.sought.owners(codes, where)
            ends = np.cumsum([len(column) for column in columns])
            cuts = [0, *np.searchsorted(where, ends).tolist()]
            for number, (end, column) in enumerate(zip(ends.tolist(), columns, strict=True)):
                mine = slice(cuts[number], cuts[number + 1])
                hits[number].append(_Hits(owners[mine], where[mine] - (end - len(column)), None))
        return [_together(each, base) for each, (_, base) in zip(hits, tables, strict=True)]

    def _compare(self, leaf: ColumnLeaf, values: pa.Array, rows: Numbers | None) -> _Hits:
        field = self._fields[leaf.field]
        codes = field.needles.find(values)
        where = np.flatnonzero(codes >= 0)
        at = where if rows is None else rows[where]
        owners, owned = field.sought.owners(codes[where], at)
        present = None
        if leaf.listed and rows is not None:
            present = rows[np.asarray(values.is_valid().to_numpy(zero_copy_only=False))]
        return _Hits(owners, owned, present)


@dataclass(frozen=True)
class _Hits:
    owners: Numbers
    rows: Numbers
    present: Numbers | None
    """For lists, the rows of all values that are there, found or not; None where a row has one value."""


def _together(hits: Sequence[_Hits], base: int) -> OwnedRows:
    """What all leaves say about one table, each row once for each owner."""
    if len(hits) == 1 and hits[0].present is None:
        return OwnedRows(hits[0].owners, hits[0].rows + base, np.zeros(len(hits[0].rows), np.bool_))
    owners = np.concatenate([hit.owners for hit in hits] or [np.empty(0, np.int64)])
    rows = np.concatenate([hit.rows for hit in hits] or [np.empty(0, np.int64)])
    width = int(rows.max()) + 1 if len(rows) else 1
    pairs = np.unique(owners * width + rows)
    owners, rows = pairs // width, pairs % width
    shared = np.zeros(len(pairs), np.bool_)
    for hit in hits:
        if hit.present is not None and len(hit.present):
            # Others are in a row when more values stand there than those that mean the owner.
            there = np.bincount(hit.present, minlength=width)
            mine_pairs, counts = np.unique(hit.owners * width + hit.rows, return_counts=True)
            mine = np.zeros(len(pairs), np.int64)
            mine[np.searchsorted(pairs, mine_pairs)] = counts
            shared |= (there[rows] > mine) & (there[rows] > 1)
    return OwnedRows(owners, rows + base, shared)


def stretches(file: pq.ParquetFile, groups: Sequence[int]) -> Iterator[list[int]]:
    """Row groups, as many at a time as are read and compared together."""
    batch: list[int] = []
    rows = 0
    for group in groups:
        here = file.metadata.row_group(group).num_rows
        if batch and rows + here > ROWS_AT_ONCE:
            yield batch
            batch, rows = [], 0
        batch.append(group)
        rows += here
    if batch:
        yield batch


def first_rows(file: pq.ParquetFile) -> Numbers:
    """The number of the first row of each row group, and of the row after the last."""
    counts = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
    return np.concatenate([[0], np.cumsum(np.array(counts, np.int64))]).astype(np.int64)


def groups_of(starts: Numbers, rows: Numbers) -> list[int]:
    """Return the row groups in which some rows of a file lie; rows that it does not have lie in none."""
    here = rows[(rows >= 0) & (rows < starts[-1])]
    found: list[int] = np.unique(np.searchsorted(starts, here, side="right") - 1).tolist()
    return found


def read(file: pq.ParquetFile, groups: Sequence[int], found: Sequence[ColumnLeaf] | None) -> pa.Table:
    """Some columns of some row groups, all columns for None. Raises Damaged and OSError."""
    with readable():
        indices = None if found is None else [each.index for each in found]
        return file.reader.read_row_groups(list(groups), column_indices=indices, use_threads=False)


def owned_rows(file: pq.ParquetFile, targets: Targets, names: Iterable[str], says: NameFacts) -> Iterator[OwnedRows]:
    """Yield the rows of one file that belong to a wanted subject, stretch by stretch.

    Every row group is read, whatever the footer says of it.
    """
    found = targets.leaves(file, names)
    beside = leaves_beside(file, targets)
    if not found and not says.part:
        return
    asking = ArrowNarrowing(targets.selectors, says)
    starts = first_rows(file)
    for batch in stretches(file, range(file.metadata.num_row_groups)):
        table, base = read(file, batch, at_least_one(file, [*found, *beside])), int(starts[batch[0]])
        owned = targets.in_tables([(table, base)], found)[0]
        yield owned if targets.simple else narrowed(owned, table, base, asking, beside)


def leaves_beside(file: pq.ParquetFile, targets: Targets) -> list[ColumnLeaf]:
    """Return the leaves that are needed besides the subject's leaves."""
    return targets.leaves(file, targets.beside) if targets.beside else []


def at_least_one(file: pq.ParquetFile, found: Sequence[ColumnLeaf]) -> list[ColumnLeaf]:
    """Leaves in their order, each once; where there is none, one with which rows can be counted."""
    return sorted(set(found), key=lambda each: each.index) or leaves(file.schema_arrow)[:1]


def narrowed(owned: OwnedRows, table: pa.Table, base: int, asking: ArrowNarrowing, beside: Sequence[ColumnLeaf]) -> OwnedRows:
    """Return the rows that pass the selectors' other conditions.

    Candidates are the rows that columns name and, for an owner whom the file's name gives, all rows.
    """

    def found(owner: int) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        mine = owned.owners == owner
        return owned.rows[mine] - base, owned.shared[mine]

    left = list(asking.rows(table, beside, found, np.unique(owned.owners).tolist()))
    owners = [np.full(len(rows), owner, np.int64) for owner, rows, _ in left]
    none = np.empty(0, np.int64)
    return OwnedRows(
        np.concatenate([none, *owners]),
        np.concatenate([none, *(rows + base for _, rows, _ in left)]),
        np.concatenate([np.empty(0, np.bool_), *(shared for _, _, shared in left)]),
    )
