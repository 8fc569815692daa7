"""Watch which rows of other people the triggers of a database change while rows are deleted or cells changed.

SQLite itself tells, row by row.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from expunge.core.datamap.datamap import ByField
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
    """Those that change, delete or replace its rows, less the accepted ones."""
    placing: bool
    """Whether one of them writes rows that may take the place of others."""


class TriggerWatch:
    """Temporary triggers on the tables that the company's own triggers reach; they note the rows of people who stay.

    They stand beside the tables of the eraser, ``expunge_doomed`` and ``expunge_owners``, and inside its transaction.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        schema: SqliteSchema,
        table: SqliteTable,
        family: TableReferences,
        accepted: Collection[str],
        expected: Mapping[str, str] | None = None,
    ) -> None:
        """Find the triggers that a deletion sets off, or a change of the ``expected`` columns.

        Args:
            connection: where the statements run; for a deletion, outside of a transaction.
            schema: the one of the database.
            table: whose rows are deleted or changed.
            family: how rows lead to people.
            accepted: triggers that may change rows of other people.
            expected: column -> SQL for the change of a cell that is meant, over ``OLD`` and ``NEW``.

        Raises:
            sqlite3.Error: the statement cannot be compiled.
        """
        self._connection, self._schema, self._table, self._family = connection, schema, table, family
        self._expected = expected or {}
        accepting = {name.casefold() for name in accepted}
        met = touched(connection, schema, table, tuple(self._expected))
        reached: dict[str, set[str]] = {}
        for name, names in (*met.by.items(), *met.placing.items()):
            reached.setdefault(name, set()).update(each for each in names if each.casefold() not in accepting)
        placing = {name for name, names in met.placing.items() if any(each.casefold() not in accepting for each in names)}
        found = ((schema.table(name), name, names) for name, names in reached.items() if names)
        watched = (WatchedTable(each, frozenset(names), name in placing) for each, name, names in found if each and not each.virtual)
        self._tables = [each for each in watched if each.table.name in family.others or people_columns(schema, family, each.table)]

    def __bool__(self) -> bool:
        """Whether any trigger has to be watched."""
        return bool(self._tables)

    def start(self, rows: RowSql, *, strict: bool) -> None:
        """Make the temporary triggers.

        Args:
            rows: SQL for the rows of the database.
            strict: any row of another person counts; else those whose owners are told in the same terms as the erased table's.
        """
        for at, watched in enumerate(self._tables):
            table = watched.table
            declared = table.name in self._family.others
            if declared and not (strict or table.name == self._table.name or self._family.kinds(table.name)):
                continue
            key = ", ".join(f"k{number}" for number in range(len(table.key)))
            self._connection.execute(f"CREATE TEMP TABLE expunge_touched_{at} ({key})")
            note = f"INSERT INTO expunge_touched_{at} VALUES ({', '.join(_key(table, 'OLD'))})"
            others = " AND ".join(self._others(table, rows, "OLD"))
            on = f"ON main.{quoted(table.name)} FOR EACH ROW"
            self._connection.execute(f"CREATE TEMP TRIGGER expunge_deleted_{at} AFTER DELETE {on} WHEN {others} BEGIN {note}; END")
            changed = self._changed(table)
            self._connection.execute(
                f"CREATE TEMP TRIGGER expunge_changed_{at} AFTER UPDATE {on} WHEN {others} AND ({changed}) BEGIN {note}; END"
            )
            if watched.placing and (same := _same_keys(self._connection, table)):
                # Why beforehand: of a row whose place another takes, SQLite tells no trigger.
                columns = ", ".join(f"c{number}" for number in range(len(table.columns)))
                self._connection.execute(f"CREATE TEMP TABLE expunge_replaced_{at} ({key}, {columns})")
                cells = ", ".join((*table.key, *(f"t.{quoted(column.name)}" for column in table.columns)))
                met = " AND ".join((f"({same})", *self._others(table, rows, "t")))
                note = f"INSERT INTO expunge_replaced_{at} SELECT {cells} FROM {table.sql} AS t WHERE {met}"
                for event in ("INSERT", "UPDATE"):
                    self._connection.execute(f"CREATE TEMP TRIGGER expunge_{event}_{at} BEFORE {event} {on} BEGIN {note}; END")

    def _others(self, table: SqliteTable, rows: RowSql, alias: str) -> Iterator[str]:
        if table.name not in self._family.others:
            yield from undeclared_others(self._schema, self._family, table, alias)
            return
        yield self._family.owned(table.name, rows, alias)
        for theirs, ours in self._family.kinds(table.name):
            field = table.field(theirs, alias)
            if field is not None:
                going = f"SELECT value FROM temp.expunge_owners WHERE field = {literal(ours)}"
                yield f"({field.text} IS NULL OR {field.text} NOT IN ({going}))"
        if table.name == self._table.name:
            same = " AND ".join(f"o.k{number} = {name}" for number, name in enumerate(_key(table, alias)))
            yield f"NOT EXISTS (SELECT 1 FROM temp.expunge_doomed AS o WHERE {same})"

    def _changed(self, table: SqliteTable) -> str:
        """SQL: a column has another value, which neither the schema itself empties with the reference nor the eraser gave it."""
        emptied, expected = self._emptied(table), self._meant(table)
        changes = []
        for column in table.columns:
            if column.name.casefold() not in emptied:
                name = quoted(column.name)
                meant = f" AND NOT ({expected[column.name]})" if column.name in expected else ""
                changes.append(f"(OLD.{name} IS NOT NEW.{name}{meant})")
        return " OR ".join(changes) or "0"

    def _emptied(self, table: SqliteTable) -> set[str]:
        if self._expected:
            return set()
        found = (each[-1] for each in chains(self._table.name, self._schema.references) if each[-1].child == table.name)
        return {name.casefold() for name in chain.from_iterable(reference.emptied for reference in found)}

    def _meant(self, table: SqliteTable) -> Mapping[str, str]:
        return self._expected if table.name == self._table.name else {}

    def found(self, gone: Mapping[str, Collection[str]]) -> Unable | None:
        """Return why the statement must not stand: triggers changed rows of others. ``gone`` are keys of rows that go as well, by table."""
        said = []
        for at, watched in enumerate(self._tables):
            going = gone.get(watched.table.name, frozenset())
            if any(encode_key(tuple(key)) not in going for sql in self._noted(at, watched.table) for key in self._connection.execute(sql)):
                names = ", ".join(sorted(watched.triggers))
                said.append(f"rows of {watched.table.name} of other people ({names})")
        if not said:
            return None
        why = f"table {self._table.name}: triggers change {'; '.join(said)}"
        return Unable(Reason.UNSUPPORTED, f"{why}; change them, or accept that by `triggers:` of the store")

    def _noted(self, at: int, table: SqliteTable) -> Iterator[str]:
        """SQL for the keys of the rows that were changed, and of those that another row took the place of."""
        if self._schema_has(f"expunge_touched_{at}"):
            yield f"SELECT * FROM temp.expunge_touched_{at}"
        if self._schema_has(f"expunge_replaced_{at}"):
            left = self._emptied(table) | {name.casefold() for name in self._meant(table)}
            same = [f"t.{quoted(each.name)} IS r.c{n}" for n, each in enumerate(table.columns) if each.name.casefold() not in left]
            key = ", ".join(f"r.k{number}" for number in range(len(table.key)))
            there = f"SELECT 1 FROM {table.sql} AS t WHERE {' AND '.join(same) or '1'}"
            yield f"SELECT {key} FROM temp.expunge_replaced_{at} AS r WHERE NOT EXISTS ({there})"

    def _schema_has(self, name: str) -> bool:
        return self._connection.execute("SELECT 1 FROM temp.sqlite_schema WHERE name = ?", (name,)).fetchone() is not None

    def stop(self) -> None:
        """Take the temporary triggers and tables away."""
        for at in range(len(self._tables)):
            for name in ("deleted", "changed", "INSERT", "UPDATE"):
                self._connection.execute(f"DROP TRIGGER IF EXISTS temp.expunge_{name}_{at}")
            for name in ("touched", "replaced"):
                self._connection.execute(f"DROP TABLE IF EXISTS temp.expunge_{name}_{at}")


def people_columns(schema: SqliteSchema, family: TableReferences, table: SqliteTable) -> frozenset[str]:
    """Return the columns of an undeclared table that tell people: the map uses their names for people, or a foreign key leads to them."""
    named = {name.casefold() for each in family.others.values() if isinstance(each.subject, ByField) for name in each.subject.names}
    told = {column.name for column in table.columns if column.name.casefold() in named}
    for parent, each in family.others.items():
        fields = {name.casefold() for name in each.subject.names} if isinstance(each.subject, ByField) else set[str]()
        for reference in schema.references(parent):
            if reference.child == table.name:
                told.update(child for child, theirs in reference.columns if theirs.casefold() in fields)
    return frozenset(told)


def undeclared_others(schema: SqliteSchema, family: TableReferences, table: SqliteTable, alias: str) -> Iterator[str]:
    """Yield SQL: a row of an undeclared table tells somebody, and nobody whose rows go."""
    told = [field for name in sorted(people_columns(schema, family, table)) if (field := table.field(name, alias))]
    yield f"({' OR '.join(f'{field.sql} IS NOT NULL' for field in told)})"
    for field in told:
        yield f"({field.sql} IS NULL OR {field.text} NOT IN (SELECT value FROM temp.expunge_owners))"


def _key(table: SqliteTable, alias: str) -> list[str]:
    """SQL for the key of a row; ``OLD`` is the one that a trigger was called for, as it was."""
    return [name.replace("t.", f"{alias}.", 1) for name in table.key]


def _same_keys(connection: sqlite3.Connection, table: SqliteTable) -> str:
    """SQL: a row ``t`` has a value that has to be unique in common with the ``NEW`` one. Empty where nothing has to be."""
    unique = [[column.name for column in table.columns if column.primary]]
    indexes = connection.execute(f"PRAGMA main.index_list({quoted(table.name)})").fetchall()
    unique += [
        [part[2] for part in connection.execute(f"PRAGMA main.index_info({quoted(row[1])})").fetchall()] for row in indexes if row[2]
    ]
    same = (" AND ".join(f"t.{quoted(name)} = NEW.{quoted(name)}" for name in names) for names in unique if names and all(names))
    return " OR ".join(dict.fromkeys(f"({each})" for each in same))
