"""Nominate the rows that a record of PostgreSQL's write-ahead log wrote.

A record about a table names the place of the row that it wrote, and one of a B-tree's leaf the rows of its entries. What other records of
indexes hold are values of any row of the table. Images of pages are read like pages. All other records of the server hold no content of
rows. What was decoded from the log is reported at the page on which it begins. Layouts: ``access/xlogrecord.h``,
``access/heapam_xlog.h``, ``access/nbtxlog.h``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

from expunge.ports.optional.placing import CannotTell, LiveRows, Lying, NothingLive, SomeRow
from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.formats.postgres_wal import LONG, SHORT, method_of, unpacked
from expunge.residue.placing.postgres import lying_in
from expunge.residue.placing.postgres_pages import Page, Relation, ctid, is_data_folder, is_page, tid

_NAME = re.compile(r"[0-9A-F]{24}")
_LONGEST = 4096
"""Pages that are looked back for the beginning of a record."""
_HEAP2, _HEAP, _BTREE, _HASH, _SEQUENCE, _SP_GIST, _MESSAGE = 9, 10, 11, 12, 15, 16, 21
_INDEXES = frozenset({_BTREE, _HASH, 13, 14, _SP_GIST, 17, 20})
"""B-tree, hash, GIN, GiST, SP-GiST, BRIN, and indexes of extensions that write generic records (``access/rmgrlist.h``)."""
_EXTENSIONS = 128
"""The first number of a manager that an extension brought."""
_HASH_INSERT = 0x20
_ALTERNATIVE = 0x2000
"""The bit of an entry that names no row, or several."""
_SPLITS = frozenset({0x30, 0x40})
"""Records that split a page of a B-tree: the level of the page is the first number of their main data."""
_INSERT, _DELETE, _UPDATE, _HOT_UPDATE, _MULTI_INSERT, _INPLACE, _NEW_PAGE = 0x00, 0x10, 0x20, 0x40, 0x50, 0x70, 0x80
_CLEARING = frozenset({0x10, 0x20, 0x30})
"""Records of the second manager of tables that clear rows away: they prune, vacuum and freeze (``access/heapam_xlog.h``)."""
_OPERATION = 0x70
"""Bits that say what a record of a table does."""
_ENTRY_INSERTS = {0x00: 0, 0x50: 2}
"""Records that insert into a leaf of a B-tree -> bytes before the entry."""
_PACKED = 0x1C
_FIXED_MAIN = {
    (_HEAP, _DELETE): 8,
    (_HEAP, _UPDATE): 14,
    (_HEAP, _HOT_UPDATE): 14,
    (_SP_GIST, None): 0,
    (_MESSAGE, None): 0,
}
"""Records that may have content in the part that belongs to no block -> bytes of that part that are none."""
_DEFAULT, _GLOBAL = 1663, 1664
"""Table spaces that every server has."""
_UNREAD = CannotTell("log record")
"""A record that is not there to its end, or has another form."""
_IMAGE = CannotTell("page image in the log")
_OLD = NothingLive("old log")


@dataclass
class _Block:
    """A block that a record names, and the stretches of the record that hold its image and its data."""

    relation: tuple[int, int, int]
    number: int
    fork: int
    image: tuple[int, int] = (0, 0)
    hole: tuple[int, int] = (0, 0)
    packed: str = ""
    """How the image is compressed; empty where it lies open."""
    data: tuple[int, int] = (0, 0)


@dataclass
class _Record:
    """One record without headers of pages, and where its bytes lie in the file."""

    data: bytes
    stretches: list[tuple[int, int, int]]
    """(offset in the file, bytes, offset in the record)."""
    magic: int
    """Of the page on which it begins: the version of the log."""
    blocks: list[_Block] = field(default_factory=list)
    main: tuple[int, int] = (0, 0)

    def place(self, offset: int) -> int:
        """The offset in the record of an offset in the file; -1 where that is none of its bytes."""
        return next((within + offset - at for at, size, within in self.stretches if at <= offset < at + size), -1)


class LogRecord(NamedTuple):
    """One record of the log, for an account of all of them."""

    relations: tuple[tuple[tuple[int, int, int], str], ...]
    """Of each block: table space, database and number, and the name of the relation's file; empty where that is not there."""
    lying: tuple[Lying, ...]
    """All that lies in it."""
    cleared: bool
    """It clears rows away, whose places others may have taken."""


class PostgresLogPlaces:
    """Reads one file of the log. Implements ``ports.optional.placing.PlaceReader``."""

    def __init__(self, path: Path) -> None:
        """Take a file of ``pg_wal`` in the server's folder; nothing is opened."""
        self._path = path
        self._data = path.parent.parent
        self._files: dict[int, int] = {}
        self._pages = 0
        """In each file of the log."""

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the row that was written there."""
        try:
            record = self._record(offset)
            if record is None or not _parse(record):
                return _OLD if self._is_old(offset // PAGE) else _UNREAD
            begin = record.place(offset)
            end = record.place(offset + max(1, length) - 1) + 1
            return self._lying(record, begin, end) if 0 <= begin < end else _UNREAD
        except OSError:
            return CannotTell("unreadable")

    def close(self) -> None:
        """Close the files."""
        while self._files:
            os.close(self._files.popitem()[1])

    def at_page(self, offset: int) -> tuple[Lying, ...]:
        """Return all that lies in the records on the page at ``offset``, in which a compressed value, or one over two pages, was found."""
        end = (offset // PAGE + 1) * PAGE
        found: list[Lying] = []
        try:
            first = self._record(end - PAGE + LONG)
            if first is None:
                return (_OLD if self._is_old(offset // PAGE) else _UNREAD,)
            number, at = divmod(first.stretches[0][0], PAGE)
            address = _address(self._page(number)) - number * PAGE
            for record in self._records(number, at, address):
                if record.stretches[0][0] >= end:
                    break
                if not _parse(record):
                    return (_UNREAD,)
                found += self._parts(record)
        except OSError:
            return (CannotTell("unreadable"),)
        return tuple(dict.fromkeys(found)) or (NothingLive("log record without rows"),)

    def walk(self) -> Iterator[LogRecord | NothingLive]:
        """Yield each record that begins in the file, and a word for bytes behind them that are no part of the log. Raises OSError."""
        number = after = 0
        page = self._page(0)
        left = int.from_bytes(page[16:20], "little") if page and page[2] & 1 else 0
        while page and not self._is_old(number) and left >= PAGE - _begin(page):
            left -= PAGE - _begin(page)
            number += 1
            page = self._page(number)
        if page and not self._is_old(number):
            start = number * PAGE + _begin(page) + -(-left // 8) * 8
            for record in self._records(*divmod(start, PAGE), _address(page) - number * PAGE):
                if record.stretches[0][0] >= self._pages * PAGE:
                    return
                last, size, _ = record.stretches[-1]
                after = last + size
                yield self._shown(record)
        if self._any_behind(after):
            yield _OLD

    def _shown(self, record: _Record) -> LogRecord:
        """A record with what it was written about, and all that lies in it."""
        if not _parse(record):
            return LogRecord((), (_UNREAD,), cleared=False)
        manager, action = record.data[17], record.data[16] & _OPERATION
        relations = tuple((block.relation, self._relation(block)) for block in record.blocks)
        cleared = manager == _HEAP2 and action in _CLEARING
        return LogRecord(relations, tuple(dict.fromkeys(self._parts(record))), cleared=cleared)

    def _any_behind(self, at: int) -> bool:
        """Whether anything but headers of pages and zeros follows a place of the file."""
        self._page(0)
        for number in range(at // PAGE, self._pages):
            data = os.pread(self._file(0), PAGE, number * PAGE)
            begin = max(at - number * PAGE, (_begin(data) if len(data) == PAGE and data[1] in {0xD0, 0xD1} else 0))
            if data.count(0, begin) != max(0, len(data) - begin):
                return True
        return False

    # --- records -----------------------------------------------------------------------------------

    def _file(self, ahead: int) -> int:
        """A file of the log, so many after the one that is asked about; -1 where it is not there."""
        if ahead not in self._files:
            path = self._path.with_name(self._name(ahead)) if ahead else self._path
            try:
                self._files[ahead] = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return -1
        return self._files[ahead]

    def _name(self, ahead: int) -> str:
        name, files = self._path.name, (1 << 32) // (self._pages * PAGE)
        high, low = divmod(int(name[8:16], 16) * files + int(name[16:], 16) + ahead, files)
        return f"{name[:8]}{high:08X}{low:08X}"

    def _page(self, number: int, address: int | None = None) -> bytes:
        """A page of the log, counted from the file's first, that of an address if one is given; empty where it is another."""
        if not self._pages:
            self._pages = max(1, os.fstat(self._file(0)).st_size // PAGE)
        ahead, within = divmod(number, self._pages)
        file = self._file(ahead)
        page = os.pread(file, PAGE, within * PAGE) if file >= 0 else b""
        if len(page) < PAGE or page[1] not in {0xD0, 0xD1} or (address is not None and _address(page) != address):
            return b""
        return page

    def _is_old(self, number: int) -> bool:
        """Whether a page is left from the time before its file was made again for another part of the log."""
        page, name = self._page(number), self._path.name
        begins = (int(name[8:16], 16) << 32) + int(name[16:], 16) * self._pages * PAGE
        return bool(page) and _address(page) != begins + number * PAGE

    def _record(self, offset: int) -> _Record | None:
        """The record that a byte belongs to."""
        last, within = divmod(offset, PAGE)
        page = self._page(last)
        if not page or within < _begin(page) or self._is_old(last):
            return None
        address = _address(page) - last * PAGE
        for number in range(last, last - _LONGEST, -1):
            page = self._page(number, address + number * PAGE)
            if not page:
                return None
            (left,) = unpack_from("<I", page, 16)
            first = _begin(page) + (-(-left // 8) * 8 if page[2] & 1 else 0)
            if first < PAGE and number * PAGE + first <= offset:
                return next((each for each in self._records(number, first, address) if each.place(offset) >= 0), None)
        return None

    def _records(self, number: int, at: int, address: int) -> Iterator[_Record]:
        """Records one after the other, from a place on."""
        while True:
            page = self._page(number, address + number * PAGE)
            if not page:
                return
            total, magic = int.from_bytes(page[at : at + 4], "little"), int.from_bytes(page[:2], "little")
            if not SHORT <= total < 1 << 26:
                return
            parts, stretches, held = [], [], 0
            while held < total:
                size = min(total - held, PAGE - at)
                parts.append(page[at : at + size])
                stretches.append((number * PAGE + at, size, held))
                held, at = held + size, at + size
                if held < total:
                    number += 1
                    page = self._page(number, address + number * PAGE)
                    if not page:
                        return
                    at = _begin(page)
            yield _Record(b"".join(parts), stretches, magic)
            at = -(-at // 8) * 8
            if at + SHORT > PAGE and at >= PAGE:
                number += 1
                page = self._page(number, address + number * PAGE)
                at = _begin(page) if page else 0

    # --- rows --------------------------------------------------------------------------------------

    def _lying(self, record: _Record, begin: int, end: int) -> Lying:
        for block in record.blocks:
            if block.image[0] <= begin and end <= block.image[1]:
                return self._in_image(record, block, begin, end)
            if block.data[0] <= begin and end <= block.data[1]:
                relation = self._relation(block)
                return _written(record, block, relation, begin, end) if relation else _UNREAD
        return self._in_main(record)

    def _in_main(self, record: _Record) -> Lying:
        """What lies in the part of a record that belongs to no block."""
        manager, action = record.data[17], record.data[16] & _OPERATION
        relation = self._relation(record.blocks[0]) if record.blocks else ""
        if manager == _HEAP and action in {_UPDATE, _HOT_UPDATE} and relation:
            # the version before, which a table has logged whole for its subscribers: it is that row's
            (item,) = unpack_from("<H", record.data, record.main[0] + 12)
            return LiveRows(relation, (ctid(record.blocks[0].number, item),))
        if manager == _HEAP and action == _DELETE:
            return NothingLive("deleted row")
        if manager in _INDEXES:
            return SomeRow(relation) if relation else _UNREAD
        return CannotTell("log record of an extension") if manager >= _EXTENSIONS else NothingLive("log record without rows")

    def _parts(self, record: _Record) -> Iterator[Lying]:
        """What lies in each part of a record that has bytes of rows."""
        for block in record.blocks:
            if block.image[0] < block.image[1]:
                yield from self._in_whole_image(record, block)
            if block.data[0] < block.data[1]:
                multiple = record.data[17] == _HEAP2 and record.data[16] & _OPERATION == _MULTI_INSERT
                pieces = [(at, stop) for _, at, stop in _inserted(record, block)] if multiple else [block.data]
                yield from (self._lying(record, begin, end) for begin, end in pieces)
        manager, action = record.data[17], record.data[16] & _OPERATION
        if record.main[1] - record.main[0] > _FIXED_MAIN.get((manager, action), _FIXED_MAIN.get((manager, None), sys.maxsize)):
            yield self._in_main(record)

    def _in_whole_image(self, record: _Record, block: _Block) -> Iterator[Lying]:
        relation, page = self._relation(block), _image(record, block)
        if page is None or not relation:
            yield _IMAGE
            return
        with closing(Relation(self._data / relation)) as pages:
            for item in map(page.item, range(1, page.count + 1)):
                if item is not None:
                    yield lying_in(relation, pages, page, item.start, item.size)

    def _in_image(self, record: _Record, block: _Block, begin: int, end: int) -> Lying:
        relation, page, (hole_at, hole) = self._relation(block), _image(record, block), block.hole
        if block.fork:
            return NothingLive("map of pages")
        if page is None or not relation:
            return _IMAGE
        within, size = begin - block.image[0], end - begin
        if not block.packed and within < hole_at < within + size:
            return NothingLive("free space")
        with closing(Relation(self._data / relation)) as pages:
            if not block.packed:
                return lying_in(relation, pages, page, within + (hole if within >= hole_at else 0), size)
            # what is compressed has bytes in it as they are
            found = {lying_in(relation, pages, page, at, size) for at in _places(page.data, record.data[begin:end])}
            return found.pop() if len(found) == 1 else _IMAGE

    def _relation(self, block: _Block) -> str:
        """The relation of a block, named by its file; empty for one whose file is not there."""
        space, database, number = block.relation
        if space == _DEFAULT:
            return f"base/{database}/{number}"
        if space == _GLOBAL:
            return f"global/{number}"
        found = next(iter((self._data / "pg_tblspc" / str(space)).glob(f"PG_*/{database}/{number}")), None)
        return str(found.resolve()) if found is not None else ""


def is_log(path: Path) -> bool:
    """Return whether a file is one of a running server's log."""
    return path.parent.name == "pg_wal" and _NAME.fullmatch(path.name) is not None and is_data_folder(path.parent.parent)


def _address(page: bytes) -> int:
    return int.from_bytes(page[8:16], "little")


def _begin(page: bytes) -> int:
    return LONG if page[2] & 2 else SHORT


def _parse(record: _Record) -> bool:
    """Read the headers of a record: the blocks it names, and where their bytes are. Return whether they fit."""
    data, at, bodies = record.data, SHORT, 0
    relation, sizes, main = (0, 0, 0), list[tuple[_Block, int, int]](), 0
    while len(data) - at > bodies:
        number = data[at]
        if number > 32:
            if number in {252, 253}:
                at += {252: 5, 253: 3}[number]
                continue
            if number not in {254, 255}:
                return False
            main = data[at + 1] if number == 255 else int.from_bytes(data[at + 1 : at + 5], "little")
            at += 2 if number == 255 else 5
            bodies += main
            break
        flags, body = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "little")
        at += 4
        size = hole_at = hole = info = 0
        if flags & 0x10:
            size, hole_at, info = unpack_from("<HHB", data, at)
            at += 5
            if info & _PACKED and info & 1:
                (hole,) = unpack_from("<H", data, at)
                at += 2
            elif info & 1:
                hole = PAGE - size
        if not flags & 0x80:
            relation = unpack_from("<III", data, at)
            at += 12
        (block,) = unpack_from("<I", data, at)
        at += 4
        made = _Block(relation, block, flags & 0x0F, hole=(hole_at, hole), packed=method_of(info, record.magic))
        sizes.append((made, size, body))
        bodies += size + body
    for made, size, body in sizes:
        made.image, made.data = (at, at + size), (at + size, at + size + body)
        at += size + body
    record.blocks, record.main = [made for made, _, _ in sizes], (at, at + main)
    return at + main == len(data)


def _image(record: _Record, block: _Block) -> Page | None:
    """The page of which a record holds an image; None where it holds none, or one that cannot be read."""
    image, (hole_at, hole) = record.data[slice(*block.image)], block.hole
    data = unpacked(image, hole_at, hole, block.packed) if block.packed else image[:hole_at] + bytes(hole) + image[hole_at:]
    return Page(data, block.number) if is_page(data) else None


def _places(data: bytes, wanted: bytes) -> Iterator[int]:
    at = data.find(wanted)
    while at >= 0:
        yield at
        at = data.find(wanted, at + 1)


def _written(record: _Record, block: _Block, relation: str, begin: int, end: int) -> Lying:
    """The row that the data of a block were written to."""
    data, start, (manager, info) = record.data, block.data[0], (record.data[17], record.data[16])
    action = info & _OPERATION
    if manager == _HEAP and action in {_INSERT, _UPDATE, _HOT_UPDATE}:
        (item,) = unpack_from("<H", data, record.main[0] + (0 if action == _INSERT else 12))
        # an update may leave out what is as it was in the version before
        whole = start if action == _INSERT else -1
        return _row(relation, block.number, item, data, whole)
    if manager == _HEAP2 and action == _MULTI_INSERT:
        for item, at, stop in _inserted(record, block):
            if at <= begin and end <= stop:
                return _row(relation, block.number, item, data, at + 2)
        return _UNREAD
    if manager == _HEAP and action == _INPLACE:
        return _row(relation, block.number, unpack_from("<H", data, record.main[0])[0], data, -1)
    if manager in {_HEAP, _HEAP2, _SEQUENCE}:
        return NothingLive("sequence" if manager == _SEQUENCE else "log record without rows")
    if manager in _INDEXES:
        return _entry(record, block, relation, begin, end)
    return CannotTell("log record of an extension") if manager >= _EXTENSIONS else NothingLive("log record without rows")


def _entry(record: _Record, block: _Block, relation: str, begin: int, end: int) -> Lying:
    """The rows of an index entry that was written to a leaf; any row where the record does not say which."""
    data, (at, stop), (manager, action) = record.data, block.data, (record.data[17], record.data[16] & 0xF0)
    if (manager == _BTREE and action in _ENTRY_INSERTS) or (manager == _HASH and action == _HASH_INSERT):
        at += _ENTRY_INSERTS.get(action, 0) if manager == _BTREE else 0
        return LiveRows(relation, (ctid(*tid(data, at)),)) if at + 8 <= stop else _UNREAD
    if manager == _BTREE and action in _SPLITS and not any(data[record.main[0] : record.main[0] + 4]):
        while at + 8 <= stop:
            size = int.from_bytes(data[at + 6 : at + 8], "little")
            following = at + (-(-(size & 0x1FFF) // 8) * 8 or stop)
            if at <= begin and end <= following:
                return LiveRows(relation, (ctid(*tid(data, at)),)) if not size & _ALTERNATIVE else SomeRow(relation)
            at = following
    return SomeRow(relation)


def _row(relation: str, block: int, item: int, data: bytes, head: int) -> Lying:
    """A row, and the long value of which it may be a piece, where its head of five bytes is known."""
    rows = [ctid(block, item)]
    if head >= 0:
        fields, bits, begin = unpack_from("<HHB", data, head)
        value = head + 5 + begin - 23
        if fields & 0x07FF == 3 and not bits & 1 and begin == 24 and value + 8 <= len(data):
            rows.append(f"toast {int.from_bytes(data[value : value + 4], 'little')}")
    return LiveRows(relation, tuple(rows))


def _inserted(record: _Record, block: _Block) -> Iterator[tuple[int, int, int]]:
    """(Item, begin, end) of each row that one record inserts into a page."""
    data, (at, end) = record.data, block.data
    main = record.main[0]
    (rows,) = unpack_from("<H", data, main + 2)
    for number in range(rows):
        at += at - block.data[0] & 1
        if at + 7 > end:
            return
        (size,) = unpack_from("<H", data, at)
        new = bool(data[16] & _NEW_PAGE)
        item = number + 1 if new else unpack_from("<H", data, main + 4 + 2 * number)[0]
        yield item, at, at + 7 + size
        at += 7 + size
