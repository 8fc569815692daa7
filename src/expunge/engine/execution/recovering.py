"""Recover at each start: take up the work that a crash left. Recovery is not a mode. It calls the same functions again."""

from __future__ import annotations

from collections.abc import Iterable

from expunge import telemetry
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.consent import consent_decisions
from expunge.engine.execution import order_conclusion
from expunge.engine.gate import fencing
from expunge.engine.intake import cancelling, person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, read_all
from expunge.telemetry import Action


def recover(context: Context, recorders: Iterable[Recorder] | None = None, *, alone: bool = True) -> tuple[OrderId, ...]:
    """Raise fences, finish ends, and destroy keys that a crash left standing. Return the orders whose erasing was interrupted.

    Those are resumed by ``apply``, not here: erasing goes on only when an operator asks for it.

    Args:
        context: the composition.
        recorders: of all orders in which a crash may have left something, read up to now; None reads all orders.
        alone: whether nobody else runs orders; otherwise what is under way, or has just ended, is theirs.
    """
    interrupted: list[OrderId] = []
    touched = 0
    for recorder in read_all(context.journal, context.clock) if recorders is None else recorders:
        run, order = recorder.run, recorder.run.order
        if run.state is OrderState.RECEIVED:
            person_orders.fence_if_needed(context, recorder)
            touched += 1
        elif run.state is OrderState.RUNNING and alone:
            interrupted.append(order)
        elif run.state is OrderState.CANCELLED and not run.traces_ended:
            cancelling.cancel(context, order, "")
            touched += 1
        elif run.final and not run.key_destroyed and alone:
            order_conclusion.finish_all(context, [recorder])
            touched += 1
    with context.journal.changing():
        touched += consent_decisions.recover(context)
    if touched:
        fencing.publish(context)
        telemetry.log(Action.RECOVERED, orders=touched)
    return tuple(interrupted)
