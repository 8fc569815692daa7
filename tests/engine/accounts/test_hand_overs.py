"""Hand-over tokens: which count, for whom, how often; and what is kept of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.family_events import ByHandOver
from expunge.core.accounts.hand_over import HandOverFault, digest_of
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.accounts.staff_events import ByMachineUser
from expunge.core.values.ids import pseudonym
from expunge.engine.accounts.family_register import statement
from expunge.errors import ChallengeEnded, HandOverRefused, NotPermitted, ProofRefused
from tests.engine.accounts.company import ISSUER, Company, url64
from tests.engine.accounts.local_guard import ORIGIN, SESSION, Local, local_guard

OTHER = b"o" * 32
CHILD, SISTER = (str(pseudonym(bytes(32), "profile", name)) for name in ("p-17", "p-18"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    with local_guard(tmp_path_factory.mktemp("guard")) as local:
        yield local


@pytest.fixture
def local(shared: Local) -> Local:
    shared.hands.seconds += 3600
    return shared


def now(local: Local) -> float:
    return local.hands.now().timestamp()


def person(local: Local) -> UUID:
    account = local.newcomer()
    local.enrol(account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    return account


def ask_for(account: UUID, token: str) -> Ask:
    return Ask(AskKind.HAND_OVER, account, details=(("token", digest_of(token)),))


def redeem(local: Local, account: UUID, token: str) -> None:
    ask = ask_for(account, token)
    local.hand_overs.redeem(local.confirm(ask), SESSION, ask, token)


def roles(local: Local, account: UUID) -> dict[str, MembershipRole]:
    return {each.family: each.role for each in local.register.memberships(account)}


def refused(local: Local, token: str) -> HandOverFault:
    with pytest.raises(HandOverRefused) as refusal:
        local.hand_overs.look(token)
    assert refusal.value.help
    assert "p-17" not in f"{refusal.value.message}{refusal.value.help}"
    return HandOverFault(refusal.value.reason)


@pytest.mark.parametrize("kid", ["app-1", "app-2"])
def test_a_token_makes_a_guardian_once_the_account_has_confirmed_it(local: Local, kid: str) -> None:
    account = person(local)
    told = [("profile:p-17", "guardian"), ("profile:p-18", "guardian"), ("account:a-1", "self")]
    token = local.company.token(now(local), *told, address=local.address(account).upper(), kid=kid)
    card = local.hand_overs.look(token)
    assert (card.guardian_of, card.oneself, card.ends) == (2, True, 0)
    assert roles(local, account) == {}, "a look changes nothing"
    redeem(local, account, token)
    own = str(pseudonym(bytes(32), "account", "a-1"))
    assert roles(local, account) == {CHILD: MembershipRole.GUARDIAN, SISTER: MembershipRole.GUARDIAN, own: MembershipRole.SELF}
    assert local.confirm(Ask(AskKind.EXPORT, account, CHILD))
    decisions = [each for each in local.families.decisions() if each.account == str(account)]
    assert {each.family: each.role for each in decisions} == roles(local, account)
    assert {(each.by.issuer, each.by.key) for each in decisions if isinstance(each.by, ByHandOver)} == {(ISSUER, kid)}
    local.letters(account, "was connected to a child")


def test_a_token_counts_once_though_the_account_that_used_it_is_closed(local: Local) -> None:
    account = person(local)
    address = local.address(account)
    token = local.company.token(now(local), address=address)
    redeem(local, account, token)
    local.guard.close_account(local.confirm(Ask(AskKind.CLOSE_ACCOUNT, account)), SESSION, Ask(AskKind.CLOSE_ACCOUNT, account))
    local.guard.open_account(account, address, "en")
    local.enrol(account, local.guard.prove_by_code(account, SESSION, local.sent_code(account)))
    other = person(local)
    for each in (account, other):
        ask = ask_for(each, token)
        permit = local.confirm(ask)
        if each == account:
            # The same account in the same session is answered again, and gets nothing.
            local.hand_overs.redeem(permit, SESSION, ask, token)
        else:
            with pytest.raises(HandOverRefused, match="used already"):
                local.hand_overs.redeem(permit, SESSION, ask, token)
        assert roles(local, each) == {}


def test_evidence_says_who_decided_and_names_no_one(tmp_path: Path) -> None:
    with local_guard(tmp_path) as local:
        account = person(local)
        for number in range(2):
            redeem(local, account, local.company.token(now(local), (f"profile:p-{number}", "guardian"), address=local.address(account)))
        local.families.decide(account, [(str(pseudonym(bytes(32), "profile", "p-0")), MembershipRole.FORMER)], ByMachineUser("omar"))
        said = statement(local.families._journal)
    day = local.hands.now().date().isoformat()
    assert said == {
        "decisions": [
            {"by": "operator", "issuer": "", "key": "", "role": "former", "count": 1, "latest": day},
            {"by": "hand-over", "issuer": ISSUER, "key": "app-1", "role": "guardian", "count": 2, "latest": day},
        ]
    }
    assert "omar" not in str(said)


def test_a_token_that_ends_a_membership_ends_it_at_the_act(local: Local) -> None:
    account = person(local)
    redeem(local, account, local.company.token(now(local), address=local.address(account)))
    ask = Ask(AskKind.EXPORT, account, CHILD)
    permit = local.confirm(ask)
    redeem(local, account, local.company.token(now(local), ("profile:p-17", "former"), address=local.address(account)))
    with pytest.raises(NotPermitted):
        local.guard.use_permit(permit, SESSION, ask)
    assert roles(local, account) == {CHILD: MembershipRole.FORMER}


def test_the_end_of_a_membership_that_never_was_makes_none(local: Local) -> None:
    account = person(local)
    redeem(local, account, local.company.token(now(local), ("profile:p-17", "former"), address=local.address(account)))
    assert roles(local, account) == {}


def test_a_token_counts_once_and_only_its_own_repetition_is_answered(local: Local) -> None:
    account = person(local)
    token = local.company.token(now(local), address=local.address(account))
    ask = ask_for(account, token)
    permit = local.confirm(ask)
    first = local.hand_overs.redeem(permit, SESSION, ask, token)
    length = len(list(local.families.decisions()))
    assert local.hand_overs.redeem(permit, SESSION, ask, token) == first, "an answer that was lost"
    assert len(list(local.families.decisions())) == length
    assert refused(local, token) is HandOverFault.USED
    with pytest.raises(HandOverRefused, match="used already"):
        local.hand_overs.redeem(local.confirm(ask, OTHER), OTHER, ask, token)


def test_without_the_accounts_own_permit_for_this_token_nothing_changes(local: Local) -> None:
    account = person(local)
    token, another = (local.company.token(now(local), address=local.address(account)) for _ in range(2))
    with pytest.raises(ChallengeEnded):
        local.hand_overs.redeem("made up", SESSION, ask_for(account, token), token)
    with pytest.raises(ProofRefused):
        local.hand_overs.redeem(local.confirm(ask_for(account, another)), SESSION, ask_for(account, token), token)
    with pytest.raises(ProofRefused):
        local.hand_overs.redeem(local.confirm(ask_for(account, another)), SESSION, ask_for(account, another), token)
    with pytest.raises(ProofRefused):
        local.hand_overs.redeem(local.confirm(ask_for(account, token)), OTHER, ask_for(account, token), token)
    removing = Ask(AskKind.REMOVE_CREDENTIAL, account, details=(("token", digest_of(token)),))
    with pytest.raises(ProofRefused):
        local.hand_overs.redeem(local.confirm(removing), SESSION, removing, token)
    assert roles(local, account) == {}
    redeem(local, account, token)


def test_a_token_is_for_the_account_of_its_address_once_that_is_proven(local: Local) -> None:
    account, thief = person(local), person(local)
    token = local.company.token(now(local), address=local.address(account))
    ask = ask_for(thief, token)
    permit = local.confirm(ask)
    with pytest.raises(HandOverRefused, match="mail address"):
        local.hand_overs.redeem(permit, SESSION, ask, token)
    # An account for the same address that proved nothing.
    record = local.register.account(account)
    assert record is not None
    local.register.change_address(thief, record.address, local.hands.now(), local.hands.now())
    with pytest.raises(HandOverRefused, match="not proven"):
        local.hand_overs.redeem(permit, SESSION, ask, token)
    assert roles(local, thief) == {}


def test_who_else_is_guardian_gets_a_letter(local: Local) -> None:
    first, second = person(local), person(local)
    redeem(local, second, local.company.token(now(local), ("profile:p-77", "guardian"), address=local.address(second)))
    local.authenticator = type(local.authenticator)(ORIGIN, "owl.example")
    third = person(local)
    redeem(local, third, local.company.token(now(local), ("profile:p-77", "guardian"), address=local.address(third)))
    (letter,) = local.letters(second, "another account with Owl became guardian")
    assert "p-77" not in letter
    assert not any("became guardian" in text for to, text in local.sink.messages if to == local.address(first))


def test_times_are_judged_by_the_keepers_clock(local: Local) -> None:
    fresh = local.company.token
    at = now(local)
    for token in (fresh(at + 59, address="a@b"), fresh(at, address="a@b"), fresh(at, address="a@b", exp=int(at) - 59, iat=int(at) - 500)):
        assert local.hand_overs.look(token)
    for token, fault in (
        (fresh(at, address="a@b", exp=int(at) - 61, iat=int(at) - 500), HandOverFault.ENDED),
        (fresh(at + 62, address="a@b"), HandOverFault.CLOCK),
        (fresh(at, address="a@b", exp=int(at) + 601), HandOverFault.CLOCK),
        (fresh(at, address="a@b", exp=int(at)), HandOverFault.CLOCK),
    ):
        assert refused(local, token) is fault


def unsigned(token: str) -> str:
    head, body, _ = token.split(".")
    fields = json.loads(base64.urlsafe_b64decode(head + "=="))
    return f"{url64(json.dumps(fields | {'alg': 'none'}).encode())}.{body}."


def flipped(token: str) -> str:
    head, body, signature = token.split(".")
    claims = base64.urlsafe_b64decode(body + "==").replace(b"p-17", b"p-18")
    return f"{head}.{url64(claims)}.{signature}"


def test_a_token_of_another_signer_or_for_another_site_is_refused(local: Local) -> None:
    at, company = now(local), local.company
    stranger = Company(ORIGIN)
    good = company.token(at, address="a@b")
    for token in (
        stranger.token(at, address="a@b"),
        stranger.token(at, address="a@b", kid="app-2"),
        company.token(at, address="a@b", header={"kid": "app-2"}),
        company.token(at, address="a@b", header={"kid": "app-9"}),
        company.token(at, address="a@b", header={"kid": None}),
        company.token(at, address="a@b", header={"alg": "HS256"}),
        company.token(at, address="a@b", aud="https://other.example"),
        company.token(at, address="a@b", aud=[ORIGIN, "https://other.example"]),
        company.token(at, address="a@b", iss="https://other.example"),
        unsigned(good),
        flipped(good),
    ):
        assert refused(local, token) is HandOverFault.NOT_THIS_COMPANY
    assert local.hand_overs.look(good)


@pytest.mark.parametrize(
    "claims",
    [
        {"jti": None},
        {"jti": ""},
        {"jti": "x" * 129},
        {"iat": None},
        {"exp": "soon"},
        {"exp": True},
        {"families": []},
        {"families": None},
        {"families": [{"subject": "profile:p-17"}]},
        {"families": [{"subject": "p-17", "role": "guardian"}]},
        {"families": [{"subject": "profile:", "role": "guardian"}]},
        {"families": [{"subject": "profile:p-17", "role": "owner"}]},
        {"families": [{"subject": "profile:p-17", "role": "guardian", "name": "Ana"}]},
        {"families": [{"subject": "profile:p-17", "role": "guardian"}] * 2},
        {"families": [{"subject": f"profile:p-{number}", "role": "guardian"} for number in range(21)]},
        {"address": None},
        {"address": "ana@home.example"},
        {"further": 1},
    ],
    ids=str,
)
def test_a_token_of_another_form_is_refused(local: Local, claims: dict[str, Any]) -> None:
    assert refused(local, local.company.token(now(local), address="a@b", further=claims)) is HandOverFault.MALFORMED


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "🦉" * 10, "a" * 8193, "." * 8000], ids=["none", "x", "dots", "owls", "long", "only dots"]
)
def test_a_text_that_is_no_token_is_refused(local: Local, text: str) -> None:
    assert refused(local, text) is HandOverFault.MALFORMED


def test_another_token_that_the_company_signs_is_none_of_these(local: Local) -> None:
    token = local.company.token(now(local), address="a@b", header={"typ": "JWT"})
    assert refused(local, token) is HandOverFault.MALFORMED


def test_a_kind_that_the_map_does_not_have_is_refused(local: Local) -> None:
    token = local.company.token(now(local), ("pet:p-17", "guardian"), address="a@b")
    assert refused(local, token) is HandOverFault.UNKNOWN_KIND


def test_no_identifier_is_kept_anywhere(local: Local, shared: Local, tmp_path_factory: pytest.TempPathFactory) -> None:
    account = person(local)
    address = local.address(account)
    redeem(local, account, local.company.token(now(local), ("profile:very-secret-child", "guardian"), address=address))
    folder = tmp_path_factory.getbasetemp()
    held = b"".join(path.read_bytes() for path in folder.glob("guard*/state.db*"))
    assert str(account).replace("-", "").encode() in held
    for secret in (b"very-secret-child", address.encode()):
        assert secret not in held
    assert not any("very-secret-child" in text for _, text in shared.sink.messages)
