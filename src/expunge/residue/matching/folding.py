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
        self._out, self._other, self._mask = np.empty(size, np.uint8), np.empty(size, np.uint8), np.empty(size, np.bool_)

    def shape(self, part: _Bytes) -> _Bytes:
        """Return the shape of a part; the next call overwrites it."""
        out, other, mask = self._out[: part.size], self._other[: part.size], self._mask[: part.size]
        # Why so: each of these steps takes many bytes at once, a table takes one.
        np.subtract(part, 65, out=other)
        np.less(other, 26, out=mask)
        np.multiply(mask.view(np.uint8), 32, out=out)
        np.bitwise_or(out, part, out=out)
        np.subtract(part, 9, out=other)
        np.less(other, len(_SPACES), out=mask)
        np.subtract(32, out, out=other)
        np.multiply(other, mask.view(np.uint8), out=other)
        np.add(out, other, out=out)
        if part.max() >= _ASCII:
            np.subtract(part, 0x80, out=other)
            np.less(other, 0x40, out=mask)
            np.multiply(mask.view(np.uint8), 0x30, out=other)
            np.bitwise_or(out, other, out=out)
            np.subtract(part, 0xCE, out=other)
            np.less(other, 4, out=mask)
            np.bitwise_and(part, mask.view(np.uint8), out=other)
            np.subtract(out, other, out=out)
        return out
