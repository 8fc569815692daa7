"""Bearer tokens: what opens the door, for how long, and what is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from expunge.core.journal.access_tokens import (
    Token,
    TokenIssued,
    TokenRefused,
    TokenRevoked,
    TokenScope,
    admit,
    digest_of,
    fold_tokens,
    text_of,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXT = text_of("0123456789ab", bytes(range(32)))
ISSUED = TokenIssued(NOON, "0123456789ab", "airflow", TokenScope.LINEAGE, digest_of(TEXT), NOON + timedelta(days=90))


def ask(header: str, *events: TokenIssued | TokenRevoked, at: datetime = NOON) -> Token | TokenRefused:
    return admit(fold_tokens([ISSUED, *events]), header, TokenScope.LINEAGE, at)


def test_a_token_opens_until_its_end_and_not_a_moment_longer() -> None:
    assert isinstance(ask(f"Bearer {TEXT}"), Token)
    assert isinstance(ask(f"bearer  {TEXT} ", at=ISSUED.until - timedelta(microseconds=1)), Token)
    assert ask(f"Bearer {TEXT}", at=ISSUED.until) is TokenRefused.ENDED


def test_a_revoked_token_opens_nothing() -> None:
    assert ask(f"Bearer {TEXT}", TokenRevoked(NOON, ISSUED.token)) is TokenRefused.REVOKED


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", TEXT, f"Basic {TEXT}"])
def test_without_a_bearer_token_there_is_none(header: str) -> None:
    assert ask(header) is TokenRefused.MISSING


@pytest.mark.parametrize(
    "text",
    [TEXT[:-1], f"{TEXT}A", TEXT.replace("0123456789ab", "0123456789ac"), f"{TEXT[:-1]}{'A' if TEXT[-1] != 'A' else 'B'}", "x", "ä" * 9],
)
def test_a_token_with_any_other_letter_is_not_known(text: str) -> None:
    assert ask(f"Bearer {text}") is TokenRefused.UNKNOWN


def test_whoever_does_not_know_the_secret_does_not_learn_that_a_token_was_revoked() -> None:
    wrong = text_of(ISSUED.token, bytes(32))
    assert ask(f"Bearer {wrong}", TokenRevoked(NOON, ISSUED.token)) is TokenRefused.UNKNOWN


def test_what_is_kept_of_a_token_does_not_hold_it() -> None:
    assert TEXT.rpartition("_")[2] not in repr(ISSUED)
