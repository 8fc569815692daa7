"""Keeping times that a family chose for itself, for each kind of data and child: shorter than the map's, never longer.

The register ``periods`` has a pseudonym, a kind of data and a word of a closed list; it names no person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from expunge.core.datamap.artefact import DataKind
from expunge.core.retention.retention_rules import cut_off
from expunge.core.values.ids import Pseudonym
from expunge.core.values.periods import Period
from expunge.core.values.tags import tagged


class OwnPeriod(StrEnum):
    """A keeping time that a family can choose. The list is closed.

    Its words stand in the journal, so that one is added and never renamed.
    """

    DAYS_30 = "30 days"
    MONTHS_3 = "3 months"
    MONTHS_18 = "18 months"
    NOT_KEPT = "not kept"
    """Everything goes at the next daily run, however young it is."""

    @property
    def period(self) -> Period | None:
        """The period; None for data that is not kept at all."""
        return _PERIODS[self]

    def until(self, now: datetime) -> datetime:
        """Return the moment before which everything has outlived it by ``now``, in UTC; see :func:`cut_off`."""
        return now.astimezone(UTC) if self.period is None else cut_off(now, self.period)

    def shortens(self, period: Period) -> bool:
        """Return whether it is shorter than a period of the map, by mean length."""
        return self.period is None or self.period.nominal < period.nominal


_PERIODS: Mapping[OwnPeriod, Period | None] = {
    OwnPeriod.DAYS_30: Period(days=30),
    OwnPeriod.MONTHS_3: Period(months=3),
    OwnPeriod.MONTHS_18: Period(months=18),
    OwnPeriod.NOT_KEPT: None,
}


@tagged("OwnPeriodChosen")
@dataclass(frozen=True)
class OwnPeriodChosen:
    """A keeping time was chosen for one kind of data of one person, or given up."""

    at: datetime
    subject: Pseudonym
    kind: DataKind
    period: OwnPeriod | None
    """None: the period of the map holds again."""
    account: str
    """Who chose it: the random id of an account."""


OwnPeriodEvent = OwnPeriodChosen
"""Every event of the register ``periods``."""


def fold_own_periods(events: Iterable[object]) -> dict[Pseudonym, dict[DataKind, OwnPeriodChosen]]:
    """Return what is chosen now: the last word about each kind of each person, without those that were given up."""
    found: dict[Pseudonym, dict[DataKind, OwnPeriodChosen]] = {}
    for event in events:
        if isinstance(event, OwnPeriodChosen):
            mine = found.setdefault(event.subject, {})
            if event.period is None:
                mine.pop(event.kind, None)
            else:
                mine[event.kind] = event
    return {subject: mine for subject, mine in found.items() if mine}


@dataclass(frozen=True)
class KindPeriod:
    """One kind of data of a person, and how long it is kept."""

    kind: DataKind
    datasets: tuple[str, ...]
    """Those whose items have an age of their own."""
    longest: Period
    """The longest period that the map has for them."""
    along: tuple[DataKind, ...] = ()
    """Kinds that go with it, because they are found through it."""
    options: tuple[OwnPeriod, ...] = ()
    """Those that are shorter than the map's."""
    chosen: OwnPeriodChosen | None = None


@dataclass(frozen=True)
class PeriodPreview:
    """What a keeping time removes now."""

    kind: DataKind
    period: OwnPeriod
    items: int
    """Items of the kind itself."""
    along: Mapping[str, int] = field(default_factory=dict)
    """Kind of data -> items that go with them."""
    held: int = 0
    """Items that outlived it as well and stay under a hold."""
    held_until: datetime | None = None
    """When the last of the holds ends."""
    could_not: tuple[DataKind, ...] = ()
    """Kinds that could not be looked at."""
