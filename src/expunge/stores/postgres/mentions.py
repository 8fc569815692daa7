"""Find identifiers that fill cells of other people's rows, or stand inside them, and take them out as the map says."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.listed_values import MAY_BE_LIST
from expunge.core.datamap.mentions import LONGEST_PHONE, ColumnReference, FoundMentions, MentionAct, MentionQuery, MentionRule
from expunge.core.values.copy import Copy
from expunge.stores.postgres.reading.match import CopyKeys, EncodableTexts, Row, encode_key, escaped, load, transaction
from expunge.stores.postgres.schema.catalogue import NotInPostgresSchema, PostgresColumn, PostgresSchema, PostgresTable, literal, quoted
from expunge.stores.postgres.server.connection import Connection, lost
from expunge.stores.postgres.trigger_watch import MeantCells
from expunge.stores.tables.named_rows import Cell, count

_OWN_TYPE = frozenset({"text", "varchar", "bpchar", "citext"})
"""Types whose own comparison counts: they may fold case, or pad with spaces."""
_NO_TEXT = frozenset({
    "bool", "date", "time", "timetz", "timestamp", "timestamptz", "interval",
    "vector", "halfvec", "sparsevec", "bit", "varbit",
})  # fmt: skip
"""Types whose values no identifier fills."""
_BYTES = "CASE WHEN octet_length({0}) <= 1024 THEN encode({0}, 'escape') END"
"""Text of a value of bytes. A longer one is a picture or a recording; the scan finds an identifier in it."""
_NUMERIC = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric", "oid", "uuid"})
_LISTS = (
    "EXISTS (SELECT FROM regexp_split_to_table({0}, '[^[:alnum:]_.@+-]+') AS e (v) "
    'WHERE (e.v COLLATE "C") IN (SELECT w.value FROM pg_temp.expunge_listed AS w))'
)
_REFERRED = """
SELECT f.confrelid::pg_catalog.regclass::text,
  (SELECT pg_catalog.quote_ident(a.attname) FROM ROWS FROM (pg_catalog.unnest(f.conkey), pg_catalog.unnest(f.confkey)) AS k (mine, theirs)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.theirs WHERE k.mine = %(column)s)
FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.conrelid = %(oid)s AND %(column)s = ANY (f.conkey)
"""
_KEYS = """
SELECT coalesce(bool_or(i.indisprimary), false), count(*) > 0 FROM pg_catalog.pg_index i
WHERE i.indrelid = %(oid)s AND i.indisunique AND %(column)s = ANY (i.indkey::int2[])
"""
_FIXED = """
SELECT a.attgenerated <> '' OR a.attidentity = 'a', pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'UPDATE'),
  pg_catalog.quote_ident(current_user) FROM pg_catalog.pg_attribute a WHERE a.attrelid = %(oid)s AND a.attnum = %(column)s
"""


@dataclass(frozen=True)
class PostgresMentions:
    """The mentions in one table; lives inside a transaction."""

    connection: Connection
    table: PostgresTable

    def found(self, queries: Sequence[MentionQuery], aside: Iterable[str], columns: frozenset[str] | None) -> Iterator[FoundMentions]:
        """Count the rows by person, column and form; keys ``aside`` are not counted.

        Raises:
            NotInPostgresSchema: when one of the columns does not exist.
        """
        chosen = self.table.columns if columns is None else tuple(self._column(name) for name in sorted(columns))
        looked = [column for column in chosen if column.type not in _NO_TEXT]
        if not looked or not queries:
            return
        values = [("", value) for query in queries for value in query.anywhere]
        values += [(self._spelt(column), value) for query in queries for column, held in query.bound.items() for value in held]
        self._load("expunge_mentioned", values)
        folded = sorted({value for query in queries for value in query.folded})
        self._load("expunge_folded", [("", value) for value in folded])
        endings = sorted({value for query in queries for value in query.endings()})
        self._load("expunge_endings", [("", value) for value in endings])
        inside = sorted({value for query in queries for value in query.needles()})
        self._load("expunge_inside", [("", value) for value in inside])
        elements = sorted({value for query in queries for value in query.listed})
        self._load("expunge_listed", [("", value) for value in elements])
        with self.connection.cursor() as cursor:
            query = self._query(looked, inside=bool(inside), folding=bool(folded), phones=bool(endings), lists=bool(elements))
            cursor.execute(query.encode())
            yield from count((self._named(row, looked) for row in cursor), queries, aside)

    def _column(self, name: str) -> PostgresColumn:
        found = self.table.column(name)
        if found is None:
            raise NotInPostgresSchema("column " + name)
        return found

    def _spelt(self, name: str) -> str:
        found = self.table.column(name)
        return found.name if found is not None else name

    def _load(self, table: str, values: Iterable[tuple[str, str]]) -> None:
        sayable = EncodableTexts(self.connection)
        self.connection.execute(f'CREATE TEMPORARY TABLE {table} (field text, value text COLLATE "C") ON COMMIT DROP'.encode())
        sent = ((sayable.bytes(field), sayable.bytes(value)) for field, value in dict.fromkeys(values) if "\0" not in value)
        load(
            self.connection, table, (b"%b\t%b\n" % (escaped(field), escaped(value)) for field, value in sent if field is not None and value)
        )

    def _query(self, looked: Sequence[PostgresColumn], *, inside: bool, folding: bool, phones: bool, lists: bool) -> str:
        """SQL for the rows in which anything is met: key, and of each column whether an identifier fills it, and its text."""
        shown = [f"{key.sql}::text" for key in self.table.keys]
        conditions = []
        for column in looked:
            filled, text = self._filled(column), _text(column)
            if folding and column.type not in _NUMERIC:
                filled = f"({filled} OR {_alike(column, text)})"
            shown += (f"coalesce({filled}, false)", text)
            conditions.append(filled)
            if phones and column.type != "uuid":
                conditions.append(_ends_alike(text))
            if lists and column.type not in _NUMERIC:
                conditions.append(f"({text} ~ {literal(MAY_BE_LIST)} AND {_LISTS.format(text)})")
            if inside and column.type not in _NUMERIC:
                conditions.append(f'EXISTS (SELECT FROM pg_temp.expunge_inside AS i WHERE strpos({text} COLLATE "C", i.value) > 0)')
        return f"SELECT {', '.join(shown)} FROM {self.table.sql} AS t WHERE {' OR '.join(conditions)}"

    @staticmethod
    def _filled(column: PostgresColumn, table: str = "expunge_mentioned") -> str:
        """SQL: an identifier fills the cell, or an element of it, compared as the column's own type does."""
        name = f"t.{quoted(column.name)}"
        source = f"FROM pg_temp.{table} AS w WHERE w.field IN ('', {literal(column.name)})"
        if column.element:
            return f'EXISTS (SELECT FROM unnest({name}::text[]) AS e (v) WHERE (e.v COLLATE "C") IN (SELECT w.value {source}))'
        if column.type in _OWN_TYPE:
            collated = f" COLLATE {column.collation}" if column.collation else ""
            return f"({name} {column.equals} ANY (SELECT w.value::{column.sql_type}{collated} {source}))"
        return f'(({_text(column)} COLLATE "C") IN (SELECT w.value {source}))'

    def _named(self, row: Row, looked: Sequence[PostgresColumn]) -> tuple[str, list[Cell]]:
        width = len(self.table.keys)
        cells = []
        for at, column in enumerate(looked):
            met, text = row[width + 2 * at : width + 2 * at + 2]
            if text is not None:
                cells.append(Cell(column.name, text, bool(met), column.type not in _NUMERIC))
        return encode_key(row[:width]), cells

    def release(self, rules: Mapping[str, MentionRule], copies: Sequence[Copy], keys: CopyKeys, meant: MeantCells | None = None) -> None:
        """Set the cells as the rules say, in rows that are not among the keys; inside the transaction that deletes those.

        What is made of which cells is noted in ``meant``.

        Raises:
            psycopg.Error: when the server refuses it.
            NotInPostgresSchema: when a column does not exist.
        """
        named: dict[str, set[str]] = {}
        for copy in copies:
            for name, values in copy.mentions.items():
                named.setdefault(name, set()).update(values)
        if not named:
            return
        self.connection.execute("DROP TABLE IF EXISTS pg_temp.expunge_released")
        self._load("expunge_released", [(self._column(name).name, value) for name, held in named.items() for value in held])
        for name in named:
            rule, column = rules[name], self._column(name)
            value = literal(rule.value) if rule.act is MentionAct.REPLACE else "NULL"
            staying = f"NOT EXISTS (SELECT FROM pg_temp.expunge_keys AS k WHERE {keys.named()})"
            where = f"{self._filled(column, 'expunge_released')} AND {staying}"
            update = f"UPDATE {self.table.sql} AS t SET {quoted(column.name)} = {value} WHERE {where}"
            if meant is None:
                self.connection.execute(update.encode())
                continue
            key = f"ARRAY[{', '.join(f'{each.sql}::text' for each in self.table.keys)}]"
            meant.columns.add(column.name)
            if not self.table.lasting:
                rows = self.connection.execute(f"SELECT {key} FROM {self.table.sql} AS t WHERE {where}".encode())
                meant.places.update(encode_key(each) for (each,) in rows)
            returning = self.connection.execute(f"{update} RETURNING {key}, t.{quoted(column.name)}::text".encode())
            meant.cells.update(((encode_key(each), column.name), text) for each, text in returning)


def _text(column: PostgresColumn) -> str:
    """SQL for the text of a cell."""
    name = f"t.{quoted(column.name)}"
    if column.type == "numeric":
        return f"regexp_replace({name}::text, '[.]0+$', '')"
    return f"({_BYTES.format(name)})" if column.type == "bytea" else f"{name}::text"


def _alike(column: PostgresColumn, text: str) -> str:
    """SQL: another spelling of an identifier fills the cell, or an element of it."""
    value = "e.v" if column.element else text
    wanted = f"lower(btrim({value}, E' \\t\\n\\x0b\\f\\r')) COLLATE \"C\" IN (SELECT value FROM pg_temp.expunge_folded)"
    return f"EXISTS (SELECT FROM unnest(t.{quoted(column.name)}::text[]) AS e (v) WHERE {wanted})" if column.element else f"({wanted})"


def _ends_alike(text: str) -> str:
    """SQL: the cell ends in the digits of a telephone number, whatever stands between them."""
    digits = f"right(regexp_replace({text}, '[^0-9]', '', 'g'), 7)"
    wanted = "SELECT value FROM pg_temp.expunge_endings"
    return f'(length({text}) <= {LONGEST_PHONE} AND {digits} COLLATE "C" IN ({wanted}))'


def references(schema: PostgresSchema, table: PostgresTable, tables: Mapping[str, PostgresTable]) -> Iterator[ColumnReference]:
    """The foreign keys of one column out of a table; ``tables`` maps names of the map to what they name."""
    for name, parent in tables.items():
        for reference in schema.references(parent.oid):
            if reference.child_oid in table.family and len(reference.columns) == 1:
                ((child, field),) = reference.columns
                yield ColumnReference(child, name, field, emptied=reference.acts and not reference.cascades)


def unfit(schema: PostgresSchema, table: PostgresTable, dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Each rule that the schema does not let be carried out: column, fault, correction."""
    for name, rule in dataset.mentions.items():
        column = table.column(name)
        if column is None:
            yield name, "is no column of it", "correct `mentions:`"
        elif rule.releases:
            why = _unfit(schema, table, column, rule)
            if why:
                yield name, *why


def _unfit(schema: PostgresSchema, table: PostgresTable, column: PostgresColumn, rule: MentionRule) -> tuple[str, str] | None:
    place = {"oid": table.oid, "column": column.number}
    primary, unique = schema.connection.execute(_KEYS, place).fetchone() or (False, False)
    fixed, allowed, role = schema.connection.execute(_FIXED, place).fetchone() or (False, True, "")
    if primary:
        return "is a part of the primary key", f"mentions: {{{column.name}: keep}}, or declare it in `subject:`"
    if fixed:
        return "is computed by the server", "mentions of the columns that it is computed from"
    if column.element:
        return "holds lists, of which single members cannot be taken out", f"mentions: {{{column.name}: keep}}"
    if not allowed:
        grant = f"GRANT UPDATE ({quoted(column.name)}) ON {table.sql} TO {role}"
        return "may not be changed by this role", grant
    if rule.act is MentionAct.NULL:
        return ("takes no null (NOT NULL)", f"mentions: {{{column.name}: {{replace: VALUE}}}}") if column.not_null else None
    if unique:
        return "has to be unique, so that one value cannot stand for several people", f"mentions: {{{column.name}: null}}"
    return _lacking(schema, table, column, rule)


def _lacking(schema: PostgresSchema, table: PostgresTable, column: PostgresColumn, rule: MentionRule) -> tuple[str, str] | None:
    """A replacement that is no value of the column's type, or lacks the row that it would refer to."""
    try:
        with transaction(schema.connection):
            schema.connection.execute(f"SELECT {literal(rule.value)}::{column.sql_type}".encode())
    except psycopg.Error as error:
        if lost(error):
            raise
        return f"is of type {column.sql_type}, and the replacement is no such value", "another value"
    for parent, field in schema.connection.execute(_REFERRED, {"oid": table.oid, "column": column.number}).fetchall():
        there = schema.one(f"SELECT EXISTS (SELECT FROM {parent} AS p WHERE p.{field} = {literal(rule.value)})")
        if not there:
            return f"refers to {parent}, which has no such {field}", f"insert that row into {parent}, or another value"
    return None
