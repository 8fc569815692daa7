"""Carry out one step of a round: intent, act, outcome. The same code starts, resumes and retries, alone or as one worker of many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from expunge import telemetry
from expunge.core import events as ev
from expunge.core.cohort import trace_owner, turn
from expunge.core.copy import Copy
from expunge.core.datamap import Dataset, Through
from expunge.core.ids import IdempotencyKey, Pseudonym, StepId
from expunge.core.outcome import RETRYABLE, Absent, Erased, Outcome, Reason, Unable, Unknown, discharges
from expunge.core.person import Person
from expunge.core.plan import Plan, Step, StepKind
from expunge.core.run import MOST_ATTEMPTS, Run
from expunge.core.window import inside
from expunge.engine import attributing, calling, holding, intake, judging, linking, locating, residue, tracing
from expunge.engine.context import Context, Progress, Reporter
from expunge.engine.locating import Located
from expunge.engine.making import Making
from expunge.engine.recording import CohortRecorder
from expunge.engine.selecting import open_for_all, seal_for_each
from expunge.faults import ReplyLost
from expunge.ports.leases import Lease
from expunge.telemetry import Action, Opaque


@dataclass
class Stepper(Making):
    """Takes the steps of one round of one order, or of several that share it; what was located is kept between steps."""

    context: Context
    recorder: CohortRecorder
    report: Reporter
    lease: Lease | None = None
    """Under which this process takes a step, where there are several."""
    people: tuple[Person, ...] = ()
    located: Located | None = None
    preflighted: dict[str, Unable] = field(default_factory=dict)
    entangled: dict[tuple[str, Pseudonym], Unable] = field(default_factory=dict)
    """(dataset, subject) -> why theirs cannot be erased without touching something of theirs that is kept."""
    fresh: bool = False
    """Whether ``located`` was made after tracing: once for all erasing, so that what points and what is pointed to are of one instant."""
    erased: bool = False
    """Whether something may have been erased since."""

    def begin(self) -> None:
        """Unseal whom the round is about, and journal what there is of them, once a round."""
        of = intake.open_people_of(self.context, self.recorder.orders)
        self.people = tuple(person for order in self.recorder.orders for person in of[order])
        if not self.run.current.located:
            located = self._locate(fresh=False)
            self.recorder.append(ev.Located(self.recorder.now(), located.items(), located.kept_items()))

    @property
    def run(self) -> Run:
        """The run of all orders that share the round."""
        return self.recorder.run

    @property
    def plan(self) -> Plan:
        """The steps, which are the same for all of them."""
        assert self.run.plan is not None
        return self.run.plan

    def take(self, step: Step) -> None:
        """Take one step: intent, act, outcome. Raises TakenOver when another worker has taken it meanwhile."""
        state = self.run.current.steps.get(step.id)
        if state is not None and not state.unknown:
            self.context.pause(0.5 * (state.attempts + 1))
        self.intend(step)
        self.act(step)

    def intend(self, step: Step) -> None:
        """Journal that the step is about to be taken."""
        self.recorder.append(self.intention(step, self.lease))
        telemetry.log(Action.STEP_INTENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        # crash here: nothing happened yet, or something did; the step is open and the next start takes it again.

    def intention(self, step: Step, lease: Lease | None) -> ev.StepIntended:
        """What is journalled before the step is taken."""
        state = self.run.current.steps.get(step.id)
        token = lease.token if lease else 0
        return ev.StepIntended(self.recorder.now(), step.id, (state.attempts if state else 0) + 1, self._key(step), token)

    def act(self, step: Step) -> None:
        """Take the step that was intended last, and journal its outcome."""
        started = time.monotonic()
        self._tell(step.id, "start", 0.0)
        ended = _ACTS[step.kind](self, step, self.run.current.steps[step.id].attempts, self._key(step))
        self.recorder.append(*ended)
        telemetry.log(Action.STEP_ENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        self._tell(step.id, "done" if self.run.current.steps[step.id].discharged else "unable", time.monotonic() - started)

    def _key(self, step: Step) -> IdempotencyKey:
        return IdempotencyKey(f"{self.run.order}/{self.run.round}/{step.id}")

    def _tell(self, step: StepId, state: str, seconds: float, share: float = 0.0) -> None:
        total = sum(1 for each in self.plan.steps if each.kind not in (StepKind.KEEP, StepKind.MANUAL)) + 1
        done = sum(1 for each in self.run.current.steps.values() if each.ended is not None)
        self.report(Progress(step, state, done, total, seconds, share))

    def _end(self, step: Step, attempt: int, outcomes: Mapping[str, Mapping[str, Outcome]], **counts: int) -> ev.StepEnded:
        if attempt >= MOST_ATTEMPTS:
            outcomes = {name: {subject: _given_up(each) for subject, each in by.items()} for name, by in outcomes.items()}
        return ev.StepEnded(self.recorder.now(), step.id, attempt, outcomes, counts)

    def _locate(self, *, fresh: bool) -> Located:
        """What there is; looked for again before erasing, so that what came in between is erased too."""
        if self.located is None or (fresh and not self.fresh):
            kept = open_for_all(self.context, self.recorder.orders)
            known = locating.joined(kept, linking.orphans(self.context, self.people))
            holds = holding.binding_on(self.context, self.people, self.plan.scope)
            self.located = locating.locate(self.context, self.people, holds, known, scope=self.plan.scope, made=self._made())
            seal_for_each(self.context, [each.run for each in self.recorder.members], kept, known, self.located)
            self.fresh, self.erased = fresh, False
        return self.located

    def _passing(self, located: Located, names: Sequence[str]) -> Unable | None:
        """Why one of some datasets could not be looked through just now, where that may pass and was not waited for in vain before."""
        troubles = ((name, why) for name, why in located.failed.items() if name in names and why.reason in RETRYABLE)
        return next((why for name, why in troubles if not self._untraced(self.context.data_map.datasets[name])), None)

    def _datasets(self, step: Step) -> tuple[Dataset, ...]:
        return tuple(self.context.data_map.datasets[name] for name in step.datasets)

    def trace(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Take traces of one store while the content is still there.

        A dataset that could not be looked through has no traces: that is this step's outcome, so that it is tried again, and nothing of it
        is erased before it was traced.
        """
        if attempt > 1:
            self.located = None
        again = self._attest(step)
        if again:
            self.located = None
        located = self._locate(fresh=False)
        first = step.id == self.plan.steps[0].id
        datasets = self._datasets(step)
        # Why not with a scope: who somebody is stays in what the order does not reach.
        named = self.people if self.plan.scope is None else ()
        try:
            taken = tracing.take(self.context, trace_owner(self.run), turn(self.run), step.store, datasets, located, named if first else ())
        except calling.TROUBLE as error:
            return (self._end(step, attempt, _for_all(step.datasets, self.run.subjects, calling.as_unable(error))),)
        failed: dict[str, dict[str, Outcome]] = {}
        for name in located.failed.keys() & set(step.datasets):
            failed |= _for_all([name], self.run.subjects, located.failed[name])
        ended = self._end(step, attempt, failed, traces=taken.traces, rejected=taken.rejected)
        if attempt == 1 and not again:
            return (ended,)
        return ev.Located(self.recorder.now(), located.items(), located.kept_items()), ended

    def look(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Scan a store before anything is erased."""
        owner = trace_owner(self.run)
        if attempt > 1:
            self.located = None
        try:
            if calling.capabilities(self.context.open_store(step.store)).retains:
                return (self._end(step, attempt, {}),)
            theirs = self._locate(fresh=False)
            passing = self._passing(theirs, [each.name for each in self.context.data_map.datasets_of(step.store)])
            if passing is not None:
                # Why not without: whoever could not be looked for would be taken for somebody who stays.
                return (self._end(step, attempt, {"*": {"*": passing}}),)
            traces = tracing.load(self.context, owner)
            scanned = tracing.look_before(self.context, owner, turn(self.run), step.store, traces)
            held = attributing.held_before(self.context, step.store, traces, theirs.copies)
        except calling.TROUBLE as error:
            return (self._end(step, attempt, {"*": {"*": calling.as_unable(error)}}),)
        tracing.remember(self.context, owner, f"seen-before-{turn(self.run)}-{step.store}", traces, scanned.seen)
        tracing.remember(self.context, owner, f"held-before-{turn(self.run)}-{step.store}", traces, held)
        stay = sum(1 for index in scanned.seen if traces.traces[index].subject in traces.controls)
        return (
            self._end(
                step, attempt, {}, files=scanned.coverage.files, bytes=scanned.coverage.bytes, found=len(scanned.seen) - stay, controls=stay
            ),
        )

    def erase(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Erase one dataset."""
        (dataset,) = self._datasets(step)
        self.fresh = self.fresh and not (attempt > 1 and self.erased)
        if attempt > 1:
            # What stood in the way may have passed: else three attempts would repeat what the first was told.
            self.preflighted = {}
        outcomes = self._erase(dataset, key)
        return (*self._over(dataset, outcomes.values()), self._end(step, attempt, {dataset.name: outcomes}))

    def _erase(self, dataset: Dataset, key: IdempotencyKey) -> dict[str, Outcome]:
        located = self._locate(fresh=True)
        in_the_way = located.failed.get(dataset.name) or self._untraced(dataset) or self._pointed_to(dataset) or self._preflight(dataset)
        if in_the_way is not None:
            return dict.fromkeys(self.run.subjects, in_the_way)
        blocked = {subject: why for (name, subject), why in self.entangled.items() if name == dataset.name}
        copies = tuple(each for each in located.copies.get(dataset.name, ()) if each.subject not in blocked)
        if copies and self.plan.scope is None:
            linking.mark(self.context, [each.run for each in self.recorder.members], dataset.name, copies)
        answered = self._call_erase(dataset, copies, key)
        return {
            subject: blocked.get(subject) or self._count(dataset, subject, answered.get(subject, Absent())) for subject in self.run.subjects
        }

    def _call_erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Mapping[Pseudonym, Outcome]:
        if not copies:
            return {}
        self.erased = True
        try:
            return calling.erase(self.context.open_store(dataset.store), dataset, copies, key)
        except ReplyLost:
            return {each.subject: Unknown() for each in copies}
        except calling.TROUBLE as error:
            return {each.subject: calling.as_unable(error) for each in copies}

    def _count(self, dataset: Dataset, subject: Pseudonym, outcome: Outcome) -> Outcome:
        """The figure of a receipt is what was located before the first attempt, so that a crash or a lost reply does not change it."""
        located = self.run.current.items.get(dataset.name, {}).get(subject, 0)
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
        failed = self.run.current.outcomes(StepKind.TRACE, dataset.store, dataset.name)
        return next((each for each in failed.values() if isinstance(each, Unable)), None)

    def _pointed_to(self, dataset: Dataset) -> Unable | None:
        """Pointers are erased after what they point to: while a dependent is not erased, the way to it stays.

        Rows that a model has to subtract stay until it has.
        """
        for other in self.context.data_map.datasets.values():
            forgotten = self.run.current.outcomes(StepKind.FORGET, other.name, other.name)
            if dataset.name in other.derived_from and not all(map(discharges, forgotten.values())):
                return Unable(Reason.REFERENCED, f"waits for {other.name}, which forgets with its rows")
            if not isinstance(other.subject, Through) or other.subject.dataset != dataset.name:
                continue
            erased = self.run.current.outcomes(StepKind.ERASE, other.name, other.name)
            if any(isinstance(each, Unable) for each in erased.values()):
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
        """Make what was erased of one store physical."""
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
        """Probe and scan one store, and judge."""
        self.fresh = self.fresh and not self.erased and attempt == 1
        located = self._locate(fresh=True)
        passing = self._passing(located, step.datasets)
        if passing is not None and attempt < MOST_ATTEMPTS:
            return (self._end(step, attempt, {"*": {"*": passing}}),)
        try:
            seen = judging.verify_store(self.context, self.run, step, located, self.people)
        except (ReplyLost, *calling.TROUBLE) as error:
            why = Unknown() if isinstance(error, ReplyLost) else calling.as_unable(error)
            return (self._end(step, attempt, {"*": {"*": why}}),)
        for each in self.recorder.members:
            mine = frozenset(each.run.subjects)
            residue.keep(self.context, each.run.order, step.store, [place for place in seen.places if place.trace.subject in mine])
        self._seen(step, seen.entries)
        judged = ev.Judged(self.recorder.now(), step.store, seen.to_text())
        return (judged, self._end(step, attempt, {}, files=seen.files, bytes=seen.bytes, found=seen.found))


def _given_up(outcome: Outcome) -> Outcome:
    """A reply that is lost again and again is a reason of its own; the order must not wait for it for ever."""
    return Unable(Reason.CANNOT_TELL, "the store's replies were lost") if isinstance(outcome, Unknown) else outcome


_Act = Callable[[Stepper, Step, int, IdempotencyKey], tuple[ev.OrderEvent, ...]]
_ACTS: dict[StepKind, _Act] = {
    StepKind.TRACE: Stepper.trace,
    StepKind.LOOK: Stepper.look,
    StepKind.BLOCK: Stepper.block,
    StepKind.FORGET: Stepper.forget,
    StepKind.DESTROY: Stepper.destroy,
    StepKind.ERASE: Stepper.erase,
    StepKind.PURGE: Stepper.purge,
    StepKind.REBUILD: Stepper.remake,
    StepKind.RETRAIN: Stepper.remake,
    StepKind.PROVE: Stepper.prove,
    StepKind.VERIFY: Stepper.verify,
}


def _for_all(datasets: Sequence[str], subjects: Sequence[Pseudonym], outcome: Outcome) -> dict[str, dict[str, Outcome]]:
    return {name: dict.fromkeys(subjects, outcome) for name in datasets}
