"""Find rows behind the bounds of partitions, which the catalogue holds as constants: a bound is explained by any row that has its value."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import psycopg

from expunge.stores.postgres.reading.sampled import Place
from expunge.stores.postgres.schema.catalogue import PostgresTable
from expunge.stores.postgres.server.connection import Connection

CLASSES = 1259
"""The number of ``pg_class``, whose rows hold the bounds."""
_MOST = 200
"""Values of one partition's key of which rows are found."""

_PARTITIONS = """
SELECT c.ctid::text, c.oid::pg_catalog.regclass::text, pg_catalog.pg_get_partkeydef(i.inhparent)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid
WHERE c.relispartition AND c.ctid = ANY(%(places)s::pg_catalog.tid[]) AND c.oid = ANY(%(family)s::pg_catalog.oid[])
"""


class PartitionRows:
    """Rows of one table by the values of its partitions' keys."""

    def __init__(self, connection: Connection, table: PostgresTable) -> None:
        self._connection = connection
        self._table = table

    def rows(self, bounds: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """Yield (place in ``pg_class``, place of a row of the partition that lies there), one row for each value of the partition's key."""
        asked = {"places": list(bounds), "family": list(self._table.family)}
        for bound, partition, definition in self._connection.execute(_PARTITIONS, asked).fetchall():
            strategy, _, key = definition.partition(" (")
            if strategy == "HASH":
                continue
            values = f"t.tableoid, {key.removesuffix(')')}"
            sql = f"SELECT t.tableoid, pg_catalog.min(t.ctid)::text FROM {partition} AS t GROUP BY {values} LIMIT {_MOST}"
            # A key that cannot be read so has no rows named: its bounds stay unexplained.
            with suppress(psycopg.errors.SyntaxErrorOrAccessRuleViolation):
                for table, row in self._connection.execute(sql.encode()).fetchall():
                    yield bound, (table, row)
