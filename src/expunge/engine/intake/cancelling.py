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
from expunge.errors import IllegalTransition


def cancel(context: Context, order: OrderId, reason: str) -> Run:
    """Cancel. Cancelling a cancelled order finishes the work that a crash left.

    Raises IllegalTransition while a round runs and once something was erased, also when the order has been planned again since.
    """
    recorder = Recorder(context.journal, context.clock, order)
    if recorder.run.state is not OrderState.CANCELLED:
        check_transition(recorder.run.state, OrderState.CANCELLED)
        if not recorder.run.erased_nothing:
            message = "an earlier round of the order erased something, or broke off while it erased, which cannot be undone"
            raise IllegalTransition(message, help=f"`expunge apply {order}` goes on with it")
        recorder.append(ev.Cancelled(recorder.now(), reason))
    fencing.lift(context, order)
    # Why two: a step that failed in the middle cannot say that it changed nothing.
    context.outbox.put(order, "cancelled", _TRIED if recorder.run.round else _UNTOUCHED, {})
    key_destruction.destroy(context, recorder)
    key_destruction.destroy_traces(context, recorder)
    return recorder.run


_UNTOUCHED = "The order was cancelled before anything was erased. Nothing has changed."
_TRIED = "The order was cancelled. It had been tried before, and no step of it reported that anything was erased."
