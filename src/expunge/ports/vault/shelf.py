"""The port of a shelf: the place where the sealed files of one vault lie, each named by the random id of its recording.

A shelf knows ids and sealed bytes, and neither keys nor people.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from expunge.core.values.copy import RawSource


@dataclass(frozen=True)
class LyingFile:
    """A file below the place of the shelf."""

    path: Path
    id: str
    """The recording's id, where the file lies in the place of one, or comes in; empty for any other file."""
    is_coming: bool
    """Whether it comes in, and has no name yet."""
    size: int
    """Bytes; -1 for a link."""


class ComingFile(Protocol):
    """A sealed file that comes in. It is no recording's yet, and a purge leaves it alone as long as it is held."""

    @property
    def id(self) -> str:
        """The recording's id."""
        ...

    def write(self, data: memoryview, /) -> int | None:
        """Take some of ``data`` and return how much; None for all of it. Raises OSError."""
        ...

    def settle(self) -> None:
        """Make the bytes as durable as the shelf can before they have a name. Raises OSError."""
        ...

    def drop(self) -> None:
        """Take it back. Raises OSError."""
        ...


class Shelf(Protocol):
    """The sealed files of one vault. Safe between threads and processes; every method may raise StoreUnavailable."""

    @property
    def is_near(self) -> bool:
        """Whether a file can be looked at without asking another machine."""
        ...

    def prepare(self) -> None:
        """Make the place, where it is missing. Raises OSError."""
        ...

    def begin(self, number: int) -> AbstractContextManager[Sequence[ComingFile]]:
        """Begin so many files under new random ids, and hold them for the length of a block. Raises OSError."""
        ...

    def keep(self, files: Sequence[ComingFile]) -> None:
        """Give settled files their names, durably: from here on their recordings are there. Raises OSError; then some may have theirs."""
        ...

    def size(self, id_: str) -> int | None:
        """Return the size of a file; None where there is none. Raises OSError."""
        ...

    def missing(self, ids: Collection[str]) -> int:
        """Return how many of some ids have no file. Raises OSError."""
        ...

    def open(self, id_: str, *, afresh: bool = False) -> BinaryIO:
        """Open a file, unbuffered and seekable. Raises FileNotFoundError, OSError; so do reads.

        Args:
            id_: the recording's id.
            afresh: whether bytes that are at hand from writing are dropped first, as far as the system allows it.
        """
        ...

    def heads(self, ids: Sequence[str], size: int) -> Iterator[tuple[Path, bytes]]:
        """Yield some files, each with its first bytes. Missing files are left out."""
        ...

    def remove(self, ids: Sequence[str]) -> Mapping[str, OSError]:
        """Remove files in all their states, durably. Return those of the ids whose file stays, each with what stood in the way.

        A file that the place itself keeps for a time, such as under an object lock, is not among them: it goes with a later call.
        """
        ...

    def finish(self, id_: str, size: int) -> None:
        """Give a file its name, if it came in to the end, and who brought it died. Raises OSError."""
        ...

    def files(self) -> Iterator[LyingFile]:
        """Yield every file below the place. Raises OSError."""
        ...

    def comes_in(self, id_: str) -> bool:
        """Return whether a file of this id comes in, whether or not its ingest lives. Raises OSError."""
        ...

    def is_held(self, id_: str) -> bool:
        """Return whether a file that comes in is held by a living ingest. Raises OSError."""
        ...

    def was_kept(self, id_: str) -> bool:
        """Return whether a file that came in, and is held by nobody, has its name already; then its leftovers are removed."""
        ...

    def take_back(self, id_: str) -> None:
        """Remove a file that comes in and is held by nobody. Raises OSError."""
        ...

    def sources(self) -> Iterator[RawSource]:
        """Yield the places on this machine where the files lie."""
        ...

    def is_away(self) -> bool:
        """Return whether the place is not there."""
        ...

    def is_writable(self) -> bool:
        """Return whether files can be made and removed, as far as can be told without doing so."""
        ...

    def close(self) -> None:
        """Let go of connections. Safe to call twice."""
        ...


def is_id(text: str) -> bool:
    """Return whether a text is a recording's id, as a file has it for its name."""
    return re.fullmatch("[0-9a-f]{32}", text) is not None
