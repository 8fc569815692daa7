"""The register of key deaths in one file, a line of canonical JSON for each entry, chained by SHA-256.

It lies beside the keystore, outside the folder of the key table, so that a backup of one does not bring the other back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from expunge import durable
from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.host.file_lock import FileLock
from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid, StateCorrupt, StateRolledBack
from expunge.ports.vault.shred_register import START, Deed, Entry, Head

_WAIT_S = 30.0
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_FIELDS = {"at", "before", "deed", "epoch", "number", "objects", "subjects"}
_RESTORE = "the file was damaged or edited; put its newest copy back"


class ShredFile:
    """Implements :class:`expunge.ports.vault.shred_register.ShredRegister`."""

    def __init__(self, path: Path) -> None:
        """Open the register; the file is made by the first entry.

        Raises:
            StateUnavailable: it cannot be read.
            StateCorrupt: an entry was changed, or is missing between two.
        """
        self._path = path
        self._guard = threading.RLock()
        with guarded("the register of shreds could not be opened"):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = FileLock(path.with_name(path.name + ".lock"), wait=_WAIT_S, busy="another process is writing the register of shreds")
        self._ends: list[int] = [0]
        """The offsets at which entries end in the file, after a 0 for no entry."""
        self._head = START
        self._seen = (0, 0)
        """Size and inode of the file at the last read."""
        self.head()

    def head(self) -> Head:
        """Return the head. The file is read again only where its size or inode changed."""
        with self._guard, guarded("the register of shreds could not be read"):
            self._read()
            return self._head

    def digest(self, number: int) -> bytes:
        """Return the digest up to an entry. Raises LookupError beyond the head."""
        with self._guard:
            head = self.head()
            if number == head.number:
                return head.digest
            if not 0 <= number < head.number:
                raise LookupError(number)
            if number == 0:
                return START.digest
            return next(at for at, _ in self.after(number - 1)).digest

    def after(self, number: int) -> Iterator[tuple[Head, Entry]]:
        """Yield the entries after an entry, oldest first."""
        with self._guard, guarded("the register of shreds could not be read"):
            self._read()
            if number >= self._head.number:
                return
            end = self._ends[-1]
            with self._path.open("rb") as file:
                file.seek(self._ends[number])
                lines = file.read(end - self._ends[number]).splitlines()
        for at, line in enumerate(lines, number + 1):
            head, _, entry = _parse(line, at)
            yield head, entry

    def append(self, entry: Entry) -> Head:
        """Append durably, and return the new head. An unfinished entry, left by a crash, is cut off first."""
        with self._guard, guarded("the register of shreds could not be written"), self._lock.held():
            is_new = not self._path.exists()
            self._read()
            line = _line(self._head, entry)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.fstat(descriptor).st_size > self._ends[-1]:
                    durable.truncate(self._path, self._ends[-1], at="shreds.unfinished")
                if is_new:
                    durable.fsync_directory(self._path.parent, at="shreds.folder")
                os.lseek(descriptor, self._ends[-1], os.SEEK_SET)
                _write(descriptor, line)
                # commit point: the entry counts, even where its writer dies before the key table has it.
                durable.fsync(descriptor, at="shreds.append")
            except OSError:
                self._seen = (-1, -1)
                raise
            finally:
                os.close(descriptor)
            self._read()
            return self._head

    def _read(self) -> None:
        """Read the entries that were appended since the last read."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            if self._head.number:
                raise StateRolledBack("the register of shreds is gone", help=_RESTORE) from None
            return
        if self._seen == (status.st_size, status.st_ino):
            return
        if status.st_size < self._ends[-1] or (self._seen[1] not in {-1, 0, status.st_ino}):
            raise StateRolledBack("the register of shreds was replaced while it was open", help="start again; it is looked at then")
        with self._path.open("rb") as file:
            file.seek(self._ends[-1])
            data = file.read()
        *lines, rest = data.split(b"\n")
        whole = not rest
        for place, line in enumerate(lines, 1):
            try:
                head, before, _ = _parse(line, self._head.number + 1)
                if before != self._head.digest:
                    raise StateCorrupt("an entry of the register of shreds does not follow from the one before", help=_RESTORE)
            except StateCorrupt:
                if place == len(lines) and whole:
                    whole = False  # the last entry, whose writer died before its append returned
                    break
                raise
            self._ends.append(self._ends[-1] + len(line) + 1)
            self._head = head
        # An unfinished entry is read again each time: another writer may put an entry of the same size in its place.
        self._seen = (status.st_size if whole else -1, status.st_ino)


def _write(descriptor: int, line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[os.write(descriptor, left) :]


def _line(before: Head, entry: Entry) -> bytes:
    value: dict[str, canonical.Json] = {
        "number": before.number + 1,
        "before": before.digest.hex(),
        "deed": entry.deed.name,
        "at": entry.at.astimezone(UTC).strftime(_TIME),
        "epoch": entry.epoch,
        "subjects": [each.hex() for each in entry.subjects],
        "objects": [each.hex() for each in entry.objects],
    }
    return canonical.encode(value) + b"\n"


def _decode(line: bytes) -> Mapping[str, canonical.Json]:
    try:
        value = canonical.decode(line)
    except EvidenceInvalid:
        raise StateCorrupt("an entry of the register of shreds cannot be read", help=_RESTORE) from None
    if not isinstance(value, Mapping) or set(value) != _FIELDS:
        raise StateCorrupt("an entry of the register of shreds has another form", help=_RESTORE)
    return value


def _parse(line: bytes, number: int) -> tuple[Head, bytes, Entry]:
    """Return the head that a line makes, the digest that it follows, and its entry."""
    value = _decode(line)
    try:
        before = bytes.fromhex(str(value["before"]))
        if value["number"] != number:
            raise ValueError
        entry = Entry(
            deed=Deed[str(value["deed"])],
            at=datetime.strptime(str(value["at"]), _TIME).replace(tzinfo=UTC),
            subjects=_ids(value["subjects"]),
            objects=_ids(value["objects"]),
            epoch=int(str(value["epoch"])),
        )
    except (KeyError, ValueError):
        raise StateCorrupt("an entry of the register of shreds cannot be read", help=_RESTORE) from None
    return Head(number, sha256(line).digest()), before, entry


def _ids(value: canonical.Json) -> tuple[bytes, ...]:
    if not isinstance(value, list | tuple):
        raise ValueError
    return tuple(bytes.fromhex(str(each)) for each in value)
