"""List the files below a folder, one by one and by name. Links are not followed."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from expunge import descriptors
from expunge.ports.optional.file_listing import NameFile
from expunge.ports.optional.surroundings import NearAside, NearFile, NearFiles, NearUnseen

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PROGRAMS = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".tox"})
_INSTALLED = "programs, or the history of their text: nothing in it was looked at"


def files_of(root: Path, name_of: Callable[[], NameFile], *, programs: bool = True) -> NearFiles:
    """Return the files below a folder that are not the store's own; ``name_of`` tells them when the listing begins.

    ``programs``: whether folders of installed programs are listed as well; else each is told as left aside.
    """

    def listed() -> Iterator[NearFile | NearUnseen | NearAside]:
        name = name_of()
        return lying(root, lambda path: (told := name(path)) is not None and told.own, programs=programs)

    return NearFiles(listed, root=root)


def lying(root: Path, own: Callable[[Path], bool], *, programs: bool) -> Iterator[NearFile | NearUnseen | NearAside]:
    """Yield the files below a folder, hidden ones too, but for the store's ``own``; a folder that cannot be listed is one unseen place."""
    unseen: list[NearUnseen] = []
    for folder, folders, names in os.walk(root, onerror=lambda _: unseen.append(NearUnseen("a folder", "it may not be listed"))):
        aside = [] if programs else [name for name in folders if _is_programs(Path(folder, name))]
        yield from (NearAside(name if name in _PROGRAMS else "a virtual environment", _INSTALLED) for name in aside)
        folders[:] = sorted(set(folders) - set(aside))
        for name in sorted(names):
            path = Path(folder, name)
            if own(path) or path.is_symlink() or not path.is_file():
                continue
            try:
                size = path.stat().st_size
            except OSError:
                # Why not told: it went between the listing and now.
                continue
            yield NearFile(path.relative_to(root).as_posix(), size, partial(_opened, path), path)
        yield from unseen
        unseen.clear()
    yield from unseen


def _is_programs(folder: Path) -> bool:
    return folder.name in _PROGRAMS or (folder / "pyvenv.cfg").is_file()


class _SharedFile(io.RawIOBase):
    """A file that may be a database, read without dropping the locks that this process holds on it."""

    def __init__(self, path: Path) -> None:
        self._descriptor = descriptors.take(path)
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = (os.fstat(self._descriptor).st_size if begin is None else begin) + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = os.pread(self._descriptor, len(view), self._at)
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            descriptors.give_back(self._descriptor)
        super().close()


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_SharedFile(path)))
