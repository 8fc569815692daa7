"""The port of what is held: counts, whereabouts, and the texts that pages show the public.

Counts and words of the map need a membership. Places are content: they are shown within an opening alone. To switch the collection of
whereabouts off needs no more than a membership: to withdraw is never harder than to give. Texts for the public name no account.

Every verb raises ClerkAway where the clerk does not answer now, StateUnavailable where its state does not, NotPermitted without a role in
the family, and UsageError for malformed arguments. No message holds an identifier.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from expunge.core.datamap.artefact import DataKind
from expunge.core.families.holdings import Holdings
from expunge.core.families.selection import Area, Selection
from expunge.core.families.whereabouts import Grid
from expunge.core.retention.disclosure import RetentionDisclosure
from expunge.core.values.outcome import Reason

PLACES_A_PAGE = 100
"""Places that one page lists."""


@dataclass(frozen=True)
class HeldAnswer:
    """The last count of what is held."""

    holdings: Holdings | None
    """None while the first count goes on, and where it could not be made."""
    counting: bool
    """Whether a newer count goes on."""


@dataclass(frozen=True)
class ListedPlace:
    """One place of a list."""

    handle: str
    """Names the place to the clerk, in this session alone; empty for one that cannot be chosen by itself."""
    kind: DataKind
    latitude: float = field(repr=False)
    longitude: float = field(repr=False)
    at: datetime | None = field(repr=False)


@dataclass(frozen=True)
class PlacesPage:
    """The places of a child: a picture of all, and one page of the list."""

    look: str
    """Names what was read: a choice of squares counts for the same look alone."""
    grid: Grid | None
    total: int
    places: tuple[ListedPlace, ...]
    """Newest first."""
    page: int
    pages: int
    unread: int
    """Items about places in which no coordinates were found."""
    cut: bool
    """Whether there are more places than a look reads."""
    not_looked: tuple[tuple[DataKind, Reason], ...]


@dataclass(frozen=True)
class ChosenPlaces:
    """Places chosen one by one."""

    handles: tuple[str, ...]


@dataclass(frozen=True)
class ChosenSquares:
    """Places chosen by the squares of the picture, as (row, column)."""

    squares: tuple[tuple[int, int], ...]


PlacesChoice: TypeAlias = ChosenPlaces | ChosenSquares | Area
"""What a person chose. The datasets of an area that comes from a page may be any: the clerk takes those of whereabouts."""


@dataclass(frozen=True)
class LocationStanding:
    """The collection of whereabouts of a child."""

    collected: bool
    agreed: tuple[str, ...]
    """Descriptions of the purposes that rest on a consent, which can be switched off."""
    reminded: datetime | None
    """When the family was reminded last."""


@dataclass(frozen=True)
class PublicNotice:
    """The notice of an order."""

    language: str
    heading: str
    paragraphs: tuple[str, ...]
    sha256: str


class HeldDoor(Protocol):
    """See the module."""

    def held(self, account: UUID, family: str) -> HeldAnswer:
        """Return the last count of what is held, at once; begin a newer one where it is old."""
        ...

    def places(self, account: UUID, family: str, session: bytes, page: int) -> PlacesPage:
        """Return the places of a child. Raises OpeningNeeded where the account has to confirm first."""
        ...

    def choose(self, account: UUID, family: str, session: bytes, look: str, choice: PlacesChoice) -> Selection:
        """Return the selection of the places that a person chose, for what is done with them next.

        Raises UsageError where nothing was chosen, or the places have changed since the look; OpeningNeeded.
        """
        ...

    def location(self, account: UUID, family: str) -> LocationStanding:
        """Return whether whereabouts are collected, and what of it can be switched off. Raises StoreUnavailable, CouldNotLook."""
        ...

    def stop_location(self, account: UUID, family: str) -> int:
        """Switch off what can be switched off. Return how many consents ended by it; it takes effect when this returns."""
        ...

    def notices(self) -> tuple[PublicNotice, ...]:
        """Return the notices of orders that have to be shown today."""
        ...

    def disclosures(self) -> tuple[RetentionDisclosure, ...]:
        """Return what is disclosed of the retention of whereabouts and voices."""
        ...
