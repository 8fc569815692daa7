"""Item keys of a lake: a file and the rows in it, spelt for thousands of subjects at a time.

=====================  =============================================================
``a/b.parquet#3-7,9``  rows 3 to 7 and 9 of that file, counted from 0
``a/b.parquet#~4``     a row that other subjects share
``a/b.parquet#^2:7``   a row of an older version of it, which the bucket still gives out (the second last)
``a/b.parquet#*``      all of the file: its name says whose it is
``a/b.parquet#?``      a file that cannot be read, and so may hold rows of any subject
``a/b.parquet#=7``     row 7 and no other, by its place in the file
``a/b.parquet#=7@``    the same, and what the names of the file and its folders say of it
``a/b.parquet#=7:4-9`` the same, and bytes 4 to 8 of the file, which are packed values of its page
``sid=7/``             a folder named after a subject, with nothing in it
=====================  =============================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from expunge.stores.arrow.values import Numbers

WHOLE, UNREADABLE, SHARED, OLDER, PLACE, NAME = "*", "?", "~", "^", "=", "@"


@dataclass(frozen=True)
class NamedRows:
    """The file and the rows that one key names."""

    file: str
    """The relative path; of a folder, with its ``/``."""
    rows: str
    """What follows the ``#``."""

    @property
    def whole(self) -> bool:
        """True when the whole file is meant, or a folder."""
        return self.rows in {"", WHOLE}

    @property
    def shared(self) -> bool:
        """True when others share these rows."""
        return self.rows.rpartition(":")[2].startswith(SHARED)

    @property
    def place(self) -> int | None:
        """The row, where one is named by its place."""
        return int(self.rows[1:].removesuffix(NAME).partition(":")[0]) if self.rows.startswith(PLACE) else None

    @property
    def stretch(self) -> tuple[int, int] | None:
        """The first byte of a stretch of the file that is meant as well, and the one after it."""
        first, dash, last = self.rows.partition(":")[2].partition("-")
        return (int(first), int(last)) if self.rows.startswith(PLACE) and dash else None

    @property
    def by_name(self) -> bool:
        """True when the names of the file and its folders are meant as well."""
        return self.rows.startswith(PLACE) and self.rows.endswith(NAME)

    def numbers(self) -> set[int]:
        """The rows, where the present version is meant."""
        found: set[int] = set()
        if self.rows.startswith(OLDER):
            return found
        if self.place is not None:
            return {self.place}
        for each in self.rows.removeprefix(SHARED).split(",") if self.rows not in {"", WHOLE, UNREADABLE} else ():
            first, _, last = each.partition("-")
            found.update(range(int(first), int(last or first) + 1))
        return found


def named(key: str) -> NamedRows:
    """Take a key apart."""
    if key.endswith("/"):
        return NamedRows(key, "")
    file, _, rows = key.rpartition("#")
    return NamedRows(file, rows)


def spelt(heads: Sequence[str], owners: Numbers, parts: Numbers, rows: Numbers, shared: npt.NDArray[np.bool_]) -> Iterator[SpeltKeys]:
    """Yield the keys of each owner, in the sequence of owners; one key a file, and one more for rows that others share.

    Args:
        heads: of each file, its key up to where its rows follow.
        owners: the owner of each row.
        parts: the file of each row, by number; ascending.
        rows: the number of each row in its file; ascending within a file.
        shared: True where others share the row.
    """
    if not len(owners):
        return
    order, sorted_as = _order(owners, shared)
    parts, rows = parts[order], rows[order]
    first_of_key = np.flatnonzero(np.concatenate([[True], (np.diff(sorted_as) != 0) | (np.diff(parts) != 0)]))
    new_key = np.zeros(len(rows), np.bool_)
    new_key[first_of_key] = True
    first_of_run = np.flatnonzero(new_key | np.concatenate([[True], np.diff(rows) != 1]))
    last_of_run = np.concatenate([first_of_run[1:], [len(rows)]]) - 1
    spans = _spans(rows[first_of_run], rows[last_of_run])
    cuts = np.concatenate([np.searchsorted(first_of_run, first_of_key), [len(first_of_run)]])
    joined = pc.binary_join(pa.LargeListArray.from_arrays(pa.array(cuts, pa.int64()), spans), ",")
    keys = _keys(heads, parts[first_of_key], sorted_as[first_of_key] & 1, joined)
    of_key = sorted_as[first_of_key] >> 1
    bounds = np.flatnonzero(np.concatenate([[True], np.diff(of_key) != 0, [True]])).tolist()
    begins = [*first_of_key.tolist(), len(rows)]
    either = (sorted_as[first_of_key] & 1).tolist()
    who = of_key[np.array(bounds[:-1], np.int64)].tolist()
    any_shared = any(either)
    for owner, low, high in zip(who, bounds[:-1], bounds[1:], strict=True):
        mine = tuple(keys[low:high])
        theirs = frozenset(key for key, flag in zip(mine, either[low:high], strict=True) if flag) if any_shared else _NOBODY
        yield SpeltKeys(owner, mine, begins[high] - begins[low], theirs)


_NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True)
class SpeltKeys:
    """The keys of one owner."""

    owner: int
    keys: tuple[str, ...]
    rows: int
    shared: frozenset[str]


def _order(owners: Numbers, shared: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    by = owners * 2 + shared
    # Sorting 16 bits is ten times as quick.
    order = np.argsort(by.astype(np.uint16) if len(by) and by.max() < 1 << 16 else by, kind="stable")
    return order, by[order]


def _spans(first: Numbers, last: Numbers) -> pa.Array:
    begin = pa.array(first).cast(pa.string())
    if bool((first == last).all()):
        return begin
    end = pa.array(last).cast(pa.string())
    return pc.if_else(pa.array(first == last), begin, pc.binary_join_element_wise(begin, end, "-"))


def _keys(files: Sequence[str], parts: Numbers, shared: Numbers, rows: pa.Array) -> list[str]:
    prefixes = [file + mark for file in files for mark in ("", SHARED)]
    which = parts * 2 + shared
    try:
        heads = pa.array(prefixes, pa.string()).take(pa.array(which))
    except UnicodeEncodeError:
        # A file's name may be bytes that are no UTF-8.
        return [prefixes[head] + tail for head, tail in zip(which.tolist(), rows.to_pylist(), strict=True)]
    return list(pc.binary_join_element_wise(heads, rows, "").to_pylist())
