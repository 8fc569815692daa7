"""Compare a database with the map."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import psycopg

from expunge.core.datamap.datamap import Dataset, Ignore, Shared
from expunge.core.values.copy import Finding, FindingKind
from expunge.stores.postgres.reading.match import transaction
from expunge.stores.postgres.schema import affected_relations
from expunge.stores.postgres.schema.catalogue import NotInPostgresSchema, PostgresSchema, PostgresTable, quoted, shown
from expunge.stores.postgres.schema.triggers import ruled
from expunge.stores.postgres.server import required_rights
from expunge.stores.postgres.server.connection import Connection, ConnectionPool, lost
from expunge.stores.tables.declared_views import view_mend
from expunge.stores.tables.undeclared import LONGEST_LISTED, MOST_LISTED, reference_line

_RELATIONS = """
SELECT n.nspname, c.relname, c.relkind::text, c.oid,
  ARRAY(SELECT inhparent FROM pg_catalog.pg_inherits WHERE inhrelid = c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
    AND d.deptype = 'e')
ORDER BY 1, 2
"""
_SOURCES = """
SELECT d.refobjid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid
JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND r.ev_class = %s AND d.refobjid <> r.ev_class
"""
_KINDS = {
    "r": "no dataset declares this table",
    "p": "no dataset declares this partitioned table",
    "m": "a materialised view over something that no dataset declares",
    "f": "a table of another server that no dataset declares",
}
_TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
_PUBLISHED = """
SELECT DISTINCT p.pubname FROM pg_catalog.pg_publication p
LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid = ANY (%(family)s)
LEFT JOIN pg_catalog.pg_publication_namespace s ON s.pnpubid = p.oid
  AND s.pnnspid IN (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = ANY (%(family)s))
WHERE p.puballtables OR r.oid IS NOT NULL OR s.oid IS NOT NULL
"""
_UNINDEXED = """
SELECT DISTINCT f.conrelid::pg_catalog.regclass::text FROM pg_catalog.pg_constraint f
WHERE f.contype = 'f' AND f.conparentid = 0 AND f.confrelid = ANY (%(family)s) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = f.conrelid AND i.indisvalid AND i.indpred IS NULL
    AND (i.indkey::int2[])[0:pg_catalog.cardinality(f.conkey) - 1] @> f.conkey)
ORDER BY 1
"""
_UNIDENTIFIED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = ANY (%(family)s) AND c.relkind = 'r' AND (c.relreplident = 'n'
    OR c.relreplident = 'd' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
    OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)))
  AND EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.pubdelete AND (p.puballtables
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = ANY (%(family)s))
    OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s JOIN pg_catalog.pg_class c ON c.relnamespace = s.pnnspid
      WHERE s.pnpubid = p.oid AND c.oid = ANY (%(family)s))))
"""


def lacking(schema: PostgresSchema, table: PostgresTable) -> tuple[str, ...]:
    """The rights that this role lacks to erase from a table: ``SELECT``, ``DELETE``, ``TEMPORARY``, ``BYPASSRLS``."""
    sql = (
        "SELECT pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'SELECT'), "
        "pg_catalog.has_table_privilege(c.oid, 'DELETE'), pg_catalog.has_database_privilege(current_database(), 'TEMPORARY'), "
        "NOT pg_catalog.row_security_active(c.oid) FROM pg_catalog.pg_class c WHERE c.oid = %s"
    )
    rights = schema.connection.execute(sql.encode(), (table.oid,)).fetchone() or ()
    names = ("USAGE on its schema", "SELECT", "DELETE", "TEMPORARY on the database", "BYPASSRLS (policies hide rows from this role)")
    return tuple(name for name, held in zip(names, rights, strict=False) if not held)


def granting(schema: PostgresSchema, table: PostgresTable, lacks: Sequence[str]) -> tuple[str, ...]:
    """Return the statements that grant the rights that :func:`lacking` reports."""
    sql = (
        "SELECT quote_ident(current_user), quote_ident(n.nspname), format('%%I.%%I', n.nspname, c.relname), "
        "quote_ident(current_database()) "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = %s"
    )
    role, space, name, database = schema.connection.execute(sql.encode(), (table.oid,)).fetchone() or ("", "", "", "")
    rows = [each for each in ("SELECT", "DELETE") if each in lacks]
    wanted = {
        "USAGE": f"GRANT USAGE ON SCHEMA {space} TO {role}",
        "TEMPORARY": f"GRANT TEMPORARY ON DATABASE {database} TO {role}",
        "BYPASSRLS": f"ALTER ROLE {role} BYPASSRLS",
    }
    said = [statement for word, statement in wanted.items() if any(each.startswith(word) for each in lacks)]
    return (*([f"GRANT {', '.join(rows)} ON {name} TO {role}"] if rows else ()), *said)


def undeletable(schema: PostgresSchema, table: PostgresTable) -> str:
    """Return the reason why no role can delete rows from a table; empty where some role can."""
    if table.foreign:
        return f"some of its rows lie on another server ({', '.join(table.foreign)}): declare that server as a store of its own"
    if ruled(schema.connection, table):
        return "a rule takes the place of deletions (ON DELETE DO INSTEAD): drop the rule"
    row = schema.connection.execute(_UNIDENTIFIED, {"family": list(table.family)}).fetchone()
    if row and row[0]:
        return "it is published without a replica identity, so that the server refuses deletions: give it a primary key"
    return ""


@dataclass(frozen=True)
class PostgresCheck:
    """One database and the datasets that lie in it."""

    link: ConnectionPool
    connection: Connection
    declared: Sequence[Dataset]
    ignored: Sequence[Ignore]

    def findings(self) -> Iterator[Finding]:
        """Everything that is wrong or undeclared."""
        schema = PostgresSchema(self.connection)
        tables = []
        for dataset in self.declared:
            try:
                table = schema.require(dataset.table)
            except NotInPostgresSchema as error:
                kind = FindingKind.UNSUPPORTED if error.other else FindingKind.MISSING
                mend = view_mend(error.under) if error.other else "correct `table:` or remove the dataset"
                what = f"dataset {dataset.name}: {error.what}{'' if error.other else ' does not exist'}"
                yield self._finding(kind, dataset.table, what, mend)
                continue
            tables.append(table)
            yield from self._dataset(schema, dataset, table)
        yield from self._rewritable(tables)
        yield from self._undeclared(schema, tables)
        yield from self._large_objects(tables)

    def _rewritable(self, tables: Sequence[PostgresTable]) -> Iterator[Finding]:
        """Rows that can be deleted, of tables that the server would not rewrite for this role: it only warns."""
        scope = affected_relations.scope(self.connection, [table.sql for table in tables])
        (role,) = self.connection.execute("SELECT current_user").fetchone() or ("",)
        missing = required_rights.on_tables(self.connection, role, [each.name for each in scope.everything])
        if missing:
            yield self._finding(FindingKind.PERMISSION, "", "the role may not rewrite all that rows are erased from", "; ".join(missing))

    def _dataset(self, schema: PostgresSchema, dataset: Dataset, table: PostgresTable) -> Iterator[Finding]:
        name = f"dataset {dataset.name}"
        yield from self._subject(dataset, table)
        for field in dataset.follow:
            if table.field(field) is None:
                what = f"{name}: other datasets follow {field}, which is no column of it"
                yield self._finding(FindingKind.SUBJECT_PATH, table.shown, what, "correct `via:`, `key:` or `also:`")
        if dataset.shared is Shared.MUTE:
            yield self._finding(
                FindingKind.UNSUPPORTED, table.shown, f"{name}: rows cannot be muted", "write `shared: erase` or `shared: keep`"
            )
        lacks = lacking(schema, table)
        if lacks:
            what = f"{name}: the role lacks {', '.join(lacks)}"
            yield self._finding(FindingKind.PERMISSION, table.shown, what, "; ".join(granting(schema, table, lacks)))
        why = undeletable(schema, table)
        if why:
            yield self._finding(FindingKind.UNSUPPORTED, table.shown, f"{name}: {why}", "see the words before")
        if not table.foreign and not any(each.startswith(("USAGE", "SELECT", "BYPASSRLS")) for each in lacks):
            yield from self._readable(dataset, table)
        yield from self._notes(dataset, table)

    def _subject(self, dataset: Dataset, table: PostgresTable) -> Iterator[Finding]:
        for field in dataset.subject_fields:
            if table.field(field) is None:
                what = f"dataset {dataset.name}: the subject path names {field}, which is no column of it"
                yield self._finding(FindingKind.SUBJECT_PATH, table.shown, what, "correct `subject:`")

    def _readable(self, dataset: Dataset, table: PostgresTable) -> Iterator[Finding]:
        """Read one row: damage at the head of a table is seen before an order meets it."""
        try:
            with transaction(self.connection):
                self.connection.execute(f"SELECT t.* FROM {table.sql} AS t LIMIT 1".encode()).fetchone()
        except psycopg.Error as error:
            if lost(error):
                raise
            told = self.link.unable(error)
            what = f"dataset {dataset.name}: {told.detail}"
            yield self._finding(FindingKind.UNREADABLE, table.shown, what, "see the words before, then run `check` again")

    def _notes(self, dataset: Dataset, table: PostgresTable) -> Iterator[Finding]:
        if table.unlogged:
            what = f"dataset {dataset.name}: the table is unlogged: it is empty after a crash of the server"
            yield self._finding(FindingKind.NOTE, table.shown, what, "nothing, where that is meant")
        published = self.connection.execute(_PUBLISHED, {"family": list(table.family)}).fetchall()
        if published:
            what = f"dataset {dataset.name}: published to subscribers ({', '.join(row[0] for row in published)}), which hold copies"
            yield self._finding(FindingKind.NOTE, table.shown, what, "declare the subscribers as stores, or name them under `outside:`")
        for (child,) in self.connection.execute(_UNINDEXED, {"family": list(table.family)}).fetchall():
            slow = f"{child} refers to it by columns without an index: the server reads {child} whole for each row that goes"
            what = f"dataset {dataset.name}: {slow}"
            yield self._finding(FindingKind.NOTE, table.shown, what, "make an index on the referring columns")
        if not table.lasting:
            what = f"dataset {dataset.name}: the table has no primary key, so that a hold cannot name single rows of it"
            yield self._finding(FindingKind.NOTE, table.shown, what, "give it a primary key")

    # --- what nobody declared ---------------------------------------------------------------------

    def _undeclared(self, schema: PostgresSchema, tables: Sequence[PostgresTable]) -> Iterator[Finding]:
        known = {oid for table in tables for oid in table.family}
        rows = self.connection.execute(_RELATIONS).fetchall()
        known |= {oid for namespace, name, _, oid, _ in rows if self._is_ignored(namespace, name)}
        for _ in range(len(rows)):
            covered = {oid for _, _, _, oid, parents in rows if oid not in known and parents and set(parents) <= known}
            if not covered:
                break
            known |= covered
        for namespace, name, kind, oid, parents in rows:
            if oid in known or (parents and kind == "r" and any(row[3] in parents and row[2] == "p" for row in rows)):
                continue  # a partition goes with its table
            if kind == "m" and self._covered(oid, known):
                continue
            mend = "declare it under `datasets:`, or under `ignore:` with a reason"
            if kind in {"r", "p"} and self._lists_values(schema, shown(namespace, name)):
                mend += f"; {reference_line(self.link.store, name, shown(namespace, name))}"
            yield self._finding(FindingKind.UNDECLARED, shown(namespace, name), _KINDS[kind], mend)
        subscriptions = schema.one("SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_subscription")
        if subscriptions:
            what = f"{subscriptions} subscriptions bring data in from other servers"
            yield self._finding(FindingKind.NOTE, "", what, "erase there as well, or it comes back")

    def _lists_values(self, schema: PostgresSchema, name: str) -> bool:
        """Return whether a table looks like a list: not many rows, and short texts in some column, each in one row."""
        table = schema.table(name)
        for column in table.columns if table is not None else ():
            if table is None or column.type not in _TEXTS:
                continue
            some = f"(SELECT {quoted(column.name)}::text AS value FROM {table.sql} LIMIT {MOST_LISTED + 1}) AS s"
            asked = "count(*), count(DISTINCT value), max(pg_catalog.octet_length(value)), count(value)"
            try:
                with transaction(self.connection):
                    rows, different, longest, texts = self.connection.execute(f"SELECT {asked} FROM {some}".encode()).fetchone() or (0,) * 4
            except psycopg.Error as error:
                if lost(error):
                    raise
                return False
            if 1 < rows <= MOST_LISTED and rows == different == texts and longest <= LONGEST_LISTED:
                return True
        return False

    def _covered(self, oid: int, known: set[int]) -> bool:
        """Whether a materialised view shows declared or ignored tables only: it is refreshed with them."""
        waiting, seen = [oid], set[int]()
        while waiting:
            sources = [row[0] for row in self.connection.execute(_SOURCES, (waiting.pop(),)).fetchall()]
            for source in sources:
                if source not in known and source not in seen:
                    seen.add(source)
                    kind = PostgresSchema(self.connection).one("SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = %s", (source,))
                    if kind not in {"v", "m"}:
                        return False
                    waiting.append(source)
        return True

    def _large_objects(self, tables: Sequence[PostgresTable]) -> Iterator[Finding]:
        columns = [(each.sql, f"t.{quoted(column.name)}") for each in tables for column in each.columns if column.large_object]
        named = " UNION ALL ".join(f"SELECT {column} FROM {table} AS t WHERE {column} IS NOT NULL" for table, column in columns)
        less = f" WHERE oid NOT IN ({named})" if named else ""
        try:
            with transaction(self.connection):
                count = PostgresSchema(self.connection).one(f"SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata{less}")
        except psycopg.errors.InsufficientPrivilege:
            return
        if count:
            what = f"{count} large objects that no declared table names"
            mend = "remove them (vacuumlo), or declare the table that names them"
            yield self._finding(FindingKind.UNDECLARED, "pg_largeobject", what, mend)

    def _is_ignored(self, namespace: str, name: str) -> bool:
        names = (f"{namespace}.{name}", *((name,) if namespace == "public" else ()))
        return any(each.store == self.link.store and fnmatchcase(one, each.pattern) for each in self.ignored for one in names)

    def _finding(self, kind: FindingKind, table: str, what: str, mend: str) -> Finding:
        return Finding(kind, self.link.store, f"{self.link.store}: {table}" if table else self.link.store, what, mend)
