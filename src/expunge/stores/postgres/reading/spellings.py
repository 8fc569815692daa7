"""The spellings of values in PostgreSQL: the equality of a column's type and collation, and a search by ASCII rules on the server."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values go by COPY
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from expunge.core.datamap.spelling import is_whole
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.stores.postgres.reading.match import EncodableTexts, PostgresMatcher, escaped, load
from expunge.stores.postgres.reading.members import VALUE, json_values
from expunge.stores.postgres.reading.times import NAMED_AT_ONCE, PostgresAging
from expunge.stores.postgres.schema.catalogue import PostgresField, PostgresTable
from expunge.stores.postgres.server.connection import Connection

_FOLDING_TYPES = frozenset({"citext"})
_COLLATION = """
SELECT c.collname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
WHERE a.attrelid = %s AND a.attnum = %s AND NOT c.collisdeterministic
"""
_UNIQUE = """
SELECT i.indkey[0] = %(number)s, pg_catalog.pg_get_indexdef(i.indexrelid),
  EXISTS (SELECT FROM pg_catalog.pg_collation c WHERE c.oid = i.indcollation[0] AND NOT c.collisdeterministic)
FROM pg_catalog.pg_index i
WHERE i.indrelid = %(oid)s AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] IN (0, %(number)s)
"""
_FOLDING = re.compile(r"(?i)\b(lower|upper)\s*\(|citext")


def equality(connection: Connection, table: PostgresTable, name: str) -> StoreEquality:
    """Return how the server compares the values of a field. Raises NotInPostgresSchema."""
    field = table.require(name)
    if field.form != "plain":
        return StoreEquality()
    rule = _rule(connection, table, field)
    unique = unique_folds = False
    asked = {"oid": table.oid, "number": field.column.number}
    for plain, definition, loose in connection.execute(_UNIQUE, asked).fetchall():
        mentioned = bool(_FOLDING.search(definition)) and field.column.name in definition
        unique |= bool(plain)
        unique_folds |= bool(loose) or (bool(plain) and bool(rule)) or (not plain and mentioned)
    return StoreEquality(bool(rule), rule, unique, unique_folds)


def _rule(connection: Connection, table: PostgresTable, field: PostgresField) -> str:
    """The name of a type or collation that takes different texts for one; empty for others."""
    if field.column.type in _FOLDING_TYPES:
        return field.column.type
    found = connection.execute(_COLLATION, (table.oid, field.column.number)).fetchone()
    return str(found[0]) if found else ""


def alike(connection: Connection, table: PostgresTable, name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (value, held) by the column's own equality, inside a transaction. Raises NotInPostgresSchema."""
    field = table.require(name)
    if not equality(connection, table, name).folds:
        return
    PostgresMatcher(connection, table, [Selector(Pseudonym(""), {name: frozenset({value})}) for value in values])
    joined = f"{table.sql} AS t JOIN pg_temp.expunge_wanted_0 AS w ON {field.sql} {field.column.equals} w.value"
    with connection.cursor(binary=True) as cursor:
        cursor.execute(f"SELECT DISTINCT w.selector, {field.text} FROM {joined}".encode())
        for number, held in cursor:
            yield values[number], held


def near(connection: Connection, table: PostgresTable, name: str, texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield values that may be spellings of some texts, from one pass over the column, inside a transaction.

    Raises NotInPostgresSchema.
    """
    value, source = PostgresAging(connection, table).texts(name)
    if inside := json_values(table.require(name)):
        value, source = VALUE, f"{table.sql} AS t CROSS JOIN LATERAL {inside}"
    connection.execute(b'CREATE TEMPORARY TABLE expunge_near (text text COLLATE "C") ON COMMIT DROP')
    sayable = EncodableTexts(connection)
    encoded = (sayable.bytes(text) for text in texts if "\0" not in text)
    load(connection, "expunge_near", (escaped(data) + b"\n" for data in encoded if data is not None))
    shown = f'(({value})::text COLLATE "C")'
    close = f"pg_catalog.lower({shown}) IN (SELECT text FROM pg_temp.expunge_near)"
    if any(map(is_whole, texts)):
        bare = f"pg_catalog.rtrim({shown}, '0')"
        digits = f"pg_catalog.rtrim({bare}, '.') IN (SELECT text FROM pg_temp.expunge_near)"
        close += f" OR (pg_catalog.right({shown}, 1) = '0' AND pg_catalog.right({bare}, 1) = '.' AND {digits})"
    # Why the ends alone: blanks inside say nothing. In an encoding of one byte a character, the number of bytes says nothing either.
    wide = connection.info.parameter_status("server_encoding") == "UTF8"
    beyond = f"pg_catalog.octet_length({shown}) <> pg_catalog.char_length({shown})" if wide else f"{shown} ~ '[^ -~]'"
    blank = f"pg_catalog.ascii({shown}) <= 32 OR pg_catalog.ascii(pg_catalog.right({shown}, 1)) <= 32"
    with connection.cursor("expunge_near", binary=True) as cursor:
        cursor.execute(f"SELECT DISTINCT {shown} FROM {source} WHERE {close} OR {beyond} OR {blank}".encode())
        while rows := cursor.fetchmany(NAMED_AT_ONCE):
            yield [text for (text,) in rows if text is not None]
