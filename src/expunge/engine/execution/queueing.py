"""Orders that wait for one another to share the rewriting of tables and files. An order that is due, or urgent, does not wait."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime, timedelta

from expunge import telemetry
from expunge.core.journal import events as ev
from expunge.core.orders.batch_release import Waiting, released
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.consent import approving
from expunge.engine.evidence import receipt_entries
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, read_all
from expunge.engine.recipients import deadlines
from expunge.engine.subjects import hold_register
from expunge.errors import IllegalTransition
from expunge.telemetry import Action, Opaque

STARTABLE = (OrderState.PLANNED, OrderState.APPROVED, OrderState.IN_PART)


def submit(context: Context, order: OrderId, *, hurry: bool = False, wait: timedelta | None = None) -> Run:
    """Queue an order for the workers. Doing it again only changes how long it may wait.

    Args:
        context: the composition.
        order: planned, and approved where the map asks for that.
        hurry: start as soon as its cooling-off time is over.
        wait: longest wait from now; the map's ``longest_wait`` when None.

    Raises:
        IllegalTransition: not planned yet, or under way, or over.
        NeedsApproval: a gate of the map waits.
    """
    recorder = Recorder(context.journal, context.clock, order)
    run = recorder.run
    if run.state not in STARTABLE or run.plan is None or run.final:
        message = f"an order that is {run.state} cannot be queued"
        raise IllegalTransition(message, help=f"run `expunge plan {order}` first" if run.plan is None else "see `expunge status`")
    if run.state is not OrderState.IN_PART:
        approving.require(context, run)
    now = recorder.now()
    longest = context.data_map.longest_wait if wait is None else wait
    recorder.append(ev.Queued(now, now if hurry else now + longest))
    telemetry.log(Action.QUEUED, order=Opaque(order))
    return recorder.run


def take_up(context: Context, runs: Iterable[Run] | None = None) -> tuple[OrderId, ...]:
    """Queue, without a wait, the orders that ended in part for a hold that binds no more. Return them. Doing it twice changes nothing.

    Of several holds, each that ends is reason enough: what the others keep stays kept.
    """
    binding, over = {each.id for each in hold_register.active(context)}, hold_register.over(context)
    freed = []
    for run in _all(context) if runs is None else runs:
        planned = set(run.plan.holds) if run.plan else set()
        waits = run.state is OrderState.IN_PART and not run.final and run.queued is None
        # Why not by the plan alone: a hold that was placed while the order was carried out is not in it.
        if waits and ((planned and planned.isdisjoint(binding)) or (over and _kept_by_one_of(context, run, over))):
            submit(context, run.order, hurry=True)
            freed.append(run.order)
    return tuple(freed)


def _kept_by_one_of(context: Context, run: Run, over: Container[tuple[str, str, datetime | None]]) -> bool:
    """Whether what an order left was kept by one of the holds that bind no more; where several keep the same, the longest counts."""
    return any(
        (each.dataset, each.ground, each.until) in over for _, kept, *_ in receipt_entries.entries(context, run).values() for each in kept
    )


def let_go(context: Context, order: OrderId, why: str) -> None:
    """Take an order that cannot start out of the queue. ``why`` goes to the outbox, so that an operator looks."""
    recorder = Recorder(context.journal, context.clock, order)
    recorder.append(ev.Unqueued(recorder.now(), why))


def waiting(context: Context) -> tuple[Run, ...]:
    """Return the orders in the queue, oldest first."""
    return tuple(run for run in _all(context) if run.queued is not None and run.state in STARTABLE)


def due_date(context: Context, run: Run) -> datetime | None:
    """Return the earliest time at which a clock rule of the map says that an order has to be done; None where none does."""
    owed = deadlines.owed(context, run.order, run.received.kind.value, deadlines.happened(run))
    return min((each.at for each in owed if each.at is not None), default=None)


def _all(context: Context) -> Iterator[Run]:
    return (each.run for each in read_all(context.journal, context.clock))


def due(context: Context, runs: Iterable[Run] | None = None) -> tuple[OrderId, ...]:
    """Return the orders that start now; see :func:`expunge.core.orders.batch_release.released`."""
    queued = waiting(context) if runs is None else tuple(runs)
    entries = [
        Waiting(run.order, run.received.earliest, run.queued.latest, due_date(context, run)) for run in queued if run.queued is not None
    ]
    return released(entries, context.clock.now(), [store.window for store in context.data_map.stores.values()])
