"""Read live rows by the numbers under which a database showed them: of tables, of materialised views, behind large objects."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from expunge.ports.optional.placing import LiveRows, Lying, NothingLive, SomeRow
from expunge.stores.postgres.reading.content import PostgresBystanders
from expunge.stores.postgres.reading.materialised import MaterialisedRows
from expunge.stores.postgres.reading.nominated import PostgresNominations
from expunge.stores.postgres.reading.sampled import Place
from expunge.stores.postgres.reading.shown import OBJECT, STATISTICS, named, path_of, place_of
from expunge.stores.postgres.schema.catalogue import PostgresTable, shown
from expunge.stores.postgres.server.connection import Connection

_NAMES = """
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY(%s::pg_catalog.oid[])
"""


class ShownPlaces:
    """Places in what a database showed."""

    def __init__(self, path: Path) -> None:
        """Take the url of a table, of a large object, or of the statistics."""
        self._path = path

    def at(self, offset: int, length: int) -> Lying:  # noqa: ARG002 - a row is named as a whole
        """Nominate the row of that number, or the rows of a table from which values were sampled."""
        if self._path.name.startswith(OBJECT):
            return LiveRows(os.fspath(self._path), (self._path.name,))
        if self._path.name == STATISTICS:
            return SomeRow(f"{self._path}/{offset}")
        return LiveRows(os.fspath(self._path), (str(offset),))

    def at_name(self) -> Lying:
        """Return that a name is of the schema."""
        return NothingLive("name in the schema")

    def close(self) -> None:
        """Nothing is open."""


def holds(connection: Connection, table: PostgresTable, url: str, path: Path) -> bool:
    """Return whether rows of a table may lie under a path: its own, a materialised view's, its large objects', its statistics'."""
    name = named(url, path)
    if name.startswith(OBJECT):
        return any(column.large_object for column in table.columns)
    return bool(name) and (name == STATISTICS or os.fspath(path) in _urls(connection, table, url))


def _urls(connection: Connection, table: PostgresTable, url: str) -> dict[str, int]:
    """The paths of a table, of those that belong to it, and of the materialised views that show it, with their numbers."""
    asked = [*table.family, *MaterialisedRows(connection, table).views]
    rows = connection.execute(_NAMES, (asked,)).fetchall()
    return {os.fspath(Path(path_of(url, shown(*name)))): oid for oid, *name in rows}


def relates(connection: Connection, table: PostgresTable, relation: str) -> bool:
    """Return whether sampled values are of the table, or of a materialised view that shows it."""
    number = relation.rpartition("/")[2]
    return number.isdecimal() and int(number) in (*table.family, *MaterialisedRows(connection, table).views)


class ShownNominations(PostgresNominations):
    """Reads what was nominated of one dataset where the server's files are out of reach."""

    def __init__(self, staying: PostgresBystanders, url: str) -> None:
        """Take the bystanders of the dataset, and the url of the database."""
        super().__init__(staying, None)
        self._urls = _urls(staying.connection, staying.table, url)

    def _places(self, nominations: Iterable[LiveRows]) -> Iterator[tuple[LiveRows, Place]]:
        """Each nomination with the places of rows that it leads to."""
        objects: dict[int, list[LiveRows]] = defaultdict(list)
        in_views: dict[int, dict[str, list[LiveRows]]] = defaultdict(lambda: defaultdict(list))
        for nomination in nominations:
            for row in nomination.rows:
                if row.startswith(OBJECT):
                    objects[int(row.removeprefix(OBJECT).rstrip(")"))].append(nomination)
                elif row.isdecimal() and (table := self._urls.get(nomination.relation)) is not None:
                    if table in self._table.family:
                        yield nomination, (table, place_of(int(row)))
                    else:
                        in_views[table][place_of(int(row))].append(nomination)
        for alike, found in self._of_objects(objects) if objects else ():
            yield from ((nomination, found) for nomination in alike)
        for view, rows in in_views.items():
            for where, found in self._materialised.rows(view, list(rows)):
                yield from ((nomination, found) for nomination in rows[where])

    def _later_versions(self, firsts: Iterable[Place]) -> Mapping[Place, list[Place]]:  # noqa: ARG002 - they lie in files
        """None: no row is named by its first version."""
        return {}
