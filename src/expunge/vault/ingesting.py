"""Take recordings in: sealed from the first byte, and there as a whole or not at all.

1. The stream is sealed into a temporary file, under a key that is in memory only. An ingest that ends here leaves sealed bytes that nobody
   can read.
2. Key and label become durable together, in the key table.
3. ``admit`` is asked again. An order that was received before this sees the recording; one received later finds it.
4. The file gets its name. *Commit point: the recording is there.*

An ingest that is cut off between 2 and 4 is finished by the next ingest of the same name, or taken back by the next purge: nobody was told
that the recording is in, and a person in it may be suppressed by now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import BinaryIO, Self

from expunge.errors import AlreadyThere, UsageError
from expunge.ports.vault.sealed_library import SealedRecording, Subject
from expunge.ports.vault.shelf import ComingFile
from expunge.vault.chunked import SealingWriter, object_context
from expunge.vault.keys.objects import NewObject
from expunge.vault.keys.wrapping import new_key
from expunge.vault.library import Library, alone, label_bytes, speaking

AT_A_TIME = 1 << 18
"""The most bytes of a stream that are in memory unsealed."""


@dataclass(frozen=True)
class NewRecording:
    """A recording that is to come in."""

    dataset: str
    name: str = field(repr=False)
    subjects: tuple[Subject, ...] = field(repr=False)
    at: datetime
    clear_before: bool
    """Whether it lay in the clear on a disk before."""
    digest: str = ""
    """The hex SHA-256 that the sender claims; empty without a claim."""
    size: int | None = None
    """The number of bytes that the sender claims."""


@dataclass(frozen=True)
class Ingested:
    """A recording that is in."""

    recording: SealedRecording
    fresh: bool
    """False where the same recording was in already."""


class Sealing:
    """Seals bytes into a file that comes in, under a key that is in memory only, and holds them against what the sender claims."""

    def __init__(self, file: ComingFile, new: NewRecording) -> None:
        """Write the head of the file. Raises OSError."""
        self.key = new_key()
        self._file, self._new = file, new
        self._digest = sha256()
        self._before = (0, self._digest.copy())
        """The place of the last write, and the digest before it."""
        self._writer = SealingWriter(file, self.key, object_context(new.dataset, file.id))

    @property
    def received(self) -> int:
        """Bytes that were written."""
        return self._writer.tell()

    def write(self, data: bytes) -> None:
        """Seal the next bytes. Raises UsageError where more come than were claimed, OSError."""
        if self._new.size is not None and self.received + len(data) > self._new.size:
            raise self._other_size(self.received + len(data), "or more ")
        self._before = (self.received, self._digest.copy())
        self._digest.update(data)
        self._writer.write(data)

    def repeats(self, offset: int, data: bytes) -> bool:
        """Return whether some bytes at an offset are those of the last write."""
        before, digest = self._before[0], self._before[1].copy()
        digest.update(data)
        return offset == before and digest.digest() == self._digest.digest()

    def take(self, stream: BinaryIO) -> None:
        """Seal all bytes of a stream. Raises as :meth:`write`, and OSError of the stream."""
        while data := stream.read(AT_A_TIME):
            self.write(data)

    def settle(self) -> SealedRecording:
        """Seal the last bytes, and settle the file. Raises UsageError where the bytes are not as claimed, OSError."""
        new, size = self._new, self.received
        if new.size is not None and new.size != size:
            raise self._other_size(size)
        if new.digest and new.digest != self._digest.hexdigest():
            raise UsageError("the bytes that came have another SHA-256 than was claimed", help="send the recording again, whole")
        self._writer.close()
        self._file.settle()
        return SealedRecording(self._file.id, new.dataset, new.name, new.subjects, size, self._digest.hexdigest(), new.at, new.clear_before)

    def abandon(self) -> None:
        """Forget the key. What was written never opens, unless it was settled."""
        self.key = b""
        self._writer.abandon()

    def _other_size(self, size: int, more: str = "") -> UsageError:
        message = f"{size} {more}bytes came, and {self._new.size} were claimed"
        return UsageError(message, help="send the recording again, whole")


class Incoming:
    """A recording that is coming in: its bytes are sealed into a file without a name as they are written.

    Leave it by ``finish`` or by ``abandon``. One that is only dropped leaves sealed bytes that nobody can read. One thread at a time.
    """

    def __init__(self, library: Library, new: NewRecording, admit: Callable[[], None]) -> None:
        """Begin.

        Args:
            library: the library that takes it.
            new: the recording.
            admit: raises the refusal, if there is one. It is asked before anything is written, and again when the key is durable.

        Raises OSError, and what ``admit`` raises.
        """
        admit()
        library.shelf.prepare()
        self._library, self._new, self._admit = library, new, admit
        self._held = ExitStack()
        (self._file,) = self._held.enter_context(library.shelf.begin(1))
        self._has_ended = False
        try:
            self._sealing = Sealing(self._file, new)
        except BaseException:
            self._let_go(remove=True)
            raise

    def admit(self) -> None:
        """Raise the refusal, if there is one by now; then the recording is abandoned."""
        try:
            self._admit()
        except BaseException:
            self.abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.abandon()

    @property
    def received(self) -> int:
        """Bytes that were written."""
        return self._sealing.received

    @property
    def is_short(self) -> bool:
        """Whether fewer bytes came than were claimed."""
        return self._new.size is not None and self.received < self._new.size

    def write(self, data: bytes) -> None:
        """Seal the next bytes. Raises as :meth:`Sealing.write`; then the recording is abandoned."""
        try:
            self._sealing.write(data)
        except BaseException:
            self.abandon()
            raise

    def repeats(self, offset: int, data: bytes) -> bool:
        """Return whether some bytes at an offset are those of the last write."""
        return self._sealing.repeats(offset, data)

    def take(self, stream: BinaryIO) -> Ingested:
        """Take all bytes of a stream in. Raises as :meth:`Sealing.take` and :meth:`finish`."""
        self._sealing.take(stream)
        return self.finish()

    def finish(self) -> Ingested:
        """Take the recording in. It is durable when this returns; where this raises, it is abandoned.

        Raises:
            UsageError: another recording has this name, or the bytes are not as claimed.
            OSError: of the disk. Nothing readable is left.
        """
        added = False
        try:
            recording = self._sealing.settle()
            library, new = self._library, self._new
            with alone(library.lock):
                known = known_as(library, recording)
                # Why one that never lay in the clear is sealed again: the table's record of it would no longer be true of these bytes.
                if known is not None and known.clear_before >= new.clear_before:
                    return Ingested(known, fresh=False)
                if known is not None:
                    new = once_more(new, known)
                    recording = replace(recording, at=new.at)
                # Why before it is: a lost answer leaves it unknown whether the key was added, and a later call then finishes it.
                added = True
                with speaking(acting=True):
                    library.table.is_spelt_by(library.ids.rules, adding=True)
                    library.table.add([row_of(library, new, recording, self._sealing.key)])
                try:
                    self._admit()
                except BaseException:
                    library.shred([recording])
                    added = False
                    raise
                # commit point: the recording is there.
                library.shelf.keep([self._file])
                if known is not None:
                    library.shred([known])
                    library.discard([known])
            if library.was_shredded(recording.id):
                # An order erased it between key and name.
                library.discard([recording])
            return Ingested(recording, fresh=True)
        finally:
            self._end(remove=not added)

    def abandon(self) -> None:
        """Remove what came so far. Does nothing where the recording is in, or abandoned. Raises OSError."""
        self._end(remove=True)

    def _end(self, *, remove: bool) -> None:
        """Forget the key, and let go of the file, once."""
        if not self._has_ended:
            self._sealing.abandon()
            self._let_go(remove=remove)

    def _let_go(self, *, remove: bool) -> None:
        """Remove the file before its lock goes, if it is to be removed."""
        self._has_ended = True
        with self._held:
            if remove:
                self._file.drop()


def ingest(library: Library, new: NewRecording, stream: BinaryIO, admit: Callable[[], None]) -> Ingested:
    """Take one recording in. It is durable when this returns.

    Args:
        library: the library that takes it.
        new: the recording.
        stream: its bytes, read once.
        admit: as for :class:`Incoming`.

    Raises:
        UsageError: another recording has this name, or the bytes are not as claimed.
        OSError: of the disk, or of the stream. Nothing readable is left.
    """
    with Incoming(library, new, admit) as incoming:
        return incoming.take(stream)


def once_more(new: NewRecording, known: SealedRecording) -> NewRecording:
    """Return the recording that replaces a known one: as old as that, and with all its people. Raises UsageError."""
    if not set(known.subjects) <= set(new.subjects):
        message = "the same recording is in already, with further people in it, and never lay in the clear until now"
        raise UsageError(message, help="name the further people as well: --subject")
    return replace(new, at=min(new.at, known.at))


def known_as(library: Library, recording: SealedRecording, among: Iterable[SealedRecording] | None = None) -> SealedRecording | None:
    """Return the same recording where it is in; of two, the one that lay in the clear. Raises UsageError where another has the name.

    Args:
        library: the library.
        recording: the one that comes in.
        among: the recordings of that name and of the same people, where they are known already.
    """
    found: SealedRecording | None = None
    for each in library.named(recording.dataset, [recording.name], recording.subjects) if among is None else among:
        if each.digest != recording.digest:
            message = "another recording has this name already, with other bytes"
            raise AlreadyThere(message, help="give it another name; a recording is replaced by erasing it first")
        if not (library.is_whole(each) or library.finish(each)):
            # Its file was lost, or its ingest cut off: this recording takes its place.
            library.shred([each])
            continue
        if not set(map(library.ids.of, recording.subjects)) <= set(map(library.ids.of, each.subjects)):
            message = "the same recording is in already, and says nothing of a person who is named now"
            raise AlreadyThere(message, help="give it another name, with each person in it; who is in a recording is said once")
        if found is None or each.clear_before:
            if found is not None:
                # The other was to be shredded once this one had its name, and the process died before that.
                library.shred([found])
                library.discard([found])
            found = each
    return found


def row_of(library: Library, new: NewRecording, recording: SealedRecording, key: bytes) -> NewObject:
    """Return the row of a sealed recording for the key table."""
    owners = tuple(dict.fromkeys(map(library.ids.of, new.subjects)))
    name = library.ids.name(new.dataset, new.name)
    return NewObject(bytes.fromhex(recording.id), owners, new.dataset, label_bytes(recording), new.at, new.clear_before, key, name)
