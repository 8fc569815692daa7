"""The shelf of a vault in a folder of this machine.

::

    objects/ab/ab…      a sealed recording, named by its random id
    objects/ab/.expunge-ab…    the same while it comes in; its writer holds a lock on it
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from expunge import descriptors, durable
from expunge.core.values.copy import RawSource
from expunge.ports.vault.shelf import ComingFile, LyingFile, is_id

OBJECTS = "objects"
SHARDS = tuple(f"{number:02x}" for number in range(256))
"""Folders of sealed files. All of them are made at once, so that their existence tells nothing."""
_AHEAD = 8 * 2**20
"""Sealed bytes after which the device is told to begin."""
_EFFECTIVE = os.access in os.supports_effective_ids


class _Coming:
    """A temporary file with a lock on it."""

    def __init__(self, id_: str, path: Path, file: BinaryIO) -> None:
        self.id = id_
        self._path = path
        self._file = file
        self._written = self._begun = 0

    def write(self, data: memoryview, /) -> int | None:
        taken = self._file.write(data)
        self._written += taken
        if self._written - self._begun >= _AHEAD:
            self._hurry()
        return taken

    def _hurry(self) -> None:
        """Let the device begin while more bytes come, so that settling waits for the last ones alone."""
        self._file.flush()
        if hasattr(os, "posix_fadvise"):
            # Why this advice: the kernel begins to write what is dirty, and drops what is not, which is nothing of what was just written.
            os.posix_fadvise(self._file.fileno(), self._begun, self._written - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = self._written

    def settle(self) -> None:
        self._file.flush()
        durable.fsync(self._file, at="vault.ingest.data")

    def drop(self) -> None:
        durable.unlink(self._path, at="vault.ingest.unlink")


class FolderShelf:
    """Implements :class:`expunge.ports.vault.shelf.Shelf`."""

    is_near = True

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, id_: str) -> Path:
        """Return the path of a recording's sealed file."""
        return self.root / OBJECTS / id_[:2] / id_

    def waiting(self, id_: str) -> Path:
        """Return the path of a recording's sealed file while it comes in."""
        return self.root / OBJECTS / id_[:2] / f"{durable.TEMPORARY_PREFIX}{id_}"

    # --- in -------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """See the port."""
        if (self.root / OBJECTS / SHARDS[-1]).is_dir():
            return
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.root / OBJECTS, *(self.root / OBJECTS / name for name in SHARDS)):
            folder.mkdir(mode=0o700, exist_ok=True)
        for folder in (self.root / OBJECTS, self.root):
            durable.fsync_directory(folder, at="vault.ingest.shards")

    @contextmanager
    def begin(self, number: int) -> Iterator[Sequence[ComingFile]]:
        """See the port. The ids begin alike: the files lie in one folder, which is forced to the device once for all of them."""
        shard = secrets.choice(SHARDS)
        with ExitStack() as stack:
            begun = []
            for id_ in (shard + secrets.token_hex(15) for _ in range(number)):
                path = self.waiting(id_)
                handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                file = stack.enter_context(os.fdopen(handle, "wb"))
                fcntl.flock(handle, fcntl.LOCK_EX)
                begun.append(_Coming(id_, path, file))
            yield begun

    def keep(self, files: Sequence[ComingFile]) -> None:
        """See the port."""
        for each in files:
            # commit point: the recording is there.
            durable.replace(self.waiting(each.id), self.path(each.id), at="vault.ingest.swap")
        for folder in dict.fromkeys(self.path(each.id).parent for each in files):
            durable.fsync_directory(folder, at="vault.ingest.folder")

    def finish(self, id_: str, size: int) -> None:
        """See the port."""
        waiting = self.waiting(id_)
        with suppress(FileNotFoundError):
            if waiting.lstat().st_size == size and not descriptors.is_being_written(waiting):
                durable.replace(waiting, self.path(id_), at="vault.finish.swap")
                durable.fsync_directory(waiting.parent, at="vault.finish.folder")

    # --- looking --------------------------------------------------------------------------------

    def size(self, id_: str) -> int | None:
        """See the port."""
        try:
            return self.path(id_).lstat().st_size
        except FileNotFoundError:
            return None

    def missing(self, ids: Collection[str]) -> int:
        """See the port."""
        return sum(self.size(each) is None for each in ids)

    def open(self, id_: str, *, afresh: bool = False) -> BinaryIO:
        """See the port."""
        file = os.fdopen(os.open(self.path(id_), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0)
        if afresh:
            with suppress(OSError):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return cast("BinaryIO", file)

    def heads(self, ids: Sequence[str], size: int) -> Iterator[tuple[Path, bytes]]:
        """See the port."""
        for each in ids:
            with suppress(FileNotFoundError), self.path(each).open("rb") as file:
                yield self.path(each), file.read(size)

    def files(self) -> Iterator[LyingFile]:
        """See the port."""
        for folder, _, names in os.walk(self.root):
            for name in sorted(names):
                path, id_ = Path(folder, name), name.removeprefix(durable.TEMPORARY_PREFIX)
                here = is_id(id_) and path in (self.path(id_), self.waiting(id_))
                with suppress(FileNotFoundError):
                    status = path.lstat()
                    size = -1 if stat.S_ISLNK(status.st_mode) else status.st_size
                    yield LyingFile(path, id_ if here else "", here and name != id_, size)

    # --- away -----------------------------------------------------------------------------------

    def remove(self, ids: Sequence[str]) -> Mapping[str, OSError]:
        """See the port."""
        stays: dict[str, OSError] = {}
        folders: dict[Path, list[str]] = {}
        for id_ in ids:
            path = self.path(id_)
            try:
                if self.size(id_) is not None:
                    durable.unlink(path, at="vault.erase.unlink")
                    folders.setdefault(path.parent, []).append(id_)
            except OSError as error:
                stays[id_] = error
        for folder, gone in folders.items():
            try:
                durable.fsync_directory(folder, at="vault.erase.folder")
            except OSError as error:
                stays |= dict.fromkeys(gone, error)
        return stays

    def comes_in(self, id_: str) -> bool:
        """See the port."""
        return is_id(id_) and self.waiting(id_).is_file()

    def is_held(self, id_: str) -> bool:
        """See the port."""
        waiting = self.waiting(id_)
        return not waiting.exists() or descriptors.is_being_written(waiting)

    def was_kept(self, id_: str) -> bool:  # noqa: ARG002 - a file has one name at a time
        """Return no: a file that came in has lost that name when it has another."""
        return False

    def take_back(self, id_: str) -> None:
        """See the port."""
        durable.unlink(self.waiting(id_), at="vault.leftover.waiting")

    # --- the place ------------------------------------------------------------------------------

    def sources(self) -> Iterator[RawSource]:
        """See the port."""
        if self.root.is_dir():
            yield RawSource(self.root, "data")

    def is_away(self) -> bool:
        """See the port."""
        return not self.root.is_dir()

    def is_writable(self) -> bool:
        """See the port."""
        return not self.root.is_dir() or os.access(self.root, os.W_OK | os.X_OK, effective_ids=_EFFECTIVE)

    def close(self) -> None:
        """Do nothing: nothing stays open."""
