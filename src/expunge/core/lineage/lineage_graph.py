"""The lineage of datasets as a graph: closure with paths, order, cycles, and edges without a declared source.

An edge runs from a source to the dataset made from it. An edge with an undeclared source stays in the graph and is marked: unknown
provenance is never clean.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from heapq import heappop, heappush
from typing import TypeAlias

from expunge.core.datamap.datamap import AboutNobody, ByField, DataMap, Dataset, IdentitySpec, Through
from expunge.errors import Misconfigured


class EdgeKind(StrEnum):
    """The way in which one dataset depends on another."""

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
    declared: bool = True
    """False: the map does not say it."""
    seen: bool = False
    """A pipeline was observed to do it."""


Path: TypeAlias = tuple[Edge, ...]
"""Edges from a start to a dataset, first to last; empty for a start itself."""


class Paths(Mapping[str, Path]):
    """Dataset -> a shortest path to it, in the order of the walk; a path is put together when it is asked for."""

    def __init__(self, last: Mapping[str, Edge | None]) -> None:
        """From the last edge of each path; None for a start."""
        self._last = last

    def __getitem__(self, name: str) -> Path:
        path: list[Edge] = []
        edge = self._last[name]
        while edge is not None:
            path.append(edge)
            edge = self._last[edge.source]
        return tuple(reversed(path))

    def __iter__(self) -> Iterator[str]:
        return iter(self._last)

    def __len__(self) -> int:
        return len(self._last)


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
        """Edges without a declared source."""
        return tuple(edge for edge in self.edges if not edge.known)

    @cached_property
    def _from(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.source, []).append(edge)
        return found

    @cached_property
    def _to(self) -> dict[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in self.edges:
            found.setdefault(edge.target, []).append(edge)
        return found

    def descendants(
        self, starts: Iterable[str], kinds: Collection[EdgeKind] = _FOLLOWED, among: Collection[str] | None = None
    ) -> Mapping[str, Path]:
        """Return everything made from ``starts``, at any distance, each with a shortest path to it; the starts have the empty path.

        ``among`` limits the walk to some nodes.
        """
        last: dict[str, Edge | None] = dict.fromkeys(starts)
        todo = deque(last)
        kinds = tuple(kinds)  # why: a tuple compares by identity first, where a set asks an enum member for its hash
        while todo:
            for edge in self._from.get(todo.popleft(), ()):
                target = edge.target
                if target not in last and edge.kind in kinds and (among is None or target in among):
                    last[target] = edge
                    todo.append(target)
        return Paths(last)

    def ancestors(self, start: str, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """Return all sources of ``start``, at any distance, in the order of the map, unknown sources last."""
        found = {start}
        todo = [start]
        while todo:
            for edge in self._to.get(todo.pop(), ()):
                if edge.kind in kinds and edge.source not in found:
                    found.add(edge.source)
                    todo.append(edge.source)
        place = self._place
        return tuple(sorted(found - {start}, key=lambda name: place[name]))

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.nodes)}

    def order(self, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """Return all nodes, sources before their products, otherwise in the order of the map. Raises CycleFound."""
        done = self._sorted(kinds)
        if len(done) < len(self.nodes):
            raise CycleFound(self.cycle(kinds), kinds)
        return done

    def _sorted(self, kinds: Collection[EdgeKind]) -> tuple[str, ...]:
        """As :meth:`order`, without what is in a cycle or comes from one."""
        left = dict.fromkeys(self.nodes, 0)
        kinds = tuple(kinds)
        for edge in self.edges:
            left[edge.target] += edge.kind in kinds
        place = self._place
        ready = [place[name] for name, sources in left.items() if not sources]
        done: list[str] = []
        while ready:
            name = self.nodes[heappop(ready)]
            done.append(name)
            for edge in self._from.get(name, ()):
                left[edge.target] -= edge.kind in kinds
                if edge.kind in kinds and not left[edge.target]:
                    heappush(ready, place[edge.target])
        return tuple(done)

    def cycle(self, kinds: Collection[EdgeKind] = _FOLLOWED) -> tuple[str, ...]:
        """Return one cycle as names, the first repeated at the end; empty when there is none."""
        tangled = set(self.nodes).difference(self._sorted(kinds))
        for edge in self.edges:
            if edge.kind in kinds and edge.source in tangled and edge.target in tangled:
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
            case Through() as rule:
                edges += [Edge(source, name, EdgeKind.THROUGH, rule.via, source in datasets) for source in rule.sources]
            case ByField() as fields:
                named = (*fields.pairs(), *((each.kind, each.name) for each in fields.hashed))
                homes = ((identities[kind], field) for kind, field in named if kind in identities)
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


def closure(data_map: DataMap, kinds: Iterable[str]) -> Mapping[str, Path]:
    """Return every dataset that can hold data of a person of these identity kinds or of their members, each with the path to it.

    Starts are the homes of those identities and the datasets with such an identifier. From there the walk reaches everything found through
    them or derived from them. Aggregates hold no personal data: they, and datasets that come from them only, are left out. For data that a
    regulator wants destroyed in whole or in part, use :meth:`Lineage.descendants`, which leaves nothing out.
    """
    wanted = kinds_with_members(data_map.identities, kinds)
    homes = {identity.dataset for kind, identity in data_map.identities.items() if kind in wanted}
    starts = [
        name
        for name, dataset in data_map.datasets.items()
        if name in homes or (isinstance(dataset.subject, ByField) and wanted.intersection(dataset.subject.kinds))
    ]
    personal = frozenset(name for name, dataset in data_map.datasets.items() if not isinstance(dataset.subject, AboutNobody))
    graph = lineage_of(data_map.datasets, data_map.identities)
    return graph.descendants([name for name in starts if name in personal], among=personal)
