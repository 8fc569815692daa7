"""A set of known passwords finds each of them, and few others."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.attempts.known_passwords import KnownPasswords, NotPasswords, digest_prefix, spelt, write_set
from tests.soaking import examples

BITS = 12


def made(passwords: list[str], bits: int = BITS) -> bytes:
    prefixes = sorted(digest_prefix(password) for password in passwords)
    *values, head = write_set(prefixes, len(prefixes), bits)
    return head + b"".join(values)


@pytest.mark.duty("NST-06")
@given(st.lists(st.text(max_size=30), max_size=600))
def test_every_password_of_a_set_is_found(passwords: list[str]) -> None:
    known = KnownPasswords(made(passwords))
    assert all(password in known for password in passwords)


def test_others_are_found_as_rarely_as_stated() -> None:
    chance = random.Random(3)
    known = KnownPasswords(made([f"known {chance.random()}" for _ in range(5000)]))
    others = examples(15_000, 400_000)
    found = sum(f"other {number}" in known for number in range(others))
    assert others / 2**BITS / 3 < found < others / 2**BITS * 3


def test_a_repeated_password_counts_once() -> None:
    assert "a" in KnownPasswords(made(["a", "a", "a"]))


def test_an_empty_set_has_nothing() -> None:
    assert "a" not in KnownPasswords(made([]))


def test_digests_that_descend_are_refused() -> None:
    with pytest.raises(ValueError, match="ascend"):
        list(write_set([2, 1], 2, BITS))


@pytest.mark.parametrize("content", [b"", b"expunge-passwords/2\n" + bytes(100), made(["a"])[:40]])
def test_another_file_is_told(content: bytes) -> None:
    with pytest.raises(NotPasswords):
        KnownPasswords(content)


def test_one_character_has_one_spelling() -> None:
    assert spelt("cafe\u0301") == spelt("caf\u00e9")
    assert spelt("\ufb01n") == "fin"
