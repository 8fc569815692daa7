"""Writes a Parquet file again without some of its rows, so that nothing of them is left in it.

Row groups that lose nothing are copied as they are, with their bloom filters and page indexes. In the others the pages that hold erased
rows are cut, at the level of their encoding, and compressed again; the other pages are copied.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.integer] | range


@dataclass(frozen=True)
class Rewritten:
    """What was done. ``rows`` are those left: when there are none, no target was written and the caller removes the file."""

    rows: int
    erased: int
    groups_copied: int
    groups_spliced: int
    groups_removed: int
    pages_copied: int
    pages_cut: int
    bytes_read: int
    bytes_written: int

    @property
    def empty(self) -> bool:
        """Whether nothing is left of the file."""
        return self.rows == 0


def rewrite(
    source: Path | BinaryIO, target: Path | BinaryIO, drop: Mapping[int, Rows], *, threads: int = 1, forbidden: Collection[str] = ()
) -> Rewritten:
    """Write ``source`` to ``target`` without the rows in ``drop``: row group number -> sorted row numbers inside that row group.

    ``forbidden`` are values (of the erased people) that must not stay in key-value metadata either: entries that hold one are scrubbed or
    dropped. A ``target`` path is created or truncated, written, and neither synced nor renamed: both are the caller's. Memory grows with a
    row group, not with the file. Raises OSError; CouldNotLook for files that are encrypted, damaged, or use an encoding not known here
    (then the target is incomplete); ValueError for rows that do not exist.
    """
    raise NotImplementedError
