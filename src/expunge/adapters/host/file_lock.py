"""An exclusive lock between processes that dies with its holder and is fair between competing processes.

A bare ``flock`` in a loop starves: the process that releases it takes it again before a waiter wakes. So every process passes a turnstile
first, held only while waiting. A process that has just released must queue behind the waiter.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge.errors import Busy

_FIRST_PAUSE = 0.0005
_LONGEST_PAUSE = 0.005


class FileLock:
    """A lock named by a file that is never removed (removing it would let two holders in).

    Args:
        path: the lock file; its folder must exist. A second file with ``.turn`` appended is the turnstile.
        wait: seconds to wait before :class:`~expunge.errors.Busy`.
        busy: the sentence for the operator: what is held by another process.
    """

    def __init__(self, path: Path, *, wait: float, busy: str) -> None:
        self._path = path
        self._turn = path.with_name(path.name + ".turn")
        self._wait = wait
        self._busy = busy

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of a ``with`` block. Not re-entrant, also not between threads. Raises Busy, OSError."""
        deadline = time.monotonic() + self._wait
        turn = self._take(self._turn, deadline)
        try:
            descriptor = self._take(self._path, deadline)
        finally:
            os.close(turn)
        try:
            yield
        finally:
            os.close(descriptor)

    def _take(self, path: Path, deadline: float) -> int:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        pause = _FIRST_PAUSE
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    raise Busy(self._busy, help="wait until the other run has ended, then try again") from None
                time.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except BaseException:
                os.close(descriptor)
                raise
            else:
                return descriptor
