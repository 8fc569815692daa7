"""The process above the worker: it begins a worker anew when one ends, whatever that one says on the way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

from gunicorn.arbiter import Arbiter

_NEVER = -1
"""A code with which no process ends."""
_PAUSE, _LONGEST_PAUSE = 1.0, 32.0
"""Seconds between the end of a worker and the next one; they double while workers end soon."""
_SOON = 60.0
"""Seconds: a worker that ended within them has ended soon."""


def signal_pipe() -> tuple[int, int]:
    """Return both ends of a pipe of which neither waits: a worker writes to it once it can answer."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    return reading, writing


class WatchingArbiter(Arbiter):  # type: ignore[misc]
    """The process above the worker, which looks after the keeper too.

    Gunicorn ends altogether when a worker ends with one of two codes, which mean that none can begin. That is right at the start, where
    the operator has to see why. Later it would let a worker that was taken over end the server.
    """

    def __init__(self, app: Any, tell: Callable[[str], None], begun: int) -> None:
        """Take the application.

        Args:
            app: the server.
            tell: tells the operator something, in one line.
            begun: the end of a pipe that can be read once a worker was able to answer.
        """
        self._tell, self._reading = tell, begun
        self._asked: set[int] = set()
        """Workers that were asked to end."""
        self._since: dict[int, float] = {}
        self._pause, self._not_before = _PAUSE, 0.0
        super().__init__(app)

    def manage_workers(self) -> None:
        """Start what has ended; called about once a second."""
        if self.WORKERS or time.monotonic() >= self._not_before:
            super().manage_workers()
        self.app.look_after()

    def spawn_worker(self) -> Any:
        """Start a worker."""
        pid = super().spawn_worker()
        self._since[pid] = time.monotonic()
        return pid

    def kill_worker(self, pid: int, sig: int) -> None:
        """Send a signal to a worker."""
        if sig in {signal.SIGTERM, signal.SIGQUIT}:
            self._asked.add(pid)
        super().kill_worker(pid, sig)

    def reap_workers(self) -> None:
        """Take note of workers that have ended."""
        if self._a_worker_began():
            self.WORKER_BOOT_ERROR = self.APP_LOAD_ERROR = _NEVER
        before = set(self.WORKERS)
        super().reap_workers()
        for pid in before - set(self.WORKERS):
            self._ended(pid)

    def reload(self) -> None:
        """Begin a worker anew, unless it could not begin: gunicorn would end altogether."""
        self.app.reopen_log()
        if self.app.can_begin():
            super().reload()

    def _a_worker_began(self) -> bool:
        try:
            return bool(os.read(self._reading, 4096))
        except BlockingIOError:
            return False

    def _ended(self, pid: int) -> None:
        now, since = time.monotonic(), self._since.pop(pid, 0.0)
        if pid in self._asked:
            self._asked.discard(pid)
            return
        self._pause = min(2 * self._pause, _LONGEST_PAUSE) if now - since < _SOON else _PAUSE
        self._not_before = now + self._pause
        self._tell(f"the web process ended by itself; another one begins in {self._pause:.0f} s")
