"""The clerk's own thread that carries out what families ordered: it plans, begins when the time to call off is over, and tries again.

Everything that it knows lies in the journal: after a crash it goes on where it was. With state on PostgreSQL it leaves a queued order to
the workers for a while, and carries it out itself where none takes it.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

from expunge import telemetry
from expunge.bootstrap.clerk.household import Household
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.engine.consent import parental_consent
from expunge.engine.families import deleting
from expunge.errors import Busy, Drift, ExpungeError, NeedsApproval
from expunge.telemetry import Action, Opaque

LOOK = 30.0
"""Seconds between two looks, where nothing is due before."""
SOON = 2.0
"""Seconds until the next look where another command runs orders, or something is under way."""
AGAIN = timedelta(hours=1)
"""After so long, what could not be done for a reason that may pass is tried again."""
TO_WORKERS = 20.0
"""Seconds that a queued order waits for a worker, with state on PostgreSQL."""
_CHANNELS = frozenset({deleting.CHANNEL, deleting.APP_CHANNEL})
_OVER = frozenset({OrderState.FULFILLED, OrderState.CANCELLED, OrderState.REOPENED})
_BEFORE = frozenset({OrderState.RECEIVED, OrderState.FENCED, OrderState.PLANNED, OrderState.APPROVED})


class OrderCarrier:
    """Carries out orders of families in a thread of its own. Safe between threads."""

    def __init__(self, used: Callable[[], AbstractContextManager[Household]], look: float = LOOK) -> None:
        """Start nothing yet.

        Args:
            used: gives the household as it is now.
            look: seconds between two looks.
        """
        self._used, self._look = used, look
        self._woken, self._stopping = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._open: set[OrderId] | None = None
        """The orders of families that are not over; None before the first look."""
        self._company: set[OrderId] = set()
        self._queued: dict[OrderId, float] = {}

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="orders of families", daemon=True)
        self._thread.start()

    def took(self, order: OrderId) -> None:
        """Look at once: an order was received."""
        if self._open is not None:
            self._open.add(order)
        self._woken.set()

    def waits_for_company(self, order: OrderId) -> bool:
        """Return whether an order waits for an approval of the company."""
        return order in self._company

    def stop(self, patience: float = 5.0) -> None:
        """End after the present step of the loop; a run that takes longer is left, and goes on at the next start."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        try:
            pause = 0.0
            while not self._stopping.is_set():
                self._woken.wait(pause)
                self._woken.clear()
                if not self._stopping.is_set():
                    pause = self._once()
        except BaseException:
            if self._stopping.is_set():
                # What is closed under it goes on at the next start.
                return
            # Why the whole process: a clerk that answers and carries nothing out would keep people waiting. The server starts it anew.
            os.kill(os.getpid(), signal.SIGTERM)
            raise

    def _once(self) -> float:
        """Look once, and return the seconds until the next look. Trouble with the state or its map passes, or is told by every command."""
        try:
            with self._used() as household:
                return self.look(household)
        except ExpungeError as error:
            _tell(error)
            return self._look

    def look(self, household: Household) -> float:
        """Take each order of a family as far as it goes now. Return the seconds until the next look."""
        expunge = household.expunge
        if self._open is None:
            self._open = {run.order for run in expunge.orders() if run.received.channel in _CHANNELS and not _is_over(run)}
        pauses = [self._look]
        for order in sorted(self._open):
            if self._stopping.is_set():
                break
            try:
                pauses.append(self._take(household, expunge.status(order)))
            except Busy:
                # Another command runs orders: it may even run this one.
                pauses.append(SOON)
            except ExpungeError as error:
                _tell(error, order)
        if not expunge.has_workers:
            pauses.append(self._run_due(household))
        return max(0.0, min(pauses))

    def _run_due(self, household: Household) -> float:
        """Carry out what an operator queued; with state on PostgreSQL that is the workers' part."""
        try:
            household.expunge.run_due()
        except Busy:
            return SOON
        except ExpungeError as error:
            _tell(error)
        return self._look

    def _take(self, household: Household, run: Run) -> float:
        """Take one order one step further."""
        expunge, now = household.expunge, household.expunge.context.clock.now()
        if _is_over(run):
            self._forget(run.order)
            return self._look
        if run.state in _BEFORE and run.erased_nothing and not _still_asked_for(household, run):
            expunge.order_cancel(run.order, "the role in the family of the account that asked ended before anything was erased")
            self._forget(run.order)
            return self._look
        if run.state in {OrderState.RECEIVED, OrderState.FENCED}:
            expunge.plan(run.order)
            return 0.0
        if run.state in {OrderState.PLANNED, OrderState.APPROVED} and run.queued is None:
            return self._begin(household, run)
        if run.state is OrderState.IN_PART and run.queued is None and run.ended_at is not None:
            left = run.ended_at + AGAIN - now
            if left > timedelta(0):
                return left.total_seconds()
            expunge.submit(run.order, hurry=True)
            return 0.0
        if run.queued is not None or run.state is OrderState.RUNNING:
            return self._carry_out(household, run)
        return self._look

    def _begin(self, household: Household, run: Run) -> float:
        left = run.received.earliest - household.expunge.context.clock.now()
        if left > timedelta(0):
            return left.total_seconds()
        try:
            household.expunge.submit(run.order, hurry=True)
        except NeedsApproval:
            self._company.add(run.order)
            return self._look
        self._company.discard(run.order)
        return 0.0

    def _carry_out(self, household: Household, run: Run) -> float:
        """Carry out an order that is queued, or whose round was broken off; leave it to a worker for a while where there may be some."""
        if household.expunge.has_workers:
            since = self._queued.setdefault(run.order, time.monotonic())
            if time.monotonic() - since < TO_WORKERS:
                return SOON
        self._queued.pop(run.order, None)
        try:
            household.expunge.apply(run.order)
        except Drift:
            # A hold or the map changed since: what binds now is planned, and the status says what stays.
            household.expunge.plan(run.order)
            return SOON
        return 0.0

    def _forget(self, order: OrderId) -> None:
        if self._open is not None:
            self._open.discard(order)
        self._company.discard(order)
        self._queued.pop(order, None)


def _tell(error: ExpungeError, order: OrderId | None = None) -> None:
    kind = type(error).__name__
    telemetry.log(Action.WORK_FAILED, order=None if order is None else Opaque(order), error=Opaque(kind))


def _is_over(run: Run) -> bool:
    return run.state in _OVER or run.final


def _still_asked_for(household: Household, run: Run) -> bool:
    """Return whether the account that entered an order may still ask for it, in the family of each of its people."""
    if run.received.channel == deleting.APP_CHANNEL and not run.received.requester:
        # The company's own statement stood for it, and no account.
        return True
    context, asked = household.expunge.context, Pseudonym(run.received.requester)
    members = (
        {parental_consent.guardian_of(context, str(each.account)) for each in household.members_of(subject)} for subject in run.subjects
    )
    return all(asked in names for names in members)
