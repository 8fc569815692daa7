"""The parts of an export as plain files in a new folder, which is there as a whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from expunge import durable
from expunge.core.export.export_manifest import part_name
from expunge.errors import UsageError
from expunge.ports.exports.export_folder import PartFile


class PlainExportFolder:
    """Writes into a folder of its own beside the target, and gives it the target's name at the end. A context manager.

    A crash leaves that folder, whose name begins with :data:`expunge.durable.TEMPORARY_PREFIX`. The files are for their owner alone.
    """

    def __init__(self, target: Path) -> None:
        """Refuse a target that exists. Raises UsageError."""
        if target.exists() or target.is_symlink():
            raise UsageError("the folder to be written exists already", help="name a new folder")
        if not target.parent.is_dir():
            raise UsageError("the folder to be written would lie in one that is not there", help="make that folder first")
        self._target = target
        self._here = target.with_name(f"{durable.TEMPORARY_PREFIX}{secrets.token_hex(8)}")

    def __enter__(self) -> Self:
        self._here.mkdir(mode=0o700)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            with suppress(OSError):
                self._clear()
            return
        durable.fsync_directory(self._here, at="export.folder")
        durable.replace(self._here, self._target, at="export.swap")
        # commit point: the export is there under its name.
        durable.fsync_directory(self._target.parent, at="export.parent")

    @contextmanager
    def part(self, number: int) -> Iterator[PartFile]:
        """Write a part."""
        path = self._here / part_name(number)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
            file.flush()
            durable.fsync(file, at="export.part")

    def beside(self, name: str, data: bytes) -> None:
        """Write a small file."""
        durable.write_bytes(self._here / name, data, at="export.beside")

    def _clear(self) -> None:
        for path in self._here.iterdir():
            durable.unlink(path, at="export.clear")
        durable.rmdir(self._here, at="export.clear.folder")
