"""The metadata of a Parquet file: schema, row groups, column chunks, statistics, key-value metadata.

The parser is our own and keeps every field it does not know, so that a file which is written again loses nothing. Source:
apache/parquet-format, parquet.thrift and README. Offsets and sizes are bytes; row numbers count from 0.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from expunge.errors import CouldNotLook
from expunge.stores.parquet.format.thrift import Struct, parse

MAGIC, ENCRYPTED = b"PAR1", b"PARE"
TAIL = 64 * 1024
REQUIRED, OPTIONAL, REPEATED = range(3)


def corrupt(what: str) -> CouldNotLook:
    """Return the error for a file that is not in its stated format; ``what`` names no subject and no path."""
    return CouldNotLook(f"a Parquet file cannot be read: {what}", help="the file is damaged; restore it or erase it as a whole")


@contextmanager
def damage_is_said(what: str) -> Iterator[None]:
    """Turn errors over damaged bytes into CouldNotLook: fields of other types, impossible lengths and positions."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise corrupt(what) from None


class RandomAccessFile:
    """Random access to a file: by ``pread`` where there is a descriptor, else by ``seek`` and ``read`` under a lock."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = threading.Lock()
        self.read_bytes = 0
        try:
            self.descriptor: int | None = file.fileno()
        except (AttributeError, OSError):
            self.descriptor = None
        self.size = os.fstat(self.descriptor).st_size if self.descriptor is not None else file.seek(0, os.SEEK_END)

    def read(self, at: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``at``. Raises OSError, or CouldNotLook where the file ends before."""
        if at < 0 or length < 0 or at + length > self.size:
            raise corrupt("an offset lies outside")
        if self.descriptor is not None:
            data = os.pread(self.descriptor, length, at)
            while len(data) < length:
                more = os.pread(self.descriptor, length - len(data), at + len(data))
                if not more:
                    raise corrupt("it ends too early")
                data += more
        else:
            with self._lock:
                self._file.seek(at)
                data = self._file.read(length)
            if len(data) < length:
                raise corrupt("it ends too early")
        self.read_bytes += length
        return data


@contextmanager
def opened(source: Path | BinaryIO) -> Iterator[RandomAccessFile]:
    """Random access to a path (closed again afterwards) or to a file that the caller opened (left open)."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield RandomAccessFile(file)
    else:
        yield RandomAccessFile(source)


@dataclass(frozen=True)
class SchemaLeaf:
    """One primitive column of the schema. ``physical`` is the Type of parquet.thrift; ``length`` that of fixed-length byte arrays."""

    path: tuple[str, ...]
    physical: int
    length: int
    max_definition: int
    max_repetition: int
    element: Struct

    @property
    def converted(self) -> int | None:
        """The ConvertedType, where the file has one."""
        found = self.element.value(6)
        return None if found is None else int(found)

    @property
    def logical(self) -> int | None:
        """The member of the union LogicalType that the file gives (1 STRING, 5 DECIMAL, 10 INTEGER, 15 FLOAT16...)."""
        union = self.element.value(10)
        return next(iter(union), None) if union else None


@dataclass(frozen=True)
class Statistics:
    """Bounds as the file stores them (PLAIN, without length); ``low``/``high`` fall back to the deprecated fields."""

    low: bytes | None
    high: bytes | None
    nulls: int | None
    exact: bool


@dataclass(frozen=True)
class Chunk:
    """One column of one row group."""

    leaf: SchemaLeaf
    struct: Struct

    @property
    def meta(self) -> Struct:
        """The ColumnMetaData."""
        found = self.struct.value(3)
        if not isinstance(found, Struct):
            raise corrupt("a column has no metadata")
        return found

    @property
    def codec(self) -> int:
        """CompressionCodec of parquet.thrift."""
        return int(self.meta.value(4, 0))

    @property
    def values(self) -> int:
        """Values with nulls, repeated ones counted each."""
        return int(self.meta.value(5, 0))

    @property
    def start(self) -> int:
        """The offset of its first page, a dictionary included."""
        data, dictionary = int(self.meta.value(9, 0)), int(self.meta.value(11, 0) or 0)
        return dictionary if 0 < dictionary < data else data

    @property
    def size(self) -> int:
        """Bytes of all its pages with their headers, compressed."""
        return int(self.meta.value(7, 0))

    @property
    def statistics(self) -> Statistics | None:
        """Bounds and nulls of the chunk, where the file has them."""
        found = self.meta.value(12)
        if found is None:
            return None
        exact = bool(found.value(7, default=True)) and bool(found.value(8, default=True))
        return Statistics(found.value(6, found.value(2)), found.value(5, found.value(1)), found.value(3), exact)

    @property
    def bloom(self) -> tuple[int, int | None] | None:
        """Offset and length of the bloom filter; older writers leave the length out."""
        at = self.meta.value(14)
        return None if at is None else (int(at), self.meta.value(15))

    @property
    def column_index(self) -> tuple[int, int] | None:
        """Offset and length of the column index."""
        return self._where(6)

    @property
    def offset_index(self) -> tuple[int, int] | None:
        """Offset and length of the offset index."""
        return self._where(4)

    def _where(self, field: int) -> tuple[int, int] | None:
        at, length = self.struct.value(field), self.struct.value(field + 1)
        return None if at is None or length is None else (int(at), int(length))


@dataclass(frozen=True)
class RowGroup:
    """Rows ``first_row`` to ``first_row + rows`` of the file."""

    struct: Struct
    first_row: int
    chunks: tuple[Chunk, ...]

    @property
    def rows(self) -> int:
        """Rows in it."""
        return int(self.struct.value(3, 0))


@dataclass(frozen=True)
class Footer:
    """The whole of it. ``struct`` is the FileMetaData with every field, known or not."""

    struct: Struct
    leaves: tuple[SchemaLeaf, ...]
    row_groups: tuple[RowGroup, ...]
    size: int
    """Bytes of the serialised FileMetaData."""

    @property
    def rows(self) -> int:
        """Rows in it."""
        return int(self.struct.value(3, 0))

    @property
    def key_values(self) -> tuple[tuple[str, str | None], ...]:
        """Key-value metadata, as text (bytes that are not UTF-8 are escaped as surrogates)."""
        found = self.struct.value(5, ())
        return tuple((_text(each.value(1, b"")), None if 2 not in each else _text(each.value(2))) for each in found)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def read(source: Path | BinaryIO) -> Footer:
    """Return the footer of a file.

    Raises OSError, and CouldNotLook (naming neither path nor subject) when it is encrypted or not Parquet.
    """
    with opened(source) as file:
        return read_from(file)


def read_from(file: RandomAccessFile) -> Footer:
    """As :func:`read`, of a file that is open."""
    if file.size < 12:
        raise corrupt("it is too short")
    tail = file.read(max(0, file.size - TAIL), min(TAIL, file.size))
    head = tail[:4] if file.size <= TAIL else file.read(0, 4)
    if ENCRYPTED in {tail[-4:], head}:
        raise CouldNotLook("a Parquet file is encrypted", help="give its keys to the program that owns it and erase there")
    if tail[-4:] != MAGIC or head != MAGIC:
        raise corrupt("it has no Parquet magic")
    length = int.from_bytes(tail[-8:-4], "little")
    if length + 12 > file.size:
        raise corrupt("the footer does not fit")
    data = tail[-8 - length : -8] if length + 8 <= len(tail) else file.read(file.size - 8 - length, length)
    struct, _ = parse(data)
    with damage_is_said("its footer is damaged"):
        return _footer(struct, length)


def _footer(struct: Struct, size: int) -> Footer:
    if 8 in struct or 9 in struct:
        raise CouldNotLook("a Parquet file is encrypted", help="give its keys to the program that owns it and erase there")
    leaves = _leaves(struct.value(2, ()))
    groups: list[RowGroup] = []
    row = 0
    for group in struct.value(4, ()):
        chunks = group.value(1, ())
        if len(chunks) != len(leaves):
            raise corrupt("a row group does not have the columns of the schema")
        group_made = RowGroup(group, row, tuple(map(Chunk, leaves, chunks)))
        _check(group_made)
        groups.append(group_made)
        row += group_made.rows
    if row != struct.value(3, 0):
        raise corrupt("its row groups do not add up to its rows")
    return Footer(struct, leaves, tuple(groups), size)


def _check(group: RowGroup) -> None:
    if group.rows < 0:
        raise corrupt("a row group has less than no rows")
    for chunk in group.chunks:
        if 8 in chunk.struct or 9 in chunk.struct:
            raise CouldNotLook("a column of a Parquet file is encrypted", help="give its keys to the program that owns it and erase there")
        if chunk.struct.value(1):
            raise CouldNotLook("a Parquet file keeps its columns in another file", help="erase in the file that holds the rows")
        if int(chunk.meta.value(1, -1)) != chunk.leaf.physical:
            raise corrupt("a column is not of its schema's type")


def _leaves(elements: list[Struct]) -> tuple[SchemaLeaf, ...]:
    """The leaves in order, from the depth-first list of elements whose first is the root."""
    if not elements:
        raise corrupt("it has no schema")
    found: list[SchemaLeaf] = []
    # (children left, path, definition, repetition) of the open groups, outermost first
    open_groups: list[tuple[int, tuple[str, ...], int, int]] = [(int(elements[0].value(5, 0)), (), 0, 0)]
    for element in elements[1:]:
        while open_groups and open_groups[-1][0] == 0:
            open_groups.pop()
        if not open_groups:
            raise corrupt("its schema has too many elements")
        left, path, definition, repetition = open_groups[-1]
        open_groups[-1] = (left - 1, path, definition, repetition)
        kind = element.value(3, REQUIRED)
        path = (*path, _text(element.value(4, b"")))
        definition, repetition = definition + (kind != REQUIRED), repetition + (kind == REPEATED)
        if 1 in element:
            length = int(element.value(2, 0) or 0)
            found.append(SchemaLeaf(path, int(element.value(1)), length, definition, repetition, element))
        else:
            open_groups.append((int(element.value(5, 0) or 0), path, definition, repetition))
    return tuple(found)
