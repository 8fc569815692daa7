"""Whether a type of data may be collected: only what has a schedule with purpose, need and a finite period (DSG-08)."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.datamap import DataMap


@dataclass(frozen=True)
class MayCollect:
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


def may_collect(data_map: DataMap, data_type: str) -> MayCollect:
    """Whether a type of data may be collected.

    Args:
        data_map: a sound map: every dataset of it has a retention, and every retention purpose, need and a finite period.
        data_type: a dataset of the map, or a data category such as ``user.biometrics.voice``. A declared category covers those below
            it (``user.biometrics``); one that is declared further down covers nothing above it.
    """
    if data_type in data_map.datasets:
        return _scheduled(data_map, data_type, data_type)
    parts = data_type.split(".")
    above = {".".join(parts[:at]) for at in range(1, len(parts) + 1)}
    found = [each.name for each in data_map.datasets.values() if above & set(each.categories)]
    if not found:
        reason = "no dataset of the map declares it, so that no schedule says why it is needed and when it goes"
        return MayCollect(data_type, allowed=False, reason=reason)
    # Of several places the one that keeps it longest is what is promised at least.
    longest = max(found, key=lambda name: data_map.retention[data_map.datasets[name].retention].period.nominal)
    return _scheduled(data_map, data_type, longest)


def _scheduled(data_map: DataMap, data_type: str, dataset: str) -> MayCollect:
    schedule = data_map.retention[data_map.datasets[dataset].retention]
    return MayCollect(
        data_type,
        allowed=True,
        reason=f"{dataset} has a schedule",
        schedule=schedule.name,
        period=str(schedule.period),
        purpose=schedule.purpose,
        need=schedule.need,
    )
