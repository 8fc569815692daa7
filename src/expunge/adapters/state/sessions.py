"""The lifetime of a thread's connection to a state database.

Django gives each thread a connection of its own and leaves it open when the thread ends. Here a connection has holders: the code that
opened the journal until it is closed, a block (:func:`session`), and each single call. When the last holder lets go, the connection is
closed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import Error

_IDLE = 1.0
"""Seconds without a use after which a server may have ended a connection unnoticed."""


class _Held:
    """One thread's connection to one database, and the number of its holders."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.guard = threading.Lock()
        self.holders = 0
        # Kept here as well as by Django, so that the end of the thread does not drop it while somebody holds it.
        self._connection = connection
        self._used = time.monotonic()

    def renew(self) -> None:
        """Close the connection where its server ended it while it was idle; the thread's next call opens another one."""
        now, connection = time.monotonic(), self._connection
        idle, self._used = now - self._used > _IDLE, now
        # Why one vendor: a file needs no server to be there.
        looks = idle and connection.vendor == "postgresql" and connection.connection is not None and not connection.in_atomic_block
        if looks and not connection.is_usable():
            self.close()

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

    def renew(self) -> None:
        """Be sure, in its thread, that a connection that was idle still works: a server that began anew has ended it."""
        if self._held is not None:
            self._held.renew()

    def release(self) -> None:
        """Let go of it, from any thread; safe to call twice. The last holder closes the connection."""
        held, self._held = self._held, None
        if held is None:
            return
        with held.guard:
            held.holders -= 1
            if not held.holders:
                held.close()


class StayingThreads:
    """Keeps the database connection of each thread that stays, until :meth:`close`. Safe between threads."""

    def __init__(self, alias: str) -> None:
        """Hold none yet."""
        self._alias = alias
        self._guard = threading.Lock()
        self._holds: dict[threading.Thread, Hold] = {}

    def stay(self) -> None:
        """Keep the calling thread's connection; close those of threads that have ended since.

        Called again, it lets go of a connection that the server ended while the thread was idle: the next call opens another one.
        """
        thread = threading.current_thread()
        with self._guard:
            ended = [self._holds.pop(each) for each in list(self._holds) if not each.is_alive()]
            if thread not in self._holds:
                self._holds[thread] = Hold(self._alias)
            mine = self._holds[thread]
        mine.renew()
        for hold in ended:
            hold.release()

    def close(self) -> None:
        """Let go of the connections of all threads; safe to call twice."""
        with self._guard:
            holds, self._holds = self._holds, {}
        for hold in holds.values():
            hold.release()


@contextmanager
def session(alias: str) -> Iterator[None]:
    """Keep the calling thread's connection open for the length of a block, however many calls are made in it; sessions nest."""
    hold = Hold(alias)
    try:
        yield
    finally:
        hold.release()
