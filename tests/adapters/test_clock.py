from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from expunge import clock
from expunge.adapters.host.clocks import SLACK, MonotonicClock, SystemClock

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


class Set:
    """A clock that a test sets."""

    def __init__(self, time: datetime) -> None:
        self.time = time

    def now(self) -> datetime:
        return self.time


def test_the_machines_clock_is_aware_and_in_utc() -> None:
    now = SystemClock().now()
    assert now.utcoffset() == timedelta(0)
    assert abs(now - clock.now()) < timedelta(seconds=5)


def test_a_clock_set_back_two_days_is_held_said_once_and_let_go_when_time_has_caught_up() -> None:
    said: list[timedelta] = []
    machine = Set(NOON)
    clock = MonotonicClock(machine, None, said.append)
    assert clock.now() == NOON
    machine.time = NOON - timedelta(hours=48)
    assert clock.now() == clock.now() == NOON
    assert said == [timedelta(hours=48)]
    machine.time = NOON + timedelta(seconds=1)
    assert clock.now() == machine.time
    machine.time = NOON - timedelta(hours=1)
    clock.now()
    assert said == [timedelta(hours=48), timedelta(hours=1, seconds=1)]


def test_a_clock_behind_the_journal_when_the_program_starts_is_held_and_said() -> None:
    said: list[timedelta] = []
    clock = MonotonicClock(Set(NOON - timedelta(days=1)), NOON, said.append)
    assert clock.now() == NOON
    assert said == [timedelta(days=1)]


def test_a_trim_by_the_time_service_is_held_and_not_said() -> None:
    said: list[timedelta] = []
    assert MonotonicClock(Set(NOON - SLACK), NOON, said.append).now() == NOON
    assert said == []


def test_a_later_time_read_from_the_journal_raises_the_floor() -> None:
    clock = MonotonicClock(Set(NOON), None, lambda behind: None)
    clock.observe(NOON + timedelta(minutes=1))
    clock.observe(NOON - timedelta(minutes=1))
    assert clock.now() == NOON + timedelta(minutes=1)


@given(st.lists(st.integers(-200_000, 200_000)))
def test_no_answer_is_before_an_earlier_one(steps: list[int]) -> None:
    machine = Set(NOON)
    clock = MonotonicClock(machine, NOON, lambda behind: None)
    answers = []
    for step in steps:
        machine.time += timedelta(seconds=step)
        answers.append(clock.now())
    assert answers == sorted(answers)
    assert all(answer >= machine_time for answer, machine_time in zip(answers[-1:], [machine.time], strict=False))
