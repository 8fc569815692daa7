"""The port of a sealed library: the recordings of one vault, found by their people. Implemented by ``expunge.vault``.

Each recording lies in a file of its own, sealed under a key of its own. Its name, size and subjects are its *label*, which is sealed as
well and dies with the key. Recordings of a person are found without opening the label of anybody else.
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
"""An identity kind and an identifier."""


@dataclass(frozen=True)
class SealedRecording:
    """One recording, as its label describes it."""

    id: str
    """32 hex digits, random; the name of its file says no more."""
    dataset: str
    name: str = field(repr=False)
    """The name by the dataset's template, with forward slashes."""
    subjects: tuple[Subject, ...] = field(repr=False)
    """The people in it, in the spelling in which they were given."""
    size: int
    """Bytes of the recording."""
    digest: str = field(repr=False)
    """Hex SHA-256 of the recording."""
    at: datetime
    """When it came in. Of an adopted recording, when its clear file was last written, so that its period goes on."""
    clear_before: bool = False
    """Whether it lay in the clear on a disk before it was sealed."""


SLOTS = "slots"
"""The table of the key table whose rows are the wrapped keys of :meth:`SealedLibrary.wrapped`, by number."""


class LibraryFile(StrEnum):
    """The kinds of file in the library's folder."""

    RECORDING = "recording"
    """The sealed file of a living recording, of the size that its label says."""
    UNNAMED = "unnamed"
    """The same, of a recording that the map of today cannot find: its name fits no path, or the path does not say a person in it."""
    LEFTOVER = "leftover"
    """The library's own file, which the next scrub settles: a temporary, or the sealed file of a recording whose key was shredded."""
    STRANGE = "strange"
    """A file of no recording, or of another size than its recording's label says."""


class SealedLibrary(Protocol):
    """The recordings of one vault. Safe between processes; every method raises StoreUnavailable while keys or folder cannot be used."""

    def recordings(self, dataset: str, subjects: Collection[Subject] | None = None) -> Iterator[SealedRecording]:
        """Yield a dataset's recordings by name: all, or those of some subjects, without opening other labels. Raises CouldNotLook."""
        ...

    def sealed_size(self, recording: SealedRecording) -> int | None:
        """Return the size of its file; None where there is none, since its ingest or its erasure died."""
        ...

    def open(self, recording: SealedRecording) -> BinaryIO:
        """Open a recording, seekable. Raises FileNotFoundError, OSError. So do reads, also where the file is not as it was sealed."""
        ...

    def wrapped(self, recordings: Sequence[SealedRecording]) -> Iterator[bytes]:
        """Yield the wrapped keys of recordings, byte for byte as they lie in the key table."""
        ...

    def below(self, slots: Collection[int]) -> Iterator[tuple[int, SealedRecording]]:
        """Yield (slot, recording) for each recording whose key hangs below one of the slots (:data:`SLOTS`)."""
        ...

    def heads(self, recordings: Sequence[SealedRecording]) -> Iterator[tuple[Path, bytes]]:
        """Yield the sealed files of recordings, each with its first bytes. Missing files are left out."""
        ...

    def shred(self, recordings: Sequence[SealedRecording]) -> None:
        """Destroy the keys of recordings, durably. Doing it again is success. Raises Busy, OSError."""
        ...

    def discard(self, recordings: Sequence[SealedRecording]) -> Mapping[str, OSError]:
        """Remove the sealed files of shredded recordings. Return the ids of those whose file stays, each with what stood in the way."""
        ...

    def scrub(self) -> int:
        """Make earlier shredding physical: overwrite its remains in the key table, and remove leftovers. Return how many parts changed.

        Raises Busy while another process is in the way, OSError.
        """
        ...

    def examine(self, named: Callable[[SealedRecording], bool]) -> Mapping[Path, LibraryFile]:
        """Return the kind of each file below the library's folder. Opens every label.

        Args:
            named: returns whether the map finds a recording by each of its people.
        """
        ...

    def comes_in(self, id_: str) -> bool:
        """Return whether a recording of this id comes in: its bytes are sealed, and its ingest or the next purge settles them."""
        ...

    def without_file(self) -> int:
        """Return the number of recordings that have a key and no sealed file: their ingest died, or the file was lost."""
        ...

    def is_away(self) -> bool:
        """Return whether the place of the sealed files is not there."""
        ...

    def is_writable(self) -> bool:
        """Return whether sealed files can be made and removed, as far as can be told without doing so."""
        ...

    def sources(self) -> Iterator[RawSource]:
        """Yield the places of all bytes on this machine: the folder of sealed files, that of the key table, the register of key deaths."""
        ...

    def key_files(self) -> Sequence[Path]:
        """Return the files of the key table, which is an SQLite database: the database first, then its journals."""
        ...

    def out_of_scope(self) -> tuple[str, ...]:
        """Return sentences for the receipt: which copies of keys could still open what was shredded, and until when."""
        ...

    @property
    def epoch_lifetime(self) -> timedelta:
        """The time after which an epoch is due to be destroyed."""
        ...

    @property
    def root_copyable(self) -> bool:
        """Whether a copy of the root's files still opens a destroyed epoch. Raises StoreUnavailable."""
        ...

    def key_epochs(self) -> Sequence[KeyEpoch]:
        """Return the living epochs of the key table, oldest first."""
        ...

    def last_key_death(self, until: datetime) -> KeyDeath | None:
        """Return the last death of keys up to a time; None where there was none."""
        ...

    def close(self) -> None:
        """Release the key table. Safe to call twice."""
        ...
