"""The port of ways in, which a store may implement beside its own: who could read what lies in a store without asking Expunge.

``check`` names these ways, because the review desk is the only way in which staff see a recording.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias, runtime_checkable


@dataclass(frozen=True)
class WayIn:
    """One way to the bytes of a store."""

    who: str
    """Who could take it: accounts, groups and roles by their names in the system that knows them."""
    how: str
    """What lets them."""
    where: str
    """Folder, bucket or table; for the operator's terminal only."""
    mend: str
    """What closes it."""
    own: bool = False
    """Whether the way is there by construction, and cannot be closed while the service works: its own account, the administrator."""
    accounts: frozenset[str] = field(default=frozenset())
    """The accounts of this machine that could take it, as far as they can be told; empty where it is no matter of this machine."""


@dataclass(frozen=True)
class WayUnseen:
    """A place at which ways in could be, and which could not be looked at."""

    where: str
    what: str
    """What could not be looked at, and why."""
    mend: str


Way: TypeAlias = WayIn | WayUnseen


@runtime_checkable
class WaysIn(Protocol):
    """A store that can tell who reads it beside Expunge."""

    def ways_in(self, datasets: Collection[str]) -> Iterator[Way]:
        """Yield the ways to the bytes of some datasets. Nothing of their content is read.

        Raises StoreUnavailable, CouldNotLook where not even that can be told.
        """
        ...
