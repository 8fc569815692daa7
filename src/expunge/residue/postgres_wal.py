"""Takes the headers out of pages of PostgreSQL's write-ahead log, so that what they cut lies whole, and finds compressed images of pages.

``access/xlog_internal.h``: a page of 8 KiB begins with a header of 24 bytes, the first of a file with one of 40; records go on over pages
and files. ``access/xlogrecord.h``: a record begins at a multiple of eight and says where the record before it lies, by which it is
recognised here without reading those before. Images of pages may be compressed one by one (``wal_compression``).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.matcher import Bytes
from expunge.residue.postgres_sift import PAGE

SHORT, LONG = 24, 40
_FIFTEEN = 0xD110
"""The magic of version 15, which brought LZ4 and zstd and moved the bits."""
_FAR = np.uint64(1 << 26)
_BLOCKS = 33
_ROOM = 64


class Image(NamedTuple):
    """A compressed image: bytes ``[start, end)`` of the log without headers, that decode to a page without its hole."""

    start: int
    end: int
    hole_at: int
    hole: int
    method: str


def is_head(data: Bytes, at: int) -> bool:
    """Whether a page of the log begins at ``at`` of ``data``, which goes on for at least 24 bytes."""
    head = data[at : at + 20].tobytes()
    address = int.from_bytes(head[8:16], "little")
    return (
        0x80 <= head[0] + (head[1] - 0xD0) * 256 < 0x180
        and int.from_bytes(head[2:4], "little") <= 0x0F
        and 0 < int.from_bytes(head[4:8], "little") < 1 << 24
        and address % PAGE == 0
        and 0 < address < 1 << 60
    )


@dataclass
class Log:
    """A stretch of the log without headers, made of pages that follow one another."""

    data: Bytes
    addresses: npt.NDArray[np.uint64]
    """The position in the log (LSN) of every eight bytes."""
    magic: int
    begins: list[int] = field(default_factory=list)
    """Where pages begin in ``data`` ..."""
    offsets: list[int] = field(default_factory=list)
    """... and in the run."""

    def offset(self, place: int) -> int:
        """Where the page lies in the run on which ``place`` is."""
        return self.offsets[max(0, bisect_right(self.begins, place) - 1)]

    def head(self, end: int) -> Log:
        """The same up to ``end``, a multiple of eight."""
        count = sum(each < end for each in self.begins[:8])
        return Log(self.data[:end].copy(), self.addresses[: end // 8].copy(), self.magic, self.begins[:count], self.offsets[:count])

    def tail(self, start: int) -> Log:
        """The same from ``start`` on, a multiple of eight."""
        first = max(0, bisect_right(self.begins, start) - 1)
        begins = [max(0, each - start) for each in self.begins[first:]]
        return Log(self.data[start:].copy(), self.addresses[start // 8 :].copy(), self.magic, begins, self.offsets[first:])

    def followed(self, other: Log) -> Log:
        """This and what comes after it, as one."""
        size = self.data.size
        return Log(
            np.concatenate([self.data, other.data]),
            np.concatenate([self.addresses, other.addresses]),
            other.magic,
            [*self.begins, *(each + size for each in other.begins)],
            [*self.offsets, *other.offsets],
        )


def strip(pages: Bytes, at: int) -> list[tuple[int, int, Log]]:
    """Take the headers out of pages that lie one after the other.

    Args:
        pages: whole pages.
        at: offset of the first in the run.

    Returns:
        (address of the first page, address of the one to come, stretch), a new one wherever a page does not follow the one before it.
    """
    rows = pages.reshape(-1, PAGE)
    heads = rows[:, :16].copy()
    addresses = heads[:, 8:16].copy().view("<u8")[:, 0]
    long = (heads[:, 2] & 2) != 0
    follows = (addresses[1:] == addresses[:-1] + np.uint64(PAGE)) & ~long[1:]
    edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(rows)]
    out = []
    for first, last in pairwise(edges):
        skip = LONG - SHORT if long[first] else 0
        body = np.ascontiguousarray(rows[first:last, SHORT:]).reshape(-1)[skip:]
        spread = addresses[first:last, None] + np.arange(SHORT, PAGE, 8, dtype=np.uint64)[None, :]
        begins = [max(0, number * (PAGE - SHORT) - skip) for number in range(last - first)]
        magic = int(heads[first, 0]) | int(heads[first, 1]) << 8
        log = Log(body, spread.reshape(-1)[skip // 8 :], magic, begins, [at + number * PAGE for number in range(first, last)])
        out.append((int(addresses[first]), int(addresses[last - 1]) + PAGE, log))
    return out


def images(log: Log) -> tuple[list[Image], int]:
    """Compressed images of pages, and where the last record begins that is not there to its end (the size when all are)."""
    size = log.data.size & ~7
    if size < 64:
        return [], 0
    words = log.data[:size].view("<u8")
    distance = log.addresses[: len(words) - 2] - words[1:-1]
    (near,) = ((distance - np.uint64(1)) < _FAR).nonzero()
    starts = near * 8
    heads = words[near]
    total, kind = (heads & np.uint64(0xFFFF_FFFF)).astype(np.int64), words[near + 2]
    # the resource manager is one of some 30, or an extension's, and two bytes after it are zero
    keep = (total >= SHORT) & (total < 1 << 24) & ((kind >> np.uint64(16)) & np.uint64(0xFFFF) == 0)
    starts, total = starts[keep], total[keep]
    cut = starts[starts + total > log.data.size]
    found: list[Image] = []
    for start in _with_images(log, starts[starts + total <= log.data.size]).tolist():
        found += _images(log.data, start, log.magic)
    return found, int(cut.min()) if cut.size else log.data.size


def _bits(magic: int) -> int:
    return 0x1C if magic >= _FIFTEEN else 0x02


def _with_images(log: Log, starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Which of these records seem to hold a compressed image: their block headers are walked side by side."""
    data, bits, top = log.data, _bits(log.magic), log.data.size - 1
    hits = [np.empty(0, dtype=np.int64)]
    at = starts + SHORT
    for number in range(_BLOCKS):
        keep = (at + 24 < top) & (data[np.minimum(at, top)] == number)
        starts, at = starts[keep], at[keep]
        if not starts.size:
            break
        flags = data[at + 1]
        image = flags & 0x10 != 0
        packed = image & (data[at + 8] & bits != 0)
        hits.append(starts[packed])
        hole = packed & (data[at + 8] & 1 != 0)
        at = at + 8 + image * 5 + hole * 2 + (flags & 0x80 == 0) * 12
    return np.unique(np.concatenate(hits))


def _images(data: Bytes, start: int, magic: int) -> list[Image]:
    total = int.from_bytes(data[start : start + 4].tobytes(), "little")
    record = data[start : start + total].tobytes()
    blocks: list[tuple[int, int, int, int, int]] = []
    at, bodies = SHORT, 0
    while total - at > bodies and at + 4 <= total:
        number = record[at]
        if number > 32:
            at += {255: 2, 254: 5, 253: 3, 252: 5}.get(number, total)
            if number >= 254:
                break
            continue
        flags, body = record[at + 1], _number(record, at + 2)
        at += 4
        length = hole_at = info = hole = 0
        if flags & 0x10:
            length, hole_at, info = _number(record, at), _number(record, at + 2), record[at + 4] if at + 4 < total else 0
            at += 5
            if info & _bits(magic) and info & 1:
                hole = _number(record, at)
                at += 2
        at += (0 if flags & 0x80 else 12) + 4
        blocks.append((length, hole_at, info, hole, body))
        bodies += length + body
    out = []
    for length, hole_at, info, hole, body in blocks:
        method = _method(info, magic) if length else ""
        if method and at + length <= total and hole_at + hole <= PAGE:
            out.append(Image(start + at, start + at + length, hole_at, hole, method))
        at += length + body
    return out


def _number(record: bytes, at: int) -> int:
    return int.from_bytes(record[at : at + 2], "little")


def _method(info: int, magic: int) -> str:
    if magic < _FIFTEEN:
        return "pglz" if info & 2 else ""
    return "pglz" if info & 4 else "lz4" if info & 8 else "zstd" if info & 16 else ""
