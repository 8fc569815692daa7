"""The people whose own orders are carried out: who shares an item with nobody else need not keep it for them."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import read
from expunge.engine.subjects import hold_register

_CARRIED_OUT = frozenset({OrderState.RUNNING, OrderState.FULFILLED, OrderState.IN_PART, OrderState.REOPENED})


class LeavingPeople:
    """Tells whose orders are carried out, as :data:`expunge.engine.subjects.locating.Leaving` has it."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._fence: fencing.SuppressionIndex | None = None
        self._leaving: dict[OrderId, bool] = {}

    def __call__(self, kind: str, values: Sequence[str]) -> frozenset[str]:
        """Return the identifiers of people whose order can no longer be cancelled, and of whom no hold keeps anything."""
        if not values:
            return frozenset()
        self._fence = self._fence or fencing.fenced(self._context)
        return frozenset(value for value, name in self._fence.among(kind, values) if self._leaves(self._fence.names[name]))

    def _leaves(self, order: OrderId) -> bool:
        if order not in self._leaving:
            (recorder,) = read(self._context.journal, self._context.clock, [order])
            names = frozenset(fencing.standing_orders(self._context)[order].pseudonyms)
            held = any(str(hold.subject) in names for hold in hold_register.active(self._context))
            self._leaving[order] = recorder.run.state in _CARRIED_OUT and not held
        return self._leaving[order]
