"""Close this process from within, before it decodes what strangers made: everything is shut but memory, threads, time and open pipes.

Layers: no capability, Landlock where the kernel has it, bounds on memory and handles, and a list of the system calls that stay. Without
that list (seccomp) a process is not closed, and says so by an error.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from expunge.adapters.closed.closed_child import READY
from expunge.adapters.host import capabilities, landlock, seccomp

MEMORY = 768 << 20
"""Bytes of address space beyond what the libraries take."""
_PIPES = 3
_BY_THE_BOOK = b"/proc/self/status"


def close(memory: int = MEMORY) -> None:
    """Close this process, for good. What its libraries load at their first use has to be there before.

    Raises:
        RuntimeError: it has other threads, this machine cannot close it, or something stayed open.
        OSError: the kernel refuses.
    """
    if not seccomp.known():
        raise RuntimeError("this machine has no filter of system calls (seccomp)")
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("a process is closed before it has other threads")
    held = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    capabilities.drop_all()
    if landlock.version():
        landlock.close(())
    for kind, most in (
        (resource.RLIMIT_AS, held + memory),
        (resource.RLIMIT_NOFILE, _PIPES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    seccomp.close_to_computing()
    if left := open_ways():
        message = f"this process could not be closed: {', '.join(left)}"
        raise RuntimeError(message)


def ready() -> None:
    """Tell the parent that this process is closed."""
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def bound_processor(seconds: int) -> None:
    """Have the kernel end this process once it has taken so many more seconds of a processor."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, most))


def open_ways() -> list[str]:
    """Try each way out of this process, and return those that are open. None of the tries leaves anything behind.

    A way is closed where the filter of system calls says so (EPERM): what a bound or Landlock refuses beside it is open here.
    """
    return [name for name, tries in _WAYS.items() if not _filtered(tries)]


def _filtered(tries: Callable[[], None]) -> bool:
    try:
        tries()
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def _open() -> None:
    os.close(os.open(_BY_THE_BOOK, os.O_RDONLY))


def _look() -> None:
    os.stat(_BY_THE_BOOK)  # noqa: PTH116 - the call itself is what is tried


def _socket(family: socket.AddressFamily, kind: socket.SocketKind) -> Callable[[], None]:
    return lambda: socket.socket(family, kind).close()


def _fork() -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)


def _run() -> None:
    # Why a program that is not there: where the call is open it fails otherwise, and this process goes on.
    os.execv("/nonexistent", ["nonexistent"])  # noqa: S606 - no shell is meant


def _signal() -> None:
    os.kill(os.getppid(), 0)


_WAYS: dict[str, Callable[[], None]] = {
    "open a file": _open,
    "look at a file": _look,
    "a TCP socket": _socket(socket.AF_INET, socket.SOCK_STREAM),
    "a UDP socket": _socket(socket.AF_INET, socket.SOCK_DGRAM),
    "a local socket": _socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "fork": _fork,
    "run a program": _run,
    "signal another process": _signal,
}
