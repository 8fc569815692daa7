"""One table of a LanceDB folder as the engine reports it: its lines (main and branches), its rows and their owners."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import lance
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Reason, Unable
from expunge.errors import CouldNotLook, Misconfigured
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.row_match import OwnedRows, Targets, narrowed
from expunge.stores.arrow.times import ArrowNarrowing
from expunge.stores.arrow.values import ColumnLeaf, Numbers, leaves
from expunge.stores.tree.erase import reason_of
from expunge.stores.tree.folder_layout import WantedValues

SUFFIX = ".lance"
TROUBLE = (OSError, ValueError, RuntimeError, pa.ArrowException)
"""What the engine raises; its texts may quote content and paths, so nothing of them is passed on."""
_NAME = re.compile(r"[\w.-]+", re.ASCII)
_NARROW, _WIDE = 1 << 16, 1 << 10
"""Rows read at a time: of the columns that say whose they are, and of all columns."""
_TOLD = (
    (("os error 13", "os error 1)", "permission denied", "not permitted", "os error 30"), Reason.PERMISSION),
    (("os error 28", "no space left", "os error 122"), Reason.DISK_FULL),
    (("conflict", "concurrent", "retryable", "preempted"), Reason.LOCKED),
)
_WORDS = {
    Reason.PERMISSION: "this user may not write to the table's folder",
    Reason.DISK_FULL: "the disk is full",
    Reason.LOCKED: "another process changed the table at the same time; it is tried again",
}


class TableGone(Exception):
    """The table differs from the map; carries the answer."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.unable = Unable(reason, detail)


def reason_told(error: Exception) -> Reason:
    """Return the reason for an error of the engine or the operating system."""
    if isinstance(error, OSError) and error.errno:
        return reason_of(error)
    said = str(error).lower()
    return next((reason for words, reason in _TOLD if any(word in said for word in words)), Reason.CORRUPT)


def unable(dataset: Dataset, error: Exception) -> Unable:
    """Return the obstacle as an answer."""
    if isinstance(error, TableGone):
        return error.unable
    reason = error.reason if isinstance(error, Damaged) else reason_told(error)
    if isinstance(error, OSError) and error.errno:
        words = os.strerror(error.errno)
    else:
        words = str(error) if isinstance(error, Damaged) else _WORDS.get(reason, "the table cannot be read; restore or repair it")
    return Unable(reason, f"{dataset.name}: {words}")


@contextmanager
def looking(dataset: Dataset) -> Iterator[None]:
    """Translate errors while reading into our words."""
    try:
        yield
    except CouldNotLook:
        raise
    except (*TROUBLE, TableGone, Damaged) as error:
        raise CouldNotLook(unable(dataset, error).detail, help="`expunge check` says more; run again once it can be read") from None


@dataclass(frozen=True)
class VersionLine:
    """One line of versions, at its newest: the main one, or a branch."""

    branch: str
    """Empty for the main line."""
    data: lance.LanceDataset

    def key(self, row: int) -> str:
        """The key of a row."""
        return f"{self.branch}#{row}"


@dataclass(frozen=True)
class Batch:
    """Some rows with the engine's numbers for them."""

    table: pa.Table
    rows: Numbers


class LanceTable:
    """The table of one dataset."""

    def __init__(self, root: Path, dataset: Dataset) -> None:
        if not _NAME.fullmatch(dataset.table):
            message = f"dataset {dataset.name}: a LanceDB table's name has letters, digits, '_', '-' and '.' only"
            raise Misconfigured(message, help="table: the name without .lance")
        self.dataset = dataset
        self.path = root / f"{dataset.table}{SUFFIX}"

    def open(self) -> lance.LanceDataset:
        """The main line over a session of its own. Raises :data:`TROUBLE`, Gone."""
        if not (self.path / "_versions").is_dir():
            raise TableGone(Reason.SCHEMA_CHANGED, f"{self.dataset.name}: there is no such table in the database")
        return lance.dataset(str(self.path))

    def lines(self) -> list[VersionLine]:
        """All lines. Raises as :meth:`open`."""
        main = self.open()
        return [VersionLine("", main), *(VersionLine(name, main.checkout_version((name, None))) for name in sorted(main.branches.list()))]

    def missing(self, data: lance.LanceDataset, names: Collection[str]) -> list[str]:
        """Return those of some fields that the table does not have."""
        there = {leaf.field for leaf in leaves(data.schema)}
        return sorted(set(names) - there)

    def require(self, data: lance.LanceDataset, names: Collection[str]) -> None:
        """Raises TableGone where a field does not exist."""
        absent = self.missing(data, names)
        if absent:
            raise TableGone(Reason.SCHEMA_CHANGED, f"{self.dataset.name}: the table has no column {', '.join(absent)}")

    def batches(self, line: VersionLine, names: Collection[str]) -> Iterator[Batch]:
        """All rows of a line, the columns of some fields only (one column at least, to count rows by). Raises :data:`TROUBLE`."""
        every = leaves(line.data.schema)
        columns = sorted({each.steps[0] for each in every if each.field in names}) or [every[0].steps[0]]
        for batch in line.data.scanner(columns=columns, with_row_id=True, batch_size=_NARROW).to_batches():
            yield _numbered(pa.Table.from_batches([batch]))

    def whole(self, line: VersionLine, rows: Numbers) -> Iterator[Batch]:
        """Some rows of a line with all their columns, in no certain order. Raises :data:`TROUBLE`."""
        for first in range(0, len(rows), _WIDE):
            wanted = where(rows[first : first + _WIDE])
            scanner = line.data.scanner(filter=wanted, with_row_id=True, batch_size=_WIDE, blob_handling="all_binary")
            for batch in scanner.to_batches():
                yield _numbered(pa.Table.from_batches([batch]))


def where(rows: Numbers) -> str:
    """Return a condition that names rows by number. The engine writes conditions down, so no subject's value may stand in one."""
    return f"_rowid IN ({','.join(map(str, rows.tolist()))})"


def _numbered(table: pa.Table) -> Batch:
    return Batch(table.drop_columns(["_rowid"]), table.column("_rowid").to_numpy().astype(np.int64))


class LanceMatcher:
    """Selectors of one call, ready to be compared with rows."""

    def __init__(self, selectors: Sequence[Selector]) -> None:
        self.targets = Targets(selectors)
        self._asking = ArrowNarrowing(self.targets.selectors, WantedValues(selectors).says((), None, inside=True))

    @property
    def fields(self) -> frozenset[str]:
        """All fields that are looked at."""
        return frozenset(self.targets.fields) | self.targets.beside

    def owned(self, table: pa.Table) -> OwnedRows:
        """Return the owners of a table's rows; rows are numbered from 0. Raises Damaged."""
        every = leaves(table.schema)
        found = [each for each in every if each.field in self.targets.fields]
        owned = self.targets.in_tables([(table, 0)], found)[0]
        if self.targets.simple:
            return owned
        return narrowed(owned, table, 0, self._asking, [each for each in every if each.field in self.targets.beside])


def of(table: pa.Table, name: str) -> list[ColumnLeaf]:
    """The leaves of a field."""
    return [leaf for leaf in leaves(table.schema) if leaf.field == name]


def nothing() -> npt.NDArray[np.int64]:
    """No rows."""
    return np.empty(0, np.int64)
