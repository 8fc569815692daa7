"""Read single values of the columns of bytes and of text in an Arrow or Feather file (Arrow IPC format), batch by batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from expunge.residue.formats.containers.split_values import split
from expunge.residue.formats.decoders import MAKERS, Broken, Unsupported
from expunge.residue.formats.slices import Slice
from expunge.residue.matching.session import TooLarge

MAGIC = b"ARROW1"
_NEXT = b"\xff\xff\xff\xff"
_SCHEMA, _DICTIONARY, _BATCH = 1, 2, 3
_CODECS = ("lz4", "zstd")
_READ = 1 << 20
_MOST = 1 << 28
_DEEPEST = 64
_PADDING = 64
_INT, _BINARY, _TEXT, _LIST, _STRUCT, _UNION, _FIXED, _FIXED_LIST, _MAP = 2, 4, 5, 12, 13, 14, 15, 16, 17
_LARGE_BINARY, _LARGE_TEXT, _LARGE_LIST, _RUNS, _BINARY_VIEW, _TEXT_VIEW, _LIST_VIEW, _LARGE_LIST_VIEW = 19, 20, 21, 22, 23, 24, 25, 26
_BUFFERS = {1: 0, _LIST: 2, _LARGE_LIST: 2, _MAP: 2, _STRUCT: 1, _FIXED_LIST: 1, _RUNS: 0, _LIST_VIEW: 3, _LARGE_LIST_VIEW: 3}
"""Buffers of a type beside those of its children; two where it is not named."""


class _Table:
    """A table of a flatbuffer."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data, self._at = data, at
        self._fields = at - self._number(at, 4)
        if not 0 <= self._fields <= len(data) - 4:
            raise Broken

    def _number(self, at: int, size: int) -> int:
        if not 0 <= at <= len(self._data) - size:
            raise Broken
        return int.from_bytes(self._data[at : at + size], "little", signed=True)

    def _place(self, key: int) -> int:
        if 6 + 2 * key > self._number(self._fields, 2):
            return 0
        offset = self._number(self._fields + 4 + 2 * key, 2)
        return self._at + offset if offset else 0

    def number(self, key: int, size: int, default: int = 0) -> int:
        place = self._place(key)
        return self._number(place, size) if place else default

    def table(self, key: int) -> _Table | None:
        place = self._place(key)
        return _Table(self._data, place + self._number(place, 4)) if place else None

    def _vector(self, key: int) -> tuple[int, int]:
        place = self._place(key)
        if not place:
            return 0, 0
        at = place + self._number(place, 4)
        count = self._number(at, 4)
        if not 0 <= count <= len(self._data):
            raise Broken
        return at + 4, count

    def tables(self, key: int) -> list[_Table]:
        at, count = self._vector(key)
        return [_Table(self._data, each + self._number(each, 4)) for each in range(at, at + 4 * count, 4)]

    def pairs(self, key: int) -> list[tuple[int, int]]:
        at, count = self._vector(key)
        return [(self._number(each, 8), self._number(each + 8, 8)) for each in range(at, at + 16 * count, 16)]

    def numbers(self, key: int) -> list[int]:
        at, count = self._vector(key)
        return [self._number(each, 8) for each in range(at, at + 8 * count, 8)]


def _root(data: bytes) -> _Table:
    return _Table(data, int.from_bytes(data[:4], "little"))


@dataclass(frozen=True)
class _Buffers:
    """Some buffers of a batch that follow one another."""

    count: int
    wide: int = 0
    """Bytes of an offset where the last two are offsets and values."""
    width: int = 0
    """Bytes of a value where the last one is values of the same length."""
    view: bool = False
    """Whether values follow in as many buffers as the batch says."""


@dataclass
class _Layout:
    """The buffers of a file's batches."""

    columns: list[_Buffers] = field(default_factory=list)
    dictionaries: dict[int, list[_Buffers]] = field(default_factory=dict)

    def add(self, column: _Table, into: list[_Buffers], depth: int = 0) -> None:
        """Add those of a column to a list."""
        if depth > _DEEPEST:
            raise TooLarge
        coded = column.table(4)
        if coded is not None:
            into.append(_Buffers(2))
            into = self.dictionaries.setdefault(coded.number(0, 8), [])
            if into:
                return
        kind, about = column.number(2, 1), column.table(3)
        if kind in {_BINARY, _TEXT, _LARGE_BINARY, _LARGE_TEXT}:
            into.append(_Buffers(3, wide=4 if kind in {_BINARY, _TEXT} else 8))
        elif kind == _FIXED:
            into.append(_Buffers(2, width=about.number(0, 4) if about is not None else 0))
        elif kind in {_BINARY_VIEW, _TEXT_VIEW}:
            into.append(_Buffers(2, view=True))
        elif kind == _UNION:
            into.append(_Buffers(2 if about is not None and about.number(0, 2) else 1))
        elif kind > _LARGE_LIST_VIEW or kind < 1:
            raise Unsupported
        else:
            into.append(_Buffers(_BUFFERS.get(kind, 2)))
        for each in column.tables(5):
            self.add(each, into, depth + 1)


def cells(source: Slice, least: int) -> Iterator[bytes]:
    """Yield each value of at least so many bytes, and buffers that hold such values one behind the other.

    Raises:
        Broken: it is no whole file.
        TooLarge: something would take too much memory.
        Unsupported: a type or a codec that is not known.
    """
    tail = source.read_at(source.size - 10, 10)
    stop = source.size - 10 - int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or stop < 8:
        raise Broken
    layout, at = _Layout(), 8
    while at < stop:
        head = source.read_at(at, 8)
        begin = at + 4
        if head[:4] == _NEXT:
            head, begin = head[4:], at + 8
        size = int.from_bytes(head[:4], "little")
        if not size:
            at = begin
            break
        if begin + size > stop:
            raise Broken
        said = _root(source.read_at(begin, size))
        yield from _message(source, said, begin + size, layout, least)
        at = begin + size + max(0, said.number(3, 8))
    if not 0 <= stop - at <= _PADDING or source.read_at(at, stop - at).strip(b"\0"):
        raise Broken


def _message(source: Slice, said: _Table, body: int, layout: _Layout, least: int) -> Iterator[bytes]:
    kind, header = said.number(1, 1), said.table(2)
    if header is None:
        raise Broken
    if kind == _SCHEMA:
        if header.number(0, 2):
            raise Unsupported
        for column in header.tables(1):
            layout.add(column, layout.columns)
    elif kind == _DICTIONARY:
        data = header.table(1)
        if data is None:
            raise Broken
        yield from _batch(source, data, body, layout.dictionaries.get(header.number(0, 8), []), least)
    elif kind == _BATCH:
        yield from _batch(source, header, body, layout.columns, least)
    else:
        raise Unsupported


def _batch(source: Slice, batch: _Table, body: int, columns: list[_Buffers], least: int) -> Iterator[bytes]:
    packed = batch.table(3)
    codec = packed.number(0, 1) if packed is not None else -1
    if codec >= len(_CODECS):
        raise Unsupported
    places = [(body + start, size) for start, size in batch.pairs(2)]
    more = iter(batch.numbers(4))
    at = 0
    for each in columns:
        at += each.count
        last = places[at - each.count : at]
        if len(last) < each.count:
            raise Broken
        if each.wide:
            offsets = np.frombuffer(_whole(source, *last[-2], codec), dtype=f"<i{each.wide}")
            yield from split(_pieces(source, *last[-1], codec), [*offsets[:1].tolist(), *np.diff(offsets).tolist()], least)
        elif each.width >= least:
            whole = _whole(source, *last[-1], codec)
            yield from (whole[first : first + each.width] for first in range(0, len(whole), each.width))
        elif each.view:
            for place in places[at : at + (count := next(more, 0))]:
                yield _whole(source, *place, codec)
            at += count
    if at != len(places):
        raise Broken


def _whole(source: Slice, at: int, size: int, codec: int) -> bytes:
    out = bytearray()
    for piece in _pieces(source, at, size, codec):
        out += piece
        if len(out) > _MOST:
            raise TooLarge
    return bytes(out)


def _pieces(source: Slice, at: int, size: int, codec: int) -> Iterator[bytes]:
    """Yield what a buffer holds: packed behind its length, or as it is."""
    end = at + size
    if size < 0 or end > source.size:
        raise Broken
    decoder = None
    if codec >= 0 and size:
        if source.read_at(at, 8) != _NEXT * 2:
            decoder = MAKERS[_CODECS[codec]]()
        at += 8
    step = decoder.piece if decoder is not None else _READ
    while at < end and not (decoder is not None and decoder.done):
        piece = source.read_at(at, min(step, end - at))
        if not piece:
            raise Broken
        at += len(piece)
        if decoder is None:
            yield piece
        else:
            yield from decoder.feed(piece)
