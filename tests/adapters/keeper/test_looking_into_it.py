"""Another process of the same user tries to look into the keeper, and into a twin that was not closed: that one tells everything."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from expunge.adapters.host.hardening import harden, is_hardened
from expunge.testing.forked import NOBODY, RunningChild, in_child, start
from tests.adapters.keeper.memory import forms, readable

ATTACH = 16
"""PTRACE_ATTACH"""


def as_somebody() -> None:
    """Become an ordinary user, where this is root: what is refused to a process of the same user is not refused to root."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        # Why by hand: becoming another user has closed this process already, which a fresh program of that user would not be.
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)


def holding(secret: bytes, path: Path, *, closed: bool, ready: int) -> None:
    """Hold a secret in memory and in an open file, until killed."""
    as_somebody()
    if closed:
        harden()
    assert is_hardened() is closed
    held = [secret, open(path, "rb")]  # noqa: SIM115, PTH123 - it stays open
    os.write(ready, b".")
    while held:
        os.read(_never(), 1)


def _never() -> int:
    return os.pipe()[0]


@contextlib.contextmanager
def twin(secret: bytes, path: Path, *, closed: bool) -> Iterator[RunningChild]:
    reading, writing = os.pipe()
    child = start(lambda: holding(secret, path, closed=closed, ready=writing))
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"."
        yield child
    finally:
        child.kill()
        os.close(reading)


def in_memory(pid: int, needles: Iterable[bytes]) -> bool:
    return any(needle in part for part in readable(pid) for needle in needles)


def in_environment(pid: int) -> bool:
    return b"PATH=" in Path(f"/proc/{pid}/environ").read_bytes()


def in_files(pid: int, path: Path, secret: bytes) -> bool:
    opened = [each for each in Path(f"/proc/{pid}/fd").iterdir() if os.readlink(each) == str(path)]  # noqa: PTH115 - as the kernel says it
    return any(secret in each.read_bytes() for each in opened)


def attached(pid: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(ATTACH, pid, None, None) != 0:
        raise PermissionError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    return True


def tried(look: Callable[[], bool]) -> str:
    """In a process of the same user: what came of a look."""

    def try_it() -> str:
        as_somebody()
        try:
            return "found" if look() else "not found"
        except PermissionError:
            return "refused"

    return str(in_child(try_it).returned())


@pytest.mark.root
def test_another_process_of_the_same_user_sees_nothing_of_a_closed_one_and_all_of_an_open_one(tmp_path: Path) -> None:
    secret = secrets.token_bytes(32)
    path = tmp_path / "key"
    path.write_bytes(secret)
    path.chmod(0o644)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    needles = forms(secret)

    def looks(pid: int) -> dict[str, str]:
        ways = {
            "memory": lambda: in_memory(pid, needles),
            "environment": lambda: in_environment(pid),
            "files": lambda: in_files(pid, path, secret),
            "debugger": lambda: attached(pid),
        }
        return {name: tried(way) for name, way in ways.items()}

    with twin(secret, path, closed=True) as closed:
        assert looks(closed.pid) == dict.fromkeys(("memory", "environment", "files", "debugger"), "refused")
    with twin(secret, path, closed=False) as opened:
        seen = looks(opened.pid)
    yama = Path("/proc/sys/kernel/yama/ptrace_scope")
    if yama.exists() and yama.read_text().strip() != "0":
        # The kernel refuses debuggers of unrelated processes by itself here, and with them memory.
        seen |= dict.fromkeys(("memory", "debugger"), "found")
    assert seen == dict.fromkeys(("memory", "environment", "files", "debugger"), "found")


def test_every_form_of_a_key_is_looked_for_and_chunks_overlap() -> None:
    secret = secrets.token_bytes(32)
    held = [secret, secret.hex(), secret.hex().upper(), base64.b64encode(secret), base64.urlsafe_b64encode(b"x" + secret)]
    for needle in forms(secret):
        assert in_memory(os.getpid(), [needle]), needle
    assert held
