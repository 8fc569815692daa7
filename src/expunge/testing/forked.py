"""Run a function in a process of its own, which may die. Suites use it to play crashes, rival processes and missing rights."""

from __future__ import annotations

import os
import pickle
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn, TypeAlias

NOBODY = 65534
Begin: TypeAlias = "Callable[[Callable[[], Any]], RunningChild]"
"""How a child is begun: :func:`start`, or that of :mod:`expunge.testing.fresh`."""


@dataclass(frozen=True)
class ChildExit:
    """The end of a child process."""

    killed_by: int
    """Signal number, 0 when it ended by itself."""
    value: Any
    """What the function returned."""
    error: str
    """The traceback of what it raised; empty when it returned."""

    def returned(self) -> Any:
        """Return the function's value; fails the test with the child's traceback otherwise."""
        assert not self.killed_by, f"the child was killed by signal {self.killed_by}"
        assert not self.error, self.error
        return self.value


class RunningChild:
    """A child at work."""

    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self._pipe = pipe
        self._ended = False

    def kill(self) -> None:
        """End it now, unless it has ended."""
        if not self._ended:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def wait(self) -> ChildExit:
        """Wait until it ends; once."""
        with os.fdopen(self._pipe, "rb") as pipe:
            said = pipe.read()
        self._ended = True
        return self.collect(said)

    def collect(self, said: bytes) -> ChildExit:
        """Return the result of the child, from all that it wrote."""
        return ended(os.waitpid(self.pid, 0)[1], said)


def ended(status: int, said: bytes) -> ChildExit:
    """Return the end of a child, by its status and the output that :func:`answer` wrote in it."""
    if os.WIFSIGNALED(status):
        return ChildExit(os.WTERMSIG(status), None, "")
    # What is unpickled here was pickled by our own child a moment ago.
    value, error = pickle.loads(said) if said else (None, "the child ended without an answer")  # noqa: S301
    return ChildExit(0, value, error)


def answer(function: Callable[[], Any], pipe: IO[bytes]) -> NoReturn:
    """In a child: run ``function``, write its result, and end the process."""
    value, error = None, ""
    try:
        value = function()
    except BaseException:  # noqa: BLE001 - whatever it was is the child's answer
        error = traceback.format_exc()
    try:
        with pipe:
            pipe.write(pickle.dumps((value, error)))
    finally:
        os._exit(0)


def start(function: Callable[[], Any]) -> RunningChild:
    """Start ``function`` in a forked child. Handles that the parent has open must not be used by it."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # A child that only runs our function and leaves through os._exit needs none of the parent's threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        # What the engine of LanceDB says at every fork, once somebody has imported it: of children that use it.
        warnings.filterwarnings("ignore", "lance is not fork-safe")
        pid = os.fork()
    if pid:
        os.close(writing)
        return RunningChild(pid, reading)
    os.close(reading)
    answer(function, os.fdopen(writing, "wb"))


def in_child(function: Callable[[], Any]) -> ChildExit:
    """Run ``function`` in a forked child and wait for it."""
    return start(function).wait()


@contextmanager
def alongside(function: Callable[[], Any], begin: Begin = start) -> Iterator[RunningChild]:
    """Run ``function`` in a child while the block runs; the child is killed when the block fails."""
    child = begin(function)
    try:
        yield child
    except BaseException:
        child.kill()
        raise


def without_rights(folder: Path, function: Callable[[], Any], begin: Begin = start) -> ChildExit:
    """Run ``function`` as a user who may read ``folder`` but change nothing in it. The folder's modes are put back.

    As root this means becoming ``nobody`` in the child, because modes do not bind root.
    """
    everything = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in everything if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(0o555 if path.is_dir() else mode & 0o111 | 0o444)
    try:
        return begin(partial(_as_nobody, function)).wait()
    finally:
        for path, mode in modes.items():
            if path.exists():
                path.chmod(mode)


def _as_nobody(function: Callable[[], Any]) -> Any:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    return function()
