"""Find identifiers that fill cells of other people's rows, or stand inside them, and take them out as the map says."""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.listed_values import listed
from expunge.core.datamap.mentions import LONGEST_PHONE, ColumnReference, FoundMentions, MentionAct, MentionQuery, MentionRule
from expunge.core.values.ids import Pseudonym
from expunge.stores.sqlite.catalogue import NotInSqliteSchema, SqliteColumn, SqliteSchema, SqliteTable, literal, quoted
from expunge.stores.sqlite.match import Row, bound, encode_key, typed_forms
from expunge.stores.tables.named_rows import Cell, count

_ANY = ""
"""Stands in the temporary table for values that count in every column."""
_NUMERIC = frozenset({"integer", "real"})
_BLANKS = "' ' || char(9, 10, 11, 12, 13)"
_FEW = 20
"""Up to so many values SQLite itself looks for each inside the text; beyond, all are looked for at once by a function."""


@dataclass(frozen=True)
class SqliteMentions:
    """The mentions in one table."""

    connection: sqlite3.Connection
    table: SqliteTable
    dataset: str

    def found(self, queries: Sequence[MentionQuery], aside: Iterable[str], columns: frozenset[str] | None) -> Iterator[FoundMentions]:
        """Count the rows by person, column and form; keys ``aside`` are not counted.

        Raises:
            NotInSqliteSchema: when one of the columns does not exist.
        """
        looked = self.table.columns if columns is None else tuple(self._column(name) for name in sorted(columns))
        if not looked or not queries:
            return
        self._load(queries)
        inside = sorted({value for query in queries for value in query.needles()})
        folding, phones = any(query.folded for query in queries), any(query.phones for query in queries)
        elements = frozenset[str]().union(*(query.listed for query in queries))
        if elements:
            few = elements if len(elements) <= _FEW else None
            self.connection.create_function("expunge_lists", 1, lambda cell: _lists(cell, elements, few), deterministic=True)
        rows = self.connection.execute(*self._query(looked, inside, folding=folding, phones=phones, lists=bool(elements)))
        yield from count((self._named(row, looked) for row in rows), queries, aside)

    def _named(self, row: Row, looked: Sequence[SqliteColumn]) -> tuple[str, list[Cell]]:
        width = len(self.table.key)
        cells = []
        for at, column in enumerate(looked):
            met, text = row[width + 2 * at : width + 2 * at + 2]
            if text is not None:
                cells.append(Cell(column.name, str(text), bool(met), column.affinity not in _NUMERIC))
        return encode_key(row[:width]), cells

    def _column(self, name: str) -> SqliteColumn:
        found = self.table.column(name)
        if found is None:
            raise NotInSqliteSchema("column " + name)
        return found

    def _load(self, queries: Sequence[MentionQuery]) -> None:
        self.connection.execute("DROP TABLE IF EXISTS temp.expunge_mentioned")
        self.connection.execute("CREATE TEMP TABLE expunge_mentioned (field TEXT, value, PRIMARY KEY (field, value)) WITHOUT ROWID")
        for query in queries:
            self._insert(_ANY, query.anywhere)
            for column, values in query.bound.items():
                self._insert(column.casefold(), values)
        self.connection.execute("DROP TABLE IF EXISTS temp.expunge_folded")
        self.connection.execute("CREATE TEMP TABLE expunge_folded (value TEXT PRIMARY KEY) WITHOUT ROWID")
        for value in {value for query in queries for value in query.folded}:
            form, parameter = bound(value)
            self.connection.execute(f"INSERT OR IGNORE INTO temp.expunge_folded VALUES ({form})", (parameter,))
        self.connection.execute("DROP TABLE IF EXISTS temp.expunge_endings")
        self.connection.execute("CREATE TEMP TABLE expunge_endings (value TEXT PRIMARY KEY) WITHOUT ROWID")
        endings = {value for query in queries for value in query.endings()}
        self.connection.executemany("INSERT INTO temp.expunge_endings VALUES (?)", [(value,) for value in endings])

    def _insert(self, field: str, values: Iterable[str]) -> None:
        by_form: dict[str, list[tuple[str, object]]] = {}
        for value in values:
            for typed in typed_forms(value):
                form, parameter = bound(typed)
                by_form.setdefault(form, []).append((field, parameter))
        # Why together: the hashes of many people are many values.
        for form, rows in by_form.items():
            self.connection.executemany(f"INSERT OR IGNORE INTO temp.expunge_mentioned VALUES (?, {form})", rows)

    def _query(
        self, looked: Sequence[SqliteColumn], inside: Sequence[str], *, folding: bool, phones: bool, lists: bool
    ) -> tuple[str, Sequence[str]]:
        """SQL for the rows in which anything is met: key, and of each column whether an identifier fills it, and its text."""
        shown, conditions = [*self.table.key], list[str]()
        parameters: list[str] = []
        for column in looked:
            filled = self._filled(column)
            if folding and column.affinity not in _NUMERIC:
                # Why COLLATE: the column's own would be taken for the comparison.
                alike = f"lower(trim(t.{quoted(column.name)}, {_BLANKS})) COLLATE BINARY IN (SELECT value FROM temp.expunge_folded)"
                filled = f"({filled} OR {alike})"
            shown += (filled, f"CAST(t.{quoted(column.name)} AS TEXT)")
            conditions.append(filled)
            if phones:
                conditions.append(_ends_alike(column))
            if lists:
                conditions.append(f"(typeof(t.{quoted(column.name)}) IN ('text', 'blob') AND expunge_lists(t.{quoted(column.name)}))")
            if inside and column.affinity not in _NUMERIC:
                conditions.append(f"({self._holding(column, inside)})")
                parameters += inside if len(inside) <= _FEW else ()
        return f"SELECT {', '.join(shown)} FROM {self.table.sql} AS t WHERE {' OR '.join(conditions)}", parameters

    @staticmethod
    def _filled(column: SqliteColumn, alias: str = "t") -> str:
        """SQL: an identifier fills the cell, compared as the column's affinity and collation have it."""
        wanted = f"SELECT value FROM temp.expunge_mentioned WHERE field IN ('{_ANY}', {literal(column.name.casefold())})"
        return f"({alias}.{quoted(column.name)} IN ({wanted}))"

    def _holding(self, column: SqliteColumn, inside: Sequence[str]) -> str:
        text = f"CAST(t.{quoted(column.name)} AS TEXT)"
        if len(inside) <= _FEW:
            return " OR ".join([f"instr({text}, ?)"] * len(inside))
        values = tuple(inside)
        self.connection.create_function(
            "expunge_holds", 1, lambda cell: cell is not None and any(value in cell for value in values), deterministic=True
        )
        return f"expunge_holds({text})"

    # --- taking them out -----------------------------------------------------------------------------

    def expected(self, rules: Mapping[str, MentionRule], names: Iterable[str]) -> dict[str, str]:
        """Return the columns that :meth:`release` changes, each with SQL for what it makes of a cell, over ``OLD`` and ``NEW``.

        Raises:
            NotInSqliteSchema: when one of the columns does not exist.
        """
        # Why now: the SQL asks the table for which identifiers are taken out.
        self._load([])
        found = {}
        for name in names:
            rule, column = rules[name], self._column(name)
            value = literal(rule.value) if rule.act is MentionAct.REPLACE else "NULL"
            found[column.name] = f"NEW.{quoted(column.name)} IS {value} AND {self._filled(column, 'OLD')}"
        return found

    def release(self, rules: Mapping[str, MentionRule], mentions: Mapping[str, frozenset[str]]) -> int:
        """Set the cells as the rules say, in rows that are not doomed; inside a transaction. Return the number of cells.

        Raises:
            sqlite3.IntegrityError: when a constraint or trigger refuses it.
        """
        changed = 0
        key = ", ".join(each.removeprefix("t.") for each in self.table.key)
        doomed = ", ".join(f"k{at}" for at in range(len(self.table.key)))
        for name, values in mentions.items():
            rule, column = rules[name], self._column(name)
            self._load([MentionQuery(Pseudonym(""), values)])
            form, parameter = bound(rule.value) if rule.act is MentionAct.REPLACE else ("NULL", None)
            sql = (
                f"UPDATE {self.table.sql} AS t SET {quoted(column.name)} = {form} WHERE {self._filled(column)} "
                f"AND ({key}) NOT IN (SELECT {doomed} FROM temp.expunge_doomed)"
            )
            changed += self.connection.execute(sql, () if parameter is None else (parameter,)).rowcount
        return changed


def _lists(cell: object, elements: Collection[str], few: Collection[str] | None) -> bool:
    """Return whether a list that fills a cell has one of some elements; a ``few`` of them are first looked for as text."""
    text = cell.decode(errors="replace") if isinstance(cell, bytes) else cell
    if not isinstance(text, str) or (few is not None and not any(each in text for each in few)):
        return False
    return any(value in elements for _, value in listed(text))


def _ends_alike(column: SqliteColumn) -> str:
    """SQL: the cell ends in the digits of a telephone number, whatever stands between them."""
    text = digits = f"CAST(t.{quoted(column.name)} AS TEXT)"
    for separator in ("' '", "'-'", "'.'", "'/'", "'('", "')'", "char(160)", "char(8209)", "char(8211)"):
        digits = f"replace({digits}, {separator}, '')"
    # Why COLLATE: the column's own would be taken for the comparison.
    alike = f"substr({digits}, -7) COLLATE BINARY IN (SELECT value FROM temp.expunge_endings)"
    return f"(length({text}) <= {LONGEST_PHONE} AND {alike})"


def references(schema: SqliteSchema, table: SqliteTable, tables: Mapping[str, str]) -> Iterator[ColumnReference]:
    """The foreign keys of one column out of a table; ``tables`` maps names as the schema has them to names of the map."""
    for parent, named in tables.items():
        for reference in schema.references(parent):
            if reference.child == table.name and len(reference.columns) == 1:
                ((child, field),) = reference.columns
                yield ColumnReference(child, named, field, emptied=reference.acts and not reference.cascades)


def unfit(connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, dataset: Dataset) -> Iterator[tuple[str, str, str]]:
    """Each rule that the schema does not let be carried out: column, fault, correction."""
    for name, rule in dataset.mentions.items():
        column = table.column(name)
        if column is None:
            yield name, "is no column of it", "correct `mentions:`"
        elif rule.releases:
            why = _unfit(connection, schema, table, column, rule)
            if why:
                yield name, *why


def _unfit(
    connection: sqlite3.Connection, schema: SqliteSchema, table: SqliteTable, column: SqliteColumn, rule: MentionRule
) -> tuple[str, str] | None:
    info = connection.execute(f"PRAGMA main.table_xinfo({quoted(table.name)})").fetchall()
    not_null, hidden = next(((bool(row[3]), row[6]) for row in info if row[1] == column.name), (False, 0))
    if column.primary:
        return "is a part of the primary key", f"mentions: {{{column.name}: keep}}, or declare it in `subject:`"
    if hidden in {2, 3}:
        return "is computed from other columns", "mentions of those columns"
    if rule.act is MentionAct.NULL:
        replace = f"mentions: {{{column.name}: {{replace: VALUE}}}}"
        return ("takes no null (NOT NULL)", replace) if not_null else None
    unique = [index for index in _unique(connection, table) if column.name in index]
    if unique:
        return "has to be unique, so that one value cannot stand for several people", f"mentions: {{{column.name}: null}}"
    for parent in schema.kinds:
        for reference in schema.references(parent):
            if reference.child == table.name and any(child == column.name for child, _ in reference.columns):
                to = next(field for child, field in reference.columns if child == column.name)
                form, value = bound(rule.value)
                sql = f"SELECT 1 FROM main.{quoted(parent)} WHERE {quoted(to)} = {form} LIMIT 1"
                if connection.execute(sql, (value,)).fetchone() is None:
                    return f"refers to {parent}, which has no such {to}", f"insert that row into {parent}, or another value"
    return None


def _unique(connection: sqlite3.Connection, table: SqliteTable) -> Iterator[frozenset[str]]:
    """The columns of each unique index."""
    for row in connection.execute(f"PRAGMA main.index_list({quoted(table.name)})").fetchall():
        if row[2]:
            parts = connection.execute(f"PRAGMA main.index_info({quoted(row[1])})").fetchall()
            yield frozenset(part[2] or "" for part in parts)
