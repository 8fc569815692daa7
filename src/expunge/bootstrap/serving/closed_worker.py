"""Close the server's worker process: after the fork, and before it answers anybody, it loses every file that it does not need.

It keeps Python, its packages and the system's libraries to read from. It read the map and the certificate before. The state folder and the
keystore are shut even where they lie below a folder that stays open. The process above the worker is not closed: it makes new workers.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path

from expunge.adapters.host import capabilities, environment, landlock, seccomp
from expunge.core.datamap.datamap import DataMap

_SYSTEM = (
    "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/lib", "/lib32", "/lib64", "/usr/share/zoneinfo",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf",
    "/etc/mime.types", "/etc/ssl/openssl.cnf", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/proc/self",
)  # fmt: skip
_GAPS = (
    (1, "it can open every file of its user: this kernel has no Landlock, or a container forbids it"),
    (3, "it can empty files of its user"),
    (4, "it can connect to other services by TCP"),
    (6, "it can end other processes of its user"),
)
"""Version of Landlock -> what the web process can do before it."""
_ANY_CALL = "it can make every system call: those of this kernel or processor cannot be filtered"


def gaps() -> tuple[str, ...]:
    """Return what this kernel cannot keep the worker from; empty where it closes all that it should."""
    known = landlock.version()
    of_landlock = tuple(gap for since, gap in _GAPS if known < since)[: 1 if known == 0 else None]
    return of_landlock + (() if seccomp.known() else (_ANY_CALL,))


def leave_terminal() -> None:
    """Leave the session of the terminal that the server was started on: a process that stays in it can type commands into it."""
    with suppress(PermissionError):
        os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def forget_environment(also: Callable[[str], bool]) -> None:
    """Forget the variables of the environment that this process does not need.

    Args:
        also: tells variables to keep beside those of every process.
    """
    environment.forget(lambda name: environment.is_needed(name) or also(name))


def forget_copy(copy: MutableMapping[str, str]) -> None:
    """Forget a copy of the environment that a library made."""
    environment.overwrite(copy)


def close(
    data_map: DataMap, read: Sequence[Path] = (), write: Sequence[Path] = (), ports: Sequence[int] = (), *, names: bool = False
) -> None:
    """Close this process, by Landlock and by seccomp. Does nothing where the kernel cannot.

    Args:
        data_map: its state folder is shut in any case.
        read: further files that the process may read.
        write: folders that the process may change: those of a web application with a database of its own.
        ports: TCP ports that it may connect to, of a database or a mail server.
        names: whether it looks up names of hosts, which takes UDP.

    Raises:
        RuntimeError: the process has other threads already.
        OSError: the kernel refuses.
    """
    capabilities.drop_all()
    if landlock.version():
        state = Path(data_map.state).resolve()
        landlock.close([each for folder in (*_needed(), *read) for each in _beside(folder, state)], write, ports)
    seccomp.close(names=names)


def _needed() -> Iterator[Path]:
    """Yield the folders and files that a running interpreter may still read: modules are imported when they are first used."""
    yield from map(Path, _SYSTEM)
    yield from (Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib"))
    yield Path(sys.base_prefix) / "lib"
    here = Path.cwd()
    # Why not the working folder: `python -m` puts it there, and the map and its data may lie in it.
    yield from (Path(each) for each in sys.path if each and Path(each).resolve() != here)


def _beside(path: Path, shut: Path) -> Iterable[Path]:
    """Yield a path, or what lies in it beside the shut folder where that is in it."""
    real = path.resolve()
    if real == shut or shut in real.parents:
        return
    if real not in shut.parents:
        yield path
        return
    for inside in real.iterdir():
        yield from _beside(inside, shut)
