"""Find the tables that a deletion, or a change of some columns, writes to.

SQLite is asked: it names every table that the compiled statement touches.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from expunge.stores.sqlite.catalogue import FullText, SqliteSchema, SqliteTable, quoted

_SETS = re.compile(r"\bSET\b(.*?)(?:\bWHERE\b|\bFROM\b|;)", re.IGNORECASE | re.DOTALL)
"""The new values of an UPDATE, without the rows that it chooses."""
_OLD = re.compile(r"\bOLD\b", re.IGNORECASE)
_WRITES = frozenset({sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE})


@dataclass(frozen=True)
class TouchedTables:
    """Names of tables, as the schema spells them."""

    written: frozenset[str]
    """Triggers insert rows into them or change some, be it in the end (through cascades, views and further triggers)."""
    deleted: frozenset[str]
    """Triggers delete rows of them."""
    by: Mapping[str, frozenset[str]]
    """Table -> the triggers that change or delete rows of it that are there already."""
    placing: Mapping[str, frozenset[str]]
    """Table -> the triggers that insert rows into it or change some: such a row may take the place of another (``OR REPLACE``)."""
    inserting: Mapping[str, frozenset[str]]
    """Table -> the triggers that insert rows into it."""


def touched(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, updating: Collection[str] = ()) -> TouchedTables:
    """Return the tables that triggers write to when rows of ``table`` are deleted, or ``updating`` columns change. Nothing is executed.

    Raises:
        sqlite3.Error: when the statement cannot be compiled.
    """
    written: set[str] = set()
    deleted: set[str] = set()
    by: dict[str, set[str]] = {}
    placing: dict[str, set[str]] = {}
    inserting: dict[str, set[str]] = {}

    def note(action: int, name: str | None, _: str | None, database: str | None, trigger: str | None) -> int:
        if trigger is not None and name and database == "main":
            if action in _WRITES:
                written.add(name)
                placing.setdefault(name, set()).add(trigger)
                if action == sqlite3.SQLITE_INSERT:
                    inserting.setdefault(name, set()).add(trigger)
            elif action == sqlite3.SQLITE_DELETE:
                deleted.add(name)
            if action in {sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}:
                by.setdefault(name, set()).add(trigger)
        return sqlite3.SQLITE_OK

    cells = ", ".join(f"{quoted(name)} = {quoted(name)}" for name in updating)
    statement = f"UPDATE {table.sql} SET {cells}" if cells else f"DELETE FROM {table.sql}"
    # Cascades are part of the statement only where they are switched on, as an erasure does.
    acting = any(reference.acts for reference in schema.references(table.name))
    connection.execute(f"PRAGMA foreign_keys={'ON' if acting else 'OFF'}")
    connection.set_authorizer(note)
    try:
        connection.execute(f"EXPLAIN {statement} WHERE NULL").close()
    finally:
        connection.set_authorizer(None)
    return TouchedTables(frozenset(written), frozenset(deleted), _frozen(by), _frozen(placing), _frozen(inserting))


def copying(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable) -> Iterator[tuple[str, str]]:
    """Yield (trigger, table) for each trigger that may copy values of rows of ``table`` to another table when they are deleted.

    It inserts rows there, or sets a column to a value of the deleted row. Full-text indexes of other tables' text do not count: a trigger
    takes words out there.

    Raises:
        sqlite3.Error: when the statement cannot be compiled.
    """
    met = touched(connection, schema, table)
    words = {each.name for each in schema.full_text if each.content is not None}
    for name, triggers in sorted(met.placing.items()):
        kind = schema.kinds.get(name)
        if kind is None or kind[0] not in {"table", "virtual"} or name in words or name == table.name:
            continue
        for trigger in sorted(triggers):
            if trigger in met.inserting.get(name, ()) or _sets_old(connection, trigger):
                yield trigger, name


def _sets_old(connection: sqlite3.Connection, trigger: str) -> bool:
    """Return whether a trigger sets a column to what depends on the row that it is called for."""
    row = connection.execute("SELECT sql FROM main.sqlite_schema WHERE type = 'trigger' AND name = ?", (trigger,)).fetchone()
    return row is None or any(_OLD.search(each) for each in _SETS.findall(row[0]))


def _frozen(found: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {name: frozenset(each) for name, each in found.items()}


def rewritten(connection: sqlite3.Connection, declared: Collection[tuple[str, str]]) -> frozenset[str]:
    """Names of the datasets, of ``declared`` (dataset, table), that the database writes to when rows of any of them are deleted.

    Full-text indexes do not count: a trigger's write there takes words out, and a residue scan would find them.

    Raises:
        sqlite3.Error: when a deletion cannot be compiled: it could not be executed either.
    """
    schema = SqliteSchema(connection)
    tables = [(name, found) for name, table in declared if (found := schema.table(table)) is not None]
    written = frozenset[str]().union(*(touched(connection, schema, table).written for _, table in tables))
    written -= {each.name for each in schema.full_text}
    return frozenset(name for name, table in tables if table.name in written)


def unfollowed(connection: sqlite3.Connection, schema: SqliteSchema, declared: Iterable[str]) -> tuple[str, ...]:
    """Return the contentless full-text indexes that may keep words of deleted rows. No scan can tell, for they hold words alone.

    An index that ``declared`` (names of tables) holds is erased in its own right. An index that the triggers of declared tables keep in
    step is asked whether it lists a row that none of these has.

    Raises:
        sqlite3.Error: when a deletion cannot be compiled, or a table be read.
    """
    tables = [found for each in declared if (found := schema.table(each)) is not None]
    contentless = [each for each in schema.full_text if each.content == "" and each.name not in {table.name for table in tables}]
    if not contentless:
        return ()
    effects = [(table, touched(connection, schema, table)) for table in tables]
    feeding = {index.name: [table for table, each in effects if index.name in each.written | each.deleted] for index in contentless}
    return tuple(index.name for index in contentless if not _in_step(connection, index, feeding[index.name]))


def _in_step(connection: sqlite3.Connection, index: FullText, feeding: Collection[SqliteTable]) -> bool:
    if not feeding or index.sizes is None or not all(each.rowid for each in feeding):
        return False
    known = " UNION ALL ".join(f"SELECT {each.key[0]} FROM {each.sql} AS t" for each in feeding)
    sql = f"SELECT 1 FROM main.{quoted(index.sizes)} WHERE {index.docid} NOT IN ({known}) LIMIT 1"
    return connection.execute(sql).fetchone() is None
