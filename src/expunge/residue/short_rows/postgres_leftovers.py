"""What a page of PostgreSQL holds between its tuples: zeros, and copies of its live tuples that moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from expunge.residue.formats.postgres_packed import PAGE
from expunge.residue.placing.postgres_pages import Item, Page, tid

_HEAD, _POINTER = 24, 4
_ALIGN = 8
_BODY = 22
"""Where the part of a row's tuple begins that never changes."""


def gaps(page: Page, items: Sequence[Item]) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a page that belong to no header, pointer or tuple, and are not all zeros."""
    at = _HEAD + _POINTER * page.count
    for item in sorted(items, key=lambda each: each.start):
        if at < item.start and any(page.data[at : item.start]):
            yield at, item.start
        at = max(at, item.start + item.size)
    if at < page.special and any(page.data[at : page.special]):
        yield at, page.special


def overlapping(items: Sequence[Item]) -> bool:
    """Return whether two tuples share bytes."""
    ordered = sorted(items, key=lambda each: each.start)
    return any(one.start + one.size > other.start for one, other in pairwise(ordered))


def unaccounted(page: Page, items: Sequence[Item], copied: Callable[[int, int], int]) -> bool:
    """Return whether any byte between the tuples is neither zero, nor a pointer to one of them, nor part of a copy of a live one.

    ``copied`` returns how many bytes from a place on copy one from its beginning on, up to its own end or to that of the gap.
    """
    return any(not _is_accounted(page, items, start, end, copied) for start, end in gaps(page, items))


def _is_accounted(page: Page, items: Sequence[Item], start: int, end: int, copied: Callable[[int, int], int]) -> bool:
    at = start
    if start == page.lower:
        # an array of pointers that became shorter
        pointers = {page.u32(_HEAD + _POINTER * (item.number - 1)) for item in items}
        while at + _POINTER <= end and page.u32(at) in pointers:
            at += _POINTER
    while at < end:
        if not page.data[at]:
            at += 1
            continue
        begin = max(start, at - at % _ALIGN)
        step = copied(begin, end)
        if begin + step <= at:
            return False
        at = begin + step
    return True


def copied_row(page: Page, items: Sequence[Item], begin: int, end: int) -> int:
    """Return how many bytes copy a row of the page, as :func:`unaccounted` asks."""
    return max((_copied(page, item, begin, end) for item in items), default=0)


def _copied(page: Page, item: Item, begin: int, end: int) -> int:
    size = min(item.size, end - begin)
    if size <= _BODY or tid(page.data, begin + 12) != (page.number, item.number):
        return 0
    same = page.data[begin + _BODY : begin + size] == page.data[item.start + _BODY : item.start + size]
    # what a header says of the end of its version may have changed since
    return size if same and page.data[begin : begin + 4] == page.data[item.start : item.start + 4] else 0


def is_empty(data: bytes) -> bool:
    """Return whether a page was never written."""
    return data.count(0) == len(data) == PAGE
