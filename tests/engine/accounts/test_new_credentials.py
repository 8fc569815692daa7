"""Code in the web process has a person who logs in sign something else: what it gains that way confirms nothing for a day."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.hand_over import digest_of
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.core.accounts.recovery import CLOSED
from expunge.core.accounts.waits import WAITS
from expunge.errors import ChallengeEnded, NotPermitted, ProofRefused, Undelivered
from expunge.ports.accounts.account_guard import CODE_DEVICE, CodeProof, PasskeyProof
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator
from tests.adapters.keeper.guarded import code_of
from tests.engine.accounts.local_guard import BEGUN, ORIGIN, SESSION, SITE, Local, local_guard

DAY = WAITS.total_seconds()
_CODE = re.compile(r"\b\d{8}\b")
ADDED, FIRST = "confirms nothing before", "which had none"
FAMILY = [kind for kind in AskKind if kind.of_family]
OF_CUSTOMERS = [kind for kind in AskKind if not kind.of_staff]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with local_guard(tmp_path_factory.mktemp("guard")) as local:
        yield local


@pytest.fixture
def local(shared: Local) -> Local:
    shared.hands.seconds += 30 * DAY
    shared.authenticator = SoftAuthenticator(ORIGIN, SITE)
    return shared


def ask_of(kind: AskKind, account: UUID) -> Ask:
    return Ask(kind, account, "f-owl" if kind.of_family else None)


def confirmed(local: Local, ask: Ask, by: SoftAuthenticator) -> str:
    """A permit, by a passkey that signs whether it is asked for or not."""
    begun = local.guard.begin_ask(SESSION, ask)
    if begun.options is None:
        raise ProofRefused("no passkey is asked for", help="type a code")
    (credential,) = by.made
    return local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(by.sign(begun.options, credential=credential)))


def confirms(local: Local, ask: Ask, by: SoftAuthenticator) -> bool:
    try:
        return bool(confirmed(local, ask, by))
    except (NotPermitted, ProofRefused):
        return False


def planted(local: Local, account: UUID) -> SoftAuthenticator:
    """A passkey of the attacker: the person signs what looks like a login, and it was the ask to add one."""
    permit = local.confirm(ask_of(AskKind.ENROL_CREDENTIAL, account))
    attacker = SoftAuthenticator(ORIGIN, SITE)
    begun = local.guard.begin_enrolment(account, SESSION, permit)
    local.guard.finish_enrolment(begun.token, account, SESSION, attacker.create(begun.options or {}), "key")
    return attacker


def secret_of(local: Local, account: UUID, about: str = ADDED, count: int = 1) -> str:
    found = re.search(rf"{ORIGIN}/account/added/stop/([\w-]+)/", local.letters(account, about, count)[-1])
    assert found
    return found[1]


def removal(account: UUID, authenticator: SoftAuthenticator) -> Ask:
    (credential,) = authenticator.made
    return Ask(AskKind.REMOVE_CREDENTIAL, account, details=(("credential", credential.hex()),))


def with_code_device(local: Local, account: UUID, permit: str) -> str:
    offer = local.guard.begin_code_device(account, SESSION, permit)
    local.guard.finish_code_device(offer.token, account, SESSION, code_of(offer.seed, local.hands.now().timestamp()))
    local.hands.seconds += 30
    return offer.seed


def by_code(local: Local, ask: Ask, seed: str) -> str:
    local.hands.seconds += 30
    token = local.guard.begin_ask(SESSION, ask).token
    return local.guard.finish_ask(token, SESSION, ask, CodeProof(code_of(seed, local.hands.now().timestamp())))


def test_a_passkey_that_was_planted_at_a_login_confirms_nothing_for_a_day(local: Local) -> None:
    account = local.guardian()
    attacker = planted(local, account)
    secret_of(local, account)
    for kind in OF_CUSTOMERS:
        assert not confirms(local, ask_of(kind, account), attacker), kind
        assert confirms(local, ask_of(kind, account), local.authenticator), f"{kind}: the person's own goes on"
    (own, new) = local.guard.credentials(account)
    assert own.wait is None
    assert new.wait is not None
    assert new.wait.until == local.hands.now() + WAITS
    local.hands.seconds += DAY - 1
    assert not any(confirms(local, ask_of(kind, account), attacker) for kind in OF_CUSTOMERS)
    local.hands.seconds += 1
    assert all(confirms(local, ask_of(kind, account), attacker) for kind in OF_CUSTOMERS), "its owner had a day"
    assert [card.wait for card in local.guard.credentials(account)] == [None, None]


def test_it_logs_in_meanwhile(local: Local) -> None:
    account = local.guardian()
    new = planted(local, account)
    begun = local.guard.begin_sign_in(SESSION)
    (credential,) = new.made
    signed = new.sign(begun.options or {}, credential=credential, handle=account.bytes)
    assert local.guard.finish_sign_in(begun.token, SESSION, signed) == account


def test_a_hand_over_that_follows_is_no_way_round(local: Local) -> None:
    account = local.newcomer()
    local.enrol(account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    attacker = planted(local, account)
    token = local.company.token(local.hands.now().timestamp(), ("profile:p-17", "guardian"), address=local.address(account))
    ask = Ask(AskKind.HAND_OVER, account, details=(("token", digest_of(token)),))
    assert not confirms(local, ask, attacker)
    local.hand_overs.redeem(local.confirm(ask), SESSION, ask, token)
    (member,) = local.register.memberships(account)
    export = Ask(AskKind.EXPORT, account, member.family)
    assert not confirms(local, export, attacker)
    assert confirms(local, export, local.authenticator), "the first one of an account that had no family counts at once"


def test_the_letter_stops_it_at_once_and_a_look_does_not(local: Local) -> None:
    account = local.guardian()
    attacker, guard = planted(local, account), local.guard
    secret = secret_of(local, account)
    assert guard.waiting("another") is None
    assert not guard.stop_waiting("another")
    card = guard.waiting(secret)
    assert card
    assert (card.id, card.name) == (next(iter(attacker.made)).hex(), "")
    begun = guard.begin_ask(SESSION, ask_of(AskKind.EXPORT, account))
    assert guard.stop_waiting(secret)
    assert not guard.stop_waiting(secret)
    assert guard.waiting(secret) is None
    assert len(guard.credentials(account)) == 1
    with pytest.raises(ChallengeEnded):
        guard.finish_ask(begun.token, SESSION, ask_of(AskKind.EXPORT, account), CodeProof("000000"))
    local.letters(account, "was removed from your account")
    local.hands.seconds += DAY
    assert not confirms(local, ask_of(AskKind.EXPORT, account), attacker)
    assert confirms(local, ask_of(AskKind.EXPORT, account), local.authenticator), "nothing else is closed"


def test_a_letter_that_is_a_day_old_removes_nothing(local: Local) -> None:
    """Who reads an old mail must not take the owner's passkey away."""
    account = local.guardian()
    planted(local, account)
    secret = secret_of(local, account)
    local.hands.seconds += DAY
    assert local.guard.waiting(secret) is None
    assert not local.guard.stop_waiting(secret)
    assert len(local.guard.credentials(account)) == 2


def test_the_owners_last_passkey_is_not_removed_while_all_others_wait(local: Local) -> None:
    """The second login is swapped for the removal of the person's own passkey."""
    account = local.guardian()
    attacker = planted(local, account)
    own = removal(account, local.authenticator)
    with pytest.raises(NotPermitted, match="added a short while ago"):
        local.guard.remove_credential(local.confirm(own), SESSION, own)
    planted_one = removal(account, attacker)
    local.guard.remove_credential(local.confirm(planted_one), SESSION, planted_one)
    assert [card.id for card in local.guard.credentials(account)] == [next(iter(local.authenticator.made)).hex()]


def test_a_code_that_is_typed_at_a_login_replaces_no_code_device_and_goes_on_confirming(local: Local) -> None:
    account = local.newcomer()
    seed = with_code_device(local, account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    local.register.set_membership(Membership(account, "f-owl", MembershipRole.GUARDIAN, BEGUN))
    enrol, export = ask_of(AskKind.ENROL_CREDENTIAL, account), ask_of(AskKind.EXPORT, account)
    with pytest.raises(NotPermitted, match="added a short while ago"):
        with_code_device(local, account, by_code(local, enrol, seed))
    attacker = SoftAuthenticator(ORIGIN, SITE)
    begun = local.guard.begin_enrolment(account, SESSION, permit := by_code(local, enrol, seed))
    local.guard.finish_enrolment(begun.token, account, SESSION, attacker.create(begun.options or {}), "key")
    assert permit
    assert not confirms(local, export, attacker)
    assert by_code(local, export, seed), "the passkey that waits does not shut the app out"
    app = Ask(AskKind.REMOVE_CREDENTIAL, account, details=(("credential", CODE_DEVICE),))
    with pytest.raises(NotPermitted, match="added a short while ago"):
        local.guard.remove_credential(by_code(local, app, seed), SESSION, app)


def test_a_code_device_that_was_added_waits_too(local: Local) -> None:
    account = local.guardian()
    seed = with_code_device(local, account, local.confirm(ask_of(AskKind.ENROL_CREDENTIAL, account)))
    secret = secret_of(local, account)
    card = local.guard.waiting(secret)
    assert card
    assert card.id == CODE_DEVICE
    local.hands.seconds += 30
    local.guard.check_login_code(account, code_of(seed, local.hands.now().timestamp()))
    (own,) = local.guard.credentials(account)[:1]
    local.register.use_credential(account, bytes.fromhex(own.id), 1, local.hands.now())
    local.register.use_credential(account, bytes.fromhex(own.id), 1, local.hands.now())
    with pytest.raises(NotPermitted, match="added to the account a short while ago"):
        by_code(local, ask_of(AskKind.EXPORT, account), seed)
    assert local.guard.stop_waiting(secret)
    assert [each.id for each in local.guard.credentials(account)] == [own.id]


def test_the_first_one_of_an_account_of_a_family_confirms_nothing_about_the_family_for_a_day(local: Local) -> None:
    """The operator named the guardian before; code that types the person's code has a passkey of its own then."""
    account = local.newcomer()
    local.register.set_membership(Membership(account, "f-owl", MembershipRole.GUARDIAN, BEGUN))
    local.enrol(account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    secret = secret_of(local, account, FIRST)
    closed = {kind for kind in OF_CUSTOMERS if not confirms(local, ask_of(kind, account), local.authenticator)}
    assert closed == {*FAMILY, AskKind.CLOSE_ACCOUNT}
    local.hands.seconds += DAY - 1
    assert local.guard.stop_waiting(secret)
    # Who reads the mailbox enrols another one, and waits as after a recovery.
    local.authenticator = SoftAuthenticator(ORIGIN, SITE)
    local.enrol(account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    local.hands.seconds += CLOSED.total_seconds() - 1
    assert not any(confirms(local, ask_of(kind, account), local.authenticator) for kind in FAMILY)
    local.hands.seconds += 1
    assert all(confirms(local, ask_of(kind, account), local.authenticator) for kind in FAMILY)


def test_the_day_begins_with_the_letter(local: Local) -> None:
    account = local.guardian()
    owners = local.guard._owners
    letters, owners._letters = owners._letters, _Away()
    try:
        attacker = planted(local, account)
        local.hands.seconds += 3 * DAY
        local.guard.write_due_letters()
        assert not confirms(local, ask_of(AskKind.EXPORT, account), attacker)
        (_, new) = local.guard.credentials(account)
        assert new.wait
        assert (new.wait.told, new.wait.until) == (False, local.hands.now() + WAITS)
    finally:
        owners._letters = letters
    for _ in range(2):
        local.guard.write_due_letters()
    assert len(local.letters(account, ADDED)) == 1
    local.hands.seconds += DAY - 1
    assert not confirms(local, ask_of(AskKind.EXPORT, account), attacker)
    assert local.guard.waiting(secret_of(local, account))
    local.hands.seconds += 1
    assert confirms(local, ask_of(AskKind.EXPORT, account), attacker)


def test_a_change_of_address_before_it_takes_no_letter_from_the_owner(local: Local) -> None:
    """Two logins are swapped: the first changes the address to the attacker's, who proves it; the second plants a passkey."""
    account = local.guardian()
    moved(local, account, "m@evil.example")
    local.hands.seconds += DAY - 1
    planted(local, account)
    assert local.guard.stop_waiting(secret_of(local, account)) == account, "the letter came to the owner as well"
    local.hands.seconds += 1
    planted(local, account)
    with pytest.raises(AssertionError):
        local.letters(account, ADDED, 2, within=0.3)


def test_two_changes_of_address_in_a_day_take_no_letter_from_the_owner(local: Local) -> None:
    account = local.guardian()
    moved(local, account, "m1@evil.example")
    moved(local, account, "m2@evil.example", 2)
    local.hands.seconds += DAY - 1
    planted(local, account)
    assert local.guard.stop_waiting(secret_of(local, account)) == account, "the letter came to the owner as well"


def test_a_recovery_after_a_change_of_address_is_told_to_the_owner(local: Local) -> None:
    account = local.guardian()
    moved(local, account, "m3@evil.example")
    local.guard.recoveries.send_recovery_code(account, SESSION)
    local.guard.recoveries.recover(account, SESSION, sent_to(local, "m3@evil.example", 2))
    found = re.search(rf"{ORIGIN}/account/recovery/stop/([\w-]+)/", local.letters(account, "They can do so after")[-1])
    assert found
    assert local.guard.recoveries.stop_recovery_by_secret(found[1]), "the letter came to the owner as well"


def moved(local: Local, account: UUID, address: str, count: int = 1) -> None:
    """A login is swapped for a change of the address to one that the attacker reads and proves."""
    change = Ask(AskKind.CHANGE_OF_ADDRESS, account, details=(("address", sha256(address.encode()).hexdigest()),))
    local.guard.change_address(local.confirm(change), SESSION, change, address)
    local.letters(account, "the mail address of your account", count)
    local.guard.send_code(account, SESSION)
    assert local.guard.prove_by_code(account, SESSION, sent_to(local, address)) == ""


def sent_to(local: Local, address: str, count: int = 1) -> str:
    """The newest code to an address, once so many came."""
    until = time.monotonic() + 20
    while len(found := [each[0] for to, text in list(local.sink.messages) if to == address and (each := _CODE.search(text))]) < count:
        assert time.monotonic() < until
        time.sleep(0.002)
    return found[-1]


class _Away:
    def post(self, _: object) -> None:
        raise Undelivered("no letter goes out", help="wait")

    def close(self) -> None: ...


def test_nothing_of_staff_waits(tmp_path: Path) -> None:
    employee = UUID(int=7)

    class Invited:
        def redeem(self, secret: str, claim: str) -> UUID:
            return employee

        def knows(self, account: UUID) -> bool:
            return account == employee

    with local_guard(tmp_path, Invited()) as local:
        _, permit = local.guard.prove_by_invitation(SESSION, "secret")
        local.enrol(employee, permit)
        planted(local, employee)
        assert [card.wait for card in local.guard.credentials(employee)] == [None, None], "another person hears its fingerprint"
