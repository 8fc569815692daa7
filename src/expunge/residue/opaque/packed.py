"""Containers that decode to their end: how far they reach, and what they hold, which is accounted for in its turn."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from expunge.residue.formats import parquet, parquet_cells, sqlite
from expunge.residue.formats.containers import arrow_cells, orc, orc_cells, seven_zip, unmarked
from expunge.residue.formats.decoders import MAKERS, Broken, Decoder, Encrypted, Unsupported
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

STREAMS = frozenset({"gzip", "zlib", "zstd", "lz4", "bzip2", "xz", "lzma", "deflate", "utf-32"})
"""Kinds of streams that say where they end."""
_READ = 1 << 20


class Refused(Exception):
    """What begins here does not decode to its end."""


def stream(source: Slice, kind: str, take: Callable[[bytes], None]) -> int:
    """Decode a stream that begins at the start of ``source``, hand over what comes out, and return where it ends. Raises Refused."""
    return _decoded(source, 0, MAKERS[kind](), take)


def _decoded(source: Slice, at: int, decoder: Decoder, take: Callable[[bytes], None]) -> int:
    try:
        while data := source.read_at(at, _READ):
            for place in range(0, len(data), decoder.piece):
                piece = data[place : place + decoder.piece]
                for out in decoder.feed(piece):
                    take(out)
                if decoder.done:
                    return at + place + len(piece) - len(_unused(decoder))
            at += len(data)
    except (Broken, TooLarge, Encrypted, Unsupported) as error:
        raise Refused from error
    if not _may_end(decoder):
        raise Refused
    return at


def _may_end(decoder: Decoder) -> bool:
    """Whether a stream has no end of its own: text."""
    return type(decoder).__name__ == "Utf32"


def _unused(decoder: Any) -> bytes:
    inner = getattr(decoder, "_inner", None)
    return bytes(getattr(inner, "unused_data", b"") or b"")


_LOCAL, _CENTRAL, _END, _END_64, _LOCATOR, _DESCRIPTOR = (
    b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08",
)  # fmt: skip
_METHODS = {8: "deflate", 12: "bzip2", 93: "zstd", 95: "xz"}


def archive(source: Slice, member: Callable[[], Callable[[bytes], None]], done: Callable[[], None]) -> int:
    """Read a zip archive from its first member on, and return where it ends.

    Args:
        source: begins with a local header.
        member: called for each member; returns what takes its content.
        done: called when a member has come to its end.

    Raises:
        Refused: when a member is encrypted, or is packed in a way that is not read here.
    """
    at = 0
    while True:
        head = source.read_at(at, 46)
        mark = head[:4]
        if mark == _LOCAL and len(head) >= 30:
            at = _member(source, at, head, member(), done)
        elif mark == _CENTRAL and len(head) == 46:
            at += 46 + sum(struct.unpack("<HHH", head[28:34]))
        elif mark == _END_64 and len(head) >= 12:
            at += 12 + int.from_bytes(head[4:12], "little")
        elif mark == _LOCATOR:
            at += 20
        elif mark == _END and len(head) >= 22:
            return at + 22 + int.from_bytes(head[20:22], "little")
        else:
            return at


def _member(source: Slice, at: int, head: bytes, take: Callable[[bytes], None], done: Callable[[], None]) -> int:
    flags, method = struct.unpack("<HH", head[6:10])
    packed, size = (int.from_bytes(head[at_byte : at_byte + 4], "little") for at_byte in (18, 22))
    name, extra = (int.from_bytes(head[at_byte : at_byte + 2], "little") for at_byte in (26, 28))
    begin = at + 30 + name + extra
    if flags & 1:
        raise Refused
    if packed == 0xFFFFFFFF or size == 0xFFFFFFFF:
        packed = _long_size(source.read_at(at + 30 + name, extra), size == 0xFFFFFFFF)
    if method == 0 and flags & 8 and not packed:
        raise Refused
    if method == 0:
        end = begin + packed
        for place in range(begin, end, _READ):
            take(source.read_at(place, min(_READ, end - place)))
    elif method in _METHODS:
        end = _decoded(source, begin, MAKERS[_METHODS[method]](), take)
        if not flags & 8 and end != begin + packed:
            raise Refused
    elif method == 14:
        end = _decoded(source, at, MAKERS["zip"](), take) if flags & 8 else begin + packed
        if not flags & 8:
            _decoded(_Bounded(source, at, end), 0, MAKERS["zip"](), take)
    else:
        raise Refused
    done()
    if flags & 8:
        mark = source.read_at(end, 4) == _DESCRIPTOR
        short = source.read_at(end + 12 + 4 * mark, 2) == b"PK"
        end += (12 if short else 20) + 4 * mark
    return end


def _long_size(extra: bytes, both: bool) -> int:
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack("<HH", extra[at : at + 4])
        if kind == 1:
            begin = at + 4 + 8 * both
            return int.from_bytes(extra[begin : begin + 8], "little")
        at += 4 + size
    raise Refused


class _Bounded:
    """A stretch with an end."""

    def __init__(self, inner: Slice, start: int, end: int) -> None:
        self._inner, self._start = inner, start
        self.size = max(0, min(end, inner.size) - start)

    def read_at(self, offset: int, count: int) -> bytes:
        """See :class:`expunge.residue.formats.slices.Slice`."""
        return self._inner.read_at(self._start + offset, max(0, min(count, self.size - offset)))

    def part(self, start: int) -> _Bounded:
        """See :class:`expunge.residue.formats.slices.Slice`."""
        return _Bounded(self._inner, self._start + start, self._start + self.size)


def bounded(source: Slice, start: int, end: int) -> Slice:
    """Return a stretch of a slice."""
    return _Bounded(source, start, end)


def tape(source: Slice) -> Iterator[tuple[int, int]]:
    """Yield the stretches of the members of a tar archive (POSIX.1-2017, ustar), the last of them empty: there the archive ends."""
    at = 0
    while (head := source.read_at(at, 512))[257:262] == b"ustar" or (len(head) == 512 and not head.strip(b"\0")):
        if not head.strip(b"\0"):
            at += 512
            continue
        size = int.from_bytes(head[125:136], "big") if head[124] & 0x80 else int(head[124:136].strip(b" \0") or b"0", 8)
        if head[156:157] in b"0\0" or head[156:157] == b"7":
            yield at + 512, min(source.size, at + 512 + size)
        at += 512 + (size + 511) // 512 * 512
    yield min(at, source.size), min(at, source.size)


def whole(source: Slice, kind: str, held: int) -> int:
    """Return where a file that is read at any place ends. Raises Refused where its reader could not read something."""
    skipped: list[str] = []
    if kind == "sqlite":
        head = source.read_at(0, 100)
        return min(source.size, sqlite.extent(head) or source.size)
    if kind in {"sqlite wal", "sqlite journal", "pg_dump", "avro", "snappy"}:
        return _to_the_end(source, kind)
    readers: dict[str, Callable[[], Iterator[tuple[int, str, Iterator[bytes]]]]] = {
        "parquet": lambda: parquet.runs(source, skipped.append),
        "orc": lambda: orc.runs(source, skipped.append, sure=True),
        "brotli": lambda: unmarked.runs(source, skipped.append, held),
        "7z": lambda: seven_zip.runs(source, skipped.append, sure=True),
    }
    left = held
    try:
        for _, _, parts in readers[kind]():
            for part in parts:
                left -= len(part)
                if left < 0:
                    break
    except (Broken, TooLarge, Encrypted, Unsupported) as error:
        raise Refused from error
    if skipped:
        raise Refused
    return min(source.size, seven_zip.extent(source.read_at(0, 32))) if kind == "7z" else source.size


_CELLS = {"parquet": parquet_cells.cells, "orc": orc_cells.cells, "arrow": arrow_cells.cells}
TABLES = frozenset(_CELLS)
"""Kinds of files that hold tables: what one value holds has to be explained by itself."""


def cells(source: Slice, kind: str, least: int) -> Iterator[bytes]:
    """Yield each value, of at least so many bytes, of a file of tables. Raises Refused where its reader could not read something."""
    try:
        yield from _CELLS[kind](source, least)
    except (Broken, TooLarge, Encrypted, Unsupported) as error:
        raise Refused from error


def _to_the_end(source: Slice, kind: str) -> int:
    if kind.startswith("sqlite"):
        return source.size
    decoder = MAKERS[kind]()
    for place in range(0, source.size, decoder.piece):
        try:
            for _ in decoder.feed(source.read_at(place, decoder.piece)):
                pass
        except (Broken, TooLarge, Encrypted, Unsupported) as error:
            raise Refused from error
        if decoder.done:
            return source.size
    if getattr(decoder, "damaged", False):
        raise Refused
    return source.size
