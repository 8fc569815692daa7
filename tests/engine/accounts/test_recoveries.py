"""A recovery waits for three days, can be stopped meanwhile, and then ends every credential and no membership."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.recovery import CLOSED, OPEN, WAIT, RecoveryState
from expunge.errors import ChallengeEnded, NotPermitted, ProofRefused, Undelivered
from expunge.ports.accounts.account_guard import CodeProof, PasskeyProof
from expunge.ports.accounts.recoveries import Recovering
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.adapters.keeper.guarded import code_of
from tests.engine.accounts.local_guard import BEGUN, ORIGIN, SESSION, SITE, Local, local_guard

DAY = timedelta(days=1).total_seconds()
BEGUN_LETTER, STOPPED, BACK = "They can do so after", "was stopped", "are removed, and a new one can be added"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with local_guard(tmp_path_factory.mktemp("guard")) as local:
        yield local


@pytest.fixture
def local(shared: Local) -> Local:
    shared.hands.seconds += 30 * DAY
    shared.authenticator = SoftAuthenticator(ORIGIN, SITE)
    return shared


def prove(local: Local, account: UUID) -> Recovering:
    """Have a code sent and take it."""
    before = len(local.letters(account, "This code gets you back", 0))
    local.guard.recoveries.send_recovery_code(account, SESSION)
    found = re.search(r"\b\d{8}\b", local.letters(account, "This code gets you back", before + 1)[-1])
    assert found
    return local.guard.recoveries.recover(account, SESSION, found[0])


def stop_link(local: Local, account: UUID) -> str:
    found = re.search(rf"{ORIGIN}/account/recovery/stop/([\w-]+)/", local.letters(account, BEGUN_LETTER)[-1])
    assert found
    return found[1]


def closed(local: Local, account: UUID, kind: AskKind = AskKind.EXPORT) -> bool:
    try:
        local.guard.begin_ask(SESSION, Ask(kind, account, "f-owl" if kind.of_family else None))
    except NotPermitted as refusal:
        return "recovery" in refusal.message
    return False


def test_after_the_wait_a_mailbox_gives_a_first_credential_and_the_old_ones_end(local: Local) -> None:
    account = local.guardian()
    old = local.authenticator
    assert prove(local, account).standing.state is RecoveryState.WAITING
    local.hands.seconds += WAIT.total_seconds() - 1
    waiting = prove(local, account)
    assert (waiting.standing.state, waiting.permit) == (RecoveryState.WAITING, "")
    assert len(local.guard.credentials(account)) == 1
    local.hands.seconds += 1
    done = prove(local, account)
    assert done.standing.state is RecoveryState.FINISHED
    assert local.guard.credentials(account) == ()
    local.letters(account, BACK)
    local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    local.enrol(account, done.permit)
    assert len(local.guard.credentials(account)) == 1
    assert local.register.membership(account, "f-owl") == Membership(account, "f-owl", MembershipRole.GUARDIAN, BEGUN)
    # For a week more nothing about the family is confirmed; the account itself is open.
    for kind in AskKind:
        if kind.of_family:
            assert closed(local, account, kind)
    assert local.confirm(Ask(AskKind.ENROL_CREDENTIAL, account))
    local.hands.seconds += CLOSED.total_seconds() - 1
    assert closed(local, account)
    local.hands.seconds += 1
    assert local.confirm(Ask(AskKind.EXPORT, account, "f-owl"))
    ask = Ask(AskKind.EXPORT, account, "f-owl")
    begun = local.guard.begin_ask(SESSION, ask)
    (credential,) = old.made
    signed = old.sign(begun.options or {}, credential=credential)
    with pytest.raises(ProofRefused):
        local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(signed))


def test_use_stops_while_it_waits_and_for_permits_that_were_given_before(local: Local) -> None:
    account = local.guardian()
    asks = {kind: Ask(kind, account, "f-owl") for kind in AskKind if kind.of_family}
    permit = local.confirm(asks[AskKind.EXPORT])
    begun = local.guard.begin_ask(SESSION, asks[AskKind.PLAYBACK])
    prove(local, account)
    with pytest.raises(NotPermitted, match="recovery"):
        local.guard.use_permit(permit, SESSION, asks[AskKind.EXPORT])
    with pytest.raises(NotPermitted, match="recovery"):
        local.guard.finish_ask(begun.token, SESSION, asks[AskKind.PLAYBACK], CodeProof("000000"))
    assert {kind for kind in asks if closed(local, account, kind)} == {AskKind.EXPORT, AskKind.PLAYBACK, AskKind.REVIEW}
    local.hands.seconds += (WAIT + OPEN).total_seconds() - 1
    assert closed(local, account), "ready, and not used"
    local.hands.seconds += 1
    assert not closed(local, account), "lapsed"


@pytest.mark.parametrize("kind", [AskKind.ENROL_CREDENTIAL, AskKind.DELETE_EVERYTHING])
def test_any_ask_that_a_credential_confirms_stops_it(local: Local, kind: AskKind) -> None:
    account = local.guardian()
    prove(local, account)
    ask = Ask(kind, account, "f-owl" if kind.of_family else None)
    local.guard.begin_ask(SESSION, ask)
    assert local.guard.recoveries.recovery(account), "begun is not confirmed"
    local.confirm(ask)
    assert local.guard.recoveries.recovery(account) is None
    local.letters(account, STOPPED)
    local.hands.seconds += WAIT.total_seconds()
    assert prove(local, account).standing.state is RecoveryState.WAITING, "it begins anew"
    assert local.guard.credentials(account)


def test_a_code_device_stops_it_and_goes_with_it(local: Local) -> None:
    account = local.newcomer()
    offer = local.guard.begin_code_device(account, SESSION, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    local.guard.finish_code_device(offer.token, account, SESSION, code_of(offer.seed, local.hands.now().timestamp()))
    prove(local, account)
    local.hands.seconds += 60
    ask = Ask(AskKind.ENROL_CREDENTIAL, account)
    local.guard.finish_ask(
        local.guard.begin_ask(SESSION, ask).token, SESSION, ask, CodeProof(code_of(offer.seed, local.hands.now().timestamp()))
    )
    assert local.guard.recoveries.recovery(account) is None
    prove(local, account)
    local.hands.seconds += WAIT.total_seconds()
    assert prove(local, account).permit
    assert local.guard.credentials(account) == ()


def test_the_secret_of_a_letter_stops_it_and_tells_nothing_else(local: Local) -> None:
    account, recoveries = local.guardian(), local.guard.recoveries
    prove(local, account)
    secret = stop_link(local, account)
    assert recoveries.recovery_by_secret("another") is None
    assert not recoveries.stop_recovery_by_secret("another")
    assert recoveries.recovery_by_secret(secret) == recoveries.recovery(account)
    assert recoveries.stop_recovery_by_secret(secret)
    assert not recoveries.stop_recovery_by_secret(secret)
    assert recoveries.recovery_by_secret(secret) is None
    assert recoveries.recovery(account) is None
    local.hands.seconds += WAIT.total_seconds()
    assert not prove(local, account).permit


def test_what_is_over_is_not_stopped(local: Local) -> None:
    account, recoveries = local.guardian(), local.guard.recoveries
    prove(local, account)
    secret = stop_link(local, account)
    local.hands.seconds += WAIT.total_seconds()
    prove(local, account)
    assert recoveries.recovery_by_secret(secret) is None
    assert not recoveries.stop_recovery_by_secret(secret)
    assert not recoveries.stop_recovery(account)
    assert prove(local, account).permit, "another permit, as long as no credential is there"


def test_a_permit_of_a_recovery_is_for_a_first_credential_alone(local: Local) -> None:
    account = local.guardian()
    prove(local, account)
    local.hands.seconds += WAIT.total_seconds()
    first, second = prove(local, account).permit, prove(local, account).permit
    local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    local.enrol(account, first)
    local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    with pytest.raises(NotPermitted):
        local.enrol(account, second)
    # The credential is lost again: that takes three days again, and opens nothing about the family earlier.
    before = local.register.recovery_times(account).families_from
    assert prove(local, account).standing.state is RecoveryState.WAITING
    assert local.guard.recoveries.stop_recovery(account)
    assert local.register.recovery_times(account).families_from == before


def test_a_challenge_or_permit_of_an_old_credential_ends_with_it(local: Local) -> None:
    account = local.guardian()
    prove(local, account)
    local.hands.seconds += WAIT.total_seconds()
    ask = Ask(AskKind.REMOVE_CREDENTIAL, account)
    begun = local.guard.begin_ask(SESSION, ask)
    prove(local, account)
    with pytest.raises(ChallengeEnded):
        local.guard.finish_ask(begun.token, SESSION, ask, CodeProof("000000"))


def test_codes_of_one_kind_do_not_serve_the_other(local: Local) -> None:
    account = local.newcomer()
    code = local.sent_code(account)
    with pytest.raises(ChallengeEnded):
        local.guard.recoveries.recover(account, SESSION, code)
    member = local.guardian()
    local.guard.recoveries.send_recovery_code(member, SESSION)
    found = re.search(r"\b\d{8}\b", local.letters(member, "This code gets you back")[-1])
    assert found
    with pytest.raises(ChallengeEnded):
        local.guard.prove_by_code(member, SESSION, found[0])
    with pytest.raises(ProofRefused):
        local.guard.recoveries.recover(member, b"o" * 32, found[0])
    assert local.guard.recoveries.recovery(member) is None


def test_the_owner_has_a_letter_at_the_beginning_and_one_the_day_before(local: Local) -> None:
    account, recoveries = local.guardian(), local.guard.recoveries
    prove(local, account)
    secret = stop_link(local, account)
    recoveries.write_due_letters()
    local.hands.seconds += 2 * DAY - 1
    recoveries.write_due_letters()
    assert not [text for to, text in local.sink.messages if to == local.address(account) and "in less than a day" in text]
    local.hands.seconds += 1
    for _ in range(3):
        recoveries.write_due_letters()
    (letter,) = local.letters(account, "in less than a day")
    assert secret in letter
    local.guard.recoveries.stop_recovery(account)
    assert len(local.letters(account, "in less than a day")) == 1


def test_other_guardians_hear_of_it_once_it_is_finished(local: Local) -> None:
    account, other, stranger = local.guardian("f-two"), local.newcomer(), local.newcomer()
    local.register.set_membership(Membership(other, "f-two", MembershipRole.GUARDIAN, BEGUN))
    local.register.set_membership(Membership(stranger, "f-two", MembershipRole.FORMER, BEGUN))
    prove(local, account)
    local.hands.seconds += WAIT.total_seconds()
    prove(local, account)
    local.letters(other, "Another guardian of a child of yours")
    assert not [to for to, text in local.sink.messages if to == local.address(stranger) and "Another guardian" in text]


def test_without_a_letter_it_begins_and_cannot_end(local: Local) -> None:
    account, recoveries = local.guardian(), local.guard.recoveries
    recoveries.send_recovery_code(account, SESSION)
    found = re.search(r"\b\d{8}\b", local.letters(account, "This code gets you back")[-1])
    assert found
    owners = recoveries._owners
    letters, owners._letters = owners._letters, _Away()
    try:
        assert recoveries.recover(account, SESSION, found[0]).standing.state is RecoveryState.WAITING
        recoveries.write_due_letters()
    finally:
        owners._letters = letters
    local.hands.seconds += WAIT.total_seconds() - 1.5 * DAY
    recoveries.write_due_letters()
    assert stop_link(local, account)
    local.hands.seconds += 1.5 * DAY
    assert prove(local, account).permit


class _Away:
    def post(self, _: object) -> None:
        raise Undelivered("no letter goes out", help="wait")

    def close(self) -> None: ...


def test_accounts_of_staff_have_none(tmp_path: Path) -> None:
    employee = uuid4()

    class Invited:
        def redeem(self, secret: str, claim: str) -> UUID:
            raise AssertionError

        def knows(self, account: UUID) -> bool:
            return account == employee

    with local_guard(tmp_path, Invited()) as local:
        for call in (
            lambda: local.guard.recoveries.send_recovery_code(employee, SESSION),
            lambda: local.guard.recoveries.recover(employee, SESSION, "12345678"),
        ):
            with pytest.raises(NotPermitted, match="of staff"):
                call()


def test_an_account_is_not_closed_in_the_days_after_it_and_then_it_is(local: Local) -> None:
    account = local.guardian()
    prove(local, account)
    local.hands.seconds += WAIT.total_seconds()
    prove(local, account)
    ask = Ask(AskKind.CLOSE_ACCOUNT, account)
    permit = local.guard.prove_by_code(account, SESSION, local.sent_code(account, AskKind.CLOSE_ACCOUNT))
    with pytest.raises(NotPermitted, match="a short while ago"):
        local.guard.close_account(permit, SESSION, ask)
    assert local.register.memberships(account)
    local.hands.seconds += CLOSED.total_seconds()
    local.guard.close_account(local.guard.prove_by_code(account, SESSION, local.sent_code(account, AskKind.CLOSE_ACCOUNT)), SESSION, ask)
    assert local.register.account(account) is None


@pytest.mark.parametrize("by_itself", [True, False], ids=["the-next-round", "a-code"])
def test_a_first_letter_that_was_late_begins_the_wait_anew(local: Local, by_itself: bool) -> None:
    account, recoveries = local.guardian(), local.guard.recoveries
    owners = recoveries._owners
    letters = owners._letters
    recoveries.send_recovery_code(account, SESSION)
    found = re.search(r"\b\d{8}\b", local.letters(account, "This code gets you back")[-1])
    assert found
    owners._letters = _Away()
    try:
        recoveries.recover(account, SESSION, found[0])
    finally:
        owners._letters = letters
    local.hands.seconds += WAIT.total_seconds() + DAY
    if by_itself:
        recoveries.write_due_letters()
        assert local.letters(account, BEGUN_LETTER)
    proven = prove(local, account)
    assert proven.standing.state is RecoveryState.WAITING, "the owner has heard of it just now"
    assert proven.permit == ""
    assert recoveries.recovery_by_secret(stop_link(local, account)), "the letter stops the one that waits"
    local.hands.seconds += WAIT.total_seconds()
    assert prove(local, account).permit
