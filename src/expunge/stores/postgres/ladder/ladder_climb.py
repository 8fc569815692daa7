"""The ladder that makes deletions in PostgreSQL physical. Each rung removes what the rung before it leaves. The sequence matters.

``docs/reference/stores/postgres.md`` says what each rung removes. A test per rung shows what stays without it.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import Any

import psycopg

from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.stores.postgres.ladder import abandoned_files, concurrent_readers, rewrite, sidecar_rungs
from expunge.stores.postgres.ladder import statistics as postgres_statistics
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRung, PostgresRungBlocked
from expunge.stores.postgres.ladder.wal import write_ahead_log
from expunge.stores.postgres.schema import affected_relations
from expunge.stores.postgres.schema.affected_relations import ClimbScope, Relation
from expunge.stores.postgres.server import required_rights
from expunge.stores.postgres.server.data_directory import DataDirectory
from expunge.stores.postgres.server.server import Connection, DatabaseServer

FLUSH = "SELECT pg_stat_force_next_flush()"
"""To be run in the transaction that deletes: then the counters by which :func:`climb` tells that something changed are there at commit."""

RUNGS: tuple[PostgresRung, ...] = (
    PostgresRung("views", "rows in materialised views", rewrite.views),
    PostgresRung("tables", "rows in page holes, TOAST and every index", rewrite.tables),
    PostgresRung("large_objects", "chunks of unlinked large objects", rewrite.large_objects, deep=True),
    PostgresRung("statistics", "values in pg_stats and pg_stats_ext, which any user may read", postgres_statistics.refresh),
    PostgresRung("statistics_pages", "the same values in old pages of pg_statistic", postgres_statistics.pages, deep=True),
    PostgresRung("statements", "constants in the texts that pg_stat_statements keeps", sidecar_rungs.statements, deep=True),
    PostgresRung("notifications", "payloads of NOTIFY in the queue's files", sidecar_rungs.notifications, deep=True),
    PostgresRung("log_files", "values in the server's log", sidecar_rungs.log_files, deep=True),
    PostgresRung("put_aside", "sort spills and temporary tables of other sessions", concurrent_readers.put_aside, deep=True),
    PostgresRung("abandoned", "files that a killed server left of tables it was making", abandoned_files.files, deep=True),
    PostgresRung("write_ahead_log", "records of the rows, in old and recycled segments", write_ahead_log, deep=True),
)
"""From the tables down to the log; ``deep`` ones only where files and rights allow ``scrubbed``."""

_MARGIN = 64 << 20
_TRIES = 5
"""How often a climb begins at most while others drop what it is to climb over."""
_COUNTERS = """
SELECT c.oid, pg_relation_filenode(c.oid), s.n_tup_upd, s.n_tup_del FROM pg_catalog.pg_class c
LEFT JOIN pg_catalog.pg_stat_all_tables s ON s.relid = c.oid WHERE c.oid = ANY(%s) ORDER BY 1"""
_EPOCH = "SELECT pg_postmaster_start_time(), stats_reset FROM pg_catalog.pg_stat_database WHERE datname = current_database()"


def climb(server: DatabaseServer, tables: Sequence[str]) -> Outcome:
    """Climb every rung for ``tables``: texts that ``::regclass`` takes (quoted, with their schema), from which something was erased.

    ``Erased(items)`` counts the structures rewritten or removed; ``Absent`` when nothing was deleted or updated in them since the last
    climb of this object; ``Unable`` with what stands in the way. Idempotent: after a crash in the middle the next climb finishes.

    Raises:
        psycopg.Error, OSError: for what the store's translation of errors explains.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _climbed(server, tables)
        except psycopg.errors.UndefinedTable:
            # A view or partition that somebody dropped after it was named: what is there now is climbed over anew.
            if not left:
                raise
    raise AssertionError


def _climbed(server: DatabaseServer, tables: Sequence[str]) -> Outcome:
    connection = server.connection
    scope = affected_relations.scope(connection, tables)
    if not scope.everything:
        return Absent()
    key = tuple(each.name for each in scope.everything)
    deep = not server.shallow()
    if server.climbed.get(key) == (deep, *_state(connection, scope)):
        return Absent()
    (since,) = connection.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text").fetchone() or ("",)
    way = PostgresClimb(server, scope, str(since), deep=deep)
    if scope.foreign:
        return _foreign(scope, way.where)[0]
    done = 0
    try:
        for rung in RUNGS:
            if way.deep or not rung.deep:
                way.restart_clock()
                done += rung.climb(way)
    except PostgresRungBlocked as blocked:
        return blocked.unable
    except psycopg.errors.InsufficientPrivilege:
        return Unable(Reason.PERMISSION, f"{way.where}: the role lacks a right that the ladder needs; `expunge check` prints what to grant")
    except psycopg.errors.LockNotAvailable:
        return Unable(Reason.LOCKED, f"{way.where}: somebody uses a table that has to be rewritten; it is tried again")
    server.climbed[key] = (deep, *_state(connection, scope))
    return Erased(done) if done else Absent()


def _state(connection: Connection, scope: ClimbScope) -> tuple[Any, ...]:
    """Changes with every deletion and update, and with every restart or reset of the counters."""
    oids = [each.oid for each in scope.everything]
    return (*connection.execute(_COUNTERS, ([*oids, 2613],)).fetchall(), *connection.execute(_EPOCH).fetchall())


def preflight(server: DatabaseServer, tables: Sequence[str]) -> tuple[Unable, ...]:
    """Every foreseeable reason why :func:`climb` would fail over ``tables``: rights, foreign tables, room on the disk; changes nothing.

    Readers, slots and prepared transactions are no such reason: rows can be erased meanwhile, and the climb waits for them.

    Raises:
        psycopg.Error, OSError: for what the store's translation of errors explains.
    """
    connection = server.connection
    where = f"store {server.spec.name}"
    if server.standby:
        return (Unable(Reason.UNSUPPORTED, f"{where}: the server is a standby; name the primary in the map"),)
    scope = affected_relations.scope(connection, tables)
    troubles = []
    missing = required_rights.on_tables(connection, server.role, [each.name for each in scope.everything])
    troubles += _foreign(scope, where)
    if missing:
        troubles.append(Unable(Reason.PERMISSION, f"{where}: the role may not rewrite all that rows are erased from: {'; '.join(missing)}"))
    if not server.shallow():
        troubles += _room(server, scope.tables, where)
    return tuple(troubles)


def _foreign(scope: ClimbScope, where: str) -> list[Unable]:
    names = ", ".join(each.name for each in scope.foreign)
    return [Unable(Reason.UNSUPPORTED, f"{where}: {names} lie on another server; declare that as a store of its own")] if names else []


def _room(server: DatabaseServer, tables: Sequence[Relation], where: str) -> list[Unable]:
    """Rewriting needs the largest table once more, and as much for the write-ahead log, on each disk concerned."""
    place = server.place()
    if not tables or not isinstance(place, DataDirectory):
        return []
    need = room_needed(tables)
    folders = [place.data, *place.tablespaces(server.connection)]
    if all(shutil.disk_usage(folder).free >= need for folder in folders):
        return []
    return [Unable(Reason.DISK_FULL, f"{where}: rewriting the largest table needs {need >> 20} MiB free on the server's disk")]


def room_needed(tables: Sequence[Relation]) -> int:
    """Bytes that a climb over ``tables`` needs beside them."""
    return 2 * max((table.bytes for table in tables), default=0) + _MARGIN
