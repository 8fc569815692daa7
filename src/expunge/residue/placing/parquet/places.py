"""Turn places of a Parquet file into the rows that lie there, by its own footer and pages."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np

from expunge.ports.optional.placing import FILE_NAME, CannotTell, LiveRows, Lying, NothingLive
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet_thrift import inner
from expunge.residue.formats.slices import FileSlice
from expunge.residue.matching.session import TooLarge
from expunge.residue.placing.parquet.footer import Bound, SpanReader, bounds_of, page_bounds, read_footer
from expunge.residue.placing.parquet.pages import ChunkRows, Numbers

UNDECODED = CannotTell("undecoded page")
STRUCTURE = CannotTell("page structure")
MOST_ROWS = 200
"""Rows that are named for one place. A value that more rows have is explained by some of them, spread over all."""
_CHUNKS = 4
"""Chunks that are kept decoded."""
_LITERAL = 16
_HEADER = 1 << 16
_OF_A_PAGE = 5
"""Rows that are named for bytes of a page that show no value."""
_PRINTED = frozenset(range(0x20, 0x7F)) | frozenset(range(0x80, 0x100))
_PLAIN = 0


class ParquetPlaces:
    """Places in one Parquet file. Rows are named by their numbers in the file, from 0 on."""

    def __init__(self, path: Path, descriptor: int | None = None) -> None:
        """Open a file and read its footer. Raises OSError, and Broken where it has no footer that can be read.

        Args:
            path: the file, or the url of what is no file of this machine.
            descriptor: of the latter's bytes; it is closed with the reader.
        """
        self._relation = os.fspath(path)
        self._descriptor: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if descriptor is None else descriptor
        try:
            self._source = FileSlice(self._descriptor, 0, os.fstat(self._descriptor).st_size)
            self._footer = read_footer(self._source)
            if any(placed.file for placed in self._footer.chunks):
                raise Broken
        except BaseException:
            self.close()
            raise
        self._starts = [placed.chunk.start for placed in self._footer.chunks]
        self._rows: dict[int, ChunkRows] = {}
        self._bounds: dict[tuple[int, bytes, int | None], Lying] = {}

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the rows that lie in ``length`` bytes from ``offset``: in a page, in a bound or in a statistic."""
        end = offset + max(1, length)
        which = self._chunk_at(offset)
        if which is not None:
            return self._safely(lambda: self._in_chunk(which, offset, end))
        if offset >= self._footer.start:
            for number, placed in enumerate(self._footer.chunks):
                if (bound := _at(placed.bounds, offset, end)) is not None:
                    return self._safely(lambda number=number, bound=bound: self._of_bound(number, bound))  # type: ignore[misc]
            return NothingLive("footer")
        for number, placed in enumerate(self._footer.chunks):
            begin, size = placed.index
            if size > 0 and begin <= offset < begin + size:
                return self._safely(lambda number=number: self._in_index(number, offset, end))  # type: ignore[misc]
        return NothingLive("between pages")

    def at_decoded(self, offset: int, hidden: str, inner: int, length: int) -> Lying:  # noqa: ARG002 - a value is known by its place
        """Nominate the rows of content that the scan found at ``inner`` of what ``hidden`` at ``offset`` of the file decodes to."""
        outermost = hidden.partition(" > ")[0]
        if outermost == "parquet":
            return NothingLive("unlisted page")
        which = self._chunk_at(offset)
        if which is None:
            return self.at(offset, 1)
        if outermost.startswith("parquet ") and offset == self._footer.chunks[which].chunk.start:
            return self._safely(lambda: self._named(self._chunk(which).rows_at(inner)))
        return self._safely(lambda: self._in_container(which, offset, inner))

    def at_bound(self, group: int, column: int, bound: Bound) -> Lying:
        """Nominate the rows with a value that another file gives as a bound of a row group of this one."""
        for which, placed in enumerate(self._footer.chunks):
            if (placed.group, placed.column) == (group, column):
                return self._safely(lambda which=which: self._of_bound(which, bound))  # type: ignore[misc]
        return NothingLive("bound of no row")

    def at_name(self) -> Lying:
        """Return that the file's name lies at its rows."""
        return LiveRows(self._relation, (FILE_NAME,))

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # --- parts of the file ------------------------------------------------------------------------

    def _chunk_at(self, offset: int) -> int | None:
        found = bisect_right(self._starts, offset) - 1
        return found if found >= 0 and offset < self._footer.chunks[found].chunk.end else None

    def _in_chunk(self, which: int, offset: int, end: int) -> Lying:
        chunk = self._chunk(which)
        number = chunk.page_of(offset)
        if number is None:
            return NothingLive("between pages")
        placed = chunk.pages[number]
        if offset < placed.page.start:
            bound = _at(self._header_bounds(which, number), offset, end)
            return self._of_bound(which, bound) if bound is not None else self._structure(which, number, offset, end)
        if end > placed.page.end:
            return self._structure(which, number, offset, end)
        if self._footer.chunks[which].chunk.codec == _PLAIN:
            rows = chunk.rows_at_raw(number, offset - chunk.body_of(number), end - offset)
        else:
            # Packed bytes show some of a value as it is. Where it lies in the page is seen by looking for it there.
            rows = chunk.rows_with(self._source.read_at(offset, end - offset), number)
        return self._structure(which, number, offset, end) if rows is None else self._named(rows)

    def _structure(self, which: int, number: int, offset: int, end: int) -> Lying:
        """Lengths, levels, codes and packed bytes lie at the rows of their page. Text has no place among them."""
        if _PRINTED.issuperset(self._source.read_at(offset, end - offset)):
            return NothingLive("text between values")
        chunk, page = self._footer.chunks[which], self._chunk(which).pages[number]
        rows = page.every if page.rows else np.arange(chunk.first, chunk.first + chunk.rows, dtype=np.int64)
        some = np.unique(rows[np.linspace(0, len(rows) - 1, min(_OF_A_PAGE, len(rows))).astype(np.int64)]) if len(rows) else rows
        stretch = f"{page.start}-{max(end, page.page.end)}"
        return LiveRows(self._relation, tuple(f"{row}:{stretch}" for row in some.tolist())) if len(some) else NothingLive("no row")

    def _in_container(self, which: int, offset: int, inner: int) -> Lying:
        """What lies in a container that begins at a place of a chunk: in a packed page, or in a value that is one itself."""
        chunk = self._chunk(which)
        number = chunk.page_of(offset)
        packed = self._footer.chunks[which].chunk.codec != _PLAIN
        if number is not None and packed and offset == chunk.body_of(number):
            rows = chunk.rows_at_raw(number, inner, _LITERAL)
            return STRUCTURE if rows is None else self._named(rows)
        return self._in_chunk(which, offset, offset + (_LITERAL if packed else 1))

    def _in_index(self, which: int, offset: int, end: int) -> Lying:
        bound = _at(page_bounds(self._source, self._footer.chunks[which].index), offset, end)
        return self._of_bound(which, bound) if bound is not None else NothingLive("page index")

    def _of_bound(self, which: int, bound: Bound) -> Lying:
        asked = (which, bound.value, bound.page)
        if asked not in self._bounds:
            # Several windows lie in one bound, and the same value in several.
            rows = self._chunk(which).rows_with_bound(bound.value, bound.page)
            self._bounds[asked] = NothingLive("bound of no row") if rows is None else self._named(rows)
        return self._bounds[asked]

    def _header_bounds(self, which: int, number: int) -> tuple[Bound, ...]:
        placed = self._chunk(which).pages[number]
        reader = SpanReader(self._source.read_at(placed.start, min(_HEADER, placed.page.start - placed.start)))
        fields = reader.struct()
        about = inner(fields, 8) or inner(fields, 5) or {}
        statistics = inner(about, 8 if inner(fields, 8) is not None else 5) or {}
        return tuple(bounds_of(reader, statistics, placed.start, placed.number))

    # --- rows -------------------------------------------------------------------------------------

    def _chunk(self, which: int) -> ChunkRows:
        chunk = self._rows.pop(which, None)
        if chunk is None:
            if len(self._rows) >= _CHUNKS:
                del self._rows[next(iter(self._rows))]
            chunk = ChunkRows(self._source, self._footer.chunks[which])
        self._rows[which] = chunk
        return chunk

    def _named(self, rows: Numbers) -> Lying:
        if not len(rows):
            return NothingLive("no row")
        if len(rows) > MOST_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, MOST_ROWS).astype(np.int64)]
        return LiveRows(self._relation, tuple(map(str, rows.tolist())))

    @staticmethod
    def _safely(look: Callable[[], Lying]) -> Lying:
        try:
            return look()
        except (Broken, Unsupported, TooLarge):
            return UNDECODED


class SummaryPlaces:
    """Places in a summary of several files (``_metadata``), which has their footers and no pages."""

    def __init__(self, path: Path) -> None:
        """Read the footer. Raises OSError, and Broken where there is none that can be read."""
        self._folder = path.parent
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._footer = read_footer(FileSlice(descriptor, 0, os.fstat(descriptor).st_size))
        finally:
            os.close(descriptor)

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the rows with the value of the bound at a place, in the file that has them."""
        for placed in self._footer.chunks:
            if (bound := _at(placed.bounds, offset, offset + max(1, length))) is not None:
                try:
                    with closing(ParquetPlaces(self._folder / os.fsdecode(placed.file))) as file:
                        return file.at_bound(placed.group, placed.column, bound)
                except (OSError, Broken):
                    return NothingLive("bound of no file")
        return NothingLive("footer")

    def close(self) -> None:
        """Nothing is open."""


def _at(bounds: tuple[Bound, ...], offset: int, end: int) -> Bound | None:
    return next((bound for bound in bounds if bound.begin <= offset and end <= bound.end), None)
