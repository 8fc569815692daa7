"""The same call at the same time, and soon after, is made once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from expunge.errors import Refused
from expunge.web.site.staff.managing.repeated import TOGETHER, RepeatedCalls


def test_two_at_once_and_one_soon_after_get_the_one_answer_until_its_time_is_over() -> None:
    at = [0.0]
    calls: RepeatedCalls[int] = RepeatedCalls(120.0, lambda: at[0])
    begun, both, made = threading.Event(), threading.Barrier(2), []

    def act() -> int:
        begun.set()
        both.wait(10)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(calls.answer, b"one", act)
        assert begun.wait(10)
        second = threads.submit(calls.answer, b"one", act)
        both.wait(10)
        assert (first.result(10), second.result(10)) == (1, 1)
    assert calls.answer(b"two", lambda: 7) == 7
    at[0] = 119.0
    assert calls.answer(b"one", lambda: 9) == 1
    at[0] = 120.0
    assert calls.answer(b"one", lambda: 9) == 9


def test_what_was_refused_is_refused_again_and_the_oldest_are_forgotten() -> None:
    calls: RepeatedCalls[int] = RepeatedCalls(120.0, lambda: 0.0)
    asked = []

    def refuse() -> int:
        asked.append(1)
        raise Refused("no")

    for _ in range(2):
        with pytest.raises(Refused):
            calls.answer(b"no", refuse)
    assert len(asked) == 1
    for number in range(TOGETHER):
        calls.answer(str(number).encode(), lambda: 0)
    with pytest.raises(Refused):
        calls.answer(b"no", refuse)
    assert len(asked) == 2
