"""What a challenge binds: each part of an ask changes it, and what is malformed has none."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.accounts.asks import Ask, AskKind, challenge
from expunge.core.accounts.memberships import MembershipRole
from expunge.errors import UsageError

NONCE, SESSION = bytes(32), b"\x01" * 32
ASK = Ask(AskKind.PLAYBACK, UUID(int=7), "f-owl", (("recording", "r-1"), ("until", "12:00")))


@pytest.mark.parametrize(
    "other",
    [
        challenge(b"\x02" * 32, ASK, SESSION),
        challenge(NONCE, replace(ASK, kind=AskKind.EXPORT), SESSION),
        challenge(NONCE, replace(ASK, account=UUID(int=8)), SESSION),
        challenge(NONCE, replace(ASK, family="f-elk"), SESSION),
        challenge(NONCE, replace(ASK, details=(("recording", "r-2"), ("until", "12:00"))), SESSION),
        challenge(NONCE, replace(ASK, details=(("recording", "r-1"),)), SESSION),
        challenge(NONCE, ASK, b"\x03" * 32),
    ],
    ids=["nonce", "kind", "account", "family", "a detail", "fewer details", "session"],
)
def test_each_part_changes_the_challenge(other: bytes) -> None:
    assert challenge(NONCE, ASK, SESSION) == challenge(NONCE, replace(ASK), SESSION)
    assert len(other) == 32
    assert other != challenge(NONCE, ASK, SESSION)


def test_a_challenge_and_a_digest_stay_what_they_are() -> None:
    """A keeper that is updated while a page is open must not change what was signed."""
    assert ASK.digest.hex() == "6a87c7c570c712afabf16980e4999a9c0d41d22ceadff0c5dea1b1f890135242"
    assert challenge(NONCE, ASK, SESSION).hex() == "1afd8b1b4c49fe7304d8faef2004d6f0f1dcf2ffe3a402b005b928b6de569582"


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp", "Zs")), max_size=8)
_DETAILS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), _TEXT, max_size=3).map(
    lambda found: tuple(sorted(found.items()))
)
_ASKS = st.builds(
    Ask,
    st.sampled_from([AskKind.EXPORT, AskKind.PLAYBACK]),
    st.integers(0, 3).map(lambda number: UUID(int=number)),
    st.sampled_from(["a", "ab", "b"]),
    _DETAILS,
)


@given(_ASKS, _ASKS)
def test_two_asks_have_one_challenge_only_when_they_are_the_same(one: Ask, other: Ask) -> None:
    assert (challenge(NONCE, one, SESSION) == challenge(NONCE, other, SESSION)) is (one == other)


@pytest.mark.parametrize(
    "malformed",
    [
        lambda: replace(ASK, family=None),
        lambda: replace(ASK, family=""),
        lambda: replace(ASK, family="a b"),
        lambda: replace(ASK, family="x" * 200),
        lambda: Ask(AskKind.ENROL_CREDENTIAL, UUID(int=1), "f-owl"),
        lambda: replace(ASK, details=(("b", "1"), ("a", "2"))),
        lambda: replace(ASK, details=(("a", "1"), ("a", "2"))),
        lambda: replace(ASK, details=(("A", "1"),)),
        lambda: replace(ASK, details=(("a", "x\n"),)),
        lambda: replace(ASK, details=(("a", "x" * 513),)),
        lambda: replace(ASK, details=tuple((f"a{number}", "") for number in range(9))),
        lambda: challenge(b"short", ASK, SESSION),
        lambda: challenge(NONCE, ASK, b""),
    ],
)
def test_what_is_malformed_is_refused_with_a_way_on(malformed: object) -> None:
    assert callable(malformed)
    with pytest.raises(UsageError) as refused:
        malformed()
    assert refused.value.help


def test_roles_allow_what_they_should() -> None:
    of_family = {kind for kind in AskKind if kind.of_family}
    assert {kind for kind in AskKind if MembershipRole.GUARDIAN.may(kind)} == of_family
    assert {kind for kind in AskKind if MembershipRole.SELF.may(kind)} == of_family - {AskKind.CHANGE_OF_GUARDIAN}
    assert not any(MembershipRole.FORMER.may(kind) for kind in AskKind)
    assert {kind for kind in AskKind if kind.of_staff} == {AskKind.VIEW, AskKind.APPROVAL, AskKind.CHANGE_OF_RIGHTS}
