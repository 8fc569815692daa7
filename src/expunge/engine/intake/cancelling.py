"""Cancel an order before anything was erased: lift the fence and destroy the identifiers of the person."""

from __future__ import annotations

from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import trace_owner
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState, check_transition
from expunge.engine.gate import fencing
from expunge.engine.intake import key_destruction
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import MOST_REBASES, Recorder, read
from expunge.errors import Busy, Conflict, IllegalTransition


def cancel(context: Context, order: OrderId, reason: str) -> Run:
    """Cancel, also while a round runs that has not begun to erase. Cancelling a cancelled order finishes the work that a crash left.

    Raises IllegalTransition once something was erased, or is being erased, also when the order has been planned again since.
    """
    with context.journal.changing():
        recorder = _cancelled(context, order, reason)
        fencing.lift(context, order)
        # Why two: a step that failed in the middle cannot say that it changed nothing.
        context.outbox.put(order, "cancelled", _TRIED if recorder.run.round else _UNTOUCHED, {})
        key_destruction.destroy(context, recorder)
        key_destruction.destroy_traces(context, recorder, key=not _looked_with(context, recorder.run))
    return recorder.run


def _cancelled(context: Context, order: OrderId, reason: str) -> Recorder:
    """Journal it, unless that was done before; decide anew each time when a round has gone on meanwhile."""
    recorder = Recorder(context.journal, context.clock, order)
    for _ in range(MOST_REBASES):
        if recorder.run.state is OrderState.CANCELLED:
            return recorder
        check_transition(recorder.run.state, OrderState.CANCELLED)
        if not recorder.run.erased_nothing:
            message = "the order erased something, or is erasing, or broke off while it erased, which cannot be undone"
            raise IllegalTransition(message, help=f"`expunge apply {order}` goes on with it")
        try:
            # commit point: no step of it that erases begins any more, because its intent would come after this.
            recorder.append(ev.Cancelled(recorder.now(), reason))
        except Conflict:
            recorder.refresh()
    if recorder.run.state is OrderState.CANCELLED:
        return recorder
    message = "the order's round keeps going on"
    raise Busy(message, help="try again")


def _looked_with(context: Context, run: Run) -> bool:
    """Whether others of a shared round are still looked at with the traces that lie under this order's key."""
    others = [each for each in run.current.cohort if each != run.order]
    return trace_owner(run) == run.order and any(not each.run.traces_ended for each in read(context.journal, context.clock, others))


_UNTOUCHED = "The order was cancelled before anything was erased. Nothing has changed."
_TRIED = "The order was cancelled. It had been tried before, and no step of it reported that anything was erased."
