"""Reading the columns of many files that say whose rows are whose, on all cores; and what an index remembers of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.stores.parquet_rows import ROWS_AT_ONCE, Owned, Targets, first_rows, read, stretches
from expunge.stores.parquet_tree import Damaged, Lake, Part
from expunge.stores.parquet_values import Leaf, Numbers, leaves, pieces, texts
from expunge.stores.records import Unreadable

_TOGETHER = 48 << 20
"""Bytes of files that one thread takes at a time; a file of more than that is divided by row groups."""
_MOST = 64
_REPEATED = 4
"""Bytes a value, at which texts must be codes into a dictionary that is much shorter than the column."""
THREADS = min(8, len(os.sched_getaffinity(0)) or 1)


@dataclass(frozen=True)
class Job:
    """What one thread reads: some files, or a share of the row groups of one large file."""

    parts: tuple[int, ...]
    share: tuple[int, int] = (0, 1)


@dataclass
class Read:
    """What a job found."""

    owned: list[tuple[int, Owned]] = field(default_factory=list)
    """Number of the part, and rows of it; parts and rows ascend."""
    links: dict[tuple[int, str], set[str]] = field(default_factory=dict)
    """(owner, field) -> texts that stand in their rows."""
    counts: dict[int, int] = field(default_factory=dict)
    """Part -> how many rows it has."""
    damaged: dict[int, Damaged] = field(default_factory=dict)
    learned: list[Learned] = field(default_factory=list)


@dataclass(frozen=True)
class Learned:
    """Every value in the columns of one part: what an index remembers."""

    part: int
    values: tuple[str, ...] = field(repr=False)
    """``field NUL text``."""
    codes: Numbers
    starts: Numbers
    counts: Numbers
    listed: bool


class Scan:
    """One pass over files of a dataset, all of which keep the same fields in columns."""

    def __init__(self, lake: Lake, parts: Sequence[Part], targets: Targets, columns: Sequence[str], follow: Sequence[str]) -> None:
        self._lake = lake
        self.parts = parts
        self._targets = targets
        self._columns = columns
        self._follow = follow
        self.prune = True
        """Whether row groups may be left out for what the footer says of them."""
        self.learn: frozenset[int] = frozenset()
        """Parts of which everything is to be read, for an index."""
        self.hints: dict[int, Numbers] = {}
        """Parts of which an index says in which rows to look, for those where that is not everything that is asked."""

    def run(self, which: Sequence[int]) -> Iterator[Read]:
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

    def _jobs(self, which: Sequence[int]) -> list[Job]:
        jobs: list[Job] = []
        batch: list[int] = []
        size = 0
        few = len(which) < 2 * THREADS * _MOST
        most = max(1, -(-len(which) // (2 * THREADS))) if few else _MOST
        for number in which:
            here = self.parts[number].size
            if batch and (size + here > _TOGETHER or len(batch) >= most):
                jobs.append(Job(tuple(batch)))
                batch, size = [], 0
            if here > _TOGETHER and number not in self.learn:
                jobs += [Job((number,), (share, 2 * THREADS)) for share in range(2 * THREADS)]
                continue
            batch.append(number)
            size += here
        return [*jobs, Job(tuple(batch))] if batch else jobs

    def _read(self, job: Job) -> Read:
        found = Read()
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

    def _take(self, number: int, file: pq.ParquetFile, job: Job, waiting: _Waiting) -> None:
        waiting.found.counts[number] = file.metadata.num_rows
        mine = self._targets.leaves(file, self._columns)
        if number in self.learn:
            wanted = set(self._columns)
            mine = [each for each in leaves(file.schema_arrow) if each.field in wanted]
            waiting.found.learned.append(learned(number, file, mine))
        follow = [each for each in leaves(file.schema_arrow) if each.field in self._follow]
        mine = [each for each in mine if each.field in self._targets.fields]
        if not mine:
            return
        starts = first_rows(file)
        for batch in stretches(file, self._groups(number, file, job, mine, starts)):
            for near in _neighbours(batch):
                waiting.add(number, read(file, near, _each_once(mine, follow)), int(starts[near[0]]), mine, follow)

    def _coded(self, file: pq.ParquetFile) -> list[str]:
        """Columns whose values repeat so much that comparing their dictionaries is less work."""
        if not file.metadata.num_row_groups:
            return []
        first = file.metadata.row_group(0)
        alone = [each for each in self._targets.leaves(file, self._columns) if len(each.steps) == 1]
        chunks = [(each, first.column(each.index)) for each in alone]
        return [
            chunk.path_in_schema
            for _, chunk in chunks
            if chunk.physical_type == "BYTE_ARRAY" and chunk.total_uncompressed_size < _REPEATED * chunk.num_values
        ]

    def _groups(self, number: int, file: pq.ParquetFile, job: Job, mine: Sequence[Leaf], starts: Numbers) -> list[int]:
        count = file.metadata.num_row_groups
        share, of = job.share
        groups = range(count * share // of, count * (share + 1) // of)
        if number in self.hints:
            inside = set((np.searchsorted(starts, self.hints[number], side="right") - 1).tolist())
            return [each for each in groups if each in inside]
        if not self.prune:
            return list(groups)
        return [each for each in groups if self._targets.may_hold(file, each, mine)]


class _Waiting:
    """Tables that were read, until there are enough to be compared together."""

    def __init__(self, scan: Scan, found: Read) -> None:
        self._scan = scan
        self.found = found
        self._tables: list[tuple[int, pa.Table, int]] = []
        self._mine: tuple[list[Leaf], list[Leaf], list[pa.DataType]] = ([], [], [])
        self._rows = 0

    def add(self, part: int, table: pa.Table, base: int, mine: list[Leaf], follow: list[Leaf]) -> None:
        about = (mine, follow, table.schema.types)
        if self._tables and (about != self._mine or self._rows + table.num_rows > ROWS_AT_ONCE):
            self.flush()
        self._mine = about
        self._tables.append((part, table, base))
        self._rows += table.num_rows

    def flush(self) -> None:
        if not self._tables:
            return
        mine, follow, _ = self._mine
        owned = self._scan._targets.in_tables([(table, base) for _, table, base in self._tables], mine)  # noqa: SLF001 - one class in two
        for (part, table, base), each in zip(self._tables, owned, strict=True):
            if len(each.rows):
                self.found.owned.append((part, each))
                for leaf in follow:
                    linked(table, leaf, each.owners, each.rows - base, self.found.links)
        self._tables, self._rows = [], 0


def linked(table: pa.Table, leaf: Leaf, owners: Numbers, rows: Numbers, links: dict[tuple[int, str], set[str]]) -> None:
    """Add what a leaf says in some rows to the links of their owners."""
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


def learned(part: int, file: pq.ParquetFile, found: Sequence[Leaf]) -> Learned:
    """Every value of some leaves of a file, and in which rows it stands."""
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
    codes, first, counts = (np.concatenate([each[n] for each in columns] or [np.empty(0, np.int64)]) for n in range(3))
    return Learned(part, tuple(values), codes, first, counts, any(each.listed for each in found))


def _runs(codes: Numbers, rows: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    if not len(codes):
        return codes, rows, rows
    begin: npt.NDArray[np.bool_] = np.concatenate([[True], (np.diff(codes) != 0) | (np.diff(rows) != 1)])
    first = np.flatnonzero(begin)
    counts = np.diff(np.append(first, len(codes)))
    there = codes[first] >= 0
    return codes[first][there], rows[first][there], counts[there]


def _neighbours(groups: Sequence[int]) -> Iterator[list[int]]:
    """Row groups that follow one another."""
    run: list[int] = []
    for group in groups:
        if run and group != run[-1] + 1:
            yield run
            run = []
        run.append(group)
    if run:
        yield run


def _each_once(mine: Iterable[Leaf], follow: Iterable[Leaf]) -> list[Leaf]:
    return sorted({*mine, *follow}, key=lambda each: each.index)
