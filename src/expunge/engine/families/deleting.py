"""Delete what a family chose: everything, items, or a stretch of time. The preview comes from the plan that the order would have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from uuid import UUID

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import AboutNobody, Inherited
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.evidence.receipt import DatasetEntry, KeptItems, Result
from expunge.core.families import deletion
from expunge.core.families.deletion import (
    DeletionPreview,
    DeletionStatus,
    Going,
    Place,
    PlaceState,
    Remade,
    Stage,
    Staying,
    StayReason,
    Unread,
)
from expunge.core.families.selection import ChosenItems, Everything, Selection, TimeRange
from expunge.core.orders.plan import StepKind
from expunge.core.orders.run import Run
from expunge.core.values.cause import ByGuardian, Cause, OnRequest
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Erased, Kept, Reason, Unable
from expunge.core.values.scope import FORGETS_PEOPLE, LED_TO_BY_BOTH, UNLINKED, Window
from expunge.engine.consent import parental_consent
from expunge.engine.evidence import receipt_entries
from expunge.engine.execution import planning, queueing
from expunge.engine.execution.planning import PlanAhead
from expunge.engine.gate import consent_register
from expunge.engine.intake import item_orders, person_orders
from expunge.engine.intake.person_orders import OrderRequest
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import locating
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import UsageError

CHANNEL = "portal"
APP_CHANNEL = "app"
"""Of orders that the company's own app entered for a customer, by the company's signed statement."""
_ATTESTED = "an account of the family that confirmed it with a credential"
_WAITING = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED})


@dataclass(frozen=True)
class DeletionRequest:
    """The order that a selection makes, and its preview."""

    request: OrderRequest
    preview: DeletionPreview


def prepare(context: Context, person: ResolvedName, account: UUID, selection: Selection) -> DeletionRequest:
    """Return the order that a selection makes, with a preview from its plan. Nothing is journalled.

    Raises UsageError for items that are gone or cannot be told apart, NeedsApproval while guardians are in dispute, CouldNotLook and
    StoreUnavailable where a store cannot be read, Misconfigured where the map does not allow the order.
    """
    consent_register.require_no_dispute(context, consent_register.load(context), [person.person])
    name, undated = parental_consent.guardian_of(context, str(account)), dict[str, int]()
    cause = cause_of(context, person.person.subject, name, _ATTESTED)
    if isinstance(selection, Everything):
        request = OrderRequest((person,), CHANNEL, cause, requester=name)
    else:
        keys, windows = _chosen(context, selection)
        found = item_orders.reach(context, person.person, keys, windows)
        request = OrderRequest((person,), CHANNEL, cause, requester=name, selectors=found.selectors, scope=found.scope)
        undated.update(found.undated)
    shown = preview_of(context, planning.ahead_of(context, request))
    without = (Staying(kind_held(context.data_map, each), items, StayReason.UNDATED) for each, items in undated.items())
    return DeletionRequest(request, replace(shown, staying=deletion.staying_together((*shown.staying, *without))))


def cause_of(context: Context, subject: Pseudonym, account: Pseudonym, words: str) -> Cause:
    """Return the cause of an order of an account: by its proof as guardian, so that the order ends with the authority, where it has one.

    Args:
        context: the composition.
        subject: whose data it is.
        account: as the register of guardians names it.
        words: say how it was established that the account asked.
    """
    consents = consent_register.load(context)
    held = consents.guardians_of(subject, context.clock.now())
    proof = next((each.proven.proof for each in held if each.proven.guardian == account), None)
    return OnRequest(words) if proof is None else ByGuardian(proof, words)


def _chosen(context: Context, selection: Selection) -> tuple[Mapping[str, frozenset[str]], Mapping[str, Window]]:
    data_map = context.data_map
    match selection:
        case ChosenItems(keys):
            return {name: frozenset(some) for name, some in keys.items()}, {}
        case TimeRange(kinds, since, until):
            roots = [
                name
                for name, each in data_map.datasets.items()
                if not isinstance(each.subject, AboutNobody | Inherited)
                and kind_held(data_map, name) in kinds
                and not item_orders.is_made(data_map, name)
            ]
            if not roots:
                message = "no data of this kind is collected by itself"
                raise UsageError(message, help="choose the recordings that it was made from")
            return {}, item_orders.dated(data_map, roots, Window("-", since, until))
        case _:
            message = "this cannot be deleted by itself"
            raise UsageError(message, help="choose items, a range of time or everything")


# --- preview --------------------------------------------------------------------------------------


def preview_of(context: Context, ahead: PlanAhead) -> DeletionPreview:
    """Return the preview of a plan."""
    data_map, plan, located = context.data_map, ahead.plan, ahead.located
    gone = {name for step in plan.steps if step.kind is StepKind.ERASE for name in step.datasets}
    going = (Going(kind_held(data_map, name), sum(each.items for each in located.copies.get(name, ()))) for name in sorted(gone))
    remaking = {step.datasets[0] for step in plan.steps if step.kind in {StepKind.DESTROY, StepKind.FORGET}}
    made = {
        Remade(kind_held(data_map, name), data_map.datasets[name].on_erase.act)
        for name in remaking
        if located.copies.get(name) or located.stayed.get(name)
    }
    unread = {Unread(kind_held(data_map, name), why.reason) for name, why in located.failed.items() if _reached(ahead, name)}
    unread |= {
        Unread(kind_held(data_map, step.datasets[0]), Reason.NO_RUNNER)
        for step in plan.steps
        if step.kind is StepKind.MANUAL and step.note != FORGETS_PEOPLE
    }
    steps = [f"{step.id} {step.grounding} {step.note}" for step in plan.steps]
    return DeletionPreview(
        deletion.going_together(going),
        deletion.staying_together(_staying(context, ahead)),
        tuple(sorted(made, key=lambda each: (each.kind.value, each.act.value))),
        tuple(sorted(unread, key=lambda each: (each.kind.value, each.reason.value))),
        plan.bystanders_in_all,
        int(data_map.cooling_off.total_seconds()),
        deletion.basis(plan.map_digest, plan.holds, steps),
    )


def _reached(ahead: PlanAhead, dataset: str) -> bool:
    return ahead.plan.scope is None or dataset in ahead.plan.scope.datasets


def _staying(context: Context, ahead: PlanAhead) -> Iterator[Staying]:
    data_map, located = context.data_map, ahead.located
    for name, by in located.kept.items():
        if _reached(ahead, name):
            for kept in (each for some in by.values() for each in some):
                yield _stays(kind_held(data_map, name), kept.ground, kept.until, kept.items)
    for name, shared in located.with_others.items():
        if _reached(ahead, name):
            yield Staying(kind_held(data_map, name), sum(map(len, shared.values())), StayReason.SHARED)
    for step in ahead.plan.steps:
        if step.note == FORGETS_PEOPLE:
            yield Staying(kind_held(data_map, step.datasets[0]), 1, StayReason.LEFT)
    now = context.clock.now()
    for capabilities in ahead.capabilities.values():
        for each in capabilities.retains:
            if each.holds(now, now):
                yield Staying(DataKind.BACKUP, 1, StayReason.BACKUP, each.ground, _day(each.until(now)))


def _day(at: datetime | None) -> datetime | None:
    """Return the day, in UTC: a preview that is computed again within the day is the same."""
    return None if at is None else datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def _stays(kind: DataKind, ground: str, until: datetime | None, items: int) -> Staying:
    reason = _REASONS.get(ground, StayReason.GROUND)
    return Staying(kind, items, reason, ground if reason is StayReason.GROUND else "", until)


_REASONS = {
    locating.SHARED_GROUND: StayReason.SHARED,
    UNLINKED: StayReason.UNLINKED,
    LED_TO_BY_BOTH: StayReason.UNLINKED,
    FORGETS_PEOPLE: StayReason.LEFT,
}
"""Grounds that the engine itself gives; all others are the operator's words."""


# --- status ---------------------------------------------------------------------------------------


def status_of(context: Context, run: Run, subject: Pseudonym, *, company: bool = False) -> DeletionStatus:
    """Return how far an order has come for one of its people.

    Args:
        context: the composition.
        run: the order.
        subject: the person.
        company: it waits for an approval of the company.
    """
    return DeletionStatus(
        order=run.order,
        stage=_stage(context, run, company=company),
        everything=run.received.scope is None,
        asked=run.received.at,
        begins=run.received.earliest,
        due=queueing.due_date(context, run),
        ended=run.ended_at,
        may_cancel=_may_cancel(run),
        places=deletion.in_order(_places(context, run, subject)),
        version=run.length,
        final=run.final,
    )


def _may_cancel(run: Run) -> bool:
    return run.state in {*_WAITING, OrderState.RUNNING, OrderState.IN_PART} and run.erased_nothing and not run.final


def _stage(context: Context, run: Run, *, company: bool) -> Stage:
    if run.state in _ENDED:
        return _ENDED[run.state]
    if run.state is OrderState.RUNNING:
        return Stage.WORKING
    if context.clock.now() < run.received.earliest:
        return Stage.COOLING
    return Stage.COMPANY if company else Stage.WAITING


_ENDED = {
    OrderState.FULFILLED: Stage.DONE,
    OrderState.IN_PART: Stage.IN_PART,
    OrderState.CANCELLED: Stage.CANCELLED,
    OrderState.REOPENED: Stage.CAME_BACK,
}


def _places(context: Context, run: Run, subject: Pseudonym) -> Iterator[Place]:
    if run.plan is None or run.planned is None or run.state is OrderState.CANCELLED:
        return
    data_map = context.data_map
    verified = receipt_entries.of_verified_stores(run, subject)
    entries = {each.dataset: each for each in verified.datasets}
    kept: dict[str, list[KeptItems]] = {}
    for each in verified.kept:
        kept.setdefault(each.dataset, []).append(each)
    for step in run.plan.steps:
        for name in step.datasets if step.kind in _ABOUT_DATA else ():
            if name in data_map.datasets:
                yield from _places_of(
                    run, subject, name, kind_held(data_map, name), step.kind, step.note, entries.get(name), kept.get(name, ())
                )
    yield from _beside(run, verified.datasets)
    for name, some in kept.items():
        if name in data_map.stores:
            yield from (
                Place(DataKind.BACKUP, PlaceState.EXPIRING, each.items, each.until, StayReason.BACKUP, each.ground) for each in some
            )


_ABOUT_DATA = frozenset({StepKind.ERASE, StepKind.DESTROY, StepKind.FORGET, StepKind.KEEP, StepKind.MANUAL})


def _beside(run: Run, entries: Iterable[DatasetEntry]) -> Iterator[Place]:
    """Yield what an order could not do in no dataset that it is about: traces in other places, stores that were not looked through."""
    assert run.plan is not None
    about = {name for step in run.plan.steps if step.kind in _ABOUT_DATA for name in step.datasets}
    for each in entries:
        if each.dataset not in about and each.outcome is Result.UNABLE:
            yield Place(DataKind.RECORD, PlaceState.NOT_YET, each.items, reason=each.reason)
    unseen = (
        step for step in run.plan.steps if step.kind is StepKind.VERIFY and step.store not in run.current.judged and not step.datasets
    )
    for _ in (*unseen, *run.plan.observed) if run.state is OrderState.IN_PART else ():
        yield Place(DataKind.RECORD, PlaceState.NOT_YET, 0, reason=Reason.CANNOT_TELL)


def _places_of(
    run: Run,
    subject: Pseudonym,
    name: str,
    kind: DataKind,
    step: StepKind,
    note: str,
    entry: DatasetEntry | None,
    kept: Iterable[KeptItems],
) -> Iterator[Place]:
    """Yield the one place of a dataset, or several where parts of it stay for different reasons; none for a dataset with nothing in it."""
    staying = run.kept.get(name, {}).get(subject, 0)
    if step is StepKind.KEEP:
        if staying:
            yield _kept_place(kind, note, None, staying)
        return
    if step is StepKind.MANUAL:
        yield Place(kind, PlaceState.NOT_YET, 0, reason=Reason.NO_RUNNER, ground=note)
        return
    if entry is not None:
        for each in kept:
            yield _kept_place(kind, each.ground, each.until, each.items)
        if entry.outcome is Result.UNABLE:
            yield Place(kind, PlaceState.NOT_YET, entry.items, reason=entry.reason)
        elif entry.outcome is Result.ERASED:
            yield Place(kind, PlaceState.VERIFIED, entry.items)
        return
    planned = run.planned.expected.get(name, 0) if run.planned else 0
    outcome = next((each for part in (step,) for each in run.current.outcomes(part, name, name).values()), None)
    match outcome:
        case Erased(items=items):
            yield Place(kind, PlaceState.ERASED, items)
        case Unable(reason=reason):
            yield Place(kind, PlaceState.NOT_YET, planned, reason=reason)
        case Kept(ground=ground, until=until, items=items):
            yield _kept_place(kind, ground, until, items)
        case None if planned:
            yield Place(kind, PlaceState.WAITING, planned)


def _kept_place(kind: DataKind, ground: str, until: datetime | None, items: int) -> Place:
    stays = _stays(kind, ground, until, items)
    return Place(kind, PlaceState.KEPT, items, until, stays.reason, stays.ground)


def request_id(context: Context, family: str, nonce: str, digest: str) -> OrderId:
    """Return the id of the order that a form stands for: the same form, posted twice, makes one order."""
    return person_orders.order_id(context, f"{family}\n{nonce}\n{digest}")
