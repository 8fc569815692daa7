"""The rows of the values in the pages of one column chunk."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.residue.formats import parquet_codecs as codecs
from expunge.residue.formats import parquet_values as values
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet import DATA_V2, DICTIONARY, Chunk, Page, opened, page_at
from expunge.residue.formats.parquet_thrift import inner, number
from expunge.residue.formats.slices import Slice
from expunge.residue.placing.parquet.footer import PlacedChunk

Numbers: TypeAlias = npt.NDArray[np.int64]
_CODED = frozenset({values.PLAIN_DICTIONARY, values.RLE_DICTIONARY})
_INDEX = 1
"""The kind of a page without values."""
_BIT_PACKED = 4
"""The older encoding of levels, without a length."""
_KEPT = 32
"""Pages of a chunk that are kept decoded."""


@dataclass(frozen=True)
class PlacedPage:
    """One page, and where its content lies in what the chunk decodes to."""

    number: int
    """Among the data pages; -1 for a dictionary."""
    start: int
    """Of the header, in the file."""
    page: Page
    begin: int
    """In what the chunk decodes to."""
    end: int
    first: int
    """The number of its first row in the file; a row that began in the page before is the one before it."""
    rows: int

    @property
    def every(self) -> Numbers:
        """All rows of a data page, and one that may have begun in the page before."""
        return np.arange(max(0, self.first - 1), self.first + self.rows, dtype=np.int64)


class DecodedPage:
    """The values of one page."""

    def __init__(self, page: Page, body: bytes, chunk: Chunk, words: npt.NDArray[np.uint8] | None = None) -> None:
        """Decode a page, in a chunk with a dictionary of ``words``. Raises Broken, Unsupported and TooLarge."""
        self._page = page
        self._body = body
        self._column = chunk.column
        self._words = words
        self.dictionary = page.kind == DICTIONARY
        if self.dictionary:
            self.data, self.at, self.encoding, self.count = codecs.unpack(chunk.codec, body, page.size), 0, values.PLAIN, 0
        else:
            self.data, self.at, self.encoding, self.count = opened(page, body, chunk)

    @cached_property
    def words(self) -> npt.NDArray[np.uint8] | None:
        """The words of a dictionary; None where it is none of words."""
        return values.words(self.data) if self.dictionary and not self._column.width else None

    @property
    def coded(self) -> bool:
        """True where the values are places in a dictionary."""
        return not self.dictionary and self.encoding in _CODED

    @cached_property
    def seen(self) -> bytes:
        """What the scan searches of it, where that is bytes of values; nothing for places in a dictionary."""
        if self.encoding in {values.PLAIN, values.DELTA_LENGTH}:
            return self.data[self.at :]
        if self.encoding == values.DELTA_BYTES:
            between = b"" if self._column.width else bytes(4)
            return b"".join(between.join(batch) for batch in values.delta_bytes(self.data, self.at))
        if self.encoding == values.DELTA_PACKED:
            packed, _ = values.delta_packed(self.data, self.at)
            return packed.astype("<i4" if self._column.width == 4 else "<i8").tobytes()
        if self.encoding == values.SPLIT and self._column.width:
            return values.joined(self.data[self.at :], self._column.width)
        return b""

    @cached_property
    def size(self) -> int:
        """Bytes that the scan reads of it."""
        return len(self._shown) * self._width if self.coded else len(self.seen)

    @cached_property
    def _width(self) -> int:
        """Bytes that the scan reads of each value that is a place in a dictionary."""
        if self._column.width or self._words is None or not values.shows_words(len(self._words), self.count):
            return self._column.width
        return int(self._words.shape[1])

    @cached_property
    def _shown(self) -> Numbers:
        return values.shown(self.data, self.at, self.count) if self._width else np.empty(0, np.int64)

    @cached_property
    def _starts(self) -> list[int]:
        """Where each value of no fixed width begins in ``seen``."""
        if self.encoding == values.DELTA_LENGTH:
            sizes, end = values.delta_packed(self.data, self.at)
            starts: list[int] = (np.cumsum(sizes) - sizes + (end - self.at)).tolist()
            return starts
        if self.encoding == values.DELTA_BYTES:
            return list(_starts_of(values.delta_bytes(self.data, self.at)))
        if self.encoding != values.PLAIN or self._column.kind != values.BYTE_ARRAY:
            return []
        found, at, data = [], 0, self.seen
        while at + 4 <= len(data):
            found.append(at)
            at += 4 + int.from_bytes(data[at : at + 4], "little")
        return found

    def value_at(self, place: int) -> int | None:
        """Return the number of the value at a place of what the scan reads; None where no value can be told."""
        if not 0 <= place < self.size:
            return None
        if self.coded:
            return int(self._shown[place // self._width])
        if self._column.width:
            return place // self._column.width
        found = bisect_right(self._starts, place) - 1
        return found if found >= 0 else None

    @cached_property
    def places(self) -> Numbers:
        """The place in the dictionary of each value."""
        parts = [np.repeat(numbers, times) for numbers, times in values.coded(self.data, self.at, self.count)]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    # --- levels ---------------------------------------------------------------------------------

    def begins(self) -> Numbers | None:
        """How often each slot repeats what is above it: 0 where a row begins. None where each slot is a row."""
        return self._levels[0] if self._column.repeated else None

    def rows(self, first: int) -> Numbers:
        """Return the row of each value, where the first row that begins in the page has the number ``first``."""
        return self._counted + first

    def row(self, value: int, first: int) -> Numbers:
        """Return the row of one value."""
        return self._counted[value : value + 1] + first

    @cached_property
    def _counted(self) -> Numbers:
        repeated, defined = self._levels
        slots = np.arange(self.count, dtype=np.int64) if repeated is None else np.cumsum(repeated == 0) - 1
        return slots if defined is None else slots[defined == self._column.defined]

    @property
    def levels(self) -> int:
        """Bytes of the body that come before what is packed."""
        about = inner(self._page.header, 8) or {}
        return number(about, 5) + number(about, 6) if self._page.kind == DATA_V2 else 0

    @cached_property
    def _levels(self) -> tuple[Numbers | None, Numbers | None]:
        column, page = self._column, self._page
        if page.kind == DATA_V2:
            about = inner(page.header, 8) or {}
            repeated, defined = number(about, 6), number(about, 5)
            cuts = (self._body[:repeated], self._body[repeated : repeated + defined])
            found = [
                _level(cut, 0, self.count, most) if most else None
                for cut, most in zip(cuts, (column.repeated, column.defined), strict=True)
            ]
            return found[0], found[1]
        about, at = inner(page.header, 5) or {}, 0
        found = []
        for most, encoding in ((column.repeated, number(about, 4)), (column.defined, number(about, 3))):
            if not most:
                found.append(None)
                continue
            if encoding == _BIT_PACKED:
                raise Unsupported
            end = at + 4 + int.from_bytes(self.data[at : at + 4], "little")
            found.append(_level(self.data[:end], at + 4, self.count, most))
            at = end
        return found[0], found[1]


def _level(data: bytes, at: int, count: int, most: int) -> Numbers:
    parts = [np.repeat(numbers, times) for numbers, times in values.hybrid(data, at, count, most.bit_length())]
    found = np.concatenate(parts) if parts else np.empty(0, np.int64)
    if len(found) != count:
        raise Broken
    return found


def _starts_of(batches: Iterator[list[bytes]]) -> Iterator[int]:
    at = 0
    for batch in batches:
        for value in batch:
            yield at
            at += len(value) + 4
        at -= 4 if batch else 0


class ChunkRows:
    """The pages of one chunk in the sequence in which the scan reads them, and the rows of what lies in them."""

    def __init__(self, source: Slice, placed: PlacedChunk) -> None:
        """Read every page once. Raises Broken, Unsupported and TooLarge."""
        self._source = source
        self._placed = placed
        self._decoded: dict[int, DecodedPage] = {}
        self._words: npt.NDArray[np.uint8] | None = None
        self.pages: list[PlacedPage] = []
        chunk, at, begin, first, data_pages = placed.chunk, placed.chunk.start, 0, placed.first, 0
        while at < chunk.end:
            page = page_at(source, at, chunk.end)
            if page is None:
                raise Broken
            if page.kind != _INDEX:
                decoded = self._decode(page)
                if decoded.dictionary:
                    self._words = decoded.words
                rows = 0 if decoded.dictionary else _rows_in(decoded)
                number_ = -1 if decoded.dictionary else data_pages
                self.pages.append(PlacedPage(number_, at, page, begin, begin + decoded.size, first, rows))
                self._keep(len(self.pages) - 1, decoded)
                begin, first, data_pages = begin + decoded.size, first + rows, data_pages + (number_ >= 0)
            at = page.end
        self._begins = [each.begin for each in self.pages]
        self._starts = [each.start for each in self.pages]

    def page_of(self, offset: int) -> int | None:
        """Return the number of the page in whose bytes an offset of the file lies."""
        found = bisect_right(self._starts, offset) - 1
        return found if found >= 0 and offset < self.pages[found].page.end else None

    def body_of(self, which: int) -> int:
        """Return where the values of a page begin in the file, packed or not, with the levels of the older version before them."""
        return self.pages[which].page.start + self._page(which).levels

    def rows_at(self, place: int) -> Numbers:
        """Return the rows of the value at a place of what the chunk decodes to; all rows of its page where no value can be told."""
        found = bisect_right(self._begins, place) - 1
        # Why on: a page of which nothing is read begins where the next does.
        while found >= 0 and not self.pages[found].end > place:
            found -= 1
        return self._rows_of(found, place - self.pages[found].begin) if found >= 0 else np.empty(0, np.int64)

    def rows_at_raw(self, which: int, place: int, length: int) -> Numbers | None:
        """Return the rows of the value at a place of the unpacked bytes of one page; None where no value lies."""
        decoded = self._page(which)
        if decoded.dictionary or decoded.encoding in {values.PLAIN, values.DELTA_LENGTH}:
            return self._rows_of(which, place - decoded.at) if place >= decoded.at else None
        # The bytes of a value that lie there lie in the value as well.
        return self.rows_with(decoded.data[place : place + length], which)

    def rows_with(self, needle: bytes, which: int | None = None) -> Numbers | None:
        """Return the rows of the values that some bytes lie in, in all pages or in one of them; None where they lie in no value."""
        found: list[Numbers] = []
        for number_ in range(len(self.pages)) if which is None else (which,):
            seen = self._page(number_).seen
            at = seen.find(needle)
            while at >= 0:
                found.append(self._rows_of(number_, at))
                at = seen.find(needle, at + 1)
        return np.unique(np.concatenate(found)) if found else None

    def rows_with_bound(self, value: bytes, page: int | None) -> Numbers | None:
        """Return the rows with a value of which ``value`` is the beginning, in one data page or in all of them."""
        # Why less the last byte: of a bound that was cut short it may be one more than in the value.
        needle = value[:-1] if self._placed.chunk.column.kind in {values.BYTE_ARRAY, values.FIXED} and len(value) > 1 else value
        rows = self.rows_with(needle)
        if page is None or rows is None:
            return rows
        here = next((each for each in self.pages if each.number == page), None)
        return rows[np.isin(rows, here.every)] if here is not None else np.empty(0, np.int64)

    def _rows_of(self, which: int, place: int) -> Numbers:
        decoded, page = self._page(which), self.pages[which]
        value = decoded.value_at(place)
        if decoded.dictionary:
            return self._rows_of_entry(value) if value is not None else np.empty(0, np.int64)
        if value is None:
            return page.every
        return decoded.row(value, page.first)

    def _rows_of_entry(self, entry: int) -> Numbers:
        entries, rows = self._coded
        low, high = np.searchsorted(entries, [entry, entry + 1])
        return np.unique(rows[low:high])

    @cached_property
    def _coded(self) -> tuple[Numbers, Numbers]:
        """Places in the dictionary in ascending order, and the row of each."""
        entries, rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for number_, page in enumerate(self.pages):
            decoded = self._page(number_)
            if decoded.coded:
                here = decoded.rows(page.first)
                entries.append(decoded.places[: len(here)])
                rows.append(here[: len(entries[-1])])
        every = np.concatenate(entries)
        order = np.argsort(every, kind="stable")
        return every[order], np.concatenate(rows)[order]

    def _page(self, which: int) -> DecodedPage:
        decoded = self._decoded.get(which)
        if decoded is None:
            decoded = self._decode(self.pages[which].page)
            self._keep(which, decoded)
        return decoded

    def _keep(self, which: int, decoded: DecodedPage) -> None:
        if len(self._decoded) >= _KEPT:
            # the dictionary, which comes first, is asked for most
            del self._decoded[next(each for each in self._decoded if each or len(self._decoded) == 1)]
        self._decoded[which] = decoded

    def _decode(self, page: Page) -> DecodedPage:
        body = self._source.read_at(page.start, page.end - page.start)
        if len(body) < page.end - page.start:
            raise Broken
        return DecodedPage(page, body, self._placed.chunk, self._words)


def _rows_in(decoded: DecodedPage) -> int:
    begins = decoded.begins()
    return decoded.count if begins is None else int(np.count_nonzero(begins == 0))
