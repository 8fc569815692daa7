"""Switch ``wal_recycle`` off while the old log is passed, and restore its earlier value, also after a crash.

A checkpoint does not remove old segments. It renames them into the future, old content and all, until the log gets there. The value written
while we hold the setting is an unusual spelling of *off* (PostgreSQL takes every beginning of *false*). A climb that finds it knows that an
earlier climb was cut short, and the value that was set before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import sql

from expunge.faults import failpoint
from expunge.stores.waiting import Wait

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]

WAS_UNSET, WAS_ON = "fal", "fals"
"""What ``postgresql.auto.conf`` says while we hold the setting: nothing stood there before, or *on*."""

_RELOADED_SECONDS = 2.0


@contextmanager
def not_recycling(connection: Connection) -> Iterator[bool]:
    """Switch ``wal_recycle`` off inside, where the role may, and say whether it is off.

    Restores the earlier value, a cut-short climb's too.
    """
    if not _may_alter(connection):
        yield not _recycles(connection)
        return
    spelled = held(connection)
    if not spelled and _not_read_again(connection):
        _reload(connection, recycles=True)
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
    """Undo the change of :func:`not_recycling`: ``spelled`` encodes the value that was set before."""
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


def _not_read_again(connection: Connection) -> bool:
    """Whether the server still goes by an *off* that is not in ``postgresql.auto.conf`` any more: cut short right after it was put back."""
    query = """
    SELECT NOT s.setting::bool AND s.sourcefile LIKE '%postgresql.auto.conf' AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_file_settings f
      WHERE f.name = 'wal_recycle' AND f.sourcefile LIKE '%postgresql.auto.conf' AND NOT f.setting::bool)
    FROM pg_catalog.pg_settings s WHERE s.name = 'wal_recycle'"""
    return connection.execute(query).fetchone() == (True,)


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
    wait = Wait(_RELOADED_SECONDS)
    while _recycles(connection) is not recycles and not wait.over():
        time.sleep(0.005)
