"""Count what is held of each kind, and find what was learnt from it and which places lie beyond."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import DataMap, Inherited
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.export.export_page import LearntFrom
from expunge.core.values.copy import Copy
from expunge.engine.subjects.locating import EVERYBODY, LocatedCopies


@dataclass(frozen=True)
class HeldData:
    """What is held of one kind, as stores count it."""

    kind: DataKind
    items: int
    bytes: int


def own_copies(located: LocatedCopies) -> dict[str, list[tuple[Copy, bool]]]:
    """Return the copies in each dataset whose items are known to be the person's, and whether each is one that an erasure would keep.

    A model, or an index made anew, is one item of many people: nothing in it says what is whose, so that none of it can be given to one.
    """
    found: dict[str, list[tuple[Copy, bool]]] = {}
    for copies, kept in ((located.copies, False), (located.kept_copies, True)):
        for name, listed in copies.items():
            mine = [(copy, kept) for copy in listed if copy.subject != EVERYBODY and copy.items]
            if mine:
                found.setdefault(name, []).extend(mine)
    return found


def held(data_map: DataMap, located: LocatedCopies) -> tuple[HeldData, ...]:
    """Return what located copies hold of each kind, in the order in which people are told."""
    sums: dict[DataKind, tuple[int, int]] = {}
    for name, found in own_copies(located).items():
        copies = [copy for copy, _ in found]
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
    has = own_copies(located).keys()
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
