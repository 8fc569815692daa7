"""The permission to collect a type of data: it needs a schedule with purpose, need and a finite period (DSG-08)."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.datamap.datamap import DataMap, ReferenceData
from expunge.core.values.periods import Period


@dataclass(frozen=True)
class CollectionAnswer:
    """The answer for one type of data."""

    data_type: str
    allowed: bool
    reason: str
    """Why, in words of the map only."""
    schedule: str = ""
    period: str = ""
    purpose: str = ""
    need: str = ""

    def __bool__(self) -> bool:
        return self.allowed


def with_broader(data_type: str) -> tuple[str, ...]:
    """Return a data type and its broader types: ``user.biometrics.voice``, ``user.biometrics``, ``user``."""
    parts = data_type.split(".")
    return tuple(".".join(parts[:at]) for at in range(len(parts), 0, -1))


def scheduled(data_map: DataMap) -> dict[str, Period]:
    """Return datasets and their declared categories, each with the longest period that applies, as the gate's snapshot lists them."""
    found: dict[str, Period] = {}
    for dataset in (each for each in data_map.datasets.values() if not isinstance(each.subject, ReferenceData)):
        period = data_map.retention[dataset.retention].period
        for name in (dataset.name, *dataset.categories):
            found[name] = max(found.get(name, period), period, key=lambda each: each.nominal)
    return dict(sorted(found.items()))


def may_collect(data_map: DataMap, data_type: str) -> CollectionAnswer:
    """Return whether a type of data may be collected.

    Args:
        data_map: a valid map: every dataset of it has a retention, and every retention purpose, need and a finite period.
        data_type: a dataset of the map, or a data category such as ``user.biometrics.voice``. A declared category covers those below it
            (``user.biometrics``). A category that is declared further down covers nothing above it.
    """
    if data_type in data_map.datasets and not isinstance(data_map.datasets[data_type].subject, ReferenceData):
        return _scheduled(data_map, data_type, data_type)
    above = set(with_broader(data_type))
    found = [dataset.name for dataset in data_map.datasets.values() if above & set(dataset.categories)]
    if not found:
        reason = "no dataset of the map declares it, so that no schedule says why it is needed and when it goes"
        return CollectionAnswer(data_type, allowed=False, reason=reason)
    # Of several places the one that keeps it longest is what is promised at least.
    longest = max(found, key=lambda name: data_map.retention[data_map.datasets[name].retention].period.nominal)
    return _scheduled(data_map, data_type, longest)


def _scheduled(data_map: DataMap, data_type: str, dataset: str) -> CollectionAnswer:
    schedule = data_map.retention[data_map.datasets[dataset].retention]
    return CollectionAnswer(
        data_type,
        allowed=True,
        reason=f"{dataset} has a schedule",
        schedule=schedule.name,
        period=str(schedule.period),
        purpose=schedule.purpose,
        need=schedule.need,
    )
