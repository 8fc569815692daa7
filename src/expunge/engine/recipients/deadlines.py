"""Compute the deadline of every open duty by the clock rules of the map, and record the one extension that a person can be told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from expunge.core.datamap.clocks import ClockRule, ClockState, due
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByGuardian
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder, orders
from expunge.engine.subjects import hold_register
from expunge.errors import IllegalTransition, UsageError

RECEIVED = "received"
EXTENDED = "extension notified"
HOLD_ENDED = "hold ended"
DIRECTED = "directed by a guardian"
"""What clocks apply to for an order that a guardian gave."""
_OVER = (OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED)


@dataclass(frozen=True)
class Deadline:
    """One deadline over one thing."""

    what: str
    """``order ord-…``, ``hold hold-…``: no identifier."""
    duty: str
    clock: str
    """Name of the rule in the clock files, or what sets the date by itself."""
    source: str
    at: datetime | None
    """When it falls due; None while its clock has not started."""
    standing: ClockState
    why: str
    """Which bound it was, whether it was extended, what it waits for."""
    not_before: datetime | None = None


def owed(context: Context, what: str, word: str, events: Mapping[str, datetime]) -> tuple[Deadline, ...]:
    """Return every clock rule of the map that applies to a thing, given its events.

    Args:
        context: the composition.
        what: names the thing.
        word: what the clocks apply to (``erasure``, ``hold``, ``inactive profile``).
        events: what happened, and when.
    """
    now = context.clock.now()
    rules = (law for law in context.data_map.laws.values() if word in law.applies)
    found = [(each, due(each, events)) for each in rules]
    return tuple(
        Deadline(what, rule.duty, rule.name, f"{rule.law}: {rule.source}", end.at, end.standing(now), end.why, end.not_before)
        for rule, end in found
    )


def of_orders(context: Context) -> tuple[Deadline, ...]:
    """Return the deadlines of every open order. An order that ended in part with nothing left to erase is over."""
    found: list[Deadline] = []
    for order in orders(context.journal):
        run = Recorder(context.journal, context.clock, order).run
        if run.state not in _OVER and not run.final:
            found += owed(context, f"order {order}", run.received.kind.value, happened(run))
            if isinstance(run.received.cause, ByGuardian):
                found += owed(context, f"order {order}", DIRECTED, happened(run))
    return tuple(found)


def happened(run: Run) -> dict[str, datetime]:
    """Return the events of one order from which clock rules can run."""
    events = {RECEIVED: run.received.at}
    if run.extended_at is not None:
        events[EXTENDED] = run.extended_at
    return events


def of_holds(context: Context) -> tuple[Deadline, ...]:
    """Return the end of each hold that binds now, and the deadline of each statement that is owed since a hold ended."""
    found = [
        Deadline(
            f"hold {each.id}",
            "erase what it keeps",
            "hold",
            each.authority,
            each.until,
            ClockState.RUNNING,
            "its end; erased by itself then",
        )
        for each in hold_register.active(context)
    ]
    for each in hold_register.past(context):
        if each.stated is None:
            found += owed(context, f"hold {each.hold.id}", "hold", {HOLD_ENDED: each.ended})
    return tuple(found)


def _place(each: Deadline) -> tuple[bool, float, str, str]:
    """Where it stands in the list: what is overdue without a date stands first."""
    never = each.at is None and not each.standing.overdue
    return never, each.at.timestamp() if each.at else 0.0, each.what, each.clock


def soonest_first(found: Iterable[Deadline]) -> tuple[Deadline, ...]:
    """Overdue ones first, then by the date; clocks that have not started come last."""
    return tuple(sorted(found, key=_place))


def extend(context: Context, order: OrderId, reason: str) -> Run:
    """Tell the person that it takes longer, and why; the clocks that allow it run on from then.

    Raises:
        IllegalTransition: for an order that is over, or was extended before.
        UsageError: where no clock of the map allows it, its time is over already, or no reason is given.
    """
    recorder = Recorder(context.journal, context.clock, order)
    run = recorder.run
    if run.state in _OVER or run.final or run.extended_at is not None:
        message = f"an order that is {run.state}{' and was extended' if run.extended_at else ''} cannot be extended"
        raise IllegalTransition(message, help="an extension is told once, while the order is open")
    if not reason.strip():
        message = "an extension needs a reason, which the person is told"
        raise UsageError(message, help="give --reason; no identifier in it")
    allowing = [law for law in context.data_map.laws.values() if _allows(law, run)]
    if not allowing:
        message = f"no clock of the map allows more time for an order of kind {run.received.kind}"
        raise UsageError(message, help="`expunge due` shows the clocks that run")
    now = recorder.now()
    late = [each for each in allowing if (end := due(each, happened(run)).at) is not None and now >= end]
    if len(late) == len(allowing):
        message = "the time is over: an extension has to be told before"
        raise UsageError(message, help="carry the order out; `expunge due` shows what is overdue")
    recorder.append(ev.Extended(now, reason))
    until = min(end for each in allowing if each not in late and (end := due(each, {**happened(run), EXTENDED: now}).at) is not None)
    context.outbox.put(order, "extended", _EXTENDED, {"reason": reason, "until": until.date().isoformat()})
    return recorder.run


def _allows(rule: ClockRule, run: Run) -> bool:
    return run.received.kind.value in rule.applies and rule.extension is not None and rule.extension.notice == EXTENDED


_EXTENDED = (
    "It takes longer than we hoped to do what was ordered, for the reason given. We will have done it, or have told you why not, by the "
    "date given at the latest."
)
