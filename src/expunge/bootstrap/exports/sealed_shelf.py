"""The shelf of exports in the state folder: a folder for each, its files sealed in the vault's format under the export's key."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from expunge import durable
from expunge.core.export.export_manifest import MANIFEST, POLICY, SIGNATURE, SIGNER, SUMS, part_name
from expunge.core.values.ids import OrderId
from expunge.errors import Refused
from expunge.ports.exports.export_folder import PartFile
from expunge.vault import chunked

_KEY = "key"
_EXPORT = re.compile(r"exp-[a-z2-7]{20}")
_BESIDE = frozenset({MANIFEST, SIGNATURE, SIGNER, POLICY, SUMS})


class SealedExportShelf:
    """Implements ``expunge.ports.exports.export_shelf.ExportShelf``. Processes may share the folder."""

    def __init__(self, folder: Path) -> None:
        """Make nothing yet."""
        self._folder = folder

    @contextmanager
    def writing(self, export: OrderId, key: bytes, sealed_key: bytes) -> Iterator[_SealedFolder]:
        """See the port. The sealed key is written last: an export without one is none."""
        here = self._of(export)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        here.mkdir(mode=0o700)
        try:
            yield _SealedFolder(here, export, key)
            durable.write_bytes(here / _KEY, sealed_key, at="exports.key")
            durable.fsync_directory(self._folder, at="exports.folder")
        except BaseException:
            with suppress(OSError):
                self.remove(export)
            raise

    def sealed_key(self, export: OrderId) -> bytes:
        """See the port."""
        try:
            return (self._of(export) / _KEY).read_bytes()
        except OSError as error:
            raise _gone() from error

    def read(self, export: OrderId, key: bytes, part: int, first: int, most: int) -> bytes:
        """See the port."""
        name = part_name(part)
        try:
            with (
                (self._of(export) / name).open("rb", buffering=0) as file,
                chunked.UnsealingReader(file, key, _context(export, name)) as reader,
            ):
                reader.seek(first)
                return reader.read(most) or b""
        except OSError as error:
            raise _gone() from error

    def beside(self, export: OrderId, key: bytes, name: str) -> bytes:
        """See the port."""
        if name not in _BESIDE:
            raise _gone()
        try:
            return chunked.open_sealed(key, (self._of(export) / name).read_bytes(), _context(export, name))
        except OSError as error:
            raise _gone() from error

    def free(self) -> int:
        """See the port."""
        there = self._folder if self._folder.exists() else self._folder.parent
        status = os.statvfs(there)
        return status.f_bavail * status.f_frsize

    def kept(self) -> Collection[OrderId]:
        """See the port."""
        try:
            return [OrderId(path.name) for path in self._folder.iterdir() if _EXPORT.fullmatch(path.name)]
        except FileNotFoundError:
            return []

    def remove(self, export: OrderId) -> None:
        """See the port."""
        here = self._of(export)
        if not here.is_dir():
            return
        for path in here.iterdir():
            durable.unlink(path, at="exports.remove")
        durable.rmdir(here, at="exports.remove.folder")
        durable.fsync_directory(self._folder, at="exports.removed")

    def _of(self, export: OrderId) -> Path:
        if not _EXPORT.fullmatch(export):
            raise _gone()
        return self._folder / export


class _SealedFolder:
    """Implements ``expunge.ports.exports.export_folder.ExportFolder``."""

    def __init__(self, folder: Path, export: OrderId, key: bytes) -> None:
        self._folder, self._export, self._key = folder, export, key

    @contextmanager
    def part(self, number: int) -> Iterator[PartFile]:
        name = part_name(number)
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            with chunked.SealingWriter(file, self._key, _context(self._export, name)) as sealing:
                yield _Part(sealing)
            durable.fsync(file, at="exports.part")

    def beside(self, name: str, data: bytes) -> None:
        sealed = chunked.seal(self._key, data, _context(self._export, name))
        durable.write_bytes(self._folder / name, sealed, at="exports.beside")


class _Part:
    def __init__(self, sealing: chunked.SealingWriter) -> None:
        self._sealing = sealing

    def write(self, data: bytes, /) -> int:
        return self._sealing.write(data)

    def flush(self) -> None:
        """Do nothing: a chunk is written when it is full."""


def _context(export: OrderId, name: str) -> bytes:
    return chunked.object_context("expunge/export", f"{export}/{name}")


def _gone() -> Refused:
    return Refused("this export is not there any more", help="ask for another one")
