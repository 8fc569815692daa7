"""Close a process to other processes of its user: no core dump, no debugger, no look into its memory, environment or open files.

The limits: root still reads everything, and an account that may read the files which the process has read still reads those.
"""

from __future__ import annotations

import ctypes
import os
import resource

from expunge.errors import Misconfigured

_SET_DUMPABLE, _GET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 4, 3, 38
"""Constants of prctl(2)."""
_MASK = 0o077


def harden() -> None:
    """Close this process and its forks. Raises Misconfigured where the system refuses, so that no process goes on half closed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(_MASK)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_SET_DUMPABLE, 0), (_SET_NO_NEW_PRIVILEGES, 1)):
        if libc.prctl(option, value, 0, 0, 0):
            message = f"this process cannot be closed to others of its user: {os.strerror(ctypes.get_errno())}"
            raise Misconfigured(message, help="run it on Linux, where no profile of a container forbids prctl")


def is_hardened() -> bool:
    """Return whether this process is closed to other processes of its user."""
    dumpable = ctypes.CDLL(None).prctl(_GET_DUMPABLE, 0, 0, 0, 0)
    return bool(dumpable == 0) and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
