"""Which dataset comes from which, as a graph: closure with paths, order, cycles, and edges that lead nowhere.

Edges run from where data comes from to where it goes. An edge whose source nobody declared stays in the graph and is marked: unknown
provenance is never clean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap import Aggregate, ByField, DataMap, Dataset, IdentitySpec, Through
from expunge.errors import Misconfigured


class EdgeKind(StrEnum):
    """How one dataset hangs on another."""

    DERIVED = "derived from"
    """The target was made from the source by a process."""
    THROUGH = "found through"
    """The target's subject is found by following a field of the source."""
    NAMED = "named by"
    """The source says who exists; the target holds its identifier."""
    MEMBER = "member of"
    """The source's people own the target's: erasing an owner erases the members."""


@dataclass(frozen=True)
class Edge:
    """One dependency between two datasets."""

    source: str
    target: str
    kind: EdgeKind
    via: str = ""
    """The field that links the two, where there is one."""
    known: bool = True
    """False: the source is named by the map and declared nowhere."""


Path: TypeAlias = tuple[Edge, ...]
"""Edges from a start to a dataset, first to last; empty for a start itself."""

_FOLLOWED = frozenset({EdgeKind.DERIVED, EdgeKind.THROUGH})


class CycleFound(Misconfigured):
    """Datasets that depend on themselves; ``path`` begins and ends with the same name."""

    def __init__(self, path: tuple[str, ...], kinds: Collection[EdgeKind]) -> None:
        words = " / ".join(sorted(kinds))
        super().__init__(f"a cycle of {words!r}: {' -> '.join(path)}", help="remove one of these edges from the data map")
        self.path = path


@dataclass(frozen=True)
class Lineage:
    """The graph; nodes in the order of the map, then unknown sources."""

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def unknown(self) -> tuple[Edge, ...]:
        """Edges whose source is declared nowhere."""
        return tuple(edge for edge in self.edges if not edge.known)

    def descendants(
        self, starts: Iterable[str], kinds: Collection[EdgeKind] = _FOLLOWED, among: Collection[str] | None = None
    ) -> dict[str, Path]:
        """Everything that comes from ``starts``, however far, each with a shortest path to it; the starts have the empty path.

        ``among`` limits the walk to some nodes.
        """
        paths: dict[str, Path] = dict.fromkeys(starts, ())
        todo = deque(paths)
        while todo:
            source = todo.popleft()
            for edge in self.edges:
                allowed = among is None or edge.target in among
                if edge.source == source and edge.kind in kinds and allowed and edge.target not in paths:
                    paths[edge.target] = (*paths[source], edge)
                    todo.append(edge.target)
        return paths

    def ancestors(self, start: str, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """Everything that ``start`` comes from, in the order of the map, unknown sources last."""
        found = {start}
        todo = [start]
        while todo:
            target = todo.pop()
            sources = {edge.source for edge in self.edges if edge.target == target and edge.kind in kinds} - found
            found |= sources
            todo += sources
        return tuple(name for name in self.nodes if name in found and name != start)

    def order(self, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """All nodes, sources before what comes from them, otherwise in the order of the map. Raises CycleFound."""
        waiting = {name: {edge.source for edge in self.edges if edge.target == name and edge.kind in kinds} for name in self.nodes}
        done: list[str] = []
        while waiting:
            ready = next((name for name, sources in waiting.items() if not sources & waiting.keys()), None)
            if ready is None:
                raise CycleFound(self.cycle(kinds), kinds)
            done.append(ready)
            del waiting[ready]
        return tuple(done)

    def cycle(self, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """One cycle as names, the first repeated at the end; empty when there is none."""
        for edge in self.edges:
            if edge.kind in kinds:
                back = self.descendants([edge.target], kinds).get(edge.source)
                if back is not None:
                    return (edge.source, edge.target, *(step.target for step in back))
        return ()


def lineage_of(datasets: Mapping[str, Dataset], identities: Mapping[str, IdentitySpec]) -> Lineage:
    """Make the graph of a map's datasets; sources that are not among them become marked nodes."""
    edges: list[Edge] = []
    for name, dataset in datasets.items():
        edges += [Edge(source, name, EdgeKind.DERIVED, known=source in datasets) for source in dataset.derived_from]
        match dataset.subject:
            case Through(dataset=source, via=via):
                edges.append(Edge(source, name, EdgeKind.THROUGH, via, source in datasets))
            case ByField(fields=fields):
                homes = ((identities[kind], field) for kind, field in fields.items() if kind in identities)
                edges += [
                    Edge(home.dataset, name, EdgeKind.NAMED, field, home.dataset in datasets)
                    for home, field in homes
                    if home.dataset != name
                ]
    for identity in identities.values():
        owner = identities.get(identity.member_of or "")
        if owner is not None and owner.dataset != identity.dataset:
            edges.append(Edge(owner.dataset, identity.dataset, EdgeKind.MEMBER, owner.key, owner.dataset in datasets))
    unknown = (edge.source for edge in edges if not edge.known)
    declared = (*datasets, *(edge.target for edge in edges))
    return Lineage(tuple(dict.fromkeys((*declared, *unknown))), tuple(dict.fromkeys(edges)))


def kinds_with_members(identities: Mapping[str, IdentitySpec], kinds: Iterable[str]) -> frozenset[str]:
    """The identity kinds and all kinds that belong to them, however far down."""
    found = set(kinds)
    while more := {kind for kind, identity in identities.items() if identity.member_of in found} - found:
        found |= more
    return frozenset(found)


def closure(data_map: DataMap, kinds: Iterable[str]) -> dict[str, Path]:
    """Every dataset that can hold data of a person of these identity kinds or of their members, each with the path that leads to it.

    Starts are the homes of those identities and the datasets with such an identifier; from there everything found through them or
    derived from them. Aggregates hold nobody's data: they and what comes from them only are left out (for what a regulator wants
    destroyed in whole or in part, ask :meth:`Lineage.descendants`, which leaves nothing out).
    """
    wanted = kinds_with_members(data_map.identities, kinds)
    homes = {identity.dataset for kind, identity in data_map.identities.items() if kind in wanted}
    starts = [
        name
        for name, dataset in data_map.datasets.items()
        if name in homes or (isinstance(dataset.subject, ByField) and wanted & dataset.subject.fields.keys())
    ]
    personal = frozenset(name for name, dataset in data_map.datasets.items() if not isinstance(dataset.subject, Aggregate))
    graph = lineage_of(data_map.datasets, data_map.identities)
    return graph.descendants([name for name in starts if name in personal], among=personal)
