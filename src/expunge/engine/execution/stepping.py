"""Carry out one step of a round: intent, act, outcome. The same code starts, resumes and retries, alone or as one worker of many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from expunge import telemetry
from expunge.core.datamap.person import Person
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.orders.run import Run
from expunge.core.values.ids import IdempotencyKey
from expunge.engine.execution.model_steps import ModelSteps
from expunge.engine.execution.round_work import RoundWork
from expunge.engine.execution.store_steps import StoreSteps
from expunge.engine.kernel.context import Context, Reporter
from expunge.engine.kernel.journal_streams import CohortRecorder
from expunge.ports.leases import Lease
from expunge.telemetry import Action, Opaque

_Act: TypeAlias = Callable[[Step, int, IdempotencyKey], tuple[ev.OrderEvent, ...]]
"""Carries out a step, at its attempt and under its key, and returns the events of its end."""


class Stepper:
    """The stepper of one round of one order, or of several that share it."""

    def __init__(self, context: Context, recorder: CohortRecorder, report: Reporter, lease: Lease | None = None) -> None:
        """Prepare to take steps; ``lease``: under which this process takes a step, where there are several."""
        self.lease = lease
        self._work = RoundWork(context, recorder, report)
        models = ModelSteps(self._work)
        stores = StoreSteps(self._work, models)
        self._acts: Mapping[StepKind, _Act] = {
            StepKind.TRACE: stores.trace,
            StepKind.LOOK: stores.look,
            StepKind.BLOCK: models.block,
            StepKind.FORGET: models.forget,
            StepKind.DESTROY: models.destroy,
            StepKind.ERASE: stores.erase,
            StepKind.PURGE: stores.purge,
            StepKind.REBUILD: models.remake,
            StepKind.RETRAIN: models.remake,
            StepKind.PROVE: models.prove,
            StepKind.VERIFY: stores.verify,
        }

    @property
    def recorder(self) -> CohortRecorder:
        """Appends to the journals of the orders that share the round."""
        return self._work.recorder

    @property
    def people(self) -> tuple[Person, ...]:
        """The people of the round; empty before it has begun here."""
        return self._work.people

    @property
    def run(self) -> Run:
        """The run of all orders that share the round."""
        return self._work.run

    @property
    def plan(self) -> Plan:
        """The steps, which are the same for all of them."""
        return self._work.plan

    def begin(self) -> None:
        """Unseal the people of the round, and journal how much each dataset holds of them, once a round."""
        self._work.begin()

    def go_on_with(self, recorder: CohortRecorder) -> None:
        """Append through another recorder of the same round from here on. The located copies still hold."""
        self._work.recorder = recorder

    def take(self, step: Step) -> None:
        """Take one step: intent, act, outcome. Raises TakenOver when another worker has taken it meanwhile."""
        state = self.run.current.steps.get(step.id)
        if state is not None and not state.unknown:
            self._work.context.pause(0.5 * (state.attempts + 1))
        self.intend(step)
        self.act(step)

    def intend(self, step: Step) -> None:
        """Journal that the step is about to be taken."""
        self.recorder.append(self.intention(step, self.lease))
        telemetry.log(Action.STEP_INTENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        # crash here: nothing happened yet, or something did; the step is open and the next start takes it again.

    def intention(self, step: Step, lease: Lease | None) -> ev.StepIntended:
        """Return the intent, which is journalled before the step is taken."""
        state = self.run.current.steps.get(step.id)
        token = lease.token if lease else 0
        return ev.StepIntended(self.recorder.now(), step.id, (state.attempts if state else 0) + 1, self._key(step), token)

    def act(self, step: Step) -> None:
        """Take the step that was intended last, and journal its outcome."""
        started = time.monotonic()
        self._work.tell(step.id, "start", 0.0)
        ended = self._acts[step.kind](step, self.run.current.steps[step.id].attempts, self._key(step))
        self.recorder.append(*ended)
        telemetry.log(Action.STEP_ENDED, order=Opaque(self.run.order), step=Opaque(step.id))
        well = self.run.current.steps[step.id].discharged
        self._work.tell(step.id, "done" if well else "unable", time.monotonic() - started)

    def _key(self, step: Step) -> IdempotencyKey:
        return IdempotencyKey(f"{self.run.order}/{self.run.round}/{step.id}")
