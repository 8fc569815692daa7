"""Times and bounds of the account guard: challenges, permits and codes end by themselves, and one account keeps no other out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.credential_strength import Method
from expunge.engine.accounts.allowances import Allowance
from expunge.engine.accounts.tickets import Tickets
from expunge.errors import Busy, ChallengeEnded, ExpungeError, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import CodeProof, PasskeyProof
from expunge.ports.accounts.letters import Letter
from tests.adapters.keeper.guarded import code_of
from tests.engine.accounts.local_guard import BEGUN, SESSION, Local, local_guard

ONE, OTHER = UUID(int=1), UUID(int=2)


class OneInvitation:
    """The invitations of a company that wrote one: its secret works once."""

    def __init__(self) -> None:
        self.waiting: dict[str, UUID] = {}

    def redeem(self, secret: str, claim: str) -> UUID:
        if secret not in self.waiting:
            raise ChallengeEnded("there is no such invitation", help="ask for a new one")
        return self.waiting.pop(secret)

    def knows(self, account: UUID) -> bool:
        return account in {ONE, *self.waiting.values()}


INVITATIONS = OneInvitation()


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    with local_guard(tmp_path, INVITATIONS) as local:
        yield local


@pytest.mark.parametrize(("seconds", "lasts"), [(299, True), (300, False)])
def test_a_challenge_lasts_five_minutes(local: Local, seconds: int, lasts: bool) -> None:
    ask = Ask(AskKind.EXPORT, local.guardian(), "f-owl")
    begun = local.guard.begin_ask(SESSION, ask)
    proof = PasskeyProof(local.authenticator.sign(begun.options or {}))
    local.hands.seconds += seconds
    if lasts:
        assert local.guard.finish_ask(begun.token, SESSION, ask, proof)
        return
    with pytest.raises(ChallengeEnded):
        local.guard.finish_ask(begun.token, SESSION, ask, proof)


@pytest.mark.parametrize(("seconds", "lasts"), [(119, True), (120, False)])
def test_a_permit_lasts_two_minutes_and_one_act(local: Local, seconds: int, lasts: bool) -> None:
    ask = Ask(AskKind.EXPORT, local.guardian(), "f-owl")
    begun = local.guard.begin_ask(SESSION, ask)
    permit = local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(local.authenticator.sign(begun.options or {})))
    local.hands.seconds += seconds
    if lasts:
        local.guard.use_permit(permit, SESSION, ask)
    with pytest.raises(ChallengeEnded):
        local.guard.use_permit(permit, SESSION, ask)


def test_a_right_that_ended_takes_the_permit_along(local: Local) -> None:
    from expunge.core.accounts.memberships import Membership, MembershipRole

    ask = Ask(AskKind.EXPORT, local.guardian(), "f-owl")
    begun = local.guard.begin_ask(SESSION, ask)
    permit = local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(local.authenticator.sign(begun.options or {})))
    local.register.set_membership(Membership(ask.account, "f-owl", MembershipRole.FORMER, BEGUN))
    with pytest.raises(NotPermitted):
        local.guard.use_permit(permit, SESSION, ask)


@pytest.mark.parametrize(("seconds", "lasts"), [(899, True), (900, False)])
def test_a_code_by_mail_lasts_fifteen_minutes_and_its_permit_ten(local: Local, seconds: int, lasts: bool) -> None:
    account = local.newcomer()
    code = local.sent_code(account)
    local.hands.seconds += seconds
    if not lasts:
        with pytest.raises(ChallengeEnded):
            local.guard.prove_by_code(account, SESSION, code)
        return
    permit = local.guard.prove_by_code(account, SESSION, code)
    local.hands.seconds += 599
    begun = local.guard.begin_enrolment(account, SESSION, permit)
    local.hands.seconds += 1
    with pytest.raises(ChallengeEnded):
        local.guard.begin_enrolment(account, SESSION, permit)
    with pytest.raises(ChallengeEnded):
        local.guard.finish_enrolment(begun.token, account, SESSION, local.authenticator.create(begun.options or {}), "late")
    assert local.guard.credentials(account) == ()


def test_codes_are_sent_again_an_hour_later(local: Local) -> None:
    account = local.newcomer()
    for _ in range(5):
        local.sent_code(account)
    with pytest.raises(Busy, match="this account"):
        local.guard.send_code(account, SESSION)
    local.hands.seconds += 3600
    assert local.sent_code(account)


def test_wrong_codes_of_a_device_delay_for_an_hour_and_for_a_day(local: Local) -> None:
    """Ten an hour and thirty a day; right ones are not counted."""
    account = local.newcomer()
    permit = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    offer = local.guard.begin_code_device(account, SESSION, permit)
    local.guard.finish_code_device(offer.token, account, SESSION, code_of(offer.seed, local.hands.now().timestamp()))
    ask = Ask(AskKind.ENROL_CREDENTIAL, account)

    def type_(code: str) -> None:
        local.guard.finish_ask(local.guard.begin_ask(SESSION, ask).token, SESSION, ask, CodeProof(code))

    for _ in range(20):
        local.hands.seconds += 30
        type_(code_of(offer.seed, local.hands.now().timestamp()))
    for hour in range(3):
        for _ in range(10):
            with pytest.raises(ProofRefused):
                type_("x")
        with pytest.raises(Busy):
            type_(code_of(offer.seed, local.hands.now().timestamp()))
        local.hands.seconds += 3601
        assert hour < 3
    with pytest.raises(Busy, match="in a day"):
        type_(code_of(offer.seed, local.hands.now().timestamp()))
    local.hands.seconds += 86400
    type_(code_of(offer.seed, local.hands.now().timestamp()))


def test_an_invitation_enrols_the_first_credential_once(local: Local) -> None:
    account = local.newcomer()
    INVITATIONS.waiting["secret"] = account
    found, permit = local.guard.prove_by_invitation(SESSION, "secret")
    assert found == account
    with pytest.raises(ChallengeEnded):
        local.guard.prove_by_invitation(SESSION, "secret")
    local.enrol(account, permit)
    INVITATIONS.waiting["another"] = account
    with pytest.raises(NotPermitted):
        local.guard.prove_by_invitation(SESSION, "another")
    INVITATIONS.waiting["new"] = ONE
    found, permit = local.guard.prove_by_invitation(SESSION, "new")
    assert found == ONE, "an employee has no account before the link is used, and no address after"
    local.enrol(ONE, permit)
    assert [each.method for each in local.guard.credentials(ONE)] == [Method.SECURITY_KEY]


def test_no_mail_leads_to_an_account_that_an_invitation_is_for(local: Local) -> None:
    """Its id stands on the page of staff: who reads it there could enrol a passkey of their own before the person does."""
    INVITATIONS.waiting["for-one"] = ONE
    for way in (
        lambda: local.guard.open_account(ONE, "evil@example.org", "en"),
        lambda: local.guard.send_code(ONE, SESSION),
        lambda: local.guard.prove_by_code(ONE, SESSION, "123456"),
    ):
        with pytest.raises(NotPermitted, match="by its invitation"):
            way()
    found, permit = local.guard.prove_by_invitation(SESSION, "for-one")
    local.enrol(found, permit)
    with pytest.raises(NotPermitted, match="by its invitation"):
        local.guard.send_code(ONE, SESSION)


def test_a_permit_that_enrolled_a_credential_before_enrols_no_other_at_the_same_time(local: Local) -> None:
    """Two windows with a code each: one becomes the first, and the other is told."""
    account = local.newcomer()
    one = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    other = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    local.enrol(account, one)
    with pytest.raises(NotPermitted):
        local.enrol(account, other)
    assert len(local.guard.credentials(account)) == 1


def test_without_a_mail_server_a_person_is_told_and_other_ways_stay(local: Local) -> None:
    from expunge.bootstrap.accounts.kept_guard import NoLetters
    from expunge.errors import Undelivered
    from expunge.ports.accounts.letters import Letter

    with pytest.raises(Undelivered, match="no letter goes out"):
        NoLetters().post(Letter("a@b.example", "s", "t", "h"))


# ---- tickets and allowances ----------------------------------------------------------------------------------------


def test_an_account_has_few_tickets_and_ends_its_own_oldest() -> None:
    seconds = 0.0
    tickets: Tickets[int] = Tickets("challenge", of_account=2, together=3, now=lambda: seconds)
    first, second, others = tickets.put(ONE, 1, 10), tickets.put(ONE, 2, 10), tickets.put(OTHER, 3, 10)
    third = tickets.put(ONE, 4, 10)
    with pytest.raises(ChallengeEnded):
        tickets.look(first)
    assert [tickets.look(token) for token in (second, others, third)] == [2, 3, 4]
    tickets.put(UUID(int=3), 5, 10)
    assert len(tickets) == 3
    with pytest.raises(ChallengeEnded):
        tickets.look(second)
    tickets.end_all(ONE)
    with pytest.raises(ChallengeEnded):
        tickets.look(third)
    assert tickets.take(others) == 3
    seconds = 10.0
    tickets.put(ONE, 6, 10)
    assert len(tickets) == 1, "what is over is swept"


def test_of_many_threads_one_takes_a_ticket() -> None:
    from concurrent.futures import ThreadPoolExecutor

    tickets: Tickets[int] = Tickets("permit")
    token = tickets.put(ONE, 1, 60)

    def take(_: int) -> int:
        try:
            return tickets.take(token)
        except ChallengeEnded:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(200))) == 1


def test_an_allowance_slides_and_forgets_what_was_given_back() -> None:
    seconds = 0.0
    allowance = Allowance("codes", 2, 60, lambda: seconds)
    allowance.take(ONE)
    seconds = 30
    allowance.take(ONE)
    with pytest.raises(Busy, match="too many codes") as busy:
        allowance.take(ONE)
    assert "minute" in busy.value.help
    allowance.take(OTHER)
    seconds = 60
    allowance.take(ONE)
    with pytest.raises(Busy):
        allowance.take(ONE)
    allowance.give_back(ONE)
    allowance.take(ONE)


def test_an_account_whose_address_was_never_proven_goes_after_three_days(local: Local) -> None:
    forgotten, proven = local.newcomer(), local.newcomer()
    local.guard.prove_by_code(proven, SESSION, local.sent_code(proven))
    local.hands.seconds += 2 * 86400
    local.newcomer()
    assert local.register.account(forgotten), "its person may still come back"
    local.hands.seconds += 86401
    local.newcomer()
    assert local.register.account(forgotten) is None
    assert local.register.account(proven)


def test_a_permit_to_enrol_lasts_ten_minutes_whoever_gave_it(local: Local) -> None:
    account = local.guardian()
    ask = Ask(AskKind.ENROL_CREDENTIAL, account)
    begun = local.guard.begin_ask(SESSION, ask)
    permit = local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(local.authenticator.sign(begun.options or {})))
    local.hands.seconds += 599
    assert local.guard.begin_enrolment(account, SESSION, permit).options
    local.hands.seconds += 1
    with pytest.raises(ChallengeEnded):
        local.guard.begin_enrolment(account, SESSION, permit)


def test_a_code_by_mail_confirms_one_kind_of_ask_while_there_is_no_credential(local: Local) -> None:
    account = local.newcomer()
    close = Ask(AskKind.CLOSE_ACCOUNT, account)
    with pytest.raises(UsageError):
        local.guard.send_code(account, SESSION, AskKind.EXPORT)
    enrolling = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    with pytest.raises(ProofRefused):
        local.guard.close_account(enrolling, SESSION, close)
    closing = local.guard.prove_by_code(account, SESSION, local.sent_code(account, AskKind.CLOSE_ACCOUNT))
    enrolling = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    local.enrol(account, enrolling)
    with pytest.raises(NotPermitted, match="by mail"):
        local.guard.close_account(closing, SESSION, close)
    assert local.register.account(account)


def test_a_new_address_is_proven_by_a_code_that_confirms_nothing(local: Local) -> None:
    from hashlib import sha256

    account = local.guardian()
    new = f"{account.hex[:8]}.new@home.example"
    ask = Ask(AskKind.CHANGE_OF_ADDRESS, account, details=(("address", sha256(new.encode()).hexdigest()),))
    begun = local.guard.begin_ask(SESSION, ask)
    permit = local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(local.authenticator.sign(begun.options or {})))
    local.guard.change_address(permit, SESSION, ask, new)
    assert local.guard.prove_by_code(account, SESSION, local.sent_code(account)) == ""
    record = local.register.account(account)
    assert record
    assert record.proven_at
    with pytest.raises(NotPermitted):
        local.guard.send_code(account, SESSION)


def test_a_closed_account_confirms_nothing_and_can_be_opened_anew(local: Local) -> None:
    account = local.guardian()
    close, export = Ask(AskKind.CLOSE_ACCOUNT, account), Ask(AskKind.EXPORT, account, "f-owl")
    permits = []
    for ask in (export, close):
        begun = local.guard.begin_ask(SESSION, ask)
        permits.append(local.guard.finish_ask(begun.token, SESSION, ask, PasskeyProof(local.authenticator.sign(begun.options or {}))))
    with pytest.raises(UsageError):
        local.guard.close_account(permits[0], SESSION, export)
    local.guard.close_account(permits[1], SESSION, close)
    with pytest.raises(ExpungeError):
        local.guard.use_permit(permits[0], SESSION, export)
    assert local.guard.credentials(account) == ()
    local.guard.open_account(account, "again@home.example", "en")


def test_minutes_that_a_clock_is_off_are_told_of_a_new_device_alone(local: Local) -> None:
    account = local.newcomer()
    permit = local.guard.prove_by_code(account, SESSION, local.sent_code(account))
    offer = local.guard.begin_code_device(account, SESSION, permit)
    ahead = code_of(offer.seed, local.hands.now().timestamp() + 600)
    assert local.guard.clock_offset(offer.token, account, SESSION, ahead) == 10
    assert local.guard.clock_offset(offer.token, account, SESSION, "no code") is None
    with pytest.raises(ProofRefused):
        local.guard.clock_offset(offer.token, account, b"o" * 32, ahead)


class AllowEverything:
    """A register of rights in which everybody has every one."""

    def may(self, account: UUID, ask: Ask) -> bool:
        return True

    def may_confirm(self, ask: Ask, credential: bytes) -> bool:
        return True


@pytest.mark.duty("DSG-10")
def test_a_code_confirms_no_ask_of_staff(tmp_path: Path) -> None:
    """It can be phished: neither where the account has a code device alone, nor with a token of a challenge for a passkey."""
    with local_guard(tmp_path, memberships=AllowEverything()) as local:
        account = local.newcomer()
        offer = local.guard.begin_code_device(account, SESSION, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
        local.guard.finish_code_device(offer.token, account, SESSION, code_of(offer.seed, local.hands.now().timestamp()))
        ask = Ask(AskKind.VIEW, account)
        with pytest.raises(NotPermitted):
            local.guard.begin_ask(SESSION, ask)
        local.hands.seconds += 60
        enrol = Ask(AskKind.ENROL_CREDENTIAL, account)
        code = CodeProof(code_of(offer.seed, local.hands.now().timestamp()))
        local.enrol(account, local.guard.finish_ask(local.guard.begin_ask(SESSION, enrol).token, SESSION, enrol, code))
        local.hands.seconds += 60
        begun = local.guard.begin_ask(SESSION, ask)
        with pytest.raises(ProofRefused, match="passkey alone"):
            local.guard.finish_ask(begun.token, SESSION, ask, CodeProof(code_of(offer.seed, local.hands.now().timestamp())))


def test_codes_give_way_to_letters_that_tell_of_something(local: Local) -> None:
    account = local.newcomer()
    code = local.sent_code(account)
    owners = local.guard._owners
    owners._letters = kept = _Kept()
    local.enrol(account, local.guard.prove_by_code(account, SESSION, code))
    other = local.newcomer()
    local.guard.send_code(other, SESSION)
    assert [(letter.to, letter.tells) for letter in kept.letters] == [(local.address(account), True), (local.address(other), False)]


class _Kept:
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def post(self, letter: Letter) -> None:
        self.letters.append(letter)

    def close(self) -> None: ...
