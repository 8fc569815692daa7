"""Finds in bytes of PostgreSQL what a plain search cannot see through: compressed values and pieces of long ones, by their look alone.

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

from expunge.residue.matcher import Bytes
from expunge.residue.pglz import LZ4, MOST, PGLZ

PAGE = 8192
_LARGEST = 8160
_SMALLEST = 12
_PIECE = 2048 + 4
_THREE_FIELDS = np.uint64(0x00FF_0000_07FF_0000)
_THREE_FIELDS_ARE = np.uint64(0x0018_0000_0003_0000)
Places = npt.NDArray[np.int64]


class Packed(NamedTuple):
    """A compressed value: its bytes are ``[start, end)`` of the buffer and decode to ``size``."""

    start: int
    end: int
    size: int
    method: int


class Part(NamedTuple):
    """One piece of a long value: its bytes are ``[start, end)``; ``packed`` when it is compressed by itself."""

    start: int
    end: int
    value: int
    number: int
    packed: Packed | None


def _trailing_zeros() -> npt.NDArray[np.int64]:
    return np.array([8 if not byte else (byte & -byte).bit_length() - 1 for byte in range(256)], dtype=np.int64)


_ZEROS = _trailing_zeros()


def _word(buffer: Bytes, places: Places) -> npt.NDArray[np.int64]:
    """The little-endian 32-bit numbers at ``places``."""
    out = buffer[places].astype(np.int64)
    for shift in (1, 2, 3):
        out |= buffer[places + shift].astype(np.int64) << (8 * shift)
    return out


def packed(buffer: Bytes, *, aligned: bool) -> list[Packed]:
    """All that may be compressed values in ``buffer``, in order.

    Args:
        buffer: contiguous; whole pages (aligned), or bytes of a log without its page headers.
        aligned: the buffer consists of pages, in whose frames values lie.

    Returns:
        Values, some of which may not be any. Of bytes of a log, their ``end`` may lie beyond the buffer: more is needed to decode them.
    """
    if buffer.size < 32:
        return []
    if aligned:
        words = buffer.view("<u4")
        (near,) = ((words[:-2] - np.uint32(_SMALLEST << 2)) <= np.uint32((_LARGEST - _SMALLEST) << 2 | 2)).nonzero()
        near = near[(words[near] & 3) == 2]
        places = near * 4
    else:
        last = buffer.size - 12
        zero = buffer == 0
        mask = zero[2 : last + 2] & zero[3 : last + 3]
        mask &= (buffer[:last] & 3) == 2
        mask &= (buffer[7 : last + 7] & 0xBF) == 0
        (places,) = mask.nonzero()
    if not places.size:
        return []
    total, info = _word(buffer, places) >> 2, _word(buffer, places + 4)
    size, method = info & 0x3FFF_FFFF, info >> 30
    keep = (total >= _SMALLEST) & (total <= _LARGEST) & (method <= LZ4) & (size > total - 2)
    keep &= size <= (total - 8) * np.where(method == PGLZ, MOST[PGLZ], MOST[LZ4])
    if aligned:
        keep &= places % PAGE + total <= PAGE
    places, total, size, method = places[keep], total[keep], size[keep], method[keep]
    good = _begins(buffer, places + 8, method)
    rows = zip((places + 8)[good].tolist(), (places + total)[good].tolist(), size[good].tolist(), method[good].tolist(), strict=True)
    return [Packed(*row) for row in rows]


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


def parts(buffer: Bytes, *, aligned: bool) -> list[Part]:
    """All that may be pieces of long values in ``buffer``, in order; see :func:`packed`."""
    if buffer.size < 64:
        return []
    if aligned:
        words = buffer[: buffer.size & ~7].view("<u8")
        (found,) = ((words[2:-2] & _THREE_FIELDS) == _THREE_FIELDS_ARE).nonzero()
        places = found * 8 + 24
    else:
        last = buffer.size - 20
        (found,) = ((buffer[:last] == 3) & (buffer[4 : last + 4] == 24)).nonzero()
        found = found[(buffer[found + 1] & 7) == 0]
        places = found + 6
    if not places.size:
        return []
    places = places[places + 16 <= buffer.size]
    number, head = _word(buffer, places + 4), _word(buffer, places + 8)
    short = head & 1 == 1
    start = places + np.where(short, 9, 12)
    end = places + 8 + np.where(short, (head & 0xFF) >> 1, head >> 2)
    keep = (number < 1 << 20) & (end > start) & (end - start <= np.where(short, 126, _PIECE))
    if aligned:
        keep &= places % PAGE + (end - places) <= PAGE
    keep &= head & 3 != 2
    plain = zip(start[keep].tolist(), end[keep].tolist(), _word(buffer, places[keep]).tolist(), number[keep].tolist(), strict=True)
    out = [Part(*row, None) for row in plain]
    # pages of large objects are compressed one by one
    size = _word(buffer, np.minimum(places + 12, buffer.size - 4))
    tight = (
        (head & 3 == 2) & (number < 1 << 20) & (head >> 2 > 8) & (head >> 2 <= _PIECE) & (size & 0x3FFF_FFFF <= 2048) & (size >> 30 <= LZ4)
    )
    if aligned:
        tight &= places % PAGE + 8 + (head >> 2) <= PAGE
    for place in places[tight].tolist():
        value, count, total, info = (int.from_bytes(buffer[place + at : place + at + 4].tobytes(), "little") for at in (0, 4, 8, 12))
        inner = Packed(place + 16, place + 8 + (total >> 2), info & 0x3FFF_FFFF, info >> 30)
        out.append(Part(inner.start, inner.end, value, count, inner))
    return out
