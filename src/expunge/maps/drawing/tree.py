"""The lineage of a map as a tree of plain values, and as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from expunge.core.datamap.datamap import (
    AboutNobody,
    ByField,
    DataMap,
    Dataset,
    EraseAct,
    ExperimentLayout,
    Inherited,
    ModelLayout,
    PathLayout,
    TableLayout,
    Through,
)
from expunge.core.lineage.lineage_graph import Edge, EdgeKind, Lineage, lineage_of

_SHOWN = frozenset({EdgeKind.DERIVED, EdgeKind.THROUGH})
_DONE = {
    EraseAct.ERASE: "erased",
    EraseAct.FORGET: "forgets",
    EraseAct.REBUILD: "rebuilt",
    EraseAct.RETRAIN: "retrained",
    EraseAct.DESTROY: "destroyed",
    EraseAct.KEEP: "kept",
}


@dataclass(frozen=True)
class LineageBranch:
    """One dataset and what comes from it."""

    name: str
    how: str
    """How it comes from the branch above (``derived``, ``found through recording_id``); empty at the top."""
    place: str
    about: str
    kept_for: str
    on_erase: str
    children: tuple[LineageBranch, ...] = ()
    again: bool = False
    """It has several sources and its own children are shown where it stands first."""
    known: bool = True
    """False: named as a source and declared nowhere."""


def lineage_tree(data_map: DataMap) -> tuple[LineageBranch, ...]:
    """The datasets that come from no other, in the order of the map, each with everything that comes from it.

    Every dataset occurs; one with several sources occurs under each. A cycle, which only a faulty map has, is cut where it closes.
    """
    graph = lineage_of(data_map.datasets, data_map.identities)
    targets = {edge.target for edge in graph.edges if edge.kind in _SHOWN}
    seen: set[str] = set()
    roots = [_branch(data_map, graph, name, (), seen) for name in graph.nodes if name not in targets]
    # What only a cycle leads to has no root: start anywhere in it.
    rest = [_branch(data_map, graph, name, (), seen) for name in graph.nodes if name not in seen]
    return (*roots, *rest)


def _branch(data_map: DataMap, graph: Lineage, name: str, edges: Sequence[Edge], seen: set[str]) -> LineageBranch:
    again = name in seen
    seen.add(name)
    out: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        if edge.source == name and edge.kind in _SHOWN:
            out.setdefault(edge.target, []).append(edge)
    children = () if again else tuple(_branch(data_map, graph, target, links, seen) for target, links in out.items())
    how = " and ".join("derived" if edge.kind is EdgeKind.DERIVED else f"found through {edge.via}" for edge in edges)
    dataset = data_map.datasets.get(name)
    if dataset is None:
        return LineageBranch(name, how, "declared nowhere", "unknown provenance", "", "", children, again and bool(out), known=False)
    retention = data_map.retention.get(dataset.retention)
    return LineageBranch(
        name=name,
        how=how,
        place=placed(data_map, dataset),
        about=about(dataset),
        kept_for=str(retention.period) if retention else "",
        on_erase=done_to(dataset),
        children=children,
        again=again and bool(out),
    )


def tree_text(branches: Sequence[LineageBranch]) -> str:
    """The tree with lines drawn, one dataset a line."""
    return "".join(line + "\n" for branch in branches for line in _lines(branch, "", ""))


def _lines(branch: LineageBranch, first: str, more: str) -> Iterator[str]:
    facts = [fact for fact in (branch.how, branch.place, branch.about, branch.kept_for, branch.on_erase) if fact]
    yield f"{first}{branch.name}  ({'; '.join(facts)}){'  (its own are shown above)' if branch.again else ''}"
    for index, child in enumerate(branch.children, 1):
        last = index == len(branch.children)
        yield from _lines(child, more + ("└─ " if last else "├─ "), more + ("   " if last else "│  "))


def placed(data_map: DataMap, dataset: Dataset) -> str:
    """Return the place of a dataset, in words of the map."""
    kind = data_map.stores[dataset.store].kind if dataset.store in data_map.stores else "?"
    return f"{dataset.store or kind}: {_inside(dataset)}"


def _inside(dataset: Dataset) -> str:
    match dataset.layout:
        case PathLayout((first, *others)):
            return first + (f" +{len(others)}" if others else "")
        case TableLayout(name) | ModelLayout(name) | ExperimentLayout(name):
            return name
        case _:
            return ""


def about(dataset: Dataset) -> str:
    """Return the people that a dataset is about, in words of the map."""
    match dataset.subject:
        case ByField(kinds=kinds):
            return "of " + " or ".join(kinds) if kinds else "of nobody knows whom"
        case Through() as rule:
            return f"as {' and '.join(rule.sources)}"
        case Inherited():
            return "of its sources"
        case AboutNobody():
            return "of nobody"


def done_to(dataset: Dataset) -> str:
    """Return the act of an erasure on it, as one word."""
    return "stays" if isinstance(dataset.subject, AboutNobody) else _DONE[dataset.on_erase.act]
