"""Openings at a real clerk, which the pages' process asks as they do: by permits that a credential gave, and by nothing else."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.place import CLERK, KeeperPlace
from expunge.bootstrap import keeping
from expunge.bootstrap.clerk.doors import doors_at
from expunge.core.accounts.asks import Ask, AskKind
from expunge.errors import ChallengeEnded, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.ports.families.doors import FamilyDoors
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.web.site.family_company import guardian
from tests.web.site.handing_over import keeper_guard, newest_account
from tests.web.site.kit import SiteServed


@dataclass
class AtTheClerk:
    """Code in the web process, with the session of a guardian."""

    account: UUID
    family: str
    doors: FamilyDoors
    guard: KeeperGuard
    authenticator: SoftAuthenticator
    session: bytes

    @property
    def ask(self) -> Ask:
        return Ask(AskKind.PLAYBACK, self.account, self.family)

    def permit(self, ask: Ask) -> str:
        begun = self.guard.begin_ask(self.session, ask)
        return self.guard.finish_ask(begun.token, self.session, ask, PasskeyProof(self.authenticator.sign(begun.options or {})))

    @property
    def is_open(self) -> bool:
        return self.doors.families.open_until(self.account, self.family, self.session) is not None


def place(served: SiteServed) -> KeeperPlace:
    state = served.folder / "state"
    return KeeperPlace(state, state / "keys", CLERK)


@contextlib.contextmanager
def at_the_clerk(served: SiteServed, address: str, child: str) -> Iterator[AtTheClerk]:
    one = guardian(served, address, child)
    account = newest_account(served)
    ((family,),) = served.kept("SELECT family FROM expunge_membership WHERE account_id = ?", account.hex)
    with keeper_guard(served) as guard:
        yield AtTheClerk(account, family, doors_at(place(served)), guard, one.authenticator, secrets.token_bytes(32))


def test_a_permit_opens_one_family_once(served_family: SiteServed) -> None:
    with at_the_clerk(served_family, "opens.one@home.example", "p-mia") as clerk:
        assert not clerk.is_open
        permit = clerk.permit(clerk.ask)
        clerk.doors.families.open(permit, clerk.session, clerk.ask)
        assert clerk.is_open
        with pytest.raises(ChallengeEnded):
            clerk.doors.families.open(permit, clerk.session, clerk.ask)
        assert not replace(clerk, session=secrets.token_bytes(32)).is_open
        clerk.doors.families.end(clerk.account, clerk.family, clerk.session)
        assert not clerk.is_open


def test_no_other_permit_opens(served_family: SiteServed) -> None:
    with at_the_clerk(served_family, "opens.none@home.example", "p-mia") as clerk:
        families = clerk.doors.families
        with pytest.raises(ProofRefused):
            families.open("made up", clerk.session, clerk.ask)
        of_other_session = clerk.permit(clerk.ask)
        with pytest.raises(ProofRefused):
            families.open(of_other_session, secrets.token_bytes(32), clerk.ask)
        of_other_ask = clerk.permit(Ask(AskKind.EXPORT, clerk.account, clerk.family))
        with pytest.raises(ProofRefused):
            families.open(of_other_ask, clerk.session, clerk.ask)
        with pytest.raises(UsageError):
            families.open(of_other_ask, clerk.session, Ask(AskKind.EXPORT, clerk.account, clerk.family))
        assert not clerk.is_open


def test_who_is_no_member_opens_nothing_and_a_membership_that_ends_takes_the_opening_along(served_family: SiteServed) -> None:
    with (
        at_the_clerk(served_family, "opens.mia@home.example", "p-mia") as mia,
        at_the_clerk(served_family, "opens.ada@home.example", "p-ada") as ada,
    ):
        families = mia.doors.families
        foreign = Ask(AskKind.PLAYBACK, mia.account, ada.family)
        with pytest.raises(NotPermitted):
            mia.permit(foreign)
        with pytest.raises(NotPermitted):
            families.open("made up", mia.session, foreign)
        with pytest.raises(NotPermitted):
            families.open_until(mia.account, ada.family, mia.session)
        families.open(mia.permit(mia.ask), mia.session, mia.ask)
        served_family.kept("UPDATE expunge_membership SET role = 'former' WHERE account_id = ?", mia.account.hex)
        with pytest.raises(NotPermitted):
            families.open_until(mia.account, mia.family, mia.session)
        assert families.families(mia.account) == ()


def test_a_clerk_that_dies_is_back_and_knows_no_opening(served_family: SiteServed) -> None:
    with at_the_clerk(served_family, "opens.again@home.example", "p-mia") as clerk:
        clerk.doors.families.open(clerk.permit(clerk.ask), clerk.session, clerk.ask)
        before = keeping.process_status(place(served_family)).pid
        os.kill(before, signal.SIGKILL)
        until = time.monotonic() + 30
        while not (back := _pid(served_family)) or back == before:
            assert time.monotonic() < until
            time.sleep(0.05)
        assert not clerk.is_open
        clerk.doors.families.open(clerk.permit(clerk.ask), clerk.session, clerk.ask)
        assert clerk.is_open


def _pid(served: SiteServed) -> int:
    with contextlib.suppress(Exception):
        return keeping.process_status(place(served)).pid
    return 0
