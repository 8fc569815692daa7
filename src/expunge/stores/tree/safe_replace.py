"""Replace a file without losing concurrent writes.

On Linux a *lease* (fcntl(2), F_SETLEASE) settles it. It is granted only while no process has the file open for writing. While it is held, a
process that opens the file for writing has to wait. The new file takes the name under the lease. A writer who was waiting then gets the
old, nameless file. So that file is watched until no writer is left, and late writes to it are carried over. Where leases are not to be had
(another owner's file, some network file systems), size and times are compared instead, before and after.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
import signal
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, cast

from expunge import durable, permit
from expunge.core.values.outcome import Reason, Unable
from expunge.stores.tree.interface import NameTrouble, NothingStays
from expunge.stores.tree.record_files import Unreadable

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Copier: TypeAlias = Callable[[BinaryIO, BinaryIO], None]
"""Gets the old file, as it lies on disk and from its start, and the new one, and copies what stays. May be called several times.

It raises :class:`NothingStays` when the file should go with its name.
"""

_TRIES = 20
_PATIENT = 5
"""Tries after which writers are made to wait while the file is copied: about 30 ms."""
_SETTLE = 0.05
"""Seconds to wait for late writers where there are no leases."""
_UNLEASABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS}


class InUse(NameTrouble):
    """A process has the file open for writing and does not let go."""

    def __init__(self) -> None:
        super().__init__(Unable(Reason.LOCKED, "another process keeps writing to a file; stop it or let it reopen its files"))


class _Changed(Exception):
    """The file is being written to, or is not the one that was copied any more."""


def rewrite(path: Path, copy: Copier) -> None:
    """Atomically replace ``path`` by the output of ``copy``: mode, owner and extended attributes stay, where we may set them.

    Readers see the old file or the new one. A crash leaves one of the two whole, and at most one temporary beside it.

    Raises:
        InUse: when others keep writing to it.
        Unreadable: when it is no regular file.
        OSError: as the file system says; FileNotFoundError when the file is gone.
    """
    with ExitStack() as held:
        for attempt in range(_TRIES):
            try:
                old = open_regular(path)
                held.callback(os.close, old)
                swapped = _swap(path, old, copy, alone=attempt >= _PATIENT)
            except _Changed:
                _pause(attempt)
                continue
            _carry(path, old, swapped, copy)
            return
    raise InUse


def busy(path: Path) -> bool:
    """Return whether a process has the file open for writing now, as far as can be told."""
    file = open_regular(path)
    try:
        with _lease(file) as take:
            take()
    except _Changed:
        return True
    finally:
        os.close(file)
    return False


def open_regular(path: Path) -> int:
    """Open a regular file for reading, following no link at its end; a handle to be closed.

    Raises:
        Unreadable: when it is a pipe, a socket or a device; it is not waited for.
        OSError: as the file system says, ELOOP for a link.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        message = "not a regular file"
        raise Unreadable(message)
    return handle


@dataclass(frozen=True)
class _Swapped:
    """What took whose place."""

    before: os.stat_result
    """The old file as it was copied."""
    checksum: int
    after: os.stat_result | None
    """The new one; None where the name is gone."""


def _swap(path: Path, old: int, copy: Copier, *, alone: bool = False) -> _Swapped:
    """Put the copy in the place of ``old``. Raises _Changed when somebody else is writing, and OSError.

    Args:
        path: the name.
        old: a handle of the file that has it.
        copy: makes the new file.
        alone: take the lease before copying. The kernel breaks it after some time (``fs.lease-break-time``, 45 seconds); then the
            comparison afterwards tells.
    """
    checksum = 0
    after: os.stat_result | None = None
    with _lease(old) as take:
        if alone:
            take()
        before = os.fstat(old)

        def untouched() -> None:
            take()
            if _differs(os.fstat(old), before) or _differs(path.lstat(), before):
                raise _Changed
            permit.check()

        def write(new: BinaryIO) -> None:
            nonlocal after, checksum
            # Tells a purge that runs at the same time that this temporary is alive.
            fcntl.flock(new, fcntl.LOCK_EX)
            watched = _Summed(old)
            try:
                copy(_buffered(watched), new)
            finally:
                checksum = watched.checksum
            new.flush()
            _dress(old, new.fileno())
            durable.fsync(new, at="files.rewrite.flush")
            untouched()
            after = os.fstat(new.fileno())

        try:
            durable.write_new(path, write, at="files.rewrite")
        except NothingStays:
            untouched()
            # commit point: the name, and with it every record, is gone.
            durable.unlink(path, at="files.rewrite.unlink")
            durable.fsync_directory(path.parent, at="files.rewrite.unlinked")
        except FileNotFoundError as error:
            # The file was moved away meanwhile, or its temporary was cleared away: opening it again will tell.
            raise _Changed from error
    return _Swapped(before, checksum, after)


def _carry(path: Path, old: int, swapped: _Swapped, copy: Copier) -> None:
    """What others wrote to the old file after it lost its name goes where they meant it to."""
    if not _written_late(old, swapped.before):
        return
    size = swapped.before.st_size
    if os.fstat(old).st_size >= size and _checksum(old, size) == swapped.checksum:
        _append(path, old, size if path.exists() else 0, copy)
        return
    # Written anew as a whole: it is the newest version, unless somebody has written a newer one since.
    for attempt in range(_TRIES):
        try:
            now = open_regular(path)
        except FileNotFoundError:
            _append(path, old, 0, copy)
            return
        try:
            if swapped.after is None or _differs(os.fstat(now), swapped.after):
                return
            _swap(path, now, lambda _, new: copy(_buffered(_Summed(old)), new), alone=attempt >= _PATIENT)
        except _Changed:
            _pause(attempt)
        else:
            return
        finally:
            os.close(now)
    raise InUse


def _append(path: Path, old: int, start: int, copy: Copier) -> None:
    """Add the end of the old file to the file of that name; all that stays of it, where there is none."""
    with path.open("ab") as file:
        if start:
            with os.fdopen(old, "rb", closefd=False) as late:
                late.seek(start)
                file.write(late.read())
        else:
            with suppress(NothingStays):
                copy(_buffered(_Summed(old)), file)
        file.flush()
        durable.fsync(file, at="files.rewrite.late")


def _written_late(old: int, before: os.stat_result) -> bool:
    """Wait until nobody writes to the nameless file any more; whether it is not what was copied."""
    for attempt in range(_TRIES):
        try:
            with _lease(old) as take:
                if not take():
                    time.sleep(_SETTLE)
                return _differs(os.fstat(old), before)
        except _Changed:
            _pause(attempt)
    raise InUse


def _pause(attempt: int) -> None:
    """Twice as long each time, about 1.5 seconds in all."""
    time.sleep(min(0.1, 0.001 * 2**attempt))


@contextmanager
def _lease(file: int) -> Iterator[Callable[[], bool]]:
    """Hand out a function that takes the lease when its moment has come; the end of the block gives it back."""
    taken = False

    def take() -> bool:
        nonlocal taken
        if taken:
            # Why not again: while a writer waits for it, the kernel refuses.
            return True
        try:
            # A waiting writer is announced by a signal; this one does nothing to a process that did not ask for it.
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                raise _Changed from error
            if error.errno not in _UNLEASABLE:
                raise
            return False
        taken = True
        return True

    try:
        yield take
    finally:
        if taken:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _differs(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino, one.st_size, one.st_mtime_ns) != (other.st_dev, other.st_ino, other.st_size, other.st_mtime_ns)


class _Summed(io.RawIOBase):
    """A handle read from its start, with a checksum of what was read."""

    def __init__(self, file: int) -> None:
        self._file = file
        self._at = 0
        self.checksum = 0

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        """For a copier that jumps about in the file; what it reads so is in no checksum."""
        return self._file

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        count = os.preadv(self._file, [view], self._at)
        self._at += count
        self.checksum = zlib.crc32(view[:count], self.checksum)
        return count


def _buffered(raw: _Summed) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(raw, 1 << 18))


def _checksum(file: int, size: int) -> int:
    """The checksum of the first bytes of a file."""
    total, at = 0, 0
    while at < size and (chunk := os.pread(file, min(1 << 20, size - at), at)):
        total = zlib.crc32(chunk, total)
        at += len(chunk)
    return total


def _dress(old: int, new: int) -> None:
    """Give the new file the owner, mode and extended attributes (ACLs are among them) of the old one, as far as we may."""
    status = os.fstat(old)
    with suppress(OSError):
        os.fchown(new, status.st_uid, status.st_gid)
    os.fchmod(new, status.st_mode & 0o7777)
    with suppress(OSError):
        for name in os.listxattr(old):
            with suppress(OSError):
                os.setxattr(new, name, os.getxattr(old, name))
