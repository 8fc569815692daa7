"""Read columns of times as microseconds since 1970, and apply time windows and other narrowing of selectors to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.values.copy import Selector
from expunge.core.values.outcome import Reason
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import MILLISECONDS, SECONDS, micros, moment
from expunge.stores.arrow.damage import Damaged
from expunge.stores.arrow.values import ColumnLeaf, Numbers, SearchTexts, pieces
from expunge.stores.tree.folder_layout import NameFacts, without

Mask = npt.NDArray[np.bool_]
LEAST, MOST = micros(datetime(1, 1, 1, tzinfo=UTC)), micros(datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_DAY = 86_400
_NO_TIMES, _NONE = np.empty(0, np.int64), np.empty(0, np.bool_)


@dataclass(frozen=True)
class RowTimes:
    """The time of each row."""

    at: Numbers
    """Microseconds since 1970; of no meaning where there is none."""
    known: Mask

    def within(self, window: Window) -> Mask:
        """Return a mask of the rows that lie in a time window."""
        found = self.known.copy()
        if window.since is not None:
            found &= self.at >= micros(window.since)
        if window.until is not None:
            found &= self.at < micros(window.until)
        return found


def times(table: pa.Table, found: Sequence[ColumnLeaf]) -> RowTimes:
    """The time of each row, by the leaves of one field: the latest where there are several, none where one cannot be read.

    Raises Damaged where a column can hold no time.
    """
    if len(found) == 1 and not found[0].listed:
        whole = [_read(values) for values, _ in pieces(table, found[0])]
        return RowTimes(np.concatenate([_NO_TIMES, *(each.at for each in whole)]), np.concatenate([_NONE, *(each.known for each in whole)]))
    at = np.full(table.num_rows, LEAST, np.int64)
    said, unread = np.zeros(table.num_rows, np.bool_), np.zeros(table.num_rows, np.bool_)
    for leaf in found:
        for values, rows in pieces(table, leaf):
            read = _read(values)
            where = np.arange(len(values)) if rows is None else rows
            unread[where[~read.known]] = True
            said[where[read.known]] = True
            np.maximum.at(at, where[read.known], read.at[read.known])
    return RowTimes(at, said & ~unread)


def _read(array: pa.Array) -> RowTimes:
    """The times in a flat array."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        words = _read(array.dictionary)
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return RowTimes(np.append(words.at, 0)[codes], np.append(words.known, False)[codes])
    if pa.types.is_timestamp(kind):
        return _scaled(*_integers(array), _PER_SECOND[kind.unit])
    if pa.types.is_date(kind):
        return _scaled(*_integers(array), 1_000) if pa.types.is_date64(kind) else _days(*_integers(array))
    if pa.types.is_integer(kind):
        return _counted(*_integers(array))
    if pa.types.is_floating(kind):
        valid = array.is_valid().to_numpy(zero_copy_only=False)
        return _counted(np.nan_to_num(array.cast(pa.float64()).fill_null(0).to_numpy(zero_copy_only=False)), valid)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _texts(array)
    if pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return _one_by_one(array)
    raise Damaged("a column that should hold times is of a type that can hold none", Reason.UNSUPPORTED)


def _integers(array: pa.Array) -> tuple[Numbers, Mask]:
    plain = array.cast(pa.int32()) if pa.types.is_date32(array.type) else array
    valid = plain.is_valid().to_numpy(zero_copy_only=False)
    # Unsigned numbers beyond 63 bits are no times; they may wrap.
    return plain.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False), valid


def _scaled(counts: Numbers, valid: Mask, per_second: int) -> RowTimes:
    """Counts of a fraction of a second as microseconds."""
    if per_second > 1_000_000:
        at = counts // (per_second // 1_000_000)
        return RowTimes(at, valid & (at >= LEAST) & (at <= MOST))
    factor = 1_000_000 // per_second
    inside = (counts >= LEAST // factor) & (counts <= MOST // factor)
    return RowTimes(np.where(inside, counts, 0) * factor, valid & inside)


def _days(counts: Numbers, valid: Mask) -> RowTimes:
    inside = (counts >= LEAST // (_DAY * 1_000_000)) & (counts <= MOST // (_DAY * 1_000_000))
    return RowTimes(np.where(inside, counts, 0) * (_DAY * 1_000_000), valid & inside)


def _counted(counts: npt.NDArray[np.int64] | npt.NDArray[np.float64], valid: Mask) -> RowTimes:
    """Numbers as :mod:`expunge.core.values.timestamps` reads them."""
    seconds = (counts >= SECONDS[0]) & (counts < SECONDS[1])
    milliseconds = (counts >= MILLISECONDS[0]) & (counts < MILLISECONDS[1])
    at = np.where(seconds, counts, 0) * 1_000_000 + np.where(milliseconds, counts, 0) * 1_000
    return RowTimes(at.astype(np.int64), valid & (seconds | milliseconds))


def _texts(array: pa.Array) -> RowTimes:
    """Most columns are spelt one way throughout, which Arrow reads many times faster; it takes nothing that we would not."""
    for kind in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return _scaled(*_integers(array.cast(pa.string()).cast(kind)), 1_000_000)
        except pa.ArrowInvalid:
            continue
    return _one_by_one(array)


def _one_by_one(array: pa.Array) -> RowTimes:
    coded = array.dictionary_encode() if len(array) else pa.array([], pa.string()).dictionary_encode()
    read = [moment(each) for each in coded.dictionary.to_pylist()]
    at = np.array([0 if each is None else micros(each) for each in read] + [0], np.int64)
    known = np.array([each is not None for each in read] + [False], np.bool_)
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return RowTimes(at[codes], known[codes])


# --- bounds ---------------------------------------------------------------------------------------------


def bounds(file: pq.ParquetFile, group: int, leaf: ColumnLeaf) -> tuple[int, int, int] | None:
    """Return the least and greatest time of a leaf in a row group, in microseconds, and its number of nulls, by the footer alone.

    None where the footer does not say, or says it of texts, which it may have cut.
    """
    kind = file.schema_arrow.field(leaf.steps[0]).type
    told = file.metadata.row_group(group).column(leaf.index).statistics
    exact = pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_integer(kind)
    if len(leaf.steps) > 1 or not exact or told is None or not told.has_min_max or not told.has_null_count:
        return None
    raw = pa.array([told.min_raw, told.max_raw])
    if not pa.types.is_integer(raw.type):
        return None
    stored = raw.cast(pa.int32()).cast(kind) if pa.types.is_date32(kind) else raw.cast(pa.int64()).cast(kind)
    read = _read(stored)
    if not read.known.all() or (pa.types.is_integer(kind) and (told.max_raw < SECONDS[1]) != (told.min_raw < SECONDS[1])):
        return None
    return int(read.at[0]), int(read.at[1]), int(told.null_count)


# --- what narrows selectors -----------------------------------------------------------------------------


class ArrowNarrowing:
    """The conditions of some selectors besides the subject's values, in files whose name says ``says``."""

    def __init__(self, selectors: Sequence[Selector], says: NameFacts) -> None:
        self._says = says
        self._asked = {number: without(selectors[number], says.bound) for number in (says.unsaid or set()) | says.part}

    @property
    def part(self) -> frozenset[int]:
        """Owners of rows for the name's sake: no column has to say so."""
        return frozenset(self._says.part)

    def may_hold(self, file: pq.ParquetFile, group: int, beside: Sequence[ColumnLeaf]) -> bool:
        """Return whether a row group may hold a row in a time window of any selector, by the footer."""
        for each in self._asked.values():
            here = [leaf for leaf in beside if each.where is not None and leaf.field == each.where.field]
            told = bounds(file, group, here[0]) if len(here) == 1 else None
            if each.where is None or told is None:
                return True
            least, most, _ = told
            early = each.where.since is not None and most < micros(each.where.since)
            if not early and not (each.where.until is not None and least >= micros(each.where.until)):
                return True
        return False

    def rows(
        self, table: pa.Table, beside: Sequence[ColumnLeaf], found: Callable[[int], tuple[Numbers, Mask]], met: Sequence[int]
    ) -> Iterator[tuple[int, Numbers, Mask]]:
        """Yield each owner who has rows, the numbers of these rows in the table, and a mask of the rows that others share.

        Args:
            table: some rows.
            beside: the leaves that are looked at.
            found: rows of an owner that a column names.
            met: owners whom a column names.
        """
        read: dict[str, RowTimes] = {}

        def time_of(name: str) -> RowTimes:
            if name not in read:
                read[name] = times(table, [leaf for leaf in beside if leaf.field == name])
            return read[name]

        for owner in sorted(self._asked.keys() & ({*met} | self._says.part)):
            rows, shared = (
                (np.arange(table.num_rows, dtype=np.int64), np.zeros(table.num_rows, np.bool_))
                if owner in self._says.part
                else found(owner)
            )
            keep = np.ones(table.num_rows, np.bool_)
            asked = self._asked[owner]
            if asked.where is not None:
                keep &= time_of(asked.where.field).within(asked.where)
            for window in asked.outside:
                keep &= ~time_of(window.field).within(window)
            for name, values in asked.spare.items():
                keep &= ~_holding(table, [leaf for leaf in beside if leaf.field == name], values)
            for name, values in asked.only.items():
                keep &= _holding(table, [leaf for leaf in beside if leaf.field == name], values)
            yield owner, rows[keep[rows]], shared[keep[rows]]


def _holding(table: pa.Table, found: Sequence[ColumnLeaf], wanted: frozenset[str]) -> Mask:
    """Rows in which one of some values stands."""
    held = np.zeros(table.num_rows, np.bool_)
    needles = SearchTexts(sorted(wanted))
    for leaf in found:
        for values, rows in pieces(table, leaf):
            at = np.flatnonzero(needles.find(values) >= 0)
            held[at if rows is None else rows[at]] = True
    return held
