"""Staff at the review desk of a served company: each with a passkey login, and the clerk's door as their pages ask it.

A login is a real one: a sign-in over HTTP by a passkey in memory, which the keeper verifies. What stands in the browser's session is
read out of it as the server reads it, so that tests of the door ask as the very same login.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.place import KeeperPlace
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.doors import doors_at
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from expunge.ports.review.desk_door import DeskCaller, DeskDoor, LeaseCard
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.deciders import confirm_keys, decided
from tests.web.site.desk import desk_company
from tests.web.site.kit import SiteServed
from tests.web.site.office import Employee

ADDRESS = "10.9.8.7"
"""Of an office of the map."""
FUNCTIONS = {
    "reviewer": JobFunction.REVIEWER,
    "reviewer-2": JobFunction.REVIEWER,
    "officer": JobFunction.OFFICER,
    "officer-2": JobFunction.OFFICER,
}


@dataclass
class Desk:
    """The desk of a served company, as tests ask the clerk for it."""

    served: SiteServed
    door: DeskDoor
    guard: KeeperGuard
    people: dict[str, Colleague]

    def __getitem__(self, label: str) -> Colleague:
        return self.people[label]

    def approved(self, by: str = "officer", reviewer: str = "reviewer", **changes: object) -> str:
        """A request that another person approved."""
        found = self.door.ask(self[reviewer].caller, desk_company.new(**changes))  # type: ignore[arg-type]
        self.door.approve(self[by].caller, found.request)
        return found.request

    def leased(self, by: str = "officer", reviewer: str = "reviewer", **changes: object) -> LeaseCard:
        """A lease that runs."""
        return self.door.activate(self[reviewer].caller, self.approved(by, reviewer, **changes))


@dataclass
class Colleague:
    """One member of staff: an account whose passkey is confirmed, with logins at the keeper and browsers at the pages."""

    served: SiteServed
    guard: KeeperGuard
    label: str
    account: str
    device: SoftAuthenticator
    caller: DeskCaller
    """Its login, as the door takes it."""

    def sign_in(self, address: str = ADDRESS) -> DeskCaller:
        """Another login of the same account, as at another machine."""
        session = secrets.token_bytes(32)
        ceremony = self.guard.begin_sign_in(session)
        assert ceremony.options is not None
        assert str(self.guard.finish_sign_in(ceremony.token, session, self.device.sign(ceremony.options))) == self.account
        return DeskCaller(self.account, session, address)

    def browser(self) -> Employee:
        """A browser of this person that has logged in with the passkey."""
        person = Employee(self.served)
        person.device = self.device
        assert "to" in person.sign_in()
        return person


def place_of(served: SiteServed) -> KeeperPlace:
    """The place of the company's keeper."""
    return keeping.place_of(served.folder / "expunge.yaml")


@contextlib.contextmanager
def desk_of(served: SiteServed, functions: dict[str, JobFunction] | None = None, tag: str = "") -> Iterator[Desk]:
    """Give the desk of a served company with its staff, each logged in, trained and attested.

    ``tag`` stands behind labels: a register of staff forgets none, so that each module has labels of its own.
    """
    place = place_of(served)
    guard = KeeperGuard(place)
    try:
        people = {label: joined(served, guard, f"{label}{tag}", function) for label, function in (functions or FUNCTIONS).items()}
        # Why a thread: a driven browser keeps an event loop in this one, where the state is not opened.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(desk_company.prepared, served.folder, *(each.label for each in people.values())).result()
        yield Desk(served, doors_at(keeping.clerk_beside(place)).desk, guard, people)
    finally:
        guard.close()


def joined(served: SiteServed, guard: KeeperGuard, label: str, function: JobFunction) -> Colleague:
    """Have an account enrol with a passkey at the keeper, as its page does, and have the passkey confirmed."""
    made = decided(served, InviteStaff(label, function))
    session, device = secrets.token_bytes(32), SoftAuthenticator(served.origin, "localhost")
    account, permit = guard.prove_by_invitation(session, made.secret)
    ceremony = guard.begin_enrolment(account, session, permit)
    assert ceremony.options is not None
    guard.finish_enrolment(ceremony.token, account, session, device.create(ceremony.options), "key")
    confirm_keys(served, str(account))
    return Colleague(served, guard, label, str(account), device, DeskCaller(str(account), session, ADDRESS))
