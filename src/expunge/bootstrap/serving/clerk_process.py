"""The clerk's own process: who may ask it, and the desks that answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from expunge.adapters.clerk.app_requests import AppDesk
from expunge.adapters.clerk.deletion_requests import DeletionDesk
from expunge.adapters.clerk.export_requests import ExportDesk
from expunge.adapters.clerk.family_requests import FamilyDesk
from expunge.adapters.clerk.guardian_requests import GuardiansDesk
from expunge.adapters.clerk.held_requests import HeldDesk
from expunge.adapters.clerk.order_requests import OrderDesk
from expunge.adapters.clerk.recording_requests import RecordingDesk
from expunge.adapters.clerk.stopping_requests import StoppingDesk
from expunge.adapters.desk.desk_requests import ReviewDesk
from expunge.adapters.desk.incident_requests import IncidentDesk
from expunge.adapters.desk.order_requests import StaffOrderDesk
from expunge.adapters.host import hardening, heap
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import CLERK, KeeperPlace
from expunge.adapters.keeper.requests import Request
from expunge.adapters.keeper.server import Keeper
from expunge.adapters.reviews.review_requests import ReviewWordDesk
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.desks.local_apps import LocalApps
from expunge.bootstrap.clerk.desks.local_deletions import LocalDeletions
from expunge.bootstrap.clerk.desks.local_desk import LocalDesk
from expunge.bootstrap.clerk.desks.local_exports import LocalExports
from expunge.bootstrap.clerk.desks.local_families import LocalFamilies
from expunge.bootstrap.clerk.desks.local_guardians import LocalGuardians
from expunge.bootstrap.clerk.desks.local_held import LocalHeld
from expunge.bootstrap.clerk.desks.local_incidents import LocalIncidents
from expunge.bootstrap.clerk.desks.local_order_desk import LocalOrderDesk
from expunge.bootstrap.clerk.desks.local_orders import LocalOrders, LocalReceipts
from expunge.bootstrap.clerk.desks.local_reviews import LocalReviews
from expunge.bootstrap.clerk.desks.local_stopping import LocalStopping
from expunge.bootstrap.clerk.held_room import HeldRoom
from expunge.bootstrap.clerk.household import Household, KeptHousehold
from expunge.bootstrap.clerk.recordings import LocalRecordings
from expunge.bootstrap.clerk.rounds.exporter import Exporter
from expunge.bootstrap.clerk.rounds.guardian_rounds import GuardianRounds
from expunge.bootstrap.clerk.rounds.notice_rounds import NoticeRounds
from expunge.bootstrap.clerk.rounds.order_carrier import OrderCarrier
from expunge.bootstrap.clerk.rounds.webhook_watch import WebhookWatch
from expunge.bootstrap.desk.lease_rounds import LeaseRounds
from expunge.engine.review.viewing import Viewing

T = TypeVar("T")


def place_of(map_path: Path | str | None, state: Path | None = None) -> KeeperPlace:
    """Return the place of the clerk of a state folder, or of a map's. Raises Misconfigured where there is no installation."""
    return keeping.clerk_beside(keeping.place_of(map_path, state))


def answer(place: KeeperPlace, map_path: Path, admitted: Admitted, ready: Callable[[], None], passphrase: str | None = None) -> None:
    """Be the clerk of a state folder until asked to end.

    Args:
        place: of the state folder.
        map_path: the data map.
        admitted: the users and groups who may ask, beside this user.
        ready: called once, when the clerk answers.
        passphrase: of the keystore, where it has one; without it the keeper is asked.

    Raises:
        Busy: another clerk of it is running.
    """
    hardening.harden()
    heap.keep_freed_memory()
    with place.held():
        kept = KeptHousehold(map_path, passphrase)
        room, carrier = HeldRoom(kept.used), OrderCarrier(kept.used)
        exporter = Exporter(kept.used)
        guardians = GuardianRounds(kept, lambda household: LocalGuardians(household).go_round())
        watch = WebhookWatch(kept, map_path)
        clerk = Keeper(handlers(kept, room, carrier, exporter), place.identity, admitted, process=CLERK)
        with place.listen(for_others=admitted.others) as listening, ExitStack() as beside:
            for end in (kept.close, room.close, carrier.stop, guardians.end, exporter.stop, watch.end):
                beside.callback(end)
            beside.enter_context(NoticeRounds(kept))
            beside.enter_context(LeaseRounds(_leases(kept)))
            beside.callback(place.leave)
            for begin in (room.begin, carrier.start, guardians.begin, exporter.start, watch.begin):
                begin()
            clerk.run(listening, ready)


def handlers(kept: KeptHousehold, room: HeldRoom, carrier: OrderCarrier, exporter: Exporter) -> Mapping[type[Request], Handler]:
    """Return the handlers of every request to the clerk."""
    return {
        **StoppingDesk(_door(kept, LocalStopping)).handlers(),
        **RecordingDesk(_door(kept, LocalRecordings)).handlers(),
        **ReviewWordDesk(_door(kept, LocalReviews)).handlers(),
        **FamilyDesk(_door(kept, LocalFamilies)).handlers(),
        **HeldDesk(_door(kept, lambda household: LocalHeld(household, room))).handlers(),
        **DeletionDesk(_door(kept, lambda household: LocalDeletions(household, carrier))).handlers(),
        **OrderDesk(_door(kept, LocalOrders), _door(kept, LocalReceipts)).handlers(),
        **GuardiansDesk(_door(kept, LocalGuardians)).handlers(),
        **AppDesk(_door(kept, lambda household: LocalApps(household, room, carrier))).handlers(),
        **ReviewDesk(_door(kept, lambda household: LocalDesk(household.reviews))).handlers(),
        **IncidentDesk(_door(kept, lambda household: LocalIncidents(household.reviews))).handlers(),
        **StaffOrderDesk(_door(kept, LocalOrderDesk)).handlers(),
        **ExportDesk(_door(kept, lambda household: LocalExports(household, exporter))).handlers(),
    }


def _leases(kept: KeptHousehold) -> Callable[[], AbstractContextManager[Viewing | None]]:
    """Return what gives the leases of the desk as it is now; None where the map has none."""

    @contextmanager
    def given() -> Iterator[Viewing | None]:
        with kept.used() as household:
            yield household.reviews.viewing if household.reviews.spec is not None else None

    return given


def _door(kept: KeptHousehold, door: Callable[[Household], T]) -> Callable[[], AbstractContextManager[T]]:
    """Return what gives a door over the household as it is now, for one request."""

    @contextmanager
    def given() -> Iterator[T]:
        with kept.used() as household:
            yield door(household)

    return given
