"""The steps about things made from people's data, as a stepper takes them: blocked, made to forget, destroyed, made anew, compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from expunge.core import events as ev
from expunge.core.copy import Copy
from expunge.core.datamap import Act, Dataset
from expunge.core.ids import IdempotencyKey, Pseudonym, StepId
from expunge.core.outcome import Absent, Outcome, Unable, Unknown, discharges
from expunge.core.person import Person
from expunge.core.plan import Plan, Step, StepKind
from expunge.core.remade import Proof, Remade
from expunge.core.run import Run
from expunge.engine import calling, judging, locating, remaking
from expunge.engine.context import Context
from expunge.engine.locating import EVERYBODY, Located
from expunge.engine.recording import CohortRecorder
from expunge.engine.remaking import Done, Remaker
from expunge.faults import ReplyLost

_MAKING = frozenset({StepKind.FORGET, StepKind.DESTROY, StepKind.REBUILD, StepKind.RETRAIN})


class Making(ABC):
    """What a stepper does about what is made from people's data; outcomes stand for everybody of the round at once."""

    context: Context
    recorder: CohortRecorder
    people: tuple[Person, ...]
    erased: bool

    @property
    @abstractmethod
    def run(self) -> Run:
        """The run of all orders that share the round."""

    @property
    @abstractmethod
    def plan(self) -> Plan:
        """The steps, which are the same for all of them."""

    @abstractmethod
    def _tell(self, step: StepId, state: str, seconds: float, share: float = 0.0) -> None: ...

    @abstractmethod
    def _locate(self, *, fresh: bool) -> Located: ...

    @abstractmethod
    def _datasets(self, step: Step) -> tuple[Dataset, ...]: ...

    @abstractmethod
    def _end(self, step: Step, attempt: int, outcomes: Mapping[str, Mapping[str, Outcome]], **counts: int) -> ev.StepEnded: ...

    @abstractmethod
    def _untraced(self, dataset: Dataset) -> Unable | None: ...

    @abstractmethod
    def _ask(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy]) -> tuple[Unable, ...]: ...

    @abstractmethod
    def _count(self, dataset: Dataset, subject: Pseudonym, outcome: Outcome) -> Outcome: ...

    @abstractmethod
    def _call_erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Mapping[Pseudonym, Outcome]: ...

    def block(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """See that nobody is served by a model any more that will go or change."""
        (dataset,) = self._datasets(step)
        located = self._locate(fresh=False)
        copies = located.copies.get(dataset.name, ())
        failed = located.failed.get(dataset.name)
        stayed = located.stayed.get(dataset.name, ())
        if not copies and failed is None and not stayed:
            if dataset.name not in self.run.remade and remaking.held_by(self.context, dataset.name).intersection(self.recorder.orders):
                # It could not be looked into in an earlier round, and there was nothing in it.
                remaking.free(self.context, dataset.name, self.recorder.orders)
            return (self._end(step, attempt, {dataset.name: {EVERYBODY: Absent()}}),)
        try:
            done = remaking.block(self.context, self.run, dataset, copies, self.recorder.orders, stayed)
        except calling.TROUBLE as error:
            done = Done(calling.as_unable(error))
        if done.now is not None and not copies and failed is None:
            # Nothing of it goes, so that it is dealt with.
            done = replace(done, now=replace(done.now, ended=True))
        # Why blocked by its name though nobody could look: whoever serves it may have loaded it long ago.
        return self._done(step, attempt, dataset, Done(failed) if failed is not None else done)

    def _attest(self, step: Step) -> bool:
        """Before anything is traced, compare what is to stay with what its manifest makes, where the map says how.

        Whether something must be looked for again, because a manifest lied.
        """
        located = self._locate(fresh=False)
        again = False
        for dataset in self._datasets(step):
            stayed, known = located.stayed.get(dataset.name, ()), self.run.remade.get(dataset.name)
            settled = known is not None and {each.contents for each in known.stayed if each.proof is Proof.EQUAL}
            if not dataset.attest or not stayed or (settled and settled.issuperset(each.contents for each in stayed)):
                continue
            maker = Remaker(self.context, self.run, self.people, lambda share: self._tell(step.id, "going", 0.0, share))
            found = maker.attest(dataset, stayed)
            self.recorder.append(found)
            again = again or found.doubted
        return again

    def forget(self, step: Step, attempt: int, _: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Have a model forget."""
        (dataset,) = self._datasets(step)
        located = self._locate(fresh=False)
        in_the_way = located.failed.get(dataset.name) or self._untraced(dataset) or self._not_blocked(dataset)
        copies = located.copies.get(dataset.name, ())
        if in_the_way is None:
            # Why as before an erasure: what replaces a file leaves the old one under its further names.
            in_the_way = next(iter(self._ask(dataset, copies, located.kept_copies.get(dataset.name, ()))), None)
        if in_the_way is not None:
            return self._done(step, attempt, dataset, Done(in_the_way))

        def act(maker: Remaker) -> Done:
            done = maker.forget(dataset, copies)
            # Why counted: what an earlier round made it forget is forgotten, and the receipt says so again.
            return replace(done, outcome=self._count(dataset, EVERYBODY, done.outcome))

        return self._command(step, attempt, dataset, act)

    def destroy(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Destroy the whole of something that is made from what is erased."""
        (dataset,) = self._datasets(step)
        located = self._locate(fresh=False)
        outcome: Outcome | None = located.failed.get(dataset.name) or self._untraced(dataset) or self._not_blocked(dataset)
        if outcome is None:
            copies = located.copies.get(dataset.name, ())
            found = self._ask(dataset, copies, located.kept_copies.get(dataset.name, ()))
            outcome = (
                found[0] if found else self._count(dataset, EVERYBODY, self._call_erase(dataset, copies, key).get(EVERYBODY, Absent()))
            )
        known = self.run.remade.get(dataset.name)
        gone = dataset.on_erase.act is Act.DESTROY and known is not None and discharges(outcome)
        return self._done(
            step, attempt, dataset, Done(outcome, replace(known, at=self.recorder.now(), ended=True) if gone and known else None)
        )

    def remake(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Make something anew from what is left."""
        (dataset,) = self._datasets(step)
        return self._command(step, attempt, dataset, lambda maker: maker.remake(dataset, key))

    def prove(self, step: Step, attempt: int, key: IdempotencyKey) -> tuple[ev.OrderEvent, ...]:
        """Compare what is there now with a training from nothing."""
        (dataset,) = self._datasets(step)
        return self._command(step, attempt, dataset, lambda maker: maker.prove(dataset, key))

    def _command(self, step: Step, attempt: int, dataset: Dataset, act: Callable[[Remaker], Done]) -> tuple[ev.OrderEvent, ...]:
        try:
            done = act(Remaker(self.context, self.run, self.people, lambda share: self._tell(step.id, "going", 0.0, share)))
        except ReplyLost:
            done = Done(Unknown())
        except calling.TROUBLE as error:
            done = Done(calling.as_unable(error))
        self.erased = True
        return self._done(step, attempt, dataset, done)

    def _done(self, step: Step, attempt: int, dataset: Dataset, done: Done) -> tuple[ev.OrderEvent, ...]:
        """The end of a step about something made; of what is made anew only the look at it tells whether it may serve."""
        known = done.now or self.run.remade.get(dataset.name)
        if step.kind is StepKind.DESTROY and known is not None and known.ended and discharges(done.outcome):
            remaking.free(self.context, dataset.name, self.recorder.orders)
        ended = self._end(step, attempt, {dataset.name: {EVERYBODY: done.outcome}})
        return (done.now, ended) if done.now is not None else (ended,)

    def _seen(self, step: Step, entries: judging.Entries) -> None:
        """What forgot or was made anew may serve as soon as it was looked at and nothing speaks against it.

        Else it may not, whatever an earlier look said before a crash.
        """
        against = {each.dataset for made, _ in entries.values() for each in made if not each.done}
        for name in step.datasets:
            known = self.run.remade.get(name)
            if known is not None and known.ended and name not in against:
                remaking.free(self.context, name, self.recorder.orders)
            elif known is not None and name in against:
                remaking.hold(self.context, name, self.recorder.orders)

    def _over(self, dataset: Dataset, outcomes: Iterable[Outcome]) -> tuple[Remade, ...]:
        """That a model which an order made go is gone, where it is: another may serve under its name, and the old one never."""
        known = self.run.remade.get(dataset.name)
        if known is None or not all(map(discharges, outcomes)):
            return ()
        remaking.free(self.context, dataset.name, self.recorder.orders)
        return (replace(known, at=self.recorder.now(), ended=True),)

    def _not_blocked(self, dataset: Dataset) -> Unable | None:
        """Nothing is taken from under those who are served by it."""
        blocked = self.run.current.outcomes(StepKind.BLOCK, dataset.name, dataset.name)
        return next((each for each in blocked.values() if isinstance(each, Unable)), None)

    def _made(self) -> locating.Made:
        """What the order found and did so far, for what is made from people's data."""
        run, found = self.run, {name for name, by in self.run.current.items.items() if any(by.values())}
        earlier = {name for name, by in run.erased.items() if any(by.values())}
        settled = {name for name in run.remade if run.settled(name)}
        over = {name for name, step in run.current.steps.items() if step.ended}
        ended = {step.datasets[0] for step in self.plan.steps if step.kind in _MAKING and step.id in over}
        # Why not for ever: a later round that finds something of theirs again begins again with what was made from it.
        again = {name for name in settled if name not in ended and found & set(self.context.data_map.datasets[name].derived_from)}
        doubted = {name for name, each in run.remade.items() if each.doubted}
        return locating.Made(frozenset(found | earlier), frozenset(settled - again), frozenset(doubted))
