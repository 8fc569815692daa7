"""Compare a database with the map."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from expunge.core.datamap.datamap import Dataset, Ignore, Shared
from expunge.core.values.copy import Finding, FindingKind
from expunge.stores.sqlite.catalogue import SqliteSchema, SqliteTable, module_of, quoted
from expunge.stores.sqlite.database_file import DatabaseFile
from expunge.stores.sqlite.erase import SqliteEraser
from expunge.stores.sqlite.triggers import unfollowed
from expunge.stores.tables.declared_views import view_mend
from expunge.stores.tables.table_references import TableReferences
from expunge.stores.tables.undeclared import LONGEST_LISTED, MOST_LISTED, reference_line


@dataclass(frozen=True)
class SqliteCheck:
    """One open database file and the datasets that lie in it."""

    file: DatabaseFile
    connection: sqlite3.Connection
    declared: Sequence[tuple[Dataset, str]]
    """Datasets with the name of their table in this file."""
    ignored: Sequence[Ignore]
    others: frozenset[str]
    """Names of files beside this one that the store declares as well."""

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or undeclared."""
        schema = SqliteSchema(self.connection)
        if not self.file.writable():
            yield self._finding(
                FindingKind.PERMISSION, "", "the database or its folder cannot be written", "give this process write access"
            )
        for dataset, name in self.declared:
            yield from self._dataset(schema, dataset, name)
        yield from self._undeclared(schema)
        yield from self._beside()

    def _dataset(self, schema: SqliteSchema, dataset: Dataset, name: str) -> Iterator[Finding]:
        table = schema.table(name)
        if table is None:
            view = schema.named(name) is not None
            kind = FindingKind.UNSUPPORTED if view else FindingKind.MISSING
            what = (
                f"dataset {dataset.name}: it is a view, nothing can be deleted from it"
                if view
                else f"dataset {dataset.name}: no such table"
            )
            mend = view_mend(sorted(schema.reads(schema.named(name) or name))) if view else "correct `table:` or remove the dataset"
            yield self._finding(kind, name, what, mend)
            return
        yield from self._subject(dataset, table)
        for field in dataset.follow:
            if table.field(field) is None:
                what = f"dataset {dataset.name}: other datasets follow {field}, which is no column of it"
                yield self._finding(FindingKind.SUBJECT_PATH, name, what, "correct `via:`, `key:` or `also:`")
        if dataset.shared is Shared.MUTE:
            what = f"dataset {dataset.name}: rows cannot be muted"
            yield self._finding(FindingKind.UNSUPPORTED, name, what, "write `shared: erase` or `shared: keep`")
        yield from self._deletable(schema, dataset, table)

    def _subject(self, dataset: Dataset, table: SqliteTable) -> Iterator[Finding]:
        for field in dataset.subject_fields:
            if table.field(field) is None:
                what = f"dataset {dataset.name}: the subject path names {field}, which is no column of it"
                yield self._finding(FindingKind.SUBJECT_PATH, table.name, what, "correct `subject:`")

    def _deletable(self, schema: SqliteSchema, dataset: Dataset, table: SqliteTable) -> Iterator[Finding]:
        for index in schema.full_text:
            if index.name == table.name and index.content == "" and "contentless_delete" not in schema.sql[index.name].lower():
                what = f"dataset {dataset.name}: a contentless full-text index cannot give up single rows"
                yield self._finding(FindingKind.UNSUPPORTED, table.name, what, "make it anew with contentless_delete=1")
        try:
            SqliteEraser(self.connection, table, TableReferences(dataset, {})).compile()
        except sqlite3.Error as error:
            unable = self.file.unable(error)
            what = f"dataset {dataset.name}: deleting would fail: {unable.detail}"
            yield self._finding(FindingKind.UNSUPPORTED, table.name, what, "change the trigger, index or reference that stands in the way")

    # --- what nobody declared ---------------------------------------------------------------------

    def _undeclared(self, schema: SqliteSchema) -> Iterator[Finding]:
        known = {table.name for _, name in self.declared if (table := schema.table(name)) is not None}
        known |= {name for name in schema.kinds if self._is_ignored(name)}
        known |= self._kept_in_step(schema)
        for name, (kind, _) in schema.kinds.items():
            if kind in {"table", "virtual"} and not self._covered(schema, name, known):
                what = "no dataset declares this table" if kind == "table" else self._of_virtual(schema, name)
                mend = "declare it under `datasets:`, or under `ignore:` with a reason"
                if kind == "table" and self._lists_values(schema, name):
                    mend += f"; {reference_line(self.file.store, name, name)}"
                yield self._finding(FindingKind.UNDECLARED, name, what, mend)

    def _lists_values(self, schema: SqliteSchema, name: str) -> bool:
        """Return whether a table looks like a list: not many rows, and short texts in some column, each in one row."""
        table = schema.require(name)
        some = f"(SELECT * FROM {table.sql} LIMIT {MOST_LISTED + 1})"  # noqa: S608 - names come from the catalogue and are quoted
        for column in table.columns:
            value = quoted(column.name)
            asked = f"count(*), count(DISTINCT {value}), max(length(CAST({value} AS BLOB))), sum(typeof({value}) = 'text')"
            rows, different, longest, texts = self.connection.execute(f"SELECT {asked} FROM {some}").fetchone()  # noqa: S608 - as above
            if 1 < rows <= MOST_LISTED and rows == different == texts and longest <= LONGEST_LISTED:
                return True
        return False

    def _kept_in_step(self, schema: SqliteSchema) -> set[str]:
        """The contentless full-text indexes that nothing has to be said about."""
        try:
            silent = unfollowed(self.connection, schema, [name for _, name in self.declared])
        except sqlite3.Error:
            return set()
        return {each.name for each in schema.full_text if each.content == ""} - set(silent)

    def _covered(self, schema: SqliteSchema, name: str, known: set[str]) -> bool:
        if name in known:
            return True
        module, arguments = module_of(schema.sql.get(name, ""))
        if module in {"fts5vocab", "fts4aux"} and arguments:
            over = arguments[-2 if module == "fts5vocab" else -1].strip("'\"`[] ")
            return (found := schema.named(over)) is not None and self._covered(schema, found, known)
        index = next((each for each in schema.full_text if each.name == name), None)
        if index is None or not index.content:
            return False
        content = schema.named(index.content)
        if content is None:
            return False
        reads = schema.reads(content) if schema.kinds[content][0] == "view" else frozenset({content})
        return bool(reads) and reads <= known

    @staticmethod
    def _of_virtual(schema: SqliteSchema, name: str) -> str:
        index = next((each for each in schema.full_text if each.name == name), None)
        if index is None:
            return "no dataset declares this virtual table"
        if index.content:
            return "a full-text index over a table that no dataset declares"
        if index.content == "":
            return "a contentless full-text index that no dataset declares: it may keep words of people who were erased"
        return (
            "a full-text index with words of its own that no dataset declares (`subject: {through: ..., via: rowid}` follows row numbers)"
        )

    def _is_ignored(self, name: str) -> bool:
        names = (name, f"{self.file.alias}.{name}")
        return any(each.store == self.file.store and fnmatchcase(one, each.pattern) for each in self.ignored for one in names)

    def _beside(self) -> Iterator[Finding]:
        for source in self.file.sources():
            name = source.path.name
            if source.role in {"old version", "log"} and name not in self.others and not self._is_ignored(name):
                kind = "a log" if source.role == "log" else "a copy or backup"
                what = f"a file beside the database that is named like it: {kind} that no dataset declares"
                yield Finding(
                    FindingKind.UNDECLARED, self.file.store, str(source.path), what, "remove it, declare it, or `ignore:` it with a reason"
                )

    def _finding(self, kind: FindingKind, table: str, what: str, mend: str) -> Finding:
        where = f"{self.file.path}" + (f": {table}" if table else "")
        return Finding(kind, self.file.store, where, what, mend)
