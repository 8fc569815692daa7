"""One running command with the keeper that watches it. Both are gone when the block ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expunge import permit
from expunge.adapters.commands import keeper_process
from expunge.adapters.commands.keeper_process import Task
from expunge.adapters.commands.orphans import MARK, end_marked, mark

ASKED_EVERY = 2.0
"""Seconds between two looks at whether this step is still ours."""
_GRACE = 30.0
"""Seconds that the keeper may be late, before it is taken for stuck."""
_KEEPER = (sys.executable, "-I", "-S", keeper_process.__file__)
_WORD = re.compile(rb"expunge: progress ((?:0|1)(?:\.\d{1,9})?)\s*")
_LONGEST = 100
"""Bytes of a line of progress; longer ones are none."""


class NotStarted(Exception):
    """No process could be made; the message is the operating system's."""


@contextmanager
def kept(task: Task, folder: Path, request: bytes, environment: Mapping[str, str]) -> Iterator[KeeperListener]:
    """A command with its keeper; both are gone after the block, however it is left."""
    own = mark()
    with contextlib.ExitStack() as stack:
        asked = stack.enter_context(_in_memory(request))
        inner, lifeline = (stack.enter_context(os.fdopen(each, mode)) for each, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        report, outer = (stack.enter_context(os.fdopen(each, mode)) for each, mode in zip(os.pipe(), ("rb", "wb"), strict=True))
        handed = asdict(task) | {"lifeline": inner.fileno(), "report": outer.fileno()}
        try:
            keeper = subprocess.Popen(
                [*_KEEPER, json.dumps(handed)],
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env={**environment, MARK: own},
                start_new_session=True,
                pass_fds=(inner.fileno(), outer.fileno()),
                bufsize=0,
            )
        except OSError as error:
            raise NotStarted(error.strerror) from error
        inner.close()
        outer.close()
        assert keeper.stdout is not None
        assert keeper.stderr is not None
        try:
            yield KeeperListener(keeper, report.fileno(), task.seconds + _GRACE)
        finally:
            # Why not by closing alone: a process that was forked from this one meanwhile has the pipe as well.
            with contextlib.suppress(BrokenPipeError):
                os.write(lifeline.fileno(), b".")
            try:
                keeper.wait(_GRACE)
            except subprocess.TimeoutExpired:
                keeper.kill()
                keeper.wait()
            # Where what watched it was killed, what it watched may still be there.
            if keeper.returncode:
                end_marked(own)
            keeper.stdout.close()
            keeper.stderr.close()


@contextmanager
def _in_memory(request: bytes) -> Iterator[int]:
    """The request as a file that is in memory only, is read to its end as any other, and that nobody can change."""
    descriptor = os.memfd_create("request", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(request)
        os.lseek(descriptor, 0, os.SEEK_SET)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
        yield descriptor
    finally:
        os.close(descriptor)


class KeeperListener:
    """The listener to a command and its keeper."""

    def __init__(self, keeper: subprocess.Popen[bytes], report: int, seconds: float) -> None:
        self._keeper = keeper
        self._report = report
        self._until = time.monotonic() + seconds
        self._line = b""
        self._shown = -1.0
        self.dropped = 0
        """Bytes of output that were no progress."""

    def wait(self, progress: Callable[[float], None]) -> dict[str, Any]:
        """Return the keeper's last report; empty where it made none."""
        assert self._keeper.stdout is not None
        assert self._keeper.stderr is not None
        said, asked = b"", time.monotonic()
        with selectors.DefaultSelector() as selector:
            for file in (self._report, self._keeper.stdout.fileno(), self._keeper.stderr.fileno()):
                selector.register(file, selectors.EVENT_READ)
            while self._report in selector.get_map() and time.monotonic() < self._until:
                for key, _ in selector.select(1.0):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fd)
                    elif key.fd == self._report:
                        said += data
                    elif key.fd == self._keeper.stdout.fileno():
                        self._read(data, progress)
                    else:
                        self.dropped += len(data)
                if time.monotonic() - asked > ASKED_EVERY:
                    asked = time.monotonic()
                    permit.check()
        self._drain(progress)
        answer: dict[str, Any] = {}
        for line in said.splitlines():
            answer |= json.loads(line)
        return answer

    def _drain(self, progress: Callable[[float], None]) -> None:
        """What it wrote last."""
        assert self._keeper.stdout is not None
        os.set_blocking(self._keeper.stdout.fileno(), False)
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._keeper.stdout.fileno(), 1 << 16):
                self._read(data, progress)

    def _read(self, data: bytes, progress: Callable[[float], None]) -> None:
        self.dropped += len(data)
        *lines, rest = (self._line + data).split(b"\n")
        # A line that grows without end is none; its beginning is dropped, its end cannot look like progress.
        self._line = rest if len(rest) <= _LONGEST else b"\0" * _LONGEST
        for line in lines:
            found = _WORD.fullmatch(line)
            self.dropped -= len(line) + 1 if found else 0
            share = float(found[1]) if found else -1.0
            if self._shown < share <= 1.0:
                self._shown = share
                progress(share)
