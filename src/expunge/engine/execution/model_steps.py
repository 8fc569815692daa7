"""The steps about artefacts, as a stepper takes them: block, forget, destroy, rebuild, prove."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from expunge.core.datamap.datamap import Dataset, EraseAct
from expunge.core.journal import events as ev
from expunge.core.models.model_outcomes import ArtefactRemade, ComparisonResult
from expunge.core.orders.plan import Step, StepKind
from expunge.core.orders.run import Run
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Absent, Outcome, Unable, Unknown, discharges
from expunge.engine.evidence import verification
from expunge.engine.execution.round_work import RoundWork
from expunge.engine.kernel import store_calls
from expunge.engine.models import model_commands
from expunge.engine.models.model_commands import ModelCommands, ModelStepResult
from expunge.engine.subjects.locating import EVERYBODY, LocatedCopies
from expunge.faults import ReplyLost


class ModelSteps:
    """The steps of a round about artefacts. Each outcome holds for every subject of the round at once."""

    def __init__(self, work: RoundWork) -> None:
        """Work on a round."""
        self._work = work
        self._context = work.context

    @property
    def _run(self) -> Run:
        return self._work.run

    def block(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Block a model that will go or change, so that it serves no more."""
        (dataset,) = self._work.datasets(step)
        located = self._work.locate(fresh=False)
        copies = located.copies.get(dataset.name, ())
        failed = located.failed.get(dataset.name)
        stayed = located.stayed.get(dataset.name, ())
        if not copies and failed is None and not stayed:
            held = model_commands.held_by(self._context, dataset.name) if dataset.name not in self._run.remade else frozenset()
            if held.intersection(self._work.orders):
                # It could not be looked into in an earlier round, and there was nothing in it.
                model_commands.free(self._context, dataset.name, self._work.orders)
            return (self._work.ended(step, attempt, {dataset.name: {EVERYBODY: Absent()}}),)
        try:
            done = model_commands.block(self._context, self._run, dataset, copies, self._work.orders, stayed)
        except store_calls.TROUBLE as error:
            done = ModelStepResult(store_calls.as_unable(error))
        if done.now is not None and not copies and failed is None:
            # Nothing of it goes, so that it is dealt with.
            done = replace(done, now=replace(done.now, ended=True))
        # Why blocked by its name though nobody could look: whoever serves it may have loaded it long ago.
        return self._done(step, attempt, dataset, ModelStepResult(failed) if failed is not None else done)

    def attest(self, step: Step) -> bool:
        """Compare artefacts that are to stay with a rebuild from their manifests, where the map says how. Done before anything is traced.

        Return whether something must be looked for again, because a manifest lied.
        """
        located = self._work.locate(fresh=False)
        again = False
        for dataset in self._work.datasets(step):
            stayed, known = located.stayed.get(dataset.name, ()), self._run.remade.get(dataset.name)
            settled = known is not None and {each.contents for each in known.stayed if each.proof is ComparisonResult.EQUAL}
            if not dataset.attest or not stayed or (settled and settled.issuperset(each.contents for each in stayed)):
                continue
            maker = ModelCommands(self._context, self._run, self._work.people, lambda share: self._work.tell(step.id, "going", 0.0, share))
            found = maker.attest(dataset, stayed)
            self._work.recorder.append(found)
            again = again or found.doubted
        return again

    def forget(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Have a model forget."""
        (dataset,) = self._work.datasets(step)
        located = self._work.locate(fresh=False)
        copies = located.copies.get(dataset.name, ())
        # Why as before an erasure: what replaces a file leaves the old one under its further names.
        in_the_way = self._in_the_way(dataset, located)
        if in_the_way is not None:
            return self._done(step, attempt, dataset, ModelStepResult(in_the_way))

        def act(maker: ModelCommands) -> ModelStepResult:
            done = maker.forget(dataset, copies)
            # Why counted: what an earlier round made it forget is forgotten, and the receipt says so again.
            return replace(done, outcome=self._work.counted(dataset, EVERYBODY, done.outcome))

        return self._command(step, attempt, dataset, act)

    def destroy(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Destroy the whole of an artefact that is made from erased data."""
        (dataset,) = self._work.datasets(step)
        outcome = self._work.meeting_holds(lambda: self._destroy(dataset, key))
        known = self._run.remade.get(dataset.name)
        now: ArtefactRemade | None = None
        if dataset.on_erase.act is EraseAct.DESTROY and known is not None and discharges(outcome):
            now = replace(known, at=self._work.now(), ended=True)
        return self._done(step, attempt, dataset, ModelStepResult(outcome, now))

    def _destroy(self, dataset: Dataset, key: IdempotencyKey) -> Outcome:
        located = self._work.locate(fresh=False)
        in_the_way = self._in_the_way(dataset, located)
        if in_the_way is not None:
            return in_the_way
        answered = self._work.erase(dataset, located.copies.get(dataset.name, ()), key)
        return self._work.counted(dataset, EVERYBODY, answered.get(EVERYBODY, Absent()))

    def remake(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Rebuild an artefact from the data that is left."""
        (dataset,) = self._work.datasets(step)
        return self._command(step, attempt, dataset, lambda maker: maker.remake(dataset, key))

    def prove(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Compare the present artefact with a training from nothing."""
        (dataset,) = self._work.datasets(step)
        return self._command(step, attempt, dataset, lambda maker: maker.prove(dataset, key))

    def _command(
        self, step: Step, attempt: int, dataset: Dataset, act: Callable[[ModelCommands], ModelStepResult]
    ) -> tuple[ev.OrderEvent, ...]:
        try:
            done = act(
                ModelCommands(self._context, self._run, self._work.people, lambda share: self._work.tell(step.id, "going", 0.0, share))
            )
        except ReplyLost:
            done = ModelStepResult(Unknown())
        except store_calls.TROUBLE as error:
            done = ModelStepResult(store_calls.as_unable(error))
        self._work.erased = True
        return self._done(step, attempt, dataset, done)

    def _done(self, step: Step, attempt: int, dataset: Dataset, done: ModelStepResult) -> tuple[ev.OrderEvent, ...]:
        """The end of a step about something made; of what is made anew only the look at it tells whether it may serve."""
        known = done.now or self._run.remade.get(dataset.name)
        if step.kind is StepKind.DESTROY and known is not None and known.ended and discharges(done.outcome):
            model_commands.free(self._context, dataset.name, self._work.orders)
        ended = self._work.ended(step, attempt, {dataset.name: {EVERYBODY: done.outcome}})
        return (done.now, ended) if done.now is not None else (ended,)

    def verified(self, step: Step, entries: verification.Entries) -> None:
        """Let a model that forgot or was rebuilt serve, once its store was verified without a contradiction.

        Otherwise it may not serve, even if an earlier look before a crash allowed it.
        """
        against = {each.dataset for made, *_ in entries.values() for each in made if not each.done}
        for name in step.datasets:
            known = self._run.remade.get(name)
            if known is not None and known.ended and name not in against:
                model_commands.free(self._context, name, self._work.orders)
            elif known is not None and name in against:
                model_commands.hold(self._context, name, self._work.orders)

    def gone(self, dataset: Dataset, outcomes: Iterable[Outcome]) -> tuple[ArtefactRemade, ...]:
        """Record that a model which the order erased is gone: another may serve under its name, and the old one never."""
        known = self._run.remade.get(dataset.name)
        if known is None or not all(map(discharges, outcomes)):
            return ()
        model_commands.free(self._context, dataset.name, self._work.orders)
        return (replace(known, at=self._work.now(), ended=True),)

    def _in_the_way(self, dataset: Dataset, located: LocatedCopies) -> Unable | None:
        """The first reason why nothing may be done to something made."""
        copies, kept = located.copies.get(dataset.name, ()), located.kept_copies.get(dataset.name, ())
        known = located.failed.get(dataset.name) or self._work.untraced(dataset) or self._not_blocked(dataset)
        return known or self._work.foreseen(dataset, copies, kept)

    def _not_blocked(self, dataset: Dataset) -> Unable | None:
        """Nothing is taken from under those who are served by it."""
        blocked = self._run.current.outcomes(StepKind.BLOCK, dataset.name, dataset.name)
        return next((each for each in blocked.values() if isinstance(each, Unable)), None)
