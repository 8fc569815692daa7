"""What an order of destruction spreads to: everything made from what is covered, in whole or in part, however far down.

There is no minimum share: one edge is enough. Each hit knows the path that led to it. What nobody can say the origin of is never clean,
nor is anything made from it: it is listed as unknown until somebody decides.

Nodes are datasets of a map (``labels``) and single artefacts (``models/kws-2019``), a million of them without trouble: names become
numbers, edges lie in arrays, the walk has a queue and no recursion, and paths are put together when they are asked for.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

_NOBODY = -1


@dataclass(frozen=True)
class Made:
    """One way in which an artefact came to be."""

    source: str
    product: str
    how: str
    """``derived from``, ``trained on``, ``fine-tuned from``, ``distilled from``, ``member of``..."""
    read: datetime | None = None
    """When the source was read for it, where that is known."""
    declared: bool = True
    """False: observed in a pipeline, declared by nobody."""


class Ancestry:
    """Which artefact was made from which. Add everything, then ask."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._sources = array("q")
        self._products = array("q")
        self._how = array("q")
        self._words: dict[str, int] = {}
        self._read: dict[int, datetime] = {}
        self._observed: set[int] = set()
        self._known: set[int] = set()

    def declare(self, name: str) -> None:
        """There is such a dataset or artefact."""
        self._known.add(self._number(name))

    def add(self, made: Made) -> None:
        """One edge; a source that nobody declares makes its product unknown."""
        self.link(made.source, made.product, made.how)
        edge = len(self._sources) - 1
        if made.read is not None:
            self._read[edge] = made.read
        if not made.declared:
            self._observed.add(edge)

    def link(self, source: str, product: str, how: str) -> None:
        """The same with nothing else known of it."""
        self._sources.append(self._number(source))
        self._products.append(self._number(product))
        self._how.append(self._words.setdefault(how, len(self._words)))

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def made(self, product: str) -> Iterator[Made]:
        """Every recorded way in which something came to be. Reads all edges."""
        number = self._numbers.get(product, _NOBODY)
        return (self._edge(at) for at, each in enumerate(self._products) if each == number)

    def spread(self, starts: Iterable[str], roots: Collection[str] = ()) -> Taint:
        """Everything made from ``starts``, and everything whose origin nobody can tell.

        Args:
            starts: names of what is covered; those that nobody declared reach nothing.
            roots: names that need no origin, because they were collected, not made.
        """
        begin, edges = self._outgoing()
        starts = tuple(starts)
        beginning = [self._numbers[each] for each in starts if each in self._numbers]
        hit = self._walk(beginning, begin, edges)
        made = set(self._products)
        fine = {number for each in (*roots, *starts) if (number := self._numbers.get(each)) is not None} | made
        lost = [number for number in range(len(self._names)) if number not in self._known or number not in fine]
        unknown = self._walk(lost, begin, edges)
        return Taint(self, hit, unknown, frozenset(lost))

    def _outgoing(self) -> tuple[array[int], array[int]]:
        """Edges sorted by their source: where each source's begin, and their numbers (compressed sparse rows)."""
        begin = array("q", bytes(8 * (len(self._names) + 1)))
        for source in self._sources:
            begin[source + 1] += 1
        for at in range(len(self._names)):
            begin[at + 1] += begin[at]
        place, edges = array("q", begin), array("q", bytes(8 * len(self._sources)))
        for edge, source in enumerate(self._sources):
            edges[place[source]] = edge
            place[source] += 1
        return begin, edges

    def _walk(self, starts: Iterable[int], begin: array[int], edges: array[int]) -> dict[int, int]:
        """Node -> the edge by which it was first reached, on a shortest path; -1 for a start."""
        reached = dict.fromkeys(starts, _NOBODY)
        todo = list(reached)
        products = self._products
        for source in todo:  # grows while it is walked
            for at in range(begin[source], begin[source + 1]):
                edge = edges[at]
                product = products[edge]
                if product not in reached:
                    reached[product] = edge
                    todo.append(product)
        return reached

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def _edge(self, at: int) -> Made:
        how = next(word for word, number in self._words.items() if number == self._how[at])
        return Made(self._names[self._sources[at]], self._names[self._products[at]], how, self._read.get(at), at not in self._observed)

    def name(self, number: int) -> str:
        """Inverse of the numbering."""
        return self._names[number]

    def number(self, name: str) -> int:
        """The number of a name; -1 for one that was never mentioned."""
        return self._numbers.get(name, _NOBODY)

    def path(self, number: int, reached: Mapping[int, int]) -> tuple[Made, ...]:
        """The edges of a shortest path from a start, first to last; empty for a start."""
        path = []
        while (edge := reached[number]) != _NOBODY:
            path.append(self._edge(edge))
            number = self._sources[edge]
        return tuple(reversed(path))


@dataclass(frozen=True)
class Taint:
    """What was reached, and what cannot be told."""

    ancestry: Ancestry
    reached: Mapping[int, int]
    doubtful: Mapping[int, int]
    """Reached from something of unknown origin."""
    lost: frozenset[int]
    """What has no origin on record itself."""

    @property
    def hits(self) -> frozenset[str]:
        """Names of everything made from the starts, the starts included."""
        return frozenset(map(self.ancestry.name, self.reached))

    @property
    def unknown(self) -> frozenset[str]:
        """Names of what is not a hit and whose origin, or a part of it, nobody can tell."""
        return frozenset(self.ancestry.name(each) for each in self.doubtful.keys() - self.reached.keys())

    def path(self, name: str) -> tuple[Made, ...]:
        """How a hit hangs on what is covered; or, for an unknown one, on what has no origin on record. Raises KeyError for others."""
        number = self.ancestry.number(name)
        return self.ancestry.path(number, self.reached if number in self.reached else self.doubtful)
