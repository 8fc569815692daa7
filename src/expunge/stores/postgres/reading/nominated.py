"""Read live rows by their place in a relation's file, as page readers nominate them.

The server alone says which row lies at a place: a row that no transaction sees is not there. Places in indexes, in long values, in large
objects and in the planner's statistics lead to rows by the catalogue.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

import psycopg

from expunge.core.values.copy import Copy
from expunge.ports.placing import LiveRows
from expunge.stores.postgres.reading.content import PostgresBystanders
from expunge.stores.postgres.reading.heap_pages import newer_versions, rows_of_values
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

Place: TypeAlias = tuple[int, str]
"""A table's number and a place in it, ``(block,item)``."""

_PLACE = ("t.tableoid", "t.ctid::text")
_TOGETHER = 1000
"""Places that are asked for in one query."""
_MOST = 200
"""Rows of one nomination that are read: each of them has what an index entry says."""
_CHUNK_IDS = 170000
"""The first version that says which long value a row names."""
_STATISTICS, _OBJECTS = 2619, 2613
_SLOTS = range(1, 6)
_VALUES, _ELEMENTS = (1, 2), (4,)
"""Kinds of statistics (``pg_statistic.h``) that hold whole values of a column, and elements of its arrays or texts."""

_FILES = """
WITH heap AS (SELECT oid, reltoastrelid AS toast FROM pg_catalog.pg_class
  WHERE oid = ANY(%(family)s::pg_catalog.oid[]) OR oid = 'pg_catalog.pg_statistic'::pg_catalog.regclass)
SELECT f.kind, f.relation, f.oid, pg_catalog.pg_relation_filepath(f.oid) FROM (
  SELECT 'rows' AS kind, oid AS relation, oid FROM heap
  UNION ALL SELECT 'pieces', oid, toast FROM heap WHERE toast <> 0
  UNION ALL SELECT 'entries', indrelid, indexrelid FROM pg_catalog.pg_index WHERE indrelid = ANY(%(family)s::pg_catalog.oid[])
  UNION ALL SELECT 'objects', 0::pg_catalog.oid, 'pg_catalog.pg_largeobject'::pg_catalog.regclass::pg_catalog.oid) AS f"""
_SAMPLED = """
SELECT s.ctid::text, s.starelid, a.attname, pg_catalog.pg_get_indexdef(s.starelid, s.staattnum, true), t.typname, t.typcategory::text,
  pg_catalog.format_type(t.oid, -1), pg_catalog.format_type(nullif(t.typelem, 0), -1),
  ARRAY[s.stakind1, s.stakind2, s.stakind3, s.stakind4, s.stakind5]::int[], a.attcollation <> 0, i.indrelid
FROM pg_catalog.pg_statistic s JOIN pg_catalog.pg_attribute a ON a.attrelid = s.starelid AND a.attnum = s.staattnum
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = s.starelid
WHERE s.ctid = ANY(%(places)s::pg_catalog.tid[]) AND coalesce(i.indrelid, s.starelid) = ANY(%(family)s::pg_catalog.oid[])
"""


@dataclass(frozen=True)
class _File:
    """A relation behind a file."""

    kind: str
    """``rows`` of a table, ``pieces`` of its long values, ``entries`` of its indexes, or ``objects``."""
    table: int
    oid: int
    path: Path


def _files(connection: Connection, table: PostgresTable, data: Path) -> dict[Path, _File]:
    rows = connection.execute(_FILES, {"family": list(table.family)}).fetchall()
    # one in a table space lies behind a link
    found = [_File(kind, relation, oid, (data / path).resolve()) for kind, relation, oid, path in rows if path]
    return {file.path: file for file in found}


def is_of(connection: Connection, table: PostgresTable, data: Path, path: Path) -> bool:
    """Return whether rows of the table may lie in a file of the server whose folder is ``data``: of its own, or of the whole database."""
    path = path.resolve()
    if path.parent == (data / "pg_wal").resolve():
        return True
    name, _, segment = path.name.partition(".")
    return path.with_name(name) in _files(connection, table, data) and (not segment or segment.isdecimal())


class PostgresNominations:
    """Reads what was nominated of one dataset; lives as long as its connection."""

    def __init__(self, staying: PostgresBystanders, data: Path) -> None:
        """Take the bystanders of the dataset, and the server's folder."""
        self._staying = staying
        self._connection = staying.connection
        self._table = staying.table
        self._data = data
        self._files = _files(staying.connection, staying.table, data)
        self._numbers = count()

    def read(self, nominations: Sequence[LiveRows]) -> Iterator[tuple[int, Copy]]:
        """Yield (index into the nominations, copy of one row) for each live row of a bystander that one names."""
        alike: dict[LiveRows, list[int]] = defaultdict(list)
        for index, nomination in enumerate(nominations):
            alike[nomination].append(index)
        places: dict[Place, list[LiveRows]] = defaultdict(list)
        for nomination, wanted in self._places(alike):
            places[wanted].append(nomination)
        left = dict.fromkeys(alike, _MOST)
        missing = set(places)
        for place, copy in self._copies(places):
            missing.discard(place)
            yield from self._named(places[place], left, alike, copy)
        later = self._later_versions(missing)
        for place, copy in self._copies(later):
            yield from self._named([each for first in later[place] for each in places[first]], left, alike, copy)

    @staticmethod
    def _named(
        named: Iterable[LiveRows], left: dict[LiveRows, int], alike: Mapping[LiveRows, Sequence[int]], copy: Copy
    ) -> Iterator[tuple[int, Copy]]:
        for nomination in dict.fromkeys(named):
            if left[nomination]:
                left[nomination] -= 1
                yield from ((index, copy) for index in alike[nomination])

    def _file(self, nomination: LiveRows) -> _File | None:
        return self._files.get((self._data / nomination.relation).resolve())

    # --- where rows are ----------------------------------------------------------------------------

    def _places(self, nominations: Iterable[LiveRows]) -> Iterator[tuple[LiveRows, Place]]:
        """Each nomination with the places of rows that it leads to."""
        long: dict[int, dict[int, list[LiveRows]]] = defaultdict(lambda: defaultdict(list))
        sampled: dict[str, list[LiveRows]] = defaultdict(list)
        for nomination in nominations:
            file = self._file(nomination)
            if file is None:
                continue
            for row in nomination.rows:
                if row.startswith("toast "):
                    if file.kind != "rows":
                        long[file.table if file.kind == "pieces" else 0][int(row[6:])].append(nomination)
                elif file.oid == _STATISTICS:
                    sampled[row].append(nomination)
                elif file.kind in {"rows", "entries"}:
                    yield nomination, (file.table, row)
        for table, values in long.items():
            found = self._of_values(table, values) if table else self._of_objects(values)
            for value, place in found:
                for nomination in values[value]:
                    if table == _STATISTICS:
                        sampled[place[1]].append(nomination)
                    else:
                        yield nomination, place
        for row, place in self._of_samples(list(sampled)):
            for nomination in sampled[row]:
                yield nomination, place

    def _of_values(self, table: int, values: Mapping[int, Any]) -> Iterator[tuple[int, Place]]:
        """Rows that name long values."""
        toast = next((file.oid for file in self._files.values() if file.kind == "pieces" and file.table == table), 0)
        rows = next((file for file in self._files.values() if file.kind == "rows" and file.oid == table), None)
        if rows is None:
            return
        if table == _STATISTICS and not self._may_see_samples():
            return
        if self._connection.info.server_version < _CHUNK_IDS:
            with suppress(OSError):
                for value, row in rows_of_values(rows.path, toast, values):
                    yield value, (table, row)
            return
        names = [f"stavalues{slot}" for slot in _SLOTS] if table == _STATISTICS else [column.name for column in self._table.columns]
        source = "pg_catalog.pg_statistic" if table == _STATISTICS else self._table.sql
        chunks = [f"pg_catalog.pg_column_toast_chunk_id(t.{quoted(name)})" for name in names]
        condition = " OR ".join(f"{chunk} = ANY(%(values)s::pg_catalog.oid[])" for chunk in chunks)
        sql = f"SELECT t.ctid::text, ARRAY[{', '.join(chunks)}] FROM {source} AS t WHERE t.tableoid = %(table)s AND ({condition})"
        for row, named in self._connection.execute(sql.encode(), {"values": list(values), "table": table}).fetchall():
            yield from ((value, (table, row)) for value in dict.fromkeys(named) if value in values)

    def _of_objects(self, values: Mapping[int, Any]) -> Iterator[tuple[int, Place]]:
        """Rows that name large objects."""
        for column in self._table.columns:
            if column.large_object:
                number = f"t.{quoted(column.name)}::pg_catalog.oid"
                sql = f"SELECT {number}, t.tableoid, t.ctid::text FROM {self._table.sql} AS t WHERE {number} = ANY(%s::pg_catalog.oid[])"
                for value, table, row in self._connection.execute(sql.encode(), (list(values),)).fetchall():
                    yield value, (table, row)

    def _of_samples(self, samples: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """Rows that have one of the values in rows of the planner's statistics."""
        if not samples or not self._may_see_samples():
            return
        asked = {"places": list(samples), "family": list(self._table.family)}
        for row, relation, name, expression, *kind, indexed in self._connection.execute(_SAMPLED, asked).fetchall():
            value = f"t.{quoted(name)}" if indexed is None else expression
            for sql in _rows_with(self._table.sql, value, *kind):
                # A type without an equality that is found here has no rows named: what lies there stays unexplained.
                with suppress(psycopg.errors.SyntaxErrorOrAccessRuleViolation):
                    for table, first, last in self._connection.execute(sql.encode(), {"row": row}).fetchall():
                        if table == (indexed or relation) or relation == self._table.oid:
                            yield from ((row, (table, place)) for place in {first, last})

    def _may_see_samples(self) -> bool:
        sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_statistic', 'SELECT')"
        return self._connection.execute(sql).fetchone() == (True,)

    def _later_versions(self, firsts: Iterable[Place]) -> dict[Place, list[Place]]:
        """Places of later versions of rows, with those of the first versions that indexes name."""
        found: dict[Place, list[Place]] = defaultdict(list)
        paths = {file.oid: file.path for file in self._files.values() if file.kind == "rows"}
        for table, row in firsts:
            block, item = map(int, row[1:-1].split(","))
            with suppress(OSError):
                for later, number in newer_versions(paths[table], block, item):
                    found[table, f"({later},{number})"].append((table, row))
        return found

    # --- rows --------------------------------------------------------------------------------------

    def _copies(self, places: Mapping[Place, Any]) -> Iterator[tuple[Place, Copy]]:
        """The bystanders' rows that are live at some places of the table, or of its partitions."""
        rows = list(dict.fromkeys(row for _, row in places))
        for at in range(0, len(rows), _TOGETHER):
            asked = {"places": rows[at : at + _TOGETHER]}
            named = self._staying.each(_PLACE, "t.ctid = ANY(%(places)s::pg_catalog.tid[])", asked, self._numbers)
            for place, copy in named:
                if place in places:
                    yield place, copy


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
