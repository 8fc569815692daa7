"""Rows that name several people in a list: which elements leave with some of them, and whether the row stays for others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from expunge.core.values.outcome import Reason, Unable
from expunge.stores.arrow.row_values import Row
from expunge.stores.arrow.values import said
from expunge.stores.tree.interface import NameTrouble

NESTED = Unable(
    Reason.UNSUPPORTED,
    "a list of people lies inside another list or struct, where single members cannot be taken out: write `shared: erase`",
)


@dataclass(frozen=True)
class LeavingElements:
    """The list elements of one row that leave it."""

    places: Mapping[str, frozenset[int]]
    """Column -> numbers of elements."""
    gone: tuple[Any, ...] = field(repr=False)


def leaving(row: Row, names: Iterable[str], match: Mapping[str, frozenset[str]]) -> LeavingElements | None:
    """Return the elements of a row that leave with the people of ``match``; None where the row goes as a whole.

    Args:
        row: with all columns of the fields.
        names: every field by which a row names people.
        match: field -> values of the people who leave.

    Raises:
        NameTrouble: a list of people lies where members cannot be taken out.
    """
    places: dict[str, set[int]] = {}
    stays = False
    for name in dict.fromkeys((*names, *match)):
        column, path = _column(row, name)
        wanted = match.get(name, frozenset())
        value = row.get(column)
        if not isinstance(value, list):
            texts = set(_texts(value, path))
            if texts & wanted:
                return None
            stays = stays or bool(texts)
            continue
        for number, element in enumerate(value):
            texts = set(_texts(element, path))
            if texts & wanted:
                places.setdefault(column, set()).add(number)
    if not places:
        return None
    for name in dict.fromkeys((*names, *match)):
        column, path = _column(row, name)
        value = row.get(column)
        elements = enumerate(value) if isinstance(value, list) else ()
        stays = stays or any(_texts(element, path) for number, element in elements if number not in places.get(column, ()))
    if not stays:
        return None
    gone = tuple(row[column][number] for column, numbers in places.items() for number in sorted(numbers))
    return LeavingElements({column: frozenset(numbers) for column, numbers in places.items()}, gone)


def _column(row: Row, name: str) -> tuple[str, tuple[str, ...]]:
    """The column of a field, whose own name may have dots, and what leads on inside it."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        column = ".".join(parts[:end])
        if column in row:
            return column, tuple(parts[end:])
    return name, ()


def _texts(value: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_walk(value, path))


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list | tuple):
        if value:
            raise NameTrouble(NESTED)
    elif isinstance(value, dict):
        if path:
            yield from _walk(value.get(path[0]), path[1:])
    elif not path and (text := said(value)) is not None:
        yield text
