"""Read live rows by their place in a relation's file, as page readers nominate them.

The server alone says which row lies at a place: a row that no transaction sees is not there. Places in indexes, in long values, in large
objects and in the planner's statistics lead to rows by the catalogue.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TypeAlias, TypeVar

from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.placing import LiveRows
from expunge.stores.postgres.reading.content import PostgresBystanders
from expunge.stores.postgres.reading.extended_statistics import EXTENDED, ExtendedRows
from expunge.stores.postgres.reading.heap_pages import follows_full_segment, newer_versions, rows_of_values
from expunge.stores.postgres.reading.materialised import MaterialisedRows
from expunge.stores.postgres.reading.partition_bounds import CLASSES, PartitionRows
from expunge.stores.postgres.reading.sampled import SAMPLES, STATISTICS, Place, SampledRows
from expunge.stores.postgres.schema.catalogue import PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection

_VALUE = "toast "
_PLACE = ("t.tableoid", "t.ctid::text")
_TOGETHER = 1000
"""Places that are asked for in one query."""
_MOST = 200
"""Rows of one entry of an index that are read: each of them has what it says."""
_CHUNK_IDS = 170000
"""The first version that says which long value a row names."""

_FILES = """
WITH heap AS (SELECT oid, reltoastrelid AS toast FROM pg_catalog.pg_class
  WHERE oid = ANY(%(tables)s::pg_catalog.oid[]) OR oid = 'pg_catalog.pg_statistic'::pg_catalog.regclass
  OR oid = 'pg_catalog.pg_statistic_ext_data'::pg_catalog.regclass
  OR (oid = 'pg_catalog.pg_class'::pg_catalog.regclass AND pg_catalog.cardinality(%(tables)s::pg_catalog.oid[]) > 1))
SELECT f.kind, f.relation, f.oid, pg_catalog.pg_relation_filepath(f.oid) FROM (
  SELECT 'rows' AS kind, oid AS relation, oid FROM heap
  UNION ALL SELECT 'pieces', oid, toast FROM heap WHERE toast <> 0
  UNION ALL SELECT 'entries', indrelid, indexrelid FROM pg_catalog.pg_index WHERE indrelid = ANY(%(tables)s::pg_catalog.oid[])
  UNION ALL SELECT 'objects', 0::pg_catalog.oid, 'pg_catalog.pg_largeobject'::pg_catalog.regclass::pg_catalog.oid) AS f"""


_Key = TypeVar("_Key", int, str)
_Named: TypeAlias = dict[_Key, list[LiveRows]]
"""Long values, or places, with the nominations that name them."""
_FORK_OR_SEGMENT = re.compile(r"(_(fsm|vm|init))?(\.[0-9]+)?$")
_TABLE_OF = """
SELECT coalesce(long.oid, i.indrelid, c.oid)::pg_catalog.regclass::text
FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_class long ON long.reltoastrelid = c.oid
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE pg_catalog.pg_relation_filepath(c.oid) = %s
"""


@dataclass(frozen=True)
class _File:
    """A relation behind a file."""

    kind: str
    """``rows`` of a table or view, ``pieces`` of its long values, ``entries`` of its indexes, or ``objects``."""
    table: int
    oid: int
    path: Path


def _files(connection: Connection, tables: Iterable[int], data: Path) -> dict[Path, _File]:
    rows = connection.execute(_FILES, {"tables": list(tables)}).fetchall()
    # one in a table space lies behind a link
    found = [_File(kind, relation, oid, (data / path).resolve()) for kind, relation, oid, path in rows if path]
    return {file.path: file for file in found}


def is_of(connection: Connection, table: PostgresTable, data: Path, path: Path) -> bool:
    """Return whether rows of the table may lie in a file of the server whose folder is ``data``: of its own, or of the whole database."""
    path = path.resolve()
    if path.parent == (data / "pg_wal").resolve():
        return True
    name, _, segment = path.name.partition(".")
    tables = (*table.family, *MaterialisedRows(connection, table).views)
    return path.with_name(name) in _files(connection, tables, data) and (not segment or follows_full_segment(path, name, segment))


def relates(connection: Connection, table: PostgresTable, data: Path, relation: str) -> bool:
    """Return whether a relation, named by its file in the folder ``data``, is the table, a view of it, or holds their values or indexes."""
    tables = (*table.family, *MaterialisedRows(connection, table).views)
    file = _files(connection, tables, data).get((data / relation).resolve())
    return file is not None and file.table in tables


def table_of(connection: Connection, file: Path) -> str:
    """Return the table to which a file of the server's folder belongs: as itself, as an index, or for long values; empty for none."""
    found = connection.execute(_TABLE_OF, (_FORK_OR_SEGMENT.sub("", file.as_posix()),)).fetchone()
    return str(found[0]) if found is not None else ""


class PostgresNominations:
    """Reads what was nominated of one dataset; lives as long as its connection."""

    def __init__(self, staying: PostgresBystanders, data: Path | None) -> None:
        """Take the bystanders of the dataset, and the server's folder where it can be read."""
        self._staying = staying
        self._connection = staying.connection
        self._table = staying.table
        self._data = data
        self._materialised = MaterialisedRows(staying.connection, staying.table)
        tables = (*staying.table.family, *self._materialised.views)
        self._files = _files(staying.connection, tables, data) if data is not None else {}
        self._known: dict[str, _File | None] = {}
        self._bounds = PartitionRows(staying.connection, staying.table)
        self._sampled = SampledRows(staying.connection, staying.table, self._materialised.views)
        self._extended = ExtendedRows(staying.connection, staying.table)
        self._numbers = count()

    def read(self, nominations: Sequence[LiveRows]) -> Iterator[tuple[int, Copy]]:
        """Yield (index into the nominations, copy of one row) for each live row of a bystander that one names."""
        alike: dict[LiveRows, list[int]] = defaultdict(list)
        for index, nomination in enumerate(nominations):
            alike[nomination].append(index)
        places: dict[Place, list[LiveRows]] = defaultdict(list)
        for nomination, wanted in self._places(alike):
            places[wanted].append(nomination)
        left = {each: _MOST for each in alike if (file := self._file(each)) is not None and file.kind == "entries"}
        missing = set(places)
        for place, copy in self._copies(places):
            missing.discard(place)
            yield from self._named(places[place], left, alike, copy)
        later = self._later_versions(missing)
        for place, copy in self._copies(later):
            yield from self._named([each for first in later[place] for each in places[first]], left, alike, copy)

    def _named(
        self, named: Iterable[LiveRows], left: dict[LiveRows, int], alike: Mapping[LiveRows, Sequence[int]], copy: Copy
    ) -> Iterator[tuple[int, Copy]]:
        """The copy for each nomination that names it, under another name each time but the first."""
        for nomination in dict.fromkeys(named):
            if nomination in left:
                if not left[nomination]:
                    continue
                left[nomination] -= 1
            for index in alike[nomination]:
                yield index, copy
                copy = _renamed(copy, next(self._numbers))

    def _file(self, nomination: LiveRows) -> _File | None:
        relation = nomination.relation
        if relation not in self._known:
            self._known[relation] = self._files.get((self._data / relation).resolve()) if self._data is not None else None
        return self._known[relation]

    # --- where rows are ----------------------------------------------------------------------------

    def _places(self, nominations: Iterable[LiveRows]) -> Iterator[tuple[LiveRows, Place]]:
        """Each nomination with the places of rows that it leads to."""
        long: dict[int, _Named[int]] = defaultdict(lambda: defaultdict(list))
        shown: dict[int, _Named[str]] = defaultdict(lambda: defaultdict(list))
        for nomination in nominations:
            file = self._file(nomination)
            for row in nomination.rows if file is not None else ():
                assert file is not None
                if row.startswith(_VALUE) != (file.kind in {"pieces", "objects"}):
                    continue  # of another kind of relation with tuples of the same form
                if row.startswith(_VALUE):
                    long[file.table][int(row.removeprefix(_VALUE))].append(nomination)
                elif file.table in self._table.family:
                    yield nomination, (file.table, row)
                else:
                    shown[file.table][row].append(nomination)
        yield from self._behind(long, shown)

    def _behind(self, long: dict[int, _Named[int]], shown: dict[int, _Named[str]]) -> Iterator[tuple[LiveRows, Place]]:
        """Rows behind long values and large objects, behind rows of materialised views, behind statistics and bounds of partitions."""
        samples = shown.pop(STATISTICS, {})
        for alike, (_, row) in self._of_values(STATISTICS, long.pop(STATISTICS, {})):
            samples.setdefault(row, []).extend(alike)
        bounds = shown.pop(CLASSES, {})
        for row, place in self._bounds.rows(list(bounds)) if bounds else ():
            yield from ((nomination, place) for nomination in bounds[row])
        lists = shown.pop(EXTENDED, {})
        for row, place in self._extended.rows(list(lists)) if lists else ():
            yield from ((nomination, place) for nomination in lists[row])
        for table, values in long.items():
            for alike, place in self._of_values(table, values) if table else self._of_objects(values):
                yield from ((nomination, place) for nomination in alike)
        for row, place in self._sampled.rows(list(samples)) if samples else ():
            yield from ((nomination, place) for nomination in samples[row])
        for view, named in shown.items():
            for row, place in self._materialised.rows(view, list(named)):
                yield from ((nomination, place) for nomination in named[row])

    def _of_values(self, table: int, values: Mapping[int, list[LiveRows]]) -> Iterator[tuple[list[LiveRows], Place]]:
        """Rows that name long values, behind the nominations of these."""
        toast = next((file.oid for file in self._files.values() if file.kind == "pieces" and file.table == table), 0)
        heap = next((file for file in self._files.values() if file.kind == "rows" and file.oid == table), None)
        if not values or heap is None or (table == STATISTICS and not self._sampled.readable):
            return
        if self._connection.info.server_version < _CHUNK_IDS:
            with suppress(OSError):
                for value, row in rows_of_values(heap.path, toast, values):
                    yield values[value], (table, row)
            return
        names = SAMPLES if table == STATISTICS else [column.name for column in self._table.columns]
        source = "pg_catalog.pg_statistic" if table == STATISTICS else self._table.sql
        chunks = [f"pg_catalog.pg_column_toast_chunk_id(t.{quoted(name)})" for name in names]
        condition = " OR ".join(f"{chunk} = ANY(%(values)s::pg_catalog.oid[])" for chunk in chunks)
        sql = f"SELECT t.ctid::text, ARRAY[{', '.join(chunks)}] FROM {source} AS t WHERE t.tableoid = %(table)s AND ({condition})"
        for row, named in self._connection.execute(sql.encode(), {"values": list(values), "table": table}).fetchall():
            yield from ((values[value], (table, row)) for value in dict.fromkeys(named) if value in values)

    def _of_objects(self, values: Mapping[int, list[LiveRows]]) -> Iterator[tuple[list[LiveRows], Place]]:
        """Rows that name large objects, behind the nominations of these."""
        for column in self._table.columns:
            if column.large_object:
                number = f"t.{quoted(column.name)}::pg_catalog.oid"
                sql = f"SELECT {number}, t.tableoid, t.ctid::text FROM {self._table.sql} AS t WHERE {number} = ANY(%s::pg_catalog.oid[])"
                for value, table, row in self._connection.execute(sql.encode(), (list(values),)).fetchall():
                    yield values[value], (table, row)

    def _later_versions(self, firsts: Iterable[Place]) -> Mapping[Place, list[Place]]:
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

    def _copies(self, places: Mapping[Place, object]) -> Iterator[tuple[Place, Copy]]:
        """The bystanders' rows that are live at some places of the table, or of its partitions."""
        rows = list(dict.fromkeys(row for _, row in places))
        for at in range(0, len(rows), _TOGETHER):
            asked = {"places": rows[at : at + _TOGETHER]}
            named = self._staying.each(_PLACE, "t.ctid = ANY(%(places)s::pg_catalog.tid[])", asked, self._numbers)
            for place, copy in named:
                if place in places:
                    yield place, copy


def _renamed(copy: Copy, number: int) -> Copy:
    subject = Pseudonym(f"control-{number}")
    return replace(copy, subject=subject, selector=copy.selector and replace(copy.selector, subject=subject))
