"""Minimum and maximum after an erasure. Bounds that no erased value can have made are kept, else computed from the rest, else dropped.

Source: apache/parquet-format, parquet.thrift (Statistics, ColumnOrder, ColumnIndex).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from expunge.stores.parquet.format.encodings import BYTE_ARRAY, FIXED, Values, number_type
from expunge.stores.parquet.format.footer import SchemaLeaf
from expunge.stores.parquet.format.thrift import BINARY, I64, TRUE, Struct

Bounds = tuple[bytes, bytes]
DECIMAL, FLOAT16 = 5, 15
CONVERTED_DECIMAL, CONVERTED_INTERVAL = 5, 21
LONGEST = 1024
SHORT = 8
"""Bounds up to this length are taken as whole values; longer ones may be cut off by their writer, and the last character raised."""
RAISED = 4


def _plain_order(leaf: SchemaLeaf) -> bool:
    """Whether the bytes of a column that holds no numbers are ordered as they stand."""
    other = leaf.logical in {DECIMAL, FLOAT16} or leaf.converted in {CONVERTED_DECIMAL, CONVERTED_INTERVAL}
    return leaf.physical in {BYTE_ARRAY, FIXED} and not other


def _as_bytes(values: Values) -> list[bytes]:
    return values if isinstance(values, list) else [value.tobytes() for value in values]


def touched(leaf: SchemaLeaf, gone: Values, low: bytes | None, high: bytes | None) -> bool:
    """Return whether one of the erased values may have made a bound, in whole or cut off. True when in doubt."""
    if (low is None and high is None) or not len(gone):
        return False
    kind = number_type(leaf)
    if kind is None:
        return any(_near(each, low, high, ordered=_plain_order(leaf)) for each in _as_bytes(gone))
    for bound, reach in ((low, np.fmin), (high, np.fmax)):
        if bound is None:
            continue
        if len(bound) != kind.itemsize:
            return True
        limit, extreme = np.frombuffer(bound, kind)[0], reach.reduce(np.asarray(gone))
        beyond = extreme <= limit if reach is np.fmin else extreme >= limit
        if limit != limit or beyond:  # NaN, which old writers let into bounds
            return True
    return False


def _near(value: bytes, low: bytes | None, high: bytes | None, *, ordered: bool) -> bool:
    if not ordered:
        return value in {low, high}
    if low is not None and (value <= low or value.startswith(low)):
        return True
    if high is None:
        return False
    stem = high if len(high) <= SHORT else high[:-RAISED]
    return value >= high or (len(high) > SHORT and value.startswith(stem))


def bounds(leaf: SchemaLeaf, parts: Iterable[Values]) -> Bounds | None:
    """The least and the greatest of values, PLAIN; None when there are none, or they have no order here."""
    kind = number_type(leaf)
    found: Bounds | None = None
    for values in parts:
        if not len(values):
            continue
        part = _strings(leaf, values) if kind is None else _numbers(np.asarray(values), kind)
        if part is not None:
            found = part if found is None else _wider(found, part, kind)
        elif kind is None:
            return None
    return found if found is not None and max(map(len, found)) <= LONGEST else None


def _strings(leaf: SchemaLeaf, values: Values) -> Bounds | None:
    if not _plain_order(leaf):
        return None
    whole = _as_bytes(values)
    return min(whole), max(whole)


def _numbers(values: Any, kind: np.dtype[Any]) -> Bounds | None:
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if low != low:  # nothing but NaN
        return None
    if kind.kind == "f":
        # The sign of a zero is not ordered, so that the bounds take both in.
        low, high = (-abs(low) if low == 0 else low), (abs(high) if high == 0 else high)
    return np.asarray(low, kind).tobytes(), np.asarray(high, kind).tobytes()


def _wider(one: Bounds, other: Bounds, kind: np.dtype[Any] | None) -> Bounds:
    if kind is None:
        return min(one[0], other[0]), max(one[1], other[1])
    low, high = np.frombuffer(one[0] + other[0], kind), np.frombuffer(one[1] + other[1], kind)
    return low[int(np.argmin(low))].tobytes(), high[int(np.argmax(high))].tobytes()


def statistics(leaf: SchemaLeaf, before: Struct | None, gone: Values, nulls: int, anew: Callable[[], Bounds | None]) -> Struct | None:
    """The statistics of a page or chunk that lost the values ``gone`` and so many nulls; ``anew`` looks at the values that stay.

    Counts of distinct values, histograms and whatever else is not known here are dropped.
    """
    if before is None:
        return None
    after = Struct()
    left = before.value(3)
    if left is not None and left >= nulls:
        after[3] = (I64, left - nulls)
    old = [before.value(field) for field in (1, 2, 5, 6)]
    if touched(leaf, gone, old[3], old[2]) or touched(leaf, gone, old[1], old[0]):
        _set(after, before, leaf, anew())
    else:
        for field in (1, 2, 5, 6, 7, 8):
            if field in before:
                after[field] = before[field]
    return after


def _set(after: Struct, before: Struct, leaf: SchemaLeaf, found: Bounds | None) -> None:
    if found is None:
        return
    kind = number_type(leaf)
    if kind is not None and kind.kind != "u" and 1 in before:
        # The deprecated pair is ordered by sign.
        after[2], after[1] = (BINARY, found[0]), (BINARY, found[1])
    if 5 in before or 6 in before:
        after[6], after[5] = (BINARY, found[0]), (BINARY, found[1])
        for field in (7, 8):
            if field in before:
                after[field] = (TRUE, True)


class PageIndex:
    """The column index of a chunk while its pages are cut. ``lost`` says that it cannot be kept."""

    def __init__(self, leaf: SchemaLeaf, struct: Struct, pages: int) -> None:
        self.leaf = leaf
        lists = [struct.value(field) for field in (1, 2, 3, 5)]
        self.lost = any(each is None or len(each) != pages for each in lists[:3]) or (lists[3] is not None and len(lists[3]) != pages)
        self._struct, self._lists, self._changed = struct, lists, False
        self._keep = [True] * pages

    def remove(self, page: int) -> None:
        """The page has no row left."""
        self._keep[page] = False

    def cut(self, page: int, gone: Values, nulls: int, *, only_nulls: bool, anew: Callable[[], Bounds | None]) -> None:
        """The page lost the values ``gone`` and so many nulls."""
        if self.lost:
            return
        null_pages, low, high, counts = self._lists
        if counts is not None:
            counts[page] = max(0, counts[page] - nulls)
        if null_pages[page] == 1:
            return
        if only_nulls:
            null_pages[page], low[page], high[page] = 1, b"", b""
            self._changed = True
        elif touched(self.leaf, gone, low[page], high[page]):
            found = anew()
            self._changed = True
            if found is None:
                self.lost = True
            else:
                low[page], high[page] = found

    def result(self) -> Struct | None:
        """The column index for the pages that stay; histograms are dropped, and an order that may not hold any more is not claimed."""
        if self.lost:
            return None
        after = self._struct.clone()
        after.drop(*(field for field in after if field > 5))
        for field in (1, 2, 3, 5):
            if field in after:
                values = after.value(field)
                values[:] = [each for each, stays in zip(values, self._keep, strict=True) if stays]
        if self._changed:
            after[4] = (after[4][0] if 4 in after else 5, 0)
        return after
