"""Query the locate index of a dataset and keep it up to date. Files that it knows in their present version need not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from expunge.core.values.copy import Copy
from expunge.ports.index import IndexUnit, LocateIndex, RowRuns
from expunge.stores.arrow.row_match import SoughtTexts, Targets
from expunge.stores.arrow.values import Numbers
from expunge.stores.parquet.lake.column_scan import LakeScan, LearnedValues, ScanResult
from expunge.stores.parquet.lake.lake_files import LakeName

_LEARN_AT_ONCE = 1 << 22
"""Runs that are collected before they are handed to the index."""
_FEW = 8
"""One run in so many, or fewer, may be of several rows where the others are taken as they are."""
_PIECES = 1 << 10
_LISTED = " []"
"""Ends the version of a file in which a row may name several people."""

RecalledRuns = tuple[Numbers, Numbers, Numbers]
"""Owners, parts, rows."""


class IndexRecall:
    """One call's use of the index."""

    def __init__(self, index: LocateIndex, key: bytes, space: str) -> None:
        self._index = index
        self._key = key
        self._space = space
        self._waiting: list[LearnedValues] = []
        self._parts: Sequence[LakeName] = ()
        self._columns = ""
        self._current: list[IndexUnit] = []

    def narrow(
        self, scan: LakeScan, mine: Sequence[int], targets: Targets, columns: Sequence[str], *, whole: bool
    ) -> tuple[list[int], RecalledRuns]:
        """Return the parts that still have to be read, and the runs of the others that the index knows.

        Args:
            scan: the pass that will read; it is told what to learn and where to look.
            mine: numbers of the parts that are asked about.
            targets: the wanted values.
            columns: the columns that say whose a row is.
            whole: rows are not all that is asked, so that the rows which the index names are to be read as well.
        """
        self._parts, self._columns = scan.parts, " ".join(sorted(columns))
        units = [self._unit(scan.parts[number], listed=False) for number in mine]
        values, sought = targets.spoken(columns)
        runs, unknown = self._index.find(self._key, self._space, values, units)
        if not whole and not unknown:
            self._current += units
            return [], _rows(runs, sought, mine)
        listed = [self._unit(scan.parts[mine[number]], listed=True) for number in unknown]
        again, still = self._index.find(self._key, self._space, values, listed)
        strangers = {mine[unknown[number]] for number in still}
        self._current += [*units, *listed]
        scan.learn = frozenset(number for number in strangers if scan.parts[number].settled)
        scan.hints = _hints(again, [mine[number] for number in unknown])
        if whole:
            scan.hints |= _hints(runs, mine)
        found = _rows(runs, sought, mine) if not whole else (_NONE, _NONE, _NONE)
        return sorted({*strangers, *scan.hints}), found

    def take(self, found: ScanResult) -> None:
        """Keep the values that a job learned, for the index."""
        self._waiting += found.learned
        if sum(len(each.codes) for each in self._waiting) > _LEARN_AT_ONCE:
            self.settle()

    def settle(self) -> None:
        """Hand the learned values to the index."""
        if not self._waiting:
            return
        known: dict[str, int] = {}
        columns: list[tuple[Numbers, Numbers, Numbers, Numbers]] = []
        units = []
        for number, each in enumerate(self._waiting):
            units.append(self._unit(self._parts[each.part], listed=each.listed))
            place = np.array([known.setdefault(value, len(known)) for value in each.values], np.int64)
            columns.append((place[each.codes], np.full(len(each.codes), number, np.int64), each.starts, each.counts))
        runs = RowRuns(*(np.concatenate([column[n] for column in columns]).data for n in range(4)))
        self._index.learn(self._key, self._space, tuple(known), units, runs, self._current)
        self._waiting = []

    def _unit(self, part: LakeName, *, listed: bool) -> IndexUnit:
        # Which columns were looked at is part of what is known of a file.
        return IndexUnit(part.key, f"{part.version} {self._columns}{_LISTED if listed else ''}")


_NONE: Numbers = np.empty(0, np.int64)


def forget(index: LocateIndex, key: bytes, space: str, copies: Iterable[Copy]) -> None:
    """Make the index forget erased subjects. Raises OSError when it cannot."""
    matches = [copy.selector.match for copy in copies if copy.selector]
    index.forget(key, space, {f"{name}\0{text}" for match in matches for name, values in match.items() for text in values})


def _rows(runs: RowRuns, sought: SoughtTexts, mine: Sequence[int]) -> RecalledRuns:
    codes, at, starts, counts = (np.asarray(each) for each in (runs.values, runs.units, runs.starts, runs.counts))
    if not len(codes):
        return _NONE, _NONE, _NONE
    codes, at, rows = _each_row(codes, at, starts, counts)
    parts = at if mine == range(len(mine)) else np.asarray(mine, np.int64)[at]
    if sought.in_order:
        return codes, parts, rows
    owners, where = sought.owners(codes, np.stack([parts, rows], axis=1))
    return _once(owners, where[:, 0], where[:, 1], sought)


def _each_row(codes: Numbers, at: Numbers, starts: Numbers, counts: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Runs as single rows, in their order."""
    long = np.flatnonzero(counts > 1)
    if len(long) > len(counts) // _FEW:
        counts = counts.astype(np.int64)
        rows = np.repeat(starts - (np.cumsum(counts) - counts), counts)
        rows += np.arange(len(rows))
        return np.repeat(codes, counts), np.repeat(at, counts), rows
    # Nearly all are single rows already: only the others' further rows are put in.
    more = counts[long].astype(np.int64) - 1
    which = np.repeat(long, more)
    further = np.arange(len(which)) - np.repeat(np.cumsum(more) - more, more) + 1
    # One piece of memory for all: of large pieces the system gives out large pages, at a fraction of the time.
    width = max(codes.itemsize, at.itemsize, starts.itemsize)
    whole = np.empty((3, len(codes) + len(which)), f"i{width}")
    numbers = whole[2] if starts.dtype.kind == "i" else whole[2].view(f"u{width}")
    _put_in(codes, which, codes[which], whole[0])
    _put_in(at, which, at[which], whole[1])
    _put_in(starts, which, starts[which] + further.astype(starts.dtype), numbers)
    return whole[0], whole[1], numbers


def _put_in(column: Numbers, after: Numbers, extra: Numbers, whole: Numbers) -> None:
    """Write a column with some values put in, each after the place that is given for it; places ascend."""
    where = after + np.arange(1, len(extra) + 1)
    if len(extra) > _PIECES:
        there = np.ones(len(whole), np.bool_)
        there[where] = False
        whole[there] = column
    else:
        # In pieces, at the speed of memory.
        begin = 0
        for number, end in enumerate([*(after + 1).tolist(), len(column)]):
            whole[begin + number : end + number] = column[begin:end]
            begin = end
    whole[where] = extra


def _once(owners: Numbers, parts: Numbers, rows: Numbers, sought: SoughtTexts) -> RecalledRuns:
    if len(np.unique(sought.by)) == len(sought.by) == len(sought.counts):
        return owners, parts, rows
    # Somebody is looked for by several texts: each row once, and each file's rows together.
    once = np.unique(np.stack([owners, parts, rows], axis=1), axis=0)
    return once[:, 0], once[:, 1], once[:, 2]


def _hints(runs: RowRuns, mine: Sequence[int]) -> dict[int, Numbers]:
    """Part -> rows at which runs begin; a run that crosses row groups counts with its end as well."""
    at, starts, counts = (np.asarray(each) for each in (runs.units, runs.starts, runs.counts))
    hints: dict[int, Numbers] = {}
    order = np.argsort(at, kind="stable")
    for unit in np.unique(at).tolist():
        here = order[np.searchsorted(at[order], unit, "left") : np.searchsorted(at[order], unit, "right")]
        spans = [np.arange(start, start + count) for start, count in zip(starts[here].tolist(), counts[here].tolist(), strict=True)]
        hints[mine[unit]] = np.concatenate(spans)
    return hints
