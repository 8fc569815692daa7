"""The pages of a column chunk: headers, compression, levels.

Source: apache/parquet-format, README.md and parquet.thrift.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import zstandard

from expunge.errors import CouldNotLook
from expunge.stores.parquet.format.bit_packing import Bytes, HybridRuns, Integers, hybrid, lists, runs
from expunge.stores.parquet.format.footer import Chunk, SchemaLeaf, corrupt
from expunge.stores.parquet.format.thrift import I32, STRUCT, Struct, dump, parse

Positions = npt.NDArray[np.int64]
Buffer = bytes | memoryview

DATA, INDEX, DICTIONARY, DATA_V2 = range(4)
RLE = 3
UNCOMPRESSED, SNAPPY, GZIP, LZO, BROTLI, LZ4_HADOOP, ZSTD, LZ4_RAW = range(8)
NAMES = {SNAPPY: "snappy", GZIP: "gzip", BROTLI: "brotli", ZSTD: "zstd", LZ4_RAW: "lz4_raw"}
LEVELS = {GZIP: 4, BROTLI: 3}
"""The file does not say with which level it was written; these are as cheap as any writer's default or cheaper."""
LARGEST_PAGE = 2**31 - 1


class _Local(threading.local):
    """One zstd context per thread, as contexts are dear and not to be shared."""

    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=1)


_local = _Local()


def decompress(codec: int, data: Buffer, size: int) -> Bytes:
    """Return ``size`` bytes. Raises CouldNotLook for bytes that do not unpack to that size."""
    if codec == UNCOMPRESSED:
        found = np.frombuffer(data, np.uint8)
    elif codec == LZ4_HADOOP:
        found = _hadoop(memoryview(data), size)
    elif size == 0:
        found = np.zeros(0, np.uint8)
    else:
        found = np.frombuffer(_unpacked(codec, data, size), np.uint8)
    if len(found) != size:
        raise corrupt("a page has not the size that its header says")
    return found


def _unpacked(codec: int, data: Any, size: int) -> pa.Buffer:
    if codec not in NAMES:
        raise CouldNotLook("a Parquet file uses a compression that is not known here", help="erase with the program that wrote it")
    try:
        return pa.Codec(NAMES[codec]).decompress(pa.py_buffer(data), decompressed_size=size)
    except (OSError, pa.ArrowException, ValueError):
        raise corrupt("a page does not decompress") from None


def _hadoop(data: memoryview, size: int) -> Bytes:
    """Blocks of LZ4, each with both its sizes before it, as Hadoop writes them; a bare block from writers that left the sizes out."""
    parts: list[Bytes] = []
    at = done = 0
    while at + 8 <= len(data):
        whole, packed = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
        if done + whole > size or at + 8 + packed > len(data):
            return np.frombuffer(_unpacked(LZ4_RAW, data, size), np.uint8)
        parts.append(np.frombuffer(_unpacked(LZ4_RAW, data[at + 8 : at + 8 + packed], whole), np.uint8))
        at, done = at + 8 + packed, done + whole
    return np.concatenate(parts) if parts else np.zeros(0, np.uint8)


def compress(codec: int, data: bytes) -> bytes:
    """``data`` in the codec of its column, at a cheap level."""
    if codec == UNCOMPRESSED:
        return data
    if codec == ZSTD:
        return _local.packer.compress(data)
    if codec == LZ4_HADOOP:
        packed: bytes = pa.Codec("lz4_raw").compress(data, asbytes=True)
        return len(data).to_bytes(4, "big") + len(packed).to_bytes(4, "big") + packed
    if not data and codec in {SNAPPY, LZ4_RAW}:
        return b"\0"
    # As bytes: the view of a pyarrow buffer that was made smaller keeps its old length.
    made_smaller: bytes = pa.Codec(NAMES[codec], compression_level=LEVELS.get(codec)).compress(data, asbytes=True)
    return made_smaller


@dataclass
class Page:
    """One page: ``head`` is its header as bytes, ``body`` the bytes after it, mostly compressed."""

    header: Struct
    head: memoryview
    body: memoryview

    @property
    def parts(self) -> tuple[memoryview, memoryview]:
        """The bytes to write."""
        return self.head, self.body

    @property
    def size(self) -> int:
        """Bytes with the header."""
        return len(self.head) + len(self.body)

    @property
    def unpacked(self) -> int:
        """Bytes with the header, were the body not compressed."""
        return len(self.head) + int(self.header.value(2))

    @property
    def kind(self) -> int:
        """PageType of parquet.thrift."""
        return int(self.header.value(1))

    @property
    def is_data(self) -> bool:
        """True when the page holds values."""
        return self.kind in {DATA, DATA_V2}

    @property
    def own(self) -> Struct:
        """The header's part for this kind of page."""
        found = self.header.value({DATA: 5, INDEX: 6, DICTIONARY: 7, DATA_V2: 8}.get(self.kind, 0))
        if not isinstance(found, Struct):
            raise corrupt("a page header is incomplete")
        return found

    @property
    def values(self) -> int:
        """Values with nulls, repeated ones counted each; entries of a dictionary."""
        return int(self.own.value(1, 0))

    @property
    def encoding(self) -> int:
        """Encoding of parquet.thrift."""
        return int(self.own.value(4 if self.kind == DATA_V2 else 2, -1))


def walk(chunk: Chunk, data: memoryview) -> Iterator[Page]:
    """The pages of a chunk, in order. Raises CouldNotLook where they do not add up to the chunk."""
    at = seen = 0
    while at < len(data):
        header, end = parse(data[at:])
        end += at
        size = int(header.value(3, -1))
        if size < 0 or end + size > len(data) or not 0 <= int(header.value(2, -1)) <= LARGEST_PAGE:
            raise corrupt("a page does not fit into its column")
        page = Page(header, data[at:end], data[end : end + size])
        if page.is_data:
            if page.values < 0:
                raise corrupt("a page has less than no values")
            seen += page.values
        yield page
        at = end + size
    if seen != chunk.values:
        raise corrupt("the pages of a column do not add up to its values")


@dataclass
class Levels:
    """Definition and repetition levels of a page.

    ``starts`` are the positions among the levels at which a row starts, None for columns without repetition, where each level is a row.
    ``definition`` is one number when all are equal. ``repetition`` is written out for lists in lists only.
    """

    count: int
    starts: Positions | None
    definition: int | Integers
    repetition: Integers | None

    @property
    def rows(self) -> int:
        """Rows that start in this page."""
        return self.count if self.starts is None else len(self.starts)

    def intervals(self, rows: Positions) -> tuple[Positions, Positions]:
        """The stretches of levels, ``(from, to)``, of sorted rows of this page; -1 is the row that started in the page before."""
        if self.starts is None:
            low, high = rows, rows + 1
        else:
            edges = np.concatenate([np.zeros(1, np.int64), self.starts, np.array([self.count])])
            low, high = edges[rows + 1], edges[rows + 2]
        return _merged(low, high)

    def values(self, low: Positions, high: Positions, deepest: int) -> tuple[Positions, Positions, int]:
        """Return the stretches of values that belong to stretches of levels, and the number of values in the page: nulls have none."""
        if isinstance(self.definition, int):
            if self.definition == deepest:
                return low, high, self.count
            return low[:0], high[:0], 0
        held = np.flatnonzero(self.definition == deepest)
        return *_merged(np.searchsorted(held, low), np.searchsorted(held, high)), len(held)

    def without(self, low: Positions, high: Positions) -> Levels:
        """The levels that are left when stretches go."""
        count = self.count - int((high - low).sum())
        definition, repetition, starts = self.definition, self.repetition, self.starts
        if not isinstance(definition, int):
            definition = cut(definition, low, high)
        if repetition is not None:
            repetition = cut(repetition, low, high)
        if starts is not None:
            left = starts[~_inside(starts, low, high)]
            gone = np.concatenate([np.zeros(1, np.int64), np.cumsum(high - low)])
            starts = left - gone[np.searchsorted(low, left, side="right")]
        return Levels(count, starts, definition, repetition)

    def encoded(self, leaf: SchemaLeaf) -> tuple[bytes, bytes]:
        """Repetition and definition levels as bytes, without lengths."""
        repetition = definition = b""
        if self.repetition is not None:
            repetition = hybrid(self.repetition, leaf.max_repetition.bit_length())
        elif self.starts is not None:
            repetition = lists(self.starts, self.count)
        if leaf.max_definition and self.count:
            width = leaf.max_definition.bit_length()
            if isinstance(self.definition, int):
                definition = runs(np.array([self.definition]), np.array([self.count]), width)
            else:
                definition = hybrid(self.definition, width)
        return repetition, definition


def _merged(low: Positions, high: Positions) -> tuple[Positions, Positions]:
    """Without empty stretches, and with neighbours as one."""
    real = high > low
    if not real.all():
        low, high = low[real], high[real]
    if len(low) < 2:
        return low, high
    apart = high[:-1] != low[1:]
    return low[np.concatenate([[True], apart])], high[np.concatenate([apart, [True]])]


def _inside(points: Positions, low: Positions, high: Positions) -> npt.NDArray[np.bool_]:
    which = np.searchsorted(low, points, side="right") - 1
    inside: npt.NDArray[np.bool_] = (which >= 0) & (points < high[which])
    return inside


def cut(values: Any, low: Positions, high: Positions) -> Any:
    """An array without stretches of its rows."""
    parts, at = [], 0
    for start, stop in zip(low.tolist(), high.tolist(), strict=True):
        parts.append(values[at:start])
        at = stop
    parts.append(values[at:])
    return np.concatenate(parts)


@dataclass
class PageContent:
    """A data page, unpacked."""

    levels: Levels
    body: Bytes
    """The encoded values, after the levels."""


def content(page: Page, leaf: SchemaLeaf, codec: int) -> PageContent:
    """Unpack a data page; a wrong checksum is a damaged file."""
    checksum = page.header.value(4)
    if checksum is not None and zlib.crc32(page.body) != checksum & 0xFFFFFFFF:
        raise corrupt("a page's checksum is wrong")
    size = int(page.header.value(2))
    if page.kind == DATA_V2:
        repeated, defined = int(page.own.value(6, 0)), int(page.own.value(5, 0))
        if min(repeated, defined) < 0 or repeated + defined > len(page.body):
            raise corrupt("the levels of a page do not fit")
        head = np.frombuffer(page.body[: repeated + defined], np.uint8)
        rest = page.body[repeated + defined :]
        packed = page.own.value(7, default=True) and len(rest) > 0
        body = decompress(codec if packed else UNCOMPRESSED, rest, size - repeated - defined)
        return PageContent(_levels(leaf, page.values, head[:repeated], head[repeated:]), body)
    data = decompress(codec, page.body, size)
    sections = []
    for deepest, field in ((leaf.max_repetition, 4), (leaf.max_definition, 3)):
        section = data[:0]
        if deepest:
            if page.own.value(field) != RLE:
                raise CouldNotLook(
                    "a Parquet file has levels in an encoding that is not known here", help="erase with the program that wrote it"
                )
            length = int(data[:4].view("<u4")[0]) if len(data) >= 4 else -1
            if not 0 <= length <= len(data) - 4:
                raise corrupt("the levels of a page do not fit")
            section, data = data[4 : 4 + length], data[4 + length :]
        sections.append(section)
    return PageContent(_levels(leaf, page.values, *sections), data)


def _levels(leaf: SchemaLeaf, count: int, repeated: Bytes, defined: Bytes) -> Levels:
    starts, repetition = None, None
    if leaf.max_repetition:
        found = HybridRuns(repeated, count, leaf.max_repetition.bit_length())
        if leaf.max_repetition == 1:
            starts = found.zeros()
        else:
            repetition = found.expand()
            starts = np.flatnonzero(repetition == 0)
    definition: int | Integers = 0
    if leaf.max_definition and count:
        runs_of = HybridRuns(defined, count, leaf.max_definition.bit_length())
        constant = runs_of.constant
        definition = runs_of.expand() if constant is None else constant
    return Levels(count, starts, definition, repetition)


def rebuilt(
    page: Page, levels: Levels, parts: Sequence[Buffer], leaf: SchemaLeaf, codec: int, statistics: Struct | None, encoding: int
) -> Page:
    """A data page with other levels and values, of the same kind and compression as ``page``."""
    repeated, defined = levels.encoded(leaf)
    own = page.own.clone()
    own.put(1, I32, levels.count)
    own.put(4 if page.kind == DATA_V2 else 2, I32, encoding)
    own.drop(8 if page.kind == DATA_V2 else 5)
    header = page.header.clone()
    if page.kind == DATA:
        if statistics is not None:
            own[5] = (STRUCT, statistics)
        header[5] = (STRUCT, own)
        pairs = ((repeated, leaf.max_repetition), (defined, leaf.max_definition))
        heads = [len(each).to_bytes(4, "little") + each for each, deepest in pairs if deepest]
        return made(header, [*heads, *parts], codec)
    if statistics is not None:
        own[8] = (STRUCT, statistics)
    for number, value in ((2, _nulls(levels, leaf)), (3, levels.rows), (5, len(defined)), (6, len(repeated))):
        own.put(number, I32, value)
    header[8] = (STRUCT, own)
    packed = bool(own.value(7, default=True)) and any(map(len, parts))
    return made(header, parts, codec if packed else UNCOMPRESSED, ahead=repeated + defined)


def _nulls(levels: Levels, leaf: SchemaLeaf) -> int:
    if isinstance(levels.definition, int):
        return levels.count if levels.definition < leaf.max_definition else 0
    return int((levels.definition < leaf.max_definition).sum())


def made(header: Struct, parts: Sequence[Buffer], codec: int, *, ahead: bytes = b"") -> Page:
    """A page from its content and a header whose sizes and checksum are to be completed. ``ahead`` goes before it, not compressed."""
    data = b"".join(parts)
    packed = compress(codec, data)
    body = memoryview(ahead + bytes(packed) if ahead else packed)
    header.put(2, I32, len(ahead) + len(data))
    header.put(3, I32, len(body))
    if 4 in header:
        checksum = zlib.crc32(body)
        header.put(4, I32, checksum - (1 << 32) if checksum >> 31 else checksum)
    return Page(header, memoryview(dump(header)), body)
