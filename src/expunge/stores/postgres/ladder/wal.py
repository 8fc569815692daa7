"""The rung over the write-ahead log. Every earlier segment is passed and removed, those that lie ready for re-use too."""

from __future__ import annotations

from expunge import permit
from expunge.core.values.outcome import Reason
from expunge.faults import failpoint
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked
from expunge.stores.postgres.server.wal_recycle import not_recycling

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


def write_ahead_log(climb: PostgresClimb) -> int:
    """Records of deleted rows and old page images, in segments written, kept and set aside for re-use; decoded spills of slots."""
    permit.check()
    climb.restart_clock()
    failpoint("postgres.purge.wal:before")
    with not_recycling(climb.connection) as off:
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
        raise PostgresRungBlocked(
            Reason.READER_OPEN, f"{climb.where}: the write-ahead log from before the erasure is kept by {left}; it is tried again"
        )
    return len(old)


def _pass(climb: PostgresClimb, last: int) -> None:
    """Go on writing until the log is past segment ``last`` and all that ``wal_keep_size`` keeps: the rest of each is filled with zeros."""
    ((kept,),) = climb.rows(_KEPT)
    while (ahead := last + kept + 1 - _current(climb)) > 0:
        climb.rows(_ADVANCE, ahead)


def _held(climb: PostgresClimb, last: int) -> str:
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


def _segments(climb: PostgresClimb) -> list[int]:
    """The numbers of all segments in the log's folder, of whatever timeline."""
    return [row[0] for row in climb.rows(_SEGMENTS)]


def _current(climb: PostgresClimb) -> int:
    ((current,),) = climb.rows(_CURRENT)
    return int(current)
