"""Cancel an order before anything was erased: lift the fence and destroy the identifiers of the person."""

from __future__ import annotations

from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState, check_transition
from expunge.engine.gate import fencing
from expunge.engine.intake import key_destruction
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder


def cancel(context: Context, order: OrderId, reason: str) -> Run:
    """Cancel. Cancelling a cancelled order finishes the work that a crash left. Raises IllegalTransition once erasing has begun."""
    recorder = Recorder(context.journal, context.clock, order)
    if recorder.run.state is not OrderState.CANCELLED:
        check_transition(recorder.run.state, OrderState.CANCELLED)
        recorder.append(ev.Cancelled(recorder.now(), reason))
    fencing.lift(context, order)
    context.outbox.put(order, "cancelled", "The order was cancelled before anything was erased. Nothing has changed.", {})
    key_destruction.destroy(context, recorder)
    key_destruction.destroy_traces(context, recorder)
    return recorder.run
