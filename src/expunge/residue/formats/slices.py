"""A stretch of bytes that can be read at any place: of an open file, or of memory."""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Protocol


class Slice(Protocol):
    """``size`` bytes; reading beyond them, or where the file has become shorter, returns fewer."""

    size: int

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset``."""
        ...

    def part(self, start: int) -> Slice:
        """The same stretch from ``start`` on."""
        ...


class FileSlice:
    """A stretch of a file descriptor, read with ``pread`` so that the descriptor's own position stays."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self.size = max(0, size)

    def read_at(self, offset: int, count: int) -> bytes:
        """See :class:`Slice`."""
        count = min(count, self.size - offset)
        if count <= 0 or offset < 0:
            return b""
        parts: list[bytes] = []
        while count > 0:
            part = os.pread(self._descriptor, count, self._start + offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def part(self, start: int) -> FileSlice:
        """See :class:`Slice`."""
        return FileSlice(self._descriptor, self._start + start, self.size - start)


class MemorySlice:
    """A stretch of memory."""

    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, count: int) -> bytes:
        """See :class:`Slice`."""
        if offset < 0 or count <= 0:
            return b""
        return bytes(self._data[offset : offset + count])

    def part(self, start: int) -> MemorySlice:
        """See :class:`Slice`."""
        return MemorySlice(self._data[start:])


class SeekableSlice:
    """A stretch of a file object that can be read at any place. Reading raises what the file raises."""

    def __init__(self, file: BinaryIO, start: int = 0) -> None:
        self._file = file
        self._start = start
        self.size = max(0, file.seek(0, os.SEEK_END) - start)

    def read_at(self, offset: int, count: int) -> bytes:
        """See :class:`Slice`."""
        if offset < 0 or count <= 0:
            return b""
        self._file.seek(self._start + offset)
        return self._file.read(count)

    def part(self, start: int) -> SeekableSlice:
        """See :class:`Slice`."""
        return SeekableSlice(self._file, self._start + start)


class SliceReader(io.RawIOBase):
    """A slice as a file object, for libraries that want one."""

    def __init__(self, inner: Slice) -> None:
        super().__init__()
        self._inner = inner
        self._at = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As for every file."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._inner.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """As for every file."""
        return self._at

    def readinto(self, buffer: object) -> int:
        """As for every file."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        try:
            data = self._inner.read_at(self._at, len(view))
        except OSError:
            # an exception inside a callback of libsndfile would be printed, not raised
            data = b""
        view[: len(data)] = data
        self._at += len(data)
        return len(data)
