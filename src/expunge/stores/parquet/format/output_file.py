"""The output file of a rewrite: counted bytes, and stretches of another file copied by the kernel."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO

from expunge.stores.parquet.format.footer import RandomAccessFile, corrupt

STRETCH = 8 << 20
MOST_PARTS = 512
"""Fewer than the 1024 that Linux takes in one call."""


class Output:
    """Appends to a file from where it stands; offsets count from there."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        try:
            self._descriptor: int | None = file.fileno()
        except (AttributeError, OSError):
            self._descriptor = None

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes."""
        left = memoryview(data)
        while left:
            done = self._file.write(left)
            left = left[done:]
        self.size += len(data)

    def write_all(self, parts: Sequence[bytes | memoryview]) -> None:
        """Append several stretches of bytes."""
        if self._descriptor is None:
            self.write(b"".join(parts))
            return
        self._file.flush()
        for first in range(0, len(parts), MOST_PARTS):
            some = parts[first : first + MOST_PARTS]
            size = sum(map(len, some))
            done = os.writev(self._descriptor, some)
            if done < size:
                self._told()
                self.write(memoryview(b"".join(some))[done:])
                self._file.flush()
            self.size += done
        self._told()

    def _told(self) -> None:
        """Tell a buffered file again where it stands, as it was moved behind its back."""
        assert self._descriptor is not None
        self._file.seek(os.lseek(self._descriptor, 0, os.SEEK_CUR))

    def copy(self, source: RandomAccessFile, start: int, size: int) -> None:
        """Append ``size`` bytes of another file.

        ``sendfile``, not ``copy_file_range``: on file systems that share blocks between files the latter may share the old file's extents,
        and with them the erased bytes beside what was copied.
        """
        if start < 0 or size < 0 or start + size > source.size:
            raise corrupt("an offset lies outside")
        self.size += size
        if source.descriptor is None or self._descriptor is None:
            while size:
                part = source.read(start, min(size, STRETCH))
                self._file.write(part)
                start, size = start + len(part), size - len(part)
            return
        self._file.flush()
        source.read_bytes += size
        while size:
            done = os.sendfile(self._descriptor, source.descriptor, start, size)
            if done == 0:
                raise corrupt("it ends too early")
            start, size = start + done, size - done
        self._told()
