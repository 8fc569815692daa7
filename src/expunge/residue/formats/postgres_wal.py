"""Remove the headers from pages of PostgreSQL's write-ahead log, so that records lie whole, and find compressed images of pages.

``access/xlog_internal.h``: a page of 8 KiB begins with a header of 24 bytes, the first of a file with a header of 40. Records go on over
pages and files. ``access/xlogrecord.h``: a record begins at a multiple of eight and gives the position of the record before it. By this it
is recognised here without reading the earlier records. Images of pages may be compressed one by one (``wal_compression``).
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from expunge.residue.formats.pglz import LZ4, PGLZ, unpack
from expunge.residue.formats.postgres_packed import PAGE, word
from expunge.residue.matching.matcher import Bytes

SHORT, LONG = 24, 40
_FIFTEEN = 0xD110
"""The magic of version 15, which brought LZ4 and zstd and moved the bits."""
_FAR = np.uint32(1 << 26)
_BLOCKS = 33
_ZSTD = zstandard.ZstdDecompressor()
_MOST_EDGES = 2048


class Image(NamedTuple):
    """A compressed image: bytes ``[start, end)`` of the log without headers, that decode to a page without its hole."""

    start: int
    end: int
    hole_at: int
    hole: int
    method: str
    last: bool
    """No record follows its own: it may just be being written."""


def are_heads(heads: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Return a mask of the rows of 24 bytes that are headers of pages of the log (``XLogPageHeaderData``)."""
    magic, info = (heads[:, each : each + 2].copy().view("<u2")[:, 0] for each in (0, 2))
    line = heads[:, 4:8].copy().view("<u4")[:, 0]
    address = heads[:, 8:16].copy().view("<u8")[:, 0]
    good: npt.NDArray[np.bool_] = (magic >= 0xD080) & (magic < 0xD180) & (info <= 0x0F) & (line > 0) & (line < 1 << 24)
    good &= (address % np.uint64(PAGE) == 0) & (address > 0) & (address < 1 << 60)
    return good


@dataclass
class Log:
    """A stretch of the log without headers, made of pages that follow one another."""

    data: Bytes
    magic: int
    fresh: int
    """Where the bytes begin that were not there when the stretch before was read, which are whole pages ..."""
    address: int
    """... and the position in the log (LSN) of the first of these bytes."""
    begins: list[int] = field(default_factory=list)
    """Where pages begin in ``data`` ..."""
    offsets: list[int] = field(default_factory=list)
    """... and in the run."""
    open: list[int] = field(default_factory=list)
    """Records that began before the fresh bytes and were not there to their ends."""

    def offset(self, place: int) -> int:
        """Return the offset of the page in the run on which ``place`` is."""
        return self.offsets[max(0, bisect_right(self.begins, place) - 1)]

    def head(self, end: int) -> Log:
        """The same up to ``end``."""
        count = sum(each < end for each in self.begins[:8])
        return Log(self.data[:end].copy(), self.magic, 0, self.address, self.begins[:count], self.offsets[:count])

    def tail(self, start: int, cut: list[int]) -> Log:
        """The same from ``start`` on, a multiple of eight, with the records in it that go on."""
        first = max(0, bisect_right(self.begins, start) - 1)
        begins = [max(0, each - start) for each in self.begins[first:]]
        data = self.data[start:].copy()
        return Log(data, self.magic, data.size, 0, begins, self.offsets[first:], [each - start for each in cut if each >= start])

    def followed(self, other: Log) -> Log:
        """Return this stretch and the one after it, as one."""
        size = self.data.size
        begins = [*self.begins, *(each + size for each in other.begins)]
        data = np.concatenate([self.data, other.data])
        return Log(data, other.magic, size, other.address, begins, [*self.offsets, *other.offsets], self.open)


class Stretch(NamedTuple):
    """Pages that follow one another, of which only the first may have the long header."""

    first: int
    """The address of the first page ..."""
    following: int
    """... and of the one to come."""
    pages: npt.NDArray[np.uint8]
    """One row a page."""
    skip: int
    offset: int
    """Of the first page in the run."""

    def log(self, before: Log | None) -> Log:
        """The pages without headers, behind what came before them."""
        size = before.data.size if before is not None else 0
        body = self.pages.shape[0] * (PAGE - SHORT) - self.skip
        data = np.empty(size + body, dtype=np.uint8)
        if before is not None:
            data[:size] = before.data
        if self.skip:
            data[size:] = self.pages[0, LONG:]
        else:
            data[size:].reshape(-1, PAGE - SHORT)[:] = self.pages[:, SHORT:]
        magic = int(self.pages[0, 0]) | int(self.pages[0, 1]) << 8
        begins = [size + number * (PAGE - SHORT) for number in range(self.pages.shape[0])]
        offsets = [self.offset + number * PAGE for number in range(self.pages.shape[0])]
        log = Log(data, magic, size, self.first + SHORT + self.skip, begins, offsets)
        if before is not None:
            log.begins[:0], log.offsets[:0], log.open = before.begins, before.offsets, before.open
        return log


def strip(pages: Bytes, at: int) -> list[Stretch]:
    """Part pages that lie one after the other, the first at ``at`` of the run, wherever one does not follow the one before it."""
    rows = pages.reshape(-1, PAGE)
    heads = rows[:, :16].copy()
    addresses = heads[:, 8:16].copy().view("<u8")[:, 0]
    long = (heads[:, 2] & 2) != 0
    # a page with the long header is a stretch of its own, so that within one all are alike
    follows = (addresses[1:] == addresses[:-1] + np.uint64(PAGE)) & ~long[1:] & ~long[:-1]
    edges = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(rows)]
    return [
        Stretch(int(addresses[a]), int(addresses[b - 1]) + PAGE, rows[a:b], LONG - SHORT if long[a] else 0, at + a * PAGE)
        for a, b in pairwise(edges)
    ]


def images(log: Log) -> tuple[list[Image], list[int]]:
    """Compressed images of pages, and where records begin that are not there to their ends."""
    starts = np.concatenate([np.array([*log.open, *_edge(log)], dtype=np.int64), _starts(log)])
    starts = starts[starts + SHORT <= log.data.size]
    total = word(log.data, starts)
    keep = (total >= SHORT) & (total < 1 << 24) & (log.data[starts + 18] == 0) & (log.data[starts + 19] == 0)
    starts, total = starts[keep], total[keep]
    here = starts + total <= log.data.size
    found: list[Image] = []
    for start in _with_images(log, starts[here]).tolist():
        following = -(-(start + int.from_bytes(log.data[start : start + 4].tobytes(), "little")) // 8) * 8
        found += _images(log.data, start, log.magic, last=not (starts == following).any())
    return found, starts[~here].tolist()


def _starts(log: Log) -> npt.NDArray[np.int64]:
    """Where records begin in the fresh bytes: each tells, behind eight bytes, the position of the record before it."""
    size = (log.data.size - log.fresh) & ~7
    if size < 24:
        return np.empty(0, dtype=np.int64)
    halves = log.data[log.fresh : log.fresh + size].view("<u4")
    count = halves.size // 2 - 1
    distance = _positions(count) + np.uint32((log.address - 1) & 0xFFFF_FFFF)
    distance -= halves[2::2]
    (near,) = (distance < _FAR).nonzero()
    high = halves[2 * near + 3].astype(np.int64)
    near = near[(high == log.address >> 32) | (high == (log.address - int(_FAR)) >> 32)]
    starts: npt.NDArray[np.int64] = near * 8 + log.fresh
    return starts


def _edge(log: Log) -> list[int]:
    """Where a record may begin in the eight bytes before the fresh ones, which say nothing of what came before it."""
    at = log.fresh - 8
    if at < 0 or log.data.size < at + SHORT:
        return []
    before = int.from_bytes(log.data[at + 8 : at + 16].tobytes(), "little")
    return [at] if 0 < log.address - before <= int(_FAR) else []


_POSITIONS: list[npt.NDArray[np.uint32]] = [np.empty(0, dtype=np.uint32)]


def _positions(count: int) -> npt.NDArray[np.uint32]:
    """How far every eight bytes lie from the first, headers of pages counted."""
    if _POSITIONS[0].size < count:
        numbers = np.arange(count, dtype=np.int64)
        _POSITIONS[0] = (numbers * 8 + numbers // ((PAGE - SHORT) // 8) * SHORT).astype(np.uint32)
    return _POSITIONS[0][:count]


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


def _images(data: Bytes, start: int, magic: int, *, last: bool) -> list[Image]:
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
        method = method_of(info, magic) if length else ""
        if method and at + length <= total and hole_at + hole <= PAGE:
            out.append(Image(start + at, start + at + length, hole_at, hole, method, last))
        at += length + body
    return out


def unpacked(body: bytes, hole_at: int, hole: int, method: str) -> bytes:
    """Return the page of a compressed image, its hole filled with zeros; empty where it does not decode."""
    if method == "zstd":
        try:
            out = _ZSTD.decompress(body, max_output_size=PAGE - hole)
        except zstandard.ZstdError:
            return b""
    else:
        out, whole = unpack(body, PAGE - hole, {"pglz": PGLZ, "lz4": LZ4}[method])
        out = out if whole else b""
    return out[:hole_at] + bytes(hole) + out[hole_at:] if out else b""


def _number(record: bytes, at: int) -> int:
    return int.from_bytes(record[at : at + 2], "little")


def method_of(info: int, magic: int) -> str:
    """Return how an image is compressed, by its ``bimg_info``: ``pglz``, ``lz4`` or ``zstd``; empty where it is not."""
    if magic < _FIFTEEN:
        return "pglz" if info & 2 else ""
    return "pglz" if info & 4 else "lz4" if info & 8 else "zstd" if info & 16 else ""


class Edges:
    """The ends and beginnings of stretches of the log, by the address in the log, so that files can be read in any sequence."""

    def __init__(self) -> None:
        self._ends: OrderedDict[int, Log] = OrderedDict()
        self._begins: OrderedDict[int, Log] = OrderedDict()

    def end(self, address: int, log: Log) -> Log | None:
        """Record that a stretch ended before this address; return its continuation, if that is known."""
        known = self._begins.pop(address, None)
        if known is None:
            self._ends[address] = log
            if len(self._ends) > _MOST_EDGES:
                self._ends.popitem(last=False)
        return known

    def begin(self, stretch: Stretch) -> Log | None:
        """Record that a stretch begins; return the end of the one before it, if that is known."""
        known = self._ends.pop(stretch.first, None)
        if known is None:
            few = stretch._replace(pages=stretch.pages[:3])
            self._begins[stretch.first] = few.log(None).head(2 * PAGE)
            if len(self._begins) > _MOST_EDGES:
                self._begins.popitem(last=False)
        return known
