"""Replay erasures in a store that was restored from a backup, before the store serves again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.aftercare import reappeared_data, sweeping
from expunge.engine.aftercare.sweeping import SweepResult
from expunge.engine.execution import planning
from expunge.engine.execution.order_conclusion import KEPT
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import RESTORALS, Recorder, register
from expunge.errors import UsageError


@dataclass(frozen=True)
class RestoreReplay:
    """The data found in a restored store, and the result of erasing it again."""

    store: str
    swept: SweepResult
    runs: tuple[Run, ...]
    """The orders that erased again, each with receipts of its own."""

    @property
    def may_serve(self) -> bool:
        """True once no erased subject is in the store any more: all of it could be looked through, and everything found is erased.

        An order's unfinished work elsewhere, or its wait for backups that still hold the person, says nothing about this store. Items that
        stay in it by a hold stay on purpose.
        """
        return not self.swept.failed and all(self._clean(run) for run in self.runs)

    def _clean(self, run: Run) -> bool:
        if run.state is not OrderState.IN_PART:
            return run.state is OrderState.FULFILLED
        reasons = [reason.partition(": ") for reason in run.reasons]
        return all(colon and (name not in self.swept.looked or why.startswith(KEPT)) for name, colon, why in reasons)


def find(context: Context, store: str) -> SweepResult:
    """Find erased subjects who are in the store again. Open and plan an order for each subject whose own order is over.

    Raises UsageError for a store that the map does not name.
    """
    if store not in context.data_map.stores:
        message = f"the map names no store {store!r}"
        raise UsageError(message, help=f"one of: {', '.join(sorted(context.data_map.stores))}")
    swept = sweeping.sweep(context, {store}, put_back=True)
    swept = replace(swept, came_back=(*swept.came_back, *reappeared_data.came_back(context, {store}, put_back=True)))
    unplanned = [order for order in dict.fromkeys(each.followed_by for each in swept.came_back) if _has_no_plan(context, order)]
    if unplanned:
        planning.make_all(context, unplanned)
    return swept


def _has_no_plan(context: Context, order: OrderId) -> bool:
    return Recorder(context.journal, context.clock, order).run.plan is None


def remember(context: Context, store: str, orders: tuple[OrderId, ...], *, clean: bool) -> None:
    """Journal that the store was restored and looked through."""
    register(context.journal, RESTORALS, ev.Restored(context.clock.now(), store, orders, clean))
