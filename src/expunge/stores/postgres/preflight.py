"""Find obstacles to an erasure before it starts, and name the sessions that block it afterwards."""

# ruff: noqa: S608 - names come from the catalogue and are quoted
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import psycopg

from expunge.core.values.copy import Copy
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.postgres.check import lacking, undeletable
from expunge.stores.postgres.erase import PostgresEraser
from expunge.stores.postgres.reading.match import transaction
from expunge.stores.postgres.schema.catalogue import PostgresSchema, PostgresTable, quoted
from expunge.stores.postgres.server.connection import Connection, ConnectionPool

_HOLDERS = """
SELECT a.pid, a.state, pg_catalog.floor(extract(epoch FROM pg_catalog.now() - a.xact_start))::int
FROM pg_catalog.pg_stat_activity a WHERE a.pid <> pg_catalog.pg_backend_pid() AND a.xact_start IS NOT NULL
  AND EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid = a.pid AND l.granted AND l.relation = ANY (%s)
    AND l.mode NOT IN ('AccessShareLock'))
ORDER BY a.xact_start LIMIT 3
"""


def locked(link: ConnectionPool, table: PostgresTable) -> Unable:
    """The answer where a lock was waited for in vain, with the sessions that hold one on the table or its rows."""
    try:
        with link.borrowed() as connection:
            rows = connection.execute(_HOLDERS, (list(table.family),)).fetchall()
    except psycopg.Error:
        rows = []
    who = ", ".join(f"process {pid} ({state or 'at work'}{f', for {age} s' if age is not None else ''})" for pid, state, age in rows)
    detail = f"{link.where}: table {table.shown}: {who or 'another session'} holds a lock that stands in the way; it is tried again"
    return Unable(Reason.LOCKED, detail)


@dataclass(frozen=True)
class PostgresPreflight:
    """The looks taken before anything is erased from one table."""

    link: ConnectionPool
    connection: Connection
    schema: PostgresSchema
    table: PostgresTable
    eraser: PostgresEraser

    def troubles(self, copies: Sequence[Copy], kept: Mapping[str, PostgresTable]) -> Iterator[Unable]:
        """Yield every foreseeable obstacle; changes nothing.

        Args:
            copies: the copies to erase.
            kept: dataset -> table, of those that hold items which stay on purpose.

        Raises:
            psycopg.Error, NotInPostgresSchema: translate them.
        """
        where = f"{self.link.where}: table {self.table.shown}"
        for name in {name for copy in copies if copy.selector for name in (*copy.selector.match, *copy.selector.beside)}:
            self.table.require(name)
        if self.schema.one("SHOW default_transaction_read_only") == "on":
            yield Unable(Reason.PERMISSION, f"{self.link.where}: default_transaction_read_only is on; end that for this role")
        lacks = lacking(self.schema, self.table)
        if lacks:
            yield Unable(Reason.PERMISSION, f"{where}: the role lacks {', '.join(lacks)}; `expunge check` prints the statements")
            return
        why = undeletable(self.schema, self.table)
        if why:
            yield Unable(Reason.UNSUPPORTED, f"{where}: {why}")
            return
        yield from self._taken_along(kept)
        yield from self._foreign_objects(where)
        yield from self._in_use()

    def _in_use(self) -> Iterator[Unable]:
        """Take the lock that a deletion takes, within the time that an erasure would wait, and let go."""
        try:
            with transaction(self.connection):
                self.connection.execute(f"LOCK TABLE {self.table.sql} IN ROW EXCLUSIVE MODE".encode())
        except psycopg.errors.LockNotAvailable:
            yield locked(self.link, self.table)

    def _taken_along(self, kept: Mapping[str, PostgresTable]) -> Iterator[Unable]:
        """Kept items of tables that the schema's ``ON DELETE`` would change together with this one's rows."""
        reached = {chain[-1].child_oid for chain in self.eraser.chains() if chain[-1].acts}
        for name, table in kept.items():
            if not reached.isdisjoint(table.family):
                yield Unable(Reason.REFERENCED, f"the schema's ON DELETE would reach items of {name} that are kept")

    def _foreign_objects(self, where: str) -> Iterator[Unable]:
        """Large objects that only their owner may remove."""
        for column in self.table.columns if not self.schema.superuser else ():
            if not column.large_object:
                continue
            name = f"t.{quoted(column.name)}"
            sql = (
                f"SELECT EXISTS (SELECT FROM {self.table.sql} AS t JOIN pg_catalog.pg_largeobject_metadata m ON m.oid = {name} "
                "WHERE NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE'))"
            )
            if self.schema.one(sql.replace("%", "%%")):
                detail = f"{where}: the role does not own the large objects that {column.name} names; grant it their owner's role"
                yield Unable(Reason.PERMISSION, detail)
