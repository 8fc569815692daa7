"""Where pipelines were seen to take people's data and the map does not say so: datasets that it lacks, edges that it does not declare.

Unknown provenance is never clean: what a failed run, or one that never ended, may have written counts as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.atlas import Atlas
from expunge.core.datamap import Aggregate, DataMap, Inherited
from expunge.core.ids import Pseudonym, pseudonym
from expunge.core.lineage import EdgeKind, lineage_of
from expunge.core.observed import Column, Flow, Sightings


@dataclass(frozen=True)
class Unknown:
    """A dataset that pipelines read or write and that no dataset of the map is."""

    address: str
    """For the operator's terminal only: a pipeline may put anything in a name."""
    sources: tuple[str, ...]
    """Datasets of the map that it was made from, directly or over others that the map lacks, sorted."""
    feeds: tuple[str, ...]
    """Datasets of the map that were made from it, sorted."""
    completed: bool
    """Some run that wrote it ended well."""
    columns: tuple[Column, ...]
    """What is known of which column came from where, sorted."""


@dataclass(frozen=True)
class Unsaid:
    """An edge between two datasets of the map that was seen and that the map does not declare."""

    source: str
    target: str
    matters: bool
    """Nobody could be found in the target by itself: without the edge, an order would take it for clean."""


@dataclass(frozen=True)
class Place:
    """A gap as planning needs it."""

    tag: Pseudonym
    """Keyed, so that it can stand in plans and receipts: what pipelines call a dataset may hold anything."""
    sources: tuple[str, ...]
    """Datasets of the map whose people may be in it."""


@dataclass(frozen=True)
class Gaps:
    """Everything that was seen and not declared."""

    unknown: tuple[Unknown, ...] = ()
    unsaid: tuple[Unsaid, ...] = ()

    def places(self, key: bytes) -> tuple[Place, ...]:
        """What orders must not pass over, sorted.

        Args:
            key: the pseudonym key.
        """
        found = [Place(tag(key, each.address), each.sources) for each in self.unknown if each.sources]
        found += [Place(tag(key, each.target), (each.source,)) for each in self.unsaid if each.matters]
        return tuple(sorted(found, key=lambda each: (each.tag, each.sources)))


def tag(key: bytes, name: str) -> Pseudonym:
    """The keyed name of an observed dataset."""
    return pseudonym(key, "observed dataset", name)


def gaps(data_map: DataMap, sightings: Sightings) -> Gaps:
    """Hold what was seen against the map. What the map calls harmless ends a path; so do aggregates, which hold nobody's data."""
    atlas = Atlas(data_map)
    known = {each: atlas.datasets(each) for each in sightings.names}
    quiet = frozenset(each for each, names in known.items() if not names and atlas.harmless(each))
    sources: dict[str, set[str]] = {}
    feeds: dict[str, set[str]] = {}
    seen: set[tuple[str, str]] = set()
    addresses: dict[str, list[str]] = {}
    for each, names in known.items():
        for name in names:
            addresses.setdefault(name, []).append(each)
    personal = [name for name in sorted(addresses) if not isinstance(data_map.datasets[name].subject, Aggregate)]
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
            unknown.append(Unknown(each, tuple(sorted(sources.get(each, ()))), tuple(sorted(feeds.get(each, ()))), completed, columns))
    return Gaps(tuple(unknown), _unsaid(data_map, seen))


def _downstream(sightings: Sightings, starts: list[str], known: dict[str, frozenset[str]], quiet: frozenset[str]) -> set[str]:
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


def _written(flows: Sequence[Flow], name: str) -> tuple[bool, tuple[Column, ...]]:
    columns = {column for flow in flows for column in flow.columns if column.target == name}
    return any(flow.completed for flow in flows), tuple(sorted(columns))


def _unsaid(data_map: DataMap, seen: set[tuple[str, str]]) -> tuple[Unsaid, ...]:
    graph = lineage_of(data_map.datasets, data_map.identities)
    declared: dict[str, frozenset[str]] = {}
    found = []
    for source, target in sorted(seen):
        if target not in declared:
            declared[target] = frozenset(graph.ancestors(target, frozenset(EdgeKind)))
        if source not in declared[target]:
            found.append(Unsaid(source, target, isinstance(data_map.datasets[target].subject, Inherited | Aggregate)))
    return tuple(found)
