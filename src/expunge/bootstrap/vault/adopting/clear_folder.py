"""Recordings in the clear in a folder: opened, told from each later state, and listed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

from expunge.bootstrap.vault.adopting.clear_place import CHANGED, LINK, ClearName, Mark, StaysInTheClear
from expunge.core.datamap.datamap import Dataset
from expunge.errors import CouldNotLook
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import busy, open_regular
from expunge.stores.tree.template_walk import CompiledTemplate, walk


@dataclass(frozen=True)
class FileMark:
    """Tells a file from each later state of it, and from another file of the same name."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileMark:
        """Return the mark of a file's status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    @property
    def written(self) -> datetime:
        """When it was last written."""
        return datetime.fromtimestamp(max(0, self.modified) / 1e9, UTC)


@dataclass(frozen=True)
class ClearFolder:
    """Implements :class:`expunge.bootstrap.vault.adopting.clear_place.ClearPlace`."""

    root: Path = field(repr=False)
    together = False

    def names(self, dataset: Dataset) -> Iterator[ClearName]:
        """See the protocol."""
        try:
            for path in dataset.paths:
                for found in walk(self.root, CompiledTemplate.of(path), lambda _: True):
                    if not found.is_folder:
                        yield ClearName(found.key, found.size)
        except OSError as error:
            message = f"dataset {dataset.name}: a folder cannot be listed"
            raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error

    def require_own(self, name: str) -> None:
        """See the protocol: a link is another file's."""
        if (self.root / name).is_symlink():
            raise StaysInTheClear(LINK)

    @contextmanager
    def opened(self, name: str) -> Iterator[tuple[BinaryIO, Mark]]:
        """See the protocol."""
        self.require_own(name)
        try:
            file = os.fdopen(open_regular(self.root / name), "rb", buffering=0)
        except (OSError, Unreadable) as error:
            raise StaysInTheClear(_unread(error)) from error
        with file:
            yield cast("BinaryIO", _ClearStream(cast("BinaryIO", file))), FileMark.of(os.fstat(file.fileno()))

    def changed(self, marks: Mapping[str, Mark]) -> Mapping[str, StaysInTheClear]:
        """See the protocol."""
        return {name: stays for name, mark in marks.items() if (stays := self._changed(name, mark))}

    def _changed(self, name: str, mark: Mark) -> StaysInTheClear | None:
        path = self.root / name
        try:
            same = FileMark.of(path.lstat()) == mark and not busy(path)
        except FileNotFoundError:
            same = False
        except (OSError, Unreadable) as error:
            return StaysInTheClear(_unread(error))
        return None if same else StaysInTheClear(CHANGED)

    def close(self) -> None:
        """Do nothing: files are closed after each use."""


class _ClearStream:
    """A file in the clear. An error while reading it counts as its own, and not as the vault's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise StaysInTheClear(_unread(error)) from error


def _unread(error: Exception) -> str:
    said = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
    return f"it cannot be read: {said}"
