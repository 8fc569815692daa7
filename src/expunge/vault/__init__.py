"""The vault: recordings that are sealed from the first byte, and that nobody reads without being let in.

::

    import expunge.vault

    with expunge.vault.open("doorbell/doorbell/p-17/r-1.mp4", purpose="recognise visitors") as file:
        ...

This module is the door for programs: it asks the installation, which asks the gate and enters the opening in its journal. What lies below
(:mod:`expunge.vault.library` and the others) has no door of its own, and no keys.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge

__all__ = ["open"]

_guard = threading.Lock()
_opened: dict[tuple[int, str], Expunge] = {}
"""(process, map) -> the installation: opened once in each process, also after a fork."""


def open(  # noqa: A001 - the door's own word
    recording: str, *, purpose: str, program: str = "", first: int = 0, last: int | None = None, map_path: Path | str | None = None
) -> BinaryIO:
    """Open a recording for a purpose: a seekable binary file that is read as long as the gate lets it.

    The opening is in the journal, durable, before this returns. The gate is asked again before each read, with the age that a snapshot may
    have, so that a refusal counts in the middle of a file too.

    Args:
        recording: ``DATASET/NAME``, the name as the dataset's path has it.
        purpose: a purpose of the map; where the map declares none, any word.
        program: how the program calls itself, in the journal; else its file's name.
        first: the first byte that is read.
        last: the first byte that is not; None for all.
        map_path: the data map; None walks up from the working folder. A keystore's passphrase comes from ``EXPUNGE_PASSPHRASE``.

    Raises:
        Refused: the gate does not let it. Reads raise it too.
        UsageError: there is no such recording, or no such part.
        StoreUnavailable, StateUnavailable, Busy: it cannot be read, or the opening cannot be entered, now.
    """
    return installation(map_path).vault.open(recording, purpose=purpose, program=program, first=first, last=last)


def installation(map_path: Path | str | None = None) -> Expunge:
    """Return the installation of a map, opened once in each process."""
    from expunge.bootstrap import Expunge

    with _guard:
        key = (os.getpid(), str(map_path or Path.cwd()))
        if key not in _opened:
            _opened[key] = Expunge.open(map_path, passphrase=os.environ.get("EXPUNGE_PASSPHRASE") or None)
            if len(_opened) == 1:
                atexit.register(_close)
        return _opened[key]


def _close() -> None:
    for (process, _), each in list(_opened.items()):
        # What a parent opened is the parent's.
        if process == os.getpid():
            each.close()
    _opened.clear()
