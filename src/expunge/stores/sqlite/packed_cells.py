"""Read values of bytes in tables that no dataset declares."""

# ruff: noqa: S608 - names come from the schema and are quoted; sizes are numbers
from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from expunge.stores.sqlite.catalogue import SqliteSchema, quoted


def packed_cells(connection: sqlite3.Connection, table: str, least: int) -> Iterator[tuple[str, bytes]]:
    """Yield (column, value) of a table of a file's ``main`` schema, column by column. Raises sqlite3.Error."""
    columns = [column.name for column in SqliteSchema(connection).require(table).columns]
    if not columns:
        return
    held = ", ".join(f"max(typeof({quoted(each)}) = 'blob' AND length({quoted(each)}) >= {int(least)})" for each in columns)
    (row,) = connection.execute(f"SELECT {held} FROM main.{quoted(table)}").fetchall()
    for column in (column for column, holds in zip(columns, row, strict=True) if holds):
        name = quoted(column)
        sql = f"SELECT {name} FROM main.{quoted(table)} WHERE typeof({name}) = 'blob' AND length({name}) >= {int(least)}"
        for (value,) in connection.execute(sql):
            yield column, value
