"""One worker of many: takes single steps of running orders, each under a lease with a fencing token.

The journal is the truth and the queue a hint: whatever is lost, doubled or late there, :meth:`Worker.tick` finds what can be done from the
journal alone. A worker that was paused and comes back late is refused by the lease before it touches a store, and by the journal, in the
same transaction, when it reports.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field

from expunge import permit, telemetry
from expunge.core.cohort import leader
from expunge.core.ids import OrderId, StepId
from expunge.core.order import OrderState
from expunge.core.run import Run, next_steps
from expunge.engine import fencing, planning, publishing, queueing, recovering, running
from expunge.engine.context import Context, Reporter, silent
from expunge.engine.recording import CohortRecorder, Recorder, orders, refresh_together
from expunge.engine.stepping import Stepper
from expunge.errors import Busy, Conflict, Drift, ExpungeError, StateUnavailable, TakenOver
from expunge.ports.leases import Lease, Leases
from expunge.ports.queue import Queue
from expunge.telemetry import Action, Opaque

RECEIPTS = "receipts"
"""The last piece of work of a round: receipts, and the end."""
SCHEDULE = "schedule"
"""Name of the lease of whoever starts what is due."""


@dataclass
class Worker:
    """What one process needs to work beside others."""

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
    _known: dict[OrderId, Recorder] = field(default_factory=dict)
    _over: set[OrderId] = field(default_factory=set)

    def handle(self, members: Sequence[OrderId], step: str) -> bool:
        """Take one step of orders that share a round; whether it was taken here.

        Not taken where somebody else is at it, or it is done already: nothing happens then. Trouble with stores is an outcome, no error.
        """
        recorders = running.members_of(self.context, members)
        if not recorders:
            return False
        lease = self.leases.take(_name(recorders[0].run, step), self.name, self.lease_seconds)
        if lease is None:
            return False
        try:
            with self._kept_alive(lease):
                refresh_together(recorders)
                self._work(recorders, step, lease)
        except TakenOver:
            telemetry.log(Action.TAKEN_OVER, order=Opaque(recorders[0].run.order), step=Opaque(step))
            return False
        finally:
            self.leases.end(lease)
        return True

    def _work(self, recorders: Sequence[Recorder], step: str, lease: Lease) -> None:
        announce = _Announcing(self.queue)
        cohort = CohortRecorder(self.context.journal, self.context.clock, recorders, lease, announce)
        announce.known = _open_to_all(cohort.run)
        if cohort.run.plan is not None and cohort.run.plan.map_digest != self.context.map_digest:
            planning.check_map(self.context, cohort.run)
        if step == RECEIPTS:
            if not next_steps(cohort.run):
                publishing.conclude_all(self.context, cohort.members, self.report, lease)
            return
        if StepId(step) not in next_steps(cohort.run):
            return
        stepper = Stepper(self.context, cohort, self.report, lease)
        stepper.begin()
        stepper.take(stepper.plan.step(StepId(step)))

    @contextmanager
    def _kept_alive(self, lease: Lease) -> Iterator[None]:
        """Renew the lease while the block runs; a renewal that fails makes the permit fail."""
        lost = threading.Event()
        done = threading.Event()

        def renew() -> None:
            try:
                while not done.wait(self.lease_seconds / 3):
                    # While the state cannot be reached the lease runs out by itself, which the checks below see.
                    with suppress(StateUnavailable, Busy):
                        self.leases.renew(lease, self.lease_seconds)
            except TakenOver:
                lost.set()
            finally:
                self.leases.close()

        def check() -> None:
            if lost.is_set():
                message = "the lease has passed to another worker"
                raise TakenOver(message, help="nothing has to be done: that worker finishes the step")
            try:
                self.leases.check(lease)
            finally:
                # Stores that work in threads of their own ask there; such a thread's connection would outlive it.
                if threading.current_thread() is not owner:
                    self.leases.close()

        owner = threading.current_thread()
        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            with permit.required(check):
                yield
        finally:
            done.set()
            thread.join()

    def tick(self) -> int:
        """Start what is due, and enqueue again whatever can be done and nobody is at; how many pieces of work were put.

        One worker at a time does this. It is what makes lost hints and killed workers harmless.
        """
        lease = self.leases.take(SCHEDULE, self.name, self.lease_seconds)
        if lease is None:
            return 0
        try:
            # Why alone: a snapshot that was read before another process fences somebody, and written after, would let them through.
            with self.alone():
                recovering.recover(self.context)
                fencing.renew(self.context)
            if queueing.take_up(self.context, runs := self._runs()):
                runs = self._runs()
            if not any(self._under_way(run) for run in runs):
                self._start(queueing.due(self.context, [run for run in runs if run.queued and run.state in queueing.STARTABLE]))
            return self._put_again()
        except (Conflict, Busy):
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

    def idle(self) -> bool:
        """Whether no order is queued or under way."""
        return not any(run.queued or run.state is OrderState.RUNNING for run in self._runs())

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
        for cohort in {run.cohort or (run.order,): run for run in self._runs() if run.state is OrderState.RUNNING}:
            recorders = running.members_of(self.context, cohort)
            if not recorders:
                continue
            run = CohortRecorder(self.context.journal, self.context.clock, recorders).run
            for step in [str(each) for each in next_steps(run)] or [RECEIPTS]:
                if _name(run, step) not in held:
                    self.queue.put(cohort, step)
                    put += 1
        return put

    def _runs(self) -> list[Run]:
        """All orders that are not over, folded from where this worker last read them."""
        for order in orders(self.context.journal):
            if order in self._over:
                continue
            if order in self._known:
                self._known[order].refresh()
            else:
                self._known[order] = Recorder(self.context.journal, self.context.clock, order)
            if self._known[order].run.state in running.OVER:
                self._over.add(order)
                del self._known[order]
        return [each.run for each in self._known.values()]

    def to_the_end(self, cohort: CohortRecorder) -> None:
        """Take every step of a round from here, beside whoever else is at it."""
        members = cohort.orders
        while recorders := running.members_of(self.context, members):
            run = CohortRecorder(self.context.journal, self.context.clock, recorders).run
            steps = [str(each) for each in next_steps(run)] or [RECEIPTS]
            if not any(self.handle(members, step) for step in steps):
                self.context.pause(0.1)


@dataclass
class _Announcing:
    """Enqueues what can be done after an event and could not before; inside the transaction that appends it."""

    queue: Queue
    known: frozenset[str] = frozenset()
    """What could be done so far: it was enqueued when that began, and a tick enqueues again what was lost."""

    def __call__(self, run: Run) -> None:
        members = run.cohort or (run.order,)
        before, self.known = self.known, _open_to_all(run)
        for step in sorted(self.known - before):
            self.queue.put(members, step)


def _open_to_all(run: Run) -> frozenset[str]:
    """Steps that nobody has begun; the receipts when all are done."""
    if run.state is not OrderState.RUNNING:
        return frozenset()
    ready = next_steps(run)
    fresh = frozenset(str(each) for each in ready if not (run.steps.get(each) and run.steps[each].open))
    return fresh if ready else frozenset({RECEIPTS})


def _name(run: Run, step: str) -> str:
    return f"{leader(run)}/{run.round}/{step}"
