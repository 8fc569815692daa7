"""State is a fold of events; what to do next is a function of state. Recovery is the path that every start takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby

from expunge.core import events as ev
from expunge.core.ids import OrderId, Pseudonym, StepId
from expunge.core.order import OrderState, check_transition
from expunge.core.outcome import RETRYABLE, Erased, Outcome, Unable, Unknown, discharges
from expunge.core.plan import ERASING, Plan, StepKind
from expunge.core.remade import Remade
from expunge.errors import StateCorrupt


@dataclass(frozen=True)
class StepRun:
    """One step in the current round."""

    attempts: int = 0
    open: bool = False
    """Intended and not ended: the process died, or is still at it."""
    outcomes: Mapping[str, Mapping[str, Outcome]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    ended: datetime | None = None

    @property
    def unknown(self) -> bool:
        """Whether some outcome must be settled by a probe."""
        return self.open or any(isinstance(each, Unknown) for by in self.outcomes.values() for each in by.values())

    @property
    def retryable(self) -> bool:
        """Whether some outcome failed for a reason that passes."""
        return any(isinstance(each, Unable) and each.reason in RETRYABLE for by in self.outcomes.values() for each in by.values())


@dataclass(frozen=True)
class Run:
    """An order as its events tell it."""

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
    round: int = 0
    cohort: tuple[OrderId, ...] = ()
    """The orders that share the current round, the leading one first; empty when it goes alone."""
    traces_of: OrderId | None = None
    """The order under whose trace key this one's traces were taken: its own, or the one that led its first round."""
    steps: Mapping[StepId, StepRun] = field(default_factory=dict)
    """Of the current round."""
    items: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> most items ever located in this order: what ``Erased`` counts, whatever crashes came between."""
    erased: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> items that earlier rounds erased."""
    kept: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> items that stay on purpose, as of this round."""
    located_in: int = 0
    """The round that located last."""
    remade: Mapping[str, Remade] = field(default_factory=dict)
    """Dataset that is made from others -> what became of it, in any round."""
    judged: Mapping[str, ev.Judged] = field(default_factory=dict)
    """Store -> what was found there in the current round."""
    stated: Mapping[Pseudonym, ev.ReceiptStated] = field(default_factory=dict)
    """Of the current round."""
    logged: Mapping[Pseudonym, ev.ReceiptLogged] = field(default_factory=dict)
    history: tuple[tuple[int, Pseudonym, int], ...] = ()
    """(round, subject, log index) of every receipt, also of earlier rounds."""
    reasons: tuple[str, ...] = ()
    ended_at: datetime | None = None
    final: bool = False
    """The end was reached with nothing left for this order to erase."""
    erased_at: datetime | None = None
    """When the last erase or purge of the current round ended."""
    taken_at: datetime | None = None
    """When something that was there was last erased, in any round: what was copied before may hold it still."""
    unpurged: frozenset[str] = frozenset()
    """Stores in which something was erased, in any round, that no purge has made physical yet: copies of their files may hold it."""
    purged_at: datetime | None = None
    """When the last of such stores was purged."""
    extended_at: datetime | None = None
    """When the person was last told that it takes longer."""
    key_destroyed: bool = False
    traces_ended: bool = False
    last: datetime | None = None
    length: int = 0

    def gone_at(self, now: datetime) -> datetime | None:
        """From when on no copy of a store's rows or files can hold what was erased; None where nothing was."""
        if self.taken_at is None:
            return None
        return now if self.unpurged else max(self.taken_at, self.purged_at or self.taken_at)

    def settled(self, dataset: str) -> bool:
        """Whether something made from others was dealt with, in any round, and none of its sources had anything since."""
        known = self.remade.get(dataset)
        return known is not None and known.ended

    def took_from(self, subject: Pseudonym) -> bool:
        """Whether anything of this person was erased, in any round."""
        outcomes = [by.get(subject) for state in self.steps.values() for by in state.outcomes.values()]
        return any(by.get(subject, 0) for by in self.erased.values()) or any(isinstance(each, Erased) for each in outcomes)

    @property
    def order(self) -> OrderId:
        """The order's id."""
        return self.received.order

    @property
    def subjects(self) -> tuple[Pseudonym, ...]:
        """Whom it is about."""
        return self.received.subjects


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
    return replace(_apply(run, event), last=event.at, length=run.length + 1)


def advance_all(run: Run, events: Iterable[ev.Event]) -> Run:
    """The run after more events, as :func:`advance` for each; receipts of many people do not each copy what is known of all others."""
    for kind, group in groupby(events, type):
        if kind is ev.ReceiptStated:
            stated = [each for each in group if isinstance(each, ev.ReceiptStated)]
            known = {**run.stated, **{each.subject: each for each in stated}}
            run = replace(run, stated=known, last=stated[-1].at, length=run.length + len(stated))
        elif kind is ev.ReceiptLogged:
            logged = [each for each in group if isinstance(each, ev.ReceiptLogged)]
            entered = {**run.logged, **{each.subject: each for each in logged}}
            history = (*run.history, *((run.round, each.subject, each.index) for each in logged))
            run = replace(run, logged=entered, history=history, last=logged[-1].at, length=run.length + len(logged))
        else:
            for event in group:
                run = advance(run, event)
    return run


def _apply(run: Run, event: ev.Event) -> Run:  # noqa: C901, PLR0911, PLR0912 - one line per kind of event is the clearest form
    match event:
        case ev.Fenced():
            return replace(_to(run, OrderState.FENCED), fenced_at=event.at)
        case ev.Planned():
            plan = Plan.from_bytes(event.plan.encode())
            places = run.places | {each.store for each in plan.steps}
            return replace(_to(run, OrderState.PLANNED), plan=plan, planned=event, approvals=(), places=places)
        case ev.Approved():
            return replace(_to(run, OrderState.APPROVED), approvals=(*run.approvals, event))
        case ev.Queued():
            if run.state is not OrderState.IN_PART:  # such a one is planned anew before it runs
                check_transition(run.state, OrderState.RUNNING)
            return replace(run, queued=event)
        case ev.Unqueued():
            return replace(run, queued=None, reasons=(event.why,))
        case ev.RoundStarted():
            return _begun(run, event)
        case ev.StepIntended():
            before = run.steps.get(event.step, StepRun())
            return replace(run, steps={**run.steps, event.step: replace(before, attempts=event.attempt, open=True)})
        case ev.Located():
            return replace(run, items=_most(run.items, event.items), kept=event.kept, located_in=run.round)
        case ev.StepEnded():
            return _step_ended(run, event)
        case Remade():
            return replace(run, remade={**run.remade, event.dataset: event})
        case ev.Judged():
            return replace(run, judged={**run.judged, event.store: event})
        case ev.ReceiptStated():
            return replace(run, stated={**run.stated, event.subject: event})
        case ev.ReceiptLogged():
            history = (*run.history, (run.round, event.subject, event.index))
            return replace(run, logged={**run.logged, event.subject: event}, history=history)
        case ev.Ended():
            return replace(_to(run, event.state), reasons=event.reasons, ended_at=event.at, final=event.final)
        case ev.Cancelled():
            return replace(_to(run, OrderState.CANCELLED), ended_at=event.at, reasons=(event.reason,))
        case ev.Extended():
            return replace(run, extended_at=event.at)
        case ev.Reopened():
            return _to(run, OrderState.REOPENED)
        case ev.KeyDestroyed():
            return replace(run, key_destroyed=True)
        case ev.TracesEnded():
            return replace(run, traces_ended=True)
        case ev.Reverified():
            return run
        case _:
            message = f"{type(event).__name__} does not belong in an order's stream"
            raise StateCorrupt(message)


def _begun(run: Run, event: ev.RoundStarted) -> Run:
    """A round begins with nothing done; what earlier ones erased is remembered."""
    return replace(
        _to(run, OrderState.RUNNING),
        queued=None,
        round=event.round,
        cohort=event.cohort,
        traces_of=run.traces_of or (event.cohort[0] if event.cohort else run.order),
        items={},
        erased=_erased(run),
        steps={},
        judged={},
        stated={},
        logged={},
        reasons=(),
    )


def _to(run: Run, state: OrderState) -> Run:
    check_transition(run.state, state)
    return replace(run, state=state)


def _step_ended(run: Run, event: ev.StepEnded) -> Run:
    step = StepRun(event.attempt, open=False, outcomes=event.outcomes, counts=event.counts, ended=event.at)
    kind = event.step.partition(":")[0]
    erased_at = event.at if kind in (*ERASING, StepKind.FORGET, StepKind.PURGE) else run.erased_at
    after = replace(run, steps={**run.steps, event.step: step}, erased_at=erased_at)
    store = run.plan.step(event.step).store if run.plan else ""
    if kind in (*ERASING, StepKind.FORGET) and _took(run, event):
        return replace(after, taken_at=event.at, unpurged=run.unpurged | {store})
    if kind == StepKind.PURGE and store in run.unpurged and all(discharges(each) for by in event.outcomes.values() for each in by.values()):
        return replace(after, purged_at=event.at, unpurged=run.unpurged - {store})
    return after


def _took(run: Run, event: ev.StepEnded) -> bool:
    """Whether something that was located in this round was erased, rather than an earlier round's figure repeated."""
    return any(
        isinstance(each, Erased) and run.items.get(dataset, {}).get(subject, 0) > 0
        for dataset, by in event.outcomes.items()
        for subject, each in by.items()
    )


def _erased(run: Run) -> dict[str, dict[str, int]]:
    """What this round and those before it erased: an outcome of a later round includes the earlier ones."""
    result = {dataset: dict(by) for dataset, by in run.erased.items()}
    for state in run.steps.values():
        for dataset, by in state.outcomes.items():
            result.setdefault(dataset, {}).update({subject: each.items for subject, each in by.items() if isinstance(each, Erased)})
    return result


def _most(known: Mapping[str, Mapping[str, int]], located: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    result = {dataset: dict(by) for dataset, by in known.items()}
    for dataset, by in located.items():
        slot = result.setdefault(dataset, {})
        for subject, items in by.items():
            slot[subject] = max(slot.get(subject, 0), items)
    return result


MOST_ATTEMPTS = 3
"""How often one round tries a step that failed for a passing reason; ``apply`` later starts a new round."""


def next_steps(run: Run) -> tuple[StepId, ...]:
    """The steps of the plan that can be taken now, in plan order: what they wait for has ended, and they have not ended well or for good.

    An open step (intended, not ended) and one whose reply was lost come first: they must be settled before anything that waits for them.
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
    state = run.steps.get(step)
    if state is None or state.open or state.unknown:
        return False
    return not (state.retryable and state.attempts < MOST_ATTEMPTS)
