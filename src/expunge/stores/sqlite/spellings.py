"""The spellings of values in SQLite: the collation of a column, and a search by ASCII rules that the database makes itself."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence

from expunge.core.datamap.spelling import is_whole
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.stores.sqlite.catalogue import SqliteField, SqliteTable, quoted
from expunge.stores.sqlite.match import bound
from expunge.stores.sqlite.members import RowMembers

PAGE = 4096
"""Rows at a time."""
_SAMPLED, _OFTEN = 4096, 16
"""Entries of an index by which is told whether values repeat; how often each must, so that steps from value to value are quicker."""
_KEEPS_ZEROS = frozenset({"text", "blob", "json"})
"""Affinities of columns that can hold ``7.0`` beside ``7``; the others turn both into one number."""
_COMPARES = frozenset({"Eq", "Ne"})
_EXACT = frozenset({"", "BINARY"})
_FOLDING = re.compile(r"(?i)\b(lower|upper)\s*\(|\bcollate\s+[\"`\[]?nocase")


def equality(connection: sqlite3.Connection, table: SqliteTable, name: str) -> StoreEquality:
    """Return how SQLite compares the values of a field. Raises NotInSqliteSchema."""
    field = table.require(name)
    column = table.column(name)
    rule = _collation(connection, table, field) if column is not None else ""
    unique, unique_folds = _uniqueness(connection, table, column.name) if column is not None else (False, False)
    folds = rule not in _EXACT
    return StoreEquality(folds, rule if folds else "", unique, unique_folds)


def _collation(connection: sqlite3.Connection, table: SqliteTable, field: SqliteField) -> str:
    """The collation of a column, from the program that SQLite compiles for a comparison: no pragma tells it without an index."""
    rows = connection.execute(f"EXPLAIN SELECT +{field.sql} = 'x' FROM {table.sql} AS t").fetchall()
    collations = {str(row[5]).rpartition("-")[0].upper() for row in rows if row[1] in _COMPARES and row[5]}
    return next((each for each in sorted(collations) if each not in _EXACT), "")


def _uniqueness(connection: sqlite3.Connection, table: SqliteTable, column: str) -> tuple[bool, bool]:
    """Whether a key or unique index is over this column alone, and whether one such takes capitals for the same."""
    # Why both: the row's own number has no index, and no capitals.
    unique = folds = table.rowid and table.key == (f"t.{quoted(column)}",)
    for _, name, is_unique, *_, partial in connection.execute(f"PRAGMA main.index_list({quoted(table.name)})").fetchall():
        parts = [row for row in connection.execute(f"PRAGMA main.index_xinfo({quoted(name)})").fetchall() if row[5]]
        if not is_unique or partial or len(parts) != 1:
            continue
        _, _, part, _, collation, _ = parts[0]
        if part is None:
            sql = connection.execute("SELECT sql FROM main.sqlite_schema WHERE type = 'index' AND name = ?", (name,)).fetchone()
            folds |= bool(sql and sql[0] and _FOLDING.search(sql[0]) and column.lower() in sql[0].lower())
        elif part.lower() == column.lower():
            unique = True
            folds |= collation.upper() not in _EXACT
    return unique, folds


def alike(connection: sqlite3.Connection, table: SqliteTable, name: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield (value, held) by the column's own collation, through an index where there is one. Raises NotInSqliteSchema."""
    field = table.require(name)
    if not equality(connection, table, name).folds:
        return
    connection.execute("DROP TABLE IF EXISTS temp.expunge_alike")
    connection.execute("CREATE TEMP TABLE expunge_alike (text TEXT)")
    for value in values:
        form, parameter = bound(value)
        connection.execute(f"INSERT INTO temp.expunge_alike VALUES ({form})", (parameter,))
    found = f"SELECT DISTINCT w.text, {field.text} FROM temp.expunge_alike AS w CROSS JOIN {table.sql} AS t ON {field.sql} = w.text"
    yield from connection.execute(found).fetchall()
    connection.execute("DROP TABLE temp.expunge_alike")


def near(connection: sqlite3.Connection, table: SqliteTable, name: str, texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield values that may be spellings of some texts, from one pass over the column, or its values. Raises NotInSqliteSchema."""
    field = table.require(name)
    connection.execute("DROP TABLE IF EXISTS temp.expunge_near")
    connection.execute("CREATE TEMP TABLE expunge_near (text TEXT PRIMARY KEY) WITHOUT ROWID")
    for text in texts:
        form, parameter = bound(text)
        connection.execute(f"INSERT OR IGNORE INTO temp.expunge_near VALUES ({form})", (parameter,))
    held = field.sql
    # Why COLLATE: the column's own would be taken for the comparison. Why the ends alone: to trim every value takes twice the time.
    close = f"lower({held}) COLLATE BINARY IN (SELECT text FROM temp.expunge_near)"
    beyond = f"length(CAST({held} AS BLOB)) <> length(CAST({held} AS TEXT)) OR unicode({held}) <= 32 OR unicode(substr({held}, -1)) <= 32"
    if field.affinity in _KEEPS_ZEROS and any(map(is_whole, texts)):
        bare = f"rtrim({held}, '0')"
        close += (
            f" OR (substr({held}, -1) = '0' AND substr({bare}, -1) = '.' AND rtrim({bare}, '.') IN (SELECT text FROM temp.expunge_near))"
        )
    cursor = connection.execute(f"SELECT {field.text} FROM {_values(connection, table, name)} AS t WHERE {close} OR {beyond}")
    while rows := cursor.fetchmany(PAGE):
        yield [text for (text,) in rows if text is not None]
    connection.execute("DROP TABLE temp.expunge_near")
    yield from _listed(connection, table, name)


def _values(connection: sqlite3.Connection, table: SqliteTable, name: str) -> str:
    """SQL for the rows of a table; where an index shows that values of the column repeat, for one of each value."""
    column = table.column(name)
    if column is None or table.virtual or column.affinity != "text" or _collation(connection, table, table.require(name)):
        # Why text alone: of numbers that are equal, such as 1 and 1.0, one would stand for both.
        return table.sql
    held = quoted(column.name)
    for index in _exact_indexes(connection, table, column.name):
        entries = f"{table.sql} INDEXED BY {quoted(index)}"
        sample = f"SELECT {held} FROM {entries} WHERE {held} IS NOT NULL ORDER BY {held} LIMIT {_SAMPLED}"
        ((taken, different),) = connection.execute(f"SELECT count(*), count(DISTINCT {held}) FROM ({sample})").fetchall()
        if taken == _SAMPLED and different * _OFTEN <= taken:
            following = f"SELECT min({held}) FROM {entries} WHERE {held} > v"
            steps = f"SELECT min({held}) FROM {entries} UNION ALL SELECT ({following}) FROM each_value WHERE v IS NOT NULL"
            return f"(WITH RECURSIVE each_value (v) AS ({steps}) SELECT v AS {held} FROM each_value)"
    return table.sql


def _exact_indexes(connection: sqlite3.Connection, table: SqliteTable, column: str) -> Iterator[str]:
    """The names of indexes over all rows that begin with a column and compare its values byte by byte."""
    for _, name, _, *_, partial in connection.execute(f"PRAGMA main.index_list({quoted(table.name)})").fetchall():
        first = next(iter(connection.execute(f"PRAGMA main.index_xinfo({quoted(name)})").fetchall()), None)
        if first is not None and not partial and first[2] == column and first[4].upper() in _EXACT:
            yield name


def _listed(connection: sqlite3.Connection, table: SqliteTable, name: str) -> Iterator[Sequence[str]]:
    """The members of lists that cells of a field hold."""
    members = RowMembers(table, [name])
    if members.may_list:
        cursor = connection.execute(f"SELECT {', '.join(members.sql)} FROM {table.sql} AS t WHERE {members.may_list}")
        while rows := cursor.fetchmany(PAGE):
            yield sorted(frozenset().union(*(members.values(cells)[name] for cells in rows)))
