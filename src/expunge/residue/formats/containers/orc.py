"""Read ORC files stream by stream (ORC specification v1), independently of the stores. Values that a plain search does not see are decoded.

The end of the file says where the stripes are and how they are packed. Where it is missing, chunks are taken one after the other from the
start of the file, and their codec is tried out. Statistics, in the index of each stripe and in the end of the file, are read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from expunge.residue.formats.containers.orc_values import NONE, Message, chunks, message, messages, number, numbers
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

MAGIC = b"ORC"
_TAIL = b"\x82\xf4\x03\x03ORC"
"""The last field of the last message: the magic again. One byte, the size of that message, follows."""
_NAMES = ("plain", "zlib", "snappy", "lzo", "lz4", "zstd", "brotli")
_TRIES = (1, 5, 2, 4, 6)
_MOST = 1 << 24
_WHOLE = 1 << 26
_BLOCK = 1 << 20
_AHEAD = 1 << 30
_NUMBERS = {2: "<i2", 3: "<i4", 4: "<i8"}
_DATA = 1
_DIRECT, _DIRECT_V2 = 0, 2

Skip = Callable[[str], None]
Run = tuple[int, str, Iterator[bytes]]


class End(NamedTuple):
    """What the end of the file says."""

    kind: int
    most: int
    footer: Message
    start: int
    """Where the statistics and the list of stripes begin ..."""
    stop: int
    """... and end."""


def runs(source: Slice, skip: Skip, *, sure: bool) -> Iterator[Run]:
    """Yield (offset, how it was hidden, pieces) for what the streams of each stripe decode to.

    Args:
        source: begins with an ORC file, and may go on beyond it.
        skip: told ``corrupt``, ``unsupported`` or ``encrypted`` for each thing that could not be read.
        sure: a file begins here, so that what is damaged counts; anywhere else the magic may be chance, or be cut up by a container.

    Raises:
        TooLarge: here or while pieces are taken; a chunk would take too much memory.
    """

    def count(reason: str) -> None:
        if sure or reason != "corrupt":
            skip(reason)

    try:
        end = end_of(source, source.size)
        found = _tried(source) if end is None else 0
        if end is None and (found or sure):
            end = _find(source)
    except Unsupported:
        skip("unsupported")
        return
    if end is None:
        count("corrupt")
        if found:
            yield 3, "orc", _until_broken(chunks(source, 3, source.size, found, 1 << 18))
        return
    if 10 in end.footer:
        count("encrypted")
    name = f"orc {_NAMES[end.kind] if end.kind < len(_NAMES) else 'unknown'}"
    if end.kind != NONE:
        yield end.start, name, _guarded(chunks(source, end.start, end.stop, end.kind, end.most), count)
    kinds = [number(each, 1) for each in messages(end.footer, 4)]
    for stripe in messages(end.footer, 3):
        start, index, data, size = (number(stripe, key) for key in (1, 2, 3, 4))
        yield from _stripe(source, end, name, kinds, (start, start + index + data, size), count)


def _stripe(source: Slice, end: End, name: str, kinds: list[int], places: tuple[int, int, int], skip: Skip) -> Iterator[Run]:
    at, stop, size = places
    try:
        about = message(b"".join(chunks(source, stop, stop + size, end.kind, end.most)))
        streams = messages(about, 1)
        encodings = [number(each, 1) for each in messages(about, 2)]
    except Broken:
        skip("corrupt")
        streams, encodings = [], []
    for stream in streams:
        kind, column, length = (number(stream, key) for key in (1, 2, 3))
        if at + length > stop:
            skip("corrupt")
            break
        width = _NUMBERS.get(kinds[column] if column < len(kinds) else -1)
        encoding = encodings[column] if column < len(encodings) else _DIRECT_V2
        parts = chunks(source, at, at + length, end.kind, end.most)
        if kind == _DATA and width is not None:
            yield at, name, _guarded(_unpacked(parts, width, old=encoding == _DIRECT), skip)
        elif end.kind != NONE:
            yield at, name, _guarded(parts, skip)
        at += length
    if at < stop and end.kind != NONE:
        yield at, name, _guarded(chunks(source, at, stop, end.kind, end.most), skip)


def _unpacked(parts: Iterator[bytes], width: str, *, old: bool) -> Iterator[bytes]:
    """Numbers as they would lie one after the other; runs go over the borders of chunks."""
    whole = bytearray()
    for part in parts:
        whole += part
        if len(whole) > _WHOLE:
            raise TooLarge
    batch = bytearray()
    for run in numbers(bytes(whole), old=old):
        batch += run.astype(width).tobytes()
        if len(batch) >= _BLOCK:
            yield bytes(batch)
            batch.clear()
    yield bytes(batch)


def _guarded(parts: Iterator[bytes], skip: Skip) -> Iterator[bytes]:
    try:
        yield from parts
    except Broken:
        skip("corrupt")
    except Unsupported:
        skip("unsupported")


def _until_broken(parts: Iterator[bytes]) -> Iterator[bytes]:
    return _guarded(parts, lambda _: None)


def _find(source: Slice) -> End | None:
    """The end of the file, where other bytes follow it."""
    found: End | None = None
    at = 0
    while found is None and at < min(source.size, _AHEAD):
        block = source.read_at(at, _BLOCK + len(_TAIL))
        place = -1
        while found is None and (place := block.find(_TAIL, place + 1)) >= 0:
            found = end_of(source, at + place + len(_TAIL) + 1)
        at += _BLOCK
    return found


def end_of(source: Slice, stop: int) -> End | None:
    """Return the end of a file that stops there; None where none does. Raises Unsupported where the codec is not known."""
    last = source.read_at(stop - 1, 1) if stop > 16 else b""
    size = last[0] if last else 0
    tail = source.read_at(stop - 1 - size, size) if 0 < size < stop else b""
    if not tail.endswith(MAGIC):
        return None
    try:
        fields = message(tail)
        kind, most = number(fields, 2), number(fields, 3, 1 << 18)
        footer_end = stop - 1 - size
        footer_start = footer_end - number(fields, 1)
        start = footer_start - number(fields, 5)
        if most > _MOST:
            raise TooLarge
        if start < 3:
            return None
        footer = message(b"".join(chunks(source, footer_start, footer_end, kind, most)))
        stripes = messages(footer, 3)
        messages(footer, 4)
    except Broken:
        return None
    # a file that only ends here, and does not begin at the start of the bytes, has its stripes elsewhere
    if any(number(each, 1) + sum(number(each, key) for key in (2, 3, 4)) > start for each in stripes) or number(footer, 2) > start:
        return None
    return End(kind, most, footer, start, footer_end)


def _tried(source: Slice) -> int:
    """Return the codec with which the first chunk decodes; 0 for none."""
    size = int.from_bytes(source.read_at(3, 3), "little") >> 1
    for kind in _TRIES:
        try:
            if size and sum(map(len, chunks(source, 3, min(source.size, 6 + size), kind, 1 << 18))) > 0:
                return kind
        except (Broken, Unsupported, TooLarge):
            continue
    return 0
