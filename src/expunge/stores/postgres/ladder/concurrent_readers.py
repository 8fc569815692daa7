"""Find sessions that may still read deleted rows or keep copies of them.

These are old snapshots, prepared transactions, sort spills and temporary tables. ``VACUUM FULL`` copies a deleted row into the new file,
without an error, as long as any snapshot could see it.
"""

from __future__ import annotations

from expunge.core.values.outcome import Reason
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked
from expunge.stores.postgres.server.server import Connection

_SESSIONS = """
SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker' AND (datname = current_database() OR backend_type = 'walsender')
  AND greatest(age(backend_xmin), age(backend_xid)) > age(%(since)s::xid)"""

_PREPARED = """
SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database() AND age(transaction) > age(%(since)s::xid)"""

_SLOTS = """
SELECT string_agg(slot_name, ', ' ORDER BY slot_name) FROM pg_catalog.pg_replication_slots
WHERE age(xmin) > age(%(since)s::xid) OR (%(catalog)s AND age(catalog_xmin) > age(%(since)s::xid))"""

_TEMPORARY_TABLES = """
SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relpersistence = 't' AND c.relkind = 'r' AND c.relnamespace <> pg_my_temp_schema() AND pg_relation_size(c.oid) > 0"""

_SPILLS = """
SELECT name FROM pg_catalog.pg_tablespace t CROSS JOIN LATERAL pg_ls_tmpdir(t.oid) WHERE t.spcname <> 'pg_global' AND size > 0"""


def in_the_way(connection: Connection, since: str, *, catalog: bool = False) -> str:
    """Return the sessions that keep rows deleted before transaction ``since`` from going, in words; empty when there are none.

    ``catalog`` asks for rows of system catalogs, which logical replication slots keep as well.
    """
    values = {"since": since, "catalog": catalog}
    said = []
    for query, words in ((_SESSIONS, "open transactions of other sessions"), (_PREPARED, "prepared transactions")):
        (count,) = connection.execute(query, values).fetchone() or (0,)
        if count:
            said.append(f"{count} {words}")
    (slots,) = connection.execute(_SLOTS, values).fetchone() or (None,)
    if slots:
        said.append(f"replication slots ({slots})")
    return " and ".join(said)


def old_snapshots(climb: PostgresClimb) -> None:
    """Wait, within the lock time, until no snapshot can see the deleted rows. An earlier rewrite would only have to be made again."""
    left = climb.waited(lambda: in_the_way(climb.connection, climb.since))
    if left:
        raise PostgresRungBlocked(Reason.READER_OPEN, f"{climb.where}: {left} can still see what was deleted; end them, it is tried again")


def put_aside(climb: PostgresClimb) -> int:
    """Wait, within the lock time, until other sessions' sort spills of now and their temporary tables are gone."""
    before = _spills(climb)
    if climb.waited(lambda: "left" if before & _spills(climb) else ""):
        raise PostgresRungBlocked(
            Reason.READER_OPEN, f"{climb.where}: other sessions have sorts or cursors spilled to disk; end them, it is tried again"
        )
    if climb.waited(lambda: "left" if _temporary_tables(climb) else ""):
        detail = f"{climb.where}: other sessions keep temporary tables, which nobody else can look into; end them or DISCARD TEMP"
        raise PostgresRungBlocked(Reason.READER_OPEN, detail)
    return 0


def _spills(climb: PostgresClimb) -> frozenset[str]:
    return frozenset(row[0] for row in climb.connection.execute(_SPILLS).fetchall())


def _temporary_tables(climb: PostgresClimb) -> int:
    (count,) = climb.connection.execute(_TEMPORARY_TABLES).fetchone() or (0,)
    return int(count)
