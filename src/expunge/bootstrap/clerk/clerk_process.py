"""The clerk's own process: who may ask it, and the desks that answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from expunge.adapters.clerk.app_requests import AppDesk
from expunge.adapters.clerk.family_requests import FamilyDesk
from expunge.adapters.host import hardening, heap
from expunge.adapters.keeper.key_requests import Handler
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import CLERK, KeeperPlace
from expunge.adapters.keeper.requests import Request
from expunge.adapters.keeper.server import Keeper
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.household import Household, KeptHousehold
from expunge.bootstrap.clerk.local_apps import LocalApps
from expunge.bootstrap.clerk.local_families import LocalFamilies
from expunge.bootstrap.clerk.webhook_watch import WebhookWatch

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
        watch = WebhookWatch(kept, map_path)
        clerk = Keeper(handlers(kept), place.identity, admitted, process=CLERK)
        with place.listen(for_others=admitted.others) as listening:
            try:
                watch.begin()
                clerk.run(listening, ready)
            finally:
                place.leave()
                watch.end()
                kept.close()


def handlers(kept: KeptHousehold) -> Mapping[type[Request], Handler]:
    """Return the handlers of every request to the clerk."""
    return {**FamilyDesk(_door(kept, LocalFamilies)).handlers(), **AppDesk(_door(kept, LocalApps)).handlers()}


def _door(kept: KeptHousehold, door: Callable[[Household], T]) -> Callable[[], AbstractContextManager[T]]:
    """Return what gives a door over the household as it is now, for one request."""

    @contextmanager
    def given() -> Iterator[T]:
        with kept.used() as household:
            yield door(household)

    return given
