"""Find the orders that people have already, before another one is received for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core.datamap.person import Person
from expunge.core.orders.run import Run
from expunge.core.values.ids import pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import read

_OVER = frozenset({OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED})


@dataclass(frozen=True)
class EarlierOrder:
    """An order about somebody for whom another one is about to be received."""

    run: Run

    @property
    def open(self) -> bool:
        """Whether it can still erase something, so that another one is needless."""
        return self.run.state not in _OVER and not self.run.final


def earlier(context: Context, people: Sequence[Person]) -> tuple[EarlierOrder, ...]:
    """Return the orders for everything of one of these people that stand, oldest first; cancelled ones do not."""
    key = context.keys.pseudonym_key()
    names = {str(pseudonym(key, kind, value)) for person in people for kind, value in person.identifiers()}
    found = [order for order, entered in fencing.standing_orders(context).items() if not names.isdisjoint(entered.pseudonyms)]
    runs = (recorder.run for recorder in read(context.journal, context.clock, found))
    return tuple(EarlierOrder(run) for run in sorted(runs, key=lambda run: run.received.at))
