"""Cells and records of SQLite's b-tree pages (file format 1.6 and 2.1)."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

INDEX_INTERIOR, TABLE_INTERIOR, INDEX_LEAF, TABLE_LEAF = 0x02, 0x05, 0x0A, 0x0D
INTERIOR = frozenset({INDEX_INTERIOR, TABLE_INTERIOR})
KINDS = INTERIOR | {INDEX_LEAF, TABLE_LEAF}
ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}

Value = int | float | str | bytes | None


class DamagedPage(Exception):
    """A page that is not what the file's structure makes it."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a b-tree page, as offsets into the page."""

    start: int
    end: int
    payload: int
    """The first byte of the record."""
    local: int
    """Bytes of the record on this page."""
    size: int
    """Bytes of the whole record; 0 for a cell that holds only a key of the tree's inside."""
    rowid: int
    """0 in an index."""
    overflow: int
    """Number of the page on which the record goes on, 0 where it ends here."""


@dataclass(frozen=True, slots=True)
class TreePage:
    """The image of a b-tree page and its cells' offsets."""

    image: bytes
    kind: int
    head: int
    """The first byte of the page's header: 100 on page 1, else 0."""
    first: int
    """The first byte after the array of cell pointers."""
    starts: tuple[int, ...]
    """Offsets of the cells, ascending."""

    @classmethod
    def of(cls, image: bytes, number: int) -> TreePage:
        """Read the header of a page. Raises DamagedPage."""
        head = 100 if number == 1 else 0
        kind = image[head] if len(image) > head + 12 else 0
        if kind not in KINDS:
            raise DamagedPage
        array = head + (12 if kind in INTERIOR else 8)
        count = int.from_bytes(image[head + 3 : head + 5], "big")
        first = array + 2 * count
        if first > len(image):
            raise DamagedPage
        return cls(image, kind, head, first, tuple(sorted(struct.unpack_from(f">{count}H", image, array))))

    def children(self) -> list[int]:
        """Return the numbers of the pages below an interior page, in the sequence of their keys."""
        array = self.head + 12
        pointers = struct.unpack_from(f">{len(self.starts)}H", self.image, array)
        found = [int.from_bytes(self.image[start : start + 4], "big") for start in pointers]
        return [*found, int.from_bytes(self.image[self.head + 8 : self.head + 12], "big")]

    def row_keys(self) -> list[int]:
        """Return the keys between the pages below an interior page of a table. Raises DamagedPage."""
        return [key - (1 << 64) if key >> 63 else key for key in (varint(self.image, start + 4)[0] for start in self.starts)]

    def cell(self, start: int, usable: int) -> Cell:
        """Read the cell at an offset of :attr:`starts`. Raises DamagedPage."""
        at = start + 4 if self.kind in INTERIOR else start
        if self.kind == TABLE_INTERIOR:
            _, end = varint(self.image, at)
            return Cell(start, end, end, 0, 0, 0, 0)
        size, at = varint(self.image, at)
        rowid = 0
        if self.kind == TABLE_LEAF:
            rowid, at = varint(self.image, at)
            rowid = rowid - (1 << 64) if rowid >> 63 else rowid
        local = local_size(size, usable, table=self.kind == TABLE_LEAF)
        end = at + local
        overflow = 0
        if local < size:
            overflow = int.from_bytes(self.image[end : end + 4], "big")
            end += 4
        if end > usable:
            raise DamagedPage
        return Cell(start, end, at, local, size, rowid, overflow)


def local_size(size: int, usable: int, *, table: bool) -> int:
    """Return how many bytes of a record lie on the b-tree page itself (file format 1.6)."""
    most = most_local(usable, table=table)
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    local = least + (size - least) % (usable - 4)
    return local if local <= most else least


def most_local(usable: int, *, table: bool) -> int:
    """Return the size of the largest record that needs no other page."""
    return usable - 35 if table else (usable - 12) * 64 // 255 - 23


def varint(data: bytes, at: int) -> tuple[int, int]:
    """Return an integer of variable length and the offset after it. Raises DamagedPage."""
    try:
        byte = data[at]
        if byte < 0x80:
            return byte, at + 1
        value = byte & 0x7F
        for following in range(at + 1, at + 8):
            byte = data[following]
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                return value, following + 1
        return value << 8 | data[at + 8], at + 9
    except IndexError:
        raise DamagedPage from None


Read = Callable[[int, int], bytes]
"""Return ``count`` bytes of a record from ``start``; fewer where it ends. Raises DamagedPage."""


@dataclass(frozen=True, slots=True)
class Record:
    """The values of one record, read when they are asked for."""

    read: Read
    types: Sequence[int]
    """Serial types."""
    places: Sequence[int]
    """Where each value begins."""
    encoding: str

    @classmethod
    def of(cls, read: Read, encoding: str) -> Record:
        """Read the header of a record. Raises DamagedPage."""
        size, at = varint(read(0, 9), 0)
        header = read(0, size)
        types: list[int] = []
        places: list[int] = []
        place = size
        while at < size:
            kind, at = varint(header, at)
            types.append(kind)
            places.append(place)
            place += _length(kind)
        return cls(read, types, places, encoding)

    def __len__(self) -> int:
        """The number of values."""
        return len(self.types)

    def value(self, number: int) -> Value:
        """Read one value; numbers below zero count from the end. Raises DamagedPage."""
        try:
            kind, place = self.types[number], self.places[number]
        except IndexError:
            raise DamagedPage from None
        size = _length(kind)
        data = self.read(place, size) if size else b""
        if len(data) != size:
            raise DamagedPage
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind < _REAL:
            return int.from_bytes(data, "big", signed=True)
        if kind == _REAL:
            return float(struct.unpack(">d", data)[0])
        if kind < _BLOB:
            raise DamagedPage
        return data.decode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "replace") if kind % 2 else data


_CONSTANTS = {0: None, 8: 0, 9: 1}
_REAL, _BLOB = 7, 12
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)


def _length(kind: int) -> int:
    return _SIZES[kind] if kind < _BLOB else (kind - _BLOB) // 2


def key_text(key: Sequence[Value]) -> str:
    """Return a primary key as a JSON array; bytes are objects ``{"b": hex}``."""
    return json.dumps([{"b": value.hex()} if isinstance(value, bytes) else value for value in key])
