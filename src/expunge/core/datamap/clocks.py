"""Deadlines as data: the event that starts each one, its length, its extensions and the moment on which it ends.

A rule is written down with its source in ``clocks/*.yaml``. This module contains no law. Two kinds of error are ruled out:

* A *deadline* is never later than a reader of the rule would count. It is counted twice, in UTC and in the zone of the rule, keeping the
  time of day. The earlier end holds. Undeclared public holidays do not lengthen business days.
* A *floor* (how long something must be kept) is never earlier: the later of both ends holds.

A missing event stops the clock that starts with it, and the result says so. An extension counts only when its notice was given in time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from zoneinfo import ZoneInfo

from expunge.core.values.periods import Period, end_of

_WEEKEND = 5
"""The first weekday number that is no business day: Saturday."""
LONGEST_BUSINESS_DAYS = 1000


class Bound(StrEnum):
    """The branch that binds, of several."""

    EARLIEST = "earliest"
    LATEST = "latest"


@dataclass(frozen=True)
class Length:
    """A length of time: calendar units, or business days. Raises ValueError unless exactly one is given."""

    period: Period | None = None
    business_days: int = 0

    def __post_init__(self) -> None:
        if (self.period is None) == (self.business_days == 0) or not 0 <= self.business_days <= LONGEST_BUSINESS_DAYS:
            message = "a length is a period or a number of business days, not both"
            raise ValueError(message)

    def __str__(self) -> str:
        return str(self.period) if self.period else f"{self.business_days} business day{'s' if self.business_days > 1 else ''}"


@dataclass(frozen=True)
class ClockBranch:
    """One way to count."""

    start: str
    """Name of the event that it runs from: ``received``, ``hold ended``."""
    within: Length


@dataclass(frozen=True)
class Extension:
    """More time, once, when its notice was given before the first end."""

    by: Length
    notice: str
    """Name of the event by which the person is told, with the reasons."""


@dataclass(frozen=True)
class ClockRule:
    """One clock."""

    name: str
    law: str
    duty: str
    """What is due, in a few words."""
    source: str
    """Article, section, order paragraph."""
    applies: frozenset[str]
    """To what: kinds of order, or words of the domain (``hold``, ``inactive profile``, ``consent``)."""
    branches: tuple[ClockBranch, ...]
    bound: Bound = Bound.EARLIEST
    extension: Extension | None = None
    floor: ClockBranch | None = None
    """Not before this."""
    again: Length | None = None
    """Recurs: from the last time it was done (event ``done``), else from its start."""
    zone: str = "UTC"
    holidays: frozenset[date] = frozenset()
    standard: bool = False
    """Whether it holds where the map names no laws."""

    def __post_init__(self) -> None:
        if not self.branches:
            message = "a clock needs an event to start from"
            raise ValueError(message)

    def events(self) -> frozenset[str]:
        """Every event that it looks at."""
        named = {branch.start for branch in self.branches}
        named |= {self.extension.notice} if self.extension else set()
        named |= {self.floor.start} if self.floor else set()
        return frozenset(named | ({"done"} if self.again else set()))


class ClockState(StrEnum):
    """The state of one clock."""

    RUNNING = "running"
    OVERDUE = "overdue"
    NOT_STARTED = "not started"

    @property
    def overdue(self) -> bool:
        """True when the clock's time is over."""
        return self is ClockState.OVERDUE


@dataclass(frozen=True)
class ClockDue:
    """The result of one clock for one thing."""

    rule: ClockRule
    at: datetime | None
    """When it falls due; None while it is not started."""
    why: str
    """Which branch bound, whether it was extended, what it waits for: names of events only."""
    not_before: datetime | None = None

    def standing(self, now: datetime) -> ClockState:
        """Return the state at that instant. At the very end the clock is overdue: the duty has to be done before the time is over."""
        if self.at is None:
            return ClockState.NOT_STARTED
        return ClockState.OVERDUE if now >= self.at else ClockState.RUNNING


def due(rule: ClockRule, events: Mapping[str, datetime]) -> ClockDue:
    """Compute when a rule falls due from its events and their times.

    Args:
        rule: the clock.
        events: name -> moment, aware; for an event that happened several times, the occurrence that counts (``received``: the first,
            ``done``: the last).
    """
    floor = None
    if rule.floor and rule.floor.start in events:
        floor = max(_ends(events[rule.floor.start], rule.floor.within, rule))
    if rule.again and "done" in events:
        at = min(_ends(events["done"], rule.again, rule))
        return ClockDue(rule, at, f"{rule.again} after it was last done", floor)
    ends = {each: min(_ends(events[each.start], each.within, rule)) for each in rule.branches if each.start in events}
    missing = [each for each in rule.branches if each not in ends]
    if not ends:
        return ClockDue(rule, None, f"waits for {_or(each.start for each in missing)}", floor)
    pick = min if rule.bound is Bound.EARLIEST else max
    branch = pick(ends, key=lambda each: (ends[each], each.start))
    why = [f"{branch.within} after {branch.start}"]
    if len(rule.branches) > 1:
        why.append(f"the {rule.bound.value} of {len(rule.branches)}")
    if missing:
        why.append(f"{_or(each.start for each in missing)} has not happened")
    at, told = _extended(rule, events, ends[branch])
    return ClockDue(rule, at, "; ".join([*why, *told]), floor)


def _extended(rule: ClockRule, events: Mapping[str, datetime], end: datetime) -> tuple[datetime, list[str]]:
    if rule.extension is None or rule.extension.notice not in events:
        return end, []
    if events[rule.extension.notice] >= end:
        return end, [f"not extended: {rule.extension.notice} came after the end"]
    return min(_ends(end, rule.extension.by, rule)), [f"extended by {rule.extension.by}"]


def _ends(start: datetime, length: Length, rule: ClockRule) -> tuple[datetime, ...]:
    """The end as counted in UTC and in the rule's own zone."""
    zones: tuple[tzinfo, ...] = (UTC,) if rule.zone == "UTC" else (UTC, ZoneInfo(rule.zone))
    return tuple(end for zone in zones for end in _counted(start.astimezone(zone), length, rule.holidays))


def _counted(start: datetime, length: Length, holidays: Collection[date]) -> tuple[datetime, ...]:
    if length.period is not None:
        end = end_of(start, length.period)
    else:
        day = start.date()
        for _ in range(length.business_days):
            day = _next_business_day(day, holidays)
        end = start.replace(year=day.year, month=day.month, day=day.day)
    # Why both: in the hour that a zone passes twice, or never, the wall clock does not say which instant is meant.
    return tuple(end.replace(fold=fold).astimezone(UTC) for fold in (0, 1))


def _next_business_day(day: date, holidays: Collection[date]) -> date:
    day += timedelta(days=1)
    while day.weekday() >= _WEEKEND or day in holidays:
        day += timedelta(days=1)
    return day


def _or(names: Iterable[str]) -> str:
    return " or ".join(dict.fromkeys(names))
