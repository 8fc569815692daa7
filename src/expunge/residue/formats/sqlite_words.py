"""Read the columns of one word in the rows of SQLite's table pages, in the order of the rows: a page is filled from its end.

Many pages are read at once, cell by cell (file format 1.6) and column by column (2.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_TABLE_LEAF, _HEAD = 0x0D, 8
_LONGEST = 40
"""Bytes of the longest word."""
_FEWEST = 6
"""Different words of a page from which on they may be a sentence."""
_FOLLOWING = 16
"""Words of the next page that are read with those of a page."""
_COLUMNS = 24
"""Columns of a row that are looked at, at most."""
_SIZES = np.array([0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0], np.int64)
_TEXT = 13
_PADDING = 64
_MORE = 0x80
_BETWEEN = bytes(4)
_MIX = np.uint64(0x9E3779B97F4A7C15)

_Images = npt.NDArray[np.uint8]
_Numbers = npt.NDArray[np.int64]


def _letters() -> npt.NDArray[np.bool_]:
    table = np.zeros(256, np.bool_)
    table[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'.,?!-", np.uint8)] = True
    table[_MORE:] = True
    return table


_IS_LETTER = _letters()


class _Values(NamedTuple):
    """Short texts of some rows, in the order of the rows."""

    pages: _Numbers
    columns: _Numbers
    starts: _Numbers
    sizes: _Numbers


def words(images: _Images) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the page, its words) for each column of a page that may hold a sentence, a word a row."""
    counts = images[:, 3].astype(np.int64) << 8 | images[:, 4]
    (leaves,) = ((images[:, 0] == _TABLE_LEAF) & (counts >= _FEWEST) & (counts <= (images.shape[1] - _HEAD) // 2)).nonzero()
    if not leaves.size:
        return
    size = images.shape[1]
    data = np.concatenate((images[leaves].ravel(), np.zeros(_PADDING, np.uint8)))
    found = _only_words(data, _short_texts(data, counts[leaves], size))
    keys = found.pages * _COLUMNS + found.columns
    order = np.argsort(keys, kind="stable")
    keys, starts, ends = keys[order], found.starts[order], (found.starts + found.sizes)[order]
    several, begins, totals = np.unique(keys, return_index=True, return_counts=True)
    different = _different(data, keys, starts, ends - starts)
    whole = data.tobytes()
    where = {key: (begin, total) for key, begin, total in zip(several.tolist(), begins.tolist(), totals.tolist(), strict=True)}
    for (key, (begin, total)), count in zip(where.items(), different.tolist(), strict=True):
        # Why by their square: of a column of categories few are different.
        if count < _FEWEST or count * count < total:
            continue
        following, more = where.get(key + _COLUMNS, (0, 0))
        places = [*range(begin, begin + total), *range(following, following + min(more, _FOLLOWING))]
        yield int(leaves[key // _COLUMNS]), _BETWEEN.join([whole[starts[place] : ends[place]] for place in places])


def _short_texts(data: _Images, counts: _Numbers, size: int) -> _Values:
    """Return the texts of the rows of some pages that are no longer than a word."""
    pages = np.repeat(np.arange(counts.size), counts)
    cell = np.arange(pages.size) - np.repeat(np.cumsum(counts) - counts, counts)
    pointers = pages * size + _HEAD + 2 * cell
    at = pages * size + (data[pointers].astype(np.int64) << 8 | data[pointers + 1])
    inside = at < (pages + 1) * size
    pages, at = pages[inside], at[inside]
    for _ in range(2):
        at = _after_varint(data, at)
    inside = at < data.size - _PADDING
    pages, at = pages[inside], at[inside]
    head = data[at].astype(np.int64)
    inside = (head > 1) & (head < _MORE)
    pages, at, head = pages[inside], at[inside], head[inside]
    types, ends, values = at + 1, at + head, at + head
    columns: list[_Values] = []
    for column in range(_COLUMNS):
        left = (types < ends) & (values < (pages + 1) * size)
        pages, types, ends, values = pages[left], types[left], ends[left], values[left]
        if not pages.size:
            break
        kind = data[types].astype(np.int64)
        long = kind >= _MORE
        second = data[types + 1].astype(np.int64)
        kind = np.where(long, (kind & 0x7F) << 7 | second & 0x7F, kind)
        known = ~(long & (second >= _MORE))
        sizes = np.where(kind < _SIZES.size, _SIZES[np.minimum(kind, _SIZES.size - 1)], (kind - _SIZES.size) >> 1)
        short = known & (kind >= _TEXT) & (kind & 1 == 1) & (sizes > 0) & (sizes <= _LONGEST) & (values + sizes <= (pages + 1) * size)
        columns.append(_Values(pages[short], np.full(np.count_nonzero(short), column), values[short], sizes[short]))
        types = np.where(known, types + 1 + long, ends)
        values = values + sizes
    if not columns:
        return _Values(*([np.zeros(0, np.int64)] * 4))
    return _Values(*(np.concatenate(each) for each in zip(*columns, strict=True)))


def _after_varint(data: _Images, at: _Numbers) -> _Numbers:
    """Return where what follows a number begins."""
    going_on = np.ones(at.size, np.bool_)
    for _ in range(9):
        at = at + going_on
        going_on &= data[np.minimum(at - 1, data.size - 1)] >= _MORE
    return at


def _only_words(data: _Images, found: _Values) -> _Values:
    counts = np.concatenate((np.zeros(1, np.int32), np.cumsum(_IS_LETTER[data], dtype=np.int32)))
    whole = counts[found.starts + found.sizes] - counts[found.starts] == found.sizes
    return _Values(*(column[whole] for column in found))


def _different(data: _Images, keys: _Numbers, starts: _Numbers, sizes: _Numbers) -> _Numbers:
    """Count the different words of each column of a page, by what they begin with; the keys ascend."""
    eight = np.ndarray((data.size - 7,), "<u8", buffer=data, strides=(1,))[starts]
    masks = np.array([(1 << 8 * each) - 1 for each in range(8)] + [2**64 - 1], np.uint64)
    hashes = ((eight & masks[np.minimum(sizes, 8)]) * _MIX ^ sizes.astype(np.uint64)) * _MIX ^ keys.astype(np.uint64)
    _, first = np.unique(hashes, return_index=True)
    _, counts = np.unique(keys[first], return_counts=True)
    different: _Numbers = counts
    return different
