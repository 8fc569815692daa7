"""A child process that closes itself, and the pipes to it. Its caller gives each exchange a time; a child that is late is ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time

from expunge.adapters.closed import wire
from expunge.core.values.canonical import Json
from expunge.errors import StoreUnavailable
from expunge.ports.review.range_source import MOST_READ, RangeSource

READY = b"\x01"
"""The byte that a child writes once it is closed."""
BEGIN = 30.0
"""Seconds in which a child imports what it needs and closes itself."""
_SAFE = ("-P",)
"""Without the working folder among the places of modules."""


class ChildEnded(Exception):
    """The child was late, died, or said nonsense. It is to be ended, and another begun."""


class ClosedChild:
    """A child process that was asked to close itself. For one thread at a time."""

    def __init__(self, module: str, *words: str) -> None:
        """Start the child and wait until it is closed.

        Args:
            module: run as a program; it calls :func:`expunge.adapters.closed.closing.close` and then :func:`~.closing.ready`.
            words: its arguments.

        Raises:
            StoreUnavailable: it cannot be started here, or cannot close itself.
        """
        known = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
        # Why one: a process with other threads cannot close itself.
        known |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            self._process = subprocess.Popen(
                [sys.executable, *_SAFE, "-m", module, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=known,
                start_new_session=True,
                bufsize=0,
            )
        except OSError as error:
            message = f"no process that decodes could be started: {error.strerror}"
            raise StoreUnavailable(message, help="free memory or processes, then look again") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        try:
            if self.read(len(READY), time.monotonic() + BEGIN) != READY:
                raise ChildEnded
        except ChildEnded as error:
            self.end()
            message = "the process that decodes could not close itself, and was given nothing"
            raise StoreUnavailable(message, help="it takes a kernel with seccomp, memory, and for films the extra `desk`") from error
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Return the number of the process."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        """Return whether it can be asked."""
        return self._process.poll() is None

    def ask(self, request: dict[str, Json], source: RangeSource, seconds: float) -> tuple[dict[str, Json], bytes]:
        """Return head and body of the answer to a request, reading for the child what it asks of the source.

        Args:
            request: fields of the request.
            source: the recording. The time that it takes does not count.
            seconds: the time of the child.

        Raises:
            ChildEnded: it was late, died, or said nonsense.
            Whatever the source raises. The child is then in the middle of its work, and is to be ended as well.
        """
        until = time.monotonic() + seconds
        head = json.dumps(request | {"size": source.size}).encode()
        self.write(wire.REQUEST.pack(len(head)) + head, until)
        while True:
            kind, first, second = wire.ANSWER.unpack(self.read(wire.ANSWER.size, until))
            if kind == wire.DONE and first <= wire.MOST_HEAD and second <= wire.MOST_BODY:
                told = self.read(first, until)
                return _fields(told), self.read(second, until)
            if kind != wire.READ or not first < second <= source.size or second - first > MOST_READ:
                raise ChildEnded
            began = time.monotonic()
            data = source.read(first, second)
            until += time.monotonic() - began
            if len(data) != second - first:
                message = "a part of the recording was not given out whole"
                raise StoreUnavailable(message, help="`expunge check` says whether its store is in order")
            self.write(data, until)

    def write(self, data: bytes, until: float) -> None:
        """Write all of it. Raises ChildEnded once ``until`` (of the monotonic clock) has passed, or the child has gone."""
        view = memoryview(data)
        while view:
            try:
                if not select.select([], [self._in], [], max(0.0, until - time.monotonic()))[1]:
                    raise ChildEnded
                with contextlib.suppress(BlockingIOError):
                    view = view[os.write(self._in, view) :]
            except OSError as error:
                raise ChildEnded from error

    def read(self, size: int, until: float) -> bytes:
        """Return so many bytes. Raises ChildEnded as :meth:`write`."""
        parts, left = [], size
        while left:
            try:
                if not select.select([self._out], [], [], max(0.0, until - time.monotonic()))[0]:
                    raise ChildEnded
                part = os.read(self._out, left)
            except OSError as error:
                raise ChildEnded from error
            if not part:
                raise ChildEnded
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def end(self) -> None:
        """End the process. Safe to call twice."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()


def _fields(told: bytes) -> dict[str, Json]:
    try:
        fields = json.loads(told)
    except ValueError as error:
        raise ChildEnded from error
    if not isinstance(fields, dict):
        raise ChildEnded
    return fields
