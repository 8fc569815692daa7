"""Count what is held of each kind, and find what was learnt from it and which places lie beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap, Inherited
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.export.export_page import LearntFrom
from expunge.engine.subjects.locating import LocatedCopies


@dataclass(frozen=True)
class HeldData:
    """What is held of one kind, as stores count it."""

    kind: DataKind
    items: int
    bytes: int


def held(data_map: DataMap, located: LocatedCopies) -> tuple[HeldData, ...]:
    """Return what located copies hold of each kind, in the order in which people are told."""
    sums: dict[DataKind, tuple[int, int]] = {}
    for name in {*located.copies, *located.kept_copies}:
        copies = located.held_in(name)
        items, size = sums.get(kind_held(data_map, name), (0, 0))
        sums[kind_held(data_map, name)] = items + sum(each.items for each in copies), size + sum(each.bytes for each in copies)
    return tuple(HeldData(kind, *sums[kind]) for kind in DataKind if sums.get(kind, (0, 0))[0])


@dataclass(frozen=True)
class BesideData:
    """What no store gives out as a file."""

    learnt: Sequence[LearntFrom]
    outside: Sequence[str]


def beside(data_map: DataMap, located: LocatedCopies) -> BesideData:
    """Return what was learnt from the located data, and the operator's names of places beyond its stores."""
    has = {name for name in {*located.copies, *located.kept_copies} if any(each.items for each in located.held_in(name))}
    learnt = []
    for name, dataset in data_map.datasets.items():
        if isinstance(dataset.subject, Inherited) and (sources := _sources(data_map, name) & has):
            kinds = {kind_held(data_map, each) for each in sources}
            learnt.append(LearntFrom(name, [kind for kind in DataKind if kind in kinds], dataset.on_erase.act))
    stores = dict.fromkeys(data_map.datasets[name].store for name in sorted(has))
    outside = dict.fromkeys(f"{store}: {place}" for store in stores for place in data_map.stores[store].outside)
    return BesideData(learnt, list(outside))


def _sources(data_map: DataMap, name: str) -> set[str]:
    found, waiting = set[str](), [name]
    while waiting:
        for each in data_map.datasets[waiting.pop()].derived_from:
            if each in data_map.datasets and each not in found:
                found.add(each)
                waiting.append(each)
    return found
