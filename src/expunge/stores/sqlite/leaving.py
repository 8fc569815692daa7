"""Rows of several people: who else loses something with a copy, and which members leave a row that stays."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.stores.sqlite.catalogue import SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.match import MANY, Row, bound, encode_key
from expunge.stores.sqlite.members import RowMembers
from expunge.stores.tables.json_members import MemberCut


class CopyBystanders:
    """The other people in the rows of located copies."""

    def __init__(self, table: SqliteTable, dataset: Dataset, selectors: Sequence[Selector]) -> None:
        self._selectors = selectors
        self._leaves = dataset.members
        self._members = RowMembers(table, dataset.subject_fields)
        self.sql = self._members.sql
        """SQL for the cells that :meth:`meet` asks for."""
        self._shared: list[set[str]] = [set() for _ in selectors]
        self._others: list[dict[str, set[str]]] = [{} for _ in selectors]
        self._sole: tuple[int, Sequence[Any]] | None = None
        """The last selector and cells that named nobody else: a person's rows come one after the other, and most name them alike."""

    def meet(self, number: int, key: Row, cells: Sequence[Any]) -> None:
        """Take in one row of one selector."""
        if not self.sql or self._selectors[number].every or self._sole == (number, cells):
            return
        match = self._selectors[number].match
        named = self._members.values(cells)
        others = {name: rest for name, values in named.items() if (rest := _others(values, match.get(name, frozenset())))}
        if not others:
            # Why of texts alone: 1 and 1.0 are equal, and do not name the same.
            self._sole = (number, cells) if all(type(each) is str for each in cells) else None
            return
        together = any(name in match for name in others)
        if together:
            self._shared[number].add(encode_key(key))
        if together and self._leaves and self._members.rest(cells, match) is not None:
            return
        for name, values in others.items():
            self._others[number].setdefault(name, set()).update(values)

    def of(self, number: int) -> tuple[frozenset[str], dict[str, frozenset[str]]]:
        """Return the keys that others are in as well, and the others who lose something, of one selector."""
        return frozenset(self._shared[number]), {name: frozenset(values) for name, values in self._others[number].items()}


class LeavingMembers:
    """Members that leave rows which stay when all of the copies are erased together."""

    def __init__(self, table: SqliteTable, dataset: Dataset, copies: Sequence[Copy]) -> None:
        self._members = _members(table, dataset, copies)
        self._selectors: dict[str, list[Selector | None]] = {}
        for copy in copies if self._members else ():
            for key in copy.keys:
                self._selectors.setdefault(key, []).append(copy.selector)

    def of(self, copy: Copy, key: Row, row: Mapping[str, Any]) -> dict[str, MemberCut] | None:
        """Return the cells that members of one copy leave, by column; None where the row goes as a whole."""
        if self._members is None:
            return None
        cells = [row[name] for name in self._members.columns]
        together = self._selectors.get(encode_key(key), [copy.selector])
        if len(together) > 1 and _rest(self._members, cells, together) is None:
            return None
        return _rest(self._members, cells, [copy.selector])


@dataclass(frozen=True)
class StayingRows:
    """The rows of one batch that lose members and stay."""

    cells: Mapping[Row, Mapping[str, str]] = field(repr=False)
    """Key -> column -> what it holds then."""

    def kept(self, keys: Sequence[Row]) -> list[Row]:
        """Return those of the keys whose rows stay."""
        return [key for key in keys if key in self.cells]

    def going(self, keys: Sequence[Row]) -> list[Row]:
        """Return those of the keys whose rows go."""
        return [key for key in keys if key not in self.cells]

    def expected(self, connection: sqlite3.Connection, table: SqliteTable) -> dict[str, str]:
        """Return the columns that :meth:`write` changes, each with SQL for what it makes of a row, over ``NEW``; raises sqlite3.Error.

        The SQL asks a temporary table, which this makes.
        """
        keys = [f"k{at}" for at in range(len(table.key))]
        connection.execute("DROP TABLE IF EXISTS temp.expunge_left")
        connection.execute(f"CREATE TEMP TABLE expunge_left (name, value, {', '.join(keys)})")
        for key, cells in self.cells.items():
            for name, text in cells.items():
                forms = [bound(each) for each in (name, text, *key)]
                places = ", ".join(form for form, _ in forms)
                connection.execute(f"INSERT INTO temp.expunge_left VALUES ({places})", [value for _, value in forms])
        row = " AND ".join(f"w.{at} = {name.replace('t.', 'NEW.', 1)}" for at, name in zip(keys, table.key, strict=True))
        names = sorted({name for cells in self.cells.values() for name in cells})
        left = "SELECT 1 FROM temp.expunge_left AS w WHERE w.name = {} AND w.value IS NEW.{} AND {}"
        return {name: f"EXISTS ({left.format(literal(name), quoted(name), row)})" for name in names}

    def write(self, connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable) -> None:
        """Write the cells, and full-text indexes over them anew. Raises sqlite3.Error."""
        where = " AND ".join(f"{each.removeprefix('t.')} = " + "{}" for each in table.key)
        for key, cells in self.cells.items():
            named = [bound(each) for each in key]
            values = [bound(each) for each in cells.values()]
            places = ", ".join(f"{quoted(name)} = {form}" for name, (form, _) in zip(cells, values, strict=True))
            sql = f"UPDATE {table.sql} SET {places} WHERE {where.format(*(form for form, _ in named))}"
            connection.execute(sql, [value for _, value in (*values, *named)])
        if self.cells:
            for index in schema.full_text:
                if index.content and (schema.named(index.content) == table.name or table.name in schema.reads(index.content)):
                    # Why anew: an index keeps the words of a row that was changed without its knowledge, and nothing tells.
                    connection.execute(index.command("rebuild"))


def staying_rows(
    connection: sqlite3.Connection,
    table: SqliteTable,
    dataset: Dataset,
    copies: Sequence[Copy],
    standing: Mapping[Pseudonym, Sequence[Row]],
) -> StayingRows:
    """Return the rows that stay when all these subjects leave them together."""
    members = _members(table, dataset, copies)
    if members is None or not members.may_list:
        return StayingRows({})
    selectors = {copy.subject: copy.selector for copy in copies}
    leaving: dict[Row, list[Selector | None]] = {}
    for subject, keys in standing.items():
        for key in keys:
            leaving.setdefault(key, []).append(selectors[subject])
    found: dict[Row, dict[str, str]] = {}
    for key, cells in _read(connection, table, members, leaving):
        rest = _rest(members, cells, leaving[key])
        if rest is not None:
            found[key] = {column: cut.text for column, cut in rest.items()}
    return StayingRows(found)


def _members(table: SqliteTable, dataset: Dataset, copies: Sequence[Copy]) -> RowMembers | None:
    if not dataset.members:
        return None
    named = {name for copy in copies if copy.selector for name in copy.selector.match}
    return RowMembers(table, (*dataset.subject_fields, *sorted(named)))


def _rest(members: RowMembers, cells: Sequence[Any], selectors: Sequence[Selector | None]) -> dict[str, MemberCut] | None:
    match: dict[str, frozenset[str]] = {}
    for selector in selectors:
        if selector is None or selector.every:
            return None
        for name, values in selector.match.items():
            match[name] = match.get(name, frozenset()) | values
    return members.rest(cells, match)


def _read(
    connection: sqlite3.Connection, table: SqliteTable, members: RowMembers, keys: Mapping[Row, object]
) -> Iterator[tuple[Row, Sequence[Any]]]:
    columns, condition = ", ".join(members.sql), f"({members.may_list})"
    numbers = [key[0] for key in keys if len(key) == 1 and type(key[0]) is int]
    for start in range(0, len(numbers), MANY):
        few = numbers[start : start + MANY]
        wanted = f"{table.key[0]} IN ({', '.join('?' * len(few))})"
        for number, *cells in connection.execute(
            f"SELECT {table.key[0]}, {columns} FROM {table.sql} AS t WHERE {wanted} AND {condition}", few
        ).fetchall():
            yield (number,), cells
    for key in keys:
        if len(key) == 1 and type(key[0]) is int:
            continue
        named = [bound(each) for each in key]
        where = " AND ".join(f"{name} = {form}" for name, (form, _) in zip(table.key, named, strict=True))
        sql = f"SELECT {columns} FROM {table.sql} AS t WHERE {where} AND {condition}"
        for cells in connection.execute(sql, [value for _, value in named]).fetchall():
            yield key, cells


def _others(values: frozenset[str], wanted: frozenset[str]) -> frozenset[str]:
    """Values that mean none of the wanted; whole numbers are wanted with a point as well."""
    return frozenset(value for value in values - wanted if f"{value}.0" not in wanted)
