"""Parts of an installation that are imported and made when they are first used.

Most commands never scan, look into the index, run a command of the map or keep an export. To import what these need takes longer than
such a command does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from expunge.bootstrap.vault.vaults import Vaults
    from expunge.core.datamap.datamap import DataMap
    from expunge.ports.commands import Commands
    from expunge.ports.exports.export_shelf import ExportShelf
    from expunge.ports.index import LocateIndex
    from expunge.ports.journal import Journal
    from expunge.ports.keys import InstallationKeys
    from expunge.ports.recognition import Recognised
    from expunge.ports.scanner import Scanner

Part = TypeVar("Part")


class _Closing(Protocol):
    def close(self) -> None: ...


class _Stand:
    """Takes the place of a part, and hands on to it. Threads may share it."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None
        self._guard = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        with self._guard:
            if self._made is None:
                self._made = self._make()
        return getattr(self._made, name)


def at_first_use(make: Callable[[], Part]) -> Part:
    """Return what stands for a part until something is asked of it. ``make`` imports the part and makes it, once."""
    return cast("Part", _Stand(make))


def close(part: _Closing) -> None:
    """Close a part, unless it stands for one that was never made."""
    if not (isinstance(part, _Stand) and vars(part)["_made"] is None):
        part.close()


def scanner() -> Scanner:
    """Return the scanner that takes traces and looks for them."""

    def make() -> Scanner:
        from expunge.residue.scanning.scanner import ResidueScanner

        return ResidueScanner()

    return at_first_use(make)


def recognise(head: bytes) -> Recognised:
    """Return what content is by its first bytes; see :data:`expunge.ports.recognition.Recognise`."""
    from expunge.residue.opaque import recognition

    return recognition.recognise(head)


def index(folder: Path) -> LocateIndex:
    """Return the index of a folder."""

    def make() -> LocateIndex:
        from expunge.adapters.files.index_files import FileIndex

        return FileIndex(folder)

    return at_first_use(make)


def commands(folder: Path) -> Commands:
    """Return what runs commands of the map, with their working folder."""

    def make() -> Commands:
        from expunge.adapters.commands.local_commands import LocalCommands

        return LocalCommands(folder)

    return at_first_use(make)


def exports(folder: Path) -> ExportShelf:
    """Return the shelf on which exports wait to be fetched."""

    def make() -> ExportShelf:
        from expunge.bootstrap.exports.sealed_shelf import SealedExportShelf

        return SealedExportShelf(folder)

    return at_first_use(make)


def vaults(data_map: DataMap, keys: InstallationKeys, passphrase: str | None, now: Callable[[], datetime], journal: Journal) -> Vaults:
    """Return the vaults of a map; see :class:`expunge.bootstrap.vault.vaults.Vaults`."""

    def make() -> Vaults:
        from expunge.bootstrap.vault.vaults import Vaults
        from expunge.engine.vault.shred_heads import ShredHeads

        return Vaults(data_map, keys, passphrase, now, ShredHeads(journal, now))

    return at_first_use(make)
