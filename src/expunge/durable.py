"""The only place that makes bytes durable or makes names go: fsync, rename, unlink, each with a failpoint around it.

Every function takes ``at=``, a literal name like ``"files.rewrite.swap"``. Two failpoints stand at each call:
``<at>:before`` and ``<at>:after``. ``tests/architecture`` fails when another module calls the operating system directly.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from expunge.faults import failpoint

TEMPORARY_PREFIX = ".expunge-"
"""Names that start so are ours: written before a rename, to be removed by whoever finds them after a crash."""

_TOGETHER = 128
"""Files that are open at a time."""


def fsync(file: BinaryIO | int, *, at: str) -> None:
    """Force a file's bytes to the device. Raises OSError."""
    failpoint(f"{at}:before")
    os.fsync(file if isinstance(file, int) else file.fileno())
    failpoint(f"{at}:after")


def fsync_directory(path: Path, *, at: str) -> None:
    """Force a directory's entries to the device, so that a rename or unlink in it survives a power cut."""
    failpoint(f"{at}:before")
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    failpoint(f"{at}:after")


def replace(source: Path, target: Path, *, at: str) -> None:
    """Atomically give ``source`` the name ``target``; whoever opens ``target`` sees the old file or the new one."""
    failpoint(f"{at}:before")
    os.replace(source, target)  # noqa: PTH105 - the one sanctioned call
    failpoint(f"{at}:after")


def unlink(path: Path, *, at: str, missing_ok: bool = True) -> None:
    """Remove a name. A name that is gone already is success unless ``missing_ok`` is false."""
    failpoint(f"{at}:before")
    path.unlink(missing_ok=missing_ok)
    failpoint(f"{at}:after")


def rmdir(path: Path, *, at: str) -> None:
    """Remove an empty directory; raises OSError when it is not empty."""
    failpoint(f"{at}:before")
    path.rmdir()
    failpoint(f"{at}:after")


def truncate(path: Path, size: int, *, at: str) -> None:
    """Cut a file to ``size`` bytes."""
    failpoint(f"{at}:before")
    os.truncate(path, size)
    failpoint(f"{at}:after")


def write_new(path: Path, write: Callable[[BinaryIO], None], *, at: str, mode: int = 0o600) -> None:
    """Write a file whole or not at all: temporary in the same folder, fsync, rename, fsync of the folder.

    ``write`` gets the open temporary. A crash leaves the old file (or none) and at most one temporary whose name starts
    with :data:`TEMPORARY_PREFIX`. Raises OSError, after removing the temporary.
    """
    _swap_in([(path, write)], at=at, mode=mode)
    # commit point: the name now leads to the new bytes; the folder's fsync makes that survive a power cut.
    fsync_directory(path.parent, at=f"{at}.folder")


def write_all(files: Sequence[tuple[Path, bytes]], *, at: str, mode: int = 0o600) -> None:
    """Write several files, each whole or not at all, as :func:`write_new`; all are durable when it returns. The last of one name counts.

    Many are written before the first of them is forced to the device: then the device is waited for once, more or less, and not for each.
    """
    last = list(dict(files).items())
    for first in range(0, len(last), _TOGETHER):
        _swap_in([(path, _writing(data)) for path, data in last[first : first + _TOGETHER]], at=at, mode=mode)
    # commit point: the names now lead to the new bytes; the folders' fsync makes that survive a power cut.
    for folder in dict.fromkeys(path.parent for path, _ in last):
        fsync_directory(folder, at=f"{at}.folder")


def _swap_in(files: Sequence[tuple[Path, Callable[[BinaryIO], None]]], *, at: str, mode: int) -> None:
    with ExitStack() as stack:
        written = []
        for path, write in files:
            temporary = path.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            # After the swap nothing has that name any more.
            stack.callback(temporary.unlink, missing_ok=True)
            file = stack.enter_context(os.fdopen(descriptor, "wb"))
            write(file)
            file.flush()
            written.append((temporary, path, file))
        for _, _, file in written:
            fsync(file, at=f"{at}.data")
        for temporary, path, _ in written:
            replace(temporary, path, at=f"{at}.swap")


def write_bytes(path: Path, data: bytes, *, at: str, mode: int = 0o600) -> None:
    """Write ``data`` to ``path`` whole or not at all; see :func:`write_new`."""
    write_new(path, _writing(data), at=at, mode=mode)


def _writing(data: bytes) -> Callable[[BinaryIO], None]:
    def write(file: BinaryIO) -> None:
        file.write(data)

    return write
