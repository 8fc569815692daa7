"""The port of a recording that is read in ranges by code that decodes it."""

from __future__ import annotations

from typing import Protocol

MOST_READ = 256 << 10
"""Bytes that are asked of a source at once, at most."""


class RangeSource(Protocol):
    """A recording that is read in ranges: the only thing that a decoder knows of it. It holds no key and names no file."""

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        ...

    def read(self, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last``, all of them.

        Whatever it raises (a lease that was revoked, a store that is away) ends the decoding and reaches the caller unchanged. It is
        called by the thread that asked for the decoding, and never after that call returned.
        """
        ...
