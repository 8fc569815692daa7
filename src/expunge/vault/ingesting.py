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
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import BinaryIO

from expunge.errors import UsageError
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


def ingest(library: Library, new: NewRecording, stream: BinaryIO, admit: Callable[[], None]) -> Ingested:
    """Take one recording in. It is durable when this returns.

    Args:
        library: the library that takes it.
        new: the recording.
        stream: its bytes, read once.
        admit: raises the refusal, if there is one. It is asked before anything is written, and again when the key is durable.

    Raises:
        UsageError: another recording has this name, or the bytes are not as claimed.
        OSError: of the disk, or of the stream. Nothing readable is left.
    """
    admit()
    library.shelf.prepare()
    with library.shelf.begin(1) as (file,):
        added = False
        try:
            key = new_key()
            recording = sealed_into(file, key, new, stream)
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
                    library.table.add([row_of(library, new, recording, key)])
                try:
                    admit()
                except BaseException:
                    library.shred([recording])
                    added = False
                    raise
                # commit point: the recording is there.
                library.shelf.keep([file])
                if known is not None:
                    library.shred([known])
                    library.discard([known])
            if library.was_shredded(file.id):
                # An order erased it between key and name.
                library.discard([recording])
        finally:
            if not added:
                file.drop()
    return Ingested(recording, fresh=True)


def sealed_into(file: ComingFile, key: bytes, new: NewRecording, stream: BinaryIO) -> SealedRecording:
    """Seal a stream into a file that comes in, and settle it. Raises UsageError where the bytes are not as claimed, OSError."""
    digest = sha256()
    with SealingWriter(file, key, object_context(new.dataset, file.id)) as writer:
        while data := stream.read(AT_A_TIME):
            digest.update(data)
            writer.write(data)
        size = writer.tell()
        if new.size is not None and new.size != size:
            message = f"{size} bytes came, and {new.size} were claimed"
            raise UsageError(message, help="send the recording again, whole")
        if new.digest and new.digest != digest.hexdigest():
            raise UsageError("the bytes that came have another SHA-256 than was claimed", help="send the recording again, whole")
    file.settle()
    return SealedRecording(file.id, new.dataset, new.name, new.subjects, size, digest.hexdigest(), new.at, new.clear_before)


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
            raise UsageError(message, help="give it another name; a recording is replaced by erasing it first")
        if not (library.is_whole(each) or library.finish(each)):
            # Its file was lost, or its ingest cut off: this recording takes its place.
            library.shred([each])
            continue
        if not set(map(library.ids.of, recording.subjects)) <= set(map(library.ids.of, each.subjects)):
            message = "the same recording is in already, and says nothing of a person who is named now"
            raise UsageError(message, help="give it another name, with each person in it; who is in a recording is said once")
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
