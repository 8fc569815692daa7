"""Run orders: next step, intent, act, outcome, until no step is left to take. The same loop starts, resumes and retries.

Orders that are given together share their rounds as far as they can: one look, one rewrite of a table or file, one purge, one scan for all.
Before the first destructive step of a round, ``apply`` checks the cooling-off time, approvals, drift and preflight.
"""

from __future__ import annotations

from collections.abc import Sequence

from expunge.core.journal import events as ev
from expunge.core.orders.run import Run, next_steps
from expunge.core.orders.shared_round import level, may_share
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.consent import approving, given_again, guardian_register
from expunge.engine.execution import order_conclusion, planning
from expunge.engine.execution.stepping import Stepper
from expunge.engine.export import ending_exports
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context, Reporter, silent
from expunge.engine.kernel.journal_streams import MOST_REBASES, CohortRecorder, Recorder, read, refresh, refresh_together
from expunge.engine.recipients import instructions
from expunge.engine.retention import inactive_profiles
from expunge.errors import Busy, Conflict, IllegalTransition, KeyDestroyed, StateCorrupt

OVER = (OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED)


def apply(context: Context, order: OrderId, *, saved: bytes | None = None, report: Reporter = silent) -> Run:
    """Take one order as far as it goes now; see :func:`apply_all`. ``saved``: a plan that was kept, which must still be the order's own."""
    if saved is not None:
        require_saved(context, order, saved)
    (run,) = apply_all(context, [order], saved=saved, report=report)
    return run


def require_saved(context: Context, order: OrderId, saved: bytes) -> None:
    """Raise Drift unless a saved plan is the order's own. An order that ended in part is planned again anyway."""
    run = Recorder(context.journal, context.clock, order).run
    if run.plan is not None and run.state is not OrderState.IN_PART:
        planning.check_saved(run, saved)


def apply_all(context: Context, orders: Sequence[OrderId], *, saved: bytes | None = None, report: Reporter = silent) -> tuple[Run, ...]:
    """Take orders as far as they go now, together where they can be.

    Returns each order's run after its end (fulfilled or in part); an order that is fulfilled already answers at once. Safe to call again
    after any crash.

    Raises, before anything is done for any of them:
        NeedsApproval: a gate of the map waits.
        Drift: the saved or journalled plan differs from the present one.
        IllegalTransition: not planned yet, cancelled, or still in its cooling-off time.
    """
    over: dict[OrderId, Run] = {}
    for cohort in ready(context, orders, saved):
        over |= {member.run.order: member.run for member in carry_out(context, cohort, report)}
    left = read(context.journal, context.clock, [order for order in orders if order not in over])
    over |= {each.run.order: each.run for each in left}
    return tuple(over[order] for order in orders)


def ready(context: Context, orders: Sequence[OrderId], saved: bytes | None = None) -> list[CohortRecorder]:
    """Bring the orders to where their steps can be taken: ends finished, those in part planned again, new rounds started and joined.

    Decides anew when somebody says something about one of them meanwhile. Raises as :func:`apply_all`.
    """
    for _ in range(MOST_REBASES):
        try:
            return _ready(context, orders, saved)
        except Conflict:
            continue
    message = "others keep changing the same orders"
    raise Busy(message, help="try again")


def _ready(context: Context, orders: Sequence[OrderId], saved: bytes | None) -> list[CohortRecorder]:
    resumed: dict[OrderId, tuple[OrderId, ...]] = {}
    starting: list[Recorder] = []
    over: list[Recorder] = []
    recorders = read(context.journal, context.clock, list(dict.fromkeys(orders)))
    present = [each.run for each in recorders]
    if inactive_profiles.spare(context, present) or given_again.narrow(context, present):
        refresh(context.journal, recorders)
    person_orders.fence_all(context, recorders)
    for recorder in recorders:
        run, order = recorder.run, recorder.run.order
        if run.final or run.state in OVER:
            over.append(recorder)
        elif run.state is OrderState.RUNNING:
            planning.check_map(context, run)
            members = run.current.cohort or (order,)
            resumed[members[0]] = members
        else:
            starting.append(recorder)
    order_conclusion.finish_all(context, over)
    again = [each.run.order for each in starting if each.run.state is OrderState.IN_PART]
    if again:
        planning.make_all(context, again)
        refresh(context.journal, starting)
    _require(context, starting, saved)
    begun = [*(member for members in resumed.values() for member in members_of(context, members)), *starting]
    instructions.instruct(context, [each.run for each in begun])
    _end_exports(context, [each.run.order for each in begun])
    cohorts = [CohortRecorder(context.journal, context.clock, members_of(context, each)) for each in resumed.values()]
    return [*cohorts, *(_start(context, each) for each in together(starting))]


def _end_exports(context: Context, orders: Sequence[OrderId]) -> None:
    """End exports that wait, or are made, with data that is about to be erased."""
    if orders and ending_exports.has_living(context):
        people = person_orders.open_people_of(context, orders)
        ending_exports.end_all_of(context, (person for found in people.values() for person in found))


def members_of(context: Context, orders: Sequence[OrderId]) -> list[Recorder]:
    """Return the members of a shared round whose own round has not ended yet."""
    return under_way(context, read(context.journal, context.clock, orders))


def under_way(context: Context, recorders: Sequence[Recorder]) -> list[Recorder]:
    """Return the members of a shared round whose own round has not ended yet, all read at the same point."""
    staying = [recorder for recorder in recorders if recorder.run.state is not OrderState.CANCELLED]
    if not level([recorder.run for recorder in staying]):
        # Why: others may have appended to all of them between the reading of two.
        refresh_together(context.journal, staying)
    return [recorder for recorder in recorders if recorder.run.state is OrderState.RUNNING]


def require_ready(context: Context, orders: Sequence[OrderId]) -> None:
    """Raise the obstacle to starting a round of any of these orders. Orders that will be planned again are not checked."""
    recorders = read(context.journal, context.clock, orders)
    _require(context, [recorder for recorder in recorders if recorder.run.state is not OrderState.IN_PART], None)


def _require(context: Context, starting: Sequence[Recorder], saved: bytes | None) -> None:
    if not starting:
        return
    present = planning.present_of(context, [each.run.order for each in starting])
    for recorder in starting:
        run = recorder.run
        if run.plan is None:
            message = "the order has no plan yet"
            raise IllegalTransition(message, help=f"run `expunge plan {run.order}` and look at what it says")
        if recorder.now() < run.received.earliest:
            message = f"the cooling-off time lasts until {run.received.earliest:%Y-%m-%d %H:%M} UTC"
            raise IllegalTransition(message, help="apply again after it; until then the order can be cancelled")
        guardian_register.require(context, run)
        approving.require(context, run)
        planning.check_drift(context, run, saved, present)


def together(recorders: Sequence[Recorder]) -> list[list[Recorder]]:
    """Group orders that can share a round, in the order given."""
    groups: list[tuple[list[Recorder], set[Pseudonym]]] = []
    for recorder in recorders:
        run = recorder.run
        # Why the first alone: but for people in common, who shares with it shares with all. With each, ten thousand orders never start.
        home = next((each for each in groups if may_share(run, each[0][0].run) and each[1].isdisjoint(run.subjects)), None)
        if home is None:
            groups.append(([recorder], set(run.subjects)))
        else:
            home[0].append(recorder)
            home[1].update(run.subjects)
    return [members for members, _ in groups]


def _start(context: Context, members: Sequence[Recorder]) -> CohortRecorder:
    cohort = CohortRecorder(context.journal, context.clock, members)
    orders = cohort.orders if len(members) > 1 else ()
    cohort.append_each([[ev.RoundStarted(cohort.now(), member.run.round + 1, orders)] for member in members])
    return cohort


def carry_out(context: Context, cohort: CohortRecorder, report: Reporter = silent) -> tuple[Recorder, ...]:
    """Take every step that can be taken, then state, sign and log the receipts and end each order. Return those that came to their end.

    An order that is cancelled meanwhile is left out from its next point of no return on; the others of the round go on.
    """
    for _ in range(MOST_REBASES):
        try:
            _carry_out(context, cohort, report)
        except (Conflict, KeyDestroyed, StateCorrupt):
            # What a cancelled order sealed can be read no more; anything else that is not readable is trouble of its own.
            going = members_of(context, cohort.orders)
            if len(going) == len(cohort.members) and not _went_on(cohort, going):
                raise
            if not going:
                return ()
            cohort = CohortRecorder(context.journal, context.clock, going)
        else:
            return cohort.members
    message = "others keep changing the same orders"
    raise Busy(message, help=f"`expunge apply {cohort.run.order}` goes on")


def _went_on(cohort: CohortRecorder, now: Sequence[Recorder]) -> bool:
    """Whether somebody appended to the orders of a round since it was read."""
    return [each.run.length for each in cohort.members] != [each.run.length for each in now]


def _carry_out(context: Context, cohort: CohortRecorder, report: Reporter) -> None:
    stepper = Stepper(context, cohort, report)
    stepper.begin()
    while steps := next_steps(stepper.run):
        stepper.take(stepper.plan.step(steps[0]))
    order_conclusion.conclude_all(context, cohort.members, report)
