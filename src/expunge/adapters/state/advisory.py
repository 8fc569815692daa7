"""A lock between processes in a PostgreSQL database. A session holds it, so that it dies with its holder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import OperationalError, connections
from django.db.backends.utils import CursorWrapper

from expunge.adapters.state.explained import explained
from expunge.errors import Busy

_NAMESPACE = 0x45585055
"""Ours among the locks of a database ("EXPU")."""
_TIMED_OUT = "55P03"


class Lock(IntEnum):
    """The kinds of locks."""

    MIGRATE = 1
    RUN = 2
    CHANGE = 3


@contextmanager
def advisory(alias: str, lock: Lock, *, wait: float, busy: str) -> Iterator[None]:
    """Hold a lock for the length of a block, on a connection of its own, so that no transaction of ours ends it.

    Raises:
        Busy: another process held it for the whole wait.
        StateUnavailable: the server cannot be reached.
    """
    connection = connections[alias].copy()
    try:
        with explained("the lock on the state database could not be taken", alias), connection.cursor() as cursor:
            if not _taken(cursor, lock) and not _taken_in_turn(cursor, lock, wait):
                raise Busy(busy, help="wait until the other process has ended, then try again")
        yield
    finally:
        connection.close()


def _taken(cursor: CursorWrapper, lock: Lock) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_NAMESPACE, lock.value])
    row = cursor.fetchone()
    return bool(row and row[0])


def _taken_in_turn(cursor: CursorWrapper, lock: Lock, wait: float) -> bool:
    """Wait in the server's own queue, in which whoever came first is first."""
    if wait <= 0:
        return False
    cursor.execute("SELECT pg_catalog.set_config('lock_timeout', %s, false)", [f"{max(1, round(wait * 1000))}ms"])
    try:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_NAMESPACE, lock.value])
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _TIMED_OUT:
            raise
        return False
    return True
