"""The vault: recordings that are sealed from the first byte, and that nobody reads without the gate's permission.

::

    import expunge.vault

    with expunge.vault.open("doorbell/doorbell/p-17/r-1.mp4", purpose="recognise visitors") as file:
        ...
    expunge.vault.derive("doorbell/doorbell/p-17/r-1.mp4", "captions", caption, purpose="recognise visitors")

This module is the door for programs: it asks the installation, which asks the gate and enters the opening in its journal. The modules
below it, such as :mod:`expunge.vault.library`, have no door of their own, and no keys.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from expunge.bootstrap.vault.access import OpenedVault, Vault
    from expunge.bootstrap.vault.readings import Reading

__all__ = ["derive", "open", "reading"]

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


def derive(
    recording: str,
    dataset: str,
    make: Callable[[BinaryIO], bytes | BinaryIO],
    *,
    purpose: str,
    program: str = "",
    fields: Mapping[str, str] | None = None,
    map_path: Path | str | None = None,
) -> str:
    """Open a recording for a purpose, and seal what ``make`` makes from it. Return its name, ``DATASET/NAME``.

    It belongs to all people of the recording, is as old as the recording, and is erased with it. It is durable when this returns.

    Args:
        recording: ``DATASET/NAME``.
        dataset: where it goes: a dataset of the same vault, which the map has ``derived_from`` the recording's and finds through it.
        make: is given the opened recording; returns bytes, or a stream that may still read from it.
        purpose: what the recording is opened for.
        program: the program's name, for the register of openings and the lineage; else its file's name.
        fields: values for placeholders of the dataset's path which the recording's name does not have.
        map_path: the data map; None walks up from the working folder.

    Raises:
        Refused: the gate does not let the recording be read, a person in it is suppressed, or it was erased meanwhile.
        UsageError: there is no such recording, the map does not say that this is made from it, or another thing has the name.
        StoreUnavailable, StateUnavailable, Busy: it cannot be read or sealed now.
        KeystoreLocked: only the keeper can open the keys, and it does not derive.
    """
    made = _opened_vault(map_path).whole().derivations.derive(recording, dataset, make, purpose=purpose, by=program, fields=fields)
    return f"{made.recording.dataset}/{made.recording.name}"


@contextmanager
def reading(*, purpose: str, program: str = "", makes: str = "", map_path: Path | str | None = None) -> Iterator[Reading]:
    """Begin a run of a program that trains. What it opens becomes the manifest of what it makes.

    ::

        with expunge.vault.reading(purpose="train", program="train-intent", makes="intent-model") as run:
            recordings = fsspec.filesystem("expunge", purpose=run.purpose, program=run.program)
            ...
            sealer.seal_read(["models/7.safetensors"], run.opened(), dataset="intent-model")

    Args:
        purpose: what the recordings are opened for.
        program: the program's name for the journal; else its file's name.
        makes: the dataset of the map that is made, for the lineage.
        map_path: the data map; None walks up from the working folder.

    Raises:
        UsageError: the map has no dataset of that name.
        KeystoreLocked: only the keeper can open the keys, and it keeps no runs.
    """
    with _opened_vault(map_path).whole().readings.reading(purpose=purpose, program=program, makes=makes) as run:
        yield run


def vault(map_path: Path | str | None = None) -> Vault:
    """Return the vault of a map, opened once in each process."""
    return _opened_vault(map_path).vault


def _opened_vault(map_path: Path | str | None) -> OpenedVault:
    from expunge.bootstrap.vault.access import open_vault

    with _guard:
        key = (os.getpid(), str(map_path or Path.cwd()))
        if key not in _opened:
            _opened[key] = open_vault(map_path, passphrase=os.environ.get("EXPUNGE_PASSPHRASE") or None)
            if len(_opened) == 1:
                atexit.register(_close)
        return _opened[key]


def _close() -> None:
    for (process, _), each in list(_opened.items()):
        # A vault that a parent process opened is the parent's to close.
        if process == os.getpid():
            each.close()
    _opened.clear()
