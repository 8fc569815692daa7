"""A server process of our own: started on a free port, never outliving its starter, and killed with all its children."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from expunge.errors import ExpungeError

LOOPBACK = "127.0.0.1"
_FIRST_PORT = 15000
_LAST_PORT = 30000
"""Below the ports that the kernel hands to clients, so that none of them takes a server's port while it is restarted."""
_ROUND = 0.02


class ServerFailed(ExpungeError):
    """The server could not be started or stopped; its log says more."""


def installed(program: str, problem: str, mend: str) -> Path:
    """Return a program that a package brings: beside this interpreter, or on the path. Raises ServerFailed."""
    beside = Path(sys.executable).parent / program
    found = str(beside) if beside.exists() else shutil.which(program)
    if found is None:
        raise ServerFailed(problem, help=mend)
    return Path(found)


def reason_for_skipping(find: Callable[[], Path]) -> str:
    """Return why a program cannot be run here, as the reason of a skipped test; empty when it can."""
    try:
        find()
    except ServerFailed as error:
        return f"{error.message}: {error.help}"
    return ""


def free_ports(count: int) -> list[int]:
    """Return distinct ports of the loopback address without a listener at this moment. Raises ServerFailed when none is found."""
    found: list[int] = []
    for _ in range(1000):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
        if len(found) == count:
            return found
    raise ServerFailed("no free port was found on the loopback address", help="look at what listens there")


class Child:
    """One server process with its children.

    It leads a session of its own, so that Ctrl-C at the terminal reaches only us. A shell that reads a pipe of ours ends it with
    ``farewell`` when we are gone, however that came about.
    """

    def __init__(self, command: Sequence[str], log: Path, folder: Path, environment: Mapping[str, str], farewell: signal.Signals) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._watch = subprocess.Popen(
            ["/bin/sh", "-c", f'read line; [ "$line" = ended ] || kill -{farewell.value} {self._process.pid}'],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def running(self) -> bool:
        """Return whether the process has not ended yet."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def ended_within(self, seconds: float) -> bool:
        """Wait for its end; False when it did not come."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._dismiss()
        return True

    def kill(self) -> None:
        """End it and all its children with SIGKILL and wait until they are gone."""
        family: list[int] = []
        if self.running():
            # A stopped process starts no more children.
            self.signal(signal.SIGSTOP)
            family = descendants(self.pid)
            self._process.kill()
        self._process.wait()
        for each in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        wait_until(lambda: not any(_lives(each) for each in family), 30.0)
        self._dismiss()

    def _dismiss(self) -> None:
        """Let the watching shell go without its errand."""
        with contextlib.suppress(OSError):
            self._watch.communicate(b"ended\n")
        self._watch.wait()


def wait_until(happened: Callable[[], bool], seconds: float) -> bool:
    """Ask again and again until it happened or the time is over; whether it happened."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() >= deadline:
            return False
        time.sleep(_ROUND)
    return True


def tail(log: Path, size: int = 2000) -> str:
    """Return the end of a server's log, for the message that says why it did not start."""
    try:
        return log.read_bytes()[-size:].decode(errors="replace")
    except OSError:
        return ""


def _stat(pid: int) -> tuple[str, int] | None:
    """State and parent of a process; None when there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, parent = text.rpartition(")")[2].split()[:2]
    return state, int(parent)


def _lives(pid: int) -> bool:
    found = _stat(pid)
    return found is not None and found[0] not in "ZX"


def descendants(pid: int) -> list[int]:
    """Return the process ids of all live children and their children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        found = _stat(int(entry.name)) if entry.name.isdigit() else None
        if found is not None:
            children.setdefault(found[1], []).append(int(entry.name))
    family, left = [], [pid]
    while left:
        born = children.get(left.pop(), [])
        family += born
        left += born
    return family
