"""Declared and observed edges side by side, each marked with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from expunge.core.datamap.datamap import DataMap
from expunge.core.lineage.dataset_lookup import DatasetLookup
from expunge.core.lineage.lineage_graph import Edge, EdgeKind, lineage_of
from expunge.core.lineage.observations import Flow, ObservedLineage

_MADE = frozenset({EdgeKind.DERIVED, EdgeKind.THROUGH})


@dataclass(frozen=True)
class MergedEdge:
    """One edge, and the record of the runs that took data along it."""

    edge: Edge
    jobs: tuple[str, ...] = ()
    """Sorted; empty for an edge that was not seen."""
    completed: bool = False
    last: datetime | None = None


def sighted(data_map: DataMap, sightings: ObservedLineage, most: int = 100_000) -> tuple[MergedEdge, ...]:
    """Return every declared edge along which data is made, and every observed edge (``most`` at most), sorted by source and target.

    Datasets of the map have their names there, others their addresses.
    """
    atlas = DatasetLookup(data_map)
    declared = {(each.source, each.target): each for each in lineage_of(data_map.datasets, data_map.identities).edges if each.kind in _MADE}
    found: dict[tuple[str, str], list[Flow]] = {}
    for pair, flow in _pairs(atlas, sightings):
        if pair in found or len(found) < most:
            found.setdefault(pair, []).append(flow)
    known = {pair: MergedEdge(edge) for pair, edge in declared.items()}
    for pair, flows in found.items():
        source, target = pair
        edge = declared.get(pair) or Edge(source, target, EdgeKind.DERIVED, known=source in data_map.datasets, declared=False)
        jobs = tuple(sorted({each.job for each in flows} - {""}))
        known[pair] = MergedEdge(replace(edge, seen=True), jobs, any(each.completed for each in flows), max(each.last for each in flows))
    return tuple(known[pair] for pair in sorted(known))


def _pairs(atlas: DatasetLookup, sightings: ObservedLineage) -> Iterator[tuple[tuple[str, str], Flow]]:
    def names(address: str) -> list[str]:
        return sorted(atlas.datasets(address)) or [address]

    for flow in sightings.flows:
        for source in sorted({name for each in flow.inputs for name in names(each)}):
            for target in sorted({name for output in flow.outputs for name in names(output)}):
                if source != target:
                    yield (source, target), flow
