"""The shelf as files: ``<folder>/<order>/<name>``, each written whole or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.core.values.ids import OrderId
from expunge.errors import UsageError

_ORDER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class FileShelf:
    """Implements ``expunge.ports.shelf.Shelf`` in ``folder`` (made with mode 0700 when it is not there).

    Writers take turns under a lock file, so that temporaries found by a writer are a dead one's and are removed.
    """

    def __init__(self, folder: Path) -> None:
        with guarded("the shelf could not be opened"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._lock = FileLock(folder / ".lock", wait=30.0, busy="another process is writing to the shelf")

    def put(self, order: OrderId, name: str, data: bytes) -> None:
        """Store or replace one file; durable when it returns. Raises StateUnavailable, Busy."""
        self.put_all([(order, name, data)])

    def put_all(self, files: Sequence[tuple[OrderId, str, bytes]]) -> None:
        """Store or replace several files, (order, name, bytes) each; each is whole or not there. Raises as :meth:`put`."""
        paths = [(self._path(order, name), data) for order, name, data in files]
        with guarded("a file of the order could not be written"), self._lock.held():
            folders = dict.fromkeys(path.parent for path, _ in paths)
            fresh = [each for each in folders if not each.is_dir()]
            for folder in fresh:
                folder.mkdir(mode=0o700)
            if fresh:
                durable.fsync_directory(self._folder, at="shelf.put.order")
            for folder in folders:
                self._sweep(folder)
            # commit point: the new bytes under the names.
            durable.write_all(paths, at="shelf.put")

    def get(self, order: OrderId, name: str) -> bytes | None:
        """Read one file; None when there is none. Raises StateUnavailable."""
        with guarded("a file of the order could not be read"):
            try:
                return self._path(order, name).read_bytes()
            except FileNotFoundError:
                return None

    def get_all(self, files: Sequence[tuple[OrderId, str]]) -> dict[tuple[OrderId, str], bytes]:
        """Read several files, (order, name) each. Missing files are left out. Raises StateUnavailable."""
        found = {file: self.get(*file) for file in files}
        return {each: data for each, data in found.items() if data is not None}

    def remove(self, order: OrderId, name: str) -> None:
        """Remove one file, and with the last one the order's folder; no error when it is gone. Raises StateUnavailable, Busy."""
        self.remove_all([(order, name)])

    def remove_all(self, files: Sequence[tuple[OrderId, str]]) -> None:
        """Remove several files, (order, name) each. Raises as :meth:`remove`."""
        paths = [self._path(order, name) for order, name in files]
        with guarded("a file of the order could not be removed"), self._lock.held():
            folders = {each: None for each in dict.fromkeys(path.parent for path in paths) if each.is_dir()}
            for folder in folders:
                self._sweep(folder)
            for path in paths:
                if path.parent in folders:
                    durable.unlink(path, at="shelf.remove.name")
            for folder in folders:
                durable.fsync_directory(folder, at="shelf.remove.folder")
                if not any(folder.iterdir()):
                    durable.rmdir(folder, at="shelf.remove.order")

    def names(self, order: OrderId) -> Iterator[str]:
        """Yield names of the order's files, sorted."""
        folder = self._path(order, "any").parent
        with guarded("the order's files could not be listed"):
            if not folder.is_dir():
                return
            found = sorted(path.name for path in folder.iterdir() if _NAME.fullmatch(path.name))
        yield from found

    def orders(self) -> Iterator[tuple[OrderId, float]]:
        """Yield the orders that have files, each with the time at which a file of it last came or went. Raises StateUnavailable."""
        with guarded("the shelf could not be listed"):
            for entry in os.scandir(self._folder):
                if entry.is_dir(follow_symlinks=False) and _ORDER.fullmatch(entry.name):
                    yield OrderId(entry.name), entry.stat(follow_symlinks=False).st_mtime

    def _path(self, order: OrderId, name: str) -> Path:
        check_names(order, name)
        return self._folder / order / name

    def _sweep(self, folder: Path) -> None:
        for path in folder.glob(f"{durable.TEMPORARY_PREFIX}*"):
            durable.unlink(path, at="shelf.sweep")


def check_names(order: OrderId, name: str) -> None:
    """Raise UsageError for an invalid order id, ValueError for a name that is not the engine's. Neither repeats the value."""
    if not _ORDER.fullmatch(order):
        message = "not the id of an order: lower-case letters, digits and hyphens, at most 64"
        raise UsageError(message, help="`expunge status` lists the orders")
    if not _NAME.fullmatch(name):
        raise ValueError("not a name that the shelf takes: lower-case letters, digits, dots and hyphens, at most 64")
