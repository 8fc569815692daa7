"""Read single values of the columns of bytes in a Parquet file, page by page: as they stand in dictionaries and in pages."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.residue.formats import parquet_codecs as codecs
from expunge.residue.formats import parquet_values as values
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet import DICTIONARY, Chunk, footer_of, opened, page_at
from expunge.residue.formats.slices import Slice

_CODED = {values.PLAIN_DICTIONARY, values.RLE_DICTIONARY}


def cells(source: Slice, least: int) -> Iterator[bytes]:
    """Yield each value of at least so many bytes. Text is a value of bytes as well: what a schema calls it proves nothing.

    Raises Broken, Unsupported, TooLarge.
    """
    footer = footer_of(source)
    if footer is None:
        raise Broken
    for chunk in footer.chunks:
        column = chunk.column
        if column.kind == values.BYTE_ARRAY or (column.kind == values.FIXED and column.width >= least):
            yield from (each for each in _chunk(source, chunk) if len(each) >= least)


def _chunk(source: Slice, chunk: Chunk) -> Iterator[bytes]:
    at, width = chunk.start, chunk.column.width
    while at < chunk.end:
        page = page_at(source, at, chunk.end)
        if page is None:
            raise Broken
        body = source.read_at(page.start, page.end - page.start)
        if page.kind == DICTIONARY:
            yield from _plain(codecs.unpack(chunk.codec, body, page.size), 0, width)
        elif page.kind != 1:
            data, start, encoding, _ = opened(page, body, chunk)
            yield from _values(data, start, encoding, width)
        at = page.end


def _values(data: bytes, at: int, encoding: int, width: int) -> Iterator[bytes]:
    if encoding == values.PLAIN:
        yield from _plain(data, at, width)
    elif encoding == values.DELTA_LENGTH:
        sizes, at = values.delta_packed(data, at)
        for size in sizes.tolist():
            if size < 0 or at + size > len(data):
                raise Broken
            yield data[at : at + size]
            at += size
    elif encoding == values.DELTA_BYTES:
        for batch in values.delta_bytes(data, at):
            yield from batch
    elif encoding == values.SPLIT and width:
        yield from _plain(values.joined(data[at:], width), 0, width)
    elif encoding not in _CODED:
        raise Unsupported


def _plain(data: bytes, at: int, width: int) -> Iterator[bytes]:
    """Yield values that follow one another, each behind its length where they differ."""
    while at < len(data):
        size = width
        if not width:
            size, at = int.from_bytes(data[at : at + 4], "little"), at + 4
        if at + size > len(data):
            raise Broken
        yield data[at : at + size]
        at += size
