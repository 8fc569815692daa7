"""A lock between processes in a PostgreSQL database. A session holds it, so that it dies with its holder."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

from django.db import connections
from django.db.backends.utils import CursorWrapper

from expunge.adapters.state.explained import explained
from expunge.errors import Busy

_NAMESPACE = 0x45585055
"""Ours among the locks of a database ("EXPU")."""
_PAUSE = 0.05


class Lock(IntEnum):
    """The kinds of locks."""

    MIGRATE = 1
    RUN = 2


@contextmanager
def advisory(alias: str, lock: Lock, *, wait: float, busy: str) -> Iterator[None]:
    """Hold a lock for the length of a block, on a connection of its own, so that no transaction of ours ends it.

    Raises:
        Busy: another process held it for the whole wait.
        StateUnavailable: the server cannot be reached.
    """
    connection = connections[alias].copy()
    try:
        with explained("the lock on the state database could not be taken", alias):
            deadline = time.monotonic() + wait
            with connection.cursor() as cursor:
                while not _taken(cursor, lock):
                    if time.monotonic() >= deadline:
                        raise Busy(busy, help="wait until the other run has ended, then try again")
                    time.sleep(_PAUSE)
        yield
    finally:
        connection.close()


def _taken(cursor: CursorWrapper, lock: Lock) -> bool:
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_NAMESPACE, lock.value])
    row = cursor.fetchone()
    return bool(row and row[0])
