"""The place of each dataset in a drawing: layers from left to right, few crossings, long edges led around the cards.

The method is Sugiyama's: layers by longest path, stand-ins where an edge passes a layer, order by barycentre, then positions that pull
neighbours level. Pure and deterministic: one map, one drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Link = tuple[str, str]
_SWEEPS = 8


@dataclass(frozen=True)
class DrawingLayout:
    """Positions in units of the caller: column number, and the middle of the card within it."""

    column: Mapping[str, int]
    middle: Mapping[str, float]
    ways: Mapping[Link, tuple[tuple[int, float], ...]]
    """Link -> the points (column, middle) where it passes columns between its ends."""
    height: float


@dataclass
class _Net:
    """Nodes and stand-ins by column, with the links between neighbouring columns."""

    columns: list[list[str]]
    sizes: dict[str, float]
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)
    stands: dict[Link, list[str]] = field(default_factory=dict)


def lay_out(nodes: Sequence[str], links: Sequence[Link], *, size: float, gap: float, thin: float) -> DrawingLayout:
    """Place nodes of height ``size`` with ``gap`` between them; ``thin`` is the room that a passing link takes."""
    forward = _without_cycles(nodes, links)
    column = _columns(nodes, forward)
    net = _net(nodes, forward, column, size, thin)
    for sweep in range(_SWEEPS):
        _order(net, down=sweep % 2 == 0)
    middle, height = _positions(net, gap)
    ways = {
        link: tuple((column[link[0]] + step, middle[stand]) for step, stand in enumerate(stands, 1)) for link, stands in net.stands.items()
    }
    return DrawingLayout(column, {name: middle[name] for name in nodes}, ways, height)


def _without_cycles(nodes: Sequence[str], links: Sequence[Link]) -> list[Link]:
    """The links less those that close a cycle: a faulty map is drawn as well."""
    kept: list[Link] = []
    below: dict[str, set[str]] = {name: {name} for name in nodes}
    for source, target in links:
        if source in below[target]:
            continue
        kept.append((source, target))
        for reached in below.values():
            if source in reached:
                reached.update(below[target])
    return kept


def _columns(nodes: Sequence[str], links: Sequence[Link]) -> dict[str, int]:
    column = dict.fromkeys(nodes, 0)
    for _ in nodes:
        for source, target in links:
            column[target] = max(column[target], column[source] + 1)
    return column


def _net(nodes: Sequence[str], links: Sequence[Link], column: Mapping[str, int], size: float, thin: float) -> _Net:
    net = _Net([[] for _ in range(max(column.values(), default=0) + 1)], dict.fromkeys(nodes, size))
    for name in nodes:
        net.columns[column[name]].append(name)
    for number, (source, target) in enumerate(links):
        chain = [source]
        for passed in range(column[source] + 1, column[target]):
            stand = f"\0{number}.{passed}"
            net.columns[passed].append(stand)
            net.sizes[stand] = thin
            chain.append(stand)
        net.stands[source, target] = chain[1:]
        for one, other in zip(chain, [*chain[1:], target], strict=True):
            net.after.setdefault(one, []).append(other)
            net.before.setdefault(other, []).append(one)
    return net


def _order(net: _Net, *, down: bool) -> None:
    """One sweep: sort each column by the mean place of its neighbours in the column before (or after)."""
    near = net.before if down else net.after
    place = {name: index / max(len(column) - 1, 1) for column in net.columns for index, name in enumerate(column)}
    for column in net.columns if down else reversed(net.columns):
        weight = {name: _mean([place[each] for each in near.get(name, ())], place[name]) for name in column}
        column.sort(key=lambda name: weight[name])
        place |= {name: index / max(len(column) - 1, 1) for index, name in enumerate(column)}


def _positions(net: _Net, gap: float) -> tuple[dict[str, float], float]:
    """Stack each column, then pull everything towards its neighbours as far as the order allows."""
    middle: dict[str, float] = {}
    for column in net.columns:
        _stack(column, dict.fromkeys(column, 0.0), net, gap, middle)
    for sweep in range(_SWEEPS):
        for column in net.columns if sweep % 2 else reversed(net.columns):
            around = {name: [*net.before.get(name, ()), *net.after.get(name, ())] for name in column}
            wanted = {name: _mean([middle[each] for each in around[name]], middle[name]) for name in column}
            _stack(column, wanted, net, gap, middle)
    top = min((middle[name] - net.sizes[name] / 2 for name in middle), default=0.0)
    middle = {name: value - top for name, value in middle.items()}
    return middle, max((middle[name] + net.sizes[name] / 2 for name in middle), default=0.0)


def _stack(column: Sequence[str], wanted: Mapping[str, float], net: _Net, gap: float, middle: dict[str, float]) -> None:
    """Give a column the positions nearest to the wanted ones that keep order and distance: blocks that collide are merged at their mean."""
    blocks: list[tuple[float, float, list[str]]] = []
    for name in column:
        start, length, names = wanted[name] - net.sizes[name] / 2, net.sizes[name], [name]
        while blocks and blocks[-1][0] + blocks[-1][1] + gap > start:
            above_start, above_length, above = blocks.pop()
            count, more = len(above), len(names)
            start = (above_start * count + (start - above_length - gap) * more) / (count + more)
            length, names = above_length + gap + length, above + names
        blocks.append((start, length, names))
    for start, _, names in blocks:
        at = start
        for name in names:
            middle[name] = at + net.sizes[name] / 2
            at += net.sizes[name] + gap


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
