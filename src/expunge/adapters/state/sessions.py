"""The lifetime of a thread's connection to a state database.

Django gives each thread a connection of its own and leaves it open when the thread ends. Here a connection has holders: the code that
opened the journal until it is closed, a block (:func:`session`), and each single call. When the last holder lets go, the connection is
closed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error


class _Held:
    """One thread's connection to one database, and the number of its holders."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.guard = threading.Lock()
        self.holders = 0
        # Kept here as well as by Django, so that the end of the thread does not drop it while somebody holds it.
        self._connection = connection

    def close(self) -> None:
        """Close the connection, from whichever thread; the thread's next call opens it again."""
        self._connection.inc_thread_sharing()
        try:
            # What was committed is durable; a connection that broke cannot be closed any better.
            with suppress(Error):
                self._connection.close()
        finally:
            self._connection.dec_thread_sharing()


class _Mine(threading.local):
    """What the calling thread holds: alias -> connection."""

    def __init__(self) -> None:
        self.held: dict[str, _Held] = {}


_mine = _Mine()


class Hold:
    """Keeps the connection that the calling thread has, or opens next, until :meth:`release`."""

    def __init__(self, alias: str) -> None:
        """Hold it for the calling thread; nothing is opened."""
        held = _mine.held.get(alias)
        if held is None:
            held = _mine.held[alias] = _Held(connections[alias])
        self._held: _Held | None = held
        with held.guard:
            held.holders += 1

    def release(self) -> None:
        """Let go of it, from any thread; safe to call twice. The last holder closes the connection."""
        held, self._held = self._held, None
        if held is None:
            return
        with held.guard:
            held.holders -= 1
            if not held.holders:
                held.close()


@contextmanager
def session(alias: str) -> Iterator[None]:
    """Keep the calling thread's connection open for the length of a block, however many calls are made in it; sessions nest."""
    hold = Hold(alias)
    try:
        yield
    finally:
        hold.release()
