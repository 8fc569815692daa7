"""Statements of the company's app, handles of families, and the messages to web hooks: pure, and strict in what they take."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from expunge.core.accounts.app_spec import AppScope
from expunge.core.families.app_access import AppFault, family_handle, read_scopes, read_statement, require_in_time, token_digest, token_text
from expunge.core.journal.notice_events import NoticeKind
from expunge.core.orders.order_notices import OrderNotice
from expunge.core.orders.webhooks import TRIED_FOR, WebhookMessage, message_of, next_try, read_secret, signature
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.errors import AppRefused

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
CLAIMS: dict[str, Any] = {
    "iss": "https://app.owl.example",
    "aud": "https://privacy.owl.example",
    "jti": "8a1c",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 300,
    "sid": "session-1",
    "auth_time": int(NOW.timestamp()) - 60,
    "scope": "read delete",
    "families": [{"subject": "profile:p-17", "role": "guardian"}],
}
WRONG: dict[str, dict[str, Any]] = {
    "a claim that is not known": {"nbf": 1},
    "no login": {"sid": None},
    "a login that is empty": {"sid": ""},
    "a login that is a number": {"sid": 7},
    "a login without end": {"sid": "x" * 129},
    "no time of authentication": {"auth_time": None},
    "a time that is true": {"auth_time": True},
    "a time in words": {"auth_time": "yesterday"},
    "an address in the clear": {"address": "mum@home.example"},
    "an address that is a number": {"address": 7},
    "no families": {"families": []},
    "families that are no list": {"families": "profile:p-17"},
    "too many families": {"families": CLAIMS["families"] * 21},
    "a former guardian": {"families": [{"subject": "profile:p-17", "role": "former"}]},
    "a role that is none": {"families": [{"subject": "profile:p-17", "role": "boss"}]},
    "a subject without a kind": {"families": [{"subject": "p-17", "role": "self"}]},
    "no scope": {"scope": None},
    "an empty scope": {"scope": ""},
    "a scope of export": {"scope": "read export"},
    "scopes apart by two blanks": {"scope": "read  stop"},
}


def claims(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}


def test_a_statement_says_who_asks_since_when_and_for_what() -> None:
    found = read_statement(CLAIMS)
    require_in_time(found, NOW)
    assert found.scopes == {AppScope.READ, AppScope.DELETE}
    assert found.authenticated_at == NOW - timedelta(seconds=60)
    assert found.use != read_statement(claims(jti="8a1d")).use
    assert found.login == read_statement(claims(jti="8a1d")).login != read_statement(claims(sid="session-2")).login
    assert "p-17" not in repr(found)
    assert "session-1" not in repr(found)


@pytest.mark.parametrize("name", WRONG)
def test_a_statement_of_another_form_is_refused(name: str) -> None:
    with pytest.raises(AppRefused) as refused:
        read_statement(claims(**WRONG[name]))
    assert refused.value.reason == (AppFault.SCOPE if "scope" in WRONG[name] else AppFault.STATEMENT)
    assert refused.value.help
    assert "p-17" not in refused.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": CLAIMS["iat"] + 601},
        {"exp": CLAIMS["iat"]},
        {"iat": CLAIMS["iat"] + 61, "exp": CLAIMS["iat"] + 120},
        {"iat": CLAIMS["iat"] - 400, "exp": CLAIMS["iat"] - 60},
        {"auth_time": CLAIMS["iat"] + 61},
    ],
    ids=["too long", "no time at all", "of a time to come", "over", "authenticated in a time to come"],
)
def test_a_statement_of_another_time_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(AppRefused) as refused:
        require_in_time(read_statement(claims(**changes)), NOW)
    assert refused.value.reason == AppFault.STATEMENT_TIME


def test_export_and_playback_are_said_to_be_for_the_pages() -> None:
    with pytest.raises(AppRefused) as refused:
        read_scopes("export")
    assert "pages" in refused.value.help


def test_a_handle_is_the_same_each_time_and_leads_to_no_pseudonym() -> None:
    one, other = Pseudonym("ab" * 16), Pseudonym("cd" * 16)
    assert family_handle(b"k" * 32, one) == family_handle(b"k" * 32, one)
    assert len({family_handle(b"k" * 32, one), family_handle(b"k" * 32, other), family_handle(b"l" * 32, one)}) == 3
    assert one not in family_handle(b"k" * 32, one)


def test_a_header_shows_a_token_in_one_form_alone() -> None:
    text = token_text(b"s" * 32)
    assert token_digest(f"Bearer {text}") == token_digest(f"bearer  {text} ")
    assert token_digest(f"Bearer {token_text(b't' * 32)}") != token_digest(f"Bearer {text}")
    assert [token_digest(each) for each in ("", text, f"Basic {text}", f"Bearer {text}x", f"Bearer expunge_0123456789ab_{text[-43:]}")] == [
        None
    ] * 5


def test_a_message_is_signed_as_standard_webhooks_are() -> None:
    """The example of Svix's documentation, from which Standard Webhooks came."""
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "text", ["", "whsec_", "whsec_!!!!", "whsec_" + "QUFB", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_" + "QUFB" * 30]
)
def test_a_secret_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        read_secret(text)


def test_a_message_names_the_order_and_handles_and_nobody() -> None:
    notice = OrderNotice(OrderId("ord-a"), NoticeKind.IN_PART, NOW, (Pseudonym("ab" * 16),), "a reason of the operator")
    message, later, other = (
        message_of(notice, hook, lambda family: family[:4], at)
        for hook, at in (("app", NOW), ("app", NOW + timedelta(days=1)), ("other", NOW))
    )
    assert message is not None
    assert later is not None
    assert other is not None
    assert message.body == (
        b'{"data":{"families":["abab"],"in_part":true,"order":"ord-a"},"timestamp":"2026-12-01T09:00:00Z","type":"order.ended"}'
    )
    assert message.id == later.id != other.id


@pytest.mark.parametrize("kind", [NoticeKind.NEEDS_YOU, NoticeKind.ANSWERED])
def test_what_people_and_company_write_is_not_told(kind: NoticeKind) -> None:
    assert message_of(OrderNotice(OrderId("ord-a"), kind, NOW, (Pseudonym("ab" * 16),)), "app", str, NOW) is None


def test_pauses_grow_and_end_after_a_day() -> None:
    at, pauses = NOW, []
    message = WebhookMessage("msg_1", "app", OrderId("ord-a"), "order.ended", NOW, b"{}", tries=0, first_at=NOW)
    while (due := next_try(message, at)) is not None:
        pauses.append(due - at)
        message, at = replace(message, tries=message.tries + 1), due
    assert pauses[0] == timedelta(seconds=5)
    assert pauses == sorted(pauses)
    assert max(pauses) == timedelta(hours=4)
    assert 8 <= len(pauses) <= 20
    assert at <= NOW + TRIED_FOR
