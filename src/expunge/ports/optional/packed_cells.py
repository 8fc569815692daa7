"""Values of bytes in tables that no dataset declares, or that are about nobody: can anybody read them?

Optional beside the store port.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, runtime_checkable


@runtime_checkable
class PackedCells(Protocol):
    """A store of tables whose own files a scan reads as what they are, and not for what single cells hold."""

    def packed_cells(self, least: int) -> Iterator[tuple[str, bytes]]:
        """Yield (``table.column``, value) for each value of bytes, of at least so many, in tables that belong to no person.

        These are tables that no dataset declares, and those of datasets about nobody. Values of one column follow one another. Tables that
        this process may not read are left out: the store names them elsewhere.
        Raises StoreUnavailable, CouldNotLook.
        """
        ...
