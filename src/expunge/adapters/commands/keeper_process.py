"""The keeper process between Expunge and a command of the map: it confines the command, watches it, and ends all of its processes.

The keeper is run by its path, with the standard library alone, as a process of its own. Its settings for itself (limits, namespaces,
adopting orphans) must not hold for Expunge, and it has to see the end of Expunge. It takes one argument, the JSON of :class:`Task`, and
answers with one line of JSON on the task's ``report``.

Where the kernel allows namespaces, the command lives in a process namespace, whose end is the end of every process in it, however they were
forked; and in a network namespace, with a loopback of its own. Elsewhere the keeper adopts every process that the command leaves behind,
and kills it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

ROUND = 0.1
"""Seconds between two looks at what the command takes."""
MOST_PROCESSES = 512
"""More at a time are taken for a fork that got out of hand."""
_MOST_THREADS = 4096
_NEWNS, _NEWUSER, _NEWPID, _NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
_PRIVATE, _NOSUID_NODEV_NOEXEC, _BIND = 0x4000 | 0x40000, 0xE, 0x1000
_PDEATHSIG, _CHILD_SUBREAPER, _NO_NEW_PRIVS = 1, 36, 38
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Task:
    """One command to run, with its settings."""

    argv: list[str]
    seconds: float
    memory: int
    apart: bool
    """In namespaces; they were tried before."""
    offline: bool
    """Without any network but a loopback of its own; needs ``apart``."""
    lifeline: int
    """The end of a pipe that says something, or ends, when Expunge wants the command to end, or has died."""
    report: int
    """The end of a pipe for the answer."""
    parent: int
    """Process id of Expunge."""
    hidden: list[str] = field(default_factory=list)
    """Files that are to hold nothing for the command; needs ``apart``."""


def main() -> None:
    """Do the task of the command line."""
    task = Task(**json.loads(sys.argv[1]))
    _libc.prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)
    if not task.apart:
        _tend(task, os.getppid, hidden=False)
        return
    # The kernel ends the namespace with its first process, and that one with this.
    _libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != task.parent:
        return
    _set_apart(_NEWNET if task.offline else 0)
    first = os.fork()
    if first:
        os.waitpid(first, 0)
        return
    _libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    _furnish(loopback=task.offline)
    _tend(task, lambda: task.parent, hidden=bool(task.hidden) and _hide(task.hidden))


def _set_apart(network: int) -> None:
    """Enter namespaces of our own: as root directly (a user namespace would take root's rights over other people's files)."""
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(network | _NEWPID | _NEWNS | (_NEWUSER if uid else 0)):
        raise OSError(ctypes.get_errno(), "unshare")
    if uid:
        for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123 - the least that has to be imported
                file.write(text)


def _furnish(*, loopback: bool) -> None:
    """Inside: a ``/proc`` with the process ids that count here, and a loopback that is up."""
    for source, target, kind, flags in ((None, b"/", None, _PRIVATE), (b"proc", b"/proc", b"proc", _NOSUID_NODEV_NOEXEC)):
        if _libc.mount(source, target, kind, ctypes.c_ulong(flags), None):
            raise OSError(ctypes.get_errno(), "mount")
    if loopback:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", _IFF_UP))


def _hide(paths: list[str]) -> bool:
    """Inside: let some files hold nothing. Whether that worked for all of them."""
    hidden = [not _libc.mount(b"/dev/null", os.fsencode(path), None, ctypes.c_ulong(_BIND), None) for path in paths]
    return all(hidden)


def _become(task: Task) -> None:
    """Turn into the command, or exit with 127 after telling why not."""
    _libc.prctl(_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    _libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.setsid()
    os.umask(0o077)
    os.nice(10)
    _limit(resource.RLIMIT_CORE, 0)
    # For what grows faster than we look. Twice and more: what is reserved counts here as well, and is much for some libraries.
    _limit(resource.RLIMIT_DATA, 2 * task.memory + (1 << 30))
    # Threads count, and everybody's of this user where there is no namespace. Root is not bound by it.
    _limit(resource.RLIMIT_NPROC, _MOST_THREADS + _threads())
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
        file.write("1000")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execvp(task.argv[0], task.argv)  # noqa: S606 - no shell on purpose
    except OSError as error:
        os.write(task.report, json.dumps({"not_started": error.errno}).encode() + b"\n")
        os._exit(127)


def _limit(what: int, most: int) -> None:
    hard = resource.getrlimit(what)[1]
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(what, (most, most))


def _tend(task: Task, parent: Callable[[], int], *, hidden: bool) -> None:
    """Start the command, watch it to its end, end what it leaves behind, and report."""
    # Where we may, to be heard among thousands that a fork without end has made; the command does not inherit it.
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    told, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    started, command = time.monotonic(), os.fork()
    if not command:
        for each in (task.lifeline, task.report):
            fcntl.fcntl(each, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        _become(task)
    peak, status, why, crowd = 0, None, "", len(os.listdir("/proc"))  # noqa: PTH208
    while not why:
        ready, _, _ = select.select([task.lifeline, told], [], [], ROUND)
        if os.getpid() == 1 and len(os.listdir("/proc")) > crowd + MOST_PROCESSES:  # noqa: PTH208
            # Counted before anything is added up, which takes long among so many.
            why = "processes"
            break
        if told in ready:
            os.read(told, 4096)
        status, most = _reap(command)
        taken, processes = _taken(task.memory)
        peak = max(peak, most, taken)
        if status is not None:
            why = "ended"
        elif task.lifeline in ready or parent() != task.parent:
            why = "unwanted"
        elif taken > task.memory:
            why = "memory"
        elif processes > MOST_PROCESSES:
            why = "processes"
        elif time.monotonic() - started > task.seconds:
            why = "time"
    seconds = time.monotonic() - started
    _end(command)
    answer = {"why": why, "status": status, "seconds": seconds, "peak": peak, "offline": task.offline and task.apart, "hidden": hidden}
    # Nobody reads it any more where Expunge has died.
    with contextlib.suppress(BrokenPipeError):
        os.write(task.report, json.dumps(answer).encode() + b"\n")


def _taken(limit: int) -> tuple[int, int]:
    """Bytes of memory that the command and all it started have now, and how many processes those are."""
    family = descendants(os.getpid())
    taken = sum(_resident(each) for each in family)
    if taken > limit and len(family) > 1:
        # Pages that several share were counted for each of them.
        taken = sum(_share(each) for each in family)
    return taken, len(family)


def _threads() -> int:
    """How many threads this machine has, in all processes."""
    return int(_read("/proc/loadavg").split()[3].partition(b"/")[2])


def _reap(command: int) -> tuple[int | None, int]:
    """Take leave of all that ended; the command's own status, None while it runs, and the most memory that one process of it had."""
    status, most = None, 0
    with contextlib.suppress(ChildProcessError):
        while (ended := os.wait4(-1, os.WNOHANG))[0]:
            if ended[0] == command:
                status, most = ended[1], ended[2].ru_maxrss * 1024
    return status, most


def _end(command: int) -> None:
    """Kill everything that is left. In a namespace the kernel does, when its first process ends; it waits until they are gone."""
    if os.getpid() == 1:
        return
    while True:
        # First the whole group in one go, which no fork escapes; then one by one what has left the group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command, signal.SIGKILL)
        for descendant in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(descendant, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def descendants(pid: int) -> list[int]:
    """Return the process ids of all live children and their children."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            with contextlib.suppress(OSError):
                fields = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
                children.setdefault(int(fields[1]), []).append(int(name))
    family, left = [], [pid]
    while left:
        born = children.get(left.pop(), [])
        family += born
        left += born
    return family


def _resident(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/status", (b"VmRSS:", b"VmSwap:"))


def _share(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/smaps_rollup", (b"Pss:", b"SwapPss:")) or _resident(pid)


def _kilobytes(path: str, names: tuple[bytes, ...]) -> int:
    try:
        lines = _read(path).splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(names))


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


if __name__ == "__main__":
    main()
