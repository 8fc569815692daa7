"""The strength of an account is that of its weakest way in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.accounts.credential_strength import Audience, Level, Method, level_of, strength_of

PASSKEY, KEY, TOTP = Method.PASSKEY, Method.SECURITY_KEY, Method.TOTP
RECOVERY, PASSWORD, MAIL, SMS = Method.RECOVERY_CODES, Method.PASSWORD, Method.MAIL_CODE, Method.SMS
PROVIDER = Method.PROVIDER
WAYS = st.lists(st.frozensets(st.sampled_from(Method), max_size=3), max_size=4)


@pytest.mark.duty("NST-04", "NST-05", "DSG-10")
@pytest.mark.parametrize(
    ("ways", "customers", "staff"),
    [
        ([], Level.NONE, Level.NONE),
        ([{PASSKEY}], Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT),
        ([{KEY}, {PASSKEY}], Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT),
        ([{PASSKEY}, {PASSWORD, TOTP}], Level.TWO_FACTORS, Level.TWO_FACTORS),
        ([{PASSKEY}, {PASSWORD, RECOVERY}], Level.TWO_FACTORS, Level.TWO_FACTORS),
        ([{PASSKEY}, {PASSWORD}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSKEY}, {MAIL}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSKEY}, {Method.MAIL_RECOVERY}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSWORD, KEY}], Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT),
        ([{TOTP}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSWORD, SMS}], Level.ONE_FACTOR, Level.NONE),
        ([{PASSKEY}, {PASSWORD, SMS}], Level.ONE_FACTOR, Level.NONE),
        ([{PASSKEY, SMS}], Level.PHISHING_RESISTANT, Level.NONE),
        ([{PASSKEY}, set()], Level.NONE, Level.NONE),
        ([{PROVIDER}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSKEY}, {PROVIDER}], Level.ONE_FACTOR, Level.ONE_FACTOR),
        ([{PASSKEY}, {PROVIDER, TOTP}], Level.TWO_FACTORS, Level.TWO_FACTORS),
        ([{PASSKEY}, {PROVIDER, KEY}], Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT),
    ],
)
def test_the_weakest_way_counts(ways: list[set[Method]], customers: Level, staff: Level) -> None:
    found = [frozenset(way) for way in ways]
    assert level_of(found) is customers
    assert level_of(found, Audience.STAFF) is staff


@given(WAYS, st.frozensets(st.sampled_from(Method), max_size=3), st.sampled_from(Audience))
def test_another_way_in_never_makes_an_account_stronger(ways: list[frozenset[Method]], more: frozenset[Method], audience: Audience) -> None:
    assert level_of([*ways, more], audience) <= (level_of(ways, audience) if ways else max(Level))


@given(WAYS)
def test_staff_are_never_stronger_than_customers_with_the_same(ways: list[frozenset[Method]]) -> None:
    assert level_of(ways, Audience.STAFF) <= level_of(ways)


@given(st.frozensets(st.sampled_from(Method), min_size=1, max_size=3), st.sampled_from(Method))
def test_another_method_shown_with_it_never_makes_a_way_weaker(way: frozenset[Method], more: Method) -> None:
    assert strength_of(way | {more}) >= strength_of(way)
