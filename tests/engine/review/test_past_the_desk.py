"""Readings past the review desk raise an alert at once, which stands until a person has reviewed them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.clocks import ClockState
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports import all_deadlines
from expunge.engine.vault import reviewing
from expunge.errors import ExpungeError
from tests.engine.families.recorded_company import Company
from tests.engine.review.desk_company import BELL, PURPOSES, DeskCompany, at_desk

READERS = PURPOSES.replace(
    "text: review}", "text: review}\n  fix: {description: mend bells, needs: contract, use: collection, datasets: [bell], readers: [svc]}"
)


@pytest.fixture
def company(desk_home: Company) -> Company:
    desk_home.write_map(READERS + "review: {}\n")
    return desk_home


@pytest.fixture
def desk(company: Company) -> Iterator[DeskCompany]:
    with at_desk(company) as office:
        yield office


def _alerts(office: DeskCompany) -> tuple[Deadline, ...]:
    return all_deadlines.of_readings_past_the_desk(office.desk.context)


def _refused(opened: Expunge) -> None:
    with pytest.raises(ExpungeError):
        opened.vault.open(f"bell/{BELL}", purpose="fix", program="viewer")


@pytest.mark.duty("RNG-19")
def test_a_refused_reading_is_told_at_once_until_a_person_reviewed_it(desk: DeskCompany) -> None:
    assert _alerts(desk) == ()
    _refused(desk.expunge)
    _refused(desk.expunge)
    (alert,) = _alerts(desk)
    assert (alert.standing, alert.why.startswith("2 refused, 0 for review")) == (ClockState.RUNNING, True)
    desk.clock.ahead = timedelta(days=7, minutes=1)
    assert [each.standing for each in _alerts(desk)] == [ClockState.OVERDUE]
    reviewing.enter(desk.expunge.context, reviewing.review(desk.expunge.context), "priya")
    assert _alerts(desk) == ()


@pytest.mark.duty("RNG-19")
def test_a_reading_for_review_by_people_is_told_and_what_else_is_let_is_not(desk: DeskCompany) -> None:
    desk.consent()
    with desk.expunge.vault.open(f"bell/{BELL}", purpose="review", program="viewer") as file:
        file.read(10)
    (alert,) = _alerts(desk)
    assert alert.why.startswith("0 refused, 1 for review by people")
    assert any(each.what == alert.what for each in all_deadlines.everything(desk.desk.context))


def test_without_a_desk_nothing_is_past_it(desk_home: Company) -> None:
    desk_home.write_map(READERS)
    with at_desk(desk_home) as office:
        _refused(office.expunge)
        assert _alerts(office) == ()
