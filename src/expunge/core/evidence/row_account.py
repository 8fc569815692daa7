"""What an account of every byte of a table's files says: the ground of *gone* where nothing is long enough for a window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RowAccount:
    """The account of one dataset."""

    files: int
    bytes: int
    """Of these files."""
    rows: int
    """Live rows that pages have and normal reads return."""
    left: tuple[str, ...] = ()
    """Words for bytes that are neither zero, nor structure, nor a live row's; empty where every byte is accounted for."""

    @property
    def whole(self) -> bool:
        """Whether every byte is accounted for."""
        return not self.left and self.files > 0 and self.bytes > 0
