"""Retention rules: the rule that binds a dataset, the moment before which its items are due, and their age.

Everything here is a function of the map and of one instant. The caller passes an instant that never goes back. A clock set back therefore
neither shortens a period nor lengthens it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from expunge.core.datamap.datamap import DataMap, Dataset, Inherited, OnExpiry, ReferenceData, Through, made_last
from expunge.core.retention.age_histogram import Ages
from expunge.core.values.periods import Period
from expunge.core.values.scope import Window
from expunge.core.values.timestamps import MICRO

AGES = tuple(timedelta(days=days) for days in (7, 30, 90, 180, 365, 2 * 365, 3 * 365, 5 * 365))
"""Ages between which items are counted to be shown."""
_FIRST = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class RetentionRule:
    """The retention period of one dataset."""

    dataset: str
    schedule: str
    """Name of the map's retention."""
    field: str
    """The period runs from the time that stands there."""
    period: Period
    goes_with: str = ""
    """The dataset it is found through, where both are kept equally long: its items go with those of that one."""

    def window(self, now: datetime) -> Window:
        """Return the time window of items that have outlived the period."""
        return Window(self.field, until=cut_off(now, self.period))


def cut_off(now: datetime, period: Period) -> datetime:
    """Return the moment before which everything has outlived a period by ``now``, as :func:`expunge.core.values.periods.end_of` counts.

    Later moments may have outlived it as well, by less than a day: where a month is shorter than the one before it, its last day is the
    end for several days. The result never falls when ``now`` rises. In UTC.
    """
    try:
        ended = now.astimezone(UTC) - timedelta(days=period.days)
        month = ended.year * 12 + (ended.month - 1) - period.months
        year, index = divmod(month, 12)
        start = datetime(year, index + 1, 1, tzinfo=UTC)
    except (OverflowError, ValueError):
        return _FIRST
    following = datetime(year + (index == 11), (index + 1) % 12 + 1, 1, tzinfo=UTC)
    exact = start + (ended - datetime(ended.year, ended.month, 1, tzinfo=UTC)) + MICRO
    return min(exact, following)


def rules(data_map: DataMap) -> tuple[RetentionRule, ...]:
    """Return a rule for each dataset whose items have an age; one that is derived as a whole, or reference data, has no rule of its own."""
    aged = (each for each in data_map.datasets.values() if not isinstance(each.subject, Inherited | ReferenceData))
    return tuple(rule_of(data_map, dataset) for dataset in aged)


def rule_of(data_map: DataMap, dataset: Dataset) -> RetentionRule:
    """The rule of one dataset."""
    kept = data_map.retention[dataset.retention]
    upstream = dataset.subject.dataset if isinstance(dataset.subject, Through) else ""
    along = upstream if upstream and data_map.datasets[upstream].retention == dataset.retention else ""
    return RetentionRule(dataset.name, kept.name, kept.start, kept.period, along)


def found_through(data_map: DataMap, names: Iterable[str]) -> frozenset[str]:
    """Some datasets and all that are found through them, at any distance."""
    reached = set(names)
    while True:
        more = {
            dataset.name
            for dataset in data_map.datasets.values()
            if isinstance(dataset.subject, Through) and not reached.isdisjoint(dataset.subject.sources)
        } - reached
        if not more:
            return frozenset(reached)
        reached |= more


def learnt_from(data_map: DataMap, names: Iterable[str]) -> frozenset[str]:
    """Return everything that is made from some datasets as a whole, at any distance: models, indexes, exports."""
    reached = set(names)
    found: set[str] = set()
    for each in made_last(data_map):
        if not reached.isdisjoint(each.derived_from):
            reached.add(each.name)
            found.add(each.name)
    return frozenset(found - set(names))


def following(data_map: DataMap, names: Iterable[str]) -> frozenset[str]:
    """Return ``names`` and the datasets made from them that the map has follow a source past its period."""
    reached = set(names)
    for each in made_last(data_map):
        if each.on_expiry is OnExpiry.FOLLOW and not reached.isdisjoint(each.derived_from):
            reached.add(each.name)
    return frozenset(reached)


def changed(rule: RetentionRule, periods: Mapping[str, Period]) -> RetentionRule:
    """The rule as it would be with other periods for some schedules."""
    return replace(rule, period=periods.get(rule.schedule, rule.period))


@dataclass(frozen=True)
class DatasetAge:
    """The age of one dataset's items, and its rule's verdict on them."""

    rule: RetentionRule
    now: datetime
    edges: tuple[datetime, ...]
    ages: Ages | None
    """None where nobody could look, and where the items go with those of another dataset."""
    proposed: RetentionRule | None = None
    """The rule as it would be after a change that was asked about."""
    trouble: str = field(default="")
    """Why nobody could look."""

    @property
    def due(self) -> tuple[int, int]:
        """Items and bytes that have outlived the period."""
        return self._before(cut_off(self.now, self.rule.period))

    @property
    def proposed_due(self) -> tuple[int, int]:
        """The same under the proposed rule."""
        return self._before(cut_off(self.now, (self.proposed or self.rule).period))

    def _before(self, edge: datetime) -> tuple[int, int]:
        if self.ages is None:
            return 0, 0
        at = self.edges.index(edge) + 1
        return sum(self.ages.items[:at]), sum(self.ages.bytes[:at])

    def by_age(self) -> tuple[tuple[str, int], ...]:
        """Return the number of items of each age, the youngest first."""
        if self.ages is None:
            return ()
        found = []
        bounds = [self.now - each for each in AGES]
        for at, words in enumerate((*(f"under {_words(each)}" for each in AGES), f"{_words(AGES[-1])} and more")):
            since = bounds[at] if at < len(bounds) else None
            until = bounds[at - 1] if at else None
            found.append((words, sum(self._between(since, until))))
        return tuple(found)

    def _between(self, since: datetime | None, until: datetime | None) -> Iterable[int]:
        assert self.ages is not None
        for begin, end, items in zip((None, *self.edges), (*self.edges, None), self.ages.items, strict=True):
            late = since is None or (begin is not None and begin >= since)
            if late and (until is None or (end is not None and end <= until)):
                yield items


def edges(now: datetime, found: Sequence[RetentionRule]) -> tuple[datetime, ...]:
    """The moments between which the items of one dataset are counted."""
    return tuple(sorted({*(now - each for each in AGES), *(cut_off(now, each.period) for each in found)}))


def _words(age: timedelta) -> str:
    years, days = divmod(age.days, 365)
    return f"{years} {'year' if years == 1 else 'years'}" if years and not days else f"{age.days} days"
