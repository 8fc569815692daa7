"""SQLite databases: one file and those attached to it, each to ``scrubbed``.

Reads go by subject column through any index that serves it. An erasure is one transaction per batch. ``purge`` climbs the ladder of
:mod:`expunge.stores.sqlite.ladder`. Attached databases are files with transactions of their own: no reference and no trigger crosses from
one to another.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import cast

from expunge import descriptors
from expunge.core.datamap.datamap import AboutNobody, ByField, Dataset, Ignore, StoreSpec, Through
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.datamap.mentions import ColumnReference, FoundMentions, MentionQuery
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.ports.optional.file_listing import NameFile, StoreFile
from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import TableFile, WordIndex
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.stores.near import databases
from expunge.stores.reach import file_readers, folder_shares
from expunge.stores.sqlite import content, nominated, spellings
from expunge.stores.sqlite.catalogue import NotInSqliteSchema, SqliteSchema, SqliteTable, quoted
from expunge.stores.sqlite.check import SqliteCheck
from expunge.stores.sqlite.database_file import DatabaseFile
from expunge.stores.sqlite.erase import SqliteEraser
from expunge.stores.sqlite.kind import BUSY_MS
from expunge.stores.sqlite.ladder import climb, in_the_way, room_needed
from expunge.stores.sqlite.leaving import CopyBystanders
from expunge.stores.sqlite.match import Row, RowReader, SqliteMatcher, encode_key, wanted_columns
from expunge.stores.sqlite.mentions import SqliteMentions, references, unfit
from expunge.stores.sqlite.probe import SqliteProbe
from expunge.stores.sqlite.triggers import copying, rewritten, unfollowed
from expunge.stores.sqlite.undeclared import packed_cells, undeclared_tables
from expunge.stores.tables.accepted_triggers import accepted, copied_by
from expunge.stores.tables.selectors import merged, narrowed
from expunge.stores.tables.table_references import TableReferences, chains, refers

OUT_OF_SCOPE = (
    "blocks of the disk that the file system has freed and not overwritten or discarded yet",
    "copies of the database file outside its folder, and backups",
)
_CONTENTLESS = "a contentless full-text index may keep words of what was erased, and nobody can tell: declare it or drop it"


class Sqlite:
    """A store of kind ``sqlite``.

    ``url`` is the path of the database (``sqlite:///`` before it is allowed). Options: ``attach``, a mapping of alias to path (a
    dataset's ``table: alias.name`` lies there; relative paths start at the main database's folder); ``busy_ms``, how long to wait
    for a lock before answering ``Unable`` (default 5000); ``triggers``, a mapping of triggers that may change rows of other people to
    the reasons.
    """

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        """Take the declaration; nothing is opened."""
        self._spec = spec
        self._datasets = datasets
        self._files = _files(spec)
        self._open: dict[tuple[threading.Thread, str], sqlite3.Connection] = {}
        self._guard = threading.Lock()
        self._purged: dict[str, tuple[int, ...]] = {}
        self._schemas: dict[str, tuple[int, frozenset[str], frozenset[tuple[str, str]]]] = {}

    @property
    def capabilities(self) -> Capabilities:
        """``scrubbed`` where files and folders can be written, ``none`` otherwise."""
        able = all(file.writable() for file in self._files.values() if file.path.exists())
        grounding = Grounding.SCRUBBED if able else Grounding.NONE
        found = [self._effects(file) for file in self._files.values()]
        written = frozenset[str]().union(*(each for each, _ in found))
        pairs = tuple(sorted(frozenset[tuple[str, str]]().union(*(each for _, each in found))))
        return Capabilities(grounding, batch=1000, exclusive=True, rewritten=written, refers=pairs, out_of_scope=OUT_OF_SCOPE)

    def _effects(self, file: DatabaseFile) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
        """Datasets in one file that triggers write to (all where that cannot be told), and pairs of which one refers to the other.

        Asked once for each schema.
        """
        declared = [(dataset.name, self._place(dataset)[1]) for dataset in self._datasets if self._place(dataset)[0] is file]
        try:
            connection = self._connection(file)
            (version,) = connection.execute("PRAGMA main.schema_version").fetchone()
            if self._schemas.get(file.alias, (None,))[0] != version:
                schema = SqliteSchema(connection)
                names = {schema.named(table) or table: name for name, table in declared}
                pairs = frozenset(refers(names, schema.references))
                self._schemas[file.alias] = (version, rewritten(connection, declared), pairs)
        except (sqlite3.Error, OSError):
            return frozenset(name for name, _ in declared), frozenset()
        return self._schemas[file.alias][1:]

    # --- looking -----------------------------------------------------------------------------------

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:
        """By modes and access lists of the database's file, exports, shares and mounts."""
        paths = {self._place(each)[0].path for each in self._datasets if each.name in datasets}
        for path in sorted(paths):
            yield from file_readers.ways_to(path)
            yield from folder_shares.shares_of(path)

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the databases with the map."""
        beside = frozenset(each.path.name for each in self._files.values())
        for alias, file in self._files.items():
            declared = [(dataset, self._place(dataset)[1]) for dataset in self._datasets if self._place(dataset)[0] is file]
            if not file.path.exists():
                what, mend = f"the database {alias} does not exist", "correct `url:` or `attach:`, or restore the file"
                yield Finding(FindingKind.MISSING, self._spec.name, str(file.path), what, mend)
                continue
            try:
                findings = list(SqliteCheck(file, self._connection(file), declared, ignored, beside).findings())
            except (sqlite3.Error, OSError) as error:
                unable = file.unable(error)
                kind = FindingKind.PERMISSION if unable.reason is Reason.PERMISSION else FindingKind.UNREADABLE
                findings = [Finding(kind, self._spec.name, str(file.path), unable.detail, "see above, then run `check` again")]
            yield from findings

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """Find rows; one query per subject field for all selectors, by index where there is one."""
        if isinstance(dataset.subject, AboutNobody) and not any(each.every for each in selectors):
            return
        wanted = merged(selectors)
        with self._looking(dataset) as (connection, table):
            bystanders = CopyBystanders(table, dataset, wanted)
            extra = [_size(table), *wanted_columns(table, dataset.follow)]
            width = len(extra)
            found: list[dict[Row, tuple[object, ...]]] = [{} for _ in wanted]
            for hit in SqliteMatcher(connection, table, wanted).hits([*extra, *bystanders.sql]):
                found[hit.selector][hit.key] = hit.extra[:width]
                bystanders.meet(hit.selector, hit.key, hit.extra[width:])
        for number, (selector, rows) in enumerate(zip(wanted, found, strict=True)):
            if rows:
                links = {
                    name: frozenset(str(row[at]) for row in rows.values() if row[at] is not None)
                    for at, name in enumerate(dataset.follow, start=1)
                }
                size = sum(int(str(row[0])) for row in rows.values())
                keys = tuple(encode_key(row) for row in rows)
                shared, others = bystanders.of(number)
                yield Copy(dataset.name, selector.subject, keys, len(keys), size, links, selector, shared, others, lasting=table.numbered)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield rows of bystanders, in pages of the key's sequence."""
        fields = dataset.subject_fields
        with self._looking(dataset) as (connection, table):
            staying = content.SqliteBystanders(connection, table, dataset.name, fields, erased, dataset.follow)
            yield from staying.everybody() if limit is None else staying.a_few(limit)

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether the path is the dataset's database or its log."""
        file, _ = self._place(dataset)
        return path.resolve() in {file.path, file.beside("-wal")}

    def table_files(self, dataset: Dataset) -> Sequence[TableFile]:
        """Return the database with the name that the schema has for the table."""
        file, _ = self._place(dataset)
        with self._looking(dataset) as (_, table):
            return (TableFile(file.path, table.name, computed=lambda: self._computed(dataset), words=lambda: self._words(dataset)),)

    def _computed(self, dataset: Dataset) -> tuple[tuple[Row, Row], ...]:
        """What indexes hold of each row and rows do not, computed anew; nothing where it cannot be."""
        with self._looking(dataset) as (connection, table), suppress(sqlite3.Error):
            return tuple(nominated.computed_values(connection, table))
        return ()

    def _words(self, dataset: Dataset) -> tuple[WordIndex, ...] | None:
        """Each full-text index over the table, made anew; None where one cannot be."""
        with self._looking(dataset) as (connection, table), suppress(sqlite3.Error):
            return nominated.fresh_words(connection, SqliteSchema(connection), table)
        return None

    def returned(self, dataset: Dataset, rows: LiveRows) -> int:
        """Read each by its place."""
        return sum(1 for _ in self.nominated(dataset, (rows,), ()))

    def elsewhere(self, dataset: Dataset) -> Sequence[str]:
        """Nothing but triggers: samples of the planner lie in the database itself."""
        return self.copied_elsewhere(dataset)

    def copied_elsewhere(self, dataset: Dataset) -> tuple[str, ...]:
        """Ask SQLite which tables the deletion touches."""
        with self._looking(dataset) as (connection, table):
            schema, accepting = SqliteSchema(connection), {name.casefold() for name in accepted(self._spec)}
            file = self._place(dataset)[0]
            places = ((each, self._place(each)) for each in self._datasets if isinstance(each.subject, ByField | Through))
            told = {schema.named(name) for _, (where, name) in places if where is file}
            found = [each for each in copying(connection, schema, table) if each[0].casefold() not in accepting and each[1] not in told]
            return copied_by(found)

    def files(self) -> NameFile:
        """Tell the databases and what SQLite keeps beside them from other files that are named like them."""
        own = {file.path for file in self._files.values()}
        own |= {file.beside(ending) for file in self._files.values() for ending in ("-wal", "-shm", "-journal")}
        folders = {path.parent for path in own}

        def name(path: Path) -> StoreFile | None:
            whole = path.parent.resolve() / path.name
            return StoreFile(path.name, whole in own) if whole.parent in folders else None

        return name

    def surroundings(self) -> Iterator[Near]:
        """Yield the databases and the folders that they lie in."""
        yield from databases.surroundings({alias: file.path for alias, file in self._files.items()}, self.files)

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Compare a name of the schema with the dataset's table, with views that show it and with indexes over it."""
        with self._looking(dataset) as (connection, table):
            return nominated.relates(connection, table, relation)

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Read rows by rowid or primary key, many at a time."""
        with self._looking(dataset) as (connection, table):
            bystanders = content.SqliteBystanders(connection, table, dataset.name, dataset.subject_fields, erased, dataset.follow)
            yield from nominated.copies(bystanders, rows)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """One pass over the column."""
        with self._looking(dataset) as (connection, table):
            return content.ages(connection, table, field, _size(table), edges)

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """Read row by row."""
        with self._looking(dataset) as (connection, table):
            return content.names_of(connection, table, copy.keys)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """One pass over both columns."""
        with self._looking(dataset) as (connection, table):
            yield from content.spans(connection, table, by, field)

    def mentions(
        self,
        dataset: Dataset,
        queries: Sequence[MentionQuery],
        aside: Sequence[Copy],
        columns: frozenset[str] | None = None,
        most: int = 0,  # noqa: ARG002 - a table is read by the database itself
    ) -> Iterator[FoundMentions]:
        """One pass over the table."""
        with self._looking(dataset) as (connection, table):
            keys = (key for copy in aside for key in copy.keys)
            yield from SqliteMentions(connection, table, dataset.name).found(queries, keys, columns)

    def column_references(self, dataset: Dataset) -> tuple[ColumnReference, ...]:
        """Those of the schema."""
        with self._looking(dataset) as (connection, table):
            schema, file = SqliteSchema(connection), self._place(dataset)[0]
            places = [(each, self._place(each)) for each in self._datasets]
            tables = {found: each.table for each, (where, name) in places if where is file and (found := schema.named(name))}
            return tuple(references(schema, table, tables))

    def unfit_mentions(self, dataset: Dataset) -> tuple[tuple[str, str, str], ...]:
        """Held against the schema."""
        with self._looking(dataset) as (connection, table):
            return tuple(unfit(connection, SqliteSchema(connection), table, dataset))

    def undeclared_tables(self, ignored: Sequence[Ignore]) -> Iterator[UndeclaredTable]:
        """Ordinary tables of every attached file; full-text indexes and what modules keep are text, which the scan reads."""
        for file in self._files.values():
            if file.path.exists():
                declared = [self._place(dataset)[1] for dataset in self._datasets if self._place(dataset)[0] is file]
                with file.looking(file.where):
                    yield from undeclared_tables(SqliteSchema(self._connection(file)), self._spec.name, file.alias, declared, ignored)

    def packed_cells(self, least: int) -> Iterator[tuple[str, bytes]]:
        """Of ordinary tables: what modules keep, as for full-text indexes, is their own."""
        about_nobody = [each for each in self._datasets if isinstance(each.subject, AboutNobody)]
        for dataset in (*(each.dataset for each in self.undeclared_tables(())), *about_nobody):
            file, name = self._place(dataset)
            if file.path.exists():
                with file.looking(file.where):
                    for column, value in packed_cells(self._connection(file), name, least):
                        yield f"{dataset.table}.{column}", value

    def lacking_fields(self, dataset: Dataset) -> tuple[str, ...]:
        """Held against the table's columns."""
        with self._looking(dataset) as (_, table):
            return tuple(name for name in dict.fromkeys((*dataset.subject_fields, *dataset.follow)) if table.field(name) is None)

    def uncovered_references(self, dataset: Dataset, copies: Sequence[Copy]) -> tuple[str, ...]:
        """By the schema's foreign keys."""
        with self._looking(dataset) as (connection, table):
            return self._eraser(connection, dataset, table.name, copies).uncovered(copies)

    def binding_references(
        self, dataset: Dataset, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]
    ) -> Mapping[Pseudonym, Unable]:
        """By the schema's foreign keys, cascades followed to their end."""
        with self._looking(dataset) as (connection, table):
            return self._eraser(connection, dataset, table.name, copies).referred(copies, going)

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """One pass over the column."""
        with self._looking(dataset) as (connection, table):
            yield from content.named(connection, table, field)

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:
        """By the collation of the column."""
        with self._looking(dataset) as (connection, table):
            return spellings.equality(connection, table, field)

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
        """By the collation of the column, through an index where there is one."""
        with self._looking(dataset) as (connection, table):
            yield from spellings.alike(connection, table, field, values)

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """One pass over the column, inside the database."""
        with self._looking(dataset) as (connection, table):
            yield from content.named(connection, table, field) if texts is None else spellings.near(connection, table, field, texts)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """The rows as JSON lines, BLOBs as files of their own."""
        with self._looking(dataset) as (connection, table):
            yield from content.export(dataset.name, copy, RowReader(connection, table, [copy]))

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Hand over every column of every row."""
        with self._looking(dataset) as (connection, table):
            content.trace(dataset, copies, table, RowReader(connection, table, copies), tracer)

    def schema_words(self) -> Iterator[str]:
        """Names of tables, columns, indexes and triggers, defaults of columns, and the values that checks list; of every attached file."""
        for file in self._files.values():
            if file.path.exists():
                with file.looking(file.where), closing(file.connect()) as connection:
                    yield from SqliteSchema(connection).words()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Look by table, index, view and full-text search over a new connection."""
        file, name = self._place(dataset)
        try:
            with closing(file.connect()) as connection:
                schema = SqliteSchema(connection)
                answers = list(SqliteProbe(connection, schema, schema.require(name)).look(copies))
        except (sqlite3.Error, OSError) as error:
            answers = _could_not(copies, file.unable(error).detail)
        except NotInSqliteSchema as error:
            answers = _could_not(copies, f"dataset {dataset.name}: {error.what} does not exist")
        yield from answers

    def raw(self) -> Iterator[RawSource]:
        """The database files and all files named like them: logs, journals, copies. Temporary files lie there too, unnamed."""
        seen = set()
        for file in self._files.values():
            for source in file.sources():
                if source.path not in seen:
                    seen.add(source.path)
                    yield source

    # --- erasing -----------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Rights, room to rewrite the file, a writer in the way, missing columns, triggers that cannot run, cascades into kept items."""
        file, name = self._place(dataset)
        try:
            connection = self._connection(file)
            if not file.writable():
                return (file.read_only(),)
            troubles = []
            if shutil.disk_usage(file.path.parent).free < (need := room_needed(file)):
                detail = f"{file.where}: rewriting the database needs {need >> 20} MiB free beside it"
                troubles.append(Unable(Reason.DISK_FULL, detail))
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            eraser = self._eraser(connection, dataset, name, copies)
            eraser.compile()
            named = {field for copy in copies if copy.selector is not None for field in copy.selector.match}
            wanted_columns(SqliteSchema(connection).require(name), sorted(named))
            return (*troubles, *self._takes_along(SqliteSchema(connection), file, name, kept))
        except (sqlite3.Error, OSError) as error:
            return (file.unable(error),)
        except NotInSqliteSchema as error:
            return (_schema_changed(dataset, error),)

    def _takes_along(self, schema: SqliteSchema, file: DatabaseFile, table: str, kept: Sequence[Copy]) -> list[Unable]:
        """Kept items of tables that the schema's ``ON DELETE`` would change together with this one's rows."""
        reached = {chain[-1].child.casefold() for chain in chains(table, schema.references) if chain[-1].acts}
        names = {each.dataset for each in kept}
        places = {dataset.name: self._place(dataset) for dataset in self._datasets if dataset.name in names}
        taken = [name for name, (where, child) in places.items() if where is file and child.casefold() in reached]
        return [Unable(Reason.REFERENCED, f"the schema's ON DELETE would reach items of {name} that are kept") for name in taken]

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Each database file that something goes from is read and written again as a whole (VACUUM)."""
        files = {self._place(dataset)[0] for dataset in self._datasets if copies.get(dataset.name)}
        size = sum(file.path.stat().st_size for file in files if file.path.exists())
        return Cost(size, len(files), size)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - idempotent in effect
        """Delete the rows in one transaction. Rows that are gone already answer ``Absent``, so that any key may come twice."""
        file, name = self._place(dataset)
        try:
            connection = self._connection(file)
            if not file.writable():
                # A read-only database lets a write transaction begin and fails only at its first write.
                return {copy.subject: file.read_only() for copy in copies}
            return self._eraser(connection, dataset, name, copies).erase(copies)
        except sqlite3.OperationalError as error:
            mine = self._open.get((threading.current_thread(), file.alias))
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            unable = Unable(*in_the_way(file, mine)) if busy and mine is not None else file.unable(error)
        except (sqlite3.Error, OSError) as error:
            unable = file.unable(error)
        except NotInSqliteSchema as error:
            unable = _schema_changed(dataset, error)
        return {copy.subject: unable for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - idempotent in effect
        """Climb the ladder over each file that one of the datasets lies in."""
        done = 0
        for file in dict.fromkeys(self._place(dataset)[0] for dataset in datasets):
            outcome = self._purge(file)
            if isinstance(outcome, Unable):
                return outcome
            done += outcome.items if isinstance(outcome, Erased) else 0
        return Erased(done) if done else Absent()

    def _purge(self, file: DatabaseFile) -> Outcome:
        try:
            if file.alias in self._purged and self._purged[file.alias] == file.state():
                return Absent()
            with closing(file.connect()) as connection:
                outcome = climb(file, connection)
                unfollowed = self._unfollowed(file, connection)
            if unfollowed and not isinstance(outcome, Unable):
                return Unable(Reason.UNSUPPORTED, f"{file.where}: {_CONTENTLESS} ({', '.join(unfollowed)})")
            if isinstance(outcome, Erased):
                self._purged[file.alias] = file.state()
        except (sqlite3.Error, OSError) as error:
            return file.unable(error)
        return outcome

    def _unfollowed(self, file: DatabaseFile, connection: sqlite3.Connection) -> tuple[str, ...]:
        declared = [self._place(dataset)[1] for dataset in self._datasets if self._place(dataset)[0] is file]
        return unfollowed(connection, SqliteSchema(connection), declared)

    def close(self) -> None:
        """Close the connections."""
        with self._guard:
            while self._open:
                self._open.popitem()[1].close()
        descriptors.close_idle()

    # --- places ------------------------------------------------------------------------------------

    def _place(self, dataset: Dataset) -> tuple[DatabaseFile, str]:
        """The file that a dataset's table lies in, and the table's name there."""
        alias, dot, name = dataset.table.partition(".")
        if dot and alias.lower() in self._files:
            return self._files[alias.lower()], name
        return self._files["main"], dataset.table

    def _connection(self, file: DatabaseFile) -> sqlite3.Connection:
        # Why one for each thread: temporary tables are a connection's, and two threads that make the same query would run one statement.
        mine = threading.current_thread(), file.alias
        with self._guard:
            if mine in self._open:
                return self._open[mine]
            for ended in [each for each in self._open if not each[0].is_alive()]:
                self._open.pop(ended).close()
        made = file.connect()
        with self._guard:
            self._open[mine] = made
        return made

    @contextmanager
    def _looking(self, dataset: Dataset) -> Iterator[tuple[sqlite3.Connection, SqliteTable]]:
        """The connection and table of a dataset, with trouble turned into the errors that the port names."""
        file, name = self._place(dataset)
        with file.looking(f"dataset {dataset.name}"):
            connection = self._connection(file)
            try:
                yield connection, SqliteSchema(connection).require(name)
            except NotInSqliteSchema as error:
                message = f"dataset {dataset.name}: {error.what} does not exist in {file.where}"
                raise CouldNotLook(message, help="correct the map; `expunge check` lists what does not fit") from error

    def _eraser(self, connection: sqlite3.Connection, dataset: Dataset, name: str, copies: Sequence[Copy]) -> SqliteEraser:
        schema = SqliteSchema(connection)
        file = self._place(dataset)[0]
        places = [(each, self._place(each)) for each in self._datasets]
        others = {schema.named(table) or table: each for each, (where, table) in places if where is file}
        family = TableReferences(dataset, others, narrowed=narrowed(copies))
        return SqliteEraser(connection, schema.require(name), family, accepted(self._spec))


def _files(spec: StoreSpec) -> dict[str, DatabaseFile]:
    """The main database and the attached ones, by alias."""
    attach, busy = cast("Mapping[str, str]", spec.options.get("attach", {})), int(str(spec.options.get("busy_ms", BUSY_MS)))
    main = Path(spec.url.removeprefix("sqlite:///"))
    paths = {"main": main, **{alias.lower(): main.parent / path for alias, path in attach.items()}}
    return {alias: DatabaseFile(spec.name, alias, path, busy) for alias, path in paths.items()}


def _size(table: SqliteTable) -> str:
    """SQL for the bytes of a row's values."""
    function = "octet_length" if sqlite3.sqlite_version_info >= (3, 43) else "length"
    return "+".join(f"coalesce({function}(t.{quoted(column.name)}), 0)" for column in table.columns)


def _could_not(copies: Sequence[Copy], why: str) -> list[Probed]:
    return [Probed(copy.subject, 0, (), why) for copy in copies]


def _schema_changed(dataset: Dataset, error: NotInSqliteSchema) -> Unable:
    return Unable(Reason.SCHEMA_CHANGED, f"dataset {dataset.name}: {error.what} does not exist; correct the map and plan again")
