"""The port of a sealed library: the recordings of one vault, by the people whose they are. Implemented by ``expunge.vault``.

Each recording lies in a file of its own, sealed under a key of its own. Its name, size and subjects are its *label*, sealed as well: they
die with the key. Recordings are found by people without opening anybody else's label.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from expunge.core.values.copy import RawSource
from expunge.ports.vault.key_epochs import KeyDeath, KeyEpoch

Subject: TypeAlias = tuple[str, str]
"""Identity kind and identifier."""


@dataclass(frozen=True)
class SealedRecording:
    """One recording, as its label says it."""

    id: str
    """32 hex digits, random; the name of its file says no more."""
    dataset: str
    name: str = field(repr=False)
    """As the dataset's template has it, with forward slashes."""
    subjects: tuple[Subject, ...] = field(repr=False)
    """Whose it is, in the spelling in which it came."""
    size: int
    """Bytes of the recording."""
    digest: str = field(repr=False)
    """Hex SHA-256 of the recording."""
    at: datetime
    """When it came in; of one that lay in the clear, when that was last written, so that its period goes on."""
    clear_before: bool = False
    """Whether it lay in the clear on a disk before it was sealed."""


SLOTS = "slots"
"""The table of the key table whose rows are the wrapped keys of :meth:`SealedLibrary.wrapped`, by number."""


class LibraryFile(StrEnum):
    """What a file of the library's folder is."""

    RECORDING = "recording"
    """The sealed file of a living recording, of the size that its label says."""
    UNNAMED = "unnamed"
    """The same, of a recording that the map of today cannot find: its name fits no path, or the path says nothing of somebody in it."""
    LEFTOVER = "leftover"
    """The library's own, settled by the next scrub: a temporary file, or the sealed file of a recording whose key was shredded."""
    STRANGE = "strange"
    """No recording's, or of another size than its recording's."""


class SealedLibrary(Protocol):
    """The recordings of one vault. Safe between processes; every method raises StoreUnavailable where keys or folder cannot be used now."""

    def recordings(self, dataset: str, subjects: Collection[Subject] | None = None) -> Iterator[SealedRecording]:
        """Yield a dataset's recordings, by name; only those of some subjects, without opening another label. Raises CouldNotLook."""
        ...

    def sealed_size(self, recording: SealedRecording) -> int | None:
        """Return the bytes of its file; None where there is none (its ingest died, or its erasure did)."""
        ...

    def open(self, recording: SealedRecording) -> BinaryIO:
        """Open a recording, seekable. Raises FileNotFoundError, OSError; so do reads, also for a file that is not what was sealed."""
        ...

    def wrapped(self, recordings: Sequence[SealedRecording]) -> Iterator[bytes]:
        """Yield the wrapped keys of recordings, byte for byte as they lie in the key table."""
        ...

    def below(self, slots: Collection[int]) -> Iterator[tuple[int, SealedRecording]]:
        """Yield (slot, recording) for each recording whose key hangs below one of some slots (:data:`SLOTS`)."""
        ...

    def heads(self, recordings: Sequence[SealedRecording]) -> Iterator[tuple[Path, bytes]]:
        """Yield the sealed files of recordings, each with its first bytes; without those that are not there."""
        ...

    def shred(self, recordings: Sequence[SealedRecording]) -> None:
        """Destroy the keys of recordings; durable. Doing it again is success. Raises Busy, OSError."""
        ...

    def discard(self, recording: SealedRecording) -> int:
        """Remove the sealed file of a shredded recording; return its bytes. Raises OSError."""
        ...

    def scrub(self) -> int:
        """Make earlier shredding physical: overwrite what the key table still holds of it, remove leftovers. Return how many parts changed.

        Raises Busy while another process stands in the way, OSError.
        """
        ...

    def examine(self, named: Callable[[SealedRecording], bool]) -> Mapping[Path, LibraryFile]:
        """Return what each file below the library's folder is. Opens every label.

        Args:
            named: tells whether the map finds a recording by each of its people.
        """
        ...

    def without_file(self) -> int:
        """Count the recordings that have a key and no sealed file: their ingest died, or the file was lost."""
        ...

    def sources(self) -> Iterator[RawSource]:
        """Yield the places of all bytes: the folder of sealed files, that of the key table, and the register of key deaths."""
        ...

    def key_files(self) -> Sequence[Path]:
        """Return the files of the key table, a database of SQLite: itself first, then its journals."""
        ...

    def out_of_scope(self) -> tuple[str, ...]:
        """Return sentences for the receipt: which copies of keys could still open what was shredded, and until when."""
        ...

    @property
    def epoch_lifetime(self) -> timedelta:
        """How long an epoch may live before it is due to be destroyed."""
        ...

    @property
    def root_copyable(self) -> bool:
        """Whether a copy of the root's files opens a destroyed epoch. Raises StoreUnavailable."""
        ...

    def key_epochs(self) -> Sequence[KeyEpoch]:
        """Return the living epochs of the key table, oldest first."""
        ...

    def last_key_death(self, until: datetime) -> KeyDeath | None:
        """Return the last death of keys up to a time; None where there was none."""
        ...

    def close(self) -> None:
        """Let go of the key table; safe to call twice."""
        ...
