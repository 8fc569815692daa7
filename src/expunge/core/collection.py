"""May a new kind of data be collected? Not before its schedule exists: a purpose, a need and a finite period.

So the orders against X-Mode, InMarket, Blackbaud, Cerebral, Chegg and GM have it, and 16 CFR 312.10. A kind of data is named as the map
names it: a dataset (``recordings``), or a category (``user.biometrics.voice``), which is scheduled when every dataset that holds it, or
something narrower, is; its period is the longest among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expunge.core.datamap import DataMap
from expunge.core.retention import Period


@dataclass(frozen=True)
class Schedule:
    """What the map says of one kind of data."""

    name: str
    period: Period
    purposes: tuple[str, ...]
    """What it is kept for, and why that needs it, as the retention rules say."""


def schedules(data_map: DataMap) -> Mapping[str, Schedule]:
    """Every kind of data that may be collected: datasets and their categories, by name."""
    found: dict[str, list[str]] = {}
    for dataset in data_map.datasets.values():
        for name in {dataset.name, *(part for each in dataset.categories for part in _with_broader(each))}:
            found.setdefault(name, []).append(dataset.retention)
    return {name: _schedule(data_map, name, rules) for name, rules in sorted(found.items()) if set(rules) <= data_map.retention.keys()}


def _with_broader(category: str) -> list[str]:
    """``user.biometrics.voice`` and what it is a kind of, but for ``user`` alone, which says nothing."""
    parts = category.split(".")
    return [".".join(parts[:count]) for count in range(2, len(parts) + 1)]


def _schedule(data_map: DataMap, name: str, rules: list[str]) -> Schedule:
    known = [data_map.retention[each] for each in dict.fromkeys(rules)]
    longest = max((each.period for each in known), key=lambda period: period.nominal)
    return Schedule(name, longest, tuple(f"{each.purpose}: {each.need}" for each in known))
