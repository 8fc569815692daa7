"""Run an order: next step, intent, act, outcome, until nothing can be taken. The same loop starts, resumes and retries.

What ``apply`` does before the first destructive step of a round: cooling-off time, approvals, drift, preflight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from expunge import telemetry
from expunge.core import canonical
from expunge.core import events as ev
from expunge.core.copy import Copy, Selector
from expunge.core.datamap import Dataset, Through
from expunge.core.ids import IdempotencyKey, OrderId, Pseudonym, StepId
from expunge.core.order import OrderState
from expunge.core.outcome import Absent, Erased, Outcome, Reason, Unable, Unknown, discharges
from expunge.core.person import Person
from expunge.core.plan import Plan, Step, StepKind
from expunge.core.run import MOST_ATTEMPTS, Run, next_steps
from expunge.core.window import inside
from expunge.engine import approving, attributing, calling, holding, intake, judging, locating, planning, publishing, residue, tracing
from expunge.engine.context import Context, Progress, Reporter, silent
from expunge.engine.locating import Located
from expunge.engine.recording import Recorder
from expunge.errors import IllegalTransition
from expunge.faults import ReplyLost
from expunge.telemetry import Action, Opaque

SELECTORS = "selectors.sealed"


def apply(context: Context, order: OrderId, *, saved: bytes | None = None, report: Reporter = silent) -> Run:
    """Take an order as far as it goes now.

    Returns the run after its end (fulfilled or in part); an order that has ended well answers at once. Safe to call again after any crash.

    Raises:
        NeedsApproval: a gate of the map waits.
        Drift: the saved or journalled plan is not what planning says now.
        IllegalTransition: not planned yet, cancelled, or still in its cooling-off time.
    """
    recorder = Recorder(context.journal, context.clock, order)
    intake.fence_if_needed(context, recorder)
    run = recorder.run
    if saved is not None and run.plan is not None and run.state is not OrderState.IN_PART:
        planning.check_saved(run, saved)
    if run.final or run.state in (OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED):
        publishing.finish(context, recorder)
        return recorder.run
    if run.state is OrderState.IN_PART:
        planning.make(context, order)
        recorder = Recorder(context.journal, context.clock, order)
    if recorder.run.state is OrderState.RUNNING:
        planning.check_map(context, recorder.run)
    else:
        _start_round(context, recorder, saved)
    _Runner(context, recorder, report).to_the_end()
    return recorder.run


def _start_round(context: Context, recorder: Recorder, saved: bytes | None) -> None:
    run = recorder.run
    if run.plan is None:
        message = "the order has no plan yet"
        raise IllegalTransition(message, help=f"run `expunge plan {run.order}` and look at what it says")
    if recorder.now() < run.received.earliest:
        message = f"the cooling-off time lasts until {run.received.earliest:%Y-%m-%d %H:%M} UTC"
        raise IllegalTransition(message, help="apply again after it; until then the order can be cancelled")
    approving.require(context, run)
    planning.check_drift(context, run, saved)
    recorder.append(ev.RoundStarted(recorder.now(), run.round + 1))


@dataclass
class _Runner:
    context: Context
    recorder: Recorder
    report: Reporter
    people: tuple[Person, ...] = ()
    located: Located | None = None
    preflighted: dict[str, Unable] = field(default_factory=dict)
    entangled: dict[tuple[str, Pseudonym], Unable] = field(default_factory=dict)
    """(dataset, subject) -> why theirs cannot be erased without touching something of theirs that is kept."""
    fresh: bool = False
    """Whether ``located`` was made after tracing: once for all erasing, so that what points and what is pointed to are of one instant."""
    erased: bool = False
    """Whether something may have been erased since."""

    def to_the_end(self) -> None:
        self.people = intake.open_people(self.context, self.run.order)
        if self.run.located_in != self.run.round:
            located = self._locate(fresh=False)
            self.recorder.append(ev.Located(self.recorder.now(), located.items(), located.kept_items()))
        while True:
            ready = next_steps(self.run)
            if not ready:
                break
            self._take(self.plan.step(ready[0]))
        publishing.conclude(self.context, self.recorder, self.report)

    @property
    def run(self) -> Run:
        return self.recorder.run

    @property
    def plan(self) -> Plan:
        assert self.run.plan is not None
        return self.run.plan

    def _take(self, step: Step) -> None:
        state = self.run.steps.get(step.id)
        attempt = (state.attempts if state else 0) + 1
        if attempt > 1 and state is not None and not state.unknown:
            self.context.pause(0.5 * attempt)
        key = IdempotencyKey(f"{self.run.order}/{self.run.round}/{step.id}")
        started = time.monotonic()
        self._tell(step.id, "start", 0.0)
        self.recorder.append(ev.StepIntended(self.recorder.now(), step.id, attempt, key))
        telemetry.log(Action.STEP_INTENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        # crash here: nothing happened yet, or something did; the step is open and the next start takes it again.
        act = _ACTS[step.kind]
        ended = act(self, step, attempt, key)
        self.recorder.append(*ended)
        telemetry.log(Action.STEP_ENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        well = all(discharges(each) for by in self.run.steps[step.id].outcomes.values() for each in by.values())
        self._tell(step.id, "done" if well else "unable", time.monotonic() - started)

    def _tell(self, step: StepId, state: str, seconds: float) -> None:
        total = sum(1 for each in self.plan.steps if each.kind not in (StepKind.KEEP, StepKind.MANUAL)) + 1
        done = sum(1 for each in self.run.steps.values() if each.ended is not None)
        self.report(Progress(step, state, done, total, seconds))

    def _end(self, step: Step, attempt: int, outcomes: Mapping[str, Mapping[str, Outcome]], **counts: int) -> ev.StepEnded:
        if attempt >= MOST_ATTEMPTS:
            outcomes = {name: {subject: _given_up(each) for subject, each in by.items()} for name, by in outcomes.items()}
        return ev.StepEnded(self.recorder.now(), step.id, attempt, outcomes, counts)

    def _locate(self, *, fresh: bool) -> Located:
        """What there is; looked for again before erasing, so that what came in between is erased too."""
        if self.located is None or (fresh and not self.fresh):
            order = self.run.order
            known = open_selectors(self.context, order)
            holds = holding.binding_on(self.context, self.people)
            self.located = locating.locate(self.context, self.people, holds, known)
            seal_selectors(self.context, order, known, self.located)
            self.fresh, self.erased = fresh, False
        return self.located

    def _datasets(self, step: Step) -> tuple[Dataset, ...]:
        return tuple(self.context.data_map.datasets[name] for name in step.datasets)

    def trace(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        located = self._locate(fresh=False)
        first = step.id == self.plan.steps[0].id
        datasets = self._datasets(step)
        try:
            taken = tracing.take(
                self.context, self.run.order, self.run.round, step.store, datasets, located, self.people if first else None
            )
        except calling.TROUBLE as error:
            return (self._end(step, attempt, _for_all(step.datasets, self.run.subjects, calling.as_unable(error))),)
        return (self._end(step, attempt, {}, traces=taken.traces, rejected=taken.rejected),)

    def look(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        traces = tracing.load(self.context, self.run.order)
        try:
            scanned = tracing.look(self.context, step.store, traces)
            held = attributing.held_before(self.context, step.store, traces, self._locate(fresh=False).copies)
        except calling.TROUBLE as error:
            return (self._end(step, attempt, {"*": {"*": calling.as_unable(error)}}),)
        tracing.remember(self.context, self.run.order, f"seen-before-{self.run.round}-{step.store}", traces, scanned.seen)
        tracing.remember(self.context, self.run.order, f"held-before-{self.run.round}-{step.store}", traces, held)
        stay = sum(1 for index in scanned.seen if traces.traces[index].subject in traces.controls)
        return (
            self._end(
                step, attempt, {}, files=scanned.coverage.files, bytes=scanned.coverage.bytes, found=len(scanned.seen) - stay, controls=stay
            ),
        )

    def erase(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        (dataset,) = self._datasets(step)
        self.fresh = self.fresh and not (attempt > 1 and self.erased)
        outcomes = self._erase(dataset, key)
        return (self._end(step, attempt, {dataset.name: outcomes}),)

    def _erase(self, dataset: Dataset, key: IdempotencyKey) -> dict[str, Outcome]:
        located = self._locate(fresh=True)
        in_the_way = located.failed.get(dataset.name) or self._untraced(dataset) or self._pointed_to(dataset) or self._preflight(dataset)
        if in_the_way is not None:
            return dict.fromkeys(self.run.subjects, in_the_way)
        blocked = {subject: why for (name, subject), why in self.entangled.items() if name == dataset.name}
        copies = tuple(each for each in located.copies.get(dataset.name, ()) if each.subject not in blocked)
        answered: Mapping[Pseudonym, Outcome] = {}
        if copies:
            try:
                answered = calling.erase(self.context.open_store(dataset.store), dataset, copies, key)
            except ReplyLost:
                answered = {each.subject: Unknown() for each in copies}
            except calling.TROUBLE as error:
                answered = {each.subject: calling.as_unable(error) for each in copies}
            self.erased = True
        return {
            subject: blocked.get(subject) or self._count(dataset, subject, answered.get(subject, Absent())) for subject in self.run.subjects
        }

    def _count(self, dataset: Dataset, subject: Pseudonym, outcome: Outcome) -> Outcome:
        """The figure of a receipt is what was located before the first attempt, so that a crash or a lost reply does not change it."""
        located = self.run.items.get(dataset.name, {}).get(subject, 0)
        before = self.run.erased.get(dataset.name, {}).get(subject, 0)
        match outcome:
            case Absent() if located or before:
                return Erased(located + before)
            case Erased(items=items, bytes=size):
                return Erased(max(items, located) + before, size)
            case _:
                return outcome

    def _untraced(self, dataset: Dataset) -> Unable | None:
        """Nothing is erased of which no trace was taken: it could never be shown to be gone."""
        state = self.run.steps.get(StepId(f"{StepKind.TRACE.value}:{dataset.store}"))
        failed = state.outcomes.get(dataset.name, {}) if state else {}
        return next((each for each in failed.values() if isinstance(each, Unable)), None)

    def _pointed_to(self, dataset: Dataset) -> Unable | None:
        """Pointers are erased after what they point to: while a dependent is not erased, the way to it stays."""
        for other in self.context.data_map.datasets.values():
            if not isinstance(other.subject, Through) or other.subject.dataset != dataset.name:
                continue
            state = self.run.steps.get(StepId(f"{StepKind.ERASE.value}:{other.name}"))
            if state and any(isinstance(each, Unable) for each in state.outcomes.get(other.name, {}).values()):
                return Unable(Reason.REFERENCED, f"waits for {other.name}, which is found through it")
        return None

    def _preflight(self, dataset: Dataset) -> Unable | None:
        if not self.preflighted:
            self.preflighted = self._preflight_all()
        return self.preflighted.get(dataset.name)

    def _preflight_all(self) -> dict[str, Unable]:
        """Foreseeable reasons of every dataset, asked before the first of them is erased; an entry ``""`` marks that it was done."""
        reasons: dict[str, Unable] = {"": Unable(Reason.ERROR)}
        located = self._locate(fresh=True)
        for step in self.plan.steps:
            if step.kind is not StepKind.ERASE:
                continue
            (dataset,) = self._datasets(step)
            kept = tuple(each for name in self._neighbours(dataset) for each in located.kept_copies.get(name, ()))
            mixed = {each.subject for each in kept}
            copies = located.copies.get(dataset.name, ())
            found = self._ask(dataset, tuple(each for each in copies if each.subject not in mixed), ())
            if found:
                reasons[dataset.name] = found[0]
            for subject in mixed:
                theirs = tuple(each for each in copies if each.subject == subject)
                found = self._ask(dataset, theirs, tuple(each for each in kept if each.subject == subject))
                if found:
                    self.entangled[dataset.name, subject] = found[0]
        return reasons

    def _neighbours(self, dataset: Dataset) -> tuple[str, ...]:
        return tuple(each.name for each in self.context.data_map.datasets_of(dataset.store))

    def _ask(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]:
        if not copies:
            return ()
        try:
            return calling.preflight(self.context.open_store(dataset.store), dataset, copies, kept)
        except calling.TROUBLE as error:
            return (calling.as_unable(error),)

    def purge(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        return (self._end(step, attempt, {"*": {"*": self._purge(step, key)}}),)

    def _purge(self, step: Step, key: IdempotencyKey) -> Outcome:
        try:
            store = self.context.open_store(step.store)
            window = self.context.data_map.stores[step.store].window
            if window and calling.capabilities(store).exclusive and not inside(window, self.recorder.now()):
                return Unable(Reason.OUTSIDE_WINDOW, f"{step.store} may be locked between {window} UTC only")
            return calling.purge(store, self._datasets(step), key)
        except ReplyLost:
            return Unknown()
        except calling.TROUBLE as error:
            return calling.as_unable(error)

    def verify(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        self.fresh = self.fresh and not self.erased
        located = self._locate(fresh=True)
        try:
            seen = judging.verify_store(self.context, self.run, step, located, self.people)
        except (ReplyLost, *calling.TROUBLE) as error:
            why = Unknown() if isinstance(error, ReplyLost) else calling.as_unable(error)
            return (self._end(step, attempt, {"*": {"*": why}}),)
        residue.keep(self.context, self.run.order, step.store, seen.places)
        judged = ev.Judged(self.recorder.now(), step.store, seen.to_text())
        return (judged, self._end(step, attempt, {}, files=seen.files, bytes=seen.bytes, found=seen.found))


def _given_up(outcome: Outcome) -> Outcome:
    """A reply that is lost again and again is a reason of its own; the order must not wait for it for ever."""
    return Unable(Reason.CANNOT_TELL, "the store's replies were lost") if isinstance(outcome, Unknown) else outcome


_Act = Callable[[_Runner, Step, int, IdempotencyKey], tuple[ev.OrderEvent, ...]]
_ACTS: dict[StepKind, _Act] = {
    StepKind.TRACE: _Runner.trace,
    StepKind.LOOK: _Runner.look,
    StepKind.ERASE: _Runner.erase,
    StepKind.PURGE: _Runner.purge,
    StepKind.VERIFY: _Runner.verify,
}


def _for_all(datasets: Sequence[str], subjects: Sequence[Pseudonym], outcome: Outcome) -> dict[str, dict[str, Outcome]]:
    return {name: dict.fromkeys(subjects, outcome) for name in datasets}


def seal_selectors(context: Context, order: OrderId, known: Mapping[str, Mapping[Pseudonym, Selector]], located: Located) -> None:
    """Keep how everybody was looked for, under the order's key, joined with what an earlier look knew."""
    names = {*known, *located.selectors}
    joined: dict[str, canonical.Json] = {}
    for name in sorted(names):
        by: dict[str, canonical.Json] = {}
        for subject in {*known.get(name, {}), *located.selectors.get(name, {})}:
            now = located.selectors.get(name, {}).get(subject) or known[name][subject]
            by[subject] = {part: sorted(values) for part, values in now.match.items()}
        joined[name] = by
    context.shelf.put(order, SELECTORS, context.keys.seal(order, SELECTORS, canonical.encode(joined)))


def open_selectors(context: Context, order: OrderId) -> dict[str, dict[Pseudonym, Selector]]:
    """What :func:`seal_selectors` kept; empty before the first look."""
    sealed = context.shelf.get(order, SELECTORS)
    if sealed is None:
        return {}
    value = canonical.decode(context.keys.open(order, SELECTORS, sealed))
    assert isinstance(value, dict)
    return {
        name: {
            Pseudonym(subject): Selector(Pseudonym(subject), {part: frozenset(values) for part, values in match.items()})
            for subject, match in by.items()
        }
        for name, by in value.items()
    }
