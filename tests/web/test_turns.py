"""Threads of the server are shared by turns: the rule itself, and whose a request is."""

from __future__ import annotations

from itertools import count

import pytest

from expunge.core.attempts.client_networks import UNKNOWN
from expunge.web.turns import STRANGERS, THREADS, TURNS, Asker, AskerKind, KnownAskers, Turns

HEAD = b"POST /child/7f/delete/ HTTP/1.1\r\nHost: x\r\n%s\r\nContent-Length: 5\r\n\r\nx"


def named(kind: AskerKind, number: int = 0) -> Asker:
    return Asker(kind, str(number))


def crowd(turns: Turns[int], askers: list[Asker]) -> list[Asker]:
    """Let askers come in turn until none has a thread; return who has one, once for each."""
    numbers = count()
    return [asker for asker in askers * TURNS if turns.enter(asker, next(numbers))]


def test_one_account_holds_six_threads_and_another_is_served_at_once() -> None:
    turns: Turns[int] = Turns()
    assert len(crowd(turns, [named(AskerKind.ACCOUNT)])) == 6
    assert turns.enter(named(AskerKind.ACCOUNT, 1), -1)


@pytest.mark.parametrize("kind", [AskerKind.ACCOUNT, AskerKind.SENDER])
def test_two_of_a_kind_leave_a_thread_for_a_third(kind: AskerKind) -> None:
    turns: Turns[int] = Turns()
    crowd(turns, [named(kind, 1)])
    crowd(turns, [named(kind, 2)])
    assert turns.enter(named(AskerKind.ACCOUNT, 3), -1)


def test_strangers_from_many_addresses_leave_threads_to_those_who_have_logged_in() -> None:
    turns: Turns[int] = Turns()
    held = crowd(turns, [named(AskerKind.STRANGER, number) for number in range(100)])
    assert len(held) == STRANGERS
    assert all(turns.enter(named(AskerKind.ACCOUNT), -1) for _ in range(3))


def test_a_look_whether_the_server_works_has_threads_of_its_own_where_accounts_hold_every_turn() -> None:
    turns: Turns[int] = Turns()
    assert len(crowd(turns, [named(AskerKind.ACCOUNT, number) for number in range(20)])) == TURNS
    look = named(AskerKind.OPERATION)
    assert len(crowd(turns, [look])) == THREADS - TURNS == 2
    turns.leave(look)
    assert not turns.enter(named(AskerKind.ACCOUNT, 99), -1)


def test_what_waits_goes_on_in_its_order_when_a_thread_is_given_back() -> None:
    turns: Turns[str] = Turns()
    one, other = named(AskerKind.ACCOUNT, 1), named(AskerKind.STRANGER, 2)
    for number in range(6):
        assert turns.enter(one, f"first {number}")
    assert not turns.enter(one, "second")
    assert not turns.enter(one, "third")
    assert turns.enter(other, "another address")
    assert turns.leave(other) == []
    assert turns.leave(one) == ["second"]
    assert turns.leave(one) == ["third"]
    assert turns.leave(one) == []


def test_what_waited_too_long_is_told_and_waits_no_more() -> None:
    turns: Turns[str] = Turns(wait=0.0)
    one = named(AskerKind.ACCOUNT)
    for number in range(6):
        turns.enter(one, f"first {number}")
    assert not turns.enter(one, "late")
    assert turns.overdue() == ["late"]
    assert turns.overdue() == []
    assert turns.leave(one) == []


def test_a_cookie_or_token_counts_once_it_was_found_to_be_good_and_for_a_while() -> None:
    now = [0.0]
    known = KnownAskers(lambda: now[0])
    known.cookie = "session"
    account, sender = named(AskerKind.ACCOUNT, 7), named(AskerKind.SENDER, 8)
    with_cookie, with_token = HEAD % b"Cookie: csrf=z; session=abc", HEAD % b"authorization: Bearer t"
    stranger = Asker(AskerKind.STRANGER, "192.0.2.1/32")
    assert known.of(with_cookie, "192.0.2.1") == known.of(with_token, "192.0.2.1") == stranger
    known.know("abc", account)
    known.know("Bearer t", sender)
    assert (known.of(with_cookie, "192.0.2.1"), known.of(with_token, "192.0.2.1")) == (account, sender)
    assert known.of(HEAD % b"Cookie: other=abc; session=xyz", "192.0.2.1") == stranger
    now[0] = 10_000.0
    assert known.of(with_cookie, "192.0.2.1") == stranger


def test_a_body_says_nothing_of_whose_a_request_is() -> None:
    known = KnownAskers()
    known.know("Bearer t", named(AskerKind.SENDER))
    sent = b"POST / HTTP/1.1\r\nHost: x\r\n\r\nAuthorization: Bearer t\r\n"
    assert known.of(sent, "2001:db8:1:2:3::4") == Asker(AskerKind.STRANGER, "2001:db8:1:2::/64")
    assert known.of(b"GET /healthz HTTP/1.1\r\n\r\n", "").kind is AskerKind.OPERATION
    assert known.of(b"POST /healthz HTTP/1.1\r\n\r\n", "") == Asker(AskerKind.STRANGER, UNKNOWN)
