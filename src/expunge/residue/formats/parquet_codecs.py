"""Decompress pages of Parquet (``Compression.md``), never to more than the page says."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import cramjam
import lz4.block
import zstandard

from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.matching.session import TooLarge

PLAIN, SNAPPY, GZIP, LZO, BROTLI, LZ4, ZSTD, LZ4_RAW = range(8)
_MOST = 1 << 28


def unpack(codec: int, data: bytes, size: int) -> bytes:
    """Decode one page.

    Raises:
        Broken: it does not decode to ``size`` bytes.
        TooLarge: it would take too much memory.
        Unsupported: this codec is not known.
    """
    if size > _MOST:
        raise TooLarge
    if size < 0:
        raise Broken
    if codec == PLAIN:
        return data
    if codec not in _CODECS:
        raise Unsupported
    if not data and not size:
        return b""
    out = _decoded(codec, data, size)
    if len(out) != size:
        raise Broken
    return out


def _decoded(codec: int, data: bytes, size: int) -> bytes:
    try:
        return _CODECS[codec](data, size)
    except (
        cramjam.DecompressionError,
        lz4.block.LZ4BlockError,
        zstandard.ZstdError,
        zlib.error,
        ValueError,
        OverflowError,
        RuntimeError,
    ) as error:
        raise Broken from error
    except MemoryError as error:
        raise TooLarge from error


def unpacked_within(codec: int, data: bytes, most: int) -> bytes:
    """Decode a block of which only the largest size is known. Raises as :func:`unpack`."""
    if codec == SNAPPY:
        # its size stands before it
        try:
            size = cramjam.snappy.decompress_raw_len(data)
        except (cramjam.DecompressionError, ValueError, OverflowError) as error:
            raise Broken from error
        if size > most:
            raise TooLarge
        return unpack(codec, data, size)
    if most > _MOST:
        raise TooLarge
    return _decoded(codec, data, most)


def guess(data: bytes, size: int) -> bytes:
    """Decode a page of unknown codec. Raises Broken when none fits."""
    for codec in (ZSTD, GZIP, SNAPPY, LZ4_RAW, LZ4, BROTLI):
        try:
            return unpack(codec, data, size)
        except Broken:
            continue
    if len(data) == size:
        return data
    raise Broken


def _snappy(data: bytes, size: int) -> bytes:
    if cramjam.snappy.decompress_raw_len(data) != size:
        raise Broken
    return bytes(cramjam.snappy.decompress_raw(data))


def _gzip(data: bytes, size: int) -> bytes:
    out = b""
    while data and len(out) < size:
        inner = zlib.decompressobj(47)
        out += inner.decompress(data, size + 1 - len(out))
        if not inner.eof:
            break
        data = inner.unused_data
    return out


def _brotli(data: bytes, size: int) -> bytes:
    out = bytearray(size + 1)
    count = cramjam.brotli.decompress_into(data, out)
    return bytes(out[:count])


def _zstd(data: bytes, size: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(data, read_across_frames=True)
    parts: list[bytes] = []
    left = size + 1
    while left > 0 and (part := reader.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _lz4_raw(data: bytes, size: int) -> bytes:
    return bytes(lz4.block.decompress(data, uncompressed_size=size))


def _lz4(data: bytes, size: int) -> bytes:
    """Hadoop's framing, blocks with both sizes before them; some writers left it out."""
    parts: list[bytes] = []
    at = total = 0
    while at + 8 <= len(data) and total < size:
        plain, packed = int.from_bytes(data[at : at + 4], "big"), int.from_bytes(data[at + 4 : at + 8], "big")
        if plain > size - total or at + 8 + packed > len(data):
            return _lz4_raw(data, size)
        parts.append(_lz4_raw(data[at + 8 : at + 8 + packed], plain))
        total += plain
        at += 8 + packed
    return b"".join(parts) if total == size else _lz4_raw(data, size)


_CODECS: dict[int, Callable[[bytes, int], bytes]] = {
    SNAPPY: _snappy,
    GZIP: _gzip,
    BROTLI: _brotli,
    LZ4: _lz4,
    ZSTD: _zstd,
    LZ4_RAW: _lz4_raw,
}
