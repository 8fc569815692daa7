"""Notice orders that changed, by the lengths of their streams, so that what was counted before them is counted anew."""

from __future__ import annotations

from dataclasses import dataclass, field

from expunge.core.journal import events as ev
from expunge.core.values.ids import Pseudonym
from expunge.core.values.order import OrderKind
from expunge.engine.kernel import journal_streams
from expunge.ports.journal import Journal

_OF_A_CLASS = frozenset({OrderKind.EXPIRY, OrderKind.DISGORGEMENT})
"""Orders about a class of items: whose they are, no event says."""


@dataclass
class OrderWatch:
    """What is known of the orders of a journal. One thread uses it at a time."""

    journal: Journal
    _lengths: dict[str, int] | None = None
    _subjects: dict[str, frozenset[Pseudonym] | None] = field(default_factory=dict)
    """Order -> its people; None for one about a class of items."""

    def changed(self) -> frozenset[Pseudonym] | None:
        """Return the people whose orders grew since the last look; None where it may be anybody, as at the first look.

        Raises StateUnavailable, StateCorrupt.
        """
        before, self._lengths = (
            self._lengths,
            {name: each for name, each in self.journal.lengths().items() if journal_streams.is_order(name)},
        )
        if before is None:
            return None
        found: set[Pseudonym] = set()
        for name in (name for name, length in self._lengths.items() if length != before.get(name)):
            people = self._people(name)
            if people is None:
                return None
            found |= people
        return frozenset(found)

    def _people(self, order: str) -> frozenset[Pseudonym] | None:
        if order not in self._subjects:
            first = ev.decode(next(iter(self.journal.read(order))))
            assert isinstance(first, ev.Received)
            self._subjects[order] = None if first.kind in _OF_A_CLASS else frozenset(first.subjects)
        return self._subjects[order]
