"""Account for the pages of a PostgreSQL table: live rows, pointers, zeros, copies of live rows (``access/htup_details.h``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive
from expunge.ports.optional.row_accounts import AccountPart, TableFile
from expunge.residue.placing.postgres_pages import NORMAL, Item, Page, ctid
from expunge.residue.short_rows.postgres_files import pages
from expunge.residue.short_rows.postgres_leftovers import copied_row, is_empty, overlapping, unaccounted
from expunge.residue.short_rows.postgres_values import Misfit, values

Place: TypeAlias = tuple[int, int]
"""Block and item."""

MOST_ROWS = 1_000_000
"""Rows of one table that are kept in memory to compare entries of its indexes with."""
DAMAGED = CannotTell("damaged page")
_TOGETHER = 500
_FREE_SPACE, _REMOVED, _DELETED = NothingLive("free space"), NothingLive("removed row"), NothingLive("deleted row")
_NEVER = NothingLive("never committed")
_SHORTEST = 23
_NULLS = 0x0001
_INSERT_BITS, _NEVER_WRITTEN = 0x0300, 0x0200
_LOCKED, _NOT_ENDED = 0x0080, 0x0800
_FIELDS = 0x07FF
_REDIRECT = 2


@dataclass
class HeapAccount:
    """The account of one table or partition."""

    file: TableFile
    wanted: frozenset[int]
    """The columns, from 1, that indexes have."""
    rows: dict[Place, tuple[bytes | None, ...]] = field(default_factory=dict)
    """Live rows with the wanted values, in the order of the columns."""
    redirects: dict[Place, Place] = field(default_factory=dict)
    """Where an index names an earlier version of a row."""

    def parts(self) -> Iterator[AccountPart]:
        """Yield the live rows, and a word for each kind of byte that is not accounted for. Raises OSError."""
        waiting: list[str] = []
        for data, page in pages(self.file.path):
            if page is None:
                if not is_empty(data):
                    yield DAMAGED
                continue
            yield from self._on_page(page, waiting)
            if len(self.rows) > MOST_ROWS:
                yield CannotTell("more rows than are looked at")
                return
            if len(waiting) >= _TOGETHER:
                yield LiveRows(self.file.relation, tuple(waiting))
                waiting.clear()
        if waiting:
            yield LiveRows(self.file.relation, tuple(waiting))

    def columns(self) -> list[int]:
        """Return the wanted columns in the order in which rows have them."""
        return sorted(self.wanted)

    def at(self, place: Place) -> tuple[bytes | None, ...] | None:
        """Return the wanted values of the live row at a place; None where none is."""
        return self.rows.get(self.redirects.get(place, place))

    def _on_page(self, page: Page, waiting: list[str]) -> Iterator[AccountPart]:
        items = [item for number in range(1, page.count + 1) if (item := page.item(number)) is not None]
        if page.special != len(page.data) or overlapping(items) or _odd_pointers(page, len(items)):
            yield DAMAGED
            return
        for number, target in _redirects(page):
            self.redirects[page.number, number] = (page.number, target)
        live = list[Item]()
        for item in items:
            why = _why_dead(page, item)
            if why is not None:
                yield why
                continue
            try:
                self.rows[page.number, item.number] = self._values(page, item)
            except Misfit:
                yield NothingLive("slack")
                continue
            live.append(item)
            waiting.append(ctid(page.number, item.number))
        # dead tuples were named as such
        if unaccounted(page, items, lambda begin, end: copied_row(page, live, begin, end)):
            yield _FREE_SPACE

    def _values(self, page: Page, item: Item) -> tuple[bytes | None, ...]:
        fields, bits, begin = page.u16(item.start + 18) & _FIELDS, page.u16(item.start + 20), page.data[item.start + 22]
        bitmap = page.data[item.start + _SHORTEST : item.start + _SHORTEST + (fields + 7) // 8] if bits & _NULLS else b""
        if (
            fields > len(self.file.columns)
            or begin > item.size
            or any(page.data[item.start + _SHORTEST + len(bitmap) : item.start + begin])
        ):
            raise Misfit
        found = values(
            page.data,
            item.start + begin,
            item.start + item.size,
            self.file.columns[:fields],
            lambda number: not bitmap or bool(bitmap[number >> 3] >> (number & 7) & 1),
        )
        return tuple(found[number - 1] if number <= fields else None for number in self.columns())


def _why_dead(page: Page, item: Item) -> NothingLive | None:
    """Return why a tuple is no live row, as far as the page itself says; None where it may be one."""
    if item.state != NORMAL or item.size < _SHORTEST:
        return _REMOVED
    bits = page.u16(item.start + 20)
    if bits & _INSERT_BITS == _NEVER_WRITTEN:
        return _NEVER
    ended = page.u32(item.start + 4) and not bits & (_NOT_ENDED | _LOCKED)
    return _DELETED if ended else None


def _redirects(page: Page) -> Iterator[Place]:
    for number in range(1, page.count + 1):
        pointer = page.u32(20 + 4 * number)
        if pointer >> 15 & 3 == _REDIRECT:
            yield number, pointer & 0x7FFF


def _odd_pointers(page: Page, good: int) -> bool:
    """Whether a line pointer has bytes and lies out of bounds, so that it is none of the items."""
    sized = sum(1 for number in range(1, page.count + 1) if (pointer := page.u32(20 + 4 * number)) >> 17 and pointer >> 15 & 3 != _REDIRECT)
    return sized != good
