"""Find the relations that hold traces of deleted rows: partitions, cascades, triggers, materialised views, parents."""

# ruff: noqa: S608 - constant texts; values are bound
from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from expunge.stores.postgres.server.server import Connection

_NAME = "quote_ident(n.nspname) || '.' || quote_ident(c.relname)"

_DOWN = """
WITH RECURSIVE down AS (
  SELECT unnest(%(oids)s::oid[]) AS oid
  UNION SELECT i.inhrelid FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid)
SELECT oid FROM down"""

_UP = """
WITH RECURSIVE up AS (
  SELECT unnest(%(oids)s::oid[]) AS oid
  UNION SELECT i.inhparent FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid)
SELECT oid FROM up"""

_CASCADES = """
SELECT DISTINCT conrelid FROM pg_catalog.pg_constraint
WHERE contype = 'f' AND confrelid = ANY(%(oids)s) AND confdeltype IN ('c', 'n', 'd')"""

_TRIGGERS = """
SELECT DISTINCT p.oid, p.prosrc FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
WHERE t.tgrelid = ANY(%(oids)s) AND NOT t.tgisinternal AND t.tgenabled <> 'D' AND t.tgtype & 24 <> 0"""

_USER_TABLES = """
SELECT c.oid, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"""

_SOLID = """
WITH RECURSIVE reading AS (
  SELECT unnest(%(oids)s::oid[]) AS oid, 0 AS depth
  UNION SELECT r.ev_class, reading.depth + 1 FROM reading
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = reading.oid AND d.classid = 'pg_rewrite'::regclass
    JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> reading.oid)
SELECT c.oid FROM reading JOIN pg_catalog.pg_class c USING (oid)
WHERE c.relkind = 'm' AND c.relispopulated GROUP BY c.oid ORDER BY max(reading.depth)"""

_DESCRIBE = f"""
SELECT c.oid, {_NAME}, c.relkind, coalesce(pg_total_relation_size(c.oid), 0), c.relispartition FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY(%(oids)s) ORDER BY 2"""


@dataclass(frozen=True)
class Relation:
    """A table, partitioned table or materialised view."""

    oid: int
    name: str
    """Quoted, with its schema: can stand in a statement as it is."""
    kind: str
    """``pg_class.relkind``."""
    bytes: int
    """With its indexes and TOAST; 0 where it was dropped meanwhile."""
    partition: bool


@dataclass(frozen=True)
class ClimbScope:
    """The relations that one climb works on."""

    tables: tuple[Relation, ...]
    """Tables with pages of their own from which rows went: leaves of partition trees, cascades and triggers followed."""
    parents: tuple[Relation, ...]
    """Partitioned tables and inheritance parents above them: they keep statistics over their children's rows."""
    views: tuple[Relation, ...]
    """Materialised views that read any of them, in the order in which they read one another."""

    foreign: tuple[Relation, ...] = ()
    """Foreign tables among them, whose rows lie on another server."""

    @property
    def everything(self) -> tuple[Relation, ...]:
        """All of it, each once."""
        return tuple({each.oid: each for each in (*self.tables, *self.parents, *self.views)}.values())


def resolve(connection: Connection, tables: Sequence[str]) -> tuple[int, ...]:
    """The oids of tables named by texts for ``::regclass``; those that do not exist are left out."""
    rows = connection.execute("SELECT to_regclass(name)::oid FROM unnest(%s::text[]) AS name", (list(tables),)).fetchall()
    return tuple(row[0] for row in rows if row[0] is not None)


def scope(connection: Connection, tables: Sequence[str]) -> ClimbScope:
    """Follow partitions, inheritance, acting foreign keys, triggers and materialised views from ``tables``."""
    touched = set(resolve(connection, tables))
    while True:
        wider = _closure(connection, touched)
        if wider == touched:
            break
        touched = wider
    above = {row[0] for row in _ask(connection, _UP, touched)}
    parents = {row[0] for row in connection.execute("SELECT DISTINCT inhparent FROM pg_catalog.pg_inherits").fetchall()} & above
    solid = [row[0] for row in _ask(connection, _SOLID, above | touched)]
    known = {each.oid: each for each in _describe(connection, above | touched | set(solid))}
    return ClimbScope(
        tables=tuple(known[each] for each in known if each in touched and known[each].kind == "r"),
        parents=tuple(known[each] for each in known if each in parents),
        views=tuple(known[each] for each in solid if each in known),
        foreign=tuple(known[each] for each in known if each in touched and known[each].kind == "f"),
    )


def _closure(connection: Connection, touched: set[int]) -> set[int]:
    wider = set(touched)
    for query in (_DOWN, _CASCADES):
        wider |= {row[0] for row in _ask(connection, query, wider)}
    bodies = [str(row[1]) for row in _ask(connection, _TRIGGERS, wider)]
    if bodies:
        # What a trigger writes to is known to its author alone; each table whose name its text holds as a word is taken along.
        words = {word.casefold() for body in bodies for word in re.findall(r"\w+", body)}
        tables = connection.execute(_USER_TABLES).fetchall()
        wider |= {oid for oid, name in tables if str(name).casefold() in words}
    return wider


def _ask(connection: Connection, query: str, oids: Iterable[int]) -> list[tuple[Any, ...]]:
    return connection.execute(query, {"oids": list(oids)}).fetchall()


def _describe(connection: Connection, oids: Iterable[int]) -> list[Relation]:
    return [Relation(*row) for row in _ask(connection, _DESCRIBE, oids)]
