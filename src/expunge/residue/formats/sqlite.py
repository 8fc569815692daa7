"""Read content that is cut up in SQLite files: it continues on overflow pages, or from row to row, of a database, a WAL or a journal.

The plain bytes of every page are searched anyway. Here the pages are put in sequence: an overflow page (file format 1.6) begins with the
number of the next page, so chains can be followed whether or not a row still points to them. Pointers are sought at every offset of every
other page, because the cell that held one may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from expunge.residue.formats import sqlite_words
from expunge.residue.formats.slices import Slice

HIDDEN = {"sqlite": "sqlite overflow", "sqlite wal": "sqlite wal", "sqlite journal": "sqlite journal"}
"""Kind -> how content was hidden there."""
BESIDE = {"-wal": "sqlite wal", "-journal": "sqlite journal"}
"""How the files beside a database are named, and what they are."""
_MAX_CHAIN = 1 << 20
_MAX_PAGE = 1 << 26
_SEAM = 64
_LEAVES = 4
_BLOCK = 1 << 20
_FEW = 4
"""So many numbers of pages are looked for one after the other."""

Run = tuple[int, Iterator[bytes]]


@dataclass(frozen=True)
class _Pages:
    """All page images of one file, with their numbers. A number may occur often (WAL) or once (database)."""

    source: Slice
    size: int
    offsets: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    main: Slice | None = None
    """The database itself, where pages that this file lacks are."""

    def image(self, index: int) -> bytes:
        return self.source.read_at(int(self.offsets[index]), self.size)


def extent(head: bytes) -> int | None:
    """Return the number of bytes of a database, by its first 100 bytes, or None when they do not say."""
    size = _page_size(head)
    count = int.from_bytes(head[28:32], "big")
    # the count is valid only if the two change counters agree (file format 1.3.7)
    return size * count if size and count and head[24:28] == head[92:96] else None


def runs(source: Slice, kind: str, main: Slice | None = None) -> Iterator[Run]:
    """Yield (offset of the page it starts on, pieces) for what a database, WAL or rollback journal shows in sequence alone.

    These are chains of overflow pages, and the words of rows that hold one each.

    Args:
        source: the file's bytes.
        kind: ``sqlite``, ``sqlite wal`` or ``sqlite journal``.
        main: for a WAL or journal, the database it belongs to, if it is there.
    """
    pages = {"sqlite": _database, "sqlite wal": _wal, "sqlite journal": _journal}[kind](source, main)
    if pages is None or not len(pages.offsets):
        return
    yield from _chains(pages)
    for first, images in _images(pages):
        yield from ((int(pages.offsets[first + number]), iter((words,))) for number, words in sqlite_words.words(images))


def _page_size(head: bytes) -> int:
    size = int.from_bytes(head[16:18], "big")
    size = 65536 if size == 1 else size
    return size if size >= 512 and size & (size - 1) == 0 else 0


def _database(source: Slice, _main: Slice | None) -> _Pages | None:
    size = _page_size(source.read_at(0, 100))
    if not size:
        return None
    count = source.size // size
    return _Pages(source, size, np.arange(count, dtype=np.int64) * size, np.arange(1, count + 1, dtype=np.int64))


def _wal(source: Slice, main: Slice | None) -> _Pages | None:
    size = int.from_bytes(source.read_at(8, 4), "big")
    if size < 512 or size > 65536 or size & (size - 1):
        return None
    return _framed(source, size, start=32, before=24, after=0, main=main)


def _journal(source: Slice, main: Slice | None) -> _Pages | None:
    head = source.read_at(0, 28)
    sector, size = int.from_bytes(head[20:24], "big"), int.from_bytes(head[24:28], "big")
    if not any(head) and main is not None:
        # a journal kept after commit has its header zeroed: the database knows the page size, 512 is SQLite's usual sector
        sector, size = 512, _page_size(main.read_at(0, 100))
    if size < 512 or size > 65536 or size & (size - 1) or not 32 <= sector <= 65536:
        return None
    return _framed(source, size, start=sector, before=4, after=4, main=main)


def _framed(source: Slice, size: int, *, start: int, before: int, after: int, main: Slice | None) -> _Pages:
    step = before + size + after
    count = max(0, (source.size - start) // step)
    offsets = start + np.arange(count, dtype=np.int64) * step + before
    numbers = np.array([int.from_bytes(source.read_at(int(at) - before, 4), "big") for at in offsets], dtype=np.int64)
    return _Pages(source, size, offsets, numbers, main)


def _chains(pages: _Pages) -> Iterator[Run]:
    limit = min(_MAX_PAGE, max(int(pages.numbers.max()), pages.main.size // pages.size if pages.main else 0))
    following, full = _next_numbers(pages)
    # what may be an overflow page: it begins with 0 or the number of a page, and holds something
    likely = full & ((following == 0) | ((following >= 2) & (following <= limit))) & (pages.numbers > 1) & (pages.numbers <= limit)
    if not likely.any():
        return
    targets = np.zeros(limit + 1, dtype=np.bool_)
    targets[pages.numbers[likely]] = True
    by_number: dict[int, list[int]] = {}
    for index in np.flatnonzero(likely).tolist():
        by_number.setdefault(int(pages.numbers[index]), []).append(index)
    best: dict[int, tuple[int, int, bool]] = {}
    for index, places in _pointers(pages, likely, targets):
        yield from _seams(pages, index, places, by_number, best)
    yield from _trunks(pages, likely, by_number)
    inner = set(following[likely].tolist())
    for number, indexes in by_number.items():
        start = best.get(number)
        if number in inner and not (start and start[2]):
            # the middle of a chain, which is read from its start; numbers that happen to look like pointers to it do not count
            continue
        for index in indexes:
            head = pages.image(start[0])[: start[1]] if start else b""
            at = int(pages.offsets[start[0] if start else index])
            yield at, _follow(pages, head, index, following, by_number)


def _next_numbers(pages: _Pages) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    following = np.zeros(len(pages.offsets), dtype=np.int64)
    full = np.zeros(len(pages.offsets), dtype=np.bool_)
    for first, images in _images(pages):
        last = first + len(images)
        following[first:last] = images[:, :4].copy().view(">u4")[:, 0]
        full[first:last] = images[:, 4:].any(axis=1)
    return following, full


def _images(pages: _Pages) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Blocks of whole pages, (index of the first, array of rows); stops where the file has become shorter."""
    step = int(pages.offsets[1] - pages.offsets[0]) if len(pages.offsets) > 1 else pages.size
    rows = max(1, _BLOCK // step)
    for first in range(0, len(pages.offsets), rows):
        count = min(rows, len(pages.offsets) - first)
        data = pages.source.read_at(int(pages.offsets[first]), (count - 1) * step + pages.size)
        count = min(count, (len(data) - pages.size) // step + 1) if len(data) >= pages.size else 0
        if count <= 0:
            return
        flat = np.frombuffer(data, dtype=np.uint8)
        yield first, np.lib.stride_tricks.as_strided(flat, shape=(count, pages.size), strides=(step, 1))


def _pointers(pages: _Pages, likely: npt.NDArray[np.bool_], targets: npt.NDArray[np.bool_]) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """For each page that is no overflow page: the (offset, number) of all that may point to one."""
    few = np.flatnonzero(targets)[: _FEW + 1].tolist()
    for first, images in _images(pages):
        rows = np.flatnonzero(~likely[first : first + len(images)])
        if not rows.size:
            continue
        row, place, number = _few(images[rows], few) if len(few) <= _FEW else _many(images[rows], targets)
        order = np.argsort(row, kind="stable")
        row, place, number = row[order], place[order], number[order]
        met, begins = np.unique(row, return_index=True)
        ends = [*begins.tolist(), row.size][1:]
        for index, begin, end in zip(met.tolist(), begins.tolist(), ends, strict=True):
            yield first + int(rows[index]), list(zip(place[begin:end].tolist(), number[begin:end].tolist(), strict=True))


Numbers = npt.NDArray[np.int64]


def _few(images: npt.NDArray[np.uint8], targets: Sequence[int]) -> tuple[Numbers, Numbers, Numbers]:
    """The (row, place, number) of every place where one of a few numbers stands: in most databases no more rows than that are long."""
    data, size = images.tobytes(), images.shape[1]
    found: list[tuple[int, int]] = []
    for number in targets:
        pattern = number.to_bytes(4, "big")
        at = data.find(pattern)
        while at >= 0:
            found.append((at, number))
            at = data.find(pattern, at + 1)
    at_all, numbers = np.array(found, dtype=np.int64).reshape(-1, 2).T
    inside = at_all % size <= size - 4
    return at_all[inside] // size, at_all[inside] % size, numbers[inside]


def _many(images: npt.NDArray[np.uint8], targets: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers, Numbers]:
    """The same of any number of targets, in four passes."""
    count, size = images.shape
    padded = np.zeros((count, size + 8), dtype=np.uint8)
    padded[:, :size] = images
    hits = [_at_shift(padded[:, shift : shift + size], shift, targets) for shift in range(4)]
    row, place, number = (np.concatenate(each) for each in zip(*hits, strict=True))
    return row, place, number


def _at_shift(images: npt.NDArray[np.uint8], shift: int, targets: npt.NDArray[np.bool_]) -> tuple[Numbers, Numbers, Numbers]:
    """The (row, place, number) of every fourth place where the number of a page among the targets stands."""
    values = images.copy().view(">u4").astype(np.uint32)
    # below 2 wraps around and is more than any page's number
    values -= np.uint32(2)
    row, near = (values <= np.uint32(max(len(targets), 3) - 3)).nonzero()
    numbers = values[row, near].astype(np.int64) + 2
    hit = targets.take(numbers, mode="clip")
    return row[hit], near[hit] * 4 + shift, numbers[hit]


def _seams(
    pages: _Pages,
    index: int,
    places: list[tuple[int, int]],
    by_number: dict[int, list[int]],
    best: dict[int, tuple[int, int, bool]],
) -> Iterator[Run]:
    image = pages.image(index)
    exact = _cell_pointers(image)
    for place, number in places:
        for other in _near(by_number[number], index, 4):
            joined = image[max(0, place - _SEAM) : place] + pages.image(other)[4 : 4 + _SEAM]
            yield int(pages.offsets[index]), iter((joined,))
        if place in exact or number not in best:
            best[number] = (index, place, place in exact)


def _trunks(pages: _Pages, likely: npt.NDArray[np.bool_], by_number: dict[int, list[int]]) -> Iterator[Run]:
    """Seams that a freelist trunk page hides (file format 1.5).

    The first page of a freed chain may have become a trunk: its pointer was overwritten, but the pages freed after it are in its list.
    """
    for index in np.flatnonzero(likely).tolist():
        head = pages.source.read_at(int(pages.offsets[index]), 8 + 4 * _LEAVES)
        count = int.from_bytes(head[4:8], "big")
        if not 0 < count <= pages.size // 4 - 2:
            continue
        leaves = [int.from_bytes(head[8 + 4 * number : 12 + 4 * number], "big") for number in range(min(count, _LEAVES))]
        if not all(leaf in by_number for leaf in leaves):
            continue
        end = pages.image(index)[-_SEAM:]
        for leaf in leaves:
            other = _near(by_number[leaf], index, 1)[0]
            yield int(pages.offsets[index]), iter((end + pages.image(other)[4 : 4 + _SEAM],))


def _near(indexes: list[int], index: int, count: int) -> list[int]:
    return sorted(indexes, key=lambda each: abs(each - index))[:count]


def _follow(pages: _Pages, head: bytes, index: int, following: npt.NDArray[np.int64], by_number: dict[int, list[int]]) -> Iterator[bytes]:
    yield head
    passed: set[int] = set()
    while index not in passed and len(passed) < _MAX_CHAIN:
        passed.add(index)
        yield pages.image(index)[4:]
        number = int(following[index])
        if number in by_number:
            index = _near(by_number[number], index, 1)[0]
            continue
        if pages.main is not None and number:
            # the rest of the chain did not change and so is in the database only
            yield pages.main.read_at((number - 1) * pages.size, pages.size)[4:]
        return


def _cell_pointers(image: bytes) -> set[int]:
    """Where live cells of a b-tree page hold the number of their first overflow page (file format 1.6)."""
    kind = image[0]
    if kind not in {0x02, 0x0A, 0x0D}:
        return set()
    head = 12 if kind == 0x02 else 8
    usable = len(image)
    found: set[int] = set()
    for number in range(min(int.from_bytes(image[3:5], "big"), (usable - head) // 2)):
        at = int.from_bytes(image[head + 2 * number : head + 2 * number + 2], "big") + (4 if kind == 0x02 else 0)
        size, at = _varint(image, at)
        if kind == 0x0D:
            _, at = _varint(image, at)
        most = usable - 35 if kind == 0x0D else (usable - 12) * 64 // 255 - 23
        if size > most:
            least = (usable - 12) * 32 // 255 - 23
            local = least + (size - least) % (usable - 4)
            found.add(at + (local if local <= most else least))
    return found


def _varint(image: bytes, at: int) -> tuple[int, int]:
    value = 0
    for count in range(9):
        if at >= len(image):
            return 0, at
        byte = image[at]
        at += 1
        if count == 8:
            return (value << 8) | byte, at
        value = (value << 7) | (byte & 0x7F)
        if byte < 0x80:
            break
    return value, at
