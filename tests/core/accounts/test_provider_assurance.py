"""A login at a company is worth one factor, unless its ID token says more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.accounts.credential_strength import Audience, Level
from expunge.core.accounts.provider_assurance import assurance

WORDS = st.frozensets(
    st.sampled_from(["pwd", "pin", "otp", "hwk", "swk", "sc", "mfa", "fpt", "face", "sms", "tel", "user", "geo", "rba", "wia", "x"]),
    max_size=5,
)


@pytest.mark.parametrize(
    ("acr", "amr", "level"),
    [
        ("", "", Level.ONE_FACTOR),
        ("", "pwd", Level.ONE_FACTOR),
        ("1", "pwd user rba", Level.ONE_FACTOR),
        ("", "hwk", Level.ONE_FACTOR),
        ("", "otp", Level.ONE_FACTOR),
        ("", "pwd pin", Level.ONE_FACTOR),
        ("", "pwd sms", Level.ONE_FACTOR),
        ("", "pwd otp", Level.TWO_FACTORS),
        ("", "mfa", Level.TWO_FACTORS),
        ("", "swk fpt", Level.TWO_FACTORS),
        ("", "pwd hwk", Level.TWO_FACTORS),
        ("", "pwd sms mfa", Level.TWO_FACTORS),
        ("", "hwk pin", Level.PHISHING_RESISTANT),
        ("", "hwk fpt mfa", Level.PHISHING_RESISTANT),
        ("phr", "", Level.PHISHING_RESISTANT),
        ("phrh", "pwd", Level.PHISHING_RESISTANT),
        ("PHR", "pwd", Level.ONE_FACTOR),
    ],
)
def test_what_a_token_says(acr: str, amr: str, level: Level) -> None:
    assert assurance(acr, amr.split()) is level


@given(st.sampled_from(["", "phr", "phrh", "2"]), WORDS, st.sampled_from(["sms", "tel"]))
def test_a_telephone_is_worth_nothing_for_staff(acr: str, amr: frozenset[str], call: str) -> None:
    assert assurance(acr, amr | {call}, Audience.STAFF) is Level.NONE


@given(st.sampled_from(["", "phr", "2"]), WORDS, WORDS)
def test_a_further_method_makes_a_customers_login_no_weaker(acr: str, amr: frozenset[str], more: frozenset[str]) -> None:
    assert assurance(acr, amr | more) >= assurance(acr, amr)
