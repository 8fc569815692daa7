"""Raw pages of a table's file: what SQL does not tell of a row's place.

An index entry points to the first version of a row, from which the server follows the later ones inside the page. The rows of a long value
name it in a pointer that no function shows before version 17. Layouts: ``storage/bufpage.h``, ``access/htup_details.h``, ``varatt.h``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path
from struct import pack, unpack_from

_PAGE = 8192
_SEGMENT = 1 << 30
_AT_ONCE = 128
_NORMAL, _REDIRECT = 1, 2
_NOT_REPLACED = 0x0800 | 0x0080 | 0x1000
"""Of a version that nobody ended, or that is only locked."""
_MOST = 300
"""Versions of a row that are followed."""


def newer_versions(file: Path, block: int, item: int) -> list[tuple[int, int]]:
    """Return the blocks and items of the versions that replaced the version of a row at a place, which an index may name for all of them.

    Raises OSError.
    """
    found: list[tuple[int, int]] = []
    page, ended_by = _read(file, block, 1), 0
    while (pointer := _pointer(page, item)) and len(found) < _MOST:
        start, state = pointer & 0x7FFF, pointer >> 15 & 3
        if state == _REDIRECT:
            item = start
            found.append((block, item))
            continue
        if state != _NORMAL or start + 23 > len(page):
            break
        written_by, ends = unpack_from("<II", page, start)
        # Another row may lie there by now: the version that replaced one was written by who ended that.
        if ended_by and written_by != ended_by:
            found.pop()
            break
        (high, low, following), (bits,) = unpack_from("<HHH", page, start + 12), unpack_from("<H", page, start + 20)
        if bits & _NOT_REPLACED or (high << 16 | low, following) == (block, item):
            break
        if high << 16 | low != block:
            block = high << 16 | low
            page = _read(file, block, 1)
        item, ended_by = following, ends
        found.append((block, item))
    return found


def rows_of_values(file: Path, toast: int, values: Collection[int]) -> Iterator[tuple[int, str]]:
    """Yield (long value, place of a row) for each tuple of a table with a pointer to one of the values in the TOAST table ``toast``.

    The tuple may be of a version that nobody sees any more. Raises OSError.
    """
    pointer = re.compile(rb"\x01\x12.{8}(.{4})" + re.escape(pack("<I", toast)), re.DOTALL)
    wanted = {pack("<I", value): value for value in values}
    block = 0
    while pages := _read(file, block, _AT_ONCE):
        for found in pointer.finditer(pages):
            value = wanted.get(found[1])
            if value is not None:
                number, within = divmod(found.start(), _PAGE)
                item = _covering(pages[number * _PAGE : (number + 1) * _PAGE], within)
                if item:
                    yield value, f"({block + number},{item})"
        block += len(pages) // _PAGE


def follows_full_segment(path: Path, first: str, segment: str) -> bool:
    """Return whether a file named as a further segment of a relation can be one: the segment before it is full."""
    if not segment.isdecimal() or not int(segment):
        return False
    before = path.with_name(first if int(segment) == 1 else f"{first}.{int(segment) - 1}")
    try:
        return before.stat().st_size == _SEGMENT
    except OSError:
        return False


def _read(file: Path, block: int, count: int) -> bytes:
    """So many pages from a block on, fewer at the end of a segment."""
    segment, within = divmod(block * _PAGE, _SEGMENT)
    path = file.with_name(f"{file.name}.{segment}") if segment else file
    try:
        with path.open("rb") as stream:
            stream.seek(within)
            data = stream.read(count * _PAGE)
    except FileNotFoundError:
        return b""
    return data[: len(data) // _PAGE * _PAGE]


def _pointer(page: bytes, item: int) -> int:
    at = 20 + 4 * item
    lower = int.from_bytes(page[12:14], "little")
    return int.from_bytes(page[at : at + 4], "little") if item and at + 4 <= lower else 0


def _covering(page: bytes, at: int) -> int:
    """The line pointer of the tuple that a byte belongs to; 0 where there is none."""
    count = (int.from_bytes(page[12:14], "little") - 24) // 4
    for item in range(1, min(count, _PAGE // 4) + 1):
        pointer = _pointer(page, item)
        start = pointer & 0x7FFF
        if pointer >> 15 & 3 == _NORMAL and start <= at < start + (pointer >> 17):
            return item
    return 0
