"""Find rows behind the lists of common values that extended statistics keep of several columns. Values never leave the server."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Iterator, Sequence

from expunge.stores.postgres.reading.sampled import Place
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

EXTENDED = 3429
"""The number of ``pg_statistic_ext_data``."""
_READABLE = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_statistic_ext_data', 'SELECT')"
_LISTS = """
SELECT d.ctid::text, (SELECT pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FROM pg_catalog.pg_attribute a
  WHERE a.attrelid = e.stxrelid AND a.attnum = ANY (e.stxkeys::int2[]))
FROM pg_catalog.pg_statistic_ext_data d JOIN pg_catalog.pg_statistic_ext e ON e.oid = d.stxoid
WHERE d.ctid = ANY(%(places)s::pg_catalog.tid[]) AND e.stxrelid = ANY(%(family)s::pg_catalog.oid[]) AND e.stxexprs IS NULL
  AND d.stxdmcv IS NOT NULL"""


class ExtendedRows:
    """Rows of one table that have values which an extended statistic lists together; statistics over expressions name none."""

    def __init__(self, connection: Connection, table: PostgresTable) -> None:
        self._connection = connection
        self._table = table

    def rows(self, lists: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """Yield (place in ``pg_statistic_ext_data``, place of a row with values that lie there); nothing where this role may not look."""
        if self._connection.execute(_READABLE).fetchone() != (True,):
            return
        asked = {"places": list(lists), "family": list(self._table.family)}
        for row, names in self._connection.execute(_LISTS, asked).fetchall():
            held = ", ".join(f"t.{quoted(name)}::text" for name in names)
            sql = (
                "SELECT t.tableoid, pg_catalog.min(t.ctid)::text, pg_catalog.max(t.ctid)::text FROM pg_catalog.pg_statistic_ext_data AS d "
                f"CROSS JOIN LATERAL pg_catalog.pg_mcv_list_items(d.stxdmcv) AS m JOIN {self._table.sql} AS t "
                f'ON m.values COLLATE "C" = ARRAY[{held}] WHERE d.ctid = %(row)s::pg_catalog.tid GROUP BY m.index, t.tableoid'
            )
            for table, first, last in self._connection.execute(sql.encode(), {"row": row}).fetchall():
                yield from ((row, (table, place)) for place in {first, last})
