"""The doors of one clerk over one set of connections."""

from __future__ import annotations

from expunge.adapters.clerk.clerk_apps import ClerkApps
from expunge.adapters.clerk.clerk_families import ClerkFamilies
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.ports.families.doors import FamilyDoors


def doors_at(place: KeeperPlace, patience: float = PATIENCE) -> FamilyDoors:
    """Return the doors of the clerk of a place, which need not run before the first call.

    Args:
        place: the clerk's.
        patience: seconds in which a clerk that went away in the middle of work may come back.
    """
    connections = Connections(place, patience)
    return FamilyDoors(ClerkFamilies(connections), ClerkApps(connections))
