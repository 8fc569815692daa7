"""The port of the recordings that the desk shows: each is found by name, its people and its place are known, and it is read in ranges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from expunge.core.journal.review_words import Room
from expunge.core.values.ids import Pseudonym


@dataclass(frozen=True)
class ReviewedRecording:
    """One recording, as far as a decision about it needs to know."""

    dataset: str
    name: str = field(repr=False)
    """By which its store finds it."""
    recording: str
    """As the journal names it: the id of a sealed one, or a keyed tag."""
    sealed: bool
    subjects: tuple[Pseudonym, ...]
    """Every person in it. Never empty."""
    child: bool
    """Whether it may be about a child."""
    room: Room
    live: bool | None = False
    """Whether its camera records at this moment, as far as the map and its store tell; None where they do not."""


class ReviewSource(Protocol):
    """An open recording, read in ranges. It keeps to :class:`expunge.ports.review.range_source.RangeSource`."""

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        ...

    def read(self, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last``. Raises what the asking raises, ItemGone, StoreUnavailable."""
        ...

    def close(self) -> None:
        """Let go of it. Safe to call twice."""
        ...


class ReviewRecordings(Protocol):
    """Recordings of every store. Safe between threads. No verb lists any."""

    def find(self, dataset: str, name: str) -> ReviewedRecording:
        """Return a recording by the name that its store has for it.

        Raises:
            UsageError: there is no such recording, or its people cannot be told.
            StoreUnavailable, CouldNotLook: its store.
        """
        ...

    def open(self, recording: ReviewedRecording, ask: Callable[[], None]) -> ReviewSource:
        """Open it. ``ask`` is called before each read, and raises where nothing more may be read.

        Raises ItemGone, Unplayable, StoreUnavailable.
        """
        ...
