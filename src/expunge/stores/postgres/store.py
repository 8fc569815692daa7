"""PostgreSQL databases, server 15 and newer: to ``scrubbed`` where the server's files and enough rights are at hand, else to ``removed``.

Reads go by subject column through any index that serves it. All values of a call reach the server by COPY, which no server logs. An erasure
is one transaction per batch. ``purge`` climbs the ladder of :mod:`expunge.stores.postgres.ladder.ladder_climb`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path

import psycopg

from expunge.core.datamap.datamap import AboutNobody, ByField, Dataset, Ignore, StoreSpec, Through
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.datamap.mentions import ColumnReference, FoundMentions, MentionQuery
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Outcome, Outcomes, Reason, Unable
from expunge.errors import CouldNotLook
from expunge.ports.optional.file_listing import NameFile
from expunge.ports.optional.placing import LiveRows, PlaceReader
from expunge.ports.optional.remote_content import Remote
from expunge.ports.optional.row_accounts import TableFile
from expunge.ports.optional.schema_listing import UndeclaredTable
from expunge.ports.optional.spelling_search import StoreEquality
from expunge.ports.optional.surroundings import Near
from expunge.ports.review.ways_in import Way
from expunge.ports.scanner import Tracer
from expunge.stores.postgres import near, readers
from expunge.stores.postgres.check import PostgresCheck
from expunge.stores.postgres.erase import PostgresEraser
from expunge.stores.postgres.kind import LOCK_MS
from expunge.stores.postgres.ladder import ladder_climb
from expunge.stores.postgres.mentions import PostgresMentions, references, unfit
from expunge.stores.postgres.preflight import PostgresPreflight, locked
from expunge.stores.postgres.reading import content as postgres_content
from expunge.stores.postgres.reading import nominated, shown_rows, spellings, table_files
from expunge.stores.postgres.reading.match import PostgresMatcher, Row, decode_key, encode_key, linked, links, transaction
from expunge.stores.postgres.reading.members import CopyBystanders
from expunge.stores.postgres.reading.packed_cells import packed_cells
from expunge.stores.postgres.reading.probe import PostgresProbe
from expunge.stores.postgres.reading.shown import DatabaseContent
from expunge.stores.postgres.reading.times import PostgresAging
from expunge.stores.postgres.schema import schema_words
from expunge.stores.postgres.schema.catalogue import NotInPostgresSchema, PostgresSchema, PostgresTable, quoted
from expunge.stores.postgres.schema.triggers import copying, rewritten
from expunge.stores.postgres.server import server_files
from expunge.stores.postgres.server.connection import Connection, ConnectionPool, lost
from expunge.stores.postgres.server.data_directory import DataDirectory
from expunge.stores.postgres.server.server import DatabaseServer
from expunge.stores.postgres.undeclared import undeclared_tables
from expunge.stores.tables.accepted_triggers import accepted, copied_by
from expunge.stores.tables.selectors import merged, narrowed
from expunge.stores.tables.table_references import TableReferences, refers

_LOOKS = 3
"""How often a probe is made that somebody's lock keeps from its answer."""
OUT_OF_SCOPE = ("backups of the database, copies of its files, and programs that keep rows in their memory",)


class Postgres:
    """A store of kind ``postgres``.

    ``url`` is a libpq URI. Options: ``lock_ms``, how long to wait for a lock before answering ``Unable`` (default 5000); ``clock``, a
    sentence for the receipt: when a provider's own copies end. A dataset's ``table`` is ``table`` (in ``public``) or ``schema.table``.
    """

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:
        """Take the declaration; nothing is opened.

        Raises:
            Misconfigured: for an address that is none.
        """
        self._spec = spec
        self._datasets = datasets
        lock_ms = int(str(spec.options.get("lock_ms", LOCK_MS)))
        self._link = ConnectionPool(spec, lock_ms)
        self._server = DatabaseServer(self._link.connect, spec, lock_ms)
        self._shown = DatabaseContent(self._link.borrowed)

    @property
    def capabilities(self) -> Capabilities:
        """``scrubbed`` where files and rights allow it, ``removed`` on a managed server, ``none`` where nothing can be reached."""
        try:
            return self._able()
        except (psycopg.Error, OSError) as error:
            with suppress(psycopg.Error, OSError):
                if isinstance(error, psycopg.Error) and lost(error):
                    # A server that was restarted has ended the connection that was open: a new one tells how things stand.
                    return self._able()
        return self._able_to(Grounding.NONE, (), frozenset(dataset.name for dataset in self._datasets), ())

    def _able(self) -> Capabilities:
        grounding, beyond = self._server.standing()
        with self._link.borrowed() as connection:
            schema = PostgresSchema(connection)
            declared = [(dataset.name, table) for dataset in self._datasets if (table := schema.table(dataset.table)) is not None]
            tables = [table for _, table in declared]
            names, references = {table.shown: name for name, table in declared}, schema.references_by_name(tables, tables)
            return self._able_to(grounding, beyond, rewritten(connection, declared), tuple(sorted(refers(names, references))))

    @staticmethod
    def _able_to(
        grounding: Grounding, beyond: tuple[str, ...], written: frozenset[str], pairs: tuple[tuple[str, str], ...]
    ) -> Capabilities:
        return Capabilities(grounding, batch=1000, exclusive=True, rewritten=written, refers=pairs, out_of_scope=(*OUT_OF_SCOPE, *beyond))

    # --- looking -----------------------------------------------------------------------------------

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:
        """Compare the database with the map, and the role's rights with the needs of the ladder."""
        try:
            with self._link.borrowed() as connection:
                findings = list(PostgresCheck(self._link, connection, self._datasets, ignored).findings())
            findings += self._server.findings()
        except (psycopg.Error, OSError) as error:
            unable = self._link.unable(error)
            kinds = {Reason.PERMISSION: FindingKind.PERMISSION, Reason.UNREACHABLE: FindingKind.MISSING}
            kind = kinds.get(unable.reason, FindingKind.UNREADABLE)
            findings = [Finding(kind, self._spec.name, self._spec.name, unable.detail, "see the words before, then run `check` again")]
        yield from findings

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:
        """By the privileges of roles with a login."""
        for dataset in self._datasets:
            if dataset.name in datasets:
                with self._looking(dataset) as (connection, table):
                    yield from readers.ways_to(connection, table)

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:
        """Find rows; one query per subject field for all selectors, by index where there is one."""
        if isinstance(dataset.subject, AboutNobody) and not any(each.every for each in selectors):
            return
        wanted = merged(selectors)
        with self._looking(dataset) as (connection, table), transaction(connection):
            followed = links(table, dataset.follow)
            extra = [_size(table), *(sql for _, sql in followed)]
            bystanders, width = CopyBystanders(table, dataset, wanted, encode_key), len(extra)
            found: list[dict[Row, Row]] = [{} for _ in wanted]
            for hit in PostgresMatcher(connection, table, wanted).hits([*extra, *bystanders.sql]):
                found[hit.selector][hit.key] = hit.extra[:width]
                bystanders.meet(hit.selector, hit.key, hit.extra[width:])
        names = [name for name, _ in followed]
        for number, (selector, rows) in enumerate(zip(wanted, found, strict=True)):
            if rows:
                values = {**dict.fromkeys(dataset.follow, frozenset[str]()), **linked(names, (row[1:] for row in rows.values()))}
                keys = tuple(map(encode_key, rows))
                size = sum(row[0] for row in rows.values())
                shared, others = bystanders.of(number)
                yield Copy(dataset.name, selector.subject, keys, len(keys), size, values, selector, shared, others, lasting=table.lasting)

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:
        """Yield rows of bystanders, as of the moment of the call, by a cursor on the server."""
        with self._looking(dataset) as (connection, table):
            fields = postgres_content.fields_of(table, dataset.subject_fields)
            staying = postgres_content.PostgresBystanders(connection, table, dataset.name, fields, erased, dataset.follow)
            yield from staying.everybody() if limit is None else staying.a_few(limit)

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Compare the file with those of the dataset's table, of its indexes and long values, and with those of the whole database."""
        if path.is_relative_to(self._shown_url):
            with self._looking(dataset) as (connection, table):
                return shown_rows.holds(connection, table, self._shown_url, path)
        place = self._server.place()
        if not isinstance(place, DataDirectory):
            return False
        with self._looking(dataset) as (connection, table):
            return nominated.is_of(connection, table, place.data, path)

    def table_files(self, dataset: Dataset) -> Sequence[TableFile]:
        """By the catalogue; none where the server's files are out of reach."""
        place = self._server.place()
        if not isinstance(place, DataDirectory):
            return ()
        with self._looking(dataset) as (connection, table):
            return tuple(table_files.table_files(connection, table, place.data))

    def returned(self, dataset: Dataset, rows: LiveRows) -> int:
        """Read each by its place."""
        return sum(1 for _ in self.nominated(dataset, (rows,), ()))

    def elsewhere(self, dataset: Dataset) -> Sequence[str]:
        """Ask triggers, samples of the planner, and the folders of the database."""
        place = self._server.place()
        with self._looking(dataset) as (connection, table):
            beside = table_files.elsewhere(connection, table, place) if isinstance(place, DataDirectory) else ()
        return (*self.copied_elsewhere(dataset), *beside)

    def copied_elsewhere(self, dataset: Dataset) -> tuple[str, ...]:
        """Read triggers and rules, and follow them from table to table."""
        with self._looking(dataset) as (connection, table):
            schema = PostgresSchema(connection)
            people = (schema.table(each.table) for each in self._datasets if isinstance(each.subject, ByField | Through))
            told = [each for each in people if each is not None]
            found = copying(connection, table, accepted(self._spec), [oid for each in told for oid in each.family])
            return copied_by(tuple(found))

    def files(self) -> NameFile:
        """Tell files that the server names from the rest of its folder."""
        with self._link.looking(self._link.where):
            place = self._server.place()
        return server_files.naming(place.data) if isinstance(place, DataDirectory) else lambda _: None

    def surroundings(self) -> Iterator[Near]:
        """Yield the database and the others of its server."""
        with self._link.looking(self._link.where), self._link.borrowed() as connection:
            found = list(near.surroundings(connection, self._spec))
        yield from found

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Compare the relation's file with those of the dataset's table, of its views, indexes and long values."""
        if Path(relation).is_relative_to(self._shown_url):
            with self._looking(dataset) as (connection, table):
                return shown_rows.relates(connection, table, relation)
        place = self._server.place()
        if not isinstance(place, DataDirectory):
            return False
        with self._looking(dataset) as (connection, table):
            return nominated.relates(connection, table, place.data, relation)

    def table_in(self, path: Path) -> str:
        """Ask the catalogue whose file it is."""
        place = self._server.place()
        if not isinstance(place, DataDirectory) or not path.is_relative_to(place.data):
            return ""
        with self._link.looking(f"the catalogue of {self._link.where}"), self._link.borrowed() as connection:
            return nominated.table_of(connection, path.relative_to(place.data))

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Read live rows by their places in the relation's file, or by the numbers under which the database showed them."""
        shown = bool(rows) and Path(rows[0].relation).is_relative_to(self._shown_url)
        place = None if shown else self._server.place()
        if not shown and not isinstance(place, DataDirectory):
            return
        with self._looking(dataset) as (connection, table):
            fields = postgres_content.fields_of(table, dataset.subject_fields)
            staying = postgres_content.PostgresBystanders(connection, table, dataset.name, fields, erased, dataset.follow)
            if isinstance(place, DataDirectory):
                yield from nominated.PostgresNominations(staying, place.data).read(rows)
            else:
                yield from shown_rows.ShownNominations(staying, self._shown_url).read(rows)

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:
        """Counted on the server."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            return PostgresAging(connection, table).ages(field, edges)

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """The columns of the primary key, as the keys themselves say."""
        with self._looking(dataset) as (_, table):
            names = [each.column.name if each.column else "" for each in table.keys]
        if not all(names):
            return {}
        return {key: dict(zip(names, decode_key(key), strict=True)) for key in copy.keys}

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:
        """Grouped on the server."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            yield from PostgresAging(connection, table).spans(by, field)

    def mentions(
        self,
        dataset: Dataset,
        queries: Sequence[MentionQuery],
        aside: Sequence[Copy],
        columns: frozenset[str] | None = None,
        most: int = 0,  # noqa: ARG002 - a table is read by the database itself
    ) -> Iterator[FoundMentions]:
        """One pass over the table, on the server."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            keys = (key for copy in aside for key in copy.keys)
            yield from PostgresMentions(connection, table).found(queries, keys, columns)

    def column_references(self, dataset: Dataset) -> tuple[ColumnReference, ...]:
        """Those of the schema."""
        with self._looking(dataset) as (connection, table):
            schema = PostgresSchema(connection)
            tables = {each.table: found for each in self._datasets if (found := schema.table(each.table)) is not None}
            return tuple(dict.fromkeys(references(schema, table, tables)))

    def unfit_mentions(self, dataset: Dataset) -> tuple[tuple[str, str, str], ...]:
        """Held against the schema and the role's rights."""
        with self._looking(dataset) as (connection, table):
            return tuple(unfit(PostgresSchema(connection), table, dataset))

    def undeclared_tables(self, ignored: Sequence[Ignore]) -> Iterator[UndeclaredTable]:
        """By the catalogue: tables of this database, partitions with their table."""
        with self._link.looking(self._link.where), self._link.borrowed() as connection:
            schema = PostgresSchema(connection)
            declared = [table for dataset in self._datasets if (table := schema.table(dataset.table)) is not None]
            yield from tuple(undeclared_tables(schema, self._spec.name, declared, ignored))

    def packed_cells(self, least: int) -> Iterator[tuple[str, bytes]]:
        """Columns of the type ``bytea``, partitions with their table."""
        about_nobody = [each for each in self._datasets if isinstance(each.subject, AboutNobody)]
        for dataset in (*(each.dataset for each in self.undeclared_tables(())), *about_nobody):
            with self._link.looking(self._link.where), self._link.borrowed() as connection:
                table = PostgresSchema(connection).table(dataset.table)
                for column, value in packed_cells(connection, table, least) if table is not None else ():
                    yield f"{dataset.table}.{column}", value

    def lacking_fields(self, dataset: Dataset) -> tuple[str, ...]:
        """Held against the table's columns."""
        with self._looking(dataset) as (_, table):
            return tuple(name for name in dict.fromkeys((*dataset.subject_fields, *dataset.follow)) if table.field(name) is None)

    def uncovered_references(self, dataset: Dataset, copies: Sequence[Copy]) -> tuple[str, ...]:
        """By the schema's foreign keys."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            return self._eraser(connection, PostgresSchema(connection), table, dataset, copies).uncovered(copies)

    def binding_references(
        self, dataset: Dataset, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]
    ) -> Mapping[Pseudonym, Unable]:
        """By the schema's foreign keys, cascades followed to their end."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            return self._eraser(connection, PostgresSchema(connection), table, dataset, copies).referred(copies, going)

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """Told apart on the server."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            yield from PostgresAging(connection, table).named(field)

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:
        """By the type and collation of the column."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            return spellings.equality(connection, table, field)

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Joined on the server, by the column's own equality."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            yield from spellings.alike(connection, table, field, values)

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Chosen on the server."""
        with self._looking(dataset) as (connection, table), transaction(connection):
            yield from PostgresAging(connection, table).named(field) if texts is None else spellings.near(connection, table, field, texts)

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:
        """The rows as JSON lines, large objects as files of their own."""
        yield from postgres_content.export(lambda: self._looking(dataset), dataset.name, copy)

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Hand over every column of every row."""
        with self._looking(dataset) as (connection, table):
            place = self._server.place()
            data = place.data if isinstance(place, DataDirectory) and not table.foreign else None
            postgres_content.trace(connection, table, dataset, copies, tracer, data)

    def schema_words(self) -> Iterator[str]:
        """Names in the catalogue, labels of enums, defaults of columns, and the values that checks list."""
        with self._link.looking(self._link.where), self._link.borrowed() as connection:
            yield from schema_words.words(connection)

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:
        """Look by table, key, index, partition and view over a new connection. Repeat a few times while a session holds a lock."""
        answers: list[Probed] = []
        for left in reversed(range(_LOOKS)):
            try:
                with closing(self._link.connect()) as connection:
                    schema = PostgresSchema(connection)
                    answers = list(PostgresProbe(connection, schema, schema.require(dataset.table)).look(copies))
                break
            except (psycopg.Error, OSError) as error:
                unable = self._link.unable(error)
                answers = _could_not(copies, unable.detail)
                # Whoever rewrites the table for another order holds it for as long as its disk takes.
                if unable.reason is not Reason.LOCKED or not left:
                    break
            except NotInPostgresSchema as error:
                answers = _could_not(copies, f"dataset {dataset.name}: {error.what} does not exist")
                break
        yield from answers

    def raw(self) -> Iterator[RawSource]:
        """The server's own folders, after a checkpoint; nothing where they cannot be read here."""
        with self._link.looking(self._link.where):
            yield from self._server.raw()

    @property
    def interface(self) -> str:
        """The database."""
        return self._shown_url

    @cached_property
    def _shown_url(self) -> str:
        with self._link.looking(self._link.where):
            return self._shown.url

    def content(self) -> Iterator[Remote]:
        """Every table and view that the role may read, the catalogues, statistics and large objects; nothing while the files are read."""
        with self._link.looking(self._link.where):
            if self._server.readable_place() is None:
                yield from self._shown.all()

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """What the role may not read; nothing while the files are read."""
        with self._link.looking(self._link.where):
            return self._shown.unreadable(self._spec.name, ignored) if self._server.readable_place() is None else ()

    def remote(self, dataset: Dataset, path: Path) -> PlaceReader | None:  # noqa: ARG002 - it is the same for each
        """What tells the rows behind a url of the content."""
        return shown_rows.ShownPlaces(path) if path.is_relative_to(self._shown_url) else None

    # --- erasing -----------------------------------------------------------------------------------

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:
        """Check rights, row policies, locks, disk space, missing columns, rules, and cascades into kept items."""
        try:
            with self._link.borrowed() as connection:
                schema = PostgresSchema(connection)
                table = schema.require(dataset.table)
                names = {each.dataset for each in kept}
                staying = {each.name: found for each in self._datasets if each.name in names and (found := schema.table(each.table))}
                looks = PostgresPreflight(self._link, connection, schema, table, self._eraser(connection, schema, table, dataset, copies))
                troubles = list(looks.troubles(copies, staying))
            return (*troubles, *ladder_climb.preflight(self._server, [table.sql]))
        except (psycopg.Error, OSError) as error:
            return (self._link.unable(error),)
        except NotInPostgresSchema as error:
            return (_schema_changed(dataset, error),)

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:
        """Each table that something goes from is read and written again as a whole with its indexes, and once more to the log."""
        sizes = "SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c)), 0)::bigint FROM pg_catalog.unnest(%s::oid[]) AS c"
        with self._link.looking(self._link.where), self._link.borrowed() as connection:
            schema = PostgresSchema(connection)
            families = [schema.family(dataset.table) for dataset in self._datasets if copies.get(dataset.name)]
            size = int(schema.one(sizes, ([oid for family in families for oid in family],)))
        return Cost(size, sum(map(bool, families)), 2 * size)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - idempotent in effect
        """Delete the rows in one transaction. Rows that are gone already answer ``Absent``, so that any key may come twice."""
        table: PostgresTable | None = None
        try:
            with self._link.borrowed() as connection:
                schema = PostgresSchema(connection)
                table = schema.require(dataset.table)
                return self._eraser(connection, schema, table, dataset, copies).erase(copies)
        except (psycopg.Error, OSError) as error:
            waited = isinstance(error, psycopg.errors.LockNotAvailable) and table is not None
            unable = locked(self._link, table) if waited and table else self._link.unable(error)
        except NotInPostgresSchema as error:
            unable = _schema_changed(dataset, error)
        return {copy.subject: unable for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - idempotent in effect
        """Climb the ladder over the tables of the datasets, and over the relations that the schema changes together with them."""
        try:
            with self._link.borrowed() as connection:
                schema = PostgresSchema(connection)
                tables = [schema.require(dataset.table).sql for dataset in datasets]
            return ladder_climb.climb(self._server, list(dict.fromkeys(tables)))
        except (psycopg.Error, OSError) as error:
            return self._link.unable(error)
        except NotInPostgresSchema as error:
            return Unable(Reason.SCHEMA_CHANGED, f"{self._link.where}: {error.what} does not exist; correct the map and plan again")

    def close(self) -> None:
        """Close the connections."""
        self._link.close()
        self._server.close()

    # --- places ------------------------------------------------------------------------------------

    @contextmanager
    def _looking(self, dataset: Dataset) -> Iterator[tuple[Connection, PostgresTable]]:
        """A connection and the table of a dataset, with trouble turned into the errors that the port names."""
        with self._link.looking(f"dataset {dataset.name}"), self._link.borrowed() as connection:
            try:
                yield connection, PostgresSchema(connection).require(dataset.table)
            except NotInPostgresSchema as error:
                what = error.what if error.other else f"{error.what} does not exist"
                message = f"dataset {dataset.name}: {what} in {self._link.where}"
                raise CouldNotLook(message, help="correct the map; `expunge check` lists what does not fit") from error

    def _eraser(
        self, connection: Connection, schema: PostgresSchema, table: PostgresTable, dataset: Dataset, copies: Sequence[Copy]
    ) -> PostgresEraser:
        others = {found.shown: each for each in self._datasets if (found := schema.table(each.table)) is not None}
        family = TableReferences(dataset, others, narrowed=narrowed(copies))
        return PostgresEraser(self._link, connection, schema, table, family, accepted(self._spec))


def _size(table: PostgresTable) -> str:
    """SQL for the bytes of a row's values as they are stored, compressed ones as they are."""
    sizes = (f"coalesce(pg_catalog.pg_column_size(t.{quoted(column.name)}), 0)" for column in table.columns)
    return " + ".join(("0", *sizes))


def _could_not(copies: Sequence[Copy], why: str) -> list[Probed]:
    return [Probed(copy.subject, 0, (), why) for copy in copies]


def _schema_changed(dataset: Dataset, error: NotInPostgresSchema) -> Unable:
    if error.other:
        return Unable(Reason.UNSUPPORTED, f"dataset {dataset.name}: {error.what}: declare the table that it reads")
    return Unable(Reason.SCHEMA_CHANGED, f"dataset {dataset.name}: {error.what} does not exist; correct the map and plan again")
