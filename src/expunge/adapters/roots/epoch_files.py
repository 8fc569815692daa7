"""A folder of epochs: a small file for each living epoch, an empty mark for each destroyed one. The root decides what a file holds."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from expunge import clock, durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.adapters.keys import key_files
from expunge.errors import KeyDestroyed, KeyUnknown, Misconfigured, RootUnavailable, StateCorrupt, StateUnavailable

_WAIT_S = 30.0
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_EPOCH = re.compile(r"epoch-([1-9][0-9]{0,8})\.key")
_RESTORE = "put the folder of the root back from its newest copy"


class EpochFiles:
    """The files of one root, under its lock.

    A file has one line, the time when its epoch was made, and then the root's bytes. A mark forbids its epoch for ever: where a copy brings
    the file back, it is destroyed again.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder, or make it, and finish the destructions that a crash interrupted.

        Raises:
            Misconfigured: others can read it.
            RootUnavailable: it cannot be read or written.
        """
        self.folder = folder
        with self.guarded("the root's folder could not be opened"):
            for each in (folder, folder / "destroyed"):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
                if stat.S_IMODE(each.stat().st_mode) & 0o077:
                    message = f"{each} can be read by other users"
                    raise Misconfigured(message, help=f"chmod 700 {each}")
        self._lock = FileLock(folder / ".lock", wait=_WAIT_S, busy="another process is changing the root")
        with self.changing():
            key_files.sweep(folder)
            key_files.sweep(folder / "destroyed")
            key_files.wipe_all([self.path(epoch) for epoch in self._listed() if self.is_destroyed(epoch)])

    def path(self, epoch: int) -> Path:
        """Return the place of an epoch's file."""
        return self.folder / f"epoch-{epoch}.key"

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock. Raises RootUnavailable, Busy."""
        with self.guarded("the root could not be changed"), self._lock.held():
            yield

    @contextmanager
    def guarded(self, what: str) -> Iterator[None]:
        """Turn errors of the disk into RootUnavailable, for the length of a block."""
        try:
            with guarded(what):
                yield
        except StateUnavailable as error:
            raise RootUnavailable(error.message, help="check the folder of the root, then try again; nothing was lost") from error

    def is_destroyed(self, epoch: int) -> bool:
        """Return whether an epoch has its mark."""
        return (self.folder / "destroyed" / str(epoch)).exists()

    def refuse_destroyed(self, epoch: int) -> None:
        """Raise KeyDestroyed where an epoch has its mark."""
        if self.is_destroyed(epoch):
            message = f"epoch {epoch} was destroyed"
            raise KeyDestroyed(message, help="nothing that was wrapped under it can be read any more; that was the purpose")

    def read(self, epoch: int) -> bytes:
        """Return the root's bytes in an epoch's file. Raises KeyDestroyed, KeyUnknown, RootUnavailable."""
        with self.guarded("an epoch could not be read"):
            self.refuse_destroyed(epoch)
            try:
                return self._split(epoch)[1]
            except FileNotFoundError:
                self.refuse_destroyed(epoch)
                message = f"the root has no epoch {epoch}"
                raise KeyUnknown(message, help=_RESTORE) from None

    def epochs(self) -> Mapping[int, datetime]:
        """Return the living epochs, and when each was made. Raises RootUnavailable."""
        with self.guarded("the epochs could not be listed"):
            found = {}
            for epoch in self._listed():
                try:
                    found[epoch] = self._split(epoch)[0]
                except FileNotFoundError:
                    continue  # destroyed meanwhile
            return {epoch: at for epoch, at in found.items() if not self.is_destroyed(epoch)}

    def write(self, epoch: int, data: bytes, at: datetime | None = None) -> None:
        """Make an epoch's file, durably. Call it under :meth:`changing`."""
        line = (at or clock.now()).strftime(_TIME).encode()
        # commit point: the epoch lives.
        durable.write_bytes(self.path(epoch), line + b"\n" + data, at="roots.make")

    def rewrite(self, epoch: int, data: bytes) -> None:
        """Replace the root's bytes in an epoch's file, and overwrite the earlier ones. Call it under :meth:`changing`."""
        made, _ = self._split(epoch)
        key_files.replace_wiping(self.path(epoch), made.strftime(_TIME).encode() + b"\n" + data)

    def mark(self, epoch: int) -> None:
        """Mark an epoch as destroyed, durably. Call it under :meth:`changing`."""
        if not self.is_destroyed(epoch):
            # commit point: the epoch never opens again; after a crash the next start finishes the destruction.
            durable.write_bytes(self.folder / "destroyed" / str(epoch), b"", at="roots.destroy.mark")

    def wipe(self, epoch: int) -> None:
        """Overwrite and remove an epoch's file. Call it under :meth:`changing`."""
        key_files.wipe(self.path(epoch))

    def _listed(self) -> list[int]:
        matches = (_EPOCH.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def _split(self, epoch: int) -> tuple[datetime, bytes]:
        line, _, data = self.path(epoch).read_bytes().partition(b"\n")
        try:
            return datetime.strptime(line.decode("ascii"), _TIME).replace(tzinfo=UTC), data
        except ValueError:
            message = f"the file of epoch {epoch} was changed"
            raise StateCorrupt(message, help=_RESTORE) from None
