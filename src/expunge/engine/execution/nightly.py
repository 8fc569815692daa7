"""The cohorts of a night: every order that waits and may start, a thousand together, so that each store is read once for all of these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.orders.batch_release import NIGHT
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.execution import queueing, running
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import read, read_all
from expunge.errors import ExpungeError, NeedsApproval

_WAITING = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED, OrderState.RUNNING})


@dataclass(frozen=True)
class StaysOut:
    """An order that waits and cannot start tonight."""

    order: OrderId
    why: str
    due: datetime | None
    """The earliest end of a clock rule that applies to it."""
    near: bool
    """It is due before the next night, or was already."""
    gate: bool
    """It waits for a person's approval."""


@dataclass(frozen=True)
class NightlyCohort:
    """The orders of one night."""

    going: tuple[OrderId, ...]
    staying: tuple[StaysOut, ...]


@dataclass(frozen=True)
class NightlyResult:
    """What became of a night's cohort."""

    ended: Mapping[OrderId, OrderState]
    """The state of each order that was carried out. Why no more: plans of ten thousand orders are more than one process should hold."""
    people: int
    """In these orders."""
    staying: tuple[StaysOut, ...]


MOST = 1_000
"""Orders that are carried out together: what a night keeps in memory is what so many need."""


def parts(context: Context) -> Iterator[tuple[OrderId, ...]]:
    """Yield the orders that wait, oldest first, as many as go together at most; before all others those that were interrupted."""
    waiting = [(each.run.order, each.run.state) for each in read_all(context.journal, context.clock) if _waits(each.run)]
    # Why together: they share rounds that have begun, and end with these.
    if interrupted := tuple(order for order, state in waiting if state is OrderState.RUNNING):
        yield interrupted
    others = [order for order, state in waiting if state is not OrderState.RUNNING]
    yield from (tuple(others[start : start + MOST]) for start in range(0, len(others), MOST))


def gather(context: Context, orders: Sequence[OrderId]) -> NightlyCohort:
    """Tell which of some orders that wait start tonight.

    All that were planned and are approved where the map asks for that, queued or not; those in part that are queued; those that were
    interrupted. An order in its cooling-off time, or one with an obstacle, stays out and stops nobody else.
    """
    waiting = [each.run for each in read(context.journal, context.clock, orders) if _waits(each.run)]
    obstacles = _obstacles(context, [run for run in waiting if run.state is not OrderState.RUNNING])
    going = tuple(run.order for run in waiting if run.order not in obstacles)
    return NightlyCohort(going, tuple(_stays(context, run, obstacles[run.order]) for run in waiting if run.order in obstacles))


def _waits(run: Run) -> bool:
    if run.final:
        return False
    if run.state is OrderState.IN_PART:
        return run.queued is not None
    return run.state in _WAITING


def _obstacles(context: Context, waiting: Sequence[Run]) -> dict[OrderId, ExpungeError]:
    """Return what keeps each order from starting."""
    if not waiting or _obstacle(context, [run.order for run in waiting]) is None:
        return {}
    return dict(_each_obstacle(context, waiting))


def _each_obstacle(context: Context, waiting: Sequence[Run]) -> Iterator[tuple[OrderId, ExpungeError]]:
    for run in waiting:
        error = _obstacle(context, [run.order])
        if error is not None:
            yield run.order, error


def _obstacle(context: Context, orders: Sequence[OrderId]) -> ExpungeError | None:
    try:
        running.require_ready(context, orders)
    except ExpungeError as error:
        return error
    return None


def _stays(context: Context, run: Run, error: ExpungeError) -> StaysOut:
    due = queueing.due_date(context, run)
    near = due is not None and due <= context.clock.now() + NIGHT
    return StaysOut(run.order, error.message, due, near, isinstance(error, NeedsApproval))
