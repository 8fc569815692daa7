"""Periods of the calendar: their length, and the day on which they end.

Months and years are calendar months and years. From 31 January, one month ends on the last day of February. From 29 February, one year ends
on 28 February. The end never falls later than a reader of the published schedule would count.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar

from expunge.core.values.tags import tagged

Day = TypeVar("Day", date, datetime)

_UNITS = {"day": (1, 0), "week": (7, 0), "month": (0, 1), "year": (0, 12)}
_CLOCK = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_FORM = re.compile(r"(0|[1-9][0-9]{0,5}) ([a-z]+)")
_LONGEST_MONTHS = 100 * 12
_LONGEST_DAYS = 100 * 366
_MEAN_MONTH = (146097, 4800)
"""Days in a mean Gregorian month, as a fraction: 400 years are 146,097 days and 4,800 months."""


@tagged("Period")
@dataclass(frozen=True)
class Period:
    """A finite, positive length of time in calendar units; months are added first, then days.

    Raises ValueError when empty or beyond a hundred years.
    """

    days: int = 0
    months: int = 0

    def __post_init__(self) -> None:
        if self.days < 0 or self.months < 0 or not (self.days or self.months):
            message = "a period is longer than nothing"
            raise ValueError(message)
        if self.months > _LONGEST_MONTHS or self.days > _LONGEST_DAYS:
            message = "a period of more than a hundred years is no finite period"
            raise ValueError(message)

    def __str__(self) -> str:
        parts = []
        if self.months:
            years, rest = divmod(self.months, 12)
            parts.append(_counted(self.months, "month") if rest else _counted(years, "year"))
        if self.days:
            parts.append(_counted(self.days, "day"))
        return " and ".join(parts)

    @property
    def nominal(self) -> tuple[int, int]:
        """A key to sort periods by when no start date is known: mean length (in 1/4800 day), then days."""
        return (self.months * _MEAN_MONTH[0] + self.days * _MEAN_MONTH[1], self.days)


def parse_period(text: str) -> Period:
    """Read ``90 days``, ``2 weeks``, ``18 months``, ``2 years``. Raises ValueError, with what to write, for anything else."""
    count, unit = _count_and_unit(text, tuple(_UNITS), "90 days, 18 months, 2 years")
    days, months = _UNITS[unit]
    return Period(days=count * days, months=count * months)


def parse_span(text: str) -> timedelta:
    """Read a length of clock time: ``30 minutes``, ``12 hours``, ``3 days``, ``2 weeks``; ``0 days`` is allowed. Raises ValueError."""
    count, unit = _count_and_unit(text, tuple(_CLOCK), "12 hours, 3 days")
    span = count * _CLOCK[unit]
    if span > timedelta(days=_LONGEST_DAYS):
        message = "more than a hundred years is no finite time"
        raise ValueError(message)
    return span


def end_of(start: Day, period: Period) -> Day:
    """The moment or day on which the period from ``start`` ends: the first at which the data may no longer be kept.

    A datetime keeps its time of day and its time zone. Raises OverflowError past the year 9999.
    """
    month = start.year * 12 + (start.month - 1) + period.months
    year, index = divmod(month, 12)
    if year > date.max.year:
        message = "the period ends after the year 9999"
        raise OverflowError(message)
    day = min(start.day, monthrange(year, index + 1)[1])
    return start.replace(year=year, month=index + 1, day=day) + timedelta(days=period.days)


def is_over(start: Day, period: Period, now: Day) -> bool:
    """Return whether the period that began at ``start`` has ended by ``now``; both of one type and, for datetimes, both with a zone."""
    return now >= end_of(start, period)


def earliest_end(start: Day, periods: Iterable[Period]) -> Day:
    """Return the earliest end of several limits. Raises ValueError when there is none."""
    return min(end_of(start, period) for period in periods)


def shortest(periods: Iterable[Period]) -> Period:
    """The shortest by mean length; for a known start date :func:`earliest_end` is exact. Raises ValueError when there is none."""
    return min(periods, key=lambda period: period.nominal)


def _count_and_unit(text: str, units: tuple[str, ...], examples: str) -> tuple[int, str]:
    found = _FORM.fullmatch(text)
    unit = found[2].removesuffix("s") if found else ""
    if found is None or unit not in units or found[2] not in {unit, f"{unit}s"}:
        message = f"write a whole number and a unit ({', '.join(units)}), such as {examples}"
        raise ValueError(message)
    return int(found[1]), unit


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
