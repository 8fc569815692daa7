"""Close a process to others of the same user: no core dump, no debugger, no look into its memory, environment or open files.

What that is worth: root reads everything all the same, and so does whoever may read the files that the process has read.
"""

from __future__ import annotations

import ctypes
import os
import resource

from expunge.errors import Misconfigured

_SET_DUMPABLE, _GET_DUMPABLE, _SET_NO_NEW_PRIVILEGES = 4, 3, 38
"""Numbers of prctl(2)."""
_MASK = 0o077


def harden() -> None:
    """Close this process, and whatever it starts by a fork. Raises Misconfigured where the system refuses: it is never half closed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(_MASK)
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_SET_DUMPABLE, 0), (_SET_NO_NEW_PRIVILEGES, 1)):
        if libc.prctl(option, value, 0, 0, 0):
            message = f"this process cannot be closed to others of its user: {os.strerror(ctypes.get_errno())}"
            raise Misconfigured(message, help="run it on Linux, where no profile of a container forbids prctl")


def is_hardened() -> bool:
    """Return whether others of the same user are kept out of this process."""
    dumpable = ctypes.CDLL(None).prctl(_GET_DUMPABLE, 0, 0, 0, 0)
    return bool(dumpable == 0) and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)
