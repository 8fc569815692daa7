"""The cut that removes some subjects' rows from one Parquet file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.datamap.datamap import Shared
from expunge.core.values.outcome import Kept, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.stores.arrow.damage import readable
from expunge.stores.arrow.row_match import OwnedRows, Targets, at_least_one, first_rows, owned_rows, read
from expunge.stores.arrow.row_values import python_rows
from expunge.stores.arrow.values import Numbers
from expunge.stores.parquet.format.footer import RowGroup
from expunge.stores.parquet.lake.lake_files import opened_on
from expunge.stores.parquet.lake.row_members import LeavingElements, leaving
from expunge.stores.parquet.rewrite import list_chunks
from expunge.stores.parquet.rewrite.file_rewrite import Remade, rewrite
from expunge.stores.parquet.rewrite.splice import SplicedChunk
from expunge.stores.tree.folder_layout import NameFacts
from expunge.stores.tree.interface import NameTrouble, NobodyThere, NothingStays, SubjectShare

_WRONG = Unable(Reason.ERROR, "a rewritten file did not have the rows it should have; the old one was kept")


@dataclass(frozen=True)
class LeavingSubjects:
    """Whom a call erases."""

    targets: Targets
    shares: Sequence[SubjectShare]
    """Of each selector."""
    forbidden: frozenset[str]
    """Values that mean them."""
    rule: Shared
    subject_fields: tuple[str, ...] = ()
    """Every field by which rows name people."""
    members: bool = False
    """Whether the people of a row's list leave it, and the row stays for others."""


class RowCut:
    """See :class:`expunge.stores.tree.interface.FileCut`."""

    def __init__(
        self,
        leaving: LeavingSubjects,
        columns: Sequence[str],
        says: NameFacts,
        alone: Collection[int],
        together: Collection[int],
        *,
        goes_with_them: bool,
        threads: int,
    ) -> None:
        """Make the cut for one file.

        Args:
            leaving: whom the call erases.
            columns: the columns that say whose a row is.
            says: what the file's name says about the selectors.
            alone: owners whose own rows go.
            together: owners whose rows go although others are in them.
            goes_with_them: whether the file's name goes when no row stays.
            threads: how many may be used.
        """
        self._leaving = leaving
        self._columns = columns
        self._says = says
        self._alone = _mask(alone, len(leaving.shares))
        self._together = _mask(together, len(leaving.shares))
        self._goes_with_them = goes_with_them
        self._threads = threads
        self._gone: dict[int, tuple[int, int]] = {}
        """Owner -> rows and bytes, over all states of the file."""
        self._last: frozenset[int] = frozenset()

    def __call__(self, old: BinaryIO, new: BinaryIO) -> None:
        """Write what stays of ``old`` to ``new``. See :class:`expunge.stores.tree.interface.FileCut`."""
        self._last = frozenset()
        with opened_on(old) as file:
            now, rows, shared = self._theirs(file)
            if not now and not self._gone:
                raise NobodyThere
            starts, total = first_rows(file), file.metadata.num_rows
            left, all_theirs = self._members(file, shared, starts)
            rows = np.union1d(np.setdiff1d(rows, shared), all_theirs) if len(shared) else rows
            remade = self._remade(file, left, rows, starts) if new.seekable() else {}
        self._gone.update(now)
        self._last = frozenset(now)
        if not new.seekable():
            # An older version, which goes whole: only whether it is theirs was asked.
            return
        if len(rows) == total and self._goes_with_them:
            raise NothingStays
        self._write(old, new, rows, starts, remade)

    def _members(self, file: pq.ParquetFile, shared: Numbers, starts: Numbers) -> tuple[dict[int, dict[int, LeavingElements]], Numbers]:
        """Of rows of several people, those that stay without some elements (row group -> row inside it), and those that go."""
        match: dict[str, frozenset[str]] = {}
        for selector, together in zip(self._leaving.targets.selectors, self._together.tolist(), strict=True):
            for name, values in selector.match.items() if together else ():
                match[name] = match.get(name, frozenset()) | values
        names = tuple(dict.fromkeys((*self._leaving.subject_fields, *match)))
        found = self._leaving.targets.leaves(file, names)
        left: dict[int, dict[int, LeavingElements]] = {}
        going: list[int] = []
        for group, low, high in _by_group(shared, starts):
            if high == low:
                continue
            at = shared[low:high] - starts[group]
            with readable():
                taken = read(file, [group], at_least_one(file, found)).take(pa.array(at))
            for place, row in zip(at.tolist(), python_rows(taken), strict=True):
                rest = leaving(row, names, match)
                if rest is None:
                    going.append(int(starts[group]) + place)
                else:
                    left.setdefault(group, {})[place] = rest
        return left, np.array(going, np.int64)

    @staticmethod
    def _remade(
        file: pq.ParquetFile, left: Mapping[int, Mapping[int, LeavingElements]], rows: Numbers, starts: Numbers
    ) -> dict[int, Remade]:
        """The list columns of row groups in which elements leave."""
        remade: dict[int, Remade] = {}
        for group, rests in left.items():
            columns: dict[str, dict[int, frozenset[int]]] = {}
            for place, rest in rests.items():
                for column, numbers in rest.places.items():
                    columns.setdefault(column, {})[place] = numbers
            drop = rows[(rows >= starts[group]) & (rows < starts[group + 1])] - starts[group]
            tables = list_chunks.without_elements(file, group, columns, drop)

            def made(about: RowGroup, tables: Mapping[str, pa.Table] = tables) -> dict[int, SplicedChunk]:
                return {place: chunk for name, table in tables.items() for place, chunk in list_chunks.chunks(table, about, name).items()}

            remade[group] = made
        return remade

    def _theirs(self, file: pq.ParquetFile) -> tuple[dict[int, tuple[int, int]], Numbers, Numbers]:
        """Owner -> (rows, bytes), all rows that go, and those among them that members may leave instead."""
        average = sum(file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups)) / max(
            1, file.metadata.num_rows
        )
        counts = np.zeros(len(self._leaving.shares), np.int64)
        rows: list[Numbers] = []
        shared: list[Numbers] = []
        for owned in owned_rows(file, self._leaving.targets, self._columns, self._says):
            go = self._go(owned)
            counts += np.bincount(owned.owners[go], minlength=len(counts))
            rows.append(np.unique(owned.rows[go]))
            if self._leaving.members:
                shared.append(np.unique(owned.rows[go & owned.shared]))
        found = {owner: (int(counts[owner]), int(counts[owner] * average)) for owner in np.flatnonzero(counts).tolist()}
        none = np.empty(0, np.int64)
        return found, np.concatenate([none, *rows]), np.concatenate([none, *shared])

    def _go(self, owned: OwnedRows) -> npt.NDArray[np.bool_]:
        if self._leaving.rule is Shared.ERASE:
            return self._alone[owned.owners] | self._together[owned.owners]
        return np.where(owned.shared, self._together[owned.owners], self._alone[owned.owners])

    def _write(self, old: BinaryIO, new: BinaryIO, rows: Numbers, starts: Numbers, remade: Mapping[int, Remade]) -> None:
        drop = {group: rows[low:high] - starts[group] for group, low, high in _by_group(rows, starts) if high > low}
        left = int(starts[-1]) - len(rows)
        if not left:
            _empty(old, new)
            return
        try:
            done = rewrite(old, new, drop, threads=self._threads, forbidden=self._leaving.forbidden, remade=remade).rows
        except CouldNotLook as error:
            raise NameTrouble(refused(error)) from error
        if done != left:
            raise NameTrouble(_WRONG)

    @property
    def met(self) -> bool:
        """True when the last call met a subject who is leaving."""
        return bool(self._last)

    def keep(self, kept: Kept) -> None:
        """Record a kept item for the subjects whom the last call met."""
        for owner in self._last:
            self._leaving.shares[owner].kept.append(kept)

    def credit(self) -> None:
        """Record the erased rows."""
        for owner, (items, size) in self._gone.items():
            self._leaving.shares[owner].items += items
            self._leaving.shares[owner].bytes += size


def _mask(owners: Collection[int], count: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(count, np.bool_)
    mask[list(owners)] = True
    return mask


def _by_group(rows: Numbers, starts: Numbers) -> Iterator[tuple[int, int, int]]:
    bounds = np.searchsorted(rows, starts).tolist()
    yield from ((group, bounds[group], bounds[group + 1]) for group in range(len(starts) - 1))


def _empty(old: BinaryIO, new: BinaryIO) -> None:
    """A file without rows, of the same schema, where the name has to stay."""
    with opened_on(old) as file, readable(), pq.ParquetWriter(pa.PythonFile(new, "w"), file.schema_arrow):
        pass


def refused(error: CouldNotLook) -> Unable:
    """Why the rewriter leaves a file as it is: damaged, encrypted, or written in a way that it does not know."""
    told = error.message
    reason = Reason.CORRUPT if "cannot be read" in told else Reason.ENCRYPTED if "encrypted" in told else Reason.UNSUPPORTED
    return Unable(reason, f"{told}; {error.help}")
