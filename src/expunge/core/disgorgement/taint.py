"""The taint of an order of destruction: everything made from covered data, in whole or in part, at any depth.

There is no minimum share: one edge is enough. Each hit knows the path that led to it. An artefact of unknown origin is never clean, nor is
anything made from it. It is listed as unknown until an operator decides.

Nodes are datasets of a map (``labels``) and single artefacts (``models/kws-2019``). The walk handles a million of them: names become
numbers, edges lie in arrays, the walk has a queue and no recursion, and paths are put together on demand.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

_NOBODY, _NOT_REACHED = -1, -2


@dataclass(frozen=True)
class Derivation:
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
    """The graph of artefacts and their sources. Add every edge before the first query."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._names: list[str] = []
        self._sources = array("q")
        self._products = array("q")
        self._how = array("q")
        self._first = array("q")
        """Node -> its latest outgoing edge."""
        self._next = array("q")
        """Edge -> the one of the same source before it."""
        self._words: dict[str, int] = {}
        self._read: dict[int, datetime] = {}
        self._observed: set[int] = set()
        self._known = bytearray()

    def declare(self, name: str) -> None:
        """Declare a dataset or artefact."""
        self._known[self._number(name)] = 1

    def add(self, made: Derivation) -> None:
        """Add one edge. An undeclared source makes its product unknown."""
        self.link(made.source, made.product, made.how)
        edge = len(self._sources) - 1
        if made.read is not None:
            self._read[edge] = made.read
        if not made.declared:
            self._observed.add(edge)

    def link(self, source: str, product: str, how: str) -> None:
        """The same with nothing else known of it."""
        start = self._number(source)
        self._next.append(self._first[start])
        self._first[start] = len(self._sources)
        self._sources.append(start)
        self._products.append(self._number(product))
        self._how.append(self._words.setdefault(how, len(self._words)))

    def spread(self, starts: Iterable[str], roots: Collection[str] = ()) -> Taint:
        """Return everything made from ``starts``, and everything of unknown origin.

        Args:
            starts: names of covered data. Undeclared names reach nothing.
            roots: names that need no origin, because they were collected, not made.
        """
        starts = tuple(starts)
        beginning = [self._numbers[start] for start in starts if start in self._numbers]
        hit = self._walk(beginning)
        fine = bytearray(len(self._names))
        for number in self._products:
            fine[number] = 1
        for each in (*roots, *starts):
            if each in self._numbers:
                fine[self._numbers[each]] = 1
        lost = [number for number, (made, known) in enumerate(zip(fine, self._known, strict=True)) if not (made and known)]
        unknown = self._walk(lost)
        return Taint(self, hit, unknown)

    def _walk(self, starts: Iterable[int]) -> array[int]:
        """Node -> the edge by which it was first reached, on a shortest path; -1 for a start, -2 for what was not reached."""
        reached = array("q", [_NOT_REACHED]) * len(self._names)
        todo = list(dict.fromkeys(starts))
        for number in todo:
            reached[number] = _NOBODY
        first, following, products = self._first, self._next, self._products
        for source in todo:  # grows while it is walked
            edge = first[source]
            while edge != _NOBODY:
                product = products[edge]
                if reached[product] == _NOT_REACHED:
                    reached[product] = edge
                    todo.append(product)
                edge = following[edge]
        return reached

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            self._known.append(0)
            self._first.append(_NOBODY)
        return number

    def _edge(self, at: int) -> Derivation:
        how = next(word for word, number in self._words.items() if number == self._how[at])
        return Derivation(
            self._names[self._sources[at]], self._names[self._products[at]], how, self._read.get(at), at not in self._observed
        )

    def name(self, number: int) -> str:
        """Inverse of the numbering."""
        return self._names[number]

    def number(self, name: str) -> int:
        """Return the number of a name, or -1 for a name that was never added."""
        return self._numbers.get(name, _NOBODY)

    def path(self, number: int, reached: array[int]) -> tuple[Derivation, ...]:
        """The edges of a shortest path from a start, first to last; empty for a start."""
        path = []
        while (edge := reached[number]) != _NOBODY:
            path.append(self._edge(edge))
            number = self._sources[edge]
        return tuple(reversed(path))


class Taint:
    """The hits, and the names of unknown origin."""

    def __init__(self, ancestry: Ancestry, reached: array[int], doubtful: array[int]) -> None:
        """Made by :meth:`Ancestry.spread`: two walks, each node -> the edge by which it was reached."""
        self._ancestry = ancestry
        self._reached = reached
        self._doubtful = doubtful

    @cached_property
    def hits(self) -> frozenset[str]:
        """Names of everything made from the starts, the starts included."""
        return frozenset(self._ancestry.name(number) for number, edge in enumerate(self._reached) if edge != _NOT_REACHED)

    @cached_property
    def unknown(self) -> frozenset[str]:
        """Names that are not hits and whose origin is unknown, wholly or in part."""
        pairs = enumerate(zip(self._reached, self._doubtful, strict=True))
        return frozenset(self._ancestry.name(at) for at, (hit, doubt) in pairs if hit == _NOT_REACHED and doubt != _NOT_REACHED)

    def path(self, name: str) -> tuple[Derivation, ...]:
        """Return how a hit derives from covered data, or how an unknown name derives from a source without an origin on record.

        Raises KeyError for other names.
        """
        number = self._ancestry.number(name)
        for reached in (self._reached, self._doubtful):
            if number != _NOBODY and reached[number] != _NOT_REACHED:
                return self._ancestry.path(number, reached)
        raise KeyError(name)
