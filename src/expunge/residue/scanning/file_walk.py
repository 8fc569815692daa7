"""Walk every regular file at or under some paths. Other entries are counted and never opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from expunge.errors import CouldNotLook

_KINDS = (
    (stat.S_ISLNK, "symlink"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISFIFO, "fifo"),
    (stat.S_ISBLK, "device"),
    (stat.S_ISCHR, "device"),
)
_WITH_ATTRIBUTES = frozenset({stat.S_IFREG, stat.S_IFDIR})
_NO_ATTRIBUTES = frozenset({errno.ENOTSUP, errno.ENODATA})
"""A file system without attributes, and one that was taken away meanwhile."""


class WalkEntry(NamedTuple):
    """One name below a source. Not a dataclass, because a scan makes one for each of millions of files."""

    path: Path
    names: tuple[bytes, ...]
    """What the name says: itself and, for a symbolic link, its target."""
    regular: bool
    """It is a file to be read."""
    attributes: tuple[bytes, ...] = ()
    """Its extended attributes, each as ``name=value``."""
    size: int = 0
    """Bytes of a file when it was listed."""

    def __repr__(self) -> str:
        """Return what a log may show: no name and no content."""
        return f"{type(self).__name__}(regular={self.regular!r})"


def entries(root: Path, skip: Callable[[str], None], *, must: bool) -> Iterator[WalkEntry]:
    """Walk one source: a file, or a folder and everything in it. Links are not followed, except ``root`` itself.

    Args:
        root: file or folder.
        skip: told a fixed word for each thing that is not read: ``symlink``, ``socket``, ``fifo``, ``device``, ``permission``,
            ``vanished``, ``unreadable``.
        must: the root has to be there.

    Raises:
        CouldNotLook: the root is missing (when it must not be) or cannot be read.
    """
    try:
        status = root.stat()
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            os.scandir(root).close()
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError) and not must:
            skip("vanished")
            return
        message = "a place that a store keeps its bytes in is missing or cannot be read"
        raise CouldNotLook(message, help="check that the store is mounted and that this user may read all of it") from error
    if stat.S_ISDIR(mode):
        yield from _below(root, skip)
        return
    reason = _special(mode)
    if reason:
        skip(reason)
    yield WalkEntry(root, (os.fsencode(root.name),), not reason, _attributes(os.fspath(root), skip), status.st_size)


def _below(folder: Path, skip: Callable[[str], None]) -> Iterator[WalkEntry]:
    waiting = [os.fspath(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as listing:
                found = sorted(listing, key=attrgetter("name"))
        except OSError as error:
            skip(reason_of(error))
            continue
        for each in found:
            try:
                status = each.stat(follow_symlinks=False)
                mode = stat.S_IFMT(status.st_mode)
                target = os.readlink(each.path) if mode == stat.S_IFLNK else ""  # noqa: PTH115 - a path less for each of millions
            except OSError as error:
                skip(reason_of(error))
                continue
            if mode == stat.S_IFDIR:
                waiting.append(each.path)
            elif mode != stat.S_IFREG and (reason := _special(mode)):
                skip(reason)
            names = (os.fsencode(each.name), os.fsencode(target)) if target else (os.fsencode(each.name),)
            read = _attributes(each.path, skip) if mode in _WITH_ATTRIBUTES else ()
            yield WalkEntry(Path(each.path), names, mode == stat.S_IFREG, read, status.st_size)


def _attributes(path: str, skip: Callable[[str], None]) -> tuple[bytes, ...]:
    """Read the extended attributes of a file or folder; none where the system or the file system has none."""
    if not hasattr(os, "listxattr"):
        return ()
    try:
        return tuple(os.fsencode(name) + b"=" + os.getxattr(path, name) for name in os.listxattr(path))
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTES:
            skip(reason_of(error))
        return ()


def _special(mode: int) -> str:
    return next((word for test, word in _KINDS if test(mode)), "")


def reason_of(error: OSError) -> str:
    """The fixed word for why something was not read."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "vanished"
    return "permission" if isinstance(error, PermissionError) else "unreadable"
