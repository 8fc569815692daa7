"""Find the rows of a table behind rows of a materialised view: those that have the same values in all columns that both have."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values never leave the server
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from expunge.stores.postgres.reading.sampled import Place
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable, PostgresView, quoted
from expunge.stores.postgres.server.connection import Connection


class MaterialisedRows:
    """Rows of one table that are shown by materialised views."""

    def __init__(self, connection: Connection, table: PostgresTable) -> None:
        self._connection = connection
        self._table = table
        found = PostgresSchema(connection).views(table.family)
        self.views: Mapping[int, PostgresView] = {
            view.oid: view for view in found if view.materialised and view.populated and view.readable
        }

    def rows(self, view: int, rows: Sequence[str]) -> Iterator[tuple[str, Place]]:
        """Yield (place in the view, place of a row of the table) for rows of the view; nothing where both share no column."""
        shown = self.views[view].columns
        common = [quoted(column.name) for column in self._table.columns if shown.get(column.name) == column.type]
        if not common:
            return
        values = {alias: f"ROW({', '.join(f'{alias}.{name}::text' for name in common)})::text" for alias in ("m", "t")}
        sql = (
            f"SELECT v.place::text, t.tableoid, pg_catalog.min(t.ctid)::text, pg_catalog.max(t.ctid)::text FROM {self._table.sql} AS t "
            f"JOIN (SELECT m.ctid AS place, {values['m']} AS held FROM {self.views[view].sql} AS m "
            f"WHERE m.ctid = ANY(%s::pg_catalog.tid[])) AS v ON v.held = {values['t']} GROUP BY v.place, t.tableoid"
        )
        for row, table, first, last in self._connection.execute(sql.encode(), (list(rows),)).fetchall():
            yield from ((row, (table, place)) for place in {first, last})
