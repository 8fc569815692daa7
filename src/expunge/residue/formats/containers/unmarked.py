"""Tell containers that begin with nothing of their own: brotli, raw deflate, and LZMA that states its length or has unusual properties.

A run is one of them where its file's name ends accordingly. Raw deflate is told by its first bytes as well: by chance they do not decode
for long, nor end where the run ends. Random bytes decode as brotli too often for that, and trying it takes too long.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

import cramjam

from expunge.residue.formats.decoders import begins_lzma
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

HEAD = 1 << 12
"""Bytes of which it is told."""
_LEAST = 12
_TEXT = 64
"""Bytes of a run that nothing packed begins with, if all of them are ASCII."""
_TELLING = 64
"""Bytes of content from which on it is no chance."""
_WORDS = 8
"""The same, of content that is all printable and ends where the run ends."""
_PRINTABLE = bytes({*range(32, 127), *b"\t\n\r"})
_NAMES = {".br": "brotli", ".lzma": "lzma", ".tlz": "lzma", ".deflate": "deflate"}
_FIRST = 1 << 20
_FULL = "whole buffer"


def kind_of(head: bytes, name: str, size: int) -> str | None:
    """Return which container a run is; None where it is none.

    Args:
        head: its first :data:`HEAD` bytes, or all of them.
        name: the name of the file that the run is; empty where it is none.
        size: how long the run is, or is at least.
    """
    if len(head) < _LEAST or head.isascii():
        return None
    named = _NAMES.get(name[name.rfind(".") :].lower()) if "." in name else None
    if named is not None:
        return named
    if begins_lzma(head[:14]) and 8 <= int.from_bytes(head[5:13], "little") < 1 << 40:
        return "lzma"
    return "deflate" if not head[:_TEXT].isascii() and _deflated(head, size) else None


def _deflated(head: bytes, size: int) -> bool:
    if head[0] & 6 == 6 or (head[0] & 6 == 0 and (head[1] ^ head[3] != 0xFF or head[2] ^ head[4] != 0xFF)):
        return False
    inner = zlib.decompressobj(-15)
    try:
        out = inner.decompress(head, 1 << 16)
    except zlib.error:
        return False
    if inner.eof:
        ends = not inner.unused_data and len(head) == size
        return ends and (len(out) >= _TELLING or (len(out) >= _WORDS and not out.translate(None, _PRINTABLE)))
    return len(out) >= _TELLING and len(head) == HEAD


def _unpacked(data: bytes, out: bytearray) -> tuple[int, str]:
    """Return how many bytes came, and why no more did; empty where the stream has ended."""
    try:
        return int(cramjam.brotli.decompress_into(data, out)), ""
    except (cramjam.DecompressionError, cramjam.CompressionError, ValueError, OverflowError) as error:
        return len(out.rstrip(b"\0")), str(error)


def runs(source: Slice, skip: Callable[[str], None], allowed: int) -> Iterator[tuple[int, str, Iterator[bytes]]]:
    """Yield (offset, how it was hidden, pieces) for a stream of brotli.

    Args:
        source: the stream.
        skip: told ``corrupt`` where it does not decode to its end.
        allowed: bytes of it, packed or not, that may be kept in memory.

    Raises:
        TooLarge: while pieces are taken; it has more, and what fits was yielded.
    """
    yield 0, "brotli", _decoded(source, skip, allowed)


def _decoded(source: Slice, skip: Callable[[str], None], allowed: int) -> Iterator[bytes]:
    if source.size > allowed:
        raise TooLarge
    data, size = source.read_at(0, source.size), min(_FIRST, allowed)
    while True:
        out = bytearray(size)
        count, why = _unpacked(data, out)
        if _FULL not in why or size >= allowed:
            break
        size = min(size * 8, allowed)
    yield bytes(out[:count])
    if _FULL in why:
        raise TooLarge
    if why:
        skip("corrupt")
