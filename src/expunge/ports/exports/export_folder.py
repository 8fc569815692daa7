"""The port of a folder into which an export is written."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol


class PartFile(Protocol):
    """One part that is being written: bytes in their order, nothing else."""

    def write(self, data: bytes, /) -> int:
        """Take all of the bytes. Raises OSError."""
        ...

    def flush(self) -> None:
        """Do nothing that a caller could see."""
        ...


class ExportFolder(Protocol):
    """Takes the parts of one export.

    Durability: what was written is whole and durable when the context of a part ends without an error, and nothing of the part is
    there when it ends with one. Whether the folder as a whole can be seen before its end is the folder's own matter.
    """

    def part(self, number: int) -> AbstractContextManager[PartFile]:
        """Begin a part, counted from 1. Raises OSError."""
        ...

    def beside(self, name: str, data: bytes) -> None:
        """Write a small file beside the parts. Raises OSError."""
        ...
