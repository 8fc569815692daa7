"""One recording at a time: sealed, read back, and only then erased where it lay in the clear."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from expunge import permit
from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Unable, discharges
from expunge.errors import Refused, StoreUnavailable, UsageError
from expunge.ports.store import Store
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.stores.tree.record_files import Unreadable
from expunge.stores.tree.safe_replace import busy, open_regular
from expunge.vault.ingesting import AT_A_TIME, Ingested, NewRecording, ingest
from expunge.vault.library import Library

_WHOSE = Pseudonym("adopted")
"""Stands for the person of a recording in questions that go to the store alone."""
_CHANGED = "it was written to meanwhile: the next run takes it as it is then"
LINK = "it is a symbolic link: its target is taken under its own name, where the map declares it"
_HELD = "a hold keeps it where it is"
_DAMAGED = "it did not come back from the vault as what it is, and was not kept there: look after the vault's disk"


class StaysInTheClear(Exception):
    """The reason why one recording stays where it is. The others go on."""


@dataclass(frozen=True)
class Adopting:
    """The two places of the recordings, and the questions about each recording."""

    clear: Dataset
    root: Path = field(repr=False)
    """The folder of the store where they lie in the clear."""
    store: Store
    sealed: Dataset
    library: Library
    people: Callable[[str], tuple[Subject, ...]] = field(repr=False)
    """Returns the people in a name. Raises UsageError."""
    admitting: Callable[[tuple[Subject, ...]], Callable[[], None]]
    """Returns a function that raises the reason why some people are refused."""
    held: Callable[[str, tuple[Subject, ...]], bool]
    """Returns whether a hold of this moment keeps a recording, by its name and people."""
    now: Callable[[], datetime]

    def whose(self, name: str) -> tuple[Subject, ...]:
        """Return the people of a recording: those in its name and, once it is sealed, those in its label. Raises StaysInTheClear."""
        try:
            people = self.people(name)
        except UsageError as error:
            raise StaysInTheClear(error.message) from error
        known = (each.subjects for each in self.library.recordings(self.sealed.name, people) if each.name == name)
        return tuple(dict.fromkeys((*people, *(each for some in known for each in some))))

    def require_admitted(self, name: str) -> tuple[Subject, ...]:
        """Return the people of a recording. Raises StaysInTheClear where it may not go, as far as this is known without opening it."""
        people = self.whose(name)
        try:
            self.admitting(people)()
        except (UsageError, Refused) as error:
            raise StaysInTheClear(error.message) from error
        if self.held(name, people):
            raise StaysInTheClear(_HELD)
        if (self.root / name).is_symlink():
            raise StaysInTheClear(LINK)
        return people

    def adopt(self, name: str) -> Ingested:
        """Seal one recording, read it back, and erase it where it lies in the clear. Each step is durable before the next.

        Raises:
            StaysInTheClear: it stays where it is.
            StoreUnavailable: the vault can be neither written nor read now.
        """
        people = self.whose(name)
        with self._opened(name) as (stream, mark):
            self._require_removable(name)
            taken = self._sealed(name, people, stream, mark)
        self._verify(taken.recording)
        # crash here: it lies in both places, and the next run finds it sealed.
        self._erase(name, mark, people)
        return taken

    def left(self, names: list[str]) -> int:
        """Return how many of some names are still, or again, in the clear. The store is asked afresh."""
        copy = Copy(self.clear.name, _WHOSE, tuple(names), len(names))
        return sum(probed.items for probed in self.store.probe(self.clear, [copy]))

    # --- sealing --------------------------------------------------------------------------------

    @contextmanager
    def _opened(self, name: str) -> Iterator[tuple[BinaryIO, _Mark]]:
        if (self.root / name).is_symlink():
            raise StaysInTheClear(LINK)
        try:
            file = os.fdopen(open_regular(self.root / name), "rb", buffering=0)
        except (OSError, Unreadable) as error:
            raise StaysInTheClear(_unread(error)) from error
        with file:
            yield cast("BinaryIO", _ClearStream(cast("BinaryIO", file))), _Mark.of(os.fstat(file.fileno()))

    def _require_removable(self, name: str) -> None:
        reasons = self.store.preflight(self.clear, [self._copy(name)])
        if reasons:
            raise StaysInTheClear(reasons[0].detail)

    def _sealed(self, name: str, people: tuple[Subject, ...], stream: BinaryIO, mark: _Mark) -> Ingested:
        now = self.now()
        at = datetime.fromtimestamp(min(max(0, mark.written) / 1e9, now.timestamp()), UTC)
        new = NewRecording(self.sealed.name, name, people, min(at, now), clear_before=True)
        admit = self.admitting(people)

        def go_on() -> None:
            admit()
            self._require_same(name, mark, people)

        try:
            return ingest(self.library, new, stream, go_on)
        except (UsageError, Refused) as error:
            raise StaysInTheClear(error.message) from error
        except OSError as error:
            message = f"the vault cannot be written to: {error.strerror or 'input/output error'}"
            raise StoreUnavailable(message, help="nothing was lost; mend it, then run the same command again") from error

    def _verify(self, recording: SealedRecording) -> None:
        buffer, digest = bytearray(AT_A_TIME), sha256()
        view = memoryview(buffer)
        try:
            # Why afresh: the bytes that are compared should come from the device, where the system allows it.
            with self.library.open(recording, afresh=True) as content:
                while taken := content.readinto(buffer):  # type: ignore[attr-defined]
                    digest.update(view[:taken])
        except OSError as error:
            if error.errno != errno.EBADMSG:
                message = f"the vault cannot be read: {error.strerror or 'input/output error'}"
                raise StoreUnavailable(message, help="nothing was lost; mend it, then run the same command again") from error
            self._discard(recording)
        if digest.hexdigest() != recording.digest:
            self._discard(recording)

    def _discard(self, recording: SealedRecording) -> None:
        """Take away a sealed recording that differs from the one in the clear. Raises StaysInTheClear."""
        self.library.shred([recording])
        self.library.discard(recording)
        raise StaysInTheClear(_DAMAGED)

    # --- erasing --------------------------------------------------------------------------------

    def _erase(self, name: str, mark: _Mark, people: tuple[Subject, ...]) -> None:
        asked = False

        def permitted() -> None:
            nonlocal asked
            # Why once: after the recording, the store asks about the folders in which it lay.
            if not asked:
                self._require_same(name, mark, people)
            asked = True

        with permit.required(permitted):
            (outcome,) = self.store.erase(self.clear, [self._copy(name)], IdempotencyKey(f"adopt/{self.clear.name}")).values()
        if not discharges(outcome):
            message = f"sealed, and not erased: {outcome.detail if isinstance(outcome, Unable) else 'it is kept'}"
            raise StaysInTheClear(message)

    def _require_same(self, name: str, mark: _Mark, people: tuple[Subject, ...]) -> None:
        path = self.root / name
        try:
            same = _Mark.of(path.lstat()) == mark and not busy(path)
        except FileNotFoundError:
            same = False
        except (OSError, Unreadable) as error:
            raise StaysInTheClear(_unread(error)) from error
        if not same:
            raise StaysInTheClear(_CHANGED)
        if self.held(name, people):
            raise StaysInTheClear(_HELD)

    def _copy(self, name: str) -> Copy:
        # Why every: the recording goes by its name, whose person does not matter here.
        return Copy(self.clear.name, _WHOSE, (name,), 1, selector=Selector(_WHOSE, {}, every=True))


@dataclass(frozen=True)
class _Mark:
    """Tells a file from each later state of it, and from another file of the same name."""

    device: int
    inode: int
    size: int
    written: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> _Mark:
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class _ClearStream:
    """A file in the clear. An error while reading it counts as its own, and not as the vault's."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise StaysInTheClear(_unread(error)) from error


def _unread(error: Exception) -> str:
    said = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
    return f"it cannot be read: {said}"
