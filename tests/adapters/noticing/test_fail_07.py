"""The day of FAIL-07 is noticed on that day, and no ordinary reviewer is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from expunge.adapters.noticing.daily_rollup import DailyRollup
from expunge.adapters.noticing.rule_file import shipped_rules
from expunge.core.accounts.review_spec import WorkingHours
from expunge.core.noticing.judging import JudgedDay, judge
from expunge.core.noticing.looks import LookReader
from tests.adapters.noticing.large_office import FIRST, OFFENDER, Office

DAYS, BEGINS = 35, 28
"""Five weeks; he begins in the last."""


def simulated(office: Office, days: int, begins: int) -> list[JudgedDay]:
    reader, rollup = LookReader(WorkingHours()), DailyRollup()
    for number in range(days):
        day = FIRST + timedelta(days=number)
        events = [*office.day(day), *(office.offence(day) if number >= begins else ())]
        rollup.take([look for event in events if (look := reader.take(event)) is not None])
    wanted = [FIRST + timedelta(days=number) for number in range(days)]
    return list(judge(rollup.days(), wanted, shipped_rules()))


def found(judged: list[JudgedDay]) -> dict[str, list[date]]:
    days: dict[str, list[date]] = {}
    for each in judged:
        if each.finding:
            days.setdefault(each.day.reviewer, []).append(each.day.day)
    return days


@pytest.mark.duty("FAIL-07")
def test_the_man_is_noticed_on_his_first_day_and_no_ordinary_reviewer_is_in_five_weeks() -> None:
    judged = simulated(Office(), DAYS, BEGINS)
    assert found(judged) == {OFFENDER: [FIRST + timedelta(days=number) for number in range(BEGINS, DAYS)]}
    first = next(each for each in judged if each.finding)
    assert {each.rule.name for each in first.met} == {"bedrooms", "long-watching", "same-household-again", "same-household-other-cases"}
    assert all(each.far is not None and each.far > 5 for each in first.met), "he stands out from his peers, and not by a bound alone"


def test_before_a_week_of_peers_it_cannot_be_told_and_nobody_is_accused() -> None:
    judged = simulated(Office(reviewers=30), 5, 99)
    assert not found(judged)
    assert any(each.untold for each in judged)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_in_other_offices_he_is_noticed_each_day_and_nobody_else_is(seed: int) -> None:
    days = found(simulated(Office(seed=100 + seed), DAYS, BEGINS))
    assert days.pop(OFFENDER) == [FIRST + timedelta(days=number) for number in range(BEGINS, DAYS)]
    assert days == {}, "of five thousand days of ordinary reviewers"
