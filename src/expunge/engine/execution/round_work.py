"""State that the steps of one round share: its subjects, the located copies, how a step ends and how it is journalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from expunge import permit
from expunge.core.datamap.datamap import Dataset
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.orders.run import MOST_ATTEMPTS, Run
from expunge.core.values.copy import Copy
from expunge.core.values.hold import Hold
from expunge.core.values.ids import IdempotencyKey, OrderId, Pseudonym, StepId
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable, Unknown
from expunge.core.values.scope import ItemScope
from expunge.engine.evidence import link_marks
from expunge.engine.execution.leaving_people import LeavingPeople
from expunge.engine.intake import person_orders
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context, Progress, Reporter
from expunge.engine.kernel.journal_streams import HOLDS, CohortRecorder
from expunge.engine.subjects import bystander_loss, hold_register, locating
from expunge.engine.subjects.locating import KnownArtefacts, LocatedCopies
from expunge.engine.subjects.sealed_selectors import open_for_all, seal_for_each
from expunge.errors import HeldMeanwhile
from expunge.faults import ReplyLost

_T = TypeVar("_T")
_MAKING = frozenset({StepKind.FORGET, StepKind.DESTROY, StepKind.REBUILD, StepKind.RETRAIN})


@dataclass
class RoundWork:
    """One round of one order, or of several that share it, as its steps work on it. The located copies are kept between steps."""

    context: Context
    recorder: CohortRecorder
    report: Reporter
    people: tuple[Person, ...] = ()
    located: LocatedCopies | None = None
    fresh: bool = False
    """Whether ``located`` was made after tracing: once for all erasing, so that pointers and what they point to are of one instant."""
    erased: bool = False
    """Whether something may have been erased since ``located`` was made."""
    _beyond: tuple[LocatedCopies, dict[str, Unable]] | None = None
    _holds: tuple[int, tuple[Hold, ...]] | None = None
    """How many events the register of holds had, and the holds by these that bind on the round."""
    _met: tuple[Hold, ...] = ()
    """The holds under which ``located`` was made."""

    @property
    def run(self) -> Run:
        """The run of all orders that share the round."""
        return self.recorder.run

    @property
    def plan(self) -> Plan:
        """The steps, which are the same for all orders that share the round."""
        assert self.run.plan is not None
        return self.run.plan

    @property
    def orders(self) -> tuple[OrderId, ...]:
        """The orders that share the round, the leading one first."""
        return self.recorder.orders

    def now(self) -> datetime:
        """Return the time, as events of the round are journalled."""
        return self.recorder.now()

    def begin(self) -> None:
        """Unseal the people of the round, and journal how much each dataset holds of them, once a round."""
        of = person_orders.open_people_of(self.context, self.orders)
        self.people = tuple(person for order in self.orders for person in of[order])
        if self.run.located_in != self.run.round:
            located = self.locate(fresh=False)
            self.recorder.append(ev.Located(self.now(), located.items(), located.kept_items()))

    def locate(self, *, fresh: bool) -> LocatedCopies:
        """Return the located copies. With ``fresh``, they are located after tracing, so that data that came in between is erased too.

        They are located anew after a hold was placed, and what that keeps is journalled.
        """
        holds = self.holds()
        if self.located is None or (fresh and not self.fresh) or holds != self._met:
            fresh = fresh or (self.located is not None and self.fresh)
            kept = open_for_all(self.context, self.orders)
            # Why not for named items: rows without a pointer are of the person, and nothing says of which item.
            whole = not isinstance(self.plan.scope, ItemScope)
            known = locating.joined(kept, link_marks.orphans(self.context, self.people, kept) if whole else {})
            leaving = LeavingPeople(self.context)
            self.located = locating.locate(
                self.context, self.people, holds, known, scope=self.plan.scope, made=self._made(), leaving=leaving,
                answered=hold_register.answered(self.context, self.run),
            )  # fmt: skip
            seal_for_each(self.context, [member.run for member in self.recorder.members], kept, known, self.located)
            self.fresh, self.erased, self._met = fresh, False, holds
            self._tell_kept(self.located)
        return self.located

    def _tell_kept(self, located: LocatedCopies) -> None:
        """Journal that more is kept than the last look of this round said: what is erased is counted without it."""
        if self.run.located_in != self.run.round:
            return
        before, now = self.run.kept, located.kept_items()
        if any(count > before.get(name, {}).get(whose, 0) for name, by_subject in now.items() for whose, count in by_subject.items()):
            self.recorder.append(ev.Located(self.now(), located.items(), now))

    def holds(self) -> tuple[Hold, ...]:
        """Return the holds that bind on the round, as the register stands now."""
        length = self.context.journal.length(HOLDS)
        if self._holds is None or self._holds[0] != length:
            assert self.run.current.started is not None
            standing = hold_register.of_round(self.context, self.run.current.started)
            self._holds = length, hold_register.binding_of(self.context, standing, self.people, self.plan.scope)
        return self._holds[1]

    def meeting_holds(self, act: Callable[[], _T]) -> _T:
        """Return what ``act`` returns; have it done again each time when a hold was placed before it had destroyed everything."""
        while True:
            try:
                return act()
            except HeldMeanwhile:
                continue

    def _require_met(self) -> None:
        if self.holds() != self._met:
            message = "a hold was placed on what is being erased"
            raise HeldMeanwhile(message, help="nothing has to be done: what it keeps stays")

    def _made(self) -> KnownArtefacts:
        """What the round found and did so far, for what is made from people's data."""
        run = self.run
        found = {name for name, by_subject in run.current.items.items() if any(by_subject.values())}
        earlier = {name for name, by_subject in run.erased.items() if any(by_subject.values())}
        settled = {name for name in run.remade if run.settled(name)}
        over = {name for name, step in run.current.steps.items() if step.ended}
        ended = {step.datasets[0] for step in self.plan.steps if step.kind in _MAKING and step.id in over}
        # Why not for ever: a later round that finds something of theirs again begins again with what was made from it.
        again = {name for name in settled if name not in ended and found & set(self.context.data_map.datasets[name].derived_from)}
        doubted = {name for name, known in run.remade.items() if known.doubted}
        return KnownArtefacts(frozenset(found | earlier), frozenset(settled - again), frozenset(doubted))

    def datasets(self, step: Step) -> tuple[Dataset, ...]:
        """Return the datasets that a step is about."""
        return tuple(self.context.data_map.datasets[name] for name in step.datasets)

    def tell(self, step: StepId, state: str, seconds: float, share: float = 0.0) -> None:
        """Report how far the round, and a step of it, has come."""
        total = sum(1 for each in self.plan.steps if each.kind not in (StepKind.KEEP, StepKind.MANUAL)) + 1
        done = sum(1 for each in self.run.current.steps.values() if each.ended is not None)
        self.report(Progress(step, state, done, total, seconds, share))

    def ended(self, step: Step, attempt: int, outcomes: Mapping[str, Mapping[str, Outcome]], **counts: int) -> ev.StepEnded:
        """Return the event of a step's end; after the last attempt a lost reply is lost for good."""
        if attempt >= MOST_ATTEMPTS:
            outcomes = {
                name: {subject: _given_up(outcome) for subject, outcome in by_subject.items()} for name, by_subject in outcomes.items()
            }
        return ev.StepEnded(self.now(), step.id, attempt, outcomes, counts)

    def untraced(self, dataset: Dataset) -> Unable | None:
        """Return why no trace of a dataset was taken. Untraced data is not erased: it could never be shown to be gone."""
        traced = self.run.current.outcomes(StepKind.TRACE, dataset.store, dataset.name)
        return next((outcome for outcome in traced.values() if isinstance(outcome, Unable)), None)

    def beyond(self, dataset: Dataset) -> Unable | None:
        """Return why a dataset must not be erased: people outside the order would lose more by it than the plan says."""
        located = self.locate(fresh=True)
        if self._beyond is None or self._beyond[0] is not located:
            self._beyond = (located, bystander_loss.beyond(self.context, located, self.people, self.plan.loss))
        return self._beyond[1].get(dataset.name)

    def foreseen(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy]) -> Unable | None:
        """Return the store's reason why copies could not be erased, or not without kept items; None where there is no obstacle."""
        if not copies:
            return None
        try:
            return next(iter(store_calls.preflight(self.context.open_store(dataset.store), dataset, copies, kept)), None)
        except store_calls.TROUBLE as error:
            return store_calls.as_unable(error)

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Mapping[Pseudonym, Outcome]:
        """Have the store erase copies, and return the outcomes. Raises HeldMeanwhile when a hold was placed since they were located."""
        if not copies:
            return {}
        self.erased = True
        try:
            with permit.required(self._require_met):
                permit.check()
                return store_calls.erase(self.context.open_store(dataset.store), dataset, copies, key)
        except ReplyLost:
            return {copy.subject: Unknown() for copy in copies}
        except store_calls.TROUBLE as error:
            return {copy.subject: store_calls.as_unable(error) for copy in copies}

    def counted(self, dataset: Dataset, subject: Pseudonym, outcome: Outcome) -> Outcome:
        """Return the outcome with the figure of the receipt: the number located before the first attempt.

        So a crash or a lost reply does not change it.
        """
        located = self.run.current.items.get(dataset.name, {}).get(subject, 0)
        before = self.run.erased.get(dataset.name, {}).get(subject, 0)
        match outcome:
            case Absent() if located or before:
                return Erased(located + before)
            case Erased(items=items, bytes=size):
                return Erased(max(items, located) + before, size)
            case _:
                return outcome


def _given_up(outcome: Outcome) -> Outcome:
    """A reply that is lost again and again is a reason of its own; the order must not wait for it for ever."""
    return Unable(Reason.CANNOT_TELL, "the store's replies were lost") if isinstance(outcome, Unknown) else outcome
