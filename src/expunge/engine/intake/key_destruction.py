"""Destroy the keys of an order: the order's key at its end, the keys of traces and contact at their end date."""

from __future__ import annotations

from collections.abc import Sequence

from expunge.core.journal import events as ev
from expunge.core.values.order import OrderState
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, append_together

_SEALED_UNDER_ORDER_KEY = (person_orders.IDENTIFIERS, person_orders.OPENINGS, "selectors.sealed")


def destroy(context: Context, recorder: Recorder) -> None:
    """Destroy the order's key and the data it sealed. Idempotent."""
    destroy_all(context, [recorder])


def destroy_all(context: Context, recorders: Sequence[Recorder]) -> None:
    """Destroy the keys of several orders and the data they sealed. Idempotent."""
    orders = [recorder.run.order for recorder in recorders]
    context.keys.destroy_orders(orders)
    # commit point: nobody can read the identifiers any more, whatever copies of the sealed files there are.
    sealed = [(order, name) for order in orders for name in context.shelf.names(order) if name.startswith(("residue-", "lying-"))]
    context.shelf.remove_all([*((order, name) for order in orders for name in _SEALED_UNDER_ORDER_KEY), *sealed])
    left = [recorder for recorder in recorders if not recorder.run.key_destroyed]
    append_together(context.journal, left, [[ev.OrderKeyDestroyed(each.now())] for each in left], None)


def destroy_traces(context: Context, recorder: Recorder, *, key: bool = True) -> None:
    """Destroy trace key, contact key and the files they open; idempotent.

    ``key=False`` leaves the trace key and the traces: orders that shared a round are still looked at with them.
    """
    order = recorder.run.order
    context.keys.destroy_contact(order)
    context.shelf.remove(order, person_orders.CONTACT)
    for name in list(context.shelf.names(order)):
        if name.startswith("instruction-"):
            context.shelf.remove(order, name)
    if key:
        context.keys.destroy_trace_key(order)
        for name in list(context.shelf.names(order)):
            if name.startswith(("traces-", "values-", "shares-", "seen-", "crowded-", "held-")):
                context.shelf.remove(order, name)
    if not recorder.run.traces_ended:
        recorder.append(ev.TracesEnded(recorder.now()))


def traces_due(context: Context, recorder: Recorder) -> bool:
    """Return whether the traces' end date has come."""
    run = recorder.run
    if run.traces_ended or run.ended_at is None or run.state is OrderState.IN_PART:
        return False
    return recorder.now() >= run.ended_at + context.data_map.traces_kept
