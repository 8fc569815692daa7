"""Accounts of staff at the guard: passkeys alone, of which another person confirmed each way in, and no ask of a customer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import pytest

from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keeper.peers import Peer
from expunge.adapters.keeper.staff_requests import DecideStaff, StaffDesk
from expunge.adapters.state.url import sqlite_url
from expunge.bootstrap.accounts.staff_desks import GuardedDecisions, StaffInvitations, StaffMemberships, directory, fingerprints
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.staff import JobFunction, StaffRight
from expunge.core.accounts.staff_acts import ConfirmKeys, InviteStaff, StaffAct, SuspendStaff, ask_for, encode
from expunge.core.accounts.staff_events import ByMachineUser, StaffReason
from expunge.engine.accounts import staff_register
from expunge.engine.accounts.family_memberships import FamilyMemberships
from expunge.engine.accounts.staff_register import StaffStream
from expunge.errors import ChallengeEnded, NotPermitted, Refused, UsageError
from expunge.ports.accounts.account_guard import PasskeyProof
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.staff_directory import StaffActed, StaffDirectory
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator, packed
from tests.engine.accounts.local_guard import BEGUN, ORIGIN, SESSION, SITE, Hands, Local, local_guard


@dataclass
class Desk:
    """A guard, the register of staff beside it, and who decides at the machine."""

    local: Local
    staff: StaffDirectory
    stream: StaffStream

    def decide(self, act: StaffAct) -> StaffActed:
        accounts = self.local.register
        by = ByMachineUser("omar")
        return staff_register.decide(
            self.stream, self.local.hands, secrets.token_bytes, act, by, lambda account: fingerprints(accounts, account)
        )

    def employee(self) -> tuple[UUID, str]:
        """An administrator whose passkey was confirmed, and the secret of the link that was used."""
        self.local.authenticator = SoftAuthenticator(ORIGIN, SITE)
        secret = self.decide(InviteStaff(f"admin-{secrets.token_hex(4)}", JobFunction.ADMINISTRATOR)).secret
        account, permit = self.local.guard.prove_by_invitation(SESSION, secret)
        self.local.enrol(account, permit)
        self.decide(ConfirmKeys(str(account), tuple(fingerprints(self.local.register, str(account)))))
        assert StaffRight.MANAGE_STAFF in self.staff.rights(str(account))
        return account, secret


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("staff")
    hands = Hands()
    with open_journal(sqlite_url(folder / "staff.db")) as journal:
        known: list[AccountRegister] = []
        staff = directory(journal, hands, secrets.token_bytes, lambda: known[0])
        others = _Families(known, hands)
        with local_guard(folder, StaffInvitations(staff), StaffMemberships(staff, others)) as local:
            known.append(local.register)
            local.hands = hands
            yield Desk(local, staff, StaffStream(journal))


class _Families:
    """The memberships of families over tables that are opened later."""

    def __init__(self, known: list[AccountRegister], hands: Hands) -> None:
        self._known, self._hands = known, hands

    def may(self, account: UUID, ask: Ask) -> bool:
        return FamilyMemberships(self._known[0], self._hands).may(account, ask)

    def may_confirm(self, ask: Ask, credential: bytes) -> bool:
        return True


def test_a_link_that_was_kept_enrols_no_passkey_beside_those_that_were_confirmed(desk: Desk) -> None:
    account, secret = desk.employee()
    assert desk.local.register.close_account(account), "the keeper lost the account's passkeys"
    with pytest.raises(ChallengeEnded, match="used already"):
        desk.local.guard.prove_by_invitation(SESSION, secret)


def test_the_browser_that_began_goes_on_until_the_passkey_is_confirmed(desk: Desk) -> None:
    desk.local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    secret = desk.decide(InviteStaff("desk-again", JobFunction.REVIEWER)).secret
    account, _ = desk.local.guard.prove_by_invitation(SESSION, secret)
    again, permit = desk.local.guard.prove_by_invitation(SESSION, secret)
    assert again == account
    desk.local.enrol(account, permit)


def test_a_link_enrols_no_code_device_whose_seed_nobody_hears(desk: Desk) -> None:
    secret = desk.decide(InviteStaff("desk-code", JobFunction.REVIEWER)).secret
    account, permit = desk.local.guard.prove_by_invitation(SESSION, secret)
    with pytest.raises(NotPermitted, match="passkeys alone"):
        desk.local.guard.begin_code_device(account, SESSION, permit)


@pytest.mark.parametrize("kind", [AskKind.CLOSE_ACCOUNT, AskKind.CHANGE_OF_ADDRESS, AskKind.HAND_OVER])
def test_no_signature_of_an_employee_makes_an_ask_of_a_customer(desk: Desk, kind: AskKind) -> None:
    account, _ = desk.employee()
    with pytest.raises(NotPermitted, match="may not do this"):
        desk.local.confirm(Ask(kind, account))
    assert desk.local.confirm(Ask(AskKind.ENROL_CREDENTIAL, account))


def test_a_suspended_account_adds_no_passkey_for_later(desk: Desk) -> None:
    account, _ = desk.employee()
    permit = desk.local.confirm(Ask(AskKind.ENROL_CREDENTIAL, account))
    desk.employee()
    desk.decide(SuspendStaff(str(account), StaffReason.INCIDENT))
    with pytest.raises(NotPermitted, match="may not do this"):
        desk.local.confirm(Ask(AskKind.ENROL_CREDENTIAL, account))
    with pytest.raises(NotPermitted, match="may not do this"):
        desk.local.enrol(account, permit)


def test_a_passkey_that_was_added_later_decides_nothing_before_another_person_heard_its_fingerprint(desk: Desk) -> None:
    account, _ = desk.employee()
    desk.local.enrol(account, desk.local.confirm(Ask(AskKind.ENROL_CREDENTIAL, account)))
    first, second = desk.local.authenticator.made
    change = Ask(AskKind.CHANGE_OF_RIGHTS, account)
    begun = desk.local.guard.begin_ask(SESSION, change)
    assert begun.options
    assert [each["id"] for each in begun.options["allowCredentials"]] == [packed(first)]  # type: ignore[index, union-attr, call-overload]
    signed = desk.local.authenticator.sign(begun.options, credential=second)
    with pytest.raises(NotPermitted, match="no other person"):
        desk.local.guard.finish_ask(begun.token, SESSION, change, PasskeyProof(signed))
    for kind in (AskKind.ENROL_CREDENTIAL, AskKind.REMOVE_CREDENTIAL):
        own = Ask(kind, account)
        begun = desk.local.guard.begin_ask(SESSION, own)
        signed = desk.local.authenticator.sign(begun.options or {}, credential=second)
        with pytest.raises(NotPermitted, match="a short while ago"):
            desk.local.guard.finish_ask(begun.token, SESSION, own, PasskeyProof(signed))
    assert desk.local.confirm(change), "by the first one"
    sign_in = desk.local.guard.begin_sign_in(SESSION)
    assert desk.local.guard.finish_sign_in(sign_in.token, SESSION, desk.local.authenticator.sign(sign_in.options or {})) == account
    desk.local.confirm(Ask(AskKind.REMOVE_CREDENTIAL, account))
    desk.local.register.remove_credential(account, first, desk.local.hands.now())
    with pytest.raises(NotPermitted, match="no other person"):
        desk.local.guard.begin_ask(SESSION, change)
    heard = ConfirmKeys(str(account), tuple(fingerprints(desk.local.register, str(account))))
    desk.decide(heard)
    assert desk.local.confirm(change)
    with pytest.raises(Refused, match="awaits to be confirmed"):
        desk.decide(heard)


def test_customers_go_on_as_before(desk: Desk) -> None:
    desk.local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    account = desk.local.newcomer()
    desk.local.enrol(account, desk.local.guard.prove_by_code(account, SESSION, desk.local.sent_code(account)))
    desk.local.register.set_membership(Membership(account, "f-owl", MembershipRole.GUARDIAN, BEGUN))
    for ask in (Ask(AskKind.EXPORT, account, "f-owl"), Ask(AskKind.CLOSE_ACCOUNT, account), Ask(AskKind.HAND_OVER, account)):
        assert desk.local.confirm(ask)
    with pytest.raises(NotPermitted):
        desk.local.confirm(Ask(AskKind.CHANGE_OF_RIGHTS, account))


def test_a_decision_about_what_is_no_account_is_an_error_of_its_caller(desk: Desk) -> None:
    admin, _ = desk.employee()
    with pytest.raises(UsageError, match="no account of that id"):
        desk.staff.try_out(ConfirmKeys("night desk", ("k3qd-7h2m-xw5a-p4ty",)), str(admin))


def test_the_secret_of_a_link_is_told_again_for_two_minutes_to_who_decided_alone(desk: Desk) -> None:
    account, _ = desk.employee()
    guard, hands = desk.local.guard, desk.local.hands
    handle = StaffDesk(lambda: desk.staff, GuardedDecisions(lambda: guard), hands.monotonic).handlers()[DecideStaff]
    body = encode(InviteStaff("desk-told", JobFunction.REVIEWER))
    asked = DecideStaff(desk.local.confirm(ask_for(body, account)), str(account), SESSION.hex(), 0)
    peer = Peer(1, 1, frozenset())
    told = handle(peer, asked, body).value
    assert handle(peer, asked, body).value == told, "its answer was lost"
    with pytest.raises(ChallengeEnded):
        handle(peer, replace(asked, session=(b"t" * 32).hex()), body)
    hands.seconds += 120
    with pytest.raises(ChallengeEnded):
        handle(peer, asked, body)
