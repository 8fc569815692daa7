"""Replace a file that others may be writing to, without losing what they write.

On Linux a *lease* (fcntl(2), F_SETLEASE) settles it: it is granted only while nobody has the file open for writing, and while it is
held, whoever tries to open it so has to wait. The new file takes the name under the lease. A writer who was waiting then gets the
old, nameless file; so that one is watched until no writer is left, and what was written to it is carried over. Where leases are
not to be had (another owner's file, some network file systems), size and times are compared instead, before and after.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

from expunge import durable

Copier: TypeAlias = Callable[[BinaryIO, BinaryIO], None]
"""Gets the old file, as it lies on disk and from its start, and the new one, and copies what stays. May be called several times.

It raises :class:`NothingStays` when the file should go with its name.
"""

_TRIES = 20
_PAUSE = 0.05
_UNLEASABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS}


class InUse(Exception):
    """Somebody has the file open for writing and does not let go."""


class NothingStays(Exception):
    """Raised by a copier: the file is to be unlinked, not replaced."""


class _Changed(Exception):
    """The file is being written to, or is not the one that was copied any more."""


def rewrite(path: Path, copy: Copier) -> None:
    """Atomically replace ``path`` by what ``copy`` makes of it: mode, owner and extended attributes stay, where we may set them.

    Readers see the old file or the new one. A crash leaves one of the two whole, and at most one temporary beside it.

    Raises:
        InUse: when others keep writing to it.
        OSError: as the file system says; FileNotFoundError when the file is gone.
    """
    with ExitStack() as held:
        for _ in range(_TRIES):
            try:
                old = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                held.callback(os.close, old)
                before, after = _swap(path, old, copy)
            except _Changed:
                time.sleep(_PAUSE)
                continue
            if _left_alone(old, before):
                return
            if after is None:
                _put_back(path, old, before, copy)
                return
            # Somebody wrote to the file after it had lost its name: the next round puts that into the new one.
            copy = _carrying(old, after, copy)
    raise InUse


def busy(path: Path) -> bool:
    """Whether somebody has the file open for writing now, as far as can be told."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        with _lease(file) as take:
            take()
    except _Changed:
        return True
    finally:
        os.close(file)
    return False


def _swap(path: Path, old: int, copy: Copier) -> tuple[os.stat_result, os.stat_result | None]:
    """Put the copy in the place of ``old``; the state of the old file that was copied and of the new one, None where none was put."""
    before = os.fstat(old)
    after: os.stat_result | None = None
    with _lease(old) as take:

        def untouched() -> None:
            take()
            if _differs(os.fstat(old), before) or _differs(path.lstat(), before):
                raise _Changed

        def write(new: BinaryIO) -> None:
            nonlocal after
            # Tells a purge that runs at the same time that this temporary is alive.
            fcntl.flock(new, fcntl.LOCK_EX)
            with _from_start(old) as reading:
                copy(reading, new)
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
    return before, after


def _left_alone(old: int, before: os.stat_result) -> bool:
    """Wait until nobody writes to the nameless file any more; whether it is still what was copied."""
    for _ in range(_TRIES):
        try:
            with _lease(old) as take:
                if not take():
                    time.sleep(_PAUSE)
                return not _differs(os.fstat(old), before)
        except _Changed:
            time.sleep(_PAUSE)
    raise InUse


def _put_back(path: Path, displaced: int, before: os.stat_result, copy: Copier) -> None:
    """Somebody was just opening the file when it lost its name: what they wrote gets the name again."""
    with _from_start(displaced) as late, path.open("ab") as again:
        if again.tell():
            late.seek(before.st_size)
            shutil.copyfileobj(late, again)
        else:
            with suppress(NothingStays):
                copy(late, again)
        again.flush()
        durable.fsync(again, at="files.rewrite.late")


def _carrying(displaced: int, swapped: os.stat_result, copy: Copier) -> Copier:
    """A copier that makes the new file again from all of the displaced one, and keeps what was added to the new one since."""

    def again(now: BinaryIO, new: BinaryIO) -> None:
        if os.fstat(now.fileno()).st_ino != swapped.st_ino:
            # Somebody replaced the whole file since, as they would have replaced the old one.
            copy(now, new)
            return
        with _from_start(displaced) as reading:
            copy(reading, new)
        now.seek(swapped.st_size)
        shutil.copyfileobj(now, new)

    return again


@contextmanager
def _lease(file: int) -> Iterator[Callable[[], bool]]:
    """Hand out a function that takes the lease when its moment has come; the end of the block gives it back."""
    taken = False

    def take() -> bool:
        nonlocal taken
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


def _from_start(file: int) -> BinaryIO:
    os.lseek(file, 0, os.SEEK_SET)
    return cast("BinaryIO", os.fdopen(file, "rb", closefd=False))


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
