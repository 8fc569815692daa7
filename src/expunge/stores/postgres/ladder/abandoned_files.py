"""Remove files of tables that no transaction ever committed. A server that is killed in the middle leaves them, with rows in them.

PostgreSQL never removes such files, because nothing in its catalogue names them. A file is safe to remove when its last write is older than
the start of the oldest transaction that is open now. The transaction that made it has committed, and then the catalogue names the file, or
has ended without a commit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from expunge import durable, permit
from expunge.core.values.outcome import Reason
from expunge.stores.postgres.ladder.rung import PostgresClimb, PostgresRungBlocked
from expunge.stores.postgres.server.data_directory import DataDirectory

_FILE = re.compile(r"(\d+)(_(fsm|vm|init))?(\.\d+)?")
_OLDEST = """
SELECT (SELECT extract(epoch FROM least(now(), min(xact_start)))::float8 FROM pg_catalog.pg_stat_activity),
  (SELECT count(*) FROM pg_catalog.pg_prepared_xacts WHERE database = current_database())
  + (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'disabled')"""
_NAMED = "SELECT pg_relation_filenode(oid) FROM pg_catalog.pg_class WHERE pg_relation_filenode(oid) IS NOT NULL"
_CLOCKS = 2.0
"""Seconds by which the file system's clock and the server's may differ."""


def files(climb: PostgresClimb) -> int:
    """Files that a crash left of tables being made or rewritten."""
    place = climb.server.place()
    if not isinstance(place, DataDirectory):
        raise PostgresRungBlocked(Reason.UNREACHABLE, f"{climb.where}: {place}")
    # This order: who is open when asked is older than their files; who has committed by then is named when that is asked.
    listed = list(_files(climb, place))
    ((oldest, unknown),) = climb.rows(_OLDEST)
    named = {row[0] for row in climb.rows(_NAMED)}
    if unknown:
        # Prepared transactions, and sessions that do not tell: they may be older than anybody says.
        return 0
    # Empty ones are names that the server itself keeps until its next checkpoint.
    abandoned = [path for path, number, status in listed if number not in named and status.st_size and status.st_mtime < oldest - _CLOCKS]
    if abandoned:
        permit.check()
    try:
        for path in abandoned:
            # crash here: the rest is found again by the next climb.
            durable.unlink(path, at="postgres.purge.abandoned")
    except PermissionError:
        detail = f"{climb.where}: {len(abandoned)} files left by a crash of the server cannot be removed by this process"
        raise PostgresRungBlocked(Reason.PERMISSION, detail) from None
    return len(abandoned)


def _files(climb: PostgresClimb, place: DataDirectory) -> Iterator[tuple[Path, int, os.stat_result]]:
    ((database,),) = climb.rows("SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database()")
    folders = [place.data / "base" / database]
    folders += [folder for space in place.tablespaces(climb.connection) for folder in space.glob(f"PG_*/{database}")]
    for folder in folders:
        for path in folder.iterdir():
            named = _FILE.fullmatch(path.name)
            with suppress(FileNotFoundError):
                if named:
                    yield path, int(named[1]), path.stat()
