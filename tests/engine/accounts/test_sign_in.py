"""Sign-in with a passkey: no account is named before the answer, and each answer that is not of its owner, here and now, is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from expunge.core.accounts.asks import Ask, AskKind, challenge, sign_in_challenge
from expunge.core.accounts.credential_strength import Method
from expunge.errors import ChallengeEnded, CredentialCopied, ExpungeError, NotPermitted, ProofRefused, UsageError
from expunge.ports.accounts.account_guard import CHALLENGE_SECONDS, PasskeyProof
from expunge.testing.accounts.soft_authenticator import PRESENT, SoftAuthenticator
from tests.engine.accounts.local_guard import ORIGIN, SESSION, SITE, Local, local_guard

OTHER = b"o" * 32


@pytest.fixture(scope="module")
def owl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Local]:
    """A guard that all tests of this file share; each brings a person and an authenticator of its own."""
    with local_guard(tmp_path_factory.mktemp("sign-in")) as made:
        yield made


@pytest.fixture
def at_home(owl: Local) -> Local:
    owl.authenticator = SoftAuthenticator(ORIGIN, SITE)
    return owl


def signs_in(owl: Local, session: bytes = SESSION) -> object:
    begun = owl.guard.begin_sign_in(session)
    return owl.guard.finish_sign_in(begun.token, session, owl.authenticator.sign(begun.options or {}))


@pytest.mark.parametrize("synced", [False, True], ids=["counting", "synced"])
def test_a_passkey_signs_its_account_in_and_its_use_is_noted(at_home: Local, synced: bool) -> None:
    at_home.authenticator.synced = synced
    account = at_home.guardian()
    begun = at_home.guard.begin_sign_in(SESSION)
    assert begun.options
    assert begun.options["allowCredentials"] == [], "no account is named"
    assert begun.options["userVerification"] == "required"
    assert signs_in(at_home) == account
    assert at_home.guard.credentials(account)[0].used_at


def test_a_new_passkey_is_one_that_the_authenticator_finds_by_itself(at_home: Local) -> None:
    account = at_home.newcomer()
    permit = at_home.guard.prove_by_code(account, SESSION, at_home.sent_code(account))
    options = at_home.guard.begin_enrolment(account, SESSION, permit).options
    assert options
    chosen = options["authenticatorSelection"]
    assert isinstance(chosen, dict)
    assert chosen["residentKey"] == "required"


Attack = Callable[[Local], object]


def replayed(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(SESSION)
    answer = owl.authenticator.sign(begun.options or {})
    owl.guard.finish_sign_in(begun.token, SESSION, answer)
    return owl.guard.finish_sign_in(begun.token, SESSION, answer)


def replayed_into_another_challenge(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(SESSION)
    answer = owl.authenticator.sign(begun.options or {})
    return owl.guard.finish_sign_in(owl.guard.begin_sign_in(SESSION).token, SESSION, answer)


def begun_in_another_session(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(OTHER)
    return owl.guard.finish_sign_in(begun.token, SESSION, owl.authenticator.sign(begun.options or {}))


def too_late(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(SESSION)
    answer = owl.authenticator.sign(begun.options or {})
    owl.hands.seconds += CHALLENGE_SECONDS
    return owl.guard.finish_sign_in(begun.token, SESSION, answer)


def a_token_that_is_made_up(owl: Local) -> object:
    answer = owl.authenticator.sign(owl.guard.begin_sign_in(SESSION).options or {})
    return owl.guard.finish_sign_in("made-up", SESSION, answer)


def ended_by_eight_more(owl: Local) -> object:
    """One session has eight; the oldest ends, and no other session's does."""
    begun = owl.guard.begin_sign_in(SESSION)
    for _ in range(8):
        owl.guard.begin_sign_in(SESSION)
    return owl.guard.finish_sign_in(begun.token, SESSION, owl.authenticator.sign(begun.options or {}))


def with_the_handle_of_another_account(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(SESSION)
    return owl.guard.finish_sign_in(begun.token, SESSION, owl.authenticator.sign(begun.options or {}, handle=uuid4().bytes))


def without_a_handle(owl: Local) -> object:
    begun = owl.guard.begin_sign_in(SESSION)
    return owl.guard.finish_sign_in(begun.token, SESSION, owl.authenticator.sign(begun.options or {}, handle=b""))


def with_a_credential_that_is_not_known(owl: Local) -> object:
    begun, stranger = owl.guard.begin_sign_in(SESSION), SoftAuthenticator(ORIGIN, SITE)
    stranger.create({**(begun.options or {}), "user": {"id": "AAAAAAAAAAAAAAAAAAAAAA"}})
    return owl.guard.finish_sign_in(begun.token, SESSION, stranger.sign(begun.options or {}))


def with_the_name_of_anothers_credential(owl: Local) -> object:
    """A key of the attacker's own, under the id and the handle of the person's."""
    begun, thief = owl.guard.begin_sign_in(SESSION), SoftAuthenticator(ORIGIN, SITE)
    ((credential, made),) = owl.authenticator.made.items()
    thief.create(begun.options or {}, again=credential)
    return owl.guard.finish_sign_in(begun.token, SESSION, thief.sign(begun.options or {}, handle=made.handle))


def without_the_lock_of_the_device(owl: Local) -> object:
    owl.authenticator.flags = PRESENT
    return signs_in(owl)


def for_another_site(owl: Local) -> object:
    owl.authenticator.origin = "https://evil.example"
    return signs_in(owl)


def in_a_frame_of_another_site(owl: Local) -> object:
    owl.authenticator.cross_origin = True
    return signs_in(owl)


def as_an_answer_to_a_sensitive_ask(owl: Local) -> object:
    account = owl.guard.finish_sign_in(*_signed(owl))
    begun = owl.guard.begin_ask(SESSION, Ask(AskKind.ENROL_CREDENTIAL, account))
    answer = owl.authenticator.sign(begun.options or {})
    return owl.guard.finish_sign_in(owl.guard.begin_sign_in(SESSION).token, SESSION, answer)


def by_the_token_of_a_sensitive_ask(owl: Local) -> object:
    account = owl.guard.finish_sign_in(*_signed(owl))
    begun = owl.guard.begin_ask(SESSION, Ask(AskKind.ENROL_CREDENTIAL, account))
    return owl.guard.finish_sign_in(begun.token, SESSION, owl.authenticator.sign(begun.options or {}))


def a_copy_that_is_behind(owl: Local) -> object:
    thief = owl.authenticator.copy()
    signs_in(owl)
    begun = owl.guard.begin_sign_in(SESSION)
    return owl.guard.finish_sign_in(begun.token, SESSION, thief.sign(begun.options or {}))


def no_json(owl: Local) -> object:
    return owl.guard.finish_sign_in(owl.guard.begin_sign_in(SESSION).token, SESSION, b"{")


def json_of_another_shape(owl: Local) -> object:
    return owl.guard.finish_sign_in(owl.guard.begin_sign_in(SESSION).token, SESSION, json.dumps({"response": [1]}).encode())


def too_much(owl: Local) -> object:
    return owl.guard.finish_sign_in(owl.guard.begin_sign_in(SESSION).token, SESSION, b" " * 70_000)


def a_session_of_another_length(owl: Local) -> object:
    return owl.guard.begin_sign_in(b"short")


REFUSED: dict[Attack, type[ExpungeError]] = {
    replayed: ChallengeEnded,
    replayed_into_another_challenge: ProofRefused,
    begun_in_another_session: ProofRefused,
    too_late: ChallengeEnded,
    a_token_that_is_made_up: ChallengeEnded,
    ended_by_eight_more: ChallengeEnded,
    with_the_handle_of_another_account: ProofRefused,
    without_a_handle: ProofRefused,
    with_a_credential_that_is_not_known: ProofRefused,
    with_the_name_of_anothers_credential: ProofRefused,
    without_the_lock_of_the_device: ProofRefused,
    for_another_site: ProofRefused,
    in_a_frame_of_another_site: ProofRefused,
    as_an_answer_to_a_sensitive_ask: ProofRefused,
    by_the_token_of_a_sensitive_ask: ChallengeEnded,
    a_copy_that_is_behind: CredentialCopied,
    no_json: ProofRefused,
    json_of_another_shape: ProofRefused,
    too_much: UsageError,
    a_session_of_another_length: UsageError,
}


def _signed(owl: Local) -> tuple[str, bytes, bytes]:
    begun = owl.guard.begin_sign_in(SESSION)
    return begun.token, SESSION, owl.authenticator.sign(begun.options or {})


@pytest.mark.duty("NST-11")
@pytest.mark.parametrize(("attack", "refusal"), REFUSED.items(), ids=[attack.__name__ for attack in REFUSED])
def test_a_foreign_answer_signs_no_account_in(at_home: Local, attack: Attack, refusal: type[ExpungeError]) -> None:
    account = at_home.guardian()
    with pytest.raises(refusal) as refused:
        attack(at_home)
    assert type(refused.value) is refusal
    assert refused.value.help
    assert str(account) not in f"{refused.value.message} {refused.value.help}"


def test_a_credential_that_is_not_known_reads_as_one_whose_signature_does_not_hold(at_home: Local) -> None:
    at_home.guardian()
    told = []
    for attack in (with_a_credential_that_is_not_known, with_the_name_of_anothers_credential, with_the_handle_of_another_account):
        with pytest.raises(ProofRefused) as refused:
            attack(at_home)
        told.append((refused.value.message, refused.value.help))
    assert len(set(told)) == 1


def test_an_answer_to_a_sign_in_confirms_no_ask(at_home: Local) -> None:
    account = at_home.guardian()
    ask = Ask(AskKind.ENROL_CREDENTIAL, account)
    answer = at_home.authenticator.sign(at_home.guard.begin_sign_in(SESSION).options or {})
    with pytest.raises(ProofRefused):
        at_home.guard.finish_ask(at_home.guard.begin_ask(SESSION, ask).token, SESSION, ask, PasskeyProof(answer))
    assert sign_in_challenge(OTHER, SESSION) != challenge(OTHER, ask, SESSION)


def test_a_copied_key_signs_in_no_more_and_a_removed_one_neither(at_home: Local) -> None:
    account = at_home.guardian()
    with pytest.raises(CredentialCopied):
        a_copy_that_is_behind(at_home)
    with pytest.raises(CredentialCopied):
        signs_in(at_home)
    assert at_home.guard.credentials(account)[0].copied_at
    with pytest.raises(NotPermitted):
        at_home.guard.begin_ask(SESSION, Ask(AskKind.ENROL_CREDENTIAL, account))


def test_a_sign_in_is_known_by_account_and_session_until_it_is_ended(at_home: Local) -> None:
    account = at_home.guardian()
    assert signs_in(at_home) == account
    found = at_home.guard.sign_in_of(account, SESSION)
    assert found is not None
    assert (found.seconds <= 1, found.methods) == (True, frozenset({Method.SECURITY_KEY}))
    assert at_home.guard.sign_in_of(account, OTHER) is None
    assert at_home.guard.sign_in_of(uuid4(), SESSION) is None
    at_home.guard.end_sign_ins(account, SESSION)
    assert at_home.guard.sign_in_of(account, SESSION) == found
    at_home.guard.end_sign_in(SESSION)
    assert at_home.guard.sign_in_of(account, SESSION) is None


def test_a_sign_in_by_a_passkey_that_was_copied_since_is_over(at_home: Local) -> None:
    account = at_home.guardian()
    assert signs_in(at_home) == account
    assert at_home.guard.sign_in_of(account, SESSION) is not None
    with pytest.raises(CredentialCopied):
        a_copy_that_is_behind(at_home)
    assert at_home.guard.sign_in_of(account, SESSION) is None
