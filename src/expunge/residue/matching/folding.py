"""Text folded: small and capital letters, a space and a new line, are the same. Bytes stay as many, so that places stay where they are.

Two foldings belong together. :func:`shape` replaces each byte by itself alone and is fast; different letters may come out alike. What comes
out alike of :func:`text` comes out alike of the first as well, but for some letters beyond Latin-1, Greek and Cyrillic.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_Bytes = npt.NDArray[np.uint8]

_SPACES = b"\t\n\v\f\r"
_CAPITALS, _SMALL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz"
SPACED = bytes.maketrans(_SPACES, b" " * len(_SPACES))
_TEXT = bytes.maketrans(_CAPITALS + _SPACES, _SMALL + b" " * len(_SPACES))


def _shapes() -> bytes:
    """Letters in UTF-8 differ from their capitals in bits 4 and 5 of a byte that follows, and in the lowest of the first one."""
    table = bytearray(_TEXT)
    for each in range(0x80, 0xC0):
        table[each] = each | 0x30
    table[0xCF], table[0xD1] = 0xCE, 0xD0
    return bytes(table)


_SHAPE = _shapes()
_ASCII = 0x80
_PIECE = 1 << 17
"""Bytes that are folded together: what a search needs besides stays in the caches."""


def shape(window: bytes) -> bytes:
    """Return what an anchor is made of."""
    return window.translate(_SHAPE)


def text(window: bytes) -> bytes:
    """Return what a digest of text is made of: as many bytes, and each letter small of which that has as many bytes as the capital."""
    if window.isascii():
        return window.translate(_TEXT)
    letters = window.decode("utf-8", "surrogateescape").translate(_LETTERS)
    return letters.encode("utf-8", "surrogateescape").translate(_TEXT)


class _Letters(dict[int, int]):
    """Small letters of capitals, made when they are first met."""

    def __missing__(self, letter: int) -> int:
        capital = chr(letter)
        small = capital.lower()
        alike = len(small) == 1 and not 0xD800 <= letter < 0xE000 and len(small.encode()) == len(capital.encode())
        self[letter] = ord(small) if alike else letter
        return self[letter]


_LETTERS = _Letters()


class Folder:
    """Makes the shapes of parts of a buffer, in memory of its own."""

    def __init__(self, size: int) -> None:
        piece = min(size, _PIECE)
        self._out, self._other, self._mask = np.empty(size, np.uint8), np.empty(piece, np.uint8), np.empty(piece, np.bool_)

    def shape(self, part: _Bytes) -> _Bytes:
        """Return the shape of a part; the next call overwrites it."""
        out = self._out[: part.size]
        self.shape_into(part, out)
        return out

    def shape_into(self, part: _Bytes, out: _Bytes) -> None:
        """Write the shape of any bytes; they may be written over."""
        for at in range(0, part.size, _PIECE):
            self._fold(part[at : at + _PIECE], out[at : at + _PIECE])

    def _fold(self, part: _Bytes, out: _Bytes) -> None:
        other, mask = self._other[: part.size], self._mask[: part.size]
        ones = mask.view(np.uint8)
        # Why so: each of these steps takes many bytes at once, a table takes one; and with the number first a comparison is faster.
        np.subtract(part, 65, out=other)
        np.greater(26, other, out=mask)
        np.multiply(ones, 32, out=other)
        np.bitwise_or(other, part, out=out)
        np.subtract(part, 9, out=other)
        np.greater(len(_SPACES), other, out=mask)
        np.subtract(32, out, out=other)
        np.multiply(other, ones, out=other)
        np.add(out, other, out=out)
        if part.max() >= _ASCII:
            np.subtract(part, 0x80, out=other)
            np.greater(0x40, other, out=mask)
            np.multiply(ones, 0x30, out=other)
            np.bitwise_or(out, other, out=out)
            np.subtract(part, 0xCE, out=other)
            np.greater(4, other, out=mask)
            np.bitwise_and(part, ones, out=other)
            np.subtract(out, other, out=out)
