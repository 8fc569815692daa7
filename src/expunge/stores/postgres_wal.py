"""The rung over the write-ahead log: every segment from before is passed and removed, those that lie ready for re-use too.

A checkpoint does not remove old segments; it renames them into the future, old content and all, until the log gets there. So
``wal_recycle`` is switched off for the time, and put back after. The value written then is a spelling of *off* that nobody would choose
(PostgreSQL takes every beginning of *false*): a climb that finds it knows that an earlier one was cut short, and what was there before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from expunge import permit
from expunge.core.outcome import Reason
from expunge.faults import failpoint
from expunge.stores.postgres_rung import Blocked, Climb
from expunge.stores.postgres_server import Connection

WAS_UNSET, WAS_ON = "fal", "fals"
"""What ``postgresql.auto.conf`` says while we hold the setting: nothing stood there before, or *on*."""

_RELOADED_SECONDS = 2.0
_SEGMENTS = """
SELECT ('x' || substr(name, 9, 8))::bit(32)::bigint * (4294967296 / size) + ('x' || substr(name, 17, 8))::bit(32)::bigint
FROM pg_ls_waldir() AS f (name, bytes, modification), pg_size_bytes(current_setting('wal_segment_size')) AS size
WHERE name ~ '^[0-9A-F]{24}(\\.partial)?$'"""
_CURRENT = "SELECT trunc((pg_current_wal_insert_lsn() - '0/0') / pg_size_bytes(current_setting('wal_segment_size')))::bigint"
_KEPT = "SELECT (pg_size_bytes(current_setting('wal_keep_size')) / pg_size_bytes(current_setting('wal_segment_size')))::bigint"
_ADVANCE = (
    "SELECT count(pg_switch_wal()) FROM generate_series(1, %s) AS n WHERE pg_logical_emit_message(false, 'expunge', n::text) IS NOT NULL"
)
_HOLDING = """
SELECT string_agg(slot_name || CASE WHEN active THEN '' ELSE ', which nobody reads from' END, '; ' ORDER BY slot_name)
FROM pg_catalog.pg_replication_slots
WHERE (restart_lsn - '0/0') / pg_size_bytes(current_setting('wal_segment_size')) < %s + 1"""
_SPILLED = """
SELECT string_agg(slot_name, ', ') FROM pg_catalog.pg_replication_slots s
WHERE slot_type = 'logical' AND EXISTS (SELECT FROM pg_ls_replslotdir(s.slot_name) WHERE name LIKE 'xid-%')"""


def write_ahead_log(climb: Climb) -> int:
    """Records of deleted rows and old page images, in segments written, kept and set aside for re-use; decoded spills of slots."""
    permit.check()
    climb.restart_clock()
    failpoint("postgres.purge.wal:before")
    with _not_recycling(climb.connection) as off:
        old = _segments(climb)
        last = max(old)
        _pass(climb, last)
        climb.connection.execute("CHECKPOINT")
        if not off or max(_segments(climb)) > _current(climb):
            # What the checkpoint renamed into the future holds old records: it is passed as well, and written over thereby.
            _pass(climb, max(_segments(climb)))
        # crash here: wal_recycle stays off, in our spelling, until the next climb.
    failpoint("postgres.purge.wal:after")
    left = climb.waited(lambda: _held(climb, last))
    if left:
        raise Blocked(
            Reason.READER_OPEN, f"{climb.where}: the write-ahead log from before the erasure is kept by {left}; it is tried again"
        )
    return len(old)


def _pass(climb: Climb, last: int) -> None:
    """Go on writing until the log is past segment ``last`` and all that ``wal_keep_size`` keeps: the rest of each is filled with zeros."""
    ((kept,),) = climb.rows(_KEPT)
    while (ahead := last + kept + 1 - _current(climb)) > 0:
        climb.rows(_ADVANCE, ahead)


def _held(climb: Climb, last: int) -> str:
    """Who keeps segments up to ``last``, in words; empty when none is left."""
    ((spilled,),) = climb.rows(_SPILLED)
    if spilled:
        return f"replication slots that decode ({spilled})"
    if min(_segments(climb), default=last + 1) > last:
        return ""
    climb.connection.execute("CHECKPOINT")
    if min(_segments(climb), default=last + 1) > last:
        return ""
    ((slots,),) = climb.rows(_HOLDING, last)
    if slots:
        return f"replication slots ({slots})"
    ((archiving,),) = climb.rows("SELECT current_setting('archive_mode') <> 'off'")
    return "archiving, which has not copied it yet" if archiving else "the server"


def _segments(climb: Climb) -> list[int]:
    """The numbers of all segments in the log's folder, of whatever timeline."""
    return [row[0] for row in climb.rows(_SEGMENTS)]


def _current(climb: Climb) -> int:
    ((current,),) = climb.rows(_CURRENT)
    return int(current)


@contextmanager
def _not_recycling(connection: Connection) -> Iterator[bool]:
    """Switch ``wal_recycle`` off inside, where the role may; says whether it is off. Puts back what was there, a cut-short climb's too."""
    if not _may_alter(connection):
        yield not _recycles(connection)
        return
    spelled = held(connection)
    if not spelled and _recycles(connection):
        spelled = WAS_ON if _set_by_command(connection) else WAS_UNSET
        failpoint("postgres.purge.recycle_off:before")
        connection.execute(sql.SQL("ALTER SYSTEM SET wal_recycle = {}").format(spelled))
        failpoint("postgres.purge.recycle_off:after")
        _reload(connection, recycles=False)
    try:
        yield not _recycles(connection)
    finally:
        if spelled and not connection.closed:
            put_back(connection, spelled)


def put_back(connection: Connection, spelled: str) -> None:
    """Undo what :func:`_not_recycling` wrote: ``spelled`` says what was there before."""
    failpoint("postgres.purge.recycle_back:before")
    connection.execute("ALTER SYSTEM SET wal_recycle = on" if spelled == WAS_ON else "ALTER SYSTEM RESET wal_recycle")
    failpoint("postgres.purge.recycle_back:after")
    _reload(connection, recycles=True)


def held(connection: Connection) -> str:
    """Our spelling in ``postgresql.auto.conf``, where a climb was cut short or another is going on; empty otherwise."""
    if connection.execute("SELECT has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')").fetchone() != (True,):
        return ""
    rows = connection.execute(
        "SELECT setting FROM pg_catalog.pg_file_settings WHERE name = 'wal_recycle' AND sourcefile LIKE '%postgresql.auto.conf'"
    ).fetchall()
    return next((row[0] for row in rows if row[0] in {WAS_UNSET, WAS_ON}), "")


def _set_by_command(connection: Connection) -> bool:
    """Whether ``postgresql.auto.conf`` says *on*, so that it must say so again."""
    rows = connection.execute(
        "SELECT sourcefile LIKE '%postgresql.auto.conf' FROM pg_catalog.pg_settings WHERE name = 'wal_recycle'"
    ).fetchall()
    return bool(rows and rows[0][0])


def _may_alter(connection: Connection) -> bool:
    query = """
    SELECT has_parameter_privilege('wal_recycle', 'ALTER SYSTEM') AND has_function_privilege('pg_reload_conf()', 'EXECUTE')
       AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')"""
    return connection.execute(query).fetchone() == (True,)


def _recycles(connection: Connection) -> bool:
    return connection.execute("SELECT current_setting('wal_recycle')::bool").fetchone() == (True,)


def _reload(connection: Connection, *, recycles: bool) -> None:
    """Let the server read its settings, and wait for the news to arrive; a setting of the command line does not change."""
    connection.execute("SELECT pg_reload_conf()")
    until = time.monotonic() + _RELOADED_SECONDS
    while _recycles(connection) is not recycles and time.monotonic() < until:
        time.sleep(0.005)
