"""The company's staff at the review desk: each an account with a passkey, which an authenticator in memory holds."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.bootstrap.accounts.kept_guard import KeptGuard
from expunge.bootstrap.desk.one_process import desk_in_process, guard_of
from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review.statements import ACCESS_ROLE, purpose_role
from expunge.demo.company.people import COMPANY
from expunge.ports.accounts.account_guard import AccountGuard
from expunge.ports.review.desk_door import DeskCaller, DeskDoor
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator

REVIEWER, APPROVER = "night-desk-2", "priya"
"""Labels of accounts, as the register of staff has them."""
ORIGIN = "http://localhost:8000"
"""The pages of the story, at which nothing answers: passkeys are bound to an address."""
_NEEDED = ("cedarpy", "av")


@dataclass
class Colleague:
    """One employee in one login."""

    label: str
    account: str
    device: SoftAuthenticator = field(repr=False)
    session: bytes = field(repr=False)

    @property
    def caller(self) -> DeskCaller:
        """The account and its login, as the desk takes them."""
        return DeskCaller(self.account, self.session, "127.0.0.1")


@dataclass
class Office:
    """The guard of accounts, and the people who came in. Its logins go on from chapter to chapter."""

    guard: KeptGuard
    reviewer: Colleague
    approver: Colleague

    @contextmanager
    def desk(self, expunge: Expunge) -> Iterator[DeskDoor]:
        """Give the desk of the opened installation."""
        with desk_in_process(expunge, self.guard) as door:
            yield door


def lacking() -> str:
    """Return the name of a package that the desk needs and that is not installed; empty where all are."""
    return next((name for name in _NEEDED if find_spec(name) is None), "")


@contextmanager
def opened_office(expunge: Expunge) -> Iterator[Office]:
    """Invite a reviewer and an approver, have them come in with a passkey each, and confirm their keys.

    Neither is trained yet. The office is closed when the block ends.
    """
    kept = guard_of(expunge, ORIGIN, COMPANY)
    try:
        guard = kept()
        people = [
            _joined(expunge, guard, label, function)
            for label, function in ((REVIEWER, JobFunction.REVIEWER), (APPROVER, JobFunction.OFFICER))
        ]
        yield Office(kept, *people)
    finally:
        kept.close()


def _joined(expunge: Expunge, guard: AccountGuard, label: str, function: JobFunction) -> Colleague:
    secret = expunge.staff.decide(InviteStaff(label, function)).secret
    session, device = secrets.token_bytes(32), SoftAuthenticator(ORIGIN, "localhost")
    account, permit = guard.prove_by_invitation(session, secret)
    begun = guard.begin_enrolment(account, session, permit)
    assert begun.options is not None
    guard.finish_enrolment(begun.token, account, session, device.create(begun.options), "key")
    name = str(account)
    expunge.staff.decide(ConfirmKeys(name, tuple(sorted(expunge.staff.fingerprints(name)))))
    login = guard.begin_sign_in(session)
    assert login.options is not None
    guard.finish_sign_in(login.token, session, device.sign(login.options))
    return Colleague(label, name, device, session)


def train(expunge: Expunge, label: str, *purposes: ReviewPurpose) -> None:
    """Enter that an employee was trained today, and made the statement of some purposes: of no purpose, for one who approves."""
    today = clock.today()
    expunge.reviewers.train(label, ACCESS_ROLE, today)
    for purpose in purposes:
        expunge.reviewers.train(label, purpose_role(purpose), today)
        expunge.reviewers.attest(label, purpose, today)
