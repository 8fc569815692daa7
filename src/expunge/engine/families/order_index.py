"""The orders about each subject, and the steps that are told of: memory over the journal, made anew at any time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.families.order_steps import STEPS, OrderStep, step_of
from expunge.core.journal import events as ev
from expunge.core.journal.peek import peek
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderKind
from expunge.engine.kernel.journal_streams import is_order
from expunge.ports.journal import Journal

_AT_A_TIME = 100
_TOLD = frozenset({OrderKind.ERASURE, OrderKind.WITHDRAWAL, OrderKind.INACTIVITY})
"""The kinds of orders about people whose steps are told; the others are about classes of items."""


@dataclass
class _Order:
    subjects: tuple[Pseudonym, ...] = ()
    told: bool = False
    length: int = 0


class OrderIndex:
    """Kept up to date by reading only what was appended since. Safe between threads."""

    def __init__(self, journal: Journal) -> None:
        """Read nothing yet."""
        self._journal = journal
        self._guard = threading.Lock()
        self._orders: dict[OrderId, _Order] = {}
        self._of: dict[Pseudonym, list[OrderId]] = {}
        self._steps: list[OrderStep] = []
        """In the order in which they were read."""

    def orders(self, subject: Pseudonym) -> tuple[OrderId, ...]:
        """Return the orders about a subject, oldest first, however they came in."""
        with self._guard:
            self._refresh()
            return tuple(self._of.get(subject, ()))

    def steps(self, start: int) -> tuple[OrderStep, ...]:
        """Return the steps of orders about people, from a place on in the order in which they were read."""
        with self._guard:
            self._refresh()
            return tuple(self._steps[start:])

    def _refresh(self) -> None:
        lengths = {OrderId(name): length for name, length in self._journal.lengths().items() if is_order(name)}
        grown = [name for name, length in lengths.items() if length > self._known(name).length]
        for start in range(0, len(grown), _AT_A_TIME):
            part = grown[start : start + _AT_A_TIME]
            found = self._journal.read_all({name: self._known(name).length for name in part})
            for name in part:
                self._take(name, found.get(name, ()))

    def _known(self, name: OrderId) -> _Order:
        return self._orders.get(name) or _Order()

    def _take(self, name: OrderId, events: Sequence[bytes]) -> None:
        order = self._orders.setdefault(name, _Order())
        for data in events:
            # Why a peek: decoding every event of every order takes many times as long.
            if peek(data, *STEPS) is None:
                continue
            event = ev.decode(data)
            if isinstance(event, ev.Received):
                order.subjects, order.told = event.subjects, event.kind in _TOLD
                for subject in event.subjects:
                    self._of.setdefault(subject, []).append(name)
            step = step_of(event, name, order.subjects)
            if step is not None and order.told:
                self._steps.append(step)
        order.length += len(events)
