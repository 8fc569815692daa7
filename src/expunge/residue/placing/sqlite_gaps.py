"""Tell copies of live cells that page splits leave in free space from what was deleted.

Both may hold the same words: a living row quotes a deleted one. A fragment in free space counts as a copy of a live cell only when
everything that is left of it is equal to that cell, from its beginning on or with the part that names the row.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from expunge.residue.placing.sqlite_records import INDEX_INTERIOR, Cell, TreePage
from expunge.residue.placing.sqlite_schema import Holds

_FREE_BLOCK = 4
_NAMED_LAST = frozenset({Holds.ENTRIES, Holds.KEYED_ENTRIES})
"""Cells that end with what names the row. All others begin with it."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a page between two live cells."""

    image: bytes
    start: int
    end: int

    def copied(self, page: TreePage, start: int, end: int, holds: Holds, usable: int) -> Cell | None:
        """Return the live cell of a page of which the stretch from ``start`` to ``end`` of the gap is a copy. Raises DamagedPage."""
        wanted = self.image[start:end]
        found = page.image.find(wanted, page.first)
        while found >= 0:
            at = bisect_right(page.starts, found) - 1
            cell = page.cell(page.starts[at], usable) if at >= 0 else None
            if cell is not None and found + len(wanted) <= cell.end and self._is_copy(page, cell, start, found, holds):
                return cell
            found = page.image.find(wanted, found + 1)
        return None

    def _is_copy(self, page: TreePage, cell: Cell, start: int, found: int, holds: Holds) -> bool:
        """Whether the cell, laid over the gap so that ``found`` comes to lie at ``start``, has its bytes wherever the gap goes on.

        The gap's own border may cut off the end, over which a live cell was written since. The beginning may be missing only of an index
        entry whose end, which names the row, is there.
        """
        # the number of the page below is no part of a cell that moves up or down
        first = cell.start + 4 if page.kind == INDEX_INTERIOR else cell.start
        shift = start - found
        left, right = max(first + shift, self.start), min(cell.end + shift, self.end)
        named_last = holds in _NAMED_LAST and right == cell.end + shift
        if named_last and self.image[left : left + 2] != page.image[left - shift : left - shift + 2]:
            # a cell that moved to the page above was freed: the list of free blocks took its first bytes (file format 1.6)
            left += _FREE_BLOCK
        if left > first + shift and not named_last:
            return False
        return left <= start and self.image[left:right] == page.image[left - shift : right - shift]
