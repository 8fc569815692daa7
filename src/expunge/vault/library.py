"""The library of one vault: sealed files on a shelf, and the key table that names their people and opens them.

A file's name identifies nobody. The recording's name, its size and its people stand in its label, in the key table.
"""

from __future__ import annotations

import errno
import fcntl
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from expunge.core.values.copy import RawSource
from expunge.errors import (
    Busy,
    CouldNotLook,
    KeyDestroyed,
    KeystoreLocked,
    KeyUnknown,
    Misconfigured,
    RootUnavailable,
    SealInvalid,
    StateRolledBack,
    StateUnavailable,
    StoreUnavailable,
)
from expunge.ports.vault.key_epochs import LIFETIME, KeyDeath, KeyEpoch
from expunge.ports.vault.sealed_library import LibraryFile, SealedRecording, Subject
from expunge.ports.vault.shelf import LyingFile, Shelf, is_id
from expunge.vault.chunked import HEADER, UnsealingReader, object_context, sealed_size
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.keys.objects import StoredObject

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


@dataclass(frozen=True)
class SubjectIds:
    """Makes the ids by which the key table knows people. They are keyed, so that the table holds no identifier."""

    key: bytes = field(repr=False)
    """32 bytes, from the keystore."""
    common: Callable[[str, str], str]
    """(identity kind, identifier) -> the canonical spelling, which stands for all others of the same person."""
    rules: bytes = b""
    """Digest of the rules of ``common``."""

    def of(self, subject: Subject) -> bytes:
        """Return a person's id, 16 bytes, which is the same for every spelling of the identifier."""
        kind, value = subject
        said = len(kind.encode()).to_bytes(2, "big") + kind.encode() + self.common(kind, value).encode("utf-8", "surrogatepass")
        return hmac.new(self.key, b"expunge/vault/subject/1\0" + said, sha256).digest()[:16]

    def name(self, dataset: str, name: str) -> bytes:
        """Return 16 bytes by which the key table knows the name of a recording. They are keyed: a guess cannot be tried without the key."""
        said = len(dataset.encode()).to_bytes(2, "big") + dataset.encode() + name.encode("utf-8", "surrogatepass")
        return hmac.new(self.key, b"expunge/vault/name/1\0" + said, sha256).digest()[:16]


@dataclass(frozen=True)
class KeysBeside:
    """The files beside the key table, and facts about it."""

    lock: Path
    """The file to lock while a recording gets its name."""
    register: Path
    """The register of key deaths."""
    until: Callable[[], str]
    """Returns, as a sentence for receipts, until when copies of the key table could still open shredded recordings."""
    lifetime: timedelta = LIFETIME
    """The longest life of an epoch."""


def label_bytes(recording: SealedRecording) -> bytes:
    """Return the bytes of a recording's label, before they are sealed."""
    said = {"name": recording.name, "subjects": recording.subjects, "size": recording.size, "sha256": recording.digest}
    return json.dumps(said, separators=(",", ":")).encode()


class Library:
    """Implements :class:`expunge.ports.vault.sealed_library.SealedLibrary`."""

    def __init__(
        self, shelf: Shelf, datasets: Sequence[str], table: Callable[[], KeyTable], ids: SubjectIds, *, beside: KeysBeside
    ) -> None:
        """Open nothing yet.

        Args:
            shelf: where the sealed files lie.
            datasets: the datasets of the map that lie in it.
            table: opens the key table, once.
            ids: makes the ids of people.
            beside: the files beside the key table, and facts about it.
        """
        self.shelf = shelf
        self.ids = ids
        self._datasets = tuple(datasets)
        self._table = table
        self.lock = beside.lock
        self._beside = beside

    @property
    def table(self) -> KeyTable:
        """The key table. Raises StoreUnavailable."""
        with speaking():
            return self._table()

    # --- looking --------------------------------------------------------------------------------

    def recordings(self, dataset: str, subjects: Collection[Subject] | None = None) -> Iterator[SealedRecording]:
        """See the port: by the keyed ids of people."""
        owners = None if subjects is None else frozenset(map(self.ids.of, subjects))
        if owners is not None and not owners:
            return
        with speaking():
            # Why all, where rules of spelling changed: the table has the ids by the earlier rules. Labels have the identifiers.
            every = owners is None or not self._table().is_spelt_by(self.ids.rules)
            for row in self._table().objects(dataset, None if every else owners):
                recording = _recording(row)
                if owners is None or not every or not owners.isdisjoint(map(self.ids.of, recording.subjects)):
                    yield recording

    def page(self, dataset: str, after: int) -> tuple[list[SealedRecording], int | None]:
        """Return some recordings of a dataset from a place on, and the place of the next; None where no more follow."""
        with speaking():
            rows, following = self._table().page(dataset, after)
        return [_recording(row) for row in rows], following

    def sealed_size(self, recording: SealedRecording) -> int | None:
        """See the port."""
        return self.shelf.size(recording.id)

    def named(self, dataset: str, names: Collection[str], subjects: Collection[Subject] | None) -> Iterator[SealedRecording]:
        """Yield the recordings under some names: all, or those of some subjects.

        No other label is opened, but in a table with recordings from before there were names.
        """
        with speaking():
            rows = self._table().named(dataset, {self.ids.name(dataset, each) for each in names})
        if rows is None:
            yield from (each for each in self.recordings(dataset, subjects) if each.name in names)
            return
        owners = None if subjects is None else frozenset(map(self.ids.of, subjects))
        for recording in map(_recording, rows):
            if recording.name in names and (owners is None or not owners.isdisjoint(map(self.ids.of, recording.subjects))):
                yield recording

    def is_gone(self, recording: SealedRecording) -> bool:
        """Return whether a recording was erased. To look at a near file takes microseconds; else the register of key deaths tells."""
        return self.sealed_size(recording) is None if self.shelf.is_near else self.was_shredded(recording.id)

    def is_whole(self, recording: SealedRecording) -> bool:
        """Return whether its sealed file is there, in the length that its label says."""
        return self.sealed_size(recording) == sealed_size(recording.size)

    def open(self, recording: SealedRecording, *, afresh: bool = False) -> BinaryIO:
        """See the port. Changed content is refused before a byte of it is given out; ``afresh`` is the shelf's."""
        with speaking():
            try:
                key = self._table().key(bytes.fromhex(recording.id))
            except (KeyDestroyed, KeyUnknown) as error:
                raise FileNotFoundError(errno.ENOENT, error.message) from error
        opened = self.shelf.open(recording.id, afresh=afresh)
        return cast("BinaryIO", SealedContent(opened, key, object_context(recording.dataset, recording.id), recording.size))

    def wrapped(self, recordings: Sequence[SealedRecording]) -> Iterator[bytes]:
        """See the port: the slots that the recordings' keys hang below, each once."""
        with speaking():
            found = self._table().slots_of([bytes.fromhex(each.id) for each in recordings])
            yield from dict.fromkeys(slot for _, slot in found)

    def below(self, slots: Collection[int]) -> Iterator[tuple[int, SealedRecording]]:
        """See the port."""
        with speaking():
            yield from ((slot, _recording(row)) for slot, row in self._table().below(slots) if row.dataset in self._datasets)

    def heads(self, recordings: Sequence[SealedRecording]) -> Iterator[tuple[Path, bytes]]:
        """See the port."""
        yield from self.shelf.heads([each.id for each in recordings], HEADER)

    # --- erasing --------------------------------------------------------------------------------

    def shred(self, recordings: Sequence[SealedRecording]) -> None:
        """See the port."""
        with speaking(acting=True):
            self._table().shred([bytes.fromhex(each.id) for each in recordings])

    def discard(self, recordings: Sequence[SealedRecording]) -> Mapping[str, OSError]:
        """See the port."""
        return self.shelf.remove([each.id for each in recordings])

    def scrub(self) -> int:
        """See the port. An ingest that died between key and name is taken back here."""
        with speaking(acting=True):
            before = [path.stat().st_size for path in self._table().files() if path.name.endswith("-wal")]
            if not self._table().scrub():
                raise Busy("another process reads or writes the key table", help="try again when it has ended")
        return sum(1 for size in before if size) + self._settle_leftovers()

    def _settle_leftovers(self) -> int:
        settled = 0
        shredded: dict[str, None] = {}
        for each in self.shelf.files():
            if each.id and each.is_coming:
                settled += self._settle_coming(each.id)
            elif each.id and self.was_shredded(each.id):
                shredded[each.id] = None
        for error in self.shelf.remove(list(shredded)).values():
            raise error
        return settled + len(shredded)

    def _settle_coming(self, id_: str) -> bool:
        """Take back the leftovers of an ingest that died: nobody was told that it is in, and its people may be suppressed by now."""
        with alone(self.lock):
            if self.shelf.is_held(id_) or self.shelf.was_kept(id_):
                return False
            with speaking():
                self._table().shred([bytes.fromhex(id_)])
            self.shelf.take_back(id_)
            return True

    def finish(self, recording: SealedRecording) -> bool:
        """Give a recording its name, if its ingest died after the key was durable. Return whether it has one now."""
        self.shelf.finish(recording.id, sealed_size(recording.size))
        return self.is_whole(recording)

    # --- bytes ----------------------------------------------------------------------------------

    def examine(self, named: Callable[[SealedRecording], bool]) -> Mapping[Path, LibraryFile]:
        """See the port."""
        living = self._living()
        return {each.path: self._kind(each, living.get(each.id), named) for each in self.shelf.files()}

    def _kind(self, file: LyingFile, recording: SealedRecording | None, named: Callable[[SealedRecording], bool]) -> LibraryFile:
        if recording is not None and not file.is_coming and file.size == sealed_size(recording.size):
            return LibraryFile.RECORDING if named(recording) else LibraryFile.UNNAMED
        mine = file.is_coming or self.was_shredded(file.id)
        return LibraryFile.LEFTOVER if mine else LibraryFile.STRANGE

    def comes_in(self, id_: str) -> bool:
        """See the port."""
        return self.shelf.comes_in(id_)

    def without_file(self) -> int:
        """See the port."""
        return self.shelf.missing(self._living())

    def is_away(self) -> bool:
        """See the port."""
        return self.shelf.is_away()

    def is_writable(self) -> bool:
        """See the port."""
        return self.shelf.is_writable()

    def sources(self) -> Iterator[RawSource]:
        """See the port."""
        yield from self.shelf.sources()
        yield from (RawSource(folder, "keys") for folder in dict.fromkeys(path.parent for path in self.key_files()))
        yield RawSource(self._beside.register, "journal")

    def key_files(self) -> Sequence[Path]:
        """See the port."""
        with speaking():
            return tuple(self._table().files())

    def out_of_scope(self) -> tuple[str, ...]:
        """See the port."""
        return (self._beside.until(),)

    @property
    def epoch_lifetime(self) -> timedelta:
        """See the port."""
        return self._beside.lifetime

    @property
    def root_copyable(self) -> bool:
        """See the port."""
        with speaking():
            return self._table().root_copyable

    def key_epochs(self) -> Sequence[KeyEpoch]:
        """See the port."""
        with speaking():
            return self._table().epochs()

    def last_key_death(self, until: datetime) -> KeyDeath | None:
        """See the port."""
        with speaking():
            return self._table().last_death(until)

    def close(self) -> None:
        """Do nothing: the code that opened the key table closes it."""

    def _living(self) -> dict[str, SealedRecording]:
        return {each.id: each for dataset in self._datasets for each in self.recordings(dataset)}

    def was_shredded(self, id_: str) -> bool:
        """Return whether a key of this id was destroyed, by the register of key deaths."""
        with speaking():
            return is_id(id_) and self._table().shredded_at(bytes.fromhex(id_)) is not None


def _recording(row: StoredObject) -> SealedRecording:
    try:
        said = json.loads(row.label)
        subjects = tuple((str(kind), str(value)) for kind, value in said["subjects"])
        return SealedRecording(
            row.id.hex(), row.dataset, said["name"], subjects, int(said["size"]), said["sha256"], row.at, row.clear_before
        )
    except (ValueError, TypeError, KeyError) as error:
        message = f"dataset {row.dataset}: the label of a recording cannot be read"
        raise CouldNotLook(message, help="put the key table back from its backup") from error


class SealedContent(UnsealingReader):
    """The content of a sealed file. The file is closed with it; its errors are OSErrors."""

    def __init__(self, opened: BinaryIO, key: bytes, context: bytes, size: int) -> None:
        """Take an opened file. Raises OSError, also where it is not as it was sealed, or not as long as the label says."""
        self._opened = opened
        try:
            super().__init__(opened, key, context)  # type: ignore[arg-type]
            if self.size != size:
                raise _damaged()
        except SealInvalid as error:
            opened.close()
            raise _damaged() from error
        except BaseException:
            opened.close()
            raise

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill the buffer. Raises OSError."""
        try:
            return super().readinto(buffer)
        except SealInvalid as error:
            raise _damaged() from error

    def close(self) -> None:
        """Close the file as well."""
        super().close()
        self._opened.close()


def _damaged() -> OSError:
    return OSError(errno.EBADMSG, "a sealed file is not what was sealed")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one thread of one process at a time give a recording its name, or take back one without a name."""
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def speaking(*, acting: bool = False) -> Iterator[None]:
    """Turn errors of the key table into a store's: StoreUnavailable; for a caller that is ``acting``, OSError where the disk refused."""
    try:
        yield
    except StateUnavailable as error:
        refused = _refused(error.__cause__) if acting else None
        if refused is not None:
            raise refused from error
        raise StoreUnavailable(error.message, help=error.help) from error
    except (RootUnavailable, KeystoreLocked, Misconfigured, StateRolledBack) as error:
        raise StoreUnavailable(error.message, help=error.help) from error
    except Busy as error:
        if acting:
            raise
        raise StoreUnavailable(error.message, help=error.help) from error


def _refused(cause: BaseException | None) -> OSError | None:
    """Return the disk's error, if there is one."""
    if isinstance(cause, OSError):
        return OSError(cause.errno, cause.strerror)
    if isinstance(cause, sqlite3.OperationalError):
        code = {sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EROFS}.get(cause.sqlite_errorcode & 0xFF, errno.EIO)
        return OSError(code, os.strerror(code))
    return None
