"""Failpoints: named places where the process can be made to die, fail, or lose a reply.

A failpoint costs one comparison when nothing is armed. Tests arm one through ``arm()`` or, for another process, through
the environment variable ``EXPUNGE_FAILPOINT`` in the form ``NAME=ACTION[@N]``: the action happens at the N-th pass
(default 1) through the point. Actions: ``kill`` (SIGKILL to this very process, as a power cut would look from inside),
``full`` (OSError ENOSPC), ``fail`` (OSError EIO), ``lost`` (:class:`ReplyLost`: the act happened, its answer did not arrive).
``arm()`` also takes something to call: what another program does at that moment.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENVIRONMENT = "EXPUNGE_FAILPOINT"


class ReplyLost(Exception):
    """The call may have taken effect; only a probe may settle whether it did."""


class _Armed:
    def __init__(self, name: str, action: str | Callable[[], None], at: int) -> None:
        self.name = name
        self.action = action
        self.left = at

    def pass_through(self) -> None:
        self.left -= 1
        if self.left != 0:
            return
        if not isinstance(self.action, str):
            self.action()
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.action == "full":
            raise OSError(errno.ENOSPC, "no space left on device (failpoint)")
        if self.action == "lost":
            raise ReplyLost(self.name)
        raise OSError(errno.EIO, "input/output error (failpoint)")


def _from_environment() -> _Armed | None:
    text = os.environ.get(ENVIRONMENT, "")
    if "=" not in text:
        return None
    name, _, action = text.partition("=")
    action, _, count = action.partition("@")
    return _Armed(name, action, int(count or "1"))


_armed: _Armed | None = _from_environment()
_watcher: Callable[[str], object] | None = None


def failpoint(name: str) -> None:
    """Die, fail or lose the reply here when a test has armed ``name``; otherwise do nothing."""
    if _watcher is not None:
        _watcher(name)
    if _armed is not None and _armed.name == name:
        _armed.pass_through()


@contextmanager
def arm(name: str, action: str | Callable[[], None], at: int = 1) -> Iterator[None]:
    """Arm one failpoint in this process for the length of a ``with`` block."""
    global _armed  # noqa: PLW0603 - one process, one armed point: that is the whole design
    before, _armed = _armed, _Armed(name, action, at)
    try:
        yield
    finally:
        _armed = before


@contextmanager
def watch(action: Callable[[str], object]) -> Iterator[None]:
    """Call ``action`` with the name of each failpoint passed inside a ``with`` block, before what is armed there happens."""
    global _watcher  # noqa: PLW0603
    before, _watcher = _watcher, action
    try:
        yield
    finally:
        _watcher = before


@contextmanager
def record() -> Iterator[list[str]]:
    """Collect the names of all failpoints passed inside a ``with`` block, in order."""
    names: list[str] = []
    with watch(names.append):
        yield names
