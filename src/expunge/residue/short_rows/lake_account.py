"""Account for every byte of the Parquet files of a lake: values of live rows, their dictionary, bounds and statistics, structure, zeros."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive
from expunge.ports.optional.row_accounts import AccountPart, TableFile
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet import MAGIC, Chunk, Column, columns_of, page_at
from expunge.residue.formats.parquet_thrift import Struct, ThriftReader, inner, number, structs
from expunge.residue.formats.parquet_values import BYTE_ARRAY
from expunge.residue.formats.slices import FileSlice
from expunge.residue.matching.session import TooLarge
from expunge.residue.short_rows.lake_pages import PageValues, Slack, page_values

MOST_ROWS = 1_000_000
"""Rows of one file, beyond which it is not accounted for."""
_TOGETHER = 50_000
_DAMAGED, _ENCRYPTED, _ENCODING = CannotTell("damaged page"), CannotTell("encrypted"), CannotTell("encoding that is not taken apart")
_SLACK, _BETWEEN, _FOOTER = NothingLive("slack"), NothingLive("between pages"), NothingLive("footer")
_UNUSED, _NO_BOUND = NothingLive("dictionary entry of no row"), NothingLive("bound of no row")
_FILTER, _METADATA = CannotTell("bloom filter"), CannotTell("metadata of the file")
_BOUNDS = {1: (True, 0), 2: (False, 0), 5: (True, 7), 6: (False, 8)}
"""Field of a structure of statistics that holds a value -> whether it is an upper bound, and the field that says whether it is exact."""
_WRITERS = frozenset({
    b"ARROW:schema", b"pandas", b"parquet.avro.schema", b"writer.model.name", b"org.apache.spark.version", b"geo",
    b"org.apache.spark.sql.parquet.row.metadata", b"org.apache.spark.legacyDateTime", b"org.apache.spark.legacyINT96", b"iceberg.schema",
})  # fmt: skip
"""Keys under which writers describe a file's columns."""
_FLOATS = frozenset({4, 5})


class LakeAccount:
    """The account of the files of one dataset. Implements ``ports.optional.row_accounts.AccountReader``."""

    def __init__(self, files: Sequence[TableFile]) -> None:
        """Take the files; nothing is opened."""
        self._files = files

    def parts(self) -> Iterator[AccountPart]:
        """Yield the live rows, and a word for bytes that nothing accounts for. Raises OSError."""
        for file in self._files:
            descriptor = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                source = FileSlice(descriptor, 0, os.fstat(descriptor).st_size)
                yield from _LakeFile(file.relation, source).parts()
            except (Broken, RecursionError):
                yield _DAMAGED
            finally:
                os.close(descriptor)

    def files(self) -> Iterator[Path]:
        """Yield the files."""
        yield from (file.path for file in self._files)

    def close(self) -> None:
        """Nothing stays open."""


@dataclass
class _LakeFile:
    relation: str
    source: FileSlice
    told: list[tuple[int, int]] = field(default_factory=list)
    """Stretches of the file that were taken apart."""

    def parts(self) -> Iterator[AccountPart]:
        """As of the account. Raises Broken."""
        size = self.source.size
        tail = self.source.read_at(max(0, size - 8), 8)
        start = size - 8 - int.from_bytes(tail[:4], "little")
        if self.source.read_at(0, 4) != MAGIC or tail[4:] != MAGIC or start < 4:
            yield _DAMAGED
            return
        reader = ThriftReader(self.source.read_at(start, size - 8 - start))
        footer = reader.struct()
        if start + reader.at != size - 8:
            yield _FOOTER
        self.told = [(0, 4), (start, size)]
        yield from _metadata(footer, 5)
        columns, first = columns_of(structs(footer, 2)), 0
        for group in structs(footer, 4):
            rows, listed = number(group, 3), structs(group, 1)
            if len(listed) != len(columns):
                raise Broken
            for column, about in zip(columns, listed, strict=True):
                yield from self._chunk(column, about, rows)
            first += rows
        if first > MOST_ROWS:
            yield CannotTell("more rows than are looked at")
            return
        for at in range(0, first, _TOGETHER):
            yield LiveRows(self.relation, tuple(map(str, range(at, min(first, at + _TOGETHER)))))
        if self._any_between():
            yield _BETWEEN

    def _any_between(self) -> bool:
        at = 0
        for begin, end in sorted(self.told):
            if at < begin and any(self.source.read_at(at, begin - at)):
                return True
            at = max(at, end)
        return False

    def _chunk(self, column: Column, about: Struct, rows: int) -> Iterator[AccountPart]:
        """Account for the pages of one column in one row group, and for what the footer and the indexes say of its values."""
        meta = inner(about, 3)
        if inner(about, 8) is not None or meta is None or about.get(1):
            yield _ENCRYPTED
            return
        yield from _metadata(meta, 8)
        if number(meta, 14):
            yield _FILTER
        data, dictionary = number(meta, 9), number(meta, 11)
        begin = dictionary if dictionary >= 4 and (dictionary < data or data < 4) else data
        chunk = Chunk(column, number(meta, 4), begin, begin + number(meta, 7))
        if begin < 4:
            if rows:
                raise Broken
            return
        try:
            held, headers = self._pages(chunk, rows)
        except (Unsupported, TooLarge):
            yield _ENCODING
            return
        except Slack:
            yield _SLACK
            return
        if held is None:
            yield _UNUSED
            return
        statistics = [inner(meta, 12) or {}, *headers]
        bounds = [
            (value, *_BOUNDS[key][:1], each.get(_BOUNDS[key][1], True))
            for each in statistics
            for key, value in each.items()
            if key in _BOUNDS
        ]
        bounds += [(value, upper, False) for value, upper in self._index(about)]
        if not all(isinstance(value, bytes) and held.has(value, upper=upper, exact=bool(exact)) for value, upper, exact in bounds):
            yield _NO_BOUND

    def _pages(self, chunk: Chunk, rows: int) -> tuple[_Held | None, list[Struct]]:
        """The values of a chunk, and the statistics in the headers of its pages; no values where a dictionary has more than the rows."""
        self.told.append((chunk.start, chunk.end))
        at, found, headers = chunk.start, set[bytes](), list[Struct]()
        entries: tuple[bytes, ...] = ()
        codes = [np.empty(0, np.int64)]
        counted = 0
        while at < chunk.end:
            page = page_at(self.source, at, chunk.end)
            if page is None:
                raise Broken
            body = self.source.read_at(page.start, page.end - page.start)
            got: PageValues = page_values(page, body, chunk)
            counted += got.rows
            if inner(page.header, 7) is not None:
                entries = got.values
            elif got.codes is not None:
                codes.append(got.codes)
            else:
                found.update(got.values)
            for key, stats in ((5, 5), (8, 8)):
                if (header := inner(page.header, key)) is not None and (some := inner(header, stats)) is not None:
                    headers.append(some)
            at = page.end
        used = np.unique(np.concatenate(codes))
        if counted != rows or (used.size and int(used[-1]) >= len(entries)):
            raise Broken
        if len(used) != len(entries):
            return None, headers
        return _Held(frozenset(found.union(entries)), chunk.column), headers

    def _index(self, about: Struct) -> Iterator[tuple[bytes, bool]]:
        """The bounds of each page (``ColumnIndex``), and whether it is an upper one."""
        for offset, length, bounds in ((4, 5, False), (6, 7, True)):
            at, size = number(about, offset), number(about, length)
            if at <= 0 or size <= 0:
                continue
            reader = ThriftReader(self.source.read_at(at, size))
            fields = reader.struct()
            if reader.at != size:
                raise Broken
            self.told.append((at, at + size))
            empty = fields.get(1)
            for key, upper in ((2, False), (3, True)) if bounds else ():
                listed = fields.get(key)
                for page, value in enumerate(listed if isinstance(listed, list) else ()):
                    if isinstance(value, bytes) and not (isinstance(empty, list) and page < len(empty) and empty[page] and not value):
                        yield value, upper


@dataclass(frozen=True)
class _Held:
    """The values that rows of a chunk have."""

    values: frozenset[bytes]
    column: Column

    def has(self, bound: bytes, *, upper: bool, exact: bool) -> bool:
        """Return whether a bound is one of the values, or what a long one was cut down to."""
        if bound in self.values:
            return True
        if self.column.kind in _FLOATS and not any(bound.rstrip(b"\x80").strip(b"\0")):
            # a bound of zero has the sign that makes it wider
            return any(not any(each.rstrip(b"\x80").strip(b"\0")) for each in self.values)
        if exact or self.column.kind != BYTE_ARRAY or not bound:
            return False
        start = bound[:-1] if upper else bound
        return any(each.startswith(start) and len(each) > len(bound) for each in self.values)


def _metadata(holder: Struct, key: int) -> Iterator[AccountPart]:
    """Yield a word where metadata has entries that no known writer makes."""
    if any(entry.get(1) not in _WRITERS for entry in structs(holder, key)):
        yield _METADATA
