"""Read the data of PostgreSQL's custom-format dumps (``pg_dump -Fc``, ``pg_backup_custom.c``), pushed piece by piece.

The table of contents lies open. The data of each table, and each large object, is one compressed stream cut into chunks: before each
stands its length, as a sign and four bytes, and a length of zero ends the stream. The streams are found by what they begin with, so that a
damaged table of contents hides none.
"""

from __future__ import annotations

import re

MAGIC = b"PGDMP"
_STREAM = re.compile(rb"\x00(...)\x00(?:(x[\x01\x5e\x9c\xda])|(\x04\x22\x4d\x18)|(\x28\xb5\x2f\xfd))", re.DOTALL)
"""A chunk of less than 16 MiB that begins a stream of zlib, LZ4 or Zstandard."""
_KINDS = ("zlib", "lz4", "zstd")
_LENGTH = 5
_MOST = 1 << 24
_AHEAD = 9
"""Bytes of which the beginning of a stream is told."""


class Chunks:
    """One dump being read."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._inside = False
        self._left = 0
        """Bytes of the chunk that have still to come."""

    @property
    def torn(self) -> bool:
        """A stream has begun and not ended."""
        return self._inside

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._kept += piece

    def part(self) -> tuple[str, bytes] | None:
        """Return the next part of a stream, and its kind where it begins; an empty part ends it. None when more bytes are needed."""
        if not self._inside:
            found = _STREAM.search(self._kept)
            if found is None:
                del self._kept[: max(0, len(self._kept) - _AHEAD + 1)]
                return None
            kind, start = _KINDS[(found.lastindex or 0) - 2], found.start() + _LENGTH
            self._inside, self._left = True, int.from_bytes(found[1], "little")
            del self._kept[:start]
            return kind, self._taken()
        if not self._left:
            if len(self._kept) < _LENGTH:
                return None
            sign, length = self._kept[0], int.from_bytes(self._kept[1:_LENGTH], "little")
            del self._kept[:_LENGTH]
            if sign or not 0 < length < _MOST:
                self._inside = False
                return "", b""
            self._left = length
        if not self._kept:
            return None
        return "", self._taken()

    def lose(self) -> None:
        """Look for the next stream: this one does not decode any further."""
        self._inside, self._left = False, 0

    def _taken(self) -> bytes:
        out = bytes(self._kept[: self._left])
        del self._kept[: self._left]
        self._left -= len(out)
        return out
