"""Rungs that write tables, large objects and materialised views anew, with their indexes and TOAST, from their live rows alone."""

from __future__ import annotations

import psycopg
from psycopg import sql

from expunge import permit
from expunge.core.values.outcome import Reason
from expunge.faults import failpoint
from expunge.stores.postgres.ladder.concurrent_readers import in_the_way, old_snapshots
from expunge.stores.postgres.ladder.rung import Notices, PostgresClimb, PostgresRungBlocked, noticing

_MIB = 1 << 20
_TRIES = 5
"""How often a table is rewritten at most in one climb: each time everybody who uses it waits."""
_VECTOR_INDEXES = """
SELECT coalesce(max(pg_relation_size(i.indexrelid)), 0) FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_am a ON a.oid = c.relam
WHERE i.indrelid = ANY(%s) AND a.amname IN ('hnsw', 'ivfflat')"""
_LARGE_OBJECTS = "'pg_catalog.pg_largeobject'::regclass"
_LARGE_OBJECTS_TOUCHED = f"""
SELECT pg_relation_size({_LARGE_OBJECTS}) > 0 AND (
  EXISTS (SELECT FROM pg_catalog.pg_stat_all_tables WHERE relid = {_LARGE_OBJECTS} AND n_tup_del + n_tup_upd + n_dead_tup > 0)
  OR EXISTS (SELECT FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
             WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped AND t.typname IN ('oid', 'lo')))"""  # noqa: S608


def views(climb: PostgresClimb) -> int:
    """Fill the materialised views over the tables again: each gets new files, with its indexes."""
    for view in climb.scope.views:
        permit.check()
        failpoint("postgres.purge.view:before")
        # crash here: the old view stays whole, and the next climb fills it again.
        climb.connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.SQL(view.name)))
        failpoint("postgres.purge.view:after")
    return len(climb.scope.views)


def tables(climb: PostgresClimb) -> int:
    """Replace all files of a table by new ones (heap, page holes, every index, TOAST), once no older snapshot sees the deleted rows."""
    old_snapshots(climb)
    _prepare(climb)
    for table in climb.scope.tables:
        permit.check()
        failpoint("postgres.purge.table:before")
        # crash here: the old files stay, the half-written new ones are nameless to the server and go with its restart; climbed again.
        rewrite(climb, table.name, table.oid)
        failpoint("postgres.purge.table:after")
    return len(climb.scope.tables)


def large_objects(climb: PostgresClimb) -> int:
    """Chunks of large objects that were unlinked."""
    ((touched,),) = climb.rows(_LARGE_OBJECTS_TOUCHED, [table.oid for table in climb.scope.tables])
    if not touched:
        return 0
    permit.check()
    failpoint("postgres.purge.large_objects:before")
    rewrite(climb, "pg_catalog.pg_largeobject", 2613, catalog=True)
    failpoint("postgres.purge.large_objects:after")
    return 1


def rewrite(climb: PostgresClimb, name: str, oid: int, *, catalog: bool = False) -> None:
    """``VACUUM FULL`` one table and make sure that it happened, and that no deleted row was carried over.

    Raises:
        PostgresRungBlocked: when the server left the table alone (it only warns), or kept rows for a session that may still see them.
    """
    climb.restart_clock()
    for _ in range(_TRIES):
        before = _file_of(climb, oid)
        notices = _vacuum(climb, name)
        if notices.refused or before == _file_of(climb, oid):
            detail = f"{climb.where}: the role may not rewrite {name} (VACUUM only warns); `expunge check` prints what to grant"
            raise PostgresRungBlocked(Reason.PERMISSION, detail)
        if notices.dead is None:
            raise PostgresRungBlocked(
                Reason.CANNOT_TELL, f"{climb.where}: the server does not say whether rewriting {name} dropped all deleted rows"
            )
        if not notices.dead:
            return
        left = climb.waited(lambda: in_the_way(climb.connection, _now(climb), catalog=catalog))
        if left:
            detail = f"{climb.where}: {left} can still see deleted rows of {name}, which stay in its file; end them, it is tried again"
            raise PostgresRungBlocked(Reason.READER_OPEN, detail)
    detail = f"{climb.where}: others go on changing {name}, and each time it was rewritten somebody could still see rows deleted meanwhile"
    raise PostgresRungBlocked(Reason.READER_OPEN, f"{detail}; it is tried again, best when it is used less")


def _vacuum(climb: PostgresClimb, name: str) -> Notices:
    statement = sql.SQL("VACUUM (FULL, VERBOSE) {}").format(sql.SQL(name))
    with noticing(climb.connection) as notices:
        try:
            climb.connection.execute(statement)
        except psycopg.errors.DiskFull:
            # Workers that build an index together share memory, of which a container may have little: one alone needs none.
            climb.connection.execute("SET max_parallel_maintenance_workers = 0")
            climb.connection.execute(statement)
    return notices


def _file_of(climb: PostgresClimb, oid: int) -> int:
    ((file,),) = climb.rows("SELECT pg_relation_filenode(%s::oid::regclass)", oid)
    return int(file or 0)


def _now(climb: PostgresClimb) -> str:
    ((now,),) = climb.rows("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text")
    return str(now)


def _prepare(climb: PostgresClimb) -> None:
    """Give index builds memory where there are vector indexes: one that does not fit into it takes several times as long.

    All others are built faster with what the server has set: what they work on stays in the processor's caches.
    """
    ((largest,),) = climb.rows(_VECTOR_INDEXES, [table.oid for table in climb.scope.tables])
    if not largest:
        return
    wanted = min(1024, 256 + 2 * largest // _MIB)
    climb.connection.execute(
        "SELECT set_config('maintenance_work_mem', greatest(setting::bigint, %s::bigint)::text, false) FROM pg_catalog.pg_settings"
        " WHERE name = 'maintenance_work_mem'",
        (wanted << 10,),
    )
    climb.connection.execute("SET max_parallel_maintenance_workers = 4")
