"""Deadlines: never later than a reader of the rule would count, floors never earlier, whatever zone or month comes between."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.datamap.clocks import Bound, ClockBranch, ClockRule, ClockState, Extension, Length, due
from expunge.core.values.periods import Period, end_of

MONTH = Length(Period(months=1))
ZONES = ("UTC", "Europe/Brussels", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Pago_Pago")


def rule(*branches: ClockBranch, **more: object) -> ClockRule:
    return ClockRule("r", "a law", "answer", "Art. 1", frozenset({"erasure"}), branches or (ClockBranch("received", MONTH),), **more)  # type: ignore[arg-type]


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.duty("TIM-01")
def test_a_month_from_receipt_ends_on_the_last_day_where_the_month_is_short() -> None:
    assert due(rule(), {"received": at("2026-01-31T10:00")}).at == at("2026-02-28T10:00")
    assert due(rule(), {"received": at("2028-01-31T10:00")}).at == at("2028-02-29T10:00")


@pytest.mark.duty("TIM-01")
def test_two_more_months_count_only_when_the_person_was_told_within_the_first() -> None:
    extended = rule(extension=Extension(Length(Period(months=2)), "extension notified"))
    received = {"received": at("2026-03-10T09:00")}
    in_time = due(extended, {**received, "extension notified": at("2026-04-10T08:59")})
    late = due(extended, {**received, "extension notified": at("2026-04-10T09:00")})
    assert in_time.at == at("2026-06-10T09:00")
    assert late.at == at("2026-04-10T09:00")
    assert "extended by 2 months" in in_time.why
    assert "came after the end" in late.why


@pytest.mark.duty("TIM-03")
def test_business_days_pass_over_weekends_and_declared_holidays() -> None:
    ten = rule(ClockBranch("received", Length(business_days=10)), holidays=frozenset({date(2026, 11, 26)}))
    assert due(ten, {"received": at("2026-11-25T12:00")}).at == at("2026-12-10T12:00")
    assert due(rule(ClockBranch("received", Length(business_days=1))), {"received": at("2026-11-28T12:00")}).at == at("2026-11-30T12:00")


@pytest.mark.duty("RNG-08")
def test_the_sooner_of_two_branches_binds_and_is_named() -> None:
    sooner = rule(ClockBranch("response completed", Length(Period(days=30))), ClockBranch("incident", Length(Period(days=60))))
    incident = at("2026-01-01T00:00")
    quick = due(sooner, {"incident": incident, "response completed": incident + timedelta(days=5)})
    slow = due(sooner, {"incident": incident, "response completed": incident + timedelta(days=50)})
    open_still = due(sooner, {"incident": incident})
    assert quick.at == incident + timedelta(days=35)
    assert quick.why.startswith("30 days after response completed")
    assert slow.at == incident + timedelta(days=60)
    assert slow.why.startswith("60 days after incident")
    assert open_still.at == incident + timedelta(days=60)
    assert "response completed has not happened" in open_still.why


@pytest.mark.duty("TIM-07")
def test_a_biometric_goes_when_its_purpose_is_over_or_three_years_after_the_last_interaction() -> None:
    bipa = rule(ClockBranch("purpose satisfied", Length(Period(days=1))), ClockBranch("last interaction", Length(Period(months=36))))
    assert due(bipa, {"last interaction": at("2024-02-29T00:00")}).at == at("2027-02-28T00:00")
    both = due(bipa, {"last interaction": at("2024-02-29T00:00"), "purpose satisfied": at("2025-01-01T00:00")})
    assert both.at == at("2025-01-02T00:00")


def test_a_clock_whose_event_is_missing_says_what_it_waits_for() -> None:
    waiting = due(rule(ClockBranch("flagged", MONTH)), {"received": at("2026-01-01T00:00")})
    assert waiting.at is None
    assert waiting.why == "waits for flagged"
    assert waiting.standing(at("2099-01-01T00:00")) is ClockState.NOT_STARTED


@pytest.mark.duty("TIM-05")
def test_what_recurs_runs_from_the_last_time_it_was_done() -> None:
    again = rule(ClockBranch("registered", Length(Period(days=45))), again=Length(Period(days=45)))
    assert due(again, {"registered": at("2026-08-01T00:00")}).at == at("2026-09-15T00:00")
    assert due(again, {"registered": at("2026-08-01T00:00"), "done": at("2026-09-10T00:00")}).at == at("2026-10-25T00:00")


@pytest.mark.duty("TIM-08")
def test_a_floor_is_told_beside_the_deadline() -> None:
    india = rule(
        ClockBranch("last used", Length(Period(months=36))), floor=ClockBranch("last used", Length(Period(months=12))), zone="Asia/Kolkata"
    )
    found = due(india, {"last used": at("2026-01-01T00:00")})
    assert (found.not_before, found.at) == (at("2027-01-01T00:00"), at("2029-01-01T00:00"))


def test_at_its_very_end_it_is_overdue() -> None:
    found = due(rule(), {"received": at("2026-03-10T09:00")})
    assert found.standing(at("2026-04-10T08:59")) is ClockState.RUNNING
    assert found.standing(at("2026-04-10T09:00")) is ClockState.OVERDUE


def test_a_rule_without_a_start_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="an event to start from"):
        ClockRule("r", "a law", "answer", "Art. 1", frozenset(), ())
    with pytest.raises(ValueError, match="not both"):
        Length(Period(days=1), business_days=1)


MOMENTS = st.datetimes(datetime(1999, 12, 25), datetime(2040, 1, 1), timezones=st.sampled_from([ZoneInfo(each) for each in ZONES]))  # noqa: DTZ001 - zones are drawn
PERIODS = st.one_of(st.builds(Period, days=st.integers(1, 400)), st.builds(Period, months=st.integers(1, 40)))


@given(MOMENTS, PERIODS, st.sampled_from(ZONES))
def test_no_deadline_is_later_than_the_last_day_as_anybody_in_its_zone_counts(start: datetime, period: Period, zone: str) -> None:
    found = due(rule(ClockBranch("received", Length(period)), zone=zone), {"received": start})
    assert found.at is not None
    for each in {zone, "UTC"}:
        local = start.astimezone(ZoneInfo(each)).date()
        after_the_last_day = datetime.combine(end_of(local, period) + timedelta(days=1), datetime.min.time(), ZoneInfo(each))
        assert found.at <= after_the_last_day.astimezone(UTC)


@given(MOMENTS, PERIODS, st.sampled_from(ZONES))
def test_no_floor_is_earlier_than_the_day_as_anybody_in_its_zone_counts(start: datetime, period: Period, zone: str) -> None:
    found = due(rule(floor=ClockBranch("received", Length(period)), zone=zone), {"received": start})
    assert found.not_before is not None
    for each in {zone, "UTC"}:
        local = start.astimezone(ZoneInfo(each)).date()
        assert found.not_before >= datetime.combine(end_of(local, period), datetime.min.time(), ZoneInfo(each)).astimezone(UTC)


@given(MOMENTS, st.integers(1, 30), st.sampled_from(ZONES))
def test_business_days_are_never_fewer_than_days_and_end_on_one(start: datetime, days: int, zone: str) -> None:
    found = due(rule(ClockBranch("received", Length(business_days=days)), zone=zone), {"received": start})
    assert found.at is not None
    assert found.at >= start.astimezone(UTC) + timedelta(days=days) - timedelta(hours=2)
    assert {found.at.astimezone(ZoneInfo(each)).weekday() < 5 for each in {zone, "UTC"}} & {True}


@given(MOMENTS, PERIODS, PERIODS, st.sampled_from(list(Bound)))
def test_the_bound_is_one_of_the_branches_and_the_right_one(start: datetime, first: Period, second: Period, bound: Bound) -> None:
    one, two = ClockBranch("a", Length(first)), ClockBranch("b", Length(second))
    found = due(rule(one, two, bound=bound), {"a": start, "b": start})
    ends = [due(rule(each), {"a": start, "b": start}).at for each in (one, two)]
    assert found.at == (min if bound is Bound.EARLIEST else max)(each for each in ends if each)


@given(MOMENTS, PERIODS, PERIODS, MOMENTS)
def test_an_extension_never_shortens_and_one_told_too_late_changes_nothing(
    start: datetime, base: Period, by: Period, told: datetime
) -> None:
    plain = due(rule(ClockBranch("received", Length(base))), {"received": start}).at
    longer = due(rule(ClockBranch("received", Length(base)), extension=Extension(Length(by), "told")), {"received": start, "told": told}).at
    assert plain is not None
    assert longer is not None
    assert longer > plain if told < plain else longer == plain
