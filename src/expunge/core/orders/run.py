"""The state of an order, folded from its events, and the next step as a function of state. Every start takes the path of recovery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import singledispatch
from itertools import groupby

from expunge.core.journal import events as ev
from expunge.core.models.model_outcomes import ArtefactRemade
from expunge.core.orders.plan import ERASING, Plan, StepKind
from expunge.core.orders.round import Round, StepRun
from expunge.core.values.ids import OrderId, Pseudonym, StepId
from expunge.core.values.order import OrderState, check_transition
from expunge.core.values.outcome import Erased
from expunge.errors import IllegalTransition, StateCorrupt


@dataclass(frozen=True)
class Run:
    """An order as its events tell it: facts of the order, and its current round."""

    received: ev.Received
    state: OrderState
    plan: Plan | None = None
    planned: ev.Planned | None = None
    places: frozenset[str] = frozenset()
    """Every store that any plan of this order named: leaving the map does not empty one."""
    fenced_at: datetime | None = None
    approvals: tuple[ev.Approved, ...] = ()
    queued: ev.Queued | None = None
    """Since when it waits for others, and how long at most."""
    current: Round = field(default_factory=Round)
    """The round that is under way, or the last one."""
    traces_of: OrderId | None = None
    """The order under whose trace key this one's traces were taken: its own, or the one that led its first round."""
    located_in: int = 0
    """The round that located last."""
    kept: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> items that stay on purpose, as located last."""
    erased: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> items that earlier rounds erased."""
    remade: Mapping[str, ArtefactRemade] = field(default_factory=dict)
    """Dataset that is made from others -> what became of it, in any round."""
    history: tuple[tuple[int, Pseudonym, int], ...] = ()
    """(round, subject, log index) of every receipt, also of earlier rounds."""
    reasons: tuple[str, ...] = ()
    """Why the order ended in part, was cancelled or could not be started; empty from the start of a round to its end."""
    ended_at: datetime | None = None
    final: bool = False
    """The end was reached with nothing left for this order to erase."""
    erased_at: datetime | None = None
    """When a step that erases or purges last ended, in any round."""
    taken_at: datetime | None = None
    """When something that was there was last erased, in any round: what was copied before may hold it still."""
    unpurged: frozenset[str] = frozenset()
    """Stores in which something was erased, in any round, that no purge has made physical yet: copies of their files may hold it."""
    purged_at: datetime | None = None
    """When the last of such stores was purged."""
    touched: bool = False
    """Whether an earlier round erased something, or broke off in a step that erases."""
    extended_at: datetime | None = None
    """When the person was last told that it takes longer."""
    key_destroyed: bool = False
    traces_ended: bool = False
    last: datetime | None = None
    length: int = 0

    @property
    def order(self) -> OrderId:
        """The order's id."""
        return self.received.order

    @property
    def subjects(self) -> tuple[Pseudonym, ...]:
        """Whom it is about."""
        return self.received.subjects

    @property
    def round(self) -> int:
        """The number of the current round; 0 before the first."""
        return self.current.number

    def gone_at(self, now: datetime) -> datetime | None:
        """Return the moment from which no copy of a store's rows or files can hold erased data; None where nothing was erased."""
        if self.taken_at is None:
            return None
        return now if self.unpurged else max(self.taken_at, self.purged_at or self.taken_at)

    def settled(self, dataset: str) -> bool:
        """Return whether a derived dataset was dealt with, in any round, and its sources held nothing since."""
        known = self.remade.get(dataset)
        return known is not None and known.ended

    @property
    def erased_nothing(self) -> bool:
        """Whether no step of any round erased something, or ended without saying whether it did: until then the order can be stopped."""
        begun = (state for step, state in self.current.steps.items() if step.partition(":")[0] in {*_ERASING, StepKind.PURGE})
        erased = any(any(by_subject.values()) for by_subject in _erased(self).values())
        return not (self.touched or self.remade or erased or any(state.unknown for state in begun))

    def took_from(self, subject: Pseudonym) -> bool:
        """Return whether anything of this person was erased, in any round."""
        here = (by_subject.get(subject) for step in self.current.steps.values() for by_subject in step.outcomes.values())
        return any(by_subject.get(subject, 0) for by_subject in self.erased.values()) or any(isinstance(each, Erased) for each in here)


def fold(events: Iterable[ev.Event]) -> Run:
    """Fold an order's events. Raises StateCorrupt for a stream that does not begin with ``Received`` or makes an illegal move."""
    stream = iter(events)
    first = next(stream, None)
    if first is None:
        message = "no such order"
        raise StateCorrupt(message, help="see `expunge status` for the orders there are")
    if not isinstance(first, ev.Received):
        message = "an order's stream must begin with its receipt"
        raise StateCorrupt(message)
    return advance_all(Run(first, OrderState.RECEIVED, last=first.at, length=1), stream)


def advance(run: Run, event: ev.Event) -> Run:
    """The run after one more event. Raises IllegalTransition or StateCorrupt."""
    return replace(_apply(event, run), last=event.at, length=run.length + 1)


def advance_all(run: Run, events: Iterable[ev.Event]) -> Run:
    """Return the run after more events, as :func:`advance` for each. Receipts of many people do not each copy the state of all others."""
    for kind, group in groupby(events, type):
        if kind is ev.ReceiptStated:
            stated = [event for event in group if isinstance(event, ev.ReceiptStated)]
            run = replace(_stated(run, stated), last=stated[-1].at, length=run.length + len(stated))
        elif kind is ev.ReceiptLogged:
            logged = [event for event in group if isinstance(event, ev.ReceiptLogged)]
            run = replace(_logged(run, logged), last=logged[-1].at, length=run.length + len(logged))
        else:
            for event in group:
                run = advance(run, event)
    return run


# What each kind of event does to a run. An event without a function here belongs to a register.


@singledispatch
def _apply(event: ev.Event, run: Run) -> Run:  # noqa: ARG001 - the other kinds need it
    message = f"{type(event).__name__} does not belong in an order's stream"
    raise StateCorrupt(message)


@_apply.register
def _fenced(event: ev.Fenced, run: Run) -> Run:
    return replace(_to(run, OrderState.FENCED), fenced_at=event.at)


@_apply.register
def _planned(event: ev.Planned, run: Run) -> Run:
    plan = Plan.from_bytes(event.plan.encode())
    places = run.places | {step.store for step in plan.steps}
    return replace(_to(run, OrderState.PLANNED), plan=plan, planned=event, approvals=(), places=places)


@_apply.register
def _approved(event: ev.Approved, run: Run) -> Run:
    return replace(_to(run, OrderState.APPROVED), approvals=(*run.approvals, event))


@_apply.register
def _queued(event: ev.Queued, run: Run) -> Run:
    if run.state is not OrderState.IN_PART:  # such a one is planned anew before it runs
        check_transition(run.state, OrderState.RUNNING)
    return replace(run, queued=event)


@_apply.register
def _unqueued(event: ev.Unqueued, run: Run) -> Run:
    return replace(run, queued=None, reasons=(event.why,))


@_apply.register
def _round_started(event: ev.RoundStarted, run: Run) -> Run:
    return replace(
        _to(run, OrderState.RUNNING),
        current=Round(event.round, event.cohort, event.at),
        queued=None,
        reasons=(),
        traces_of=run.traces_of or (event.cohort[0] if event.cohort else run.order),
        erased=_erased(run),
        touched=not run.erased_nothing,
    )


@_apply.register
def _located(event: ev.Located, run: Run) -> Run:
    return replace(run, current=run.current.with_items(event, run.kept), kept=event.kept, located_in=run.round)


@_apply.register
def _step_intended(event: ev.StepIntended, run: Run) -> Run:
    before = run.current.steps.get(event.step, StepRun())
    return replace(run, current=run.current.with_step(event.step, replace(before, attempts=event.attempt, open=True)))


@_apply.register
def _step_ended(event: ev.StepEnded, run: Run) -> Run:
    step = StepRun(event.attempt, open=False, outcomes=event.outcomes, counts=event.counts, ended=event.at)
    kind = event.step.partition(":")[0]
    erased_at = event.at if kind in _ERASING or kind == StepKind.PURGE else run.erased_at
    after = replace(run, current=run.current.with_step(event.step, step), erased_at=erased_at)
    store = run.plan.step(event.step).store if run.plan else ""
    if kind in _ERASING and _took(run, event):
        return replace(after, taken_at=event.at, unpurged=run.unpurged | {store})
    if kind == StepKind.PURGE and store in run.unpurged and step.discharged:
        return replace(after, purged_at=event.at, unpurged=run.unpurged - {store})
    return after


@_apply.register
def _remade(event: ArtefactRemade, run: Run) -> Run:
    return replace(run, remade={**run.remade, event.dataset: event})


@_apply.register
def _judged(event: ev.Judged, run: Run) -> Run:
    return replace(run, current=run.current.with_verdict(event))


@_apply.register
def _receipt_stated(event: ev.ReceiptStated, run: Run) -> Run:
    return _stated(run, [event])


@_apply.register
def _receipt_logged(event: ev.ReceiptLogged, run: Run) -> Run:
    return _logged(run, [event])


@_apply.register
def _ended(event: ev.Ended, run: Run) -> Run:
    return replace(_to(run, event.state), reasons=event.reasons, ended_at=event.at, final=event.final)


@_apply.register
def _cancelled(event: ev.Cancelled, run: Run) -> Run:
    if run.state is OrderState.RUNNING and not run.erased_nothing:
        message = "a round that has begun to erase cannot be cancelled"
        raise IllegalTransition(message, help="`expunge apply` goes on with it")
    return replace(_to(run, OrderState.CANCELLED), ended_at=event.at, reasons=(event.reason,))


@_apply.register
def _extended(event: ev.Extended, run: Run) -> Run:
    return replace(run, extended_at=event.at)


@_apply.register
def _reopened(_: ev.Reopened, run: Run) -> Run:
    return _to(run, OrderState.REOPENED)


@_apply.register
def _key_destroyed(_: ev.OrderKeyDestroyed, run: Run) -> Run:
    return replace(run, key_destroyed=True)


@_apply.register
def _traces_ended(_: ev.TracesEnded, run: Run) -> Run:
    return replace(run, traces_ended=True)


@_apply.register
def _reverified(_: ev.Reverified, run: Run) -> Run:
    return run


def _to(run: Run, state: OrderState) -> Run:
    check_transition(run.state, state)
    return replace(run, state=state)


def _stated(run: Run, events: Sequence[ev.ReceiptStated]) -> Run:
    return replace(run, current=run.current.with_stated(events))


def _logged(run: Run, events: Sequence[ev.ReceiptLogged]) -> Run:
    history = (*run.history, *((run.round, event.subject, event.index) for event in events))
    return replace(run, current=run.current.with_logged(events), history=history)


_ERASING = frozenset({*ERASING, StepKind.FORGET})
"""Steps after which something that was there may be gone."""


def _took(run: Run, event: ev.StepEnded) -> bool:
    """Whether something that was located in this round was erased, rather than an earlier round's figure repeated."""
    return any(
        isinstance(outcome, Erased) and run.current.items.get(dataset, {}).get(subject, 0) > 0
        for dataset, by_subject in event.outcomes.items()
        for subject, outcome in by_subject.items()
    )


def _erased(run: Run) -> dict[str, dict[str, int]]:
    """What the current round and those before it erased: an outcome of a later round includes the earlier ones."""
    result = {dataset: dict(by_subject) for dataset, by_subject in run.erased.items()}
    for dataset, by_subject in run.current.erased().items():
        result.setdefault(dataset, {}).update(by_subject)
    return result


MOST_ATTEMPTS = 3
"""How often one round tries a step that failed for a passing reason; ``apply`` later starts a new round."""


def next_steps(run: Run) -> tuple[StepId, ...]:
    """Return the steps of the plan that can be taken now, in plan order: all that they wait for has ended, and they are unfinished.

    A finished step has ended well or for good. An open step (intended, not ended) and a step whose reply was lost come first: they must be
    settled before anything that waits for them.
    """
    if run.plan is None or run.state is not OrderState.RUNNING:
        return ()
    done = {step.id for step in run.plan.steps if _done(run, step.id)}
    return tuple(
        step.id
        for step in run.plan.steps
        if step.kind not in (StepKind.KEEP, StepKind.MANUAL) and step.id not in done and done.issuperset(step.after)
    )


def _done(run: Run, step: StepId) -> bool:
    state = run.current.steps.get(step)
    if state is None or state.open or state.unknown:
        return False
    return not (state.retryable and state.attempts < MOST_ATTEMPTS)
