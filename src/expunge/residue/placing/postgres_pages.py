"""Pages of one PostgreSQL relation: their line pointers, and the tuple that covers a place.

Layouts are those of ``storage/bufpage.h``, ``storage/itemid.h`` and ``access/htup_details.h``, with pages of 8 KiB and segments of 1 GiB.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from struct import unpack_from
from typing import NamedTuple

from expunge.residue.formats.postgres_packed import PAGE

SEGMENT = 1 << 30
"""Bytes of one file of a relation."""
NORMAL, DEAD = 1, 3
"""States of a line pointer that may have bytes."""
_HEAD = 24
_BODY = 22
"""Where the part of a row's tuple begins that never changes."""
_TOLD = 16
"""Bytes that tell tuples apart."""
_NAME = re.compile(r"((?:t\d+_)?\d+)(?:_(fsm|vm|init))?(?:\.(\d+))?")


class Item(NamedTuple):
    """A line pointer with bytes."""

    number: int
    """Its place among the line pointers, from 1."""
    start: int
    size: int
    state: int


class Page:
    """One page, checked to be one."""

    def __init__(self, data: bytes, number: int) -> None:
        """Take a page that :func:`is_page` recognised, and its number in the relation."""
        self.data = data
        self.number = number
        lower, upper, special = unpack_from("<HHH", data, 12)
        self.lower, self.upper, self.special = int(lower), int(upper), int(special)

    def u16(self, at: int) -> int:
        """The number of two bytes at an offset."""
        return int.from_bytes(self.data[at : at + 2], "little")

    def u32(self, at: int) -> int:
        """The number of four bytes at an offset."""
        return int.from_bytes(self.data[at : at + 4], "little")

    @property
    def count(self) -> int:
        """How many line pointers there are."""
        return (self.lower - _HEAD) // 4

    def item(self, number: int) -> Item | None:
        """The line pointer of that number, from 1; None where there is none, or it has no bytes."""
        return self._item(number, self.u32(_HEAD + 4 * number - 4)) if 1 <= number <= self.count else None

    def covering(self, start: int, end: int) -> Item | None:
        """The line pointer whose bytes cover all of ``[start, end)``."""
        for number, pointer in enumerate(unpack_from(f"<{self.count}I", self.data, _HEAD), 1):
            begin = pointer & 0x7FFF
            if begin <= start and end <= begin + (pointer >> 17):
                return self._item(number, pointer)
        return None

    def copied(self, start: int, end: int, *, rows: bool) -> Item | None:
        """The line pointer of a tuple of which free space still has a copy, from its beginning up to ``end``, with ``[start, end)`` in it.

        The server moves tuples together and leaves copies where they were. A copy of a row names that row's own place and who wrote it, or,
        of a version that is gone, the place of the next one and who replaced it.
        """
        wanted = self.data[start : max(end, start + _TOLD)]
        for number in range(1, self.count + 1):
            item = self.item(number)
            place = self.data.find(wanted, item.start, item.start + item.size) if item is not None else -1
            while item is not None and place >= 0:
                begin = start - (place - item.start)
                if begin % 8 == 0 and begin >= self.lower and self._alike(item, begin, end, rows=rows):
                    return item
                place = self.data.find(wanted, place + 1, item.start + item.size)
        return None

    def _alike(self, item: Item, begin: int, end: int, *, rows: bool) -> bool:
        """Whether a copy from ``begin`` on is one of a tuple or, of a row, of the version that the tuple replaced."""
        data, size = self.data, end - begin
        if not rows:
            return data[begin:end] == data[item.start : item.start + size]
        if tid(data, begin + 12) != (self.number, item.number) or data[begin + _BODY : end] != data[item.start + _BODY : item.start + size]:
            return False
        # What a header says of the end of its version may have changed since; who wrote the tuple wrote the copy, or ended that version.
        written_by = data[item.start : item.start + 4]
        return written_by in {data[begin : begin + 4], data[begin + 4 : begin + 8]}

    def _item(self, number: int, pointer: int) -> Item | None:
        start, state, size = pointer & 0x7FFF, pointer >> 15 & 3, pointer >> 17
        good = state in {NORMAL, DEAD} and size and self.upper <= start and start + size <= self.special
        return Item(number, start, size, state) if good else None


def is_page(data: bytes) -> bool:
    """Return whether bytes are a page, as far as the header says."""
    if len(data) != PAGE:
        return False
    lower, upper, special, size = unpack_from("<HHHH", data, 12)
    return size == PAGE | 4 and bool(_HEAD <= lower <= upper <= special <= PAGE)


def tid(data: bytes, at: int) -> tuple[int, int]:
    """The block and the item that an ``ItemPointerData`` at an offset names."""
    high, low, item = unpack_from("<HHH", data, at)
    return high << 16 | low, item


def ctid(block: int, item: int) -> str:
    """A row's place as PostgreSQL writes it."""
    return f"({block},{item})"


class RelationFile(NamedTuple):
    """One file of a relation, by its name."""

    relation: str
    """The path that names the relation: relative to the data folder, or absolute in a table space."""
    first: Path
    """The file of its first segment."""
    fork: str
    """``fsm``, ``vm`` or ``init``; empty for the relation itself."""
    segment: int


def relation_file(path: Path) -> RelationFile | None:
    """Return what a file of a running server is, by its name and folder; None for any other file, a copy of such a file included."""
    found = _NAME.fullmatch(path.name)
    if found is None:
        return None
    name, fork, segment = found[1], found[2] or "", int(found[3] or 0)
    first, folder = path.with_name(name), path.parent
    if segment and not fork and not _is_full(first if segment == 1 else path.with_name(f"{name}.{segment - 1}")):
        return None
    if folder.parent.name == "base" and folder.name.isdecimal() and is_data_folder(folder.parent.parent):
        return RelationFile(f"base/{folder.name}/{name}", first, fork, segment)
    if folder.name == "global" and is_data_folder(folder.parent):
        return RelationFile(f"global/{name}", first, fork, segment)
    if folder.parent.name.startswith("PG_") and folder.name.isdecimal():
        return RelationFile(str(first.resolve()), first, fork, segment)
    return None


def is_data_folder(folder: Path) -> bool:
    """Return whether a server runs on this folder: its file of the server's process names the folder, which that of a copy does not."""
    try:
        named = (folder / "postmaster.pid").read_text(encoding="utf-8", errors="surrogateescape").splitlines()[1]
        return Path(named).samefile(folder)
    except (OSError, ValueError, IndexError):
        return False


def _is_full(path: Path) -> bool:
    try:
        return path.stat().st_size == SEGMENT
    except OSError:
        return False


class Relation:
    """The pages of one relation, over all its segments; the last page read is kept."""

    def __init__(self, first: Path) -> None:
        """Take the file of the first segment; nothing is opened."""
        self._first = first
        self._files: dict[int, int] = {}
        self._last: Page | None = None

    def page(self, number: int) -> Page | None:
        """Return a page; None where there is none, or it is not one. Raises OSError."""
        if self._last is not None and self._last.number == number:
            return self._last
        segment, within = divmod(number * PAGE, SEGMENT)
        descriptor = self._files.get(segment)
        if descriptor is None:
            path = self._first.with_name(f"{self._first.name}.{segment}") if segment else self._first
            try:
                descriptor = self._files[segment] = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError:
                return None
        data = os.pread(descriptor, PAGE, within)
        if not is_page(data):
            return None
        self._last = Page(data, number)
        return self._last

    def close(self) -> None:
        """Close the files."""
        while self._files:
            os.close(self._files.popitem()[1])
        self._last = None
