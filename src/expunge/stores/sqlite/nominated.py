"""Read live rows that a place in the database's bytes was said to belong to.

The nomination comes from raw pages and may be wrong. Here only normal reads count: a row that is gone, or erased, is not read.
What indexes alone hold of live rows is computed anew.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing

from expunge.core.values.copy import Copy
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import WordIndex
from expunge.stores.sqlite.catalogue import FullText, SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.content import SqliteBystanders
from expunge.stores.sqlite.match import MANY, Row, RowReader, decode_key
from expunge.stores.sqlite.triggers import touched

_ROWID_DIGITS = 20
_VIRTUAL, _EXPRESSION = 2, -2
"""As ``table_xinfo`` and ``index_xinfo`` name a generated column that is not stored, and an expression."""
_TOKEN = re.compile(r"""--[^\n]*|/\*.*?\*/|"(?:[^"]|"")*"|'(?:[^']|'')*'|`(?:[^`]|``)*`|\[[^\]]*\]|.""", re.DOTALL)
_SEQUENCE = re.compile(r"\s+(ASC|DESC)\s*$", re.IGNORECASE)


def copies(bystanders: SqliteBystanders, rows: Sequence[LiveRows]) -> Iterator[tuple[int, Copy]]:
    """Yield (index into ``rows``, copy of one row) for every row of the table that a bystander has."""
    indexes: dict[Row, dict[int, None]] = {}
    for at, lying in enumerate(rows):
        if lying.relation == bystanders.table.name:
            for row in lying.rows:
                key = _key(bystanders.table, row)
                if key is not None:
                    indexes.setdefault(key, {})[at] = None
    staying = bystanders.staying()
    keys = tuple(indexes)
    number = 0
    for start in range(0, len(keys), MANY):
        for key, values in _rows(bystanders, staying.columns, keys[start : start + MANY]):
            seen = staying.row(values)
            if seen is None:
                continue
            for at in indexes[key]:
                yield at, bystanders.copy(number, seen.who, [seen.key], [seen])
                number += 1


def relates(connection: sqlite3.Connection, table: SqliteTable, relation: str) -> bool:
    """Return whether rows of the table are rows of a relation, or are shown or indexed by it: by a view, or a full-text index.

    Raises:
        sqlite3.Error: when the catalogue cannot be read.
    """
    schema = SqliteSchema(connection)
    name = schema.named(relation)
    index = next((each for each in schema.full_text if each.name == name), None)
    if index is not None and index.content:
        name = name if name == table.name else schema.named(index.content)
    if name is None or name == table.name:
        return name is not None
    if schema.kinds[name][0] == "view":
        return table.name in schema.reads(name)
    if index is None or index.content != "":
        return False
    # an index without content has the words of the tables the triggers of which write to it
    feeds = touched(connection, schema, table)
    return name in feeds.written | feeds.deleted


def _rows(bystanders: SqliteBystanders, columns: str, keys: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """The (key, values of the columns) of each row that is there."""
    table, connection = bystanders.table, bystanders.connection
    if table.rowid:
        sql = f"SELECT {columns} FROM {table.sql} AS t WHERE {table.key[0]} IN ({', '.join('?' * len(keys))})"
        for values in connection.execute(sql, tuple(key[0] for key in keys)).fetchall():
            yield values[:1], values
        return
    reader = RowReader(connection, table, ())
    for key in keys:
        where, parameters = reader.where(key)
        for values in connection.execute(f"SELECT {columns} FROM {table.sql} AS t WHERE {where}", parameters).fetchall():
            yield key, values


def _key(table: SqliteTable, row: str) -> Row | None:
    """The values of a row's key; None where the text is no key of this table."""
    if table.rowid:
        digits = row.removeprefix("-")
        number = int(row) if digits.isascii() and digits.isdecimal() and len(digits) < _ROWID_DIGITS else None
        return None if number is None or not -(2**63) <= number < 2**63 else (number,)
    try:
        key = decode_key(row)
    except (json.JSONDecodeError, TypeError, ValueError):
        return None
    return key if len(key) == len(table.key) else None


def computed_values(connection: sqlite3.Connection, table: SqliteTable) -> Iterator[tuple[Row, Row]]:
    """Yield (key, values) of each row, computed anew; nothing where nothing is computed.

    Raises:
        sqlite3.Error: an expression cannot be computed here, such as one with a function of the application.
    """
    sources = [*_virtual(connection, table), *_expressions(connection, table)]
    if sources:
        width = len(table.key)
        # Why without indexes: one would be asked for the values that it holds.
        sql = f"SELECT {', '.join((*table.key, *sources))} FROM {table.sql} AS t NOT INDEXED"
        for row in connection.execute(sql):
            yield row[:width], row[width:]


def _virtual(connection: sqlite3.Connection, table: SqliteTable) -> Iterator[str]:
    for row in connection.execute(f"PRAGMA main.table_xinfo({quoted(table.name)})").fetchall():
        if row[6] == _VIRTUAL:
            yield f"t.{quoted(row[1])}"


def _expressions(connection: sqlite3.Connection, table: SqliteTable) -> Iterator[str]:
    sql = f"SELECT name, sql FROM main.sqlite_schema WHERE type = 'index' AND tbl_name = {literal(table.name)} AND sql IS NOT NULL"
    for name, statement in connection.execute(sql).fetchall():
        columns = connection.execute(f"PRAGMA main.index_xinfo({quoted(name)})").fetchall()
        parts = indexed(statement)
        for (_, place, *_), part in zip(columns, parts, strict=False):
            if place == _EXPRESSION:
                yield f"({_SEQUENCE.sub('', part)})"


def indexed(statement: str) -> list[str]:
    """Return the columns and expressions of a CREATE INDEX statement, each as it is written, comments left out."""
    parts, depth = [""], 0
    for piece in _TOKEN.findall(statement):
        if piece.startswith(("--", "/*")):
            continue
        if piece == ")":
            depth -= 1
            if not depth:
                break
        if depth == 1 and piece == ",":
            parts.append("")
        elif depth:
            parts[-1] += piece
        if piece == "(":
            depth += 1
    return [part.strip() for part in parts]


def fresh_words(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable) -> tuple[WordIndex, ...] | None:
    """Return each full-text index over a table, made anew from its live rows in memory; None where one cannot be.

    Raises:
        sqlite3.Error: such as for a tokenizer of the application.
    """
    effects = touched(connection, schema, table)
    over = [each for each in schema.full_text if each.content and schema.named(each.content) == table.name]
    others = {each.name for each in schema.full_text} - {each.name for each in over}
    if not others.isdisjoint(effects.written | effects.deleted) or not all(_can_be_made(schema, each) for each in over):
        return None
    return tuple(_made_anew(connection, schema, table, each) for each in over)


def _can_be_made(schema: SqliteSchema, index: FullText) -> bool:
    """Whether an index lists rows with places, in the form that is read: FTS5 that keeps sizes."""
    return (
        index.module == "fts5"
        and index.sizes is not None
        and not re.search(r"\bdetail\s*=\s*'?none", schema.sql[index.name], re.IGNORECASE)
    )


def _made_anew(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, index: FullText) -> WordIndex:
    name, content = quoted(index.name), quoted(index.content or "")
    columns = [quoted(column.name) for column in schema.columns(index.name)]
    number = table.require(index.content_rowid).sql
    own = index.content_rowid.casefold() not in {"rowid", "_rowid_", "oid"}
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        key = f"{quoted(index.content_rowid)} INTEGER PRIMARY KEY" if own else ""
        memory.execute(f"CREATE TABLE {content} ({', '.join(filter(None, (key, *columns)))})")
        source = f"SELECT {', '.join((number, *(f't.{each}' for each in columns)))} FROM {table.sql} AS t NOT INDEXED"
        target = ", ".join((quoted(index.content_rowid) if own else "rowid", *columns))
        memory.executemany(f"INSERT INTO {content} ({target}) VALUES (?{', ?' * len(columns)})", connection.execute(source))
        memory.execute(schema.sql[index.name])
        memory.execute(f"INSERT INTO {name} ({name}) VALUES ('rebuild')")
        blocks = memory.execute(f"SELECT id, block FROM {quoted(index.name + '_data')} ORDER BY id").fetchall()
        sizes = memory.execute(f"SELECT id, sz FROM {quoted(index.name + '_docsize')}").fetchall()
    return WordIndex(index.name, tuple(blocks), frozenset(sizes))
