"""Probe for erased subjects by every normal read path, over a connection of its own."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence

from expunge.core.values.copy import Copy, Probed, Selector
from expunge.core.values.timestamps import moment
from expunge.stores.sqlite.catalogue import FullText, SqliteField, SqliteSchema, SqliteTable, quoted
from expunge.stores.sqlite.match import Row, RowReader, SqliteMatcher, decode_key


class SqliteProbe:
    """The read paths of one table: whole scan, each index over a subject field, views, full-text indexes."""

    def __init__(self, connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable) -> None:
        self._connection = connection
        self._schema = schema
        self._table = table

    def look(self, copies: Sequence[Copy]) -> Iterator[Probed]:
        """One answer for each copy.

        Raises:
            sqlite3.Error: the probe could not be made.
            NotInSqliteSchema: a selector's field does not exist.
        """
        selectors = [each.selector or Selector(each.subject, {}) for each in copies]
        matcher = SqliteMatcher(self._connection, self._table, selectors)
        seen: list[set[Row]] = [set() for _ in copies]
        paths = ["table", *self._tables(matcher, seen)]
        self._keys(copies, seen)
        shown, views = self._views(matcher, len(copies))
        listed, indexes = self._full_text(copies)
        for number, copy in enumerate(copies):
            items = max(len(seen[number]), shown[number]) + listed[number]
            yield Probed(copy.subject, items, (*paths, *views, *indexes))

    def _tables(self, matcher: SqliteMatcher, seen: list[set[Row]]) -> Iterator[str]:
        for hit in matcher.everything(how="" if self._table.virtual else " NOT INDEXED"):
            seen[hit.selector].add(hit.key)
        for hit in matcher.listed():
            seen[hit.selector].add(hit.key)
        indexes = [] if self._table.virtual else list(self._schema.indexes(self._table.name))
        for at, field in enumerate(matcher.fields):
            for hit in matcher.scan(at):
                seen[hit.selector].add(hit.key)
            column = self._table.column(field.name)
            for index in indexes:
                if column is not None and index.leading == column.name and not index.partial:
                    for hit in matcher.through(at, index.name):
                        seen[hit.selector].add(hit.key)
                    yield f"index {index.name}"

    def _keys(self, copies: Sequence[Copy], seen: list[set[Row]]) -> None:
        reader = RowReader(self._connection, self._table, copies)
        for number, copy in enumerate(copies):
            seen[number].update(key for key in map(decode_key, copy.keys) if reader.belongs(key, copy.selector))

    # --- views -------------------------------------------------------------------------------------

    def _views(self, matcher: SqliteMatcher, count: int) -> tuple[list[int], list[str]]:
        """How many rows each view still shows of each copy, in those of its columns that are named like a subject field."""
        shown, paths = [0] * count, []
        for view in self._schema.views(self._table.name):
            names = {column.name.lower(): column.name for column in self._schema.columns(view)}
            fields = [(at, names[each.name.lower()]) for at, each in enumerate(matcher.fields) if each.name.lower() in names]
            for at, name in fields:
                text = SqliteField(name, f"t.{quoted(name)}", "blob").text
                sql = (
                    f"SELECT w.selector, count(*) FROM main.{quoted(view)} AS t CROSS JOIN temp.expunge_wanted AS w "
                    f"ON w.field = {at} AND w.text = {text} COLLATE BINARY WHERE typeof(w.value) = 'text' GROUP BY w.selector"
                )
                for number, rows in self._connection.execute(sql):
                    if not matcher.selectors[number].narrowed:
                        shown[number] = max(shown[number], rows)
            counted = list(self._narrowed(view, matcher, names))
            for number, rows in counted:
                shown[number] = max(shown[number], rows)
            fields = [*fields, *((number, view) for number, _ in counted)]
            if fields:
                paths.append(f"view {view}")
        return shown, paths

    def _narrowed(self, view: str, matcher: SqliteMatcher, names: Mapping[str, str]) -> Iterator[tuple[int, int]]:
        """How many rows a view of this table alone shows of selectors that values do not decide alone, where it has all their fields."""
        for number, selector in enumerate(matcher.selectors):
            asked = sorted({*selector.match, *selector.beside})
            if not selector.narrowed or not {each.lower() for each in asked} <= names.keys():
                continue
            if self._schema.reads(view) == {self._table.name}:
                fields = [SqliteField(each, f"t.{quoted(names[each.lower()])}", "blob") for each in asked]
                columns = ", ".join(f"{field.sql}, {field.text}" for field in fields)
                rows = self._connection.execute(f"SELECT {columns} FROM main.{quoted(view)} AS t")
                yield number, sum(_means(selector, asked, row) for row in rows)

    # --- full-text indexes ------------------------------------------------------------------------

    def _full_text(self, copies: Sequence[Copy]) -> tuple[list[int], list[str]]:
        """How many rows an index still returns whose content is gone: by number, and by searching for the subject's values."""
        listed, paths = [0] * len(copies), []
        for index in self._schema.full_text:
            if not index.content or self._schema.named(index.content) != self._table.name:
                continue
            field = self._table.field(index.content_rowid)
            if field is None:
                continue
            paths.append(f"full-text {index.name}")
            gone = f"NOT EXISTS (SELECT 1 FROM {self._table.sql} AS t WHERE {field.sql} = f.rowid)"
            for number, copy in enumerate(copies):
                found = self._by_number(index, field, copy) | self._by_value(index, gone, copy)
                listed[number] += len(found)
        return listed, paths

    def _by_number(self, index: FullText, field: SqliteField, copy: Copy) -> set[int]:
        if index.sizes is None or self._table.key != (field.sql,):
            return set()
        content = f"SELECT 1 FROM {self._table.sql} AS t WHERE {field.sql} = s.{index.docid}"
        sql = f"SELECT s.{index.docid} FROM main.{quoted(index.sizes)} AS s WHERE s.{index.docid} = ? AND NOT EXISTS ({content})"
        return {row[0] for key in copy.keys for row in self._connection.execute(sql, decode_key(key)).fetchall()}

    def _by_value(self, index: FullText, gone: str, copy: Copy) -> set[int]:
        values = {value for wanted in (copy.selector.match.values() if copy.selector else ()) for value in wanted}
        sql = f"SELECT f.rowid FROM {index.sql} AS f WHERE {quoted(index.name)} MATCH ? AND {gone}"
        found: set[int] = set()
        for value in values:
            words = "".join(letter if letter.isalnum() else " " for letter in value).split()
            if query := index.query(words) if words else "":
                found.update(row[0] for row in self._connection.execute(sql, (query,)).fetchall())
        return found


def _means(selector: Selector, names: Sequence[str], row: Row) -> bool:
    """Whether a row, given as stored value and text of each field, is what a selector means."""
    stored, texts = dict(zip(names, row[::2], strict=True)), dict(zip(names, row[1::2], strict=True))
    means = selector.every or any(texts[name] in wanted for name, wanted in selector.match.items())
    return means and selector.admits(lambda name: moment(stored[name]), lambda name: [texts[name]])
