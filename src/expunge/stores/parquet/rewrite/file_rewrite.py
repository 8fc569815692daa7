"""Write a Parquet file again without some of its rows, so that nothing of them is left in it.

Row groups that lose nothing are copied as they are, with their bloom filters and page indexes. In the others the pages that hold erased
rows are cut, at the level of their encoding, and compressed again; the other pages are copied.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from expunge.stores.parquet.format.footer import (
    MAGIC,
    Chunk,
    Footer,
    RandomAccessFile,
    RowGroup,
    corrupt,
    damage_is_said,
    opened,
    read_from,
)
from expunge.stores.parquet.format.output_file import Output
from expunge.stores.parquet.format.thrift import I16, I32, I64, STRUCT, Listed, Struct, dump, parse
from expunge.stores.parquet.rewrite.metadata_scrub import scrubbed
from expunge.stores.parquet.rewrite.splice import BOUNDARIES, ChunkSplicer, SplicedChunk

Rows = npt.NDArray[np.integer[Any]] | range
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RewriteResult:
    """The result of a rewrite. ``rows`` is the number left: when it is 0, no target was written and the caller removes the file."""

    rows: int
    erased: int
    groups_copied: int
    groups_spliced: int
    groups_removed: int
    pages_copied: int
    """Pages, in the row groups spliced, that are the same bytes as before."""
    pages_cut: int
    """Pages, in the row groups spliced, that were made anew."""
    bytes_read: int
    bytes_written: int

    @property
    def empty(self) -> bool:
        """True when nothing is left of the file."""
        return self.rows == 0


Remade = Callable[[RowGroup], Mapping[int, SplicedChunk]]
"""Gives the chunks of a row group that were made otherwise, by their number; none for most."""


def rewrite(
    source: Path | BinaryIO,
    target: Path | BinaryIO,
    drop: Mapping[int, Rows],
    *,
    threads: int = 1,
    forbidden: Collection[str] = (),
    remade: Mapping[int, Remade] | None = None,
) -> RewriteResult:
    """Write ``source`` to ``target`` without the rows in ``drop``: row group number -> sorted row numbers inside that row group.

    ``forbidden`` are values (of the erased people) that must not stay in key-value metadata either: entries that hold one are scrubbed or
    dropped. ``remade`` gives chunks of row groups (by their number) that are written in the place of their own. A ``target`` path is
    created or truncated, written, and neither synced nor renamed: both are the caller's. Memory grows with two row groups, not with the
    file. Raises OSError; CouldNotLook for files that are encrypted, damaged, or use an encoding not known here (then the target is
    incomplete); ValueError for rows that do not exist.
    """
    with ExitStack() as stack:
        file = stack.enter_context(opened(source))
        footer = read_from(file)
        gone = _checked(footer, drop)
        erased = sum(map(len, gone.values()))
        if erased == footer.rows:
            return RewriteResult(0, erased, 0, 0, len(footer.row_groups), 0, 0, file.read_bytes, 0)
        output = Output(stack.enter_context(target.open("wb", buffering=0)) if isinstance(target, Path) else target)
        pool = stack.enter_context(ThreadPoolExecutor(threads)) if threads > 1 else None
        with damage_is_said("its footer is damaged"):
            return _Rewriting(file, footer, gone, output, pool, remade or {}).run(forbidden)


def _checked(footer: Footer, drop: Mapping[int, Rows]) -> dict[int, Positions]:
    gone: dict[int, Positions] = {}
    for number, rows in drop.items():
        wanted = np.asarray(rows, np.int64)
        if not len(wanted):
            continue
        if not 0 <= number < len(footer.row_groups):
            message = f"there is no row group {number}"
            raise ValueError(message)
        if wanted[0] < 0 or wanted[-1] >= footer.row_groups[number].rows or (np.diff(wanted) <= 0).any():
            message = f"the rows of row group {number} are not sorted, or outside of it"
            raise ValueError(message)
        gone[number] = wanted
    return gone


@dataclass
class _Indexes:
    """What goes behind the row groups for one column chunk; ``chunk`` is where its place is noted."""

    chunk: Struct
    column_index: bytes | None = None
    offset_index: Struct | None = None
    bloom: tuple[int, int] | None = None
    """Where the bloom filter lies in the source."""


class _Rewriting:
    """One file under way."""

    def __init__(
        self,
        file: RandomAccessFile,
        footer: Footer,
        gone: Mapping[int, Positions],
        output: Output,
        pool: ThreadPoolExecutor | None,
        remade: Mapping[int, Remade],
    ) -> None:
        self.remade = remade
        self.file, self.footer, self.gone, self.output, self.pool = file, footer, gone, output, pool
        self.indexes: list[_Indexes] = []
        self.groups: list[Struct] = []
        self.counts = dict.fromkeys(("copied", "spliced", "removed", "pages_copied", "pages_cut"), 0)

    def run(self, forbidden: Collection[str]) -> RewriteResult:
        self.output.write(MAGIC)
        for group, spliced in self._ahead():
            if spliced is None:
                self._copy(group)
            else:
                self._write(group, [each.result() if isinstance(each, Future) else each for each in spliced])
        for index in self.indexes:
            self._put_bloom(index)
        for index in self.indexes:
            self._put_column_index(index)
        for index in self.indexes:
            self._put_offset_index(index)
        erased = sum(map(len, self.gone.values()))
        rows = self.footer.rows - erased
        struct = Struct(self.footer.struct)
        struct.put(3, I64, rows)
        struct[4] = (9, Listed(STRUCT, self.groups))
        data = dump(scrubbed(struct, forbidden))
        self.output.write(data)
        self.output.write(len(data).to_bytes(4, "little") + MAGIC)
        counts = self.counts
        return RewriteResult(
            rows,
            erased,
            counts["copied"],
            counts["spliced"],
            counts["removed"],
            counts["pages_copied"],
            counts["pages_cut"],
            self.file.read_bytes,
            self.output.size,
        )

    def _ahead(self) -> Iterator[tuple[RowGroup, list[Future[SplicedChunk]] | list[SplicedChunk] | None]]:
        """The row groups that stay, in order, with work on the next one begun while one is written."""
        waiting: deque[tuple[RowGroup, Any]] = deque()
        for number, group in enumerate(self.footer.row_groups):
            rows = self.gone.get(number)
            if number in self.remade and (rows is None or len(rows) < group.rows):
                waiting.append((group, self._with(self.remade[number](group), group, rows)))
            elif rows is None:
                waiting.append((group, None))
            elif len(rows) == group.rows:
                self.counts["removed"] += 1
            elif self.pool is None:
                waiting.append((group, [self._spliced(chunk, rows) for chunk in group.chunks]))
            else:
                large = sorted(range(len(group.chunks)), key=lambda each: -group.chunks[each].size)
                begun = {each: self.pool.submit(self._spliced, group.chunks[each], rows) for each in large}
                waiting.append((group, [begun[each] for each in range(len(group.chunks))]))
            while len(waiting) > (1 if self.pool else 0):
                yield waiting.popleft()
        yield from waiting

    def _with(self, remade: Mapping[int, SplicedChunk], group: RowGroup, rows: Positions | None) -> list[SplicedChunk]:
        """All chunks of a row group, some of which were made otherwise; the others lose the rows that go."""
        return [
            remade[place] if place in remade else self._untouched(chunk) if rows is None else self._spliced(chunk, rows)
            for place, chunk in enumerate(group.chunks)
        ]

    def _untouched(self, chunk: Chunk) -> SplicedChunk:
        """A chunk that loses nothing, without its bloom filter and indexes, which lie elsewhere."""
        meta = chunk.meta.clone()
        meta.drop(14, 15)
        data = memoryview(self.file.read(chunk.start, chunk.size))
        return SplicedChunk(meta, [data], None, None, int(chunk.meta.value(9)) - chunk.start, 1, 0)

    def _spliced(self, chunk: Chunk, rows: Positions) -> SplicedChunk:
        data = self.file.read(chunk.start, chunk.size)
        with damage_is_said("a page is damaged"):
            return ChunkSplicer(chunk, data, rows, self._index(chunk.column_index), self._index(chunk.offset_index)).splice()

    def _index(self, where: tuple[int, int] | None) -> Struct | None:
        return None if where is None else parse(self.file.read(*where))[0]

    # Row groups

    def _copy(self, group: RowGroup) -> None:
        self.counts["copied"] += 1
        struct = group.struct.clone()
        for start, size, chunks in _stretches(group):
            moved = self.output.size - start
            self.output.copy(self.file, start, size)
            for place in chunks:
                old = group.chunks[place]
                new = struct.value(1)[place]
                meta = new.value(3)
                for field in (9, 10, 11):
                    if meta.value(field):
                        meta.put(field, I64, meta.value(field) + moved)
                new.put(2, I64, old.start + moved if old.struct.value(2) else 0)
                kept = _Indexes(new)
                if old.column_index is not None:
                    kept.column_index = self.file.read(*old.column_index)
                kept.offset_index = self._index(old.offset_index)
                if kept.offset_index is not None:
                    _move(kept.offset_index, moved)
                if old.bloom is not None:
                    kept.bloom = (old.bloom[0], old.bloom[1] or self._bloom_size(old.bloom[0]))
                self.indexes.append(kept)
        self._finish(struct, struct.value(1), group.rows)

    def _bloom_size(self, at: int) -> int:
        """The size of a bloom filter whose writer left it out: header and bits."""
        header, end = parse(self.file.read(at, min(64, self.file.size - at)))
        return end + int(header.value(1, 0))

    def _write(self, group: RowGroup, spliced: list[SplicedChunk]) -> None:
        self.counts["spliced"] += 1
        struct = group.struct.clone()
        for place, each in enumerate(spliced):
            start = self.output.size
            self.output.write_all(each.parts)
            new = struct.value(1)[place]
            new.drop(4, 5, 6, 7)
            meta = each.meta
            # Writers that leave the dictionary's place out let the data's place point to it.
            names_dictionary = bool(meta.value(11))
            meta.put(9, I64, start + (each.data_at if names_dictionary else 0))
            if names_dictionary:
                meta.put(11, I64, start)
            new[3] = (STRUCT, meta)
            new.put(2, I64, start if new.value(2) else 0)
            if each.offset_index is not None:
                _move(each.offset_index, start)
            index = None if each.column_index is None or each.offset_index is None else dump(each.column_index)
            self.indexes.append(_Indexes(new, index, each.offset_index))
            self.counts["pages_copied"] += each.copied
            self.counts["pages_cut"] += each.cut
        number = self.footer.row_groups.index(group)
        self._finish(struct, struct.value(1), group.rows - len(self.gone.get(number, ())))

    def _finish(self, struct: Struct, chunks: list[Struct], rows: int) -> None:
        metas = [chunk.value(3) for chunk in chunks]
        struct.put(2, I64, sum(meta.value(6, 0) for meta in metas))
        struct.put(3, I64, rows)
        if 5 in struct:
            first = metas[0]
            struct.put(5, I64, first.value(11) or first.value(9))
        if 6 in struct:
            struct.put(6, I64, sum(meta.value(7, 0) for meta in metas))
        if 7 in struct:
            struct.put(7, I16, len(self.groups))
        self.groups.append(struct)

    # What lies behind the row groups

    def _put_bloom(self, each: _Indexes) -> None:
        if each.bloom is None:
            return
        meta = each.chunk.value(3)
        meta.put(14, I64, self.output.size)
        if 15 in meta:
            meta.put(15, I32, each.bloom[1])
        self.output.copy(self.file, *each.bloom)

    def _put_column_index(self, each: _Indexes) -> None:
        if each.column_index is not None:
            each.chunk.put(6, I64, self.output.size)
            each.chunk.put(7, I32, len(each.column_index))
            self.output.write(each.column_index)

    def _put_offset_index(self, each: _Indexes) -> None:
        if each.offset_index is not None:
            data = dump(each.offset_index)
            each.chunk.put(4, I64, self.output.size)
            each.chunk.put(5, I32, len(data))
            self.output.write(data)


def _move(offset_index: Struct, by: int) -> None:
    for location in offset_index.value(BOUNDARIES, ()):
        location.put(1, I64, location.value(1) + by)


def _stretches(group: RowGroup) -> Iterator[tuple[int, int, list[int]]]:
    """Where the chunks of a row group lie, neighbours together: start, size, which chunks. Gaps between them are not copied."""
    order = sorted(range(len(group.chunks)), key=lambda each: group.chunks[each].start)
    start = end = -1
    held: list[int] = []
    for place in order:
        chunk = group.chunks[place]
        if chunk.size < 0 or (held and chunk.start < end):
            raise corrupt("two columns overlap")
        if held and chunk.start != end:
            yield start, end - start, held
            held = []
        if not held:
            start = chunk.start
        held.append(place)
        end = chunk.start + chunk.size
    if held:
        yield start, end - start, held
