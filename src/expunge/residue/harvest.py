"""Keeps the best windows of one field of one subject within a budget, in any order of arrival and in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.traces import Trace


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
        kept = self.dressed if dressed else self.plain
        known = kept.get(trace.digest)
        if known is None or rank < known[0]:
            kept[trace.digest] = (rank, trace)
        if len(kept) > 4 * self.budget + 64:
            best = _best(kept, self.budget)
            kept.clear()
            kept.update((trace.digest, (rank, trace)) for rank, trace in best)

    def take(self) -> list[Trace]:
        """The windows within the budget: at least half of it for content as it is, if there is so much."""
        plain, dressed = _best(self.plain, self.budget), _best(self.dressed, self.budget)
        share = min(len(plain), max((self.budget + 1) // 2, self.budget - len(dressed)))
        return [trace for _, trace in plain[:share]] + [trace for _, trace in dressed[: self.budget - share]]


def _best(kept: dict[bytes, tuple[int, Trace]], count: int) -> list[tuple[int, Trace]]:
    return sorted(kept.values(), key=lambda each: (each[0], each[1].digest))[:count]
