"""The vault: recordings that are sealed from the first byte, and that nobody reads without the gate's permission.

::

    import expunge.vault

    with expunge.vault.open("doorbell/doorbell/p-17/r-1.mp4", purpose="recognise visitors") as file:
        ...

This module is the door for programs: it asks the installation, which asks the gate and enters the opening in its journal. The modules
below it, such as :mod:`expunge.vault.library`, have no door of their own, and no keys.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from expunge.bootstrap.vault.access import OpenedVault, Vault

__all__ = ["open"]

_guard = threading.Lock()
_opened: dict[tuple[int, str], OpenedVault] = {}
"""(process, map) -> the vault, which is opened once in each process, also after a fork."""


def open(  # noqa: A001 - the door's own word
    recording: str, *, purpose: str, program: str = "", first: int = 0, last: int | None = None, map_path: Path | str | None = None
) -> BinaryIO:
    """Open a recording for a purpose. Return a seekable binary file, which can be read as long as the gate lets it.

    The opening is durably in the journal before this returns. The gate is asked again before each read, and refuses a snapshot that is too
    old, so that a refusal takes effect in the middle of a file too.

    Args:
        recording: ``DATASET/NAME``, with the name by the dataset's path.
        purpose: a purpose of the map; where the map declares none, any word.
        program: the program's name for the journal; else its file's name.
        first: the first byte to read.
        last: the end, the first byte not to read; None for all.
        map_path: the data map; None walks up from the working folder. A keystore's passphrase comes from ``EXPUNGE_PASSPHRASE``;
            without it, a keeper is asked for what its keys do.

    Raises:
        Refused: the gate does not let it. Reads raise it too.
        UsageError: there is no such recording, or no such part.
        StoreUnavailable, StateUnavailable, Busy: it cannot be read now, or the opening cannot be entered now.
    """
    return vault(map_path).open(recording, purpose=purpose, program=program, first=first, last=last)


def vault(map_path: Path | str | None = None) -> Vault:
    """Return the vault of a map, opened once in each process."""
    from expunge.bootstrap.vault.access import open_vault

    with _guard:
        key = (os.getpid(), str(map_path or Path.cwd()))
        if key not in _opened:
            _opened[key] = open_vault(map_path, passphrase=os.environ.get("EXPUNGE_PASSPHRASE") or None)
            if len(_opened) == 1:
                atexit.register(_close)
        return _opened[key].vault


def _close() -> None:
    for (process, _), each in list(_opened.items()):
        # A vault that a parent process opened is the parent's to close.
        if process == os.getpid():
            each.close()
    _opened.clear()
