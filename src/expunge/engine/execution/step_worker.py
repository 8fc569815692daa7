"""One worker of many: takes single steps of running orders, each under a lease with a fencing token.

The journal is the truth and the queue a hint. A hint may be lost, doubled or late: :meth:`Worker.tick` finds the steps that can be taken
from the journal alone. A worker that was paused and comes back late is refused by the lease before it touches a store, and by the journal,
in the same transaction, when it reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from expunge import telemetry
from expunge.core.orders.run import Run, next_steps
from expunge.core.values.ids import OrderId, StepId
from expunge.core.values.order import OrderState
from expunge.engine.execution import order_conclusion, planning, queueing, recovering, running
from expunge.engine.execution.step_handover import RECEIPTS, LeaseBroker, LeaseRenewer, StepHandover, at_once, lease_name, open_to_all
from expunge.engine.execution.stepping import Stepper
from expunge.engine.gate import fencing
from expunge.engine.kernel.context import Context, Reporter, silent
from expunge.engine.kernel.journal_streams import CohortRecorder, Recorder, is_order, read, refresh, refresh_together
from expunge.errors import Busy, Conflict, Drift, ExpungeError, KeyDestroyed, StateCorrupt, TakenOver
from expunge.ports.leases import Lease, Leases
from expunge.ports.queue import Queue
from expunge.telemetry import Action, Opaque

SCHEDULE = "schedule"
"""Name of the lease of whoever starts what is due."""


@dataclass
class Worker:
    """The parts that one process needs to work beside others."""

    context: Context
    leases: Leases
    queue: Queue
    name: str
    """Unlike any other worker's: host, process and a random part."""
    lease_seconds: float = 30.0
    """How long a lease lasts without renewal: so long a killed worker's step waits for another."""
    report: Reporter = silent
    alone: Callable[[], AbstractContextManager[None]] = nullcontext
    """Keeps other processes from changing what orders share (the register of who is suppressed, and its snapshot) meanwhile."""
    stopping: Callable[[], bool] = lambda: False
    """Whether to end after the present step."""
    _known: dict[OrderId, Recorder] = field(default_factory=dict)
    _over: set[OrderId] = field(default_factory=set)

    def handle(self, members: Sequence[OrderId], step: str) -> bool:
        """Take one step of orders that share a round, then the steps that had to wait for it. Return whether any was taken here.

        A step is not taken where another worker has it, or where it is done already: nothing happens then. Trouble with stores is an
        outcome, no error.
        """
        taken: _Taken | None = None
        steps = 0
        try:
            with LeaseRenewer(self.leases, self.lease_seconds) as kept:
                while step:
                    if steps and not (taken and taken.announce.begun) and self.stopping():
                        self.queue.put(tuple(members), step)
                        break
                    taken = self._take(members, step, taken, kept)
                    if taken is None:
                        break
                    step, steps = taken.announce.then, steps + 1
        except BaseException:
            # Whatever it was may have come between what is known here and what is journalled.
            self._forget(members)
            raise
        return steps > 0

    def _take(self, members: Sequence[OrderId], step: str, before: _Taken | None, kept: LeaseRenewer) -> _Taken | None:
        """Take one step; None when it was not taken. ``before``: the step that this worker took right before it, of the same orders."""
        if before is not None and before.announce.begun is not None:
            stepper, announce = before.stepper, before.announce
            lease: Lease | None = announce.go_on()
        else:
            recorders = self._members(members)
            if not recorders:
                return None
            stepper, announce = self._prepared(recorders, step, before)
            try:
                lease = self._begin(stepper, announce, step)
            except (Conflict, KeyDestroyed, StateCorrupt):
                if self._someone_left(stepper.recorder):
                    return None
                raise
        if lease is None:
            return None
        stepper.lease = stepper.recorder.lease = lease
        well = False
        try:
            with kept.holding(lease):
                self._work(stepper, announce, step, lease)
            well = True
        except TakenOver:
            telemetry.log(Action.TAKEN_OVER, order=Opaque(stepper.run.order), step=Opaque(step))
            self._forget(members)
            return None
        except (Conflict, KeyDestroyed, StateCorrupt):
            # Who was cancelled is in the round no more: the next look finds the step for the others.
            if not self._someone_left(stepper.recorder):
                raise
            return None
        finally:
            if not announce.ended:
                self.leases.end(lease)
            if announce.begun and not well:
                self.leases.end(announce.begun)
        return _Taken(stepper, _lengths(stepper.recorder.members), announce)

    def _prepared(self, recorders: Sequence[Recorder], step: str, before: _Taken | None) -> tuple[Stepper, StepHandover]:
        """What takes the step, with what is known already where nothing came in between; and what goes with its events."""
        announce = StepHandover(LeaseBroker(self.leases, self.queue, self.name, self.lease_seconds, self.stopping), step)
        cohort = CohortRecorder(self.context.journal, self.context.clock, recorders, None, announce)
        stepper = before.stepper if before and before.lengths == _lengths(recorders) else None
        announce.stepper = stepper or Stepper(self.context, cohort, self.report)
        announce.stepper.go_on_with(cohort)
        return announce.stepper, announce

    def _begin(self, stepper: Stepper, announce: StepHandover, step: str) -> Lease | None:
        """Take the lease and, where nothing else has to be done before, journal the intent in the same transaction.

        None where the lease is somebody else's, or there is nothing to do.
        """
        cohort = stepper.recorder
        first = at_once(cohort.run, step)
        if first and not stepper.people:
            stepper.begin()
        # crash here, and in the block: neither the lease nor the intent is there.
        with self.context.journal.atomically() if first else nullcontext():
            lease = announce.hand.take(cohort.run, step)
            if lease is None:
                return None
            stepper.lease = cohort.lease = announce.lease = lease
            if first:
                if self.context.journal.lock(cohort.orders) != {member.run.order: member.run.length for member in cohort.members}:
                    cohort.refresh()
                self._look_again(cohort, announce)
                if _can_be_taken(cohort.run, step):
                    stepper.intend(stepper.plan.step(StepId(step)))
                    announce.intended = True
        return lease

    def _look_again(self, cohort: CohortRecorder, announce: StepHandover) -> None:
        """See that the round, as it stands under the lease, is still one for here."""
        announce.known = open_to_all(cohort.run)
        planning.check_map(self.context, cohort.run)

    def _work(self, stepper: Stepper, announce: StepHandover, step: str, lease: Lease) -> None:
        cohort = stepper.recorder
        if announce.intended:
            stepper.act(stepper.plan.step(StepId(step)))
            return
        cohort.refresh()
        self._look_again(cohort, announce)
        if step == RECEIPTS:
            if not next_steps(cohort.run):
                order_conclusion.conclude_all(self.context, cohort.members, self.report, lease)
        elif _can_be_taken(cohort.run, step):
            stepper.begin()
            stepper.take(stepper.plan.step(StepId(step)))

    def _members(self, orders: Sequence[OrderId]) -> list[Recorder]:
        """The orders whose round is under way, read up to now from where they were last read here."""
        known = [self._known[order] for order in orders if order in self._known]
        fresh = read(self.context.journal, self.context.clock, [order for order in orders if order not in self._known])
        self._known |= {each.run.order: each for each in fresh}
        if known:
            refresh_together(self.context.journal, [self._known[order] for order in orders])
        found = running.under_way(self.context, [self._known[order] for order in orders])
        self._forget(set(orders) - {each.run.order for each in found})
        return found

    def _forget(self, orders: Iterable[OrderId]) -> None:
        for order in orders:
            self._known.pop(order, None)

    def tick(self) -> int:
        """Start due orders, and enqueue again the steps that can be done and that no worker has. Return how many pieces of work were put.

        One worker at a time does this. It is what makes lost hints and killed workers harmless.
        """
        lease = self.leases.take(SCHEDULE, self.name, self.lease_seconds)
        if lease is None:
            return 0
        try:
            # Why alone: a snapshot that was read before another process fences somebody, and written after, would let them through.
            with self.alone():
                recorders = self._standing()
                recovering.recover(self.context, recorders)
                fencing.renew(self.context)
            runs = [recorder.run for recorder in recorders]
            if queueing.take_up(self.context, runs):
                runs = [each.run for each in self._standing()]
            if not any(self._under_way(run) for run in runs):
                self._start(queueing.due(self.context, [run for run in runs if run.queued and run.state in queueing.STARTABLE]))
            return self._put_again()
        except (Conflict, Busy):
            self._known.clear()
            return 0  # somebody else changed the same orders: the next tick sees what came of it
        finally:
            self.leases.end(lease)

    def _under_way(self, run: Run) -> bool:
        """Whether a round is being carried out.

        Why others wait for its end: they share the next rewrite, and two rounds over one store would take each other's people for people
        who stay. A round under another map is not waited for: nobody here goes on with it.
        """
        if run.state is not OrderState.RUNNING:
            return False
        try:
            planning.check_map(self.context, run)
        except Drift:
            return False
        return True

    def _someone_left(self, cohort: CohortRecorder) -> bool:
        """Whether an order of a round was cancelled, or has ended, since it was read: then its key, and what that sealed, may be gone."""
        self._forget(cohort.orders)
        return len(self._members(cohort.orders)) < len(cohort.members)

    def idle(self) -> bool:
        """Return whether no order is queued or under way."""
        return not any(each.run.queued or each.run.state is OrderState.RUNNING for each in self._standing())

    def _start(self, released: Sequence[OrderId]) -> None:
        """Begin the rounds of orders that are due; one that cannot start now does not hold up the others."""
        startable = []
        for order in released:
            try:
                running.require_ready(self.context, [order])
            except ExpungeError as error:
                queueing.let_go(self.context, order, error.message)
            else:
                startable.append(order)
        if startable:
            running.ready(self.context, startable)

    def _put_again(self) -> int:
        held = {each.name for each in self.leases.held()}
        put = 0
        running_now = (each.run for each in self._standing() if each.run.state is OrderState.RUNNING)
        for cohort in {run.current.cohort or (run.order,): run for run in running_now}:
            recorders = self._members(cohort)
            if not recorders:
                continue
            run = CohortRecorder(self.context.journal, self.context.clock, recorders).run
            for step in [str(each) for each in next_steps(run)] or [RECEIPTS]:
                if lease_name(run, step) not in held:
                    self.queue.put(cohort, step)
                    put += 1
        return put

    def _standing(self) -> list[Recorder]:
        """All orders that are not over for good, read up to now from where they were last read here."""
        lengths = self.context.journal.lengths()
        for order in [OrderId(length) for length in lengths if is_order(length) and length not in self._over and length not in self._known]:
            self._known[order] = Recorder(self.context.journal, self.context.clock, order)
        refresh(self.context.journal, [each for each in self._known.values() if each.run.length != lengths.get(each.run.order)])
        for order, each in list(self._known.items()):
            if _settled(each.run):
                self._over.add(order)
                del self._known[order]
        return list(self._known.values())

    def to_the_end(self, cohort: CohortRecorder) -> None:
        """Take every step of a round from here, beside other workers."""
        members = cohort.orders
        while recorders := self._members(members):
            run = CohortRecorder(self.context.journal, self.context.clock, recorders).run
            steps = [str(step) for step in next_steps(run)] or [RECEIPTS]
            if not any(self.handle(members, step) for step in steps):
                self.context.pause(0.1)


@dataclass(frozen=True)
class _Taken:
    """A step that was taken."""

    stepper: Stepper
    lengths: tuple[int, ...]
    """Of the members' streams after it: as long as they have them, what the stepper knows holds."""
    announce: StepHandover
    """Knows what comes next."""


def _settled(run: Run) -> bool:
    """Whether an order is over, and nothing is left that a crash may have kept from being finished."""
    finished = run.traces_ended if run.state is OrderState.CANCELLED else run.key_destroyed or not run.final
    return run.state in running.OVER and finished


def _lengths(recorders: Sequence[Recorder]) -> tuple[int, ...]:
    return tuple(recorder.run.length for recorder in recorders)


def _can_be_taken(run: Run, step: str) -> bool:
    return StepId(step) in next_steps(run)
