"""Read Parquet files page by page (``parquet.thrift``), independently of the stores. Values that a plain search does not see are decoded.

The footer says where the pages are and how they are packed. Where it is missing or damaged, and for pages that it does not name, pages are
taken one after the other and their codec is tried out. Statistics, page indexes and metadata lie open in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from expunge.residue.formats import parquet_codecs as codecs
from expunge.residue.formats import parquet_values as values
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet_thrift import Struct, ThriftReader, inner, number, structs
from expunge.residue.formats.slices import Slice

MAGIC = b"PAR1"
_DATA, DICTIONARY, DATA_V2 = 0, 2, 3
_NAMES = ("plain", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4 raw")
_TRIES = (1 << 9, 1 << 16, 1 << 24)
_FOOTER = 1 << 28
_BLOCK = 1 << 20
_AHEAD = 1 << 26
_BATCH = 1 << 17

Skip = Callable[[str], None]
Run = tuple[int, str, Iterator[bytes]]
Rows = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Column:
    """A leaf of the schema."""

    kind: int
    width: int
    """Bytes of a value, 0 where they differ."""
    defined: int
    repeated: int


class Chunk(NamedTuple):
    """All pages of one column in one row group."""

    column: Column
    codec: int
    start: int
    end: int


class Page(NamedTuple):
    """One page: its header, and where its body begins and ends."""

    header: Struct
    kind: int
    start: int
    end: int
    size: int


@dataclass(frozen=True)
class Footer:
    """What the footer says of the places of all pages."""

    chunks: list[Chunk]
    taken: list[tuple[int, int]]
    """What indexes and filters take."""
    start: int
    hidden: int
    """Chunks that are encrypted."""


def begins(head: bytes) -> bool:
    """Return whether the bytes begin a file with at least one page: the magic, then a page's kind and size."""
    return len(head) >= 7 and head[:4] == MAGIC and head[4] == 0x15 and head[5] in {0, 2, 4, 6} and head[6] == 0x15


def runs(source: Slice, skip: Skip) -> Iterator[Run]:
    """Yield (offset, how it was hidden, pieces) for what the pages of each column decode to.

    Args:
        source: begins with a Parquet file, and may go on beyond it.
        skip: told ``corrupt``, ``unsupported`` or ``encrypted`` for each thing that could not be read.

    Raises:
        TooLarge: here or while pieces are taken; a page would take too much memory.
    """
    footer = footer_of(source)
    if footer is None:
        yield 0, "parquet", _carved(source, 4, source.size)
        skip("corrupt")
        return
    for _ in range(footer.hidden):
        skip("encrypted")
    for chunk in footer.chunks:
        name = _NAMES[chunk.codec] if 0 <= chunk.codec < len(_NAMES) else "unknown"
        yield chunk.start, f"parquet {name}", _guarded(_chunk(source, chunk), skip)
    at = 4
    for start, end in sorted([*((each.start, each.end) for each in footer.chunks), *footer.taken, (footer.start, footer.start)]):
        if start - at > 16:
            yield at, "parquet", _carved(source, at, start)
        at = max(at, end)


def _guarded(parts: Iterator[bytes], skip: Skip) -> Iterator[bytes]:
    try:
        yield from parts
    except Broken:
        skip("corrupt")
    except Unsupported:
        skip("unsupported")


def footer_of(source: Slice) -> Footer | None:
    """Return the footer: at the end of the bytes, or where the pages that follow one another have ended; None where there is none."""
    found = _footer(source, source.size)
    if found is not None:
        return found
    at = 4
    while (page := page_at(source, at, source.size)) is not None:
        at = page.end
    until = min(source.size, at + _AHEAD)
    while at < until:
        block = source.read_at(at, _BLOCK + 3)
        place = -1
        while (place := block.find(MAGIC, place + 1)) >= 0:
            found = _footer(source, at + place + 4)
            if found is not None:
                return found
        at += _BLOCK
    return None


def _footer(source: Slice, end: int) -> Footer | None:
    tail = source.read_at(end - 8, 8) if end >= 12 else b""
    size = int.from_bytes(tail[:4], "little")
    start = end - 8 - size
    if tail[4:] != MAGIC or start < 4 or size > _FOOTER:
        return None
    try:
        fields = ThriftReader(source.read_at(start, size)).struct()
        columns = columns_of(structs(fields, 2))
        footer = _chunks(fields, columns, start)
    except (Broken, RecursionError):
        return None
    # a file that only ends here, and does not begin at the start of the bytes, has its pages elsewhere
    for each in (*footer.chunks[:1], *footer.chunks[-1:]):
        if page_at(source, each.start, each.end) is None:
            return None
    return footer


def columns_of(schema: list[Struct]) -> list[Column]:
    """The leaves, in the order of their chunks; each with how often something above it may be missing or repeated."""
    out: list[Column] = []
    # (children left, defined, repeated) of the groups that are open
    above: list[list[int]] = []
    for index, each in enumerate(schema):
        defined, repeated = (above[-1][1], above[-1][2]) if above else (0, 0)
        if above:
            above[-1][0] -= 1
        repetition = number(each, 3) if index else 0
        defined, repeated = defined + (repetition > 0), repeated + (repetition == 2)
        children = number(each, 5)
        if children > 0 or not index:
            above.append([children, defined, repeated])
        else:
            kind = number(each, 1)
            out.append(Column(kind, number(each, 2) if kind == values.FIXED else values.WIDTHS.get(kind, 0), defined, repeated))
        while above and above[-1][0] <= 0:
            above.pop()
    return out


def _chunks(fields: Struct, columns: list[Column], start: int) -> Footer:
    chunks: list[Chunk] = []
    taken: list[tuple[int, int]] = []
    hidden = 0
    for group in structs(fields, 4):
        listed = structs(group, 1)
        if len(listed) != len(columns):
            raise Broken
        for column, each in zip(columns, listed, strict=True):
            meta = inner(each, 3)
            if inner(each, 8) is not None or meta is None:
                hidden += 1
                continue
            data, dictionary, size = number(meta, 9), number(meta, 11), number(meta, 7)
            # Why also behind nothing: of a group without rows there is no data page, and its offset is 0.
            first = dictionary if dictionary >= 4 and (dictionary < data or data < 4) else data
            if first < 4 or size < 0 or first + size > start:
                raise Broken
            chunks.append(Chunk(column, number(meta, 4), first, first + size))
            places = [(number(each, 4), number(each, 5)), (number(each, 6), number(each, 7)), (number(meta, 14), number(meta, 15))]
            taken += [(at, at + size) for at, size in places if at > 0 and size > 0]
    return Footer(chunks, taken, start, hidden)


def page_at(source: Slice, at: int, end: int) -> Page | None:
    """The page whose header is at ``at``, if one is."""
    for count in _TRIES:
        data = source.read_at(at, min(count, end - at))
        reader = ThriftReader(data)
        try:
            header = reader.struct()
            kind, size, packed = number(header, 1, -1), number(header, 2, -1), number(header, 3, -1)
            if 0 <= kind <= DATA_V2 and size >= 0 and packed >= 0 and any(inner(header, key) is not None for key in (5, 6, 7, 8)):
                start = at + reader.at
                return Page(header, kind, start, start + packed, size) if start + packed <= end else None
        except (Broken, RecursionError):
            pass
        if len(data) < count:
            return None
    return None


def _chunk(source: Slice, chunk: Chunk) -> Iterator[bytes]:
    rows: Rows | None = None
    at = chunk.start
    while at < chunk.end:
        page = page_at(source, at, chunk.end)
        if page is None:
            raise Broken
        body = source.read_at(page.start, page.end - page.start)
        if len(body) < page.end - page.start:
            raise Broken
        if page.kind == DICTIONARY:
            data = codecs.unpack(chunk.codec, body, page.size)
            rows = _rows(data, chunk.column.width) if chunk.column.width else values.words(data)
            yield data
        elif page.kind != 1:
            data, start, encoding, count = opened(page, body, chunk)
            yield from _values(data, start, encoding, count, chunk.column, rows)
        at = page.end


def _rows(data: bytes, width: int) -> Rows | None:
    return np.frombuffer(data[: len(data) // width * width], dtype=np.uint8).reshape(-1, width) if width else None


def opened(page: Page, body: bytes, chunk: Chunk) -> tuple[bytes, int, int, int]:
    """Decoded bytes of a data page, where its values begin, their encoding, and how many there are at most."""
    column = chunk.column
    if page.kind == DATA_V2:
        about = inner(page.header, 8) or {}
        levels = number(about, 5) + number(about, 6)
        if not 0 <= levels <= len(body):
            raise Broken
        packed = bool(about.get(7, True))
        data = codecs.unpack(chunk.codec, body[levels:], page.size - levels) if packed else body[levels:]
        return data, 0, number(about, 4), number(about, 1)
    about = inner(page.header, 5) or {}
    data, at, count = codecs.unpack(chunk.codec, body, page.size), 0, number(about, 1)
    for most, encoding in ((column.repeated, number(about, 4)), (column.defined, number(about, 3))):
        if most:
            # 4 is the older way, without a length
            at += (count * most.bit_length() + 7) // 8 if encoding == 4 else 4 + int.from_bytes(data[at : at + 4], "little")
    return data, at, number(about, 2), count


def _values(data: bytes, at: int, encoding: int, count: int, column: Column, rows: Rows | None) -> Iterator[bytes]:
    """The values of a page, as they would lie one after the other."""
    if at > len(data):
        raise Broken
    if encoding in {values.PLAIN, values.DELTA_LENGTH}:
        yield data[at:]
    elif encoding in {values.PLAIN_DICTIONARY, values.RLE_DICTIONARY}:
        # Long strings lie in the dictionary whole. Numbers make up vectors, and words sentences, only in the order of the rows.
        if rows is not None and (column.width or values.shows_words(len(rows), count)):
            yield from _gathered(rows, values.indices(data, at, count))
    elif encoding == values.DELTA_BYTES:
        between = b"" if column.width else bytes(4)
        for batch in values.delta_bytes(data, at):
            yield between.join(batch)
    elif encoding == values.DELTA_PACKED:
        numbers, _ = values.delta_packed(data, at)
        yield numbers.astype("<i4" if column.width == 4 else "<i8").tobytes()
    elif encoding == values.SPLIT:
        if not column.width:
            raise Broken
        yield values.joined(data[at:], column.width)
    elif column.kind != 0:
        raise Unsupported


def _gathered(rows: Rows, places: npt.NDArray[np.int64]) -> Iterator[bytes]:
    if places.size and (not len(rows) or int(places.max()) >= len(rows)):
        raise Broken
    for first in range(0, places.size, _BATCH):
        yield rows[places[first : first + _BATCH]].tobytes()


def _carved(source: Slice, at: int, end: int) -> Iterator[bytes]:
    """What pages hold that no footer tells about: their codec is tried out, and where their values begin."""
    dictionary: tuple[bytes, int] = b"", 0
    while (page := page_at(source, at, end)) is not None:
        at = page.end
        body = source.read_at(page.start, page.end - page.start)
        about = inner(page.header, 8) or inner(page.header, 7) or inner(page.header, 5) or {}
        levels = min(len(body), max(0, number(about, 5) + number(about, 6))) if page.kind == DATA_V2 else 0
        try:
            data = codecs.guess(body[levels:], page.size - levels)
        except (Broken, Unsupported):
            continue
        yield data
        if page.kind == DICTIONARY:
            dictionary = data, number(about, 1)
        elif page.kind != 1:
            yield from _tried(data, number(about, 4 if page.kind == DATA_V2 else 2), number(about, 1), dictionary)


def _tried(data: bytes, encoding: int, count: int, dictionary: tuple[bytes, int]) -> Iterator[bytes]:
    size = len(dictionary[0]) // dictionary[1] if dictionary[1] > 0 else 0
    split = encoding == values.SPLIT
    widths = [each for each in (4, 8) if count * each <= len(data)] if split else [size if size in {4, 8, 12} else 0]
    starts = (
        [0] if encoding not in {values.DELTA_PACKED, values.DELTA_BYTES, values.RLE_DICTIONARY, values.PLAIN_DICTIONARY} else _starts(data)
    )
    for width in widths:
        column = Column(-1, width, 0, 0)
        for start in starts if not split else [len(data) - count * width]:
            try:
                if encoding != values.PLAIN:
                    yield from _values(data, start, encoding, count, column, _rows(dictionary[0], width))
            except (Broken, Unsupported):
                continue


def _starts(data: bytes) -> list[int]:
    """Where values may begin: at once, or after one or two lists of levels."""
    out = [0]
    for _ in range(2):
        at = out[-1] + 4 + int.from_bytes(data[out[-1] : out[-1] + 4], "little")
        if at >= len(data):
            break
        out.append(at)
    return out
