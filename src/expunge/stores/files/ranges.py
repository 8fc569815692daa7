"""Read a part of one file: by a handle that is opened for it, and shown to lie where its name says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from expunge.errors import CouldNotLook
from expunge.ports.optional.ranged_reading import ItemState
from expunge.stores.tree.items import gone
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import open_regular


def state_of(root: Path, key: str) -> ItemState:
    """Return the state of a file. Raises ItemGone, CouldNotLook."""
    with _opened(root, key) as handle:
        return _state(handle)


def read_range(root: Path, key: str, state: ItemState, first: int, last: int) -> bytes:
    """Return a part of a file in one state. Raises ItemGone where the file is another one by now, CouldNotLook."""
    with _opened(root, key) as handle:
        parts, at = [], first
        while at < last and (part := os.pread(handle, last - at, at)):
            parts.append(part)
            at += len(part)
        # Why afterwards: a writer that cuts or overwrites the file while it is read would have two contents mixed.
        if at < last or _state(handle) != state:
            raise gone()
        return b"".join(parts)


@contextmanager
def _opened(root: Path, key: str) -> Iterator[int]:
    path = root / key
    try:
        handle = open_regular(path)
    except (FileNotFoundError, NotADirectoryError, Unreadable) as error:
        raise gone() from error
    except OSError as error:
        if path.is_symlink():
            raise gone() from error
        message = "a file cannot be read"
        raise CouldNotLook(message, help="see `expunge check` for which one; give this user the right to read it") from error
    try:
        # Why by the handle: a folder on the way may become a link between a look at it and the opening.
        if Path(f"/proc/self/fd/{handle}").readlink() != path:
            raise gone()
        yield handle
    finally:
        os.close(handle)


def _state(handle: int) -> ItemState:
    status = os.fstat(handle)
    version = f"{status.st_dev}-{status.st_ino}-{status.st_mtime_ns}-{status.st_ctime_ns}"
    return ItemState(status.st_size, version, datetime.fromtimestamp(status.st_mtime, UTC))
