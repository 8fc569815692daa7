"""Gather one plan snapshot, hand it whole to the core, journal the plan."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from expunge import telemetry
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.lineage.undeclared_lineage import UndeclaredPlace
from expunge.core.orders.plan import BystanderLoss, Plan, PlanSnapshot, plan
from expunge.core.orders.run import Run, fold
from expunge.core.orders.step_times import Estimate, StepTime, Workload, estimate
from expunge.core.values.copy import Cost
from expunge.core.values.hold import Hold
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState, check_transition
from expunge.engine.execution import foreseeing, open_guesses, schema_obstacles
from expunge.engine.execution.foreseeing import Foreseen
from expunge.engine.execution.leaving_people import LeavingPeople
from expunge.engine.intake import person_orders
from expunge.engine.intake.person_orders import OrderRequest
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import append_together, read
from expunge.engine.lineage import observed_lineage
from expunge.engine.subjects import bystander_loss, hold_register, locating, sealed_selectors
from expunge.engine.subjects.locating import LocatedCopies
from expunge.errors import Drift, IllegalTransition
from expunge.telemetry import Action, Opaque

GIVEN_UP = "the round was given up: the data map or a hold changed"


@dataclass(frozen=True)
class PlanForecast:
    """A plan with its forecast. The figures are not part of the digest."""

    plan: Plan
    items: dict[str, dict[str, int]]
    """Dataset -> subject -> items to be erased."""
    bytes: dict[str, int]
    """Dataset -> bytes of those items."""
    kept: dict[str, dict[str, tuple[str, ...]]]
    """Dataset -> subject -> why it stays."""
    failed: dict[str, str]
    """Dataset -> why it could not be looked at."""
    raw_bytes: dict[str, int]
    """Store -> bytes to be scanned, twice."""
    estimate: Estimate
    capabilities: dict[str, Capabilities] = field(default_factory=dict)
    costs: dict[str, Cost] = field(default_factory=dict)
    """Store -> what erasing will make it read and write; empty for an order that was planned together with others."""
    foreseen: Foreseen | None = None
    """None where nobody asked, and for an order that was planned together with others."""


def make(context: Context, order: OrderId, *, ahead: bool = False) -> PlanForecast:
    """Plan an order and journal it; with ``ahead`` the forecast says what the order meets beside what it erases.

    Raises IllegalTransition when it has ended for good or has begun to erase, and Misconfigured where a path leads to people outside the
    order and the map does not say so.
    """
    return make_all(context, [order], refuse=True, ahead=ahead)[0]


def make_all(context: Context, orders: Sequence[OrderId], *, refuse: bool = False, ahead: bool = False) -> tuple[PlanForecast, ...]:
    """Plan several orders with one look at the stores; each is journalled by itself. Raises as :func:`make`, before journalling any.

    Raises Misconfigured as well, where the map holds open guesses or a store cannot do what the map says of it; with ``refuse`` also where
    a path leads to people outside an order unsaid. Without, such datasets are left alone when the order is carried out.
    """
    recorders = read(context.journal, context.clock, orders)
    for run in (recorder.run for recorder in recorders if recorder.run.final):
        check_transition(run.state, OrderState.PLANNED)
        message = f"the order has ended for good, {run.state}: {'; '.join(run.reasons)}"
        raise IllegalTransition(message, help="what stays is on its receipt; a new order for the same person always works")
    # Why fenced before anything is refused: a map that is not ready must not let new data of the people in.
    person_orders.fence_all(context, recorders)
    open_guesses.require_decided(context.data_map)
    schema_obstacles.require_fit(context)
    for recorder in recorders:
        if recorder.run.state is OrderState.RUNNING and not _under_its_map(context, recorder.run):
            # Why allowed: the old map may be gone for good, and an order must never be stuck; the next round takes its steps again.
            recorder.append(ev.Ended(recorder.now(), OrderState.IN_PART, (GIVEN_UP,), final=False))
        check_transition(recorder.run.state, OrderState.PLANNED)
    forecasts = forecasts_of(context, [each.run for each in recorders], refuse=refuse, ahead=ahead)
    planned: list[list[ev.OrderEvent]] = []
    for recorder, forecast in zip(recorders, forecasts, strict=True):
        expected = {name: sum(by.values()) for name, by in forecast.items.items()}
        planned.append([ev.Planned(recorder.now(), forecast.plan.digest, forecast.plan.to_bytes().decode(), expected)])
    append_together(context.journal, recorders, planned, None)
    for recorder, forecast in zip(recorders, forecasts, strict=True):
        telemetry.log(Action.PLANNED, order=Opaque(recorder.run.order), steps=len(forecast.plan.steps))
    return forecasts


def forecasts_of(context: Context, runs: Sequence[Run], *, refuse: bool = False, ahead: bool = False) -> tuple[PlanForecast, ...]:
    """Compute plans and their figures without journalling anything; all people of orders of one reach are looked for in one pass."""
    present = present_of(context, [each.order for each in runs])
    raw_bytes = {name: _raw_bytes(context, name) for name, each in sorted(present.capabilities.items()) if not each.retains}
    whole = _locate(context, [each for each in runs if each.received.scope is None], present)
    schema_obstacles.require_covered(context, whole)
    forecasts, times = [], foreseeing.former_times(context)
    for run in runs:
        located = whole.of(run.subjects) if run.received.scope is None else _locate(context, [run], present)
        if refuse:
            bystander_loss.require_own_paths(context, located, present.people[run.order])
        # Asked for an order planned alone: of several that will share the rewriting, no figure for one of them means anything.
        costs = {name: _cost(context, name, located) for name in present.capabilities} if len(runs) == 1 else {}
        forecast = _forecast(context, run, present, located, raw_bytes, costs, times)
        if ahead and len(runs) == 1:
            forecast = replace(forecast, foreseen=foreseeing.foresee(context, forecast.plan, located, present.people[run.order]))
        forecasts.append(forecast)
    return tuple(forecasts)


@dataclass(frozen=True)
class PlanAhead:
    """The plan of an order that was not received, and what it would meet."""

    plan: Plan
    located: LocatedCopies
    capabilities: Mapping[str, Capabilities]
    holds: tuple[Hold, ...]
    """Those that bind on it."""


def ahead_of(context: Context, request: OrderRequest) -> PlanAhead:
    """Compute the plan that an order would have if it were received now; nothing is journalled.

    Raises Misconfigured as :func:`make` does, before anything of the order exists.
    """
    open_guesses.require_decided(context.data_map)
    people = tuple(each.person for each in request.people)
    subjects, now = tuple(each.subject for each in people), context.clock.now()
    received = ev.Received(
        at=now, order=_UNRECEIVED, kind=request.kind, subjects=subjects, commitments=(), channel=request.channel, cause=request.cause,
        requester=request.requester, earliest=now, follows=None, scope=request.scope,
    )  # fmt: skip
    run = fold([received])
    present = PlanningInputs(
        capabilities_of(context), observed_lineage.places(context), {_UNRECEIVED: people}, hold_register.active(context)
    )
    holds = hold_register.binding_of(context, present.holds, people, request.scope)
    located = locating.locate(context, people, holds, request.selectors, scope=request.scope, leaving=LeavingPeople(context))
    bystander_loss.require_own_paths(context, located, people)
    made = compute(context, run, present, bystander_loss.lost(context, located, people))
    return PlanAhead(made, located, present.capabilities, holds)


_UNRECEIVED = OrderId("ord-" + "a" * 20)
"""Stands for the id of an order that there is not; the same for all, so that equal plans have equal digests."""


@dataclass(frozen=True)
class PlanningInputs:
    """The inputs of planning beside map and order, read once for all orders that are planned together."""

    capabilities: dict[str, Capabilities]
    observed: tuple[UndeclaredPlace, ...]
    """Places that lineage saw and no plan may pass over."""
    people: dict[OrderId, tuple[Person, ...]] = field(repr=False)
    holds: tuple[Hold, ...]
    """All that bind now, whomever."""


def present_of(context: Context, orders: Sequence[OrderId]) -> PlanningInputs:
    """Gather the present inputs for these orders.

    Raises as :func:`expunge.engine.intake.person_orders.open_people`, and Misconfigured under a map with open guesses.
    """
    open_guesses.require_decided(context.data_map)
    people = person_orders.open_people_of(context, orders)
    return PlanningInputs(capabilities_of(context), observed_lineage.places(context), people, hold_register.active(context))


def _locate(context: Context, runs: Sequence[Run], present: PlanningInputs) -> LocatedCopies:
    """What there is of the people of some orders of one reach."""
    if not runs:
        return LocatedCopies()
    everybody = list({person.subject: person for run in runs for person in present.people[run.order]}.values())
    known = sealed_selectors.open_for_all(context, [run.order for run in runs])
    scope = runs[0].received.scope
    holds = hold_register.binding_of(context, present.holds, everybody, scope)
    answered = hold_register.answered(context, runs[0])
    return locating.locate(context, everybody, holds, known, scope=scope, leaving=LeavingPeople(context), answered=answered)


def _forecast(
    context: Context,
    run: Run,
    present: PlanningInputs,
    located: LocatedCopies,
    raw_bytes: dict[str, int],
    costs: dict[str, Cost],
    times: Sequence[StepTime],
) -> PlanForecast:
    kept = {
        name: {str(who): tuple(ground.ground for ground in grounds) for who, grounds in by.items()} for name, by in located.kept.items()
    }
    for name, others in located.with_others.items():
        for who in others:
            kept.setdefault(name, {})[str(who)] = (*kept.get(name, {}).get(str(who), ()), locating.SHARED_ROW)
    made = compute(context, run, present, bystander_loss.lost(context, located, present.people[run.order]))
    moved = {name: cost.read_bytes + cost.written_bytes for name, cost in costs.items()}
    return PlanForecast(
        plan=made,
        items=located.items(),
        bytes={name: sum(copy.bytes for copy in copies) for name, copies in located.copies.items()},
        kept=kept,
        failed={name: each.reason.value for name, each in located.failed.items()},
        raw_bytes=raw_bytes,
        estimate=estimate(made, Workload(raw_bytes, moved, locating.total(located)), times),
        capabilities=present.capabilities,
        costs=costs,
    )


def capabilities_of(context: Context) -> dict[str, Capabilities]:
    """Return the capabilities of each store now. A store that cannot be asked is left out."""
    capabilities: dict[str, Capabilities] = {}
    for name in sorted(context.data_map.stores):
        try:
            capabilities[name] = store_calls.capabilities(context.open_store(name)).within(context.data_map.stores[name].scan)
        except store_calls.TROUBLE:
            continue
    return capabilities


def compute(context: Context, run: Run, present: PlanningInputs, loss: BystanderLoss) -> Plan:
    """Return the plan as it comes out now; ``loss`` is what people outside the order lose by it."""
    snapshot = PlanSnapshot(
        order=run.order,
        subjects=run.subjects,
        data_map=context.data_map,
        map_digest=context.map_digest,
        capabilities=present.capabilities,
        holds=hold_register.binding_of(context, present.holds, present.people[run.order], run.received.scope),
        scope=run.received.scope,
        observed=present.observed,
        loss=loss,
    )
    return plan(snapshot)


def check_drift(context: Context, run: Run, saved: bytes | None, present: PlanningInputs) -> None:
    """Compare the journalled plan with the saved file, if one is given, and with the present planning. Raises Drift."""
    if run.plan is None:
        message = "the order has no plan yet"
        raise Drift(message, help=f"run `expunge plan {run.order}`")
    if saved is not None:
        check_saved(run, saved)
    now = compute(context, run, present, run.plan.loss)
    if now.digest != run.plan.digest and not _the_same_but_for(_away(context, present.capabilities), run.plan, now):
        message = f"the world changed since the plan was made: {_difference(run.plan, now)}"
        raise Drift(message, help=f"run `expunge plan {run.order}`, look at it and apply again")


def _away(context: Context, capabilities: Mapping[str, Capabilities]) -> frozenset[str]:
    """Stores that cannot be reached or do anything now: what was planned for them stands, and they will say for themselves why not."""
    here = {name for name, each in capabilities.items() if each.grounding is not Grounding.NONE or each.retains}
    return frozenset(context.data_map.stores.keys() - here)


def _the_same_but_for(away: frozenset[str], old: Plan, new: Plan) -> bool:
    """Whether two plans say the same of every store that can be asked: one that is away must not hold up the others."""

    def said(plan: Plan) -> list[tuple[str, ...]]:
        return [(step.id, step.store, step.grounding, step.note) for step in plan.steps if step.store not in away]

    same = (old.map_digest, old.holds, old.observed) == (new.map_digest, new.holds, new.observed)
    return bool(away) and same and sorted(said(old)) == sorted(said(new))


def check_saved(run: Run, saved: bytes) -> None:
    """Compare a saved plan with the order's own, in every state of the order. Raises Drift."""
    if run.plan is None or Plan.from_bytes(saved).digest != run.plan.digest:
        message = "the saved plan is not the order's current plan"
        raise Drift(message, help=f"run `expunge plan {run.order} --out FILE` and use that file")


def check_map(context: Context, run: Run) -> None:
    """Refuse to go on with an interrupted order under another map than it was planned with. Raises Drift.

    Holds that were placed or ended since are no reason: the round meets them before it erases anything more.
    """
    if not _under_its_map(context, run):
        message = "the data map was edited while the order was being carried out"
        raise Drift(message, help=f"put the map back as it was and apply again, or plan again from here: `expunge plan {run.order}`")


def _under_its_map(context: Context, run: Run) -> bool:
    """Whether the map is the one that the round was planned with."""
    return run.plan is None or run.plan.map_digest == context.map_digest


def _difference(old: Plan, new: Plan) -> str:
    if old.map_digest != new.map_digest:
        return "the data map was edited"
    if old.holds != new.holds:
        return "a hold was placed or ended"
    if old.observed != new.observed:
        return "pipelines were seen to take data to other places than before: `expunge lineage show --unknown`"
    changed = sorted({step.store for step in set(old.steps) ^ set(new.steps)})
    return f"what can be done in {', '.join(changed)} is not the same"


def _raw_bytes(context: Context, store: str) -> int:
    total = 0
    try:
        for source in store_calls.raw(context.open_store(store)):
            if source.path.is_dir():
                total += sum(_sizes_below(source.path))
            elif source.path.exists():
                total += source.path.stat().st_size
    except store_calls.TROUBLE:
        return total
    return total


def _sizes_below(folder: Path) -> Iterator[int]:
    """Yield the bytes of each file below a folder; links are not followed."""
    waiting = [os.fspath(folder)]
    while waiting:
        # Why suppressed: what cannot be listed is not counted, and the scan says so.
        with suppress(OSError), os.scandir(waiting.pop()) as listing:
            for entry in listing:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        yield entry.stat(follow_symlinks=False).st_size


def _cost(context: Context, store: str, located: LocatedCopies) -> Cost:
    """What the store says that erasing will make it read and write; nothing where it cannot be asked."""
    copies = {dataset.name: found for dataset in context.data_map.datasets_of(store) if (found := located.copies.get(dataset.name, ()))}
    try:
        return store_calls.cost(context.open_store(store), copies) if copies else Cost()
    except store_calls.TROUBLE:
        return Cost()
