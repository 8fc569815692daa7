"""Undo what ORC packs in its streams (ORC specification v1): chunks of compression, protobuf messages, and runs of numbers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet_codecs import BROTLI, LZ4_RAW, SNAPPY, ZSTD, unpacked_within
from expunge.residue.formats.slices import Slice

NONE, ZLIB = 0, 1
_CODECS = {2: SNAPPY, 4: LZ4_RAW, 5: ZSTD, 6: BROTLI}
_WIDTHS = (*range(1, 25), 26, 28, 30, 32, 40, 48, 56, 64)
_OPEN = 1 << 20
_PIECE = 1 << 12

Message: TypeAlias = "dict[int, list[int | bytes]]"


def message(data: bytes) -> Message:
    """Return the fields of a protobuf message by number, each as often as it comes. Raises Broken."""
    fields: Message = {}
    at = 0
    while at < len(data):
        head, at = varint(data, at)
        value: int | bytes
        if head & 7 == 0:
            value, at = varint(data, at)
        elif head & 7 == 2:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        elif head & 7 in {1, 5}:
            size = 8 if head & 7 == 1 else 4
            value, at = data[at : at + size], at + size
        else:
            raise Broken
        if at > len(data):
            raise Broken
        fields.setdefault(head >> 3, []).append(value)
    return fields


def number(fields: Message, key: int, default: int = 0) -> int:
    """Return the last value of a field that is a number."""
    value = fields.get(key, [default])[-1]
    return value if isinstance(value, int) else default


def messages(fields: Message, key: int) -> list[Message]:
    """Return every value of a field that is a message. Raises Broken."""
    return [message(each) for each in fields.get(key, []) if isinstance(each, bytes)]


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an unsigned number of at most 64 bits, and where it ends. Raises Broken."""
    value = shift = 0
    while shift < 70 and at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
    raise Broken


def chunks(source: Slice, at: int, end: int, kind: int, most: int) -> Iterator[bytes]:
    """Yield what the chunks of a stream decode to: each has a header of three bytes, and at most ``most`` bytes once decoded.

    Raises:
        Broken: something did not decode, after all that did; or the stream does not end where a chunk does.
        Unsupported: an unknown codec.
        TooLarge: it would take too much memory.
    """
    while at < end and kind == NONE:
        piece = source.read_at(at, min(_OPEN, end - at))
        if not piece:
            raise Broken
        at += len(piece)
        yield piece
    broken = False
    while at < end:
        head = int.from_bytes(source.read_at(at, 3), "little")
        size = head >> 1
        body = source.read_at(at + 3, size)
        at += 3 + size
        if at > end or len(body) < size or not size:
            raise Broken
        try:
            if head & 1:
                yield body
            elif kind == ZLIB:
                yield from _inflated(body, most)
            elif kind in _CODECS:
                yield unpacked_within(_CODECS[kind], body, most)
            else:
                raise Unsupported
        except Broken:
            broken = True
    if broken:
        raise Broken


def _inflated(body: bytes, most: int) -> Iterator[bytes]:
    inner, data = zlib.decompressobj(-15), body
    while not inner.eof:
        try:
            out = inner.decompress(data, min(_PIECE, most + 1))
        except zlib.error as error:
            raise Broken from error
        data, most = inner.unconsumed_tail, most - len(out)
        if most < 0 or not (out or inner.eof):
            raise Broken
        yield out
    if inner.unused_data:
        raise Broken


def numbers(data: bytes, *, old: bool, signed: bool = True) -> Iterator[npt.NDArray[np.int64]]:
    """Yield numbers of a stream in run-length encoding, the first version (``old``) or the second. Raises Broken."""
    at = 0
    read = _signed if signed else _unsigned
    while at < len(data):
        try:
            run, at = (_old_run if old else _run)(data, at, read)
        except IndexError as error:
            raise Broken from error
        yield run


def _signed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return (values >> np.uint64(1)).view(np.int64) ^ -((values & np.uint64(1)).view(np.int64))


def _unsigned(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    return values.view(np.int64)


_Read: TypeAlias = Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.int64]]


def _of(value: int, read: _Read = _signed) -> npt.NDArray[np.int64]:
    return read(np.array([value], dtype=np.uint64))


def _old_run(data: bytes, at: int, read: _Read) -> tuple[npt.NDArray[np.int64], int]:
    head, at = data[at], at + 1
    if head < 128:
        step, at = int.from_bytes(data[at : at + 1], "little", signed=True), at + 1
        first, at = varint(data, at)
        return _of(first, read) + np.arange(head + 3, dtype=np.int64) * step, at
    values: list[int] = []
    for _ in range(256 - head):
        value, at = varint(data, at)
        values.append(value)
    return read(np.array(values, dtype=np.uint64)), at


def _run(data: bytes, at: int, read: _Read) -> tuple[npt.NDArray[np.int64], int]:
    kind, code = data[at] >> 6, data[at] >> 1 & 31
    if kind == 0:
        width, count = (data[at] >> 3 & 7) + 1, (data[at] & 7) + 3
        if at + 1 + width > len(data):
            raise Broken
        return np.repeat(_of(int.from_bytes(data[at + 1 : at + 1 + width], "big"), read), count), at + 1 + width
    count = ((data[at] & 1) << 8 | data[at + 1]) + 1
    if kind == 1:
        values, at = _bits(data, at + 2, _WIDTHS[code], count)
        return read(values), at
    return _deltas(data, at + 2, code, count, read) if kind == 3 else _patched(data, at + 2, _WIDTHS[code], count)


def _deltas(data: bytes, at: int, code: int, count: int, read: _Read) -> tuple[npt.NDArray[np.int64], int]:
    first, at = varint(data, at)
    step, at = varint(data, at)
    steps = np.repeat(_of(step), max(0, count - 1))
    if code and count > 2:
        between, at = _bits(data, at, _WIDTHS[code], count - 2)
        steps[1:] = between.view(np.int64) if steps[0] >= 0 else -between.view(np.int64)
    return np.concatenate([_of(first, read), _of(first, read) + np.cumsum(steps)]), at


def _patched(data: bytes, at: int, width: int, count: int) -> tuple[npt.NDArray[np.int64], int]:
    size, patch_width = (data[at] >> 5) + 1, _WIDTHS[data[at] & 31]
    gap_width, patches = (data[at + 1] >> 5) + 1, data[at + 1] & 31
    at += 2
    base = int.from_bytes(data[at : at + size], "big")
    sign = 1 << (size * 8 - 1)
    base = -(base & (sign - 1)) if base & sign else base
    values, at = _bits(data, at + size, width, count)
    together = next((each for each in _WIDTHS if each >= gap_width + patch_width), 0)
    if not together:
        raise Broken
    listed, at = _bits(data, at, together, patches)
    place = 0
    for each in listed.tolist():
        place += each >> patch_width
        if place >= count:
            raise Broken
        values[place] |= np.uint64((each & ((1 << patch_width) - 1)) << width & 0xFFFF_FFFF_FFFF_FFFF)
    return values.view(np.int64) + np.int64(base), at


def _bits(data: bytes, at: int, width: int, count: int) -> tuple[npt.NDArray[np.uint64], int]:
    """Numbers of ``width`` bits each, the highest bit first."""
    end = at + (width * count + 7) // 8
    if end > len(data):
        raise Broken
    bits = np.unpackbits(np.frombuffer(data[at:end], dtype=np.uint8))[: width * count].reshape(count, width)
    whole = np.zeros((count, 64), dtype=np.uint8)
    whole[:, 64 - width :] = bits
    return np.packbits(whole, axis=1).view(">u8").astype(np.uint64).ravel(), end
