"""Rows that name several people in an array or a JSON list: who is named, and what is left of a row when one of them leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Selector
from expunge.stores.postgres.schema.catalogue import PostgresField, PostgresTable, literal, quoted
from expunge.stores.tables.json_members import ITSELF, JsonMembers

JSON = frozenset({"json", "jsonb"})
Cell: TypeAlias = "str | list[str | None] | None"


def json_values(wanted: PostgresField, alias: str = "t") -> str:
    """SQL for a FROM, ``e (v)``: the values of a field inside JSON, lists giving every element; empty for fields that are not in JSON."""
    if wanted.column.type not in JSON:
        return ""
    path = wanted.name.partition(".")[2].split(".") if wanted.form == "json" else []
    steps = "".join(f".{json.dumps(part)}" for part in path)
    document = f"{alias}.{quoted(wanted.column.name)}::pg_catalog.jsonb"
    return f"pg_catalog.jsonb_path_query({document}, {literal(f'lax ${steps}[*]')}, '{{}}', true) AS e (v)"


VALUE = "(e.v OPERATOR(pg_catalog.#>>) '{}') COLLATE \"C\""
"""SQL for the text of one of :func:`json_values`."""


@dataclass(frozen=True)
class CellRest:
    """A cell without some members."""

    left: str | list[str | None] = field(repr=False)
    gone: tuple[Any, ...] = field(repr=False)
    """The members that left: texts of an array, values of a JSON list."""


class RowMembers:
    """The people whom some fields of a row name, in the row's own cells."""

    def __init__(self, table: PostgresTable, names: Iterable[str]) -> None:
        """Take the fields that a table has."""
        found = (table.field(name) for name in dict.fromkeys(names))
        self._fields = [each for each in found if each is not None]
        self.columns = tuple(dict.fromkeys(each.column.name for each in self._fields))
        """Names of the columns that hold the fields; cells are given in their order."""
        arrays = {each.column.name for each in self._fields if each.form == "array"}
        self.sql = tuple(f"t.{quoted(name)}::text[]" if name in arrays else f"t.{quoted(name)}::text" for name in self.columns)
        self.types = {
            each.column.name: f"{each.column.element_sql}[]" if each.column.element else each.column.type for each in self._fields
        }
        """Column -> its type, as SQL, for those that can hold a list."""
        self.lists = any(each.form == "array" or each.column.type in JSON for each in self._fields)
        """Whether any field can name several people."""
        self._paths = {name: [_path(each) for each in self._fields if each.column.name == name] for name in self.columns}

    def values(self, cells: Sequence[Cell]) -> dict[str, frozenset[str]]:
        """Return the values of each field, those of lists included."""
        held = dict(zip(self.columns, cells, strict=True))
        return {each.name: self._named(each, held[each.column.name]) for each in self._fields}

    def meets(self, cells: Sequence[Cell], match: Mapping[str, frozenset[str]]) -> bool:
        """Return whether any field has a wanted value."""
        return any(not values.isdisjoint(match.get(name, ())) for name, values in self.values(cells).items())

    def rest(self, cells: Sequence[Cell], match: Mapping[str, frozenset[str]]) -> dict[str, CellRest] | None:
        """Return the cells that change when the people of ``match`` leave their lists, by column; None where the row goes as a whole."""
        held = dict(zip(self.columns, cells, strict=True))
        left: dict[str, CellRest] = {}
        for column, cell in held.items():
            mine = {_path(each): match[each.name] for each in self._fields if each.column.name == column and each.name in match}
            if isinstance(cell, list):
                if any(isinstance(each, list) for each in cell):
                    return None
                gone = tuple(each for each in cell if each in mine.get(ITSELF, ()))
                if gone:
                    left[column] = CellRest([each for each in cell if each not in mine.get(ITSELF, ())], gone)
                continue
            document = self._document(column, cell)
            if document is None:
                if cell is not None and any(said == cell for said in self._said(column, mine.get(ITSELF, frozenset()))):
                    return None
                continue
            cut = document.without(mine)
            if cut.gone:
                left[column] = CellRest(cut.text, tuple(json.loads(each) for each in cut.gone))
            elif cut.whole:
                return None
        rest = [left[name].left if name in left else cell for name, cell in held.items()]
        return left if left and any(self.values(rest).values()) else None

    def _said(self, column: str, values: Iterable[str]) -> Iterator[str | None]:
        plain = next((each for each in self._fields if each.column.name == column and each.form == "plain"), None)
        return (plain.said(value) for value in values if plain is not None)

    def _named(self, wanted: PostgresField, cell: Cell) -> frozenset[str]:
        if cell is None:
            return frozenset()
        if isinstance(cell, list):
            return frozenset(_flat(cell))
        document = self._document(wanted.column.name, cell)
        return frozenset({cell}) if document is None else document.texts(_path(wanted))

    def _document(self, column: str, cell: Cell) -> JsonMembers | None:
        if not isinstance(cell, str) or self.types[column] not in JSON:
            return None
        try:
            return JsonMembers(cell, self._paths[column])
        except ValueError:
            return None


class CopyBystanders:
    """The other people in the rows of located copies."""

    def __init__(
        self, table: PostgresTable, dataset: Dataset, selectors: Sequence[Selector], named: Callable[[Sequence[str]], str]
    ) -> None:
        self._selectors = selectors
        self._leaves = dataset.members
        self._members = RowMembers(table, dataset.subject_fields)
        self._named = named
        self.sql = self._members.sql
        """SQL for the cells that :meth:`meet` asks for."""
        self._shared: list[set[str]] = [set() for _ in selectors]
        self._others: list[dict[str, set[str]]] = [{} for _ in selectors]

    def meet(self, number: int, key: Sequence[str], cells: Sequence[Cell]) -> None:
        """Take in one row of one selector."""
        if self._selectors[number].every:
            return
        match = self._selectors[number].match
        named, others = self._members.values(cells), {}
        for name, values in named.items():
            rest = values - match.get(name, frozenset())
            if rest:
                others[name] = rest
        if not others:
            return
        together = self._members.lists and any(name in match and len(named[name]) > 1 for name in others)
        if together:
            self._shared[number].add(self._named(key))
        if together and self._leaves and self._members.rest(cells, match) is not None:
            return
        for name, values in others.items():
            if name not in match or together:
                self._others[number].setdefault(name, set()).update(values)

    def of(self, number: int) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
        """Return the keys that others are in as well, and the others who lose something, of one selector."""
        return frozenset(self._shared[number]), {name: frozenset(values) for name, values in self._others[number].items()}


def leaving_members(table: PostgresTable, dataset: Dataset, copies: Sequence[Copy]) -> RowMembers | None:
    """Return what reads the rows that members can leave; None where the map or the table knows no such rows."""
    if not dataset.members:
        return None
    named = {name for copy in copies if copy.selector for name in copy.selector.match}
    members = RowMembers(table, (*dataset.subject_fields, *sorted(named)))
    return members if members.lists else None


def rest_of(members: RowMembers, cells: Sequence[Cell], selectors: Iterable[Selector | None]) -> dict[str, CellRest] | None:
    """Return the cells that change when the people of several selectors leave a row together; None where it goes."""
    match: dict[str, frozenset[str]] = {}
    for selector in selectors:
        if selector is None or selector.every:
            return None
        for name, values in selector.match.items():
            match[name] = match.get(name, frozenset()) | values
    return members.rest(cells, match)


def _path(wanted: PostgresField) -> str:
    return wanted.name.partition(".")[2] if wanted.form == "json" else ITSELF


def _flat(value: Sequence[Any]) -> Iterator[str]:
    for each in value:
        if isinstance(each, list):
            yield from _flat(each)
        elif each is not None:
            yield each
