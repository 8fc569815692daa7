"""Find compressed values and pieces of long values in bytes of PostgreSQL, by their form alone. A plain search cannot see through them.

Neither line pointers nor schemas are asked, so that deleted tuples, holes of pages and log records are seen like live tuples.

* A compressed value that lies in a tuple (``varatt.h``, ``varattrib_4b``): its size with the low bits 10, then the size of the content in
  30 bits and the method in two, then the compressed bytes; in a page at a multiple of four.
* A piece of a long value, in a table of pieces (TOAST: value, number, bytes) or of large objects (object, page, bytes): a tuple of three
  fields without nulls, whose last has at most 2,048 bytes. Its header has the same bytes in a page and in a log record.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.formats.pglz import LZ4, MOST, PGLZ
from expunge.residue.matching.matcher import Bytes

PAGE = 8192
_LARGEST = 8160
_SMALLEST = 12
_PIECE = 2048 + 4
_SIZE = np.uint32(0xFFFF_0003)
"""Bits of the size of a compressed value that are 2: below, what it is; above, nothing, because a page has room for no larger one."""
_CHUNK = 1 << 16
_THREE_FIELDS = np.uint64(0x00FF_0000_07FF_0000)
_THREE_FIELDS_ARE = np.uint64(0x0018_0000_0003_0000)
Places = npt.NDArray[np.int64]


class CompressedValue(NamedTuple):
    """A compressed value: its bytes are ``[start, end)`` of the buffer and decode to ``size``."""

    start: int
    end: int
    size: int
    method: int


class ToastPiece(NamedTuple):
    """One piece of a long value: its bytes are ``[start, end)``; ``packed`` when it is compressed by itself."""

    start: int
    end: int
    value: int
    number: int
    packed: CompressedValue | None


def _trailing_zeros() -> npt.NDArray[np.int64]:
    return np.array([8 if not byte else (byte & -byte).bit_length() - 1 for byte in range(256)], dtype=np.int64)


_ZEROS = _trailing_zeros()


def word(buffer: Bytes, places: Places) -> Places:
    """The little-endian 32-bit numbers at ``places``, anywhere but in the last three bytes."""
    words: npt.NDArray[np.uint32] = np.ndarray((buffer.size - 3,), dtype="<u4", buffer=buffer, strides=(1,))
    return words[places].astype(np.int64)


def packed(buffer: Bytes, *, aligned: bool) -> list[CompressedValue]:
    """All that may be compressed values in ``buffer``, in order.

    Args:
        buffer: contiguous; whole pages (aligned), or bytes of a log without its page headers.
        aligned: the buffer consists of pages, in whose frames values lie.

    Returns:
        Values, some of which may not be any. Of bytes of a log, their ``end`` may lie beyond the buffer: more is needed to decode them.
    """
    if buffer.size < 32:
        return []
    places = _even(buffer) if aligned else _anywhere(buffer)
    if not places.size:
        return []
    total, info = word(buffer, places) >> 2, word(buffer, places + 4)
    size, method = info & 0x3FFF_FFFF, info >> 30
    keep = (total >= _SMALLEST) & (total <= _LARGEST) & (method <= LZ4) & (size > total - 2)
    keep &= size <= (total - 8) * np.where(method == PGLZ, MOST[PGLZ], MOST[LZ4])
    if aligned:
        keep &= places % PAGE + total <= PAGE
    places, total, size, method = places[keep], total[keep], size[keep], method[keep]
    good = _begins(buffer, places + 8, method)
    rows = zip((places + 8)[good].tolist(), (places + total)[good].tolist(), size[good].tolist(), method[good].tolist(), strict=True)
    return [CompressedValue(*row) for row in rows]


def _even(buffer: Bytes) -> Places:
    """Multiples of four at which the size of a compressed value may be."""
    words = buffer.view("<u4")
    found = [np.empty(0, dtype=np.int64)]
    last = words.size - 2
    room, mask = np.empty(_CHUNK // 4, dtype=np.uint32), np.empty(_CHUNK // 4, dtype=np.bool_)
    for base in range(0, last, _CHUNK // 4):
        count = min(_CHUNK // 4, last - base)
        np.bitwise_and(words[base : base + count], _SIZE, out=room[:count])
        np.equal(room[:count], np.uint32(2), out=mask[:count])
        found.append(mask[:count].nonzero()[0] + base)
    return np.concatenate(found) * 4


def _anywhere(buffer: Bytes) -> Places:
    """Offsets at which the sizes of a compressed value and of its content may be: low bits 10, and zeros where both are small."""
    found = [np.empty(0, dtype=np.int64)]
    last = buffer.size - 12
    mask, other = np.empty(_CHUNK, dtype=np.bool_), np.empty(_CHUNK, dtype=np.bool_)
    room = np.empty(_CHUNK, dtype=np.uint8)
    for base in range(0, last, _CHUNK):
        count = min(_CHUNK, last - base)
        a, b, c = mask[:count], other[:count], room[:count]
        np.bitwise_or(buffer[base + 2 : base + 2 + count], buffer[base + 3 : base + 3 + count], out=c)
        np.equal(c, 0, out=a)
        np.bitwise_and(buffer[base : base + count], 3, out=c)
        np.equal(c, 2, out=b)
        np.logical_and(a, b, out=a)
        np.bitwise_and(buffer[base + 7 : base + 7 + count], 0xBF, out=c)
        np.equal(c, 0, out=b)
        np.logical_and(a, b, out=a)
        found.append(a.nonzero()[0] + base)
    return np.concatenate(found)


def _of_three_fields(buffer: Bytes) -> Places:
    """Offsets at which a tuple may say that it has three fields, none of them null."""
    found = [np.empty(0, dtype=np.int64)]
    last = buffer.size - 20
    mask, other = np.empty(_CHUNK, dtype=np.bool_), np.empty(_CHUNK, dtype=np.bool_)
    for base in range(0, last, _CHUNK):
        count = min(_CHUNK, last - base)
        a, b = mask[:count], other[:count]
        np.equal(buffer[base : base + count], 3, out=a)
        np.equal(buffer[base + 4 : base + 4 + count], 24, out=b)
        np.logical_and(a, b, out=a)
        found.append(a.nonzero()[0] + base)
    places: Places = np.concatenate(found)
    good: Places = places[(buffer[places + 1] & 7) == 0]
    return good


def _begins(buffer: Bytes, places: Places, method: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether the first match refers to something that was decoded before it: chance rarely does."""
    top = buffer.size - 1
    first = buffer[np.minimum(places, top)].astype(np.int64)
    count = np.where(method == PGLZ, _ZEROS[first], first >> 4)
    at = places + 1 + count
    one, two = buffer[np.minimum(at, top)].astype(np.int64), buffer[np.minimum(at + 1, top)].astype(np.int64)
    distance = np.where(method == PGLZ, (one & 0xF0) << 4 | two, one | two << 8)
    open_end = np.where(method == PGLZ, count == 8, count == 15) | (at >= top)
    good: npt.NDArray[np.bool_] = open_end | ((distance >= 1) & (distance <= count))
    return good


def parts(buffer: Bytes, *, aligned: bool) -> list[ToastPiece]:
    """All that may be pieces of long values in ``buffer``, in order; see :func:`packed`."""
    if buffer.size < 64:
        return []
    if aligned:
        words = buffer[: buffer.size & ~7].view("<u8")
        (found,) = ((words[2:-2] & _THREE_FIELDS) == _THREE_FIELDS_ARE).nonzero()
        places = found * 8 + 24
    else:
        places = _of_three_fields(buffer) + 6
    if not places.size:
        return []
    places = places[places + 16 <= buffer.size]
    number, head = word(buffer, places + 4), word(buffer, places + 8)
    short = head & 1 == 1
    start = places + np.where(short, 9, 12)
    end = places + 8 + np.where(short, (head & 0xFF) >> 1, head >> 2)
    keep = (number < 1 << 20) & (end > start) & (end - start <= np.where(short, 126, _PIECE))
    if aligned:
        keep &= places % PAGE + (end - places) <= PAGE
    keep &= head & 3 != 2
    plain = zip(start[keep].tolist(), end[keep].tolist(), word(buffer, places[keep]).tolist(), number[keep].tolist(), strict=True)
    out = [ToastPiece(*row, None) for row in plain]
    # pages of large objects are compressed one by one
    size = word(buffer, np.minimum(places + 12, buffer.size - 4))
    tight = (
        (head & 3 == 2) & (number < 1 << 20) & (head >> 2 > 8) & (head >> 2 <= _PIECE) & (size & 0x3FFF_FFFF <= 2048) & (size >> 30 <= LZ4)
    )
    if aligned:
        tight &= places % PAGE + 8 + (head >> 2) <= PAGE
    for place in places[tight].tolist():
        value, count, total, info = (int.from_bytes(buffer[place + at : place + at + 4].tobytes(), "little") for at in (0, 4, 8, 12))
        inner = CompressedValue(place + 16, place + 8 + (total >> 2), info & 0x3FFF_FFFF, info >> 30)
        out.append(ToastPiece(inner.start, inner.end, value, count, inner))
    return out
