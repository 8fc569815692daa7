"""Probe for erased subjects by every normal read path, over a connection of its own."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from expunge.core.values.copy import Copy, Probed
from expunge.stores.postgres.reading.match import COUNTED, CopyKeys, PostgresMatcher, Row, selectors_of, transaction
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable, PostgresView, quoted
from expunge.stores.postgres.schema.schema_literals import literals
from expunge.stores.postgres.server.connection import Connection, lost

_SCANS = ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan", "enable_seqscan")
_ROUNDS = 50
"""How often a schema is read at most that others change while it is read."""


@dataclass
class PostgresProbe:
    """The read paths of one table: whole scan, the indexes over a subject field, the key, partitions, views, definitions."""

    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    _troubles: list[str] = field(default_factory=list)

    def look(self, copies: Sequence[Copy]) -> Iterator[Probed]:
        """One answer for each copy.

        Raises:
            psycopg.Error: the probe could not be made.
            NotInPostgresSchema: a selector's field does not exist, or rows are named otherwise now.
        """
        seen: list[set[Row]] = [set() for _ in copies]
        shown = [0] * len(copies)
        with transaction(self.connection):
            matcher, keys = (
                PostgresMatcher(self.connection, self.table, selectors_of(copies)),
                CopyKeys(self.connection, self.table, copies),
            )
            paths = ["table", *(f"partition {child}" for child in self.table.children)]
            self._scan(matcher, seen)
            paths += self._indexes(matcher, seen)
            self._by("seqscan", "indexscan", "indexonlyscan", "bitmapscan")
            self._keys(matcher, keys, seen)
            paths += self._views(matcher, shown)
            if self._written(copies, shown):
                paths.append("definitions of views, defaults, bounds and conditions")
        for number, copy in enumerate(copies):
            yield Probed(copy.subject, max(len(seen[number]), shown[number]), tuple(dict.fromkeys(paths)), "; ".join(self._troubles))

    def _by(self, *allowed: str) -> None:
        for each in _SCANS:
            on = "on" if each.removeprefix("enable_") in allowed else "off"
            self.connection.execute(f"SET LOCAL {each} = {on}".encode())

    def _scan(self, matcher: PostgresMatcher, seen: list[set[Row]]) -> None:
        self._by("seqscan")
        for hit in matcher.hits():
            seen[hit.selector].add(hit.key)

    def _indexes(self, matcher: PostgresMatcher, seen: list[set[Row]]) -> Iterator[str]:
        self._by("indexscan", "indexonlyscan", "bitmapscan")
        for query in matcher.queries():
            (plan,) = self.connection.execute(f"EXPLAIN (FORMAT JSON, COSTS OFF) {query}".encode()).fetchone() or ([],)
            names = list(_used(plan))
            for hit in matcher.found(query) if names else ():
                seen[hit.selector].add(hit.key)
            yield from (f"index {name}" for name in names)

    def _keys(self, matcher: PostgresMatcher, keys: CopyKeys, seen: list[set[Row]]) -> None:
        columns = ", ".join(f"{each.sql}::text" for each in self.table.keys)
        sql = f"SELECT k.copy, {columns} FROM {keys.source} JOIN {self.table.sql} AS t ON {keys.named()} WHERE {matcher.belongs()}"
        for number, *key in self.connection.execute(sql.encode()):
            seen[number].add(tuple(key))

    def _written(self, copies: Sequence[Copy], shown: list[int]) -> bool:
        """Count whom a definition names by a constant; whether any does."""
        known = self._literals()
        if known is None:
            self._troubles.append("definitions in the schema cannot be read")
            return False
        named = False
        for number, copy in enumerate(copies if known else ()):
            if copy.selector is None or copy.selector.narrowed:
                continue  # a definition may name whoever stays with some rows
            if any(not known.isdisjoint(values) for values in copy.selector.match.values()):
                shown[number], named = max(shown[number], 1), True
        return named

    def _literals(self) -> frozenset[str] | None:
        """Constants of all definitions; None where they cannot be read, again and again."""
        for _ in range(_ROUNDS):
            self.connection.execute("SAVEPOINT expunge_written")
            try:
                return literals(self.connection)
            except psycopg.Error as error:
                if lost(error) or isinstance(error, psycopg.errors.LockNotAvailable):
                    raise
                self.connection.execute("ROLLBACK TO expunge_written")
                # The server answers for what was dropped since its query began as if its catalogue were damaged.
                if not isinstance(error, psycopg.errors.InternalError_ | psycopg.errors.UndefinedObject | psycopg.errors.UndefinedTable):
                    break
        return None

    def _views(self, matcher: PostgresMatcher, shown: list[int]) -> Iterator[str]:
        """Look at every view, also at those that came, in the place of others perhaps, while the first were looked at."""
        looked: set[int] = set()
        for _ in range(_ROUNDS):
            fresh = [each for each in self.schema.views(self.table.family) if each.oid not in looked]
            if not fresh:
                return
            for view in fresh:
                looked.add(view.oid)
                if self._view(view, matcher, shown):
                    yield f"{'materialised view' if view.materialised else 'view'} {view.name}"
        self._troubles.append("views over it come faster than they can be looked at")

    def _view(self, view: PostgresView, matcher: PostgresMatcher, shown: list[int]) -> bool:
        """Count what a view still shows of each copy, in those of its columns that are named like a subject field; whether it has any."""
        fields = [(at, each) for at, each in enumerate(matcher.fields) if each.form == "plain" and each.column.name in view.columns]
        narrowed = self._narrowed(view, matcher)
        if not (fields or narrowed) or not view.populated:
            return False
        if not view.readable:
            if view.materialised:
                self._troubles.append(f"no right to read the materialised view {view.name}")
            return False
        for at, each in fields:
            name = f"t.{quoted(each.column.name)}"
            same_type = each.column.typed and view.columns[each.column.name] == each.column.type
            typed = f"{name} {each.column.equals} w.value AND " if same_type else ""
            sql = (
                f"SELECT w.selector, pg_catalog.count(*) FROM {view.sql} AS t JOIN pg_temp.expunge_wanted_{at} AS w "
                f'ON {typed}({name}::text COLLATE "C") = w.text GROUP BY w.selector'
            )
            for number, rows in self._counted(view, sql):
                if not matcher.selectors[number].narrowed:
                    shown[number] = max(shown[number], rows)
        for number in narrowed:
            sql = f"SELECT {number}, pg_catalog.count(*) FROM {view.sql} AS t WHERE {matcher.narrowing.alone(number)}"
            for _, rows in self._counted(view, sql):
                shown[number] = max(shown[number], rows)
        return True

    def _narrowed(self, view: PostgresView, matcher: PostgresMatcher) -> list[int]:
        """The selectors that mean every row of a window, where a view keeps rows of its own and has what they look at as it is."""

        def has(name: str) -> bool:
            field = self.table.require(name)
            return field.form == "plain" and view.columns.get(field.column.name) == field.column.type

        asked = [(number, each) for number, each in enumerate(matcher.selectors) if each.every and each.narrowed and view.materialised]
        return [number for number, each in asked if all(map(has, each.beside))]

    def _counted(self, view: PostgresView, sql: str) -> list[tuple[int, int]]:
        self.connection.execute("SAVEPOINT expunge_view")
        try:
            return list(self.connection.execute(sql.encode()).fetchall())
        except psycopg.Error as error:
            if lost(error) or isinstance(error, psycopg.errors.LockNotAvailable):
                raise
            self.connection.execute("ROLLBACK TO expunge_view")
            # One that was dropped since it was named shows nobody.
            if any(each.oid == view.oid for each in self.schema.views(self.table.family)):
                self._troubles.append(f"the view {view.name} cannot be read")
            return []


def _used(plan: Any) -> Iterator[str]:
    """Names of the indexes in a plan, but for those of our own temporary tables."""
    if isinstance(plan, list):
        for each in plan:
            yield from _used(each)
    elif isinstance(plan, dict):
        name = plan.get("Index Name")
        if isinstance(name, str) and not name.endswith(COUNTED):
            yield name
        for each in plan.values():
            yield from _used(each)
