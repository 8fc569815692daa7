"""Run a function in a process that shares nothing with this one: for engines whose threads do not live through a fork.

A fresh interpreter imports the modules of the function and uses none of them. The function runs in a fork of that interpreter, so that a
hundred children cost one start.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

from expunge.testing.forked import ChildExit, RunningChild, answer, ended

_PROGRAM = "from expunge.testing.fresh import serve; serve()"
_NUMBER = struct.Struct("<q")
_OURS = "EXPUNGE_TESTING_SOCKET"


def start(function: Callable[[], Any]) -> RunningChild:
    """Start ``function``, which must be picklable: its module and its contents are found by name."""
    ours, theirs = socket.socketpair()
    with theirs:
        _nursery().ask(pickle.dumps(function), theirs)
    return _Fresh(ours)


class _Fresh(RunningChild):
    """A child of the fresh interpreter at work."""

    def __init__(self, connection: socket.socket) -> None:
        (pid,) = _NUMBER.unpack(_exactly(connection, _NUMBER.size))
        super().__init__(pid, connection.detach())

    def collect(self, said: bytes) -> ChildExit:
        """What the child answered, and behind it its status as the process that waited for it tells."""
        (status,) = _NUMBER.unpack(said[-_NUMBER.size :])
        return ended(status, said[: -_NUMBER.size])


class _Nursery:
    """The fresh interpreter."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each), _OURS: str(theirs.fileno())}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM], stdin=subprocess.DEVNULL, env=environment, pass_fds=[theirs.fileno()]
            )
        atexit.register(self.end)

    def ask(self, function: bytes, theirs: socket.socket) -> None:
        """Have a pickled function run; what comes of it is written to ``theirs``."""
        with self._lock:
            socket.send_fds(self._socket, [_NUMBER.pack(len(function))], [theirs.fileno()])
            self._socket.sendall(function)

    def end(self) -> None:
        """Let it go; children at work are not waited for."""
        self._socket.close()
        self._process.wait()


_MADE: dict[int, _Nursery] = {}
"""By process: a fork of this one begins an interpreter of its own."""


def _nursery() -> _Nursery:
    return _MADE.get(os.getpid()) or _MADE.setdefault(os.getpid(), _Nursery())


# --- in the fresh interpreter --------------------------------------------------------------------------


def serve() -> None:
    """Run requested functions, each in a fork, until the requesting process is gone."""
    warnings.simplefilter("ignore")
    with socket.socket(fileno=int(os.environ.pop(_OURS))) as asking:
        while True:
            size, handles, _, _ = socket.recv_fds(asking, _NUMBER.size, 1)
            if not handles:
                return
            function = _exactly(asking, *_NUMBER.unpack(size))
            _prepare(function)
            if not os.fork():
                asking.close()
                _keep(handles[0], function)
            os.close(handles[0])
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _prepare(function: bytes) -> None:
    """Import all that the function is made of, once for all children."""
    # What is wrong with it is the child's answer.
    with contextlib.suppress(Exception):
        pickle.loads(function)  # noqa: S301 - of whoever started this interpreter


def _keep(handle: int, function: bytes) -> None:
    """Run the function in a child, wait for it, and tell how it ended."""
    pid = os.fork()
    if not pid:
        os.write(handle, _NUMBER.pack(os.getpid()))
        answer(partial(_call, function), os.fdopen(handle, "wb"))
    try:
        _, status = os.waitpid(pid, 0)
        os.write(handle, _NUMBER.pack(status))
    except OSError:
        traceback.print_exc()
    finally:
        os._exit(0)


def _call(function: bytes) -> Any:
    return pickle.loads(function)()  # noqa: S301 - of whoever started this interpreter


def _exactly(connection: socket.socket, size: int) -> bytes:
    said = b""
    while len(said) < size:
        more = connection.recv(size - len(said))
        assert more, "the interpreter that runs children is gone"
        said += more
    return said
