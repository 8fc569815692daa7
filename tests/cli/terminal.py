"""Runs a command on a pseudo-terminal and types into it, as a person would."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

_SECONDS = 90


def _heed() -> None:
    """Heed the key that interrupts: a shell has what it starts in the background ignore it, and so would this command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def on_a_terminal(
    arguments: Sequence[str], answers: Sequence[tuple[str, bytes | signal.Signals]], cwd: Path, **environment: str
) -> tuple[int, str]:
    """Type each answer, or send a signal, once its question is on the screen; return the exit code and the screen."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "expunge", *arguments]
    known = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", **environment}
    typed = list(answers)
    screen, seen, until, sent = "", 0, time.monotonic() + _SECONDS, None
    # Why a session of its own: the key that interrupts reaches whoever has the terminal.
    with subprocess.Popen(
        command,
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=known,
        start_new_session=True,
        preexec_fn=_heed,  # noqa: PLW1509 - one thread
    ) as process:
        os.close(theirs)
        while time.monotonic() < until:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    screen += os.read(ours, 65536).decode("utf-8", "replace")
                except OSError:
                    break
            elif process.poll() is not None:
                break
            elif sent and not typed and "stopped" not in screen:
                # Why again: a signal between two questions and the read of the answer wakes nobody.
                process.send_signal(sent)
                time.sleep(1)
            while typed and typed[0][0] in screen[seen:]:
                wanted, key = typed.pop(0)
                seen = screen.index(wanted, seen) + len(wanted)
                if isinstance(key, signal.Signals):
                    sent = key
                else:
                    os.write(ours, key)
        else:
            process.kill()
    os.close(ours)
    return process.returncode, screen
