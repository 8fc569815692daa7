"""The scope of an order that does not mean everything of a person: some datasets, and a time window in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from expunge.core.values.tags import tagged

MODIFIED = "modified"
"""As the field of a window: when the store last wrote the item, for files and objects that carry no date of their own."""


@tagged("Window")
@dataclass(frozen=True)
class Window:
    """A stretch of time, from ``since`` on and before ``until``; an item without a readable time is never in one.

    Raises ValueError when it is empty, or a bound has no time zone.
    """

    field: str
    """Column, placeholder of a path, field of a record, or :data:`MODIFIED`."""
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        bounds = [each for each in (self.since, self.until) if each is not None]
        if not self.field or not bounds:
            message = "a window has a field and at least one bound"
            raise ValueError(message)
        if any(bound.tzinfo is None for bound in bounds):
            message = "the bounds of a window have a time zone"
            raise ValueError(message)
        if bounds != sorted(bounds) or (len(bounds) == 2 and bounds[0] == bounds[1]):
            message = "a window ends after it begins"
            raise ValueError(message)

    def holds(self, moment: datetime | None) -> bool:
        """Return whether a moment lies in it. A moment without a time zone is taken as UTC. None is outside."""
        if moment is None:
            return False
        known = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (self.since is None or known >= self.since) and (self.until is None or known < self.until)


@tagged("Scope")
@dataclass(frozen=True)
class Scope:
    """The reach of an order. No scope at all means everything of its people."""

    basis: str
    """Why no further, for plan and receipt: ``retention voice: 90 days``, ``consent to training withdrawn``; names of the map only."""
    datasets: tuple[str, ...]
    """Those it reaches, by name, sorted; in all others nothing is erased, and the receipt says so."""
    whole: tuple[str, ...] = ()
    """Of these, the ones that go whatever the map's ``on_erase`` says, because what obliges us demands it: a model, an index."""
    figures: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Counts that have to be reported with it (``people``: 12): numbers only."""

    def __post_init__(self) -> None:
        if not self.basis.strip() or not self.datasets:
            message = "a scope has a basis and at least one dataset"
            raise ValueError(message)
        if not set(self.whole) <= set(self.datasets):
            message = "what goes whole is among the datasets of the scope"
            raise ValueError(message)


@tagged("ItemScope")
@dataclass(frozen=True)
class ItemScope(Scope):
    """The reach of an order for some items of a person: named ones, or those of a stretch of time, and everything made from them.

    The unit is the family of an item (AMZ-05): a recording with its transcript, its embedding and its parts. All other items of the person
    stay, and the person stays known.
    """

    roots: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Dataset -> how many of its items were meant when the order was entered. Sealed selectors say which."""
    unlinked: tuple[str, ...] = ()
    """Of the datasets, those made from the items in which no field leads to an item. Nothing of them goes, and the receipt says why."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.roots or not {*self.roots, *self.unlinked} <= set(self.datasets) or set(self.roots) & set(self.unlinked):
            message = "the items of an order lie in its datasets, and can be told apart there"
            raise ValueError(message)

    @property
    def linked(self) -> frozenset[str]:
        """The datasets in which items go."""
        return frozenset(self.datasets) - frozenset(self.unlinked)


Reach = Scope | ItemScope
"""The reach of an order, as it is stored."""
UNLINKED = "no field of the map leads from the named items to the data here that was made from them"
"""Why data stays that was made from named items."""
LED_TO_BY_BOTH = "items of the person that were not named lead to it as well, so that nothing says from which it was made"
"""Why data stays that is found through named items and through others of the same person."""
FORGETS_PEOPLE = "it can forget a whole person, and the order is about some items alone"
"""Why a model that learnt from named items is left to an operator."""
