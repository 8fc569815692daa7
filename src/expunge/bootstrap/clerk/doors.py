"""The doors of one clerk over one set of connections."""

from __future__ import annotations

from expunge.adapters.clerk.clerk_apps import ClerkApps
from expunge.adapters.clerk.clerk_deletions import ClerkDeletions
from expunge.adapters.clerk.clerk_exports import ClerkExports
from expunge.adapters.clerk.clerk_families import ClerkFamilies
from expunge.adapters.clerk.clerk_guardians import ClerkGuardians
from expunge.adapters.clerk.clerk_held import ClerkHeld
from expunge.adapters.clerk.clerk_orders import ClerkOrders, ClerkReceipts
from expunge.adapters.clerk.clerk_recordings import ClerkRecordings
from expunge.adapters.clerk.clerk_stopping import ClerkStopping
from expunge.adapters.desk.clerk_desk import ClerkDesk
from expunge.adapters.desk.clerk_incidents import ClerkIncidents
from expunge.adapters.desk.clerk_order_desk import ClerkOrderDesk
from expunge.adapters.keeper.connection import PATIENCE, Connections
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.reviews.clerk_reviews import ClerkReviews
from expunge.ports.families.doors import FamilyDoors


def doors_at(place: KeeperPlace, patience: float = PATIENCE) -> FamilyDoors:
    """Return the doors of the clerk of a place, which need not run before the first call.

    Args:
        place: the clerk's.
        patience: seconds in which a clerk that went away in the middle of work may come back.
    """
    connections = Connections(place, patience)
    return FamilyDoors(
        apps=ClerkApps(connections),
        guardians=ClerkGuardians(connections),
        orders=ClerkOrders(connections),
        receipts=ClerkReceipts(connections),
        recordings=ClerkRecordings(connections),
        reviews=ClerkReviews(connections),
        stopping=ClerkStopping(connections),
        families=ClerkFamilies(connections),
        exports=ClerkExports(connections),
        held=ClerkHeld(connections),
        deletions=ClerkDeletions(connections),
        desk=ClerkDesk(connections),
        incidents=ClerkIncidents(connections),
        order_desk=ClerkOrderDesk(connections),
    )
