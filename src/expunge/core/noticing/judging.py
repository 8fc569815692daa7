"""Hold a reviewer's day against the rules and against the days of peers.

A share is compared by an overdispersed binomial z, a number by an overdispersed Poisson z. The baseline are the 28 days before of other
reviewers in the same job function: a reviewer's own days never count, so that whoever goes on for long does not become usual.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from expunge.core.noticing.measures import ReviewerDay
from expunge.core.noticing.rules import LEAST_DAYS, LEAST_PEERS, WINDOW_DAYS, NoticingRule, Rulebook


@dataclass(frozen=True)
class MetRule:
    """A rule that is met."""

    rule: NoticingRule
    number: int
    far: float | None
    """Standard deviations away from peers; None where that cannot be told."""


@dataclass(frozen=True)
class JudgedDay:
    """The result for one reviewer and day."""

    day: ReviewerDay
    met: tuple[MetRule, ...]
    """By name of the rule."""
    untold: tuple[str, ...]
    """Names of rules of which it cannot be told yet: there are too few days of peers, or too few peers."""
    finding: bool
    """Whether it is one to look at."""


@dataclass
class _Sums:
    """What a baseline of one measure needs of some days: sums, so that a reviewer's own can be taken out of them."""

    days: int = 0
    number: float = 0.0
    whole: float = 0.0
    squares: float = 0.0

    def add(self, number: int, whole: int, sign: int = 1) -> None:
        """Add one day; with ``sign`` -1 take it out."""
        if whole > 0:
            self.days += sign
            self.number += sign * number
            self.whole += sign * whole
            self.squares += sign * number * number / whole

    def without(self, other: _Sums) -> _Sums:
        """Return these sums without some of the days."""
        return _Sums(self.days - other.days, self.number - other.number, self.whole - other.whole, self.squares - other.squares)

    def share(self, number: int, whole: int) -> float | None:
        """Return how far a share is from these; None where there are none."""
        if self.days < 2 or whole <= 0:
            return None
        # Why half a case more: where peers have none at all, one would be infinitely far.
        usual = (self.number + 0.5) / (self.whole + 1)
        if usual >= 1:
            return 0.0
        pearson = (self.squares - 2 * usual * self.number + usual * usual * self.whole) / (usual * (1 - usual))
        spread = max(1.0, pearson / (self.days - 1))
        return (number - whole * usual) / math.sqrt(spread * whole * usual * (1 - usual))

    def count(self, number: int) -> float | None:
        """Return how far a number of a day is from these; each day was added with a whole of 1."""
        if self.days < 2:
            return None
        usual = (self.number + 0.5) / (self.days + 1)
        pearson = (self.squares - 2 * usual * self.number + usual * usual * self.days) / usual
        return (number - usual) / math.sqrt(max(1.0, pearson / (self.days - 1)) * usual)


@dataclass
class _Peers:
    """The days before, of one job function."""

    sums: dict[str, _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    """Rule -> of all reviewers."""
    own: dict[tuple[str, str], _Sums] = field(default_factory=lambda: defaultdict(_Sums))
    """(Rule, reviewer) -> of one."""
    days: dict[str, set[date]] = field(default_factory=lambda: defaultdict(set))
    """Reviewer -> days."""

    def add(self, day: ReviewerDay, rules: Iterable[NoticingRule]) -> None:
        """Add one day of a reviewer."""
        self.days[day.reviewer].add(day.day)
        for rule in rules:
            number, whole = _compared(rule, day)
            self.sums[rule.name].add(number, whole)
            self.own[rule.name, day.reviewer].add(number, whole)

    def tell(self, reviewer: str) -> bool:
        """Return whether there are enough of other reviewers' days."""
        others = [days for name, days in self.days.items() if name != reviewer]
        return len(others) >= LEAST_PEERS and len(set().union(*others)) >= LEAST_DAYS

    def usual(self, rule: NoticingRule, day: ReviewerDay) -> float | None:
        """Return what other reviewers have on a day; of a share, what they would have of this day's whole. None where that is nothing."""
        others = self.sums[rule.name].without(self.own[rule.name, day.reviewer])
        return None if others.whole <= 0 else others.number / others.whole * _compared(rule, day)[1]

    def far(self, rule: NoticingRule, day: ReviewerDay) -> float | None:
        """Return how far a number is from those of other reviewers."""
        others = self.sums[rule.name].without(self.own[rule.name, day.reviewer])
        number, whole = _compared(rule, day)
        return others.count(number) if rule.of is None else others.share(number, whole)


@dataclass(frozen=True)
class Compared:
    """One number of a reviewer's day beside what is usual for others."""

    rule: str
    number: int
    usual: float | None
    """What others in the same job function have on a day: the mean of the days before; for a share, so much of this day's whole. None where
    there are too few days of others, or too few others."""


def compare(days: Iterable[ReviewerDay], reviewer: str, day: date, rules: Iterable[NoticingRule]) -> tuple[Compared, ...]:
    """Return a reviewer's day beside the days before of others in the same job function, rule by rule.

    Args:
        days: every reviewer's day that is known, in any order.
        reviewer: whose day it is.
        day: the day.
        rules: those that are compared.
    """
    wanted, every = list(rules), list(days)
    own = next((each for each in every if (each.day, each.reviewer) == (day, reviewer) and each.function), None)
    if own is None:
        return ()
    peers = _Peers()
    for each in every:
        if each.function == own.function and day - timedelta(days=WINDOW_DAYS) <= each.day < day:
            peers.add(each, wanted)
    tells = peers.tell(reviewer)
    return tuple(Compared(rule.name, own.numbers.get(rule.measure, 0), peers.usual(rule, own) if tells else None) for rule in wanted)


def judge(days: Iterable[ReviewerDay], wanted: Iterable[date], rulebook: Rulebook) -> Iterator[JudgedDay]:
    """Yield the result for each reviewer on each day that is wanted, by day and reviewer.

    Args:
        days: every reviewer's day that is known, in any order.
        wanted: the days to judge.
        rulebook: the rules.
    """
    by_day: dict[date, list[ReviewerDay]] = defaultdict(list)
    for each in days:
        by_day[each.day].append(each)
    compared = [rule for rule in rulebook.rules if rule.far is not None]
    for day in sorted(set(wanted) & by_day.keys()):
        functions: dict[str, _Peers] = defaultdict(_Peers)
        for back in range(1, WINDOW_DAYS + 1):
            for before in by_day.get(day - timedelta(days=back), ()):
                functions[before.function].add(before, compared)
        for each in sorted(by_day[day], key=lambda one: (one.reviewer, one.function)):
            yield _judged(each, functions[each.function], rulebook)


def _judged(day: ReviewerDay, peers: _Peers, rulebook: Rulebook) -> JudgedDay:
    tells = peers.tell(day.reviewer)
    met, untold = [], []
    for rule in rulebook.rules:
        number = day.numbers.get(rule.measure, 0)
        if number < rule.at_least:
            continue
        far = peers.far(rule, day) if rule.far is not None and tells else None
        if rule.far is None or (rule.always is not None and number >= rule.always) or (far is not None and far * 100 >= rule.far):
            met.append(MetRule(rule, number, far))
        elif far is None:
            untold.append(rule.name)
    finding = len(met) >= rulebook.together or any(each.rule.alone for each in met)
    return JudgedDay(day, tuple(met), tuple(untold), finding)


def _compared(rule: NoticingRule, day: ReviewerDay) -> tuple[int, int]:
    return day.numbers.get(rule.measure, 0), 1 if rule.of is None else day.numbers.get(rule.of, 0)
