"""Read files that may be databases without dropping the locks that this process holds on them.

POSIX drops all locks of a process on a file as soon as the process closes *any* descriptor of that file ("How To Corrupt An SQLite Database
File", section 2.2). A SQLite connection of this process would lose its locks when a scan closes the database that it read. So a file has
one descriptor here. It stays open as long as another descriptor of this process, such as a connection's, is open on that file.

:func:`is_being_written` asks for the lock on a temporary file; databases are never asked so.
"""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TypeAlias

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_MAGIC = b"SQLite format 3\0"
_SHARED_MEMORY = "-shm"
"""Ending of the file of a SQLite database that holds the locks of its write-ahead log."""
_OWN = Path("/dev/fd")
_SOMETIMES = 64
"""At one of so many takes is asked which descriptors can be closed: to ask costs as much as to read a small file."""
_Identity: TypeAlias = tuple[int, int]
"""Device and inode."""


@dataclass
class _Opened:
    descriptors: list[int]
    """The first is read from. A file that took another's path between two calls of the system may have more: they are closed together."""
    users: int = 0


_lock = threading.Lock()
_taken = count()
_opened: dict[_Identity, _Opened] = {}
_shared: dict[int, _Identity] = {}
"""Descriptors of the files in ``_opened``."""


def take(path: Path, flags: int = 0) -> int:
    """Return a descriptor of a file to read with ``pread``; give it back with :func:`give_back` and never close it. Raises OSError.

    Several users of a file may share the descriptor, and so its position.

    Args:
        path: the file.
        flags: further flags of ``os.open``, such as ``O_NOFOLLOW``.
    """
    with _lock:
        if not next(_taken) % _SOMETIMES:
            _close_idle()
        # Why not where nothing is open here: what a path leads to matters only beside a descriptor that is shared.
        known = _opened.get(_identity(path.stat(follow_symlinks=not flags & os.O_NOFOLLOW))) if _opened else None
        if known is None:
            descriptor = os.open(path, _FLAGS | flags)
            status = os.fstat(descriptor)
            known = _opened.get(_identity(status))
            if known is None and not _may_be_locked(path, descriptor, status):
                return descriptor
            if known is None:
                known = _opened[_identity(status)] = _Opened([])
            known.descriptors.append(descriptor)
            _shared[descriptor] = _identity(status)
        known.users += 1
        return known.descriptors[0]


def give_back(descriptor: int) -> None:
    """End one use of a descriptor from :func:`take`."""
    with _lock:
        if descriptor not in _shared:
            os.close(descriptor)
            return
        _opened[_shared[descriptor]].users -= 1
        _close_idle()


@contextmanager
def reading(path: Path, flags: int = 0) -> Iterator[int]:
    """Take a descriptor for as long as the block runs. Raises OSError."""
    descriptor = take(path, flags)
    try:
        yield descriptor
    finally:
        give_back(descriptor)


def close_idle() -> None:
    """Close descriptors that nothing reads from, of files that nothing else in this process has open."""
    with _lock:
        _close_idle()


def _close_idle() -> None:
    idle = {identity: opened for identity, opened in _opened.items() if not opened.users}
    if not idle:
        return
    elsewhere = _elsewhere()
    for identity, opened in idle.items():
        if elsewhere is not None and identity not in elsewhere:
            del _opened[identity]
            for descriptor in opened.descriptors:
                del _shared[descriptor]
                os.close(descriptor)


def _identity(status: os.stat_result) -> _Identity:
    return status.st_dev, status.st_ino


def _may_be_locked(path: Path, descriptor: int, status: os.stat_result) -> bool:
    """Return whether a SQLite connection may hold locks on a file: a database, an empty file, or the index of a log."""
    if not stat.S_ISREG(status.st_mode):
        return False
    return os.fspath(path).endswith(_SHARED_MEMORY) or not status.st_size or os.pread(descriptor, len(_MAGIC), 0) == _MAGIC


def _elsewhere() -> frozenset[_Identity] | None:
    """The files on which this process has other descriptors open; None where the system does not tell."""
    found = set[_Identity]()
    try:
        names = [handle.name for handle in _OWN.iterdir()]
    except OSError:
        return None
    for name in names:
        if name.isdecimal() and int(name) not in _shared:
            try:
                status = os.fstat(int(name))
            except OSError:
                # it was that of the listing, or another thread closed it
                continue
            found.add(_identity(status))
    return frozenset(found)


def is_being_written(path: Path) -> bool:
    """Return whether a temporary file is locked: another process, or another file of this one, is writing it. Raises OSError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
