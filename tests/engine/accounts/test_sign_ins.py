"""What the keeper knows of sign-ins: which passkey was shown in which session, until it ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from expunge.core.accounts.credential_strength import Method
from expunge.engine.accounts.signing_in import MOST_SIGN_INS, SIGN_IN_SECONDS, ShownPasskey, SignIns
from expunge.ports.accounts.account_register import CredentialRecord

ANNA, BERT = UUID(int=1), UUID(int=2)
HERE, THERE = b"h" * 32, b"t" * 32


class Held:
    """Seconds, moved on by hand."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def key(account: UUID, *, copied: bool = False) -> CredentialRecord:
    return CredentialRecord(
        b"credential", account, b"key", 0, user_verified=True, backup_eligible=copied, name=b"", ceremony=b"",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


@pytest.fixture
def now() -> Held:
    return Held()


@pytest.fixture
def known(now: Held) -> SignIns:
    return SignIns(now)


def test_a_sign_in_is_of_one_account_in_one_session(known: SignIns, now: Held) -> None:
    known.note(HERE, key(ANNA))
    now.at += 61.5
    assert known.find(ANNA, HERE) == ShownPasskey(b"credential", Method.SECURITY_KEY, 61)
    assert known.find(ANNA, THERE) is None
    assert known.find(BERT, HERE) is None


def test_a_passkey_shown_again_is_fresh_and_ends_when_the_sign_in_does(known: SignIns, now: Held) -> None:
    known.note(HERE, key(ANNA))
    now.at += SIGN_IN_SECONDS - 10
    known.note(HERE, key(ANNA, copied=True))
    assert known.find(ANNA, HERE) == ShownPasskey(b"credential", Method.PASSKEY, 0)
    now.at += 10
    assert known.find(ANNA, HERE) is None
    known.note(HERE, key(ANNA))
    assert known.find(ANNA, HERE) is not None


def test_another_account_takes_a_session_over(known: SignIns, now: Held) -> None:
    known.note(HERE, key(ANNA))
    now.at += SIGN_IN_SECONDS - 1
    known.note(HERE, key(BERT))
    now.at += 2
    assert (known.find(ANNA, HERE), known.find(BERT, HERE) is not None) == (None, True)


def test_what_ends(known: SignIns) -> None:
    known.note(HERE, key(ANNA))
    known.note(THERE, key(ANNA))
    known.note(b"b" * 32, key(BERT))
    known.end_all(ANNA, but=THERE)
    assert [known.find(ANNA, each) is not None for each in (HERE, THERE)] == [False, True]
    known.end(THERE)
    known.end(THERE)
    assert known.find(ANNA, THERE) is None
    assert known.find(BERT, b"b" * 32) is not None


def test_a_clock_that_goes_back_ends_it(known: SignIns, now: Held) -> None:
    known.note(HERE, key(ANNA))
    now.at -= 1
    assert known.find(ANNA, HERE) is None


def test_the_oldest_goes_where_there_are_too_many(known: SignIns) -> None:
    for number in range(MOST_SIGN_INS + 1):
        known.note(number.to_bytes(32), replace(key(ANNA)))
    assert known.find(ANNA, (0).to_bytes(32)) is None
    assert known.find(ANNA, (1).to_bytes(32)) is not None
