"""Write one column chunk without some rows. Their pages are cut, dictionary entries that only they used go, the rest is copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from expunge.stores.parquet.format.bit_packing import Bytes, Integers
from expunge.stores.parquet.format.bounds import Bounds, PageIndex, bounds, statistics
from expunge.stores.parquet.format.encodings import (
    BOOLEAN,
    BYTE_ARRAY,
    INDEXED,
    PLAIN,
    Values,
    cut_values,
    decode,
    ends,
    fixed,
    indexed,
    indexes,
    without,
)
from expunge.stores.parquet.format.footer import Chunk, corrupt
from expunge.stores.parquet.format.pages import (
    DATA_V2,
    DICTIONARY,
    Buffer,
    Levels,
    Page,
    PageContent,
    Positions,
    content,
    cut,
    decompress,
    made,
    rebuilt,
    walk,
)
from expunge.stores.parquet.format.thrift import I32, I64, STRUCT, Listed, Struct

IDLE, IDLE_FROM = 0.9, 4096
"""A dictionary is idle when it has more entries than this share of the values that name one, from so many values on."""
BOUNDARIES = 1
"""Field of the offset index that holds its page locations."""


@dataclass
class SplicedChunk:
    """A chunk as it is to be written. Offsets of pages are relative to its first byte."""

    meta: Struct
    parts: list[memoryview]
    column_index: Struct | None
    offset_index: Struct | None
    data_at: int
    """Where the first data page starts: behind the dictionary."""
    copied: int
    """Data pages that are the same bytes as before."""
    cut: int

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(map(len, self.parts))


@dataclass
class _Cut:
    """A data page that lost rows. ``indexes`` are the dictionary indexes that stay; ``parts`` the encoded values that stay."""

    levels: Levels
    gone_nulls: int
    values: int
    """Values that stay."""
    gone: Values = field(default_factory=list)
    gone_indexes: Integers | None = None
    indexes: Integers | None = None
    parts: list[Buffer] = field(default_factory=list)


class ChunkSplicer:
    """Works on one chunk; made once, used once by :meth:`splice`."""

    def __init__(self, chunk: Chunk, data: bytes, rows: Positions, column_index: Struct | None, offset_index: Struct | None) -> None:
        """``rows`` are the sorted numbers, inside the row group, of those that go: some, and not all."""
        self.chunk, self.leaf, self.rows = chunk, chunk.leaf, rows
        pages = list(walk(chunk, memoryview(data)))
        self.dictionary = pages[0] if pages and pages[0].kind == DICTIONARY else None
        self.pages = [page for page in pages if page.is_data]
        if sum(page.kind == DICTIONARY for page in pages) > (self.dictionary is not None):
            raise corrupt("a column has two dictionaries")
        self.locations = None if offset_index is None else offset_index.value(BOUNDARIES, ())
        if self.locations is not None and len(self.locations) != len(self.pages):
            self.locations = None
        self.index = None if column_index is None else PageIndex(self.leaf, column_index, len(self.pages))
        self.given_up = False
        """Whether the dictionary goes, and the values stand for themselves."""
        self.cuts: dict[int, _Cut] = {}
        self.firsts: list[int] = []
        self.entries: Bytes | None = None
        """The dictionary, unpacked."""
        self.edges: Positions | None = None
        """Where its byte arrays start, and where the last ends."""
        self.unused: Positions | None = None
        """Its entries that nobody uses any more, sorted."""
        self.numbers: Integers | None = None
        """The new number of each of its entries."""

    def splice(self) -> SplicedChunk:
        """The whole of it. Raises CouldNotLook for damaged pages and for encodings that are not known."""
        self._find()
        self._forget_entries()
        after: dict[int, Page] = {}
        for number, page in enumerate(self.pages):
            if number in self.cuts:
                after[number] = self._rebuilt(number, page)
            elif page.encoding in INDEXED and (self.unused is not None or self.given_up):
                after[number] = self._renumbered(page)
            else:
                after[number] = page
        for number, each in self.cuts.items():
            if each.levels.count == 0:
                del after[number]
                if self.index:
                    self.index.remove(number)
        return self._assembled(after)

    def _is_idle(self) -> bool:
        """Whether the dictionary has about as many entries as values name one: without it the column is shorter, and quicker to write."""
        if self.dictionary is None or self.leaf.physical in {BOOLEAN, BYTE_ARRAY}:
            return False
        named = sum(page.values for page in self.pages if page.encoding in INDEXED)
        return named >= IDLE_FROM and self.dictionary.values > IDLE * named

    # Which pages lose what

    def _find(self) -> None:
        first, last = 0, int(self.rows[-1])
        for number, page in enumerate(self.pages):
            self.firsts.append(first)
            if first > last + 1:
                continue
            count, opened = self._count(number, page, first)
            low, high = np.searchsorted(self.rows, [first, first + count])
            hit = self.rows[low:high] - first
            if opened is not None and self._continues(opened) and low > 0 and self.rows[low - 1] == first - 1:
                hit = np.concatenate([[-1], hit])
            if len(hit):
                self._cut(number, page, opened or content(page, self.leaf, self.chunk.codec), hit)
            first += count
        if first <= last:
            raise corrupt("a column has fewer rows than its row group")

    def _count(self, number: int, page: Page, first: int) -> tuple[int, PageContent | None]:
        """How many rows start in a page, with its content where that was needed to know."""
        if self.leaf.max_repetition == 0:
            return page.values, None
        if page.kind == DATA_V2:
            return int(page.own.value(3, 0)), None
        if self.locations is not None and number + 1 < len(self.locations) and self.locations[number].value(3) == first:
            return int(self.locations[number + 1].value(3)) - first, None
        opened = content(page, self.leaf, self.chunk.codec)
        return opened.levels.rows, opened

    @staticmethod
    def _continues(opened: PageContent) -> bool:
        """Whether the page starts in the middle of a row, as pages of the first version may."""
        starts = opened.levels.starts
        return starts is not None and opened.levels.count > 0 and (not len(starts) or int(starts[0]) > 0)

    def _cut(self, number: int, page: Page, opened: PageContent, rows: Positions) -> None:
        levels = opened.levels
        if rows[-1] >= levels.rows:
            raise corrupt("a page has fewer rows than its header says")
        low, high = levels.intervals(rows)
        value_low, value_high, count = levels.values(low, high, self.leaf.max_definition)
        gone = int((value_high - value_low).sum())
        made_cut = _Cut(levels.without(low, high), int((high - low).sum()) - gone, count - gone)
        if page.encoding in INDEXED:
            all_indexes = indexes(opened.body, count)
            made_cut.indexes = cut(all_indexes, value_low, value_high)
            pairs = zip(value_low.tolist(), value_high.tolist(), strict=True)
            made_cut.gone_indexes = np.concatenate([all_indexes[:0], *(all_indexes[start:stop] for start, stop in pairs)])
        else:
            made_cut.parts, made_cut.gone = cut_values(page.encoding, self.leaf, opened.body, count, (value_low, value_high))
        self.cuts[number] = made_cut

    # The dictionary

    def _forget_entries(self) -> None:
        """Find the entries that only erased rows used, and look the erased values up."""
        using = [each for each in self.cuts.values() if each.gone_indexes is not None and len(each.gone_indexes)]
        if not using:
            return
        if self.dictionary is None:
            raise corrupt("a column has no dictionary for its indexes")
        self.entries = decompress(self.chunk.codec, self.dictionary.body, int(self.dictionary.header.value(2)))
        lost = np.zeros(self.dictionary.values, bool)
        for each in using:
            assert each.gone_indexes is not None
            which = np.unique(each.gone_indexes)
            if int(which[-1]) >= len(lost):
                raise corrupt("an index lies outside its dictionary")
            lost[which] = True
            each.gone = self._looked_up(which)
        if self._is_idle():
            self.given_up = True
            return
        doubtful = np.flatnonzero(lost)
        for staying in self._staying():
            lost[staying] = False
            doubtful = doubtful[lost[doubtful]]
            if not len(doubtful):
                return
        self.unused = doubtful
        before = np.diff(np.concatenate([[0], doubtful + 1, [len(lost)]]))
        self.numbers = np.arange(len(lost), dtype=np.uint32) - np.repeat(np.arange(len(before), dtype=np.uint32), before)

    def _staying(self) -> Iterator[Integers]:
        for each in self.cuts.values():
            if each.indexes is not None:
                yield each.indexes
        for number, page in enumerate(self.pages):
            if number not in self.cuts and page.encoding in INDEXED:
                yield self._indexes(content(page, self.leaf, self.chunk.codec))

    def _indexes(self, opened: PageContent) -> Integers:
        return indexes(opened.body, self._held(opened.levels))

    def _held(self, levels: Levels) -> int:
        """How many values, nulls not counted, a page has."""
        if isinstance(levels.definition, int):
            return levels.count if levels.definition == self.leaf.max_definition else 0
        return int((levels.definition == self.leaf.max_definition).sum())

    def _looked_up(self, which: Integers) -> Values:
        assert self.entries is not None
        assert self.dictionary is not None
        if self.leaf.physical == BYTE_ARRAY:
            if self.edges is None:
                self.edges = ends(self.entries, self.dictionary.values)
            raw, starts, stops = self.entries.data, self.edges[which] + 4, self.edges[which.astype(np.int64) + 1]
            return [bytes(raw[start:stop]) for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]
        return fixed(self.leaf, self.entries)[which]

    def _named(self, old: Integers) -> list[Buffer]:
        """The values that old indexes name, as a page holds them from now on."""
        if self.dictionary is None:
            return [b"\0"]
        if self.given_up:
            assert self.entries is not None
            return [fixed(self.leaf, self.entries)[old].tobytes()]
        return indexed(old if self.numbers is None else self.numbers[old], self._size_of_dictionary())

    def _size_of_dictionary(self) -> int:
        assert self.dictionary is not None
        return self.dictionary.values - (0 if self.unused is None else len(self.unused))

    def _shorter_dictionary(self) -> Page:
        assert self.dictionary is not None
        if self.unused is None or self.entries is None:
            return self.dictionary
        parts = without(self.leaf, self.entries, self.dictionary.values, self.unused, self.edges)
        header = self.dictionary.header.clone()
        header.value(7).put(1, I32, self._size_of_dictionary())
        return made(header, parts, self.chunk.codec)

    # New pages

    def _rebuilt(self, number: int, page: Page) -> Page:
        each = self.cuts[number]
        parts = each.parts
        if each.indexes is not None:
            parts = self._named(each.indexes)
        anew = partial(self._page_bounds, number, page)
        if self.index is not None and each.levels.count:
            self.index.cut(number, each.gone, each.gone_nulls, only_nulls=each.values == 0, anew=anew)
        before = page.own.value(8 if page.kind == DATA_V2 else 5)
        after = statistics(self.leaf, before, each.gone, each.gone_nulls, anew)
        return rebuilt(page, each.levels, parts, self.leaf, self.chunk.codec, after, self._encoding(page))

    def _encoding(self, page: Page) -> int:
        return PLAIN if self.given_up and page.encoding in INDEXED else page.encoding

    def _renumbered(self, page: Page) -> Page:
        opened = content(page, self.leaf, self.chunk.codec)
        parts = self._named(self._indexes(opened))
        before = page.own.value(8 if page.kind == DATA_V2 else 5)
        return rebuilt(page, opened.levels, parts, self.leaf, self.chunk.codec, before, self._encoding(page))

    # What stays, for new bounds

    def _page_bounds(self, number: int, page: Page) -> Bounds | None:
        return bounds(self.leaf, [self._left(number, page)])

    def _chunk_bounds(self) -> Bounds | None:
        return bounds(self.leaf, (self._left(number, page) for number, page in enumerate(self.pages)))

    def _left(self, number: int, page: Page) -> Values:
        """The values of a page of the old chunk that stay; of those in a dictionary each once."""
        each = self.cuts.get(number)
        if each is None:
            opened = content(page, self.leaf, self.chunk.codec)
            if page.encoding in INDEXED:
                return self._entries(self._indexes(opened))
            return decode(page.encoding, self.leaf, opened.body, self._held(opened.levels))
        if each.indexes is None:
            return decode(page.encoding, self.leaf, np.frombuffer(b"".join(each.parts), np.uint8), each.values)
        return self._entries(each.indexes)

    def _entries(self, which: Integers) -> Values:
        if self.entries is None:
            if self.dictionary is None:
                raise corrupt("a column has no dictionary for its indexes")
            self.entries = decompress(self.chunk.codec, self.dictionary.body, int(self.dictionary.header.value(2)))
        return self._looked_up(np.unique(which))

    # Putting it together

    def _assembled(self, after: dict[int, Page]) -> SplicedChunk:
        head = [] if self.dictionary is None or self.given_up else [self._shorter_dictionary()]
        pages = [*head, *after.values()]
        meta = self._meta(pages, list(after.values()))
        index = None if self.index is None else self.index.result()
        changed = sum(after.get(number) is not page for number, page in enumerate(self.pages))
        parts = [part for page in pages for part in page.parts]
        data_at = sum(page.size for page in head)
        return SplicedChunk(meta, parts, index, self._offset_index(head, after), data_at, len(self.pages) - changed, changed)

    def _meta(self, pages: list[Page], data: list[Page]) -> Struct:
        meta = self.chunk.meta.clone()
        gone_nulls = sum(each.gone_nulls for each in self.cuts.values())
        gone = [each.gone for each in self.cuts.values() if len(each.gone)]
        all_gone: Values = (
            [each for part in gone for each in part] if self.leaf.physical == BYTE_ARRAY else np.concatenate(gone) if gone else []
        )
        meta.put(5, I64, sum(page.values for page in data))
        meta.put(6, I64, sum(page.unpacked for page in pages))
        meta.put(7, I64, sum(page.size for page in pages))
        if self.given_up:
            meta.drop(11)
            listed_before = meta.value(2, ())
            meta[2] = (meta[2][0], Listed(I32, [each for each in listed_before if each not in INDEXED | {PLAIN}] + [PLAIN]))
        if 13 in meta:
            counted: dict[tuple[int, int], int] = {}
            for page in pages:
                kind = (page.kind, page.encoding)
                counted[kind] = counted.get(kind, 0) + 1
            made_list = [Struct({1: (I32, kind), 2: (I32, encoding), 3: (I32, count)}) for (kind, encoding), count in counted.items()]
            meta[13] = (meta[13][0], Listed(STRUCT, made_list))
        after = statistics(self.leaf, meta.value(12), all_gone, gone_nulls, self._chunk_bounds)
        meta.drop(10, *(number for number in meta if number in {12, 14, 15} or number > 15))
        if after:
            meta[12] = (STRUCT, after)
        return meta

    def _offset_index(self, head: list[Page], after: dict[int, Page]) -> Struct | None:
        if self.locations is None:
            return None
        at = sum(page.size for page in head)
        locations = Listed(STRUCT)
        for number, page in after.items():
            first = int(self.locations[number].value(3))
            before = int(np.searchsorted(self.rows, first))
            locations.append(Struct({1: (I64, at), 2: (I32, page.size), 3: (I64, first - before)}))
            at += page.size
        return Struct({BOUNDARIES: (9, locations)})
