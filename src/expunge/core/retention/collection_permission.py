"""The permission to collect a type of data: it needs a schedule with purpose, need and a finite period (DSG-08)."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.datamap.datamap import DataMap, ReferenceData
from expunge.core.datamap.protected_kinds import may_be_of_children
from expunge.core.datamap.purposes import Ground
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


@dataclass(frozen=True)
class RequirementAnswer:
    """The answer whether a purpose may be refused to whoever does not give a dataset."""

    purpose: str
    dataset: str
    allowed: bool
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def may_require(data_map: DataMap, purpose: str, dataset: str) -> RequirementAnswer:
    """Return whether what a purpose offers may be refused to whoever does not give a dataset: only where it cannot be done without.

    Source: 16 CFR 312.7 (COP-12). What rests on consent may never be required: whoever does not agree loses nothing else by it.
    """
    known = data_map.purposes.get(purpose)
    if known is None:
        return RequirementAnswer(purpose, dataset, allowed=False, reason="the map has no such purpose")
    if known.needs is Ground.CONSENT:
        return RequirementAnswer(purpose, dataset, allowed=False, reason="it rests on consent, which nothing else may depend on")
    if dataset not in known.because:
        return RequirementAnswer(purpose, dataset, allowed=False, reason="the map does not say why it cannot be done without")
    return RequirementAnswer(purpose, dataset, allowed=True, reason=known.because[dataset])


def unneeded(data_map: DataMap) -> tuple[tuple[str, str], ...]:
    """Return (dataset, why) of what is asked of children beyond what an activity needs, by the map.

    It counts what was collected, not what was made of it: each such dataset is used by some purpose, and each purpose that does not rest on
    consent says why it cannot be done without the dataset.
    """
    found = []
    for name, dataset in data_map.datasets.items():
        if dataset.derived_from or not may_be_of_children(data_map, name):
            continue
        uses = [each for each in data_map.purposes.values() if name in each.datasets]
        bare = [each.name for each in uses if each.needs is not Ground.CONSENT and name not in each.because]
        if not uses:
            found.append((name, "no purpose uses it"))
        elif bare:
            found.append((name, f"{', '.join(bare)} does not say why it cannot be done without"))
    return tuple(found)


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
