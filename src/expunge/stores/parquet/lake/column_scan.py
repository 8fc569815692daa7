"""Read the subject columns of many files, on all cores, and record them for an index."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.row_match import (
    ROWS_AT_ONCE,
    OwnedRows,
    Targets,
    at_least_one,
    first_rows,
    leaves_beside,
    narrowed,
    read,
    stretches,
)
from expunge.stores.arrow.times import ArrowNarrowing
from expunge.stores.arrow.values import ColumnLeaf, Numbers, leaves, pieces, texts
from expunge.stores.parquet.lake.lake_files import Lake, LakeName
from expunge.stores.tree.folder_layout import NameFacts
from expunge.stores.tree.record_files import Unreadable

_TOGETHER = 48 << 20
"""Bytes of files that one thread takes at a time; a file of more than that is divided by row groups."""
_MOST = 64
_REPEATED = 4
"""Bytes a value, at which texts must be codes into a dictionary that is much shorter than the column."""
THREADS = min(8, len(os.sched_getaffinity(0)) or 1)


@dataclass(frozen=True)
class ScanJob:
    """The work of one thread: some files, or a share of the row groups of one large file."""

    parts: tuple[int, ...]
    share: tuple[int, int] = (0, 1)


@dataclass
class ScanResult:
    """The result of a job."""

    owned: list[tuple[int, OwnedRows]] = field(default_factory=list)
    """Number of the part, and rows of it; parts and rows ascend."""
    links: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    """(owner, field) -> texts that stand in their rows."""
    counts: dict[int, int] = field(default_factory=dict)
    """Part -> how many rows it has."""
    damaged: dict[int, Damaged] = field(default_factory=dict)
    learned: list[LearnedValues] = field(default_factory=list)


@dataclass(frozen=True)
class LearnedValues:
    """Every value in the columns of one part, as an index remembers it."""

    part: int
    values: tuple[str, ...] = field(repr=False)
    """``field NUL text``."""
    codes: Numbers
    starts: Numbers
    counts: Numbers
    listed: bool


class LakeScan:
    """One pass over files of a dataset, all of which keep the same fields in columns."""

    def __init__(self, lake: Lake, parts: Sequence[LakeName], targets: Targets, columns: Sequence[str], follow: Sequence[str]) -> None:
        self._lake = lake
        self.parts = parts
        self._targets = targets
        self._columns = columns
        self._follow = follow
        self.prune = True
        """Whether row groups may be left out for what the footer says of them."""
        self.says: Mapping[int, NameFacts] = {}
        """What the name of each part says, where values alone do not decide."""
        self.learn: frozenset[int] = frozenset()
        """Parts of which everything is to be read, for an index."""
        self.hints: dict[int, Numbers] = {}
        """Parts of which an index says in which rows to look, for those where that is not everything that is asked."""

    def run(self, which: Sequence[int]) -> Iterator[ScanResult]:
        """Read some of the parts; results in their order. Raises OSError."""
        jobs = self._jobs(which)
        if len(jobs) < 2 or THREADS == 1:
            yield from map(self._read, jobs)
            return
        with ThreadPoolExecutor(min(THREADS, len(jobs)), "expunge-parquet") as pool:
            # Each thread works in the caller's context: its permit goes along.
            futures = [pool.submit(copy_context().run, self._read, job) for job in jobs]
            try:
                for future in futures:
                    yield future.result()
            finally:
                for future in futures:
                    future.cancel()

    def _jobs(self, which: Sequence[int]) -> list[ScanJob]:
        jobs: list[ScanJob] = []
        batch: list[int] = []
        size = 0
        # Some for each thread, so that none waits long for the last.
        few = len(which) < 4 * THREADS * _MOST
        most = max(1, -(-len(which) // (4 * THREADS))) if few else _MOST
        for number in which:
            here = self.parts[number].size
            if batch and (size + here > _TOGETHER or len(batch) >= most):
                jobs.append(ScanJob(tuple(batch)))
                batch, size = [], 0
            if here > _TOGETHER and number not in self.learn:
                jobs += [ScanJob((number,), (share, 2 * THREADS)) for share in range(2 * THREADS)]
                continue
            batch.append(number)
            size += here
        return [*jobs, ScanJob(tuple(batch))] if batch else jobs

    def _read(self, job: ScanJob) -> ScanResult:
        found = ScanResult()
        waiting = _Waiting(self, found)
        for number in job.parts:
            try:
                with self._lake.opened(self.parts[number], self._coded) as file:
                    self._take(number, file, job, waiting)
            except FileNotFoundError:
                continue
            except Unreadable as error:
                found.damaged[number] = error if isinstance(error, Damaged) else Damaged(str(error))
        waiting.flush()
        return found

    def _take(self, number: int, file: pq.ParquetFile, job: ScanJob, waiting: _Waiting) -> None:
        waiting.found.counts[number] = file.metadata.num_rows
        mine = self._targets.leaves(file, self._columns)
        if number in self.learn:
            wanted = set(self._columns)
            mine = [leaf for leaf in leaves(file.schema_arrow) if leaf.field in wanted]
            waiting.found.learned.append(learned(number, file, mine))
        follow = [leaf for leaf in leaves(file.schema_arrow) if leaf.field in self._follow]
        mine = [each for each in mine if each.field in self._targets.fields]
        beside = leaves_beside(file, self._targets)
        if not mine and number not in self.says:
            return
        about = _About(mine, follow, beside)
        starts = first_rows(file)
        for batch in stretches(file, self._groups(number, file, job, about, starts)):
            for near in neighbours(batch):
                waiting.add(number, read(file, near, at_least_one(file, about.every)), int(starts[near[0]]), about)

    def _coded(self, file: pq.ParquetFile) -> list[str]:
        """Columns whose values repeat so much that comparing their dictionaries is less work."""
        if not file.metadata.num_row_groups:
            return []
        first = file.metadata.row_group(0)
        alone = [leaf for leaf in self._targets.leaves(file, self._columns) if len(leaf.steps) == 1]
        chunks = [(each, first.column(each.index)) for each in alone]
        return [
            chunk.path_in_schema
            for _, chunk in chunks
            if chunk.physical_type == "BYTE_ARRAY" and chunk.total_uncompressed_size < _REPEATED * chunk.num_values
        ]

    def _groups(self, number: int, file: pq.ParquetFile, job: ScanJob, about: _About, starts: Numbers) -> list[int]:
        count = file.metadata.num_row_groups
        share, of = job.share
        groups = range(count * share // of, count * (share + 1) // of)
        if number in self.hints:
            inside = set((np.searchsorted(starts, self.hints[number], side="right") - 1).tolist())
            return [group for group in groups if group in inside]
        if not self.prune:
            return list(groups)
        asking = ArrowNarrowing(self._targets.selectors, self.says[number]) if number in self.says else None
        return [group for group in groups if self._may_hold(file, group, about, asking)]

    def _may_hold(self, file: pq.ParquetFile, group: int, about: _About, asking: ArrowNarrowing | None) -> bool:
        if asking is not None and not asking.may_hold(file, group, about.beside):
            return False
        return bool(asking and asking.part) or self._targets.may_hold(file, group, about.mine)


@dataclass(frozen=True)
class _About:
    """The leaves of a file that are read."""

    mine: list[ColumnLeaf]
    """They name people."""
    follow: list[ColumnLeaf]
    """Others follow them."""
    beside: list[ColumnLeaf]
    """They are looked at besides."""

    @property
    def every(self) -> list[ColumnLeaf]:
        """All of them."""
        return [*self.mine, *self.follow, *self.beside]


class _Waiting:
    """Tables that were read, until there are enough to be compared together."""

    def __init__(self, scan: LakeScan, found: ScanResult) -> None:
        self._scan = scan
        self.found = found
        self._tables: list[tuple[int, pa.Table, int]] = []
        self._about: tuple[_About, list[pa.DataType]] = (_About([], [], []), [])
        self._rows = 0

    def add(self, part: int, table: pa.Table, base: int, leaves_: _About) -> None:
        about = (leaves_, table.schema.types)
        if self._tables and (about != self._about or self._rows + table.num_rows > ROWS_AT_ONCE):
            self.flush()
        self._about = about
        self._tables.append((part, table, base))
        self._rows += table.num_rows

    def flush(self) -> None:
        if not self._tables:
            return
        about, _ = self._about
        owned = self._scan._targets.in_tables([(table, base) for _, table, base in self._tables], about.mine)  # noqa: SLF001 - one class in two
        for (part, table, base), named in zip(self._tables, owned, strict=True):
            each = named
            if part in self._scan.says:
                asking = ArrowNarrowing(self._scan._targets.selectors, self._scan.says[part])  # noqa: SLF001 - one class in two
                each = narrowed(named, table, base, asking, about.beside)
            if len(each.rows):
                self.found.owned.append((part, each))
                for leaf in about.follow:
                    linked(table, leaf, each.owners, each.rows - base, self.found.links)
        self._tables, self._rows = [], 0


def linked(table: pa.Table, leaf: ColumnLeaf, owners: Numbers, rows: Numbers, links: dict[tuple[int, str], set[str]]) -> None:
    """Add the values of a leaf in some rows to the links of their owners."""
    order = np.argsort(rows, kind="stable")
    for values, at in pieces(table, leaf):
        here = np.arange(len(values), dtype=np.int64) if at is None else at
        low = np.searchsorted(rows[order], here, side="left")
        high = np.searchsorted(rows[order], here, side="right")
        positions = np.flatnonzero(high > low)
        for position, text in zip(positions.tolist(), texts(values.take(pa.array(positions))).to_pylist(), strict=True):
            if text is not None:
                for owner in owners[order[low[position] : high[position]]].tolist():
                    links.setdefault((owner, leaf.field), set()).add(text)


def learned(part: int, file: pq.ParquetFile, found: Sequence[ColumnLeaf]) -> LearnedValues:
    """Return every value of some leaves of a file, and the rows in which it stands."""
    values: dict[str, int] = {}
    columns: list[tuple[Numbers, Numbers, Numbers]] = []
    starts = first_rows(file)
    for batch in stretches(file, range(file.metadata.num_row_groups)):
        table = read(file, batch, found)
        for leaf in found:
            for array, rows in pieces(table, leaf):
                coded = texts(array).dictionary_encode()
                known = [values.setdefault(f"{leaf.field}\0{each}", len(values)) for each in coded.dictionary.to_pylist()]
                codes = np.append(np.array(known, np.int64), -1)[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
                at = np.arange(len(array), dtype=np.int64) if rows is None else rows
                columns.append(_runs(codes, at + starts[batch[0]]))
    codes, first, counts = (np.concatenate([column[n] for column in columns] or [np.empty(0, np.int64)]) for n in range(3))
    return LearnedValues(part, tuple(values), codes, first, counts, any(each.listed for each in found))


def _runs(codes: Numbers, rows: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    if not len(codes):
        return codes, rows, rows
    begin: npt.NDArray[np.bool_] = np.concatenate([[True], (np.diff(codes) != 0) | (np.diff(rows) != 1)])
    first = np.flatnonzero(begin)
    counts = np.diff(np.append(first, len(codes)))
    there = codes[first] >= 0
    return codes[first][there], rows[first][there], counts[there]


def neighbours(groups: Sequence[int]) -> Iterator[list[int]]:
    """Row groups that follow one another."""
    run: list[int] = []
    for group in groups:
        if run and group != run[-1] + 1:
            yield run
            run = []
        run.append(group)
    if run:
        yield run
