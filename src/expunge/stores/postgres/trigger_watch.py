"""Find the rows of other people that the triggers of a database changed while rows were deleted or cells changed.

The server counts what a transaction changes in each table. Where that is more than nothing, the rows as they were before can still be read
over another connection, for nobody but the transaction itself sees its changes.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from expunge.core.datamap.datamap import ByField
from expunge.core.values.copy import Copy
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.postgres.reading.match import decode_key, encode_key
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable, quoted, shown
from expunge.stores.postgres.schema.triggers import Effects
from expunge.stores.postgres.server.connection import Connection, ConnectionPool
from expunge.stores.tables.table_references import RowSql, TableReferences, chains

_CHANGED = """
SELECT coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c) + pg_catalog.pg_stat_get_xact_tuples_updated(c)), 0)::int8
FROM pg_catalog.unnest(%s::oid[]) AS c
"""


_TELLING = """
SELECT n.nspname, c.relname, pg_catalog.array_agg(a.attname::text) FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND pg_catalog.lower(a.attname) = ANY (%(names)s) AND NOT c.oid = ANY (%(declared)s::oid[])
  AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
GROUP BY n.nspname, c.relname
"""


@dataclass
class MeantCells:
    """What the eraser itself made of cells of rows that stay, in one transaction."""

    columns: set[str] = field(default_factory=set)
    cells: dict[tuple[str, str], str | None] = field(default_factory=dict, repr=False)
    """(a row's key, column) -> the cell as text."""
    places: set[str] = field(default_factory=set, repr=False)
    """Keys as they were of the rows that it changed in a table whose keys name other rows then."""

    def join(self, other: MeantCells) -> MeantCells:
        """Return these cells and others."""
        return MeantCells(self.columns | other.columns, {**self.cells, **other.cells}, self.places | other.places)

    def explains(self, was: _Former, now: Mapping[str, tuple[str, Mapping[str, str | None]]]) -> bool:
        """Return whether a row differs from the former one in nothing but such cells; ``now`` has contents and cells by key."""
        if was.key in self.places:
            return True
        content, cells = now.get(was.key, ("", {}))
        return content == was.content and all(
            text == was.cells.get(name) or ((was.key, name) in self.cells and self.cells[was.key, name] == text)
            for name, text in cells.items()
        )


@dataclass(frozen=True)
class _Former:
    """A row that some transaction changes just now, as it was."""

    place: tuple[int, str]
    key: str
    content: str
    """Its digest, less the columns that the schema itself empties and those whose cells the eraser changes."""
    cells: Mapping[str, str | None]
    """Column -> text, of the latter."""
    people: Sequence[Any]
    """The values of the fields that tell its owners in the terms of the erased table."""


@dataclass
class TriggerWatch:
    """A look at the tables that triggers may write to, around statements of a transaction."""

    link: ConnectionPool
    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    family: TableReferences
    copies: Sequence[Copy]
    accepted: Collection[str]
    """Triggers that may change rows of other people."""
    gone: Mapping[str, Collection[str]] | None = None
    """Keys of everything that goes, by table: then any row of another person counts, else those whose owners are told as the erased
    table's are."""
    updated: bool = False
    """Cells are changed, and no row deleted."""
    meant: MeantCells = field(default_factory=MeantCells)
    staying: Collection[str] = frozenset()
    """Keys of the copies' rows that stay for others."""
    triggers: tuple[str, ...] = ()
    """The others, as far as deletions lead to them."""
    untold: bool = False
    """Whether they may write to a table whose owners are told otherwise than those of the erased table."""
    _tables: dict[str, PostgresTable] = field(default_factory=dict)
    _telling: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Of the undeclared ones -> the columns that tell people."""
    _counts: dict[str, int] = field(default_factory=dict)
    _counted: bool = True

    def __post_init__(self) -> None:
        """Find the triggers and the tables with people that they may write to."""
        effects = Effects(self.connection, self.accepted)
        written = effects.written(self.table.family, updated=self.updated)
        self.triggers = effects.met
        if self.updated and written is not None:
            # A trigger before the change may set further cells of the row without naming its table.
            written |= set(self.table.family)
        if not self.triggers:
            return
        self._counted = self.schema.one("SHOW track_counts") == "on"
        for name in self.family.others:
            found = self.schema.table(name)
            if found is not None and (written is None or not written.isdisjoint(found.family)):
                told = found.oid == self.table.oid or bool(self.family.kinds(name))
                self.untold = self.untold or not told
                if told or self.gone is not None:
                    self._tables[name] = found
        self._find_undeclared(written)

    def _find_undeclared(self, written: frozenset[int] | None) -> None:
        """Add tables that no dataset declares, with columns that tell people by the map's names or by a foreign key to them."""
        declared = [found for name in self.family.others if (found := self.schema.table(name)) is not None]
        people = [(found, dict.fromkeys(each.lower() for each in _people(self.family, name))) for name, found in _named(self)]
        names = {name for _, fields in people for name in fields}
        oids = [oid for found in declared for oid in found.family]
        telling: dict[str, set[str]] = {}
        for schema, name, columns in self.connection.execute(_TELLING, {"names": sorted(names), "declared": oids}).fetchall():
            telling.setdefault(shown(schema, name), set()).update(columns)
        for found, fields in people:
            for reference in self.schema.references(found.oid):
                if reference.child_oid not in oids:
                    led = {child for child, theirs in reference.columns if theirs.lower() in fields}
                    telling.setdefault(reference.child, set()).update(led)
        for name, columns in telling.items():
            table = self.schema.table(name) if columns else None
            if table is not None and (written is None or not written.isdisjoint(table.family)):
                self._tables[name], self._telling[name] = table, tuple(sorted(columns))

    def __bool__(self) -> bool:
        """Whether there is anything to watch."""
        return bool(self._tables)

    def start(self) -> None:
        """Note what the transaction has changed so far."""
        self._counts = {name: self._changes(table) for name, table in self._tables.items()}

    def why(self, rows: RowSql) -> Unable | None:
        """Return why the statements since :meth:`start` must not stand: triggers changed rows of other people. Raises psycopg.Error."""
        return self.refusal(", ".join(met)) if (met := self.met(rows)) else None

    def refusal(self, tables: str) -> Unable:
        """Return the answer where triggers changed rows of other people in some tables."""
        why = f"table {self.table.shown}: triggers change rows of {tables} of other people ({', '.join(self.triggers)})"
        return Unable(Reason.UNSUPPORTED, f"{why}; change them, or accept that by `triggers:` of the store")

    def met(self, rows: RowSql) -> tuple[str, ...]:
        """Return the tables in which rows of other people were changed since :meth:`start`. Raises psycopg.Error."""
        moved = [name for name, table in self._tables.items() if not self._counted or self._changes(table) != self._counts[name]]
        return tuple(name for name in moved if self._others_changed(name, self._tables[name], rows))

    def _changes(self, table: PostgresTable) -> int:
        return int(self.schema.one(_CHANGED, (list(table.family),)))

    def _others_changed(self, name: str, table: PostgresTable, rows: RowSql) -> bool:
        doomed = {key for copy in self.copies for key in copy.keys} if table.oid == self.table.oid else set[str]()
        doomed.update((self.gone or {}).get(name, ()))
        staying = self.staying if table.oid == self.table.oid else frozenset[str]()
        theirs, owned = self._owners(name, table, rows)
        declared = [found for other in self.family.others if (found := self.schema.table(other)) is not None]
        emptied = [
            column
            for each in ([] if self.updated else chains(self.table.shown, self.schema.references_by_name([self.table], declared)))
            if each[-1].child == name
            for column in each[-1].emptied
        ]
        columns = sorted(self.meant.columns) if table.oid == self.table.oid else []
        with self.link.borrowed() as other:
            former = [
                each
                for each in self._former(other, table, list(theirs), (emptied, columns), owned)
                if each.key in staying or (each.key not in doomed and not _going(list(theirs.values()), each.people))
            ]
            changed = self._gone(former, table)
            if changed and table.lasting:
                now = self._standing(table, (emptied, columns), [each.key for each in changed])
                changed = [each for each in changed if not self.meant.explains(each, now)]
            elif table.oid == self.table.oid:
                changed = [each for each in changed if each.key not in self.meant.places]
            # Why once more: a row that another session deleted in between is gone from both.
            still = _live(other, table, [each.place[1] for each in changed]) if changed else frozenset()
        return any(each.place in still for each in changed)

    def _owners(self, name: str, table: PostgresTable, rows: RowSql) -> tuple[dict[str, frozenset[str]], str]:
        """The fields that tell a row's owners, each with the values of people whose rows go; SQL: somebody owns the row."""
        match = [copy.selector.match for copy in self.copies if copy.selector]
        if columns := self._telling.get(name):
            everybody = frozenset(value for each in match for values in each.values() for value in values)
            return dict.fromkeys(columns, everybody), f"({' OR '.join(f'c.{quoted(column)} IS NOT NULL' for column in columns)})"
        pairs = [(theirs, ours) for theirs, ours in self.family.kinds(name) if table.field(theirs) is not None]
        told: dict[str, frozenset[str]] = {}
        for theirs, ours in pairs:
            told[theirs] = told.get(theirs, frozenset()).union(*(each.get(ours, ()) for each in match))
        return told, self.family.owned(name, rows)

    def _former(
        self, other: Connection, table: PostgresTable, fields: Sequence[str], less: tuple[Sequence[str], Sequence[str]], owned: str
    ) -> Iterator[_Former]:
        people = ", ".join(_texts(table, name) for name in fields)
        sql = (
            f"SELECT c.tableoid::int8, c.ctid::text, {_digest()}, {_cells(less[1])}, ARRAY[{_keys(table)}]"
            f"{f', {people}' if people else ''} FROM {table.sql} AS c WHERE c.xmax::text <> '0' AND {owned}"
        )
        for oid, place, content, cells, key, *told in other.execute(sql.encode(), {"less": [*less[0], *less[1]]}):
            yield _Former((oid, place), encode_key(key), content, dict(zip(less[1], cells, strict=True)), told)

    def _gone(self, former: Sequence[_Former], table: PostgresTable) -> list[_Former]:
        """Those that this transaction sees no more: it has not only locked them."""
        live = _live(self.connection, table, [each.place[1] for each in former]) if former else frozenset()
        return [each for each in former if each.place not in live]

    def _standing(
        self, table: PostgresTable, less: tuple[Sequence[str], Sequence[str]], keys: Sequence[str]
    ) -> dict[str, tuple[str, Mapping[str, str | None]]]:
        """Digest and cells of the rows that have these keys now."""
        first = [decode_key(key)[0] for key in keys]
        sql = (
            f"SELECT ARRAY[{_keys(table)}], {_digest()}, {_cells(less[1])} FROM {table.sql} AS c "
            f"WHERE {table.keys[0].sql.replace('t.', 'c.', 1)}::text = ANY (%(first)s)"
        )
        found = self.connection.execute(sql.encode(), {"first": first, "less": [*less[0], *less[1]]})
        return {encode_key(key): (content, dict(zip(less[1], cells, strict=True))) for key, content, cells in found}


def _named(watch: TriggerWatch) -> Iterator[tuple[str, PostgresTable]]:
    """The declared tables that are there, by the map's names."""
    return ((name, found) for name in watch.family.others if (found := watch.schema.table(name)) is not None)


def _people(family: TableReferences, name: str) -> tuple[str, ...]:
    """The fields of a declared table that hold identifiers of people."""
    subject = family.others[name].subject
    return subject.names if isinstance(subject, ByField) else ()


def _digest() -> str:
    return "pg_catalog.md5((pg_catalog.to_jsonb(c) - %(less)s::text[])::text)"


def _cells(columns: Sequence[str]) -> str:
    """SQL: cells of a row, as an array of texts."""
    return f"ARRAY[{', '.join(f'c.{quoted(name)}::text' for name in columns)}]::text[]"


def _keys(table: PostgresTable) -> str:
    return ", ".join(f"{each.sql.replace('t.', 'c.', 1)}::text" for each in table.keys)


def _texts(table: PostgresTable, name: str) -> str:
    """SQL: the values of a field, as an array of texts."""
    found = table.require(name, "c")
    return f"{found.sql}::text[]" if found.form == "array" else f"ARRAY[{found.text}]"


def _live(connection: Connection, table: PostgresTable, places: Sequence[str]) -> frozenset[tuple[int, str]]:
    sql = f"SELECT c.tableoid::int8, c.ctid::text FROM {table.sql} AS c WHERE c.ctid = ANY (%s::tid[])"
    return frozenset(connection.execute(sql.encode(), (list(places),)).fetchall())


def _going(going: Sequence[Collection[str]], people: Sequence[Any]) -> bool:
    """Whether one of a row's owners is a person whose rows go."""
    return any(value in wanted for wanted, values in zip(going, people, strict=True) for value in values or ())
