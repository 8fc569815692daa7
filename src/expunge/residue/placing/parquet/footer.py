"""The parts of a Parquet file according to its footer, with the places of every bound and statistic in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.parquet import MAGIC, Chunk, columns_of
from expunge.residue.formats.parquet_thrift import Struct, ThriftReader, inner, number, structs
from expunge.residue.formats.slices import Slice

BOUNDS = (1, 2, 5, 6)
"""The fields of a structure of statistics that hold a value of the column."""
_FOOTER = 1 << 28
_INDEX_BOUNDS = (2, 3)


class SpanReader(ThriftReader):
    """A cursor that remembers where each string of bytes lay."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        """Begin at ``at``."""
        super().__init__(data, at)
        # Why by identity: equal values lie in several places. All are kept, so that no two have the same.
        self._spans: dict[int, tuple[int, bytes]] = {}

    def _bytes(self, size: int) -> bytes:
        begin = self.at
        value = super()._bytes(size)
        self._spans[id(value)] = (begin, value)
        return value

    def span(self, value: object) -> tuple[int, int] | None:
        """Return the stretch that a value was read from; None for other things, and for values too short to be told apart."""
        if not isinstance(value, bytes) or len(value) < 2 or id(value) not in self._spans:
            return None
        begin, _ = self._spans[id(value)]
        return begin, begin + len(value)


@dataclass(frozen=True)
class Bound:
    """A value of a column that lies outside of its pages."""

    begin: int
    end: int
    value: bytes = field(repr=False)
    page: int | None = None
    """The data page that it is a bound of; None for all of them."""


@dataclass(frozen=True)
class PlacedChunk:
    """All pages of one column in one row group."""

    chunk: Chunk
    first: int
    """The number of the row group's first row in the file."""
    rows: int
    bounds: tuple[Bound, ...]
    """Those in the footer."""
    index: tuple[int, int]
    """Offset and size of the bounds of its pages; sizes of 0 where there are none."""
    column: int
    """Its number among the columns."""
    group: int
    """The number of its row group in the file that has the pages."""
    file: bytes = b""
    """The path of that file, relative to this one's folder; empty where it is this one."""


@dataclass(frozen=True)
class Footer:
    """What the footer of a file says."""

    start: int
    chunks: tuple[PlacedChunk, ...]
    """By offset."""


def read_footer(source: Slice) -> Footer:
    """Read the footer at the end of a file. Raises Broken where there is none that can be read."""
    tail = source.read_at(source.size - 8, 8) if source.size >= 12 else b""
    size = int.from_bytes(tail[:4], "little")
    start = source.size - 8 - size
    if tail[4:] != MAGIC or start < 4 or size > _FOOTER:
        raise Broken
    reader = SpanReader(source.read_at(start, size))
    try:
        fields = reader.struct()
    except RecursionError as error:
        raise Broken from error
    columns = columns_of(structs(fields, 2))
    chunks: list[PlacedChunk] = []
    first = 0
    groups: Counter[bytes] = Counter()
    for group in structs(fields, 4):
        rows, listed = number(group, 3), structs(group, 1)
        if len(listed) != len(columns) or rows < 0:
            raise Broken
        files = [file if isinstance(file := about.get(1), bytes) else b"" for about in listed]
        for place, (column, about, file) in enumerate(zip(columns, listed, files, strict=True)):
            meta = inner(about, 3)
            if inner(about, 8) is not None or meta is None:
                continue
            data, dictionary, length = number(meta, 9), number(meta, 11), number(meta, 7)
            begin = dictionary if 4 <= dictionary < data else data
            if begin < 4 or length < 0 or (begin + length > start and not file):
                raise Broken
            bounds = tuple(bounds_of(reader, inner(meta, 12) or {}, start))
            index = (number(about, 6), number(about, 7))
            chunk = Chunk(column, number(meta, 4), begin, begin + length)
            chunks.append(PlacedChunk(chunk, first, rows, bounds, index, place, groups[file], file))
        groups.update(set(files))
        first += rows
    return Footer(start, tuple(sorted(chunks, key=lambda each: each.chunk.start)))


def bounds_of(reader: SpanReader, statistics: Struct, base: int, page: int | None = None) -> Iterator[Bound]:
    """Yield the bounds of a structure of statistics that ``reader`` read; its first byte lies at ``base``."""
    for key in BOUNDS:
        value = statistics.get(key)
        if isinstance(value, bytes) and (span := reader.span(value)) is not None:
            yield Bound(base + span[0], base + span[1], value, page)


def page_bounds(source: Slice, index: tuple[int, int]) -> tuple[Bound, ...]:
    """Read the bounds of each page of a chunk (``ColumnIndex`` in ``parquet.thrift``). Raises Broken."""
    at, size = index
    reader = SpanReader(source.read_at(at, size))
    fields = reader.struct()
    found: list[Bound] = []
    for key in _INDEX_BOUNDS:
        listed = fields.get(key)
        for page, value in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(value, bytes) and (span := reader.span(value)) is not None:
                found.append(Bound(at + span[0], at + span[1], value, page))
    return tuple(found)
