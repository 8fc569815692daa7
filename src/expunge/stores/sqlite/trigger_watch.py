"""Watch which rows of other people the triggers of a database change while rows are deleted. SQLite itself tells, row by row."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from expunge.core.values.outcome import Reason, Unable
from expunge.stores.sqlite.catalogue import SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.match import encode_key
from expunge.stores.sqlite.triggers import touched
from expunge.stores.tables.table_references import RowSql, TableReferences, chains


@dataclass(frozen=True)
class WatchedTable:
    """A table that triggers reach."""

    table: SqliteTable
    triggers: frozenset[str]
    """Those that change or delete its rows, less the accepted ones."""


class TriggerWatch:
    """Temporary triggers on the tables that the company's own triggers reach; they note the rows of people who stay.

    They stand beside the tables of the eraser, ``expunge_doomed`` and ``expunge_owners``, and inside its transaction.
    """

    def __init__(
        self, connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, family: TableReferences, accepted: Collection[str]
    ) -> None:
        """Find the triggers. Outside of a transaction. Raises sqlite3.Error where the deletion cannot be compiled."""
        self._connection, self._schema, self._table, self._family = connection, schema, table, family
        accepting = {name.casefold() for name in accepted}
        by = touched(connection, schema, table).by
        reached = ((found, names) for name, names in by.items() if name in family.others and (found := schema.table(name)) is not None)
        self._tables = [
            WatchedTable(found, unaccepted)
            for found, names in reached
            if not found.virtual and (unaccepted := frozenset(name for name in names if name.casefold() not in accepting))
        ]

    def __bool__(self) -> bool:
        """Whether any trigger has to be watched."""
        return bool(self._tables)

    def start(self, rows: RowSql, *, beforehand: bool) -> None:
        """Make the temporary triggers.

        Args:
            rows: SQL for the rows of the database.
            beforehand: everything that goes is known, so that any row of another person counts; else those whose owners are told in the
                same terms as the erased table's.
        """
        for at, watched in enumerate(self._tables):
            if not (beforehand or watched.table.name == self._table.name or self._family.kinds(watched.table.name)):
                continue
            width = range(len(watched.table.key))
            self._connection.execute(f"CREATE TEMP TABLE expunge_touched_{at} ({', '.join(f'k{number}' for number in width)})")
            note = f"INSERT INTO expunge_touched_{at} VALUES ({', '.join(_old(watched.table))})"
            others = " AND ".join(self._others(watched.table, rows))
            on = f"ON main.{quoted(watched.table.name)} FOR EACH ROW WHEN {others}"
            self._connection.execute(f"CREATE TEMP TRIGGER expunge_deleted_{at} AFTER DELETE {on} BEGIN {note}; END")
            if changed := self._changed(watched.table):
                self._connection.execute(f"CREATE TEMP TRIGGER expunge_changed_{at} AFTER UPDATE {on} AND ({changed}) BEGIN {note}; END")

    def _others(self, table: SqliteTable, rows: RowSql) -> Iterator[str]:
        yield self._family.owned(table.name, rows, "OLD")
        for theirs, ours in self._family.kinds(table.name):
            field = table.field(theirs, "OLD")
            if field is not None:
                going = f"SELECT value FROM temp.expunge_owners WHERE field = {literal(ours)}"
                yield f"({field.text} IS NULL OR {field.text} NOT IN ({going}))"
        if table.name == self._table.name:
            same = " AND ".join(f"o.k{number} = {name}" for number, name in enumerate(_old(table)))
            yield f"NOT EXISTS (SELECT 1 FROM temp.expunge_doomed AS o WHERE {same})"

    def _changed(self, table: SqliteTable) -> str:
        """SQL: a column has another value that the schema itself does not empty with the reference."""
        found = (each[-1] for each in chains(self._table.name, self._schema.references) if each[-1].child == table.name)
        emptied = {name.casefold() for name in chain.from_iterable(reference.emptied for reference in found)}
        columns = (quoted(column.name) for column in table.columns if column.name.casefold() not in emptied)
        return " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)

    def found(self, gone: Mapping[str, Collection[str]]) -> Unable | None:
        """Return why the deletion must not stand: triggers changed rows of others. ``gone`` are keys of rows that go as well, by table."""
        said = []
        for at, watched in enumerate(self._tables):
            if self._schema_has(f"expunge_touched_{at}"):
                going = gone.get(watched.table.name, frozenset())
                rows = self._connection.execute(f"SELECT * FROM temp.expunge_touched_{at}")
                if any(encode_key(tuple(key)) not in going for key in rows):
                    names = ", ".join(sorted(watched.triggers))
                    said.append(f"rows of {watched.table.name} of other people ({names})")
        if not said:
            return None
        why = f"table {self._table.name}: triggers change {'; '.join(said)}"
        return Unable(Reason.UNSUPPORTED, f"{why}; change them, or accept that by `triggers:` of the store")

    def _schema_has(self, name: str) -> bool:
        return self._connection.execute("SELECT 1 FROM temp.sqlite_schema WHERE name = ?", (name,)).fetchone() is not None

    def stop(self) -> None:
        """Take the temporary triggers and tables away."""
        for at in range(len(self._tables)):
            self._connection.execute(f"DROP TRIGGER IF EXISTS temp.expunge_deleted_{at}")
            self._connection.execute(f"DROP TRIGGER IF EXISTS temp.expunge_changed_{at}")
            self._connection.execute(f"DROP TABLE IF EXISTS temp.expunge_touched_{at}")


def _old(table: SqliteTable) -> list[str]:
    """SQL for the key of the row that a trigger was called for, as it was."""
    return [name.replace("t.", "OLD.", 1) for name in table.key]
