"""Keeps the best windows of one field of one subject within a budget, in any order of arrival and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.traces import Trace

FORMS = 19
"""Other written forms of one window, at most."""
_DRESSED = 7
"""Windows that are taken in other forms too, however large the budget: so that a large one buys more of the content as it is."""


_SLACK = 16
"""Windows kept beyond twice those wanted before the worst are dropped; small, because an order has thousands of fields of people."""


@dataclass
class Harvest:
    """A sample: of each value the best windows first, and among equals those with the smallest keyed digest, which is a fair draw."""

    budget: int
    plain: dict[bytes, tuple[int, Trace]] = field(default_factory=dict)
    """Content as it is, by digest; with its rank."""
    dressed: dict[bytes, tuple[int, Trace]] = field(default_factory=dict)
    """Content in another form."""

    def add(self, rank: int, trace: Trace, *, dressed: bool) -> None:
        """Offer one window; rank 0 is the best of its value."""
        if trace.digest in self.plain:
            return
        most = self._most_dressed if dressed else self.budget
        if not most:
            return
        kept = self.dressed if dressed else self.plain
        known = kept.get(trace.digest)
        if known is None or rank < known[0]:
            kept[trace.digest] = (rank, trace)
        if len(kept) > 2 * most + _SLACK:
            best = _best(kept, most)
            kept.clear()
            kept.update((trace.digest, (rank, trace)) for rank, trace in best)

    def take(self) -> list[Trace]:
        """At most ``budget`` windows as they are, and other forms: none with a budget of one, else as of all windows but one."""
        return [trace for _, trace in (*_best(self.plain, self.budget), *_best(self.dressed, self._most_dressed))]

    @property
    def _most_dressed(self) -> int:
        return FORMS * min(self.budget - 1, _DRESSED)


def _best(kept: dict[bytes, tuple[int, Trace]], count: int) -> list[tuple[int, Trace]]:
    return sorted(kept.values(), key=lambda each: (each[0], each[1].digest))[:count]
