"""Periods end on the day that a reader of the calendar would name."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.values.periods import Period, earliest_end, end_of, is_over, parse_period, parse_span, shortest

PERIODS = st.one_of(
    st.builds(Period, days=st.integers(1, 36600)),
    st.builds(Period, months=st.integers(1, 1200)),
    st.builds(Period, days=st.integers(0, 400), months=st.integers(1, 400)),
)
DAYS = st.dates(date(1970, 1, 1), date(2400, 12, 31))


@pytest.mark.parametrize(
    ("start", "period", "end"),
    [
        ("2026-01-01", "90 days", "2026-04-01"),
        ("2028-01-01", "90 days", "2028-03-31"),  # a leap year
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2028-01-31", "1 month", "2028-02-29"),
        ("2026-01-30", "13 months", "2027-02-28"),
        ("2028-02-29", "1 year", "2029-02-28"),
        ("2028-02-29", "4 years", "2032-02-29"),
        ("2096-02-29", "4 years", "2100-02-28"),  # 2100 is no leap year
        ("1996-02-29", "4 years", "2000-02-29"),  # 2000 was one
        ("2026-08-31", "18 months", "2028-02-29"),
        ("2026-12-31", "2 months", "2027-02-28"),
        ("2026-12-15", "1 month", "2027-01-15"),
        ("2026-02-28", "1 month", "2026-03-28"),
        ("2026-11-25", "2 weeks", "2026-12-09"),
    ],
)
def test_a_period_ends_on_its_calendar_day(start, period, end):
    assert end_of(date.fromisoformat(start), parse_period(period)) == date.fromisoformat(end)


def test_a_moment_keeps_its_time_and_zone():
    zone = timezone(timedelta(hours=2))
    start = datetime(2028, 2, 29, 23, 59, 59, 999999, tzinfo=zone)
    assert end_of(start, Period(months=12)) == datetime(2029, 2, 28, 23, 59, 59, 999999, tzinfo=zone)


def test_the_end_itself_is_over_and_the_moment_before_is_not():
    start = datetime(2026, 1, 31, 12, tzinfo=UTC)
    end = datetime(2026, 2, 28, 12, tzinfo=UTC)
    assert is_over(start, Period(months=1), end)
    assert not is_over(start, Period(months=1), end - timedelta(microseconds=1))


def test_months_come_first_then_days():
    assert end_of(date(2026, 1, 31), Period(days=1, months=1)) == date(2026, 3, 1)


def test_the_end_of_time_is_refused():
    with pytest.raises(OverflowError):
        end_of(date(9999, 1, 1), Period(months=12))


@pytest.mark.parametrize("text", ["90 days", "1 day", "2 weeks", "18 months", "1 month", "2 years", "1 year", "100 years"])
def test_what_the_map_may_say_is_read(text):
    assert parse_period(text)


@pytest.mark.parametrize("text", ["90 days", "1 day", "18 months", "1 month", "2 years", "1 year"])
def test_a_period_prints_as_it_was_written(text):
    assert str(parse_period(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0 days",
        "00 days",
        "-1 days",
        "+1 days",
        "1.5 years",
        "90",
        "days",
        "90days",
        "90  days",
        " 90 days",
        "90 days ",
        "90 DAYS",
        "90 dayss",
        "90 s",
        "1 monthes",
        "1e3 days",
        "\uff19\uff10 days",
        "\u0669\u0660 days",
        "90 hours",
        "1201 months",
        "101 years",
        "36601 days",
        "999999 years",
        "1 day\n",
    ],
)
def test_everything_else_is_refused_with_what_to_write(text):
    with pytest.raises(ValueError, match=r"write|longer|hundred"):
        parse_period(text)


@pytest.mark.parametrize(
    ("text", "span"), [("0 days", 0), ("30 minutes", 1800), ("12 hours", 43200), ("3 days", 259200), ("2 weeks", 1209600)]
)
def test_clock_time_is_read(text, span):
    assert parse_span(text) == timedelta(seconds=span)


@pytest.mark.parametrize("text", ["2 months", "1 year", "3", "999999 weeks", "-1 days"])
def test_clock_time_has_no_months(text):
    with pytest.raises(ValueError, match=r"write|hundred"):
        parse_span(text)


@pytest.mark.parametrize("parts", [{}, {"days": 0}, {"days": -1, "months": 2}, {"months": 1201}, {"days": 40000}])
def test_no_period_is_empty_negative_or_endless(parts):
    with pytest.raises(ValueError, match="period"):
        Period(**parts)


@given(start=DAYS, period=PERIODS)
def test_every_period_ends_after_it_began(start, period):
    assert end_of(start, period) > start


@given(one=DAYS, other=DAYS, period=PERIODS)
def test_what_began_later_never_ends_sooner(one, other, period):
    if one <= other:
        assert end_of(one, period) <= end_of(other, period)


@given(start=DAYS, months=st.integers(1, 1200))
def test_whole_months_end_on_the_same_day_or_the_last_of_the_month(start, months):
    end = end_of(start, Period(months=months))
    assert (end.year * 12 + end.month) - (start.year * 12 + start.month) == months
    assert end.day == start.day or (end.day < start.day and (end + timedelta(days=1)).day == 1)


@given(start=DAYS, days=st.integers(1, 36600))
def test_days_are_days(start, days):
    assert (end_of(start, Period(days=days)) - start).days == days


@given(start=DAYS, periods=st.lists(PERIODS, min_size=1, max_size=6))
def test_of_several_limits_the_earliest_counts(start, periods):
    ends = [end_of(start, period) for period in periods]
    assert earliest_end(start, periods) == min(ends)
    assert earliest_end(start, periods) in ends


def test_the_shortest_is_told_without_a_start_date():
    assert shortest([Period(months=18), Period(days=90), Period(months=24)]) == Period(days=90)
    assert shortest([Period(days=31), Period(months=1)]) == Period(months=1)
    assert shortest([Period(days=30), Period(months=1)]) == Period(days=30)
    assert shortest([Period(days=366), Period(months=12)]) == Period(months=12)
    with pytest.raises(ValueError, match="empty"):
        shortest([])
