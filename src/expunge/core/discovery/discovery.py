"""The result of a look at every store and beside it: what holds people and is declared nowhere, and where nobody could look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from expunge.core.values.tags import tagged


class Sign(StrEnum):
    """The kind of a sign that a place holds people."""

    IDENTITIES = "identities"
    """Values of it are identities that declared datasets list."""
    MEDIA = "media"
    """It is audio, pictures or video by its content."""
    COORDINATES = "coordinates"
    """It says where something was."""
    LEARNT = "learnt"
    """It was made by runs that the map declares as people's."""


@dataclass(frozen=True)
class Sighting:
    """One sign, with what it rests on."""

    sign: Sign
    what: str
    """Counts, and names of schemas; never a value."""


@dataclass(frozen=True)
class FoundPlace:
    """A place that holds people and that no dataset declares."""

    store: str
    """The store that it lies in or beside."""
    place: str
    """Its name: of a table, a database, a kind of files. A name that is an identity is written as a placeholder."""
    sightings: tuple[Sighting, ...]
    entry: str
    """Lines for the map, to be read and corrected."""
    ignored: str = ""
    """The reason for which the map ignores it; empty for a place of which the map says nothing."""


@dataclass(frozen=True)
class UnseenPlace:
    """A place that could not be looked at."""

    store: str
    place: str
    why: str


@dataclass(frozen=True)
class IgnoredPlace:
    """A place that the map ignores, and in which a look found no sign of people; or one that is left to somebody else."""

    store: str
    place: str
    why: str


@dataclass(frozen=True)
class Discovery:
    """Everything that one look found."""

    found: tuple[FoundPlace, ...] = ()
    unseen: tuple[UnseenPlace, ...] = ()
    ignored: tuple[IgnoredPlace, ...] = ()
    identities: int = 0
    """Identities of people that were looked for."""
    bounds: tuple[str, ...] = ()
    """Where the look read a part only, in words."""

    @property
    def clean(self) -> bool:
        """Whether everything could be looked at, and nothing that holds people is undeclared."""
        return not self.found and not self.unseen

    @property
    def said(self) -> str:
        """The result in one sentence."""
        unseen = f"{_places(len(self.unseen))} could not be looked at" if self.unseen else ""
        if self.found:
            many = "holds" if len(self.found) == 1 else "hold"
            told = f"{_places(len(self.found))} {many} people, and no dataset of the map declares {'it' if many == 'holds' else 'them'}"
            return f"{told}; {unseen}" if unseen else told
        if unseen:
            return f"nothing undeclared was found where one could look; {unseen}"
        return "nothing that holds people is undeclared, as far as was looked"


@tagged("PlacesSearched")
@dataclass(frozen=True)
class PlacesSearched:
    """Every store, and what lies beside it, was looked through for places that no map declares."""

    at: datetime
    map_digest: str
    """Hex, of the map that was compared with."""
    undeclared: int
    unseen: int


def last_search(events: Iterable[object]) -> PlacesSearched | None:
    """Return the last search of a register; None where there was none."""
    last = None
    for event in events:
        if isinstance(event, PlacesSearched):
            last = event
    return last


def _places(count: int) -> str:
    return "1 place" if count == 1 else f"{count:,} places"
