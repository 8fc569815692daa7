"""Find undeclared lineage: datasets and edges that pipelines were seen to use and that the map does not declare.

Unknown provenance is never clean. Writes of a run that failed or never ended count as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import AboutNobody, DataMap, Inherited
from expunge.core.lineage.dataset_lookup import DatasetLookup
from expunge.core.lineage.lineage_graph import EdgeKind, lineage_of
from expunge.core.lineage.observations import ColumnFlow, Flow, ObservedLineage
from expunge.core.values.ids import Pseudonym, pseudonym


@dataclass(frozen=True)
class UndeclaredDataset:
    """A dataset that pipelines read or write and that no dataset of the map is."""

    address: str
    """For the operator's terminal only: a pipeline may put anything in a name."""
    sources: tuple[str, ...]
    """Datasets of the map that it was made from, directly or over others that the map lacks, sorted."""
    feeds: tuple[str, ...]
    """Datasets of the map that were made from it, sorted."""
    completed: bool
    """Some run that wrote it ended well."""
    columns: tuple[ColumnFlow, ...]
    """What is known of which column came from where, sorted."""


@dataclass(frozen=True)
class UndeclaredEdge:
    """An edge between two datasets of the map that was seen and that the map does not declare."""

    source: str
    target: str
    matters: bool
    """Nobody could be found in the target by itself: without the edge, an order would take it for clean."""


@dataclass(frozen=True)
class UndeclaredPlace:
    """A gap as planning needs it."""

    tag: Pseudonym
    """Keyed, so that it can stand in plans and receipts: what pipelines call a dataset may hold anything."""
    sources: tuple[str, ...]
    """Datasets of the map whose people may be in it."""


@dataclass(frozen=True)
class UndeclaredLineage:
    """The datasets and edges that were seen and not declared."""

    unknown: tuple[UndeclaredDataset, ...] = ()
    unsaid: tuple[UndeclaredEdge, ...] = ()

    def places(self, key: bytes) -> tuple[UndeclaredPlace, ...]:
        """Return the places that orders must not pass over, sorted.

        Args:
            key: the pseudonym key.
        """
        found = [UndeclaredPlace(tag(key, each.address), each.sources) for each in self.unknown if each.sources]
        found += [UndeclaredPlace(tag(key, each.target), (each.source,)) for each in self.unsaid if each.matters]
        return tuple(sorted(found, key=lambda each: (each.tag, each.sources)))


def tag(key: bytes, name: str) -> Pseudonym:
    """The keyed name of an observed dataset."""
    return pseudonym(key, "observed dataset", name)


def gaps(data_map: DataMap, sightings: ObservedLineage) -> UndeclaredLineage:
    """Compare observed lineage with the map. An address that the map calls harmless ends a path; so does an aggregate."""
    atlas = DatasetLookup(data_map)
    known = {each: atlas.datasets(each) for each in sightings.names}
    quiet = frozenset(each for each, names in known.items() if not names and atlas.harmless(each))
    sources: dict[str, set[str]] = {}
    feeds: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    addresses: dict[str, list[str]] = {}
    for each, names in known.items():
        for name in names:
            addresses.setdefault(name, []).append(each)
    personal = [name for name in sorted(addresses) if not isinstance(data_map.datasets[name].subject, AboutNobody)]
    for name in personal:
        for reached in _downstream(sightings, addresses[name], known, quiet):
            if known[reached]:
                seen.update((name, other) for other in known[reached] if other != name)
            else:
                sources.setdefault(reached, set()).add(name)
    ours = frozenset(each for each, names in known.items() if names)
    for flow in (each for each in sightings.flows if not each.outputs.isdisjoint(ours)):
        fed = {name for output in flow.outputs & ours for name in known[output]}
        for each in flow.inputs - ours - quiet:
            feeds.setdefault(each, set()).update(fed)
    unknown = []
    for each in sorted(known):
        if not known[each] and each not in quiet:
            completed, columns = _written(sightings.writers.get(each, ()), each)
            unknown.append(
                UndeclaredDataset(each, tuple(sorted(sources.get(each, ()))), tuple(sorted(feeds.get(each, ()))), completed, columns)
            )
    return UndeclaredLineage(tuple(unknown), _unsaid(data_map, seen))


def _downstream(sightings: ObservedLineage, starts: list[str], known: dict[str, frozenset[str]], quiet: frozenset[str]) -> set[str]:
    """What is made from some addresses; the walk goes on through what the map lacks and ends where it knows."""
    found: set[str] = set()
    walked: set[int] = set()
    todo = deque(starts)
    while todo:
        for flow in sightings.readers.get(todo.popleft(), ()):
            if id(flow) in walked:
                continue
            walked.add(id(flow))
            for output in flow.outputs - found - quiet:
                found.add(output)
                if not known[output]:
                    todo.append(output)
    return found


def _written(flows: Sequence[Flow], name: str) -> tuple[bool, tuple[ColumnFlow, ...]]:
    columns = {column for flow in flows for column in flow.columns if column.target == name}
    return any(flow.completed for flow in flows), tuple(sorted(columns))


def _unsaid(data_map: DataMap, seen: set[tuple[str, str]]) -> tuple[UndeclaredEdge, ...]:
    graph = lineage_of(data_map.datasets, data_map.identities)
    declared: dict[str, frozenset[str]] = {}
    found = []
    for source, target in sorted(seen):
        if target not in declared:
            declared[target] = frozenset(graph.ancestors(target, frozenset(EdgeKind)))
        if source not in declared[target]:
            found.append(UndeclaredEdge(source, target, isinstance(data_map.datasets[target].subject, Inherited | AboutNobody)))
    return tuple(found)
