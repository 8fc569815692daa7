"""Hand over from one step of a round to the next: its lease, the events journalled with it, and the steps left to other workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self

from expunge import permit
from expunge.core.orders.run import Run, next_steps
from expunge.core.orders.shared_round import leader
from expunge.core.values.ids import StepId
from expunge.core.values.order import OrderState
from expunge.engine.execution.stepping import Stepper
from expunge.engine.kernel.journal_streams import FollowUp
from expunge.errors import Busy, StateUnavailable, TakenOver
from expunge.ports.leases import Lease, Leases
from expunge.ports.queue import Queue

RECEIPTS = "receipts"
"""The last piece of work of a round: receipts, and the end."""


@dataclass(frozen=True)
class LeaseBroker:
    """A worker's means to take leases and to leave work to others."""

    leases: Leases
    queue: Queue
    name: str
    """The worker's."""
    seconds: float
    """How long a lease lasts without renewal."""
    stopping: Callable[[], bool]
    """Whether to end after the present step."""

    def take(self, run: Run, step: str) -> Lease | None:
        """Take the lease of a step of a round; None where another worker has it."""
        return self.leases.take(lease_name(run, step), self.name, self.seconds)


class LeaseRenewer:
    """The renewer of the lease of the step that is under way. A renewal that fails makes the permit fail."""

    def __init__(self, leases: Leases, seconds: float) -> None:
        self._leases = leases
        self._seconds = seconds
        self._lease: Lease | None = None
        self._lost = False
        self._guard = threading.Lock()
        self._done = threading.Event()
        self._owner = threading.current_thread()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def holding(self, lease: Lease) -> Iterator[None]:
        """A block that is carried out under a lease."""
        self._hold(lease)
        if self._thread is None:
            self._thread = threading.Thread(target=self._renew_again_and_again, name="lease", daemon=True)
            self._thread.start()
        try:
            with permit.required(self._check):
                yield
        finally:
            self._hold(None)

    def _hold(self, lease: Lease | None) -> None:
        with self._guard:
            self._lease, self._lost = lease, False

    def _renew_again_and_again(self) -> None:
        try:
            while not self._done.wait(self._seconds / 3):
                # While the state cannot be reached the lease runs out by itself, which the checks see.
                with suppress(StateUnavailable, Busy):
                    self._renew(self._lease)
        finally:
            self._leases.close()

    def _renew(self, lease: Lease | None) -> None:
        try:
            if lease is not None:
                self._leases.renew(lease, self._seconds)
        except TakenOver:
            with self._guard:
                # A step may have ended, and its lease with it, since we looked.
                self._lost = self._lost or self._lease is lease

    def _check(self) -> None:
        lease = self._lease
        if self._lost or lease is None:
            message = "the lease has passed to another worker"
            raise TakenOver(message, help="nothing has to be done: that worker finishes the step")
        try:
            self._leases.check(lease)
        finally:
            # Stores that work in threads of their own ask there; such a thread's connection would outlive it.
            if threading.current_thread() is not self._owner:
                self._leases.close()


@dataclass
class StepHandover:
    """The writes that go with a step's events, in the transaction that appends them.

    Implements :class:`expunge.engine.kernel.journal_streams.AppendCompanion`.

    The lease on a step that has ended is given back. One of the steps that can be taken now is this worker's own: where nothing has to be
    done before it, its lease is taken and its intent journalled at once, so that going from one step to the next is one commit. What can be
    done now and could not before is put into the queue for others.
    """

    hand: LeaseBroker
    step: str
    stepper: Stepper = field(init=False)
    lease: Lease | None = None
    known: frozenset[str] = frozenset()
    """What could be done so far: it was enqueued when that began, and a tick enqueues again what was lost."""
    intended: bool = False
    """Whether the step's intent is journalled."""
    ended: bool = False
    """Whether the lease was given back with the step's outcome."""
    then: str = ""
    """What this worker does next of the same orders; empty when others will."""
    begun: Lease | None = None
    """Under which it has begun that: the intent is journalled."""

    def go_on(self) -> Lease | None:
        """Turn to what was begun; its lease."""
        self.step, self.lease, self.intended = self.then, self.begun, True
        self.ended, self.then, self.begun = False, "", None
        return self.lease

    def before(self, run: Run) -> FollowUp:
        """Return the follow-up of an append: whether the step has ended, and the next step begun."""
        state = run.current.steps.get(StepId(self.step))
        if self.lease is None or state is None or state.open:
            return FollowUp()
        if self.hand.stopping():
            return FollowUp(ends=True)
        known = open_to_all(run)
        for step in (*sorted(known - self.known), *sorted(known & self.known)):
            if not at_once(run, step):
                if step not in self.known:
                    return FollowUp(ends=True, step=step)
                continue
            lease = self.hand.take(run, step)
            if lease is not None:
                begun = self.stepper.intention(self.stepper.plan.step(StepId(step)), lease)
                begun = replace(begun, at=max(begun.at, run.last or begun.at))
                return FollowUp(ends=True, step=step, lease=lease, event=begun, ready=known)
        return FollowUp(ends=True)

    def after(self, run: Run, following: FollowUp) -> None:
        """Put hints to the queue for the steps that became open to others, and take back the hint of the step begun here."""
        # Nothing but the beginning came since, where that was looked at before the append.
        open_now = following.ready - {following.step} if following.event else open_to_all(run)
        before, self.known = self.known, open_now
        self.ended, self.then, self.begun = following.ends, following.step, following.lease
        orders = run.current.cohort or (run.order,)
        if following.step in before:
            self.hand.queue.take_back(orders, following.step)
        for step in sorted(self.known - before - {following.step}):
            self.hand.queue.put(orders, step)


def at_once(run: Run, step: str) -> bool:
    """Return whether a step can be begun with nothing before it: no receipts, no second attempt, and the located copies are journalled."""
    return step != RECEIPTS and run.located_in == run.round and StepId(step) not in run.current.steps


def open_to_all(run: Run) -> frozenset[str]:
    """Return the steps that no worker has begun; the receipts when all are done."""
    if run.state is not OrderState.RUNNING:
        return frozenset()
    ready = next_steps(run)
    fresh = frozenset(str(each) for each in ready if not (run.current.steps.get(each) and run.current.steps[each].open))
    return fresh if ready else frozenset({RECEIPTS})


def lease_name(run: Run, step: str) -> str:
    """Return the name of the lease of a step of a round."""
    return f"{leader(run)}/{run.round}/{step}"
