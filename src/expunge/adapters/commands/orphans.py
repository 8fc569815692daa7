"""Find commands whose Expunge and whose keeper were both killed, by a mark in their environment, however often they forked since.

The mark is not a file with a process id. Ids are given again. A process that has left its group and its parent still has the mark.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

MARK = "EXPUNGE_COMMAND"
_GRACE = 30.0
"""Seconds after which what was killed and stays (the kernel waits for a disk) is left alone."""
_ROUND = 0.01
_ENV_START = 47
"""Field of ``stat`` after the name: where the environment begins."""
_MARK = re.compile(rb"(?:^|\0)EXPUNGE_COMMAND=([^\0]{1,80})-(\d{1,10})-(\d{1,20})-[0-9a-f]{16}(?:\0|$)")


def mark() -> str:
    """Return the mark of this process's commands: the space that process ids are counted in, our id, our start, and a random part."""
    return f"{_space()}-{os.getpid()}-{_born(os.getpid())}-{secrets.token_hex(8)}"


def end_orphans() -> None:
    """End processes of an Expunge that no longer runs, as far as this one may see and kill them. None of them runs when this returns."""
    _end(lambda found: not _lives(int(found[2]), int(found[3])))


def end_marked(text: str) -> None:
    """End the processes with this very mark. None of them runs when this returns."""
    _end(lambda found: found[0].strip(b"\0") == f"{MARK}={text}".encode())


def _end(ours: Callable[[re.Match[bytes]], bool]) -> None:
    late = time.monotonic() + _GRACE
    # Again: what was forked while we looked is found the next time, and what was killed is there until the kernel has taken it away.
    while _killed(ours) and time.monotonic() < late:
        time.sleep(_ROUND)


def _killed(ours: Callable[[re.Match[bytes]], bool]) -> int:
    """Look once through all processes, and kill; how many, and of how many it cannot be told yet."""
    space, ended = _space().encode(), 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # Gone meanwhile, or somebody else's.
        with contextlib.suppress(OSError):
            environment = (entry / "environ").read_bytes()
            found = _MARK.search(environment)
            if found is not None and found[1] == space and ours(found):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
            ended += not environment and _is_beginning(entry)
    return ended


def _is_beginning(entry: Path) -> bool:
    """Whether a process is at exec, where whoever started it goes on before it has an environment to be read (proc_pid_stat(5))."""
    has_memory = not (entry / "statm").read_bytes().startswith(b"0 ")
    return has_memory and (entry / "stat").read_bytes().rpartition(b")")[2].split()[_ENV_START] == b"0"


def _space() -> str:
    """The namespace of our process ids: in another, a container's, the same id is another process."""
    return Path("/proc/self/ns/pid").readlink().name


def _lives(pid: int, born: int) -> bool:
    try:
        return _born(pid) == born
    except OSError:
        return False


def _born(pid: int) -> int:
    """When a process started, in the kernel's ticks since the machine did. Raises OSError where there is none."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
