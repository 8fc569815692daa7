"""Find rows behind the planner's statistics: each sampled value is explained by any row that has it. Values never leave the server."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import TypeAlias

import psycopg

from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

Place: TypeAlias = tuple[int, str]
"""A table's number and a place in it, ``(block,item)``."""
STATISTICS = 2619
"""The number of ``pg_statistic``."""
_SLOTS = range(1, 6)
SAMPLES = tuple(f"stavalues{slot}" for slot in _SLOTS)
_VALUES, _ELEMENTS = (1, 2), (4,)
"""Kinds of statistics (``pg_statistic.h``) that hold whole values of a column, and elements of its arrays or texts."""

_SAMPLED = """
SELECT s.ctid::text, s.starelid, i.indrelid, a.attname, pg_catalog.pg_get_indexdef(s.starelid, s.staattnum, true),
  t.typname, t.typcategory::text, pg_catalog.format_type(t.oid, -1), pg_catalog.format_type(nullif(t.typelem, 0), -1),
  ARRAY[s.stakind1, s.stakind2, s.stakind3, s.stakind4, s.stakind5]::int[], a.attcollation <> 0
FROM pg_catalog.pg_statistic s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = s.starelid
WHERE s.ctid = ANY(%(places)s::pg_catalog.tid[]) AND coalesce(i.indrelid, s.starelid) = ANY(%(family)s::pg_catalog.oid[])
"""


class SampledRows:
    """Rows of one table that have values which were sampled from it, from a materialised view that shows it, or from an index of either."""

    def __init__(self, connection: Connection, table: PostgresTable, views: Collection[int] = ()) -> None:
        self._connection = connection
        self._table = table
        self._views = frozenset(views)

    @property
    def readable(self) -> bool:
        """True when this role may read the samples."""
        sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_statistic', 'SELECT')"
        return self._connection.execute(sql).fetchone() == (True,)

    def rows(self, samples: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """Yield (place in ``pg_statistic``, place of a row with one of the values that lie there); nothing where this role may not look."""
        if not self.readable:
            return
        asked = {"places": list(samples), "family": [*self._table.family, *self._views]}
        for row, relation, indexed, name, expression, *kind in self._connection.execute(_SAMPLED, asked).fetchall():
            value = f"t.{quoted(name)}" if indexed is None else expression
            for sql in _rows_with(self._table.sql, value, *kind):
                # A type without an equality, and a column that only a view has, name no rows: what lies there stays unexplained.
                with suppress(psycopg.errors.SyntaxErrorOrAccessRuleViolation):
                    for table, first, last in self._connection.execute(sql.encode(), {"row": row}).fetchall():
                        sampled = indexed or relation
                        if table == sampled or relation == self._table.oid or sampled in self._views:
                            yield from ((row, (table, place)) for place in {first, last})


def _rows_with(
    table: str, value: str, base: str, category: str, whole: str, element: str, kinds: Sequence[int], collated: bool
) -> Iterator[str]:
    """SQL for each kind of statistics: of every sampled value the first and the last row that has it."""
    for slot, kind in zip(_SLOTS, kinds, strict=True):
        several = kind in _ELEMENTS
        if kind not in _VALUES and not (several and (category == "A" or base == "tsvector")):
            continue
        held, sql_type, same = value, whole, ' COLLATE "C"' if collated else ""
        if several:
            held = f"pg_catalog.tsvector_to_array({value})" if base == "tsvector" else value
            sql_type, same = ("text", ' COLLATE "C"') if base == "tsvector" else (element, same)
        rows = f"(SELECT t.tableoid AS relation, t.ctid AS place, {held} AS held FROM {table} AS t) AS h"
        if several:
            rows = f"(SELECT h.relation, h.place, e.held FROM {rows} CROSS JOIN LATERAL pg_catalog.unnest(h.held) AS e (held)) AS h"
        samples = f"pg_catalog.unnest(s.stavalues{slot}::text::{sql_type}[]) WITH ORDINALITY AS v (sampled, number)"
        yield (
            "SELECT h.relation, pg_catalog.min(h.place)::text, pg_catalog.max(h.place)::text "
            f"FROM pg_catalog.pg_statistic AS s CROSS JOIN LATERAL {samples} JOIN {rows} ON h.held = v.sampled{same} "
            "WHERE s.ctid = %(row)s::pg_catalog.tid GROUP BY v.number, h.relation"
        )
