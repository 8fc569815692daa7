"""The values of one page of a Parquet file of which all bytes are told apart (``Encodings.md``): levels, codes, values, nothing behind."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import zstandard

from expunge.residue.formats import parquet_codecs as codecs
from expunge.residue.formats import parquet_values as encodings
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet import DATA_V2, DICTIONARY, Chunk, Page
from expunge.residue.formats.parquet_thrift import ThriftReader, inner, number

Numbers: TypeAlias = npt.NDArray[np.int64]
BOOLEAN = 0
_RUNS = 3
"""Truth values in runs."""
_BIT_PACKED = 4
"""The older encoding of levels, without a length."""
_CODED = frozenset({encodings.PLAIN_DICTIONARY, encodings.RLE_DICTIONARY})


class Slack(Exception):
    """Bytes of a page that belong to no value."""


@dataclass(frozen=True)
class PageValues:
    """The content of one page."""

    values: tuple[bytes, ...] = ()
    """Distinct values of a data page; all of a dictionary, in order."""
    codes: Numbers | None = None
    """Distinct places in the dictionary that a data page has."""
    rows: int = 0
    """Rows that begin in a data page."""
    header: bytes = b""


def page_values(page: Page, body: bytes, chunk: Chunk) -> PageValues:
    """Take a page apart.

    Raises:
        Slack: bytes belong to no value.
        Unsupported: it has an encoding that is not taken apart here.
        Broken, TooLarge: it cannot be decoded.
    """
    if page.kind == DICTIONARY:
        count = number(inner(page.header, 7) or {}, 1)
        return PageValues(tuple(_plain(_unpacked(chunk.codec, body, page.size), 0, count, chunk)))
    if page.kind == DATA_V2:
        about = inner(page.header, 8) or {}
        slots, repeated, defined = number(about, 1), number(about, 6), number(about, 5)
        cuts = body[:repeated], body[repeated : repeated + defined]
        levels = tuple(_level(cut, most, slots) for cut, most in zip(cuts, (chunk.column.repeated, chunk.column.defined), strict=True))
        packed, size = body[repeated + defined :], page.size - repeated - defined
        data, at, encoding = (_unpacked(chunk.codec, packed, size) if about.get(7, True) else packed), 0, number(about, 4)
    else:
        about = inner(page.header, 5) or {}
        slots, encoding = number(about, 1), number(about, 2)
        data, at = _unpacked(chunk.codec, body, page.size), 0
        found = []
        for most, how in ((chunk.column.repeated, number(about, 4)), (chunk.column.defined, number(about, 3))):
            if most and how == _BIT_PACKED:
                raise Unsupported
            size = 4 + int.from_bytes(data[at : at + 4], "little") if most else 0
            found.append(_level(data[at + 4 : at + size], most, slots))
            at += size
        levels = tuple(found)
    rows = slots if levels[0] is None else int(np.count_nonzero(levels[0] == 0))
    count = slots if levels[1] is None else int(np.count_nonzero(levels[1] == chunk.column.defined))
    return _data(data, at, encoding, count, rows, chunk)


def _data(data: bytes, at: int, encoding: int, count: int, rows: int, chunk: Chunk) -> PageValues:
    if encoding in _CODED:
        if not count and at >= len(data):
            return PageValues(codes=np.empty(0, np.int64), rows=rows)
        return PageValues(codes=np.unique(runs(data, at + 1, count, data[at])), rows=rows)
    if encoding == _RUNS and chunk.column.kind == BOOLEAN:
        if len(data) - at != 4 + int.from_bytes(data[at : at + 4], "little"):
            raise Slack
        return PageValues(tuple(bytes([each]) for each in np.unique(runs(data, at + 4, count, 1)).tolist()), rows=rows)
    if encoding == encodings.SPLIT and chunk.column.width:
        if len(data) - at != count * chunk.column.width:
            raise Slack
        data, at = encodings.joined(data[at:], chunk.column.width), 0
    elif encoding != encodings.PLAIN:
        raise Unsupported
    return PageValues(tuple(dict.fromkeys(_plain(data, at, count, chunk))), rows=rows)


def _plain(data: bytes, at: int, count: int, chunk: Chunk) -> list[bytes]:
    """So many values that lie one after the other up to the end."""
    kind, width = chunk.column.kind, chunk.column.width
    if kind == BOOLEAN:
        bits = np.unpackbits(np.frombuffer(data[at:], np.uint8), bitorder="little")
        if len(bits) != -(-count // 8) * 8 or bits[count:].any():
            raise Slack
        return [bytes([each]) for each in np.unique(bits[:count]).tolist()]
    if width:
        if len(data) - at != count * width:
            raise Slack
        return [data[place : place + width] for place in range(at, len(data), width)]
    found = []
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    if at != len(data) or len(found) != count:
        raise Slack
    return found


def _level(data: bytes, most: int, count: int) -> Numbers | None:
    return runs(data, 0, count, most.bit_length()) if most else None


def runs(data: bytes, at: int, count: int, width: int) -> Numbers:
    """Return so many numbers of ``width`` bits, in runs of equal and packed ones up to the end. Raises Slack and Broken."""
    if width > 32:
        raise Broken
    reader, parts, left = ThriftReader(data, at), list[Numbers](), count
    while left > 0 and reader.at < len(data):
        head = reader.varint()
        if head & 1:
            many = (head >> 1) * 8
            part = encodings.unpack(data, reader.at, many, width).astype(np.int64)
            reader.at += (head >> 1) * width
            # the last run is filled up to eight
            if part[left:].any() or many - left >= 8:
                raise Slack
        else:
            size = (width + 7) // 8
            if head >> 1 > left:
                raise Slack
            part = np.full(head >> 1, int.from_bytes(data[reader.at : reader.at + size], "little"), np.int64)
            reader.at += size
        parts.append(part[:left])
        left -= len(parts[-1])
    if left or reader.at != len(data):
        raise Slack
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def _unpacked(codec: int, data: bytes, size: int) -> bytes:
    """Decode one page. Raises Slack where bytes follow the end of what is packed."""
    out = codecs.unpack(codec, data, size)
    if codec == codecs.GZIP and data:
        stream = zlib.decompressobj(47)
        stream.decompress(data)
        if stream.unused_data or not stream.eof:
            raise Slack
    elif codec == codecs.ZSTD and data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        frame.decompress(data)
        if frame.unused_data or not frame.eof:
            raise Slack
    return out
