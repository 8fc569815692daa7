"""Keep full-text indexes in step that no trigger keeps, and remove the words of deleted rows from them."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from expunge.stores.sqlite.catalogue import FullText, SqliteSchema, SqliteTable, quoted
from expunge.stores.sqlite.match import Row


@dataclass(frozen=True)
class FollowedIndex:
    """An index over a table, with the numbers by which it knows the rows that are about to go."""

    connection: sqlite3.Connection
    index: FullText
    numbers: tuple[int, ...] | None
    """None when only the index itself can tell (it indexes a view)."""

    def follow(self) -> None:
        """Rebuild the index if it still lists a deleted row: then no trigger updated it."""
        if self.numbers != () and self._behind():
            self.connection.execute(self.index.command("rebuild"))

    def _behind(self) -> bool:
        if self.index.sizes is None:
            return True
        if self.numbers is None:
            return has_orphans(self.connection, self.index)
        sql = f"SELECT 1 FROM main.{quoted(self.index.sizes)} WHERE {self.index.docid} = ?"
        return any(self.connection.execute(sql, (number,)).fetchall() for number in self.numbers)


def indexes_over(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, going: Sequence[Row]) -> Iterator[FollowedIndex]:
    """The indexes whose text lies in ``table`` or in a view that reads it; ask before the rows go."""
    for index in schema.full_text:
        if not index.content:
            continue
        if schema.named(index.content) == table.name:
            yield FollowedIndex(connection, index, tuple(_numbers(connection, table, index, going)))
        elif table.name in schema.reads(index.content):
            yield FollowedIndex(connection, index, None)


def indexed_with(schema: SqliteSchema, table: SqliteTable, columns: Collection[str]) -> Iterator[FullText]:
    """The indexes over ``table``, or over a view that reads it, that take in one of some columns."""
    wanted = {column.casefold() for column in columns}
    for index in schema.full_text if wanted else ():
        content = schema.named(index.content) if index.content else None
        taken = wanted & {column.name.casefold() for column in schema.columns(index.name)} if content == table.name else wanted
        if content is not None and taken and (content == table.name or table.name in schema.reads(content)):
            yield index


def _numbers(connection: sqlite3.Connection, table: SqliteTable, index: FullText, going: Sequence[Row]) -> Iterator[int]:
    field = table.field(index.content_rowid)
    if field is None:
        return
    if table.key == (field.sql,):
        yield from (key[0] for key in going)
        return
    where = " AND ".join(f"{name} = ?" for name in table.key)
    for key in going:
        yield from (row[0] for row in connection.execute(f"SELECT {field.sql} FROM {table.sql} AS t WHERE {where}", key).fetchall())


def has_orphans(connection: sqlite3.Connection, index: FullText) -> bool:
    """Return whether the index lists rows whose content is gone."""
    sql = index.orphans()
    return sql is not None and connection.execute(f"{sql} LIMIT 1").fetchone() is not None


def merge_all(connection: sqlite3.Connection, schema: SqliteSchema) -> int:
    """Merge every index into one segment, which drops the words of deleted rows; those that lost step are rebuilt first.

    A deletion only adds a mark that cancels the words; word and mark lie in the index until segments merge.
    Returns how many indexes there are.
    """
    for index in schema.full_text:
        if has_orphans(connection, index):
            connection.execute(index.command("rebuild"))
        connection.execute(index.command("optimize"))
    return len(schema.full_text)


def renumbered(connection: sqlite3.Connection, schema: SqliteSchema) -> int:
    """Rebuild the indexes over tables whose rowids VACUUM may have changed; return their number."""
    moved = 0
    for index in schema.full_text:
        table = schema.table(index.content) if index.content else None
        if table is not None and not table.numbered and index.content_rowid == "rowid":
            connection.execute(index.command("rebuild"))
            moved += 1
    return moved
