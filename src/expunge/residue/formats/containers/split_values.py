"""Cut a stream of values of different lengths into the single ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from expunge.residue.formats.decoders import Broken
from expunge.residue.matching.session import TooLarge

_MOST = 1 << 28


def split(pieces: Iterator[bytes], sizes: Iterable[int], least: int) -> Iterator[bytes]:
    """Yield each value of at least so many bytes, and then what is left of the stream, if that is as much.

    Raises:
        Broken: the stream is shorter than its values.
        TooLarge: a value would take too much memory.
        Unsupported: as the pieces do.
    """
    held, at = bytearray(), 0
    for size in sizes:
        if size < 0:
            raise Broken
        if size > _MOST:
            raise TooLarge
        if len(held) - at < size:
            del held[:at]
            at = 0
            while len(held) < size:
                held += _next(pieces)
        if size >= least:
            yield bytes(held[at : at + size])
        at += size
    del held[:at]
    for piece in pieces:
        held += piece
        if len(held) > _MOST:
            raise TooLarge
    if len(held) >= least:
        yield bytes(held)


def _next(pieces: Iterator[bytes]) -> bytes:
    piece = next(pieces, None)
    if piece is None:
        raise Broken
    return piece
