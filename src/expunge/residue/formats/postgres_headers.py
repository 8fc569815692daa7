"""Recognise PostgreSQL's pages by their headers, and its files by the pages they are made of."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from expunge import descriptors
from expunge.residue.formats.postgres_packed import PAGE, Places
from expunge.residue.formats.postgres_wal import are_heads
from expunge.residue.matching.matcher import Bytes

GRID = 512
"""Pages are looked for at multiples of it, so that they are seen inside other files too."""
HEAD = 24


def begins(head: bytes) -> bool:
    """Return whether the bytes begin with a page."""
    return bool(heads_in(np.frombuffer(head[:GRID], dtype=np.uint8), 0)[0].size)


def table_of(path: Path) -> Path | None:
    """The first file of the table that a file may be of, by its name: those have 1 GiB each, named ``N``, ``N.1`` and so on."""
    name, _, number = path.name.partition(".")
    return path.with_name(name) if name.isdecimal() and (not number or number.isdecimal()) else None


def is_table(path: Path) -> bool:
    """Return whether a file consists only of pages of a table or an index, or of zeros: then it may be cut between any two.

    Raises OSError.
    """
    with descriptors.reading(path) as descriptor:
        size = os.fstat(descriptor).st_size
        places = range(0, size, PAGE)
        read = b"".join([os.pread(descriptor, HEAD, at) for at in places])
        if not size or size % PAGE or len(read) != len(places) * HEAD:
            return False
        heads = np.frombuffer(read, dtype=np.uint8).reshape(-1, HEAD)
        good = (heads[:, 18] == 4) & (heads[:, 19] == PAGE >> 8) & _are_pages(heads)
        return not any(any(os.pread(descriptor, PAGE, number * PAGE)) for number in np.flatnonzero(~good).tolist())


def whole_pages(data: Bytes) -> int:
    """Return how many pages the bytes begin with: of tables, indexes and the log, and those of nothing but zeros."""
    pages = data[: data.size // PAGE * PAGE].reshape(-1, PAGE)
    heads = np.ascontiguousarray(pages[:, :HEAD])
    table = (heads[:, 18] == 4) & (heads[:, 19] == PAGE >> 8)
    good = np.where(table, _are_pages(heads), are_heads(heads)) | ~pages.any(axis=1)
    return int(good.size if good.all() else np.argmin(good))


def heads_in(data: Bytes, first: int) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Return the offsets in ``data`` at which a page begins, on the grid from ``first``, and a mask of the pages that belong to the log."""
    count = (data.size - first - HEAD) // GRID + 1
    if count <= 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.bool_)
    grid = np.lib.stride_tricks.as_strided(data[first:], shape=(count, HEAD), strides=(GRID, 1), writeable=False)
    table = (grid[:, 18] == 4) & (grid[:, 19] == PAGE >> 8)
    near = np.flatnonzero(table | (grid[:, 1] == 0xD1) | (grid[:, 1] == 0xD0))
    if not near.size:
        return near, table[near]
    heads = np.ascontiguousarray(grid[near])
    is_log = ~table[near]
    good = np.where(is_log, are_heads(heads), _are_pages(heads))
    return near[good] * GRID + first, is_log[good]


def _are_pages(heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Whether these are headers of pages of tables and indexes (``PageHeaderData``)."""
    lower, upper, special = (heads[:, each : each + 2].copy().view("<u2")[:, 0] for each in (12, 14, 16))
    good: npt.NDArray[np.bool_] = (lower >= 24) & (lower <= upper) & (upper <= special) & (special <= PAGE) & (heads[:, 11] == 0)
    return good
