"""Find rows by the values of subject fields: one query per field for all selectors of a call."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple, TypeAlias

from expunge.core.values.copy import Copy, Selector
from expunge.core.values.hashed_identifiers import SIZES
from expunge.stores.sqlite.catalogue import SqliteField, SqliteTable, quoted
from expunge.stores.sqlite.members import RowMembers
from expunge.stores.sqlite.times import TimeConditions, may_hold

Row: TypeAlias = tuple[Any, ...]
MANY = 500
"""Rows that are asked for by one statement."""

_HASH = re.compile("|".join(f"[0-9a-f]{{{2 * size}}}" for size in sorted(SIZES)))
"""A hash in hex, as :func:`~expunge.stores.sqlite.catalogue.text_of_bytes` shows one that lies in bytes."""
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")


def encode_key(key: Row) -> str:
    """A row's key as text; the opposite of :func:`decode_key`."""
    if len(key) == 1 and type(key[0]) is int:
        return f"[{key[0]}]"  # as JSON would have it, in a tenth of the time
    return json.dumps([{"b": each.hex()} if isinstance(each, bytes) else each for each in key])


def decode_key(text: str) -> Row:
    """The values of a key."""
    if text[1:-1].isdecimal():
        return (int(text[1:-1]),)
    return tuple(bytes.fromhex(each["b"]) if isinstance(each, dict) else each for each in json.loads(text))


def bound(value: Any) -> tuple[str, Any]:
    """A placeholder and parameter for a value; text that is no valid Unicode goes as its bytes."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "CAST(? AS TEXT)", value.encode("utf-8", "surrogateescape")
    return "?", value


def wanted_text(value: str, affinity: str) -> str:
    """A selector's value as ``SqliteField.text`` would show it: in a REAL column 42.0 reads as ``42``."""
    whole = value.removesuffix(".0")
    return whole if affinity == "real" and whole != value and _INTEGER.fullmatch(whole) else value


def _typed(value: str, affinity: str) -> Iterator[Any]:
    """What the value may be stored as, for a comparison that an index can serve."""
    yield value
    yield value.encode("utf-8", "surrogateescape")
    if _HASH.fullmatch(value):
        yield bytes.fromhex(value)
    if affinity == "blob" and _INTEGER.fullmatch(value):
        number = int(value)
        if -(2**63) <= number < 2**63:
            yield number
        yield float(number)
    elif affinity == "blob":
        try:
            real = float(value)
        except ValueError:
            return
        if math.isfinite(real):
            yield real


def typed_forms(value: str) -> Iterator[Any]:
    """What the value may be stored as in a column of any affinity."""
    yield from _typed(value, "blob")


class SqliteHit(NamedTuple):
    """One row that belongs to one selector. Not a dataclass, because a person in a large table has thousands of rows."""

    selector: int
    """Its place in the sequence."""
    key: Row
    extra: Row

    def __repr__(self) -> str:
        """What a log may show: no key and no content."""
        return f"{type(self).__name__}(selector={self.selector!r})"


class SqliteMatcher:
    """The selectors of one call, loaded into a temporary table in memory, and the queries over it."""

    def __init__(self, connection: sqlite3.Connection, table: SqliteTable, selectors: Sequence[Selector]) -> None:
        """Load the selectors' values.

        Raises:
            NotInSqliteSchema: when the table has no such field.
        """
        self._connection = connection
        self.table = table
        names = sorted({name for each in selectors for name in each.match})
        self.fields = [table.require(name) for name in names]
        self.selectors = selectors
        self.beside = TimeConditions(table, selectors)
        connection.execute("DROP TABLE IF EXISTS temp.expunge_wanted")
        connection.execute("CREATE TEMP TABLE expunge_wanted (field INTEGER, text TEXT, value, selector INTEGER)")
        for number, selector in enumerate(selectors):
            for at, field in enumerate(self.fields):
                for value in sorted(selector.match.get(field.name, ())):
                    self._want(number, at, field, value)
        connection.execute("CREATE INDEX temp.expunge_wanted_text ON expunge_wanted (field, text)")

    def _want(self, selector: int, at: int, field: SqliteField, value: str) -> None:
        shown, text = bound(wanted_text(value, field.affinity))
        for typed in _typed(value, field.affinity):
            form, parameter = bound(typed)
            self._connection.execute(f"INSERT INTO temp.expunge_wanted VALUES (?, {shown}, {form}, ?)", (at, text, parameter, selector))

    def hits(self, extra: Sequence[str] = ()) -> Iterator[SqliteHit]:
        """Every row of every selector, for each field; a row found twice comes twice.

        Args:
            extra: further SQL expressions over the alias ``t``.
        """
        for at, field in enumerate(self.fields):
            yield from self._by_query(self._best(at, field, extra))
        yield from self.listed(extra)
        yield from self.everything(extra)

    def listed(self, extra: Sequence[str] = ()) -> Iterator[SqliteHit]:
        """The rows whose cells hold JSON lists with a wanted value."""
        members = RowMembers(self.table, [field.name for field in self.fields])
        if not members.may_list:
            return
        wanted: dict[tuple[str, str], list[int]] = {}
        for number, selector in enumerate(self.selectors):
            for name, values in selector.match.items():
                for value in values:
                    wanted.setdefault((name, value), []).append(number)
        width, count = len(self.table.key), len(members.columns)
        start = width + count + len(self.beside.columns)
        columns = ", ".join((*self.table.key, *members.sql, *self.beside.columns, *extra))
        for row in self._connection.execute(f"SELECT {columns} FROM {self.table.sql} AS t WHERE {members.may_list}"):
            named = members.values(row[width : width + count])
            for number in sorted({each for name, values in named.items() for value in values for each in wanted.get((name, value), ())}):
                if self.beside.admits(self.selectors[number], row[width + count : start]):
                    yield SqliteHit(number, row[:width], row[start:])

    def everything(self, extra: Sequence[str] = (), *, how: str = "") -> Iterator[SqliteHit]:
        """The rows of the selectors that mean every item of a window; through an index over its field where there is one."""
        columns = ", ".join((*self.table.key, "{}", *self.beside.columns, *extra))
        for number, selector in enumerate(self.selectors):
            if selector.every:
                condition, parameters = "1", ()
                if selector.where is not None:
                    condition, parameters = may_hold(self.table.require(selector.where.field), selector.where)
                sql = f"SELECT {columns.format(number)} FROM {self.table.sql} AS t{how} WHERE {condition}"
                yield from self._by_query(sql, parameters)

    def scan(self, at: int, extra: Sequence[str] = ()) -> Iterator[SqliteHit]:
        """The rows found by reading the whole table, without any index."""
        how = "" if self.table.virtual else " NOT INDEXED"
        return self._by_query(self._scan(at, self.fields[at], extra, how))

    def through(self, at: int, index: str) -> Iterator[SqliteHit]:
        """The rows found through one index and no other way."""
        return self._by_query(self._search(at, self.fields[at], (), f" INDEXED BY {quoted(index)}"))

    def _by_query(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[SqliteHit]:
        """Run a query whose columns are a key, the selector's number, what is looked at besides, and extras."""
        width = len(self.table.key)
        start = width + 1 + len(self.beside.columns)
        narrows = self.beside.narrows
        for row in self._connection.execute(sql, parameters):
            if not narrows or self.beside.admits(self.selectors[row[width]], row[width + 1 : start]):
                yield SqliteHit(row[width], row[:width], row[start:])

    def _best(self, at: int, field: SqliteField, extra: Sequence[str]) -> str:
        search = self._search(at, field, extra, "")
        if field.affinity == "json":
            return self._scan(at, field, extra, "")
        plan = [str(row[3]) for row in self._connection.execute(f"EXPLAIN QUERY PLAN {search}").fetchall()]
        served = any(re.match(r"SEARCH t\b", step) for step in plan) or field.sql in self.table.key
        return search if served else self._scan(at, field, extra, "")

    def _search(self, at: int, field: SqliteField, extra: Sequence[str], how: str) -> str:
        return (
            f"SELECT {self._columns(extra)} FROM temp.expunge_wanted AS w CROSS JOIN {self.table.sql} AS t{how} "
            f"ON {field.sql} = w.value AND {field.text} = w.text COLLATE BINARY WHERE w.field = {at}"
        )

    def _scan(self, at: int, field: SqliteField, extra: Sequence[str], how: str) -> str:
        return (
            f"SELECT {self._columns(extra)} FROM {self.table.sql} AS t{how} CROSS JOIN temp.expunge_wanted AS w "
            f"ON w.field = {at} AND w.text = {field.text} COLLATE BINARY"
        )

    def _columns(self, extra: Sequence[str]) -> str:
        return ", ".join((*self.table.key, "w.selector", *self.beside.columns, *extra))


class RowReader:
    """Reads rows by key; memory holds one at a time. No cursor stays open between two rows where the caller's work may take long."""

    def __init__(self, connection: sqlite3.Connection, table: SqliteTable, copies: Iterable[Copy]) -> None:
        """Prepare to read rows of a table.

        Args:
            connection: an open one.
            table: the table.
            copies: whose rows are read; by their selectors :meth:`belongs` may be asked.

        Raises:
            NotInSqliteSchema: as :class:`SqliteMatcher`.
        """
        self._connection = connection
        self.names = tuple(column.name for column in table.columns)
        selectors = [copy.selector for copy in copies if copy.selector]
        self._fields = [table.require(selector) for selector in sorted({name for selector in selectors for name in selector.match})]
        self._beside = TimeConditions(table, selectors)
        self._table = table
        self._where = " AND ".join(f"{each} = ?" for each in table.key)
        self._columns = ", ".join(f"t.{quoted(name)}" for name in self.names)
        self._members = RowMembers(table, [field.name for field in self._fields])
        self._asked = (*(field.text for field in self._fields), *self._beside.columns, *self._members.sql)
        self._narrows = self._beside.narrows

    def standing(self, copy: Copy) -> list[Row]:
        """Return the keys of a copy's rows for which :meth:`belongs` holds, in its sequence; numbered rows are asked for together."""
        keys = [decode_key(each) for each in copy.keys]
        numbers = [key[0] for key in keys if len(key) == 1 and type(key[0]) is int]
        found: set[Row] = set()
        for start in range(0, len(numbers), MANY):
            few = numbers[start : start + MANY]
            found.update((number,) for number, values in self._together(few, ()) if self._means(values, copy.selector))
        return [key for key in keys if (key in found if len(key) == 1 and type(key[0]) is int else self.belongs(key, copy.selector))]

    def row(self, key: Row) -> Row | None:
        """The values of a row's columns, None when it is gone."""
        return self._one(self._columns, key)

    def belongs(self, key: Row, selector: Selector | None) -> bool:
        """Return whether the row exists and, where there is a selector, still has its values: rowids are used again."""
        values = self._one(", ".join(("1", *self._asked)), key)
        return values is not None and self._means(values[1:], selector)

    def _means(self, values: Row, selector: Selector | None) -> bool:
        if selector is None:
            return True
        end = len(self._fields) + len(self._beside.columns)
        if self._narrows and not self._beside.admits(selector, values[len(self._fields) : end]):
            return False
        if selector.every or not self._fields or self._names(values[: len(self._fields)], selector):
            return True
        named = self._members.values(values[end:]) if self._members.columns else {}
        return any(not texts.isdisjoint(selector.match.get(name, ())) for name, texts in named.items())

    def _names(self, values: Row, selector: Selector) -> bool:
        for field, value in zip(self._fields, values, strict=True):
            wanted = selector.match.get(field.name, frozenset())
            if value in wanted or (field.affinity == "real" and f"{value}.0" in wanted):
                return True
        return False

    def each(self, copies: Iterable[Copy]) -> Iterator[tuple[Copy, Row, Row]]:
        """Yield the copy, the key and the values of every row of the copies that exists and still belongs to its subject.

        Numbered rows come many at a time, sorted to suit the table.
        """
        waiting: dict[int, list[Copy]] = {}
        for copy in copies:
            for key in map(decode_key, copy.keys):
                if len(key) == 1 and type(key[0]) is int:
                    waiting.setdefault(key[0], []).append(copy)
                    if len(waiting) == MANY:
                        yield from self._numbered(waiting)
                        waiting = {}
                elif self.belongs(key, copy.selector) and (row := self.row(key)) is not None:
                    yield copy, key, row
        yield from self._numbered(waiting)

    def _numbered(self, waiting: Mapping[int, Sequence[Copy]]) -> Iterator[tuple[Copy, Row, Row]]:
        if not waiting:
            return
        start = len(self._asked)
        for number, values in self._together(tuple(waiting), (self._columns,)):
            for copy in waiting[number]:
                if self._means(values[:start], copy.selector):
                    yield copy, (number,), values[start:]

    def _together(self, numbers: Sequence[int], further: Sequence[str]) -> Iterator[tuple[int, Row]]:
        """Yield the number of each row that is there, with what says whose it is and further columns."""
        (key,) = self._table.key
        columns = ", ".join((key, *self._asked, *further))
        sql = f"SELECT {columns} FROM {self._table.sql} AS t WHERE {key} IN ({', '.join('?' * len(numbers))})"
        with closing(self._connection.execute(sql, tuple(numbers))) as rows:
            for row in rows:
                yield row[0], row[1:]

    def _one(self, columns: str, key: Row) -> Row | None:
        where, parameters = self.where(key)
        rows = self._connection.execute(f"SELECT {columns} FROM {self._table.sql} AS t WHERE {where}", parameters).fetchall()
        return rows[0] if rows else None

    def where(self, key: Row) -> tuple[str, Row]:
        """A condition over the alias ``t`` and its parameters, for one row."""
        if not any(isinstance(each, str) for each in key):
            return self._where, key
        forms = [bound(each) for each in key]
        where = " AND ".join(f"{name} = {form}" for name, (form, _) in zip(self._table.key, forms, strict=True))
        return where, tuple(each for _, each in forms)


def wanted_columns(table: SqliteTable, fields: Iterable[str]) -> list[str]:
    """SQL for the text of each field. Raises NotInSqliteSchema."""
    return [table.require(field).text for field in fields]
