"""The process that writes the access log. The worker sends it lines through a pipe, and has no descriptor of the file and no right to it.

Code that has taken over the worker can add lines, and can neither read nor change those that are there.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import time
from collections.abc import Callable

from expunge.errors import Misconfigured

STDERR = 2
_MOST_LINE = 4096
"""Bytes that go into a pipe as one (PIPE_BUF), so that lines of threads do not mix."""
_LINE = re.compile(rb"[ -~]+")
_AGAIN = 2.0
"""Seconds between two starts."""
_LOOK = 0.5
"""Seconds after which a file that was moved is begun anew where no line comes."""


class LogProcess:
    """The writer of one access log. It ends when the server and its workers have."""

    def __init__(self, place: str) -> None:
        """Start nothing yet. ``place`` is a file, or ``-`` for standard error. Raises Misconfigured where the file cannot be written."""
        self._place = place
        self._pid = self._watching = -1
        self._started = 0.0
        if place == "-":
            return
        try:
            os.close(_opened(place))
        except OSError as error:
            message = f"the access log {place} cannot be written: {error.strerror}"
            raise Misconfigured(message, help="name a file in a folder that this user may write to, or - for standard error") from error
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    def start(self) -> None:
        """Start the process. This one must have one thread."""
        if self._place == "-":
            return
        self._started = time.monotonic()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _write_all(self._reading, self._place)
            finally:
                os._exit(0)
        self._watching = os.pidfd_open(self._pid)

    def look_after(self) -> None:
        """Start the process again where it has ended. To be called now and then."""
        if self._watching < 0 or not select.select([self._watching], [], [], 0)[0] or time.monotonic() - self._started < _AGAIN:
            return
        os.close(self._watching)
        self._watching = -1
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, os.WNOHANG)
        self.start()

    def reopen(self) -> None:
        """Have the file opened anew: it was moved away."""
        if self._watching >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._watching, signal.SIGHUP)

    def writer(self) -> Callable[[str], None]:
        """Return a function that sends a line without its end. It waits for nothing: a line that finds the pipe full is lost."""
        descriptor = STDERR if self._place == "-" else self._writing

        def write(line: str) -> None:
            # Why suppressed: a full disk is no reason not to answer.
            with contextlib.suppress(OSError):
                os.write(descriptor, line.encode()[: _MOST_LINE - 1] + b"\n")

        return write

    def forget(self) -> None:
        """Close the worker's copies of what it has no use for."""
        for descriptor in (self._watching, self._reading) if self._watching >= 0 else ():
            os.close(descriptor)
        self._watching = -1


def _opened(place: str) -> int:
    return os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _write_all(reading: int, place: str) -> None:
    """Write what comes until no process can send any more. Lines that are no printable ASCII are left out."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGWINCH, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)
    moved: list[int] = []
    signal.signal(signal.SIGHUP, lambda number, _: moved.append(number))
    # Why: the socket that listens, and the end that would keep this process alive.
    os.closerange(STDERR + 1, reading)
    os.closerange(reading + 1, os.sysconf("SC_OPEN_MAX"))
    file, rest = _opened(place), b""
    while True:
        ready = select.select([reading], [], [], _LOOK)[0]
        if moved:
            moved.clear()
            with contextlib.suppress(OSError):
                fresh = _opened(place)
                os.close(file)
                file = fresh
        if not ready:
            continue
        if not (data := os.read(reading, 2**16)):
            return
        *lines, rest = (rest + data).split(b"\n")
        rest = rest[:_MOST_LINE]
        with contextlib.suppress(OSError):
            os.write(file, b"".join(line + b"\n" for line in lines if _LINE.fullmatch(line)))
