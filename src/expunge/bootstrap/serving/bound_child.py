"""A command of Expunge as a process that ends with the one that started it, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""
_LIBC = ctypes.CDLL(None)
_SAFE = ("-P",)
"""Without the working folder among the places of modules: a folder ``expunge`` there would be run with the keys at hand."""


def start(arguments: Sequence[str], pass_fds: Sequence[int] = ()) -> subprocess.Popen[bytes]:
    """Start a command. This process must have one thread.

    Args:
        arguments: of ``expunge``.
        pass_fds: descriptors that it keeps.
    """
    parent = os.getpid()

    def end_with_parent() -> None:
        _LIBC.prctl(_DEATH_SIGNAL, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return subprocess.Popen(
        (sys.executable, *_SAFE, "-m", "expunge", *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # Why apart: an interruption from a terminal ends the server, which finishes what is under way and then ends its children.
        start_new_session=True,
        # Why it may: this process has one thread.
        preexec_fn=end_with_parent,  # noqa: PLW1509
        pass_fds=pass_fds,
    )
