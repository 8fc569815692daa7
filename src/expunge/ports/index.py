"""The locate index port: remember where values lie, so that a store need not read everything to find a subject.

The index only ever saves reading. A subject that is not in it is *absent* only where the index knows the exact version of the unit in
question, and even then only for finding. A probe looks at the data itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class IndexUnit:
    """A unit that is read as a whole and replaced as a whole: a file."""

    name: str = field(repr=False)
    """May hold an identifier: an index keeps a keyed hash of name and version only."""
    version: str = field(repr=False)
    """Another text once the content may be another one."""


@dataclass(frozen=True)
class RowRuns:
    """The places of values: four columns of equal length, one entry for each run of neighbouring rows (``memoryview`` of integers)."""

    values: memoryview = field(repr=False)
    """Which of the values that were handed over with it."""
    units: memoryview = field(repr=False)
    """Which of the units that were handed over with it."""
    starts: memoryview = field(repr=False)
    """First row in the unit, from 0."""
    counts: memoryview = field(repr=False)
    """How many rows."""


class LocateIndex(Protocol):
    """Keyed hashes of values and where they lie. Never raises for the state of its own files: what cannot be read is forgotten.

    A *space* (the name of a dataset) keeps what belongs together. Values are texts in the store's own words, field included.
    The key is handed over with each call and is kept nowhere; under another key everything is unknown.
    """

    def find(self, key: bytes, space: str, values: Sequence[str], units: Sequence[IndexUnit]) -> tuple[RowRuns, Sequence[int]]:
        """Return the places of the values in the units, and the numbers of the units unknown in this version (to be read)."""
        ...

    def learn(
        self, key: bytes, space: str, values: Sequence[str], units: Sequence[IndexUnit], runs: RowRuns, current: Sequence[IndexUnit]
    ) -> None:
        """Remember units completely: every value that is in them. ``current`` are all units there are now: older ones may be dropped."""
        ...

    def forget(self, key: bytes, space: str, values: Iterable[str]) -> int:
        """Drop every unit that holds one of the values, for good: after it, no file of the index holds their hashes; how many it dropped.

        Durable once it returns. The units are unknown from then on, whatever happened to them, and are read again.
        Raises OSError when it cannot: the hashes may still be there.
        """
        ...
