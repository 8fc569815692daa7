"""Read values of bytes in tables that no dataset declares."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

from collections.abc import Iterator

import psycopg

from expunge.stores.postgres.reading.match import transaction
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

_TOGETHER = 100


def packed_cells(connection: Connection, table: PostgresTable, least: int) -> Iterator[tuple[str, bytes]]:
    """Yield (column, value) of a table, column by column; nothing of one that the role may not read. Raises psycopg.Error."""
    for column in (column for column in table.columns if column.type == "bytea"):
        name = quoted(column.name)
        sql = f"SELECT {name} FROM {table.sql} WHERE pg_catalog.octet_length({name}) >= {int(least)}"
        with transaction(connection):
            try:
                with connection.cursor("expunge_packed", binary=True) as cursor:
                    cursor.execute(sql.encode())
                    while rows := cursor.fetchmany(_TOGETHER):
                        yield from ((column.name, bytes(value)) for (value,) in rows)
            except psycopg.errors.InsufficientPrivilege:
                return
