"""List the tables of a database that no dataset declares, for looks at their columns, and read values of bytes in them."""

# ruff: noqa: S608 - names come from the schema and are quoted; sizes are numbers
from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import Ignore, TableLayout
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.stores.sqlite.catalogue import SqliteSchema, quoted
from expunge.stores.tables.undeclared import ignored_columns, of_nobody

MAIN = "main"


def undeclared_tables(
    schema: SqliteSchema, store: str, alias: str, declared: Iterable[str], ignored: Sequence[Ignore]
) -> Iterator[UndeclaredTable]:
    """The ordinary tables of one file that are not among the declared ones. Raises sqlite3.Error."""
    known = {schema.named(name) for name in declared}
    patterns = [each.pattern for each in ignored if each.store == store]
    beside = [name for name, (kind, _) in schema.kinds.items() if kind == "table" and name not in known]
    elsewhere: dict[str, set[str]] = {}
    for parent in beside:
        for reference in schema.references(parent):
            elsewhere.setdefault(reference.child, set()).update(column for column, _ in reference.columns)
    for name in beside:
        table = schema.require(name)
        names = (name, f"{alias}.{name}")
        called = name if alias == MAIN else f"{alias}.{name}"
        columns = [column.name for column in table.columns]
        settled = ignored_columns(columns, names, patterns) | elsewhere.get(name, set())
        primary = [column.name for column in table.columns if column.primary]
        yield UndeclaredTable(
            of_nobody(f"table {called}", store, TableLayout(called)),
            any(fnmatchcase(one, each) for one in names for each in patterns),
            tuple(column for column in columns if column not in settled),
            frozenset(primary if len(primary) == 1 else ()),
        )


def packed_cells(connection: sqlite3.Connection, table: str, least: int) -> Iterator[tuple[str, bytes]]:
    """Yield (column, value) of a table of a file's ``main`` schema, column by column; nothing where there is none. Raises sqlite3.Error."""
    found = SqliteSchema(connection).table(table)
    columns = [column.name for column in found.columns] if found is not None else []
    if not columns:
        return
    held = ", ".join(f"max(typeof({quoted(each)}) = 'blob' AND length({quoted(each)}) >= {int(least)})" for each in columns)
    (row,) = connection.execute(f"SELECT {held} FROM main.{quoted(table)}").fetchall()
    for column in (column for column, holds in zip(columns, row, strict=True) if holds):
        name = quoted(column)
        sql = f"SELECT {name} FROM main.{quoted(table)} WHERE typeof({name}) = 'blob' AND length({name}) >= {int(least)}"
        for (value,) in connection.execute(sql):
            yield column, value
