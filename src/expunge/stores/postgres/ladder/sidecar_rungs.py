"""Rungs over the files that the server writes beside its tables: texts of statements, log files."""

from __future__ import annotations

import os
from pathlib import Path

from psycopg import sql

from expunge import permit
from expunge.core.values.outcome import Reason
from expunge.faults import failpoint
from expunge.stores.postgres.ladder import server_log
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked
from expunge.stores.postgres.server.data_directory import DataDirectory

_MOVE_ON = "SELECT count(pg_notify('expunge', repeat('.', 7900) || n::text)) FROM generate_series(1, %s) AS n"
"""Each fills a page of 8 KiB; a file has 32."""
_SEEN = 4096
_LOADED = "SELECT 'pg_stat_statements' = ANY(string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))"
_RESET = """
SELECT quote_ident(n.nspname) FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'pg_stat_statements'"""


def statements(climb: PostgresClimb) -> int:
    """Reset the texts that ``pg_stat_statements`` keeps, with the constants of those it does not normalise, for all databases."""
    if climb.rows(_LOADED) != [(True,)]:
        return 0
    permit.check()
    failpoint("postgres.purge.statements:before")
    with climb.connection.transaction(force_rollback=True):
        # What is counted lies in memory that no transaction guards: a reset stays when the extension made for it is rolled back.
        if not climb.rows(_RESET):
            climb.connection.execute("CREATE EXTENSION pg_stat_statements")
        ((schema,),) = climb.rows(_RESET)
        climb.connection.execute(sql.SQL("SELECT {}.pg_stat_statements_reset()").format(sql.SQL(schema)))
    failpoint("postgres.purge.statements:after")
    return 1


def notifications(climb: PostgresClimb) -> int:
    """Move the queue of NOTIFY on.

    Its payloads lie in ``pg_notify``, read or not, until it has moved on by a file and all listeners read it.
    """
    place = climb.server.place()
    if not isinstance(place, DataDirectory):
        raise PostgresRungBlocked(Reason.UNREACHABLE, f"{climb.where}: {place}")
    before = _queued(place)
    if not before:
        return 0
    permit.check()
    failpoint("postgres.purge.notifications:before")
    climb.rows(_MOVE_ON, 40)
    failpoint("postgres.purge.notifications:after")
    if climb.waited(lambda: _unread(climb, place, before)):
        detail = f"{climb.where}: a session that LISTENs has not read its notifications yet; end its transaction, it is tried again"
        raise PostgresRungBlocked(Reason.READER_OPEN, detail)
    return len(before)


def _unread(climb: PostgresClimb, place: DataDirectory, before: frozenset[str]) -> str:
    if not before & _queued(place):
        return ""
    # The server looks for what has been read by all only while somebody writes, every fourth page.
    climb.rows(_MOVE_ON, 5)
    return "left"


def _queued(place: DataDirectory) -> frozenset[str]:
    return frozenset(path.name for path in (place.data / "pg_notify").iterdir())


def log_files(climb: PostgresClimb) -> int:
    """Statements, parameters and values in the server's log files: blanked in place; times, processes and severities stay."""
    place = climb.server.place()
    if not isinstance(place, DataDirectory):
        raise PostgresRungBlocked(Reason.UNREACHABLE, f"{climb.where}: {place}")
    files = place.logs().files
    if not all(os.access(file, os.W_OK) for file in files):
        raise PostgresRungBlocked(
            Reason.PERMISSION, f"{climb.where}: this process may not write the server's log files, which may quote erased rows"
        )
    permit.check()
    return sum(_blanked(climb, file) for file in files)


def _blanked(climb: PostgresClimb, path: Path) -> bool:
    """Blank what was written to a log file since this process last did; one that reads otherwise before that place was begun anew."""
    status = path.stat()
    name = (status.st_dev, status.st_ino)
    start, before = climb.server.blanked.get(name, (0, b""))
    places, end = server_log.blank(path, start if before and _before(path, start) == before else 0)
    climb.server.blanked[name] = end, _before(path, end)
    return bool(places)


def _before(path: Path, at: int) -> bytes:
    """The bytes right before a place of a log file: others than last time where it was begun anew (``log_truncate_on_rotation``)."""
    with path.open("rb") as file:
        file.seek(max(0, at - _SEEN))
        return file.read(min(at, _SEEN))
