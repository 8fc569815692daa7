"""Find the rows of other people that the triggers of a database changed while rows were deleted.

The server counts what a transaction changes in each table. Where that is more than nothing, the rows as they were before can still be read
over another connection, for nobody but the transaction itself sees its changes.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from expunge.core.values.copy import Copy
from expunge.stores.postgres.reading.match import decode_key, encode_key
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable
from expunge.stores.postgres.schema.triggers import Effects
from expunge.stores.postgres.server.connection import Connection, ConnectionPool
from expunge.stores.tables.table_references import RowSql, TableReferences, chains

_CHANGED = """
SELECT coalesce(sum(pg_catalog.pg_stat_get_xact_tuples_deleted(c) + pg_catalog.pg_stat_get_xact_tuples_updated(c)), 0)::int8
FROM pg_catalog.unnest(%s::oid[]) AS c
"""


@dataclass(frozen=True)
class _Former:
    """A row that some transaction changes just now, as it was."""

    place: tuple[int, str]
    key: str
    content: str
    """Its digest, less the columns that the schema itself empties."""
    people: Sequence[Any]
    """The values of the fields that tell its owners in the terms of the erased table."""


@dataclass
class TriggerWatch:
    """A look at the tables that triggers may write to, around each deletion of a transaction."""

    link: ConnectionPool
    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    family: TableReferences
    copies: Sequence[Copy]
    accepted: Collection[str]
    """Triggers that may change rows of other people."""
    gone: Mapping[str, Collection[str]] | None = None
    """Beforehand: keys of everything that goes, by table. Otherwise only rows count whose owners are told as the erased table's are."""
    triggers: tuple[str, ...] = ()
    """The others, as far as deletions lead to them."""
    untold: bool = False
    """Whether they may write to a table whose owners are told otherwise than those of the erased table."""
    _tables: dict[str, PostgresTable] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _counted: bool = True

    def __post_init__(self) -> None:
        """Find the triggers and the declared tables that they may write to."""
        effects = Effects(self.connection, self.accepted)
        written = effects.written(self.table.family)
        self.triggers = effects.met
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

    def start(self) -> None:
        """Note what the transaction has changed so far."""
        self._counts = {name: self._changes(table) for name, table in self._tables.items()}

    def met(self, rows: RowSql) -> tuple[str, ...]:
        """Return the tables in which rows of other people were changed since :meth:`start`. Raises psycopg.Error."""
        moved = [name for name, table in self._tables.items() if not self._counted or self._changes(table) != self._counts[name]]
        return tuple(name for name in moved if self._others_changed(name, self._tables[name], rows))

    def _changes(self, table: PostgresTable) -> int:
        return int(self.schema.one(_CHANGED, (list(table.family),)))

    def _others_changed(self, name: str, table: PostgresTable, rows: RowSql) -> bool:
        doomed = {key for copy in self.copies for key in copy.keys} if table.oid == self.table.oid else set[str]()
        doomed.update((self.gone or {}).get(name, ()))
        pairs = [(theirs, ours) for theirs, ours in self.family.kinds(name) if table.field(theirs) is not None]
        going = {ours: {value for copy in self.copies if copy.selector for value in copy.selector.match.get(ours, ())} for _, ours in pairs}
        emptied = [
            column
            for each in chains(self.table.shown, self.schema.references_by_name([self.table]))
            if each[-1].child == name
            for column in each[-1].emptied
        ]
        with self.link.borrowed() as other:
            former = [
                each
                for each in self._former(other, table, [theirs for theirs, _ in pairs], emptied, self.family.owned(name, rows))
                if each.key not in doomed and not _going(pairs, going, each.people)
            ]
            changed = self._gone(former, table)
            if changed and table.lasting:
                same = self._standing(table, emptied, [each.key for each in changed])
                changed = [each for each in changed if (each.key, each.content) not in same]
            # Why once more: a row that another session deleted in between is gone from both.
            still = _live(other, table, [each.place[1] for each in changed]) if changed else frozenset()
        return any(each.place in still for each in changed)

    def _former(
        self, other: Connection, table: PostgresTable, fields: Sequence[str], emptied: Sequence[str], owned: str
    ) -> Iterator[_Former]:
        people = ", ".join(_texts(table, name) for name in fields)
        sql = (
            f"SELECT c.tableoid::int8, c.ctid::text, {_digest()}, ARRAY[{_keys(table)}]{f', {people}' if people else ''} "
            f"FROM {table.sql} AS c WHERE c.xmax::text <> '0' AND {owned}"
        )
        for oid, place, content, key, *told in other.execute(sql.encode(), {"emptied": list(emptied)}):
            yield _Former((oid, place), encode_key(key), content, told)

    def _gone(self, former: Sequence[_Former], table: PostgresTable) -> list[_Former]:
        """Those that this transaction sees no more: it has not only locked them."""
        live = _live(self.connection, table, [each.place[1] for each in former]) if former else frozenset()
        return [each for each in former if each.place not in live]

    def _standing(self, table: PostgresTable, emptied: Sequence[str], keys: Sequence[str]) -> set[tuple[str, str]]:
        """Keys and digests of the rows that have these keys now."""
        first = [decode_key(key)[0] for key in keys]
        sql = (
            f"SELECT ARRAY[{_keys(table)}], {_digest()} FROM {table.sql} AS c "
            f"WHERE {table.keys[0].sql.replace('t.', 'c.', 1)}::text = ANY (%(first)s)"
        )
        found = self.connection.execute(sql.encode(), {"first": first, "emptied": list(emptied)})
        return {(encode_key(key), content) for key, content in found}


def _digest() -> str:
    return "pg_catalog.md5((pg_catalog.to_jsonb(c) - %(emptied)s::text[])::text)"


def _keys(table: PostgresTable) -> str:
    return ", ".join(f"{each.sql.replace('t.', 'c.', 1)}::text" for each in table.keys)


def _texts(table: PostgresTable, name: str) -> str:
    """SQL: the values of a field, as an array of texts."""
    found = table.require(name, "c")
    return f"{found.sql}::text[]" if found.form == "array" else f"ARRAY[{found.text}]"


def _live(connection: Connection, table: PostgresTable, places: Sequence[str]) -> frozenset[tuple[int, str]]:
    sql = f"SELECT c.tableoid::int8, c.ctid::text FROM {table.sql} AS c WHERE c.ctid = ANY (%s::tid[])"
    return frozenset(connection.execute(sql.encode(), (list(places),)).fetchall())


def _going(pairs: Sequence[tuple[str, str]], going: Mapping[str, Collection[str]], people: Sequence[Any]) -> bool:
    """Whether one of a row's owners is a person whose rows go."""
    return any(value in going[ours] for (_, ours), values in zip(pairs, people, strict=True) for value in values or ())
