"""Rows that name several people in a JSON list: who is named, and what is left of a row when one of them leaves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expunge.stores.sqlite.catalogue import SqliteTable, quoted
from expunge.stores.tables.json_members import ITSELF, JsonMembers, MemberCut, scalar

_HOLDING = frozenset({"text", "blob", "numeric"})
"""Affinities of columns that keep a list as text."""


@dataclass(frozen=True)
class _Field:
    name: str
    """As the map writes it."""
    column: str
    path: str
    """What leads on inside the cell."""


class RowMembers:
    """The people whom some fields of a row name, in the row's own cells."""

    def __init__(self, table: SqliteTable, names: Iterable[str]) -> None:
        """Take the fields that a table has; a row number names nobody else."""
        self._fields = list(_fields(table, names))
        self.columns = tuple(dict.fromkeys(each.column for each in self._fields))
        """Names of the columns that hold the fields; cells are given in their order."""
        self.sql = tuple(f"t.{quoted(name)}" for name in self.columns)
        self._paths = {name: [each.path for each in self._fields if each.column == name] for name in self.columns}
        holding = {column.name for column in table.columns if column.affinity in _HOLDING}
        self._listing = [name for name in self.columns if name in holding]

    @property
    def may_list(self) -> str:
        """SQL: a cell may hold a list, by ranges that an index can serve; empty where no column can."""
        return " OR ".join(_may_list(name, inside=self._paths[name] != [ITSELF]) for name in self._listing)

    def values(self, cells: Sequence[Any]) -> dict[str, frozenset[str]]:
        """Return the values of each field, those of lists included."""
        if len(self._fields) == 1 and not _opens(cells[0]) and self._fields[0].path == ITSELF:
            text = _text(cells[0])
            return {self._fields[0].name: frozenset() if text is None else frozenset({text})}
        return self._values(dict(zip(self.columns, cells, strict=True)))

    def rest(self, cells: Sequence[Any], match: Mapping[str, frozenset[str]]) -> dict[str, MemberCut] | None:
        """Return the cells that change when the people of ``match`` leave their lists, by column; None where the row goes as a whole."""
        held = dict(zip(self.columns, cells, strict=True))
        left: dict[str, MemberCut] = {}
        for column, cell in held.items():
            mine = {each.path: match[each.name] for each in self._fields if each.column == column and each.name in match}
            parsed = self._parsed(column, cell)
            if parsed is None:
                text = _text(cell)
                if text is not None and (text in mine.get(ITSELF, ()) or f"{text}.0" in mine.get(ITSELF, ())):
                    return None
                continue
            cut = parsed.without(mine)
            if cut.gone:
                left[column] = cut
            elif cut.whole:
                return None
        named = self._values({**held, **{column: cut.text for column, cut in left.items()}})
        return left if left and any(named.values()) else None

    def _values(self, held: Mapping[str, Any]) -> dict[str, frozenset[str]]:
        parsed = {column: self._parsed(column, cell) for column, cell in held.items()}
        found: dict[str, frozenset[str]] = {}
        for each in self._fields:
            document = parsed[each.column]
            text = _text(held[each.column]) if document is None and each.path == ITSELF else None
            plain = frozenset() if text is None else frozenset({text})
            found[each.name] = plain if document is None else document.texts(each.path)
        return found

    def _parsed(self, column: str, cell: Any) -> JsonMembers | None:
        """The cell as a document; None where it is a plain value."""
        paths = self._paths[column]
        if column not in self._listing or not _opens(cell, objects=paths != [ITSELF]):
            return None
        try:
            return JsonMembers(cell, paths)
        except ValueError:
            return None


def _fields(table: SqliteTable, names: Iterable[str]) -> Iterator[_Field]:
    for name in dict.fromkeys(names):
        column = table.column(name)
        if column is not None:
            yield _Field(name, column.name, ITSELF)
            continue
        head, _, path = name.partition(".")
        column = table.column(head)
        if column is not None and path:
            yield _Field(name, column.name, path)


def _opens(cell: Any, *, objects: bool = False) -> bool:
    """Whether a cell begins as a list does (or an object)."""
    return isinstance(cell, str) and cell.lstrip(" \t\r\n")[:1] in ({"[", "{"} if objects else {"["})


def _may_list(column: str, *, inside: bool) -> str:
    name = f"t.{quoted(column)}"
    if inside:
        return f"instr({name}, '[') > 0"
    ranges = (("'['", "'\\'"), ("' '", "'!'"), ("char(9)", "char(14)"))
    return " OR ".join(f"({name} >= {low} AND {name} < {high})" for low, high in ranges)


def _text(cell: Any) -> str | None:
    if isinstance(cell, bytes):
        return cell.decode("utf-8", "surrogateescape")
    return scalar(cell)


def listed(text: str) -> Iterable[str]:
    """Return the values of a cell that is a list, or the cell itself."""
    if not _opens(text):
        return (text,)
    try:
        return sorted(JsonMembers(text, [ITSELF]).texts(ITSELF))
    except ValueError:
        return (text,)
