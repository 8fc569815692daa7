"""One round of an order, folded from its events: located copies, steps, sightings and receipts.

``apply`` begins a round, and begins another after the order has ended in part. A new round begins with an empty :class:`Round`. Facts that
outlive a round belong to the order, in :class:`expunge.core.orders.run.Run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from expunge.core.journal import events as ev
from expunge.core.orders.plan import StepKind, step_id
from expunge.core.values.ids import OrderId, Pseudonym, StepId
from expunge.core.values.outcome import RETRYABLE, Erased, Outcome, Unable, Unknown, discharges

WHOLE_STORE = "*"
"""Stands for dataset and subject where an outcome is about a store, for everybody of the round."""


def of_store(outcome: Outcome) -> dict[str, dict[str, Outcome]]:
    """Return the outcomes of a step that is about a store as a whole."""
    return {WHOLE_STORE: {WHOLE_STORE: outcome}}


@dataclass(frozen=True)
class StepRun:
    """One step in the current round."""

    attempts: int = 0
    open: bool = False
    """Intended and not ended: the process died, or is still at it."""
    outcomes: Mapping[str, Mapping[str, Outcome]] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    ended: datetime | None = None

    @property
    def unknown(self) -> bool:
        """True when some outcome must be settled by a probe."""
        return self.open or any(isinstance(outcome, Unknown) for outcome in self.every_outcome())

    @property
    def retryable(self) -> bool:
        """True when some outcome failed for a reason that passes."""
        return any(isinstance(outcome, Unable) and outcome.reason in RETRYABLE for outcome in self.every_outcome())

    @property
    def discharged(self) -> bool:
        """True when every outcome discharges the duty to erase, once verified; also for a step without outcomes."""
        return all(discharges(outcome) for outcome in self.every_outcome())

    def every_outcome(self) -> Iterator[Outcome]:
        """Yield the outcomes of all datasets and subjects."""
        return (outcome for by_subject in self.outcomes.values() for outcome in by_subject.values())


@dataclass(frozen=True)
class Round:
    """The state of the current round of an order. Every field but the first three begins empty."""

    number: int = 0
    """Counted from 1; 0 before the first round."""
    cohort: tuple[OrderId, ...] = ()
    """The orders that share the round, the leading one first; empty when the order goes alone."""
    started: datetime | None = None
    """What a hold kept then, or one that was placed since, stays to the round's end."""
    items: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Dataset -> subject -> most items located in this round, less those that a hold has kept since.

    That is what ``Erased`` counts, whatever crashes came between.
    """
    steps: Mapping[StepId, StepRun] = field(default_factory=dict)
    judged: Mapping[str, ev.Judged] = field(default_factory=dict)
    """Store -> what probe and scan found there."""
    stated: Mapping[Pseudonym, ev.ReceiptStated] = field(default_factory=dict)
    logged: Mapping[Pseudonym, ev.ReceiptLogged] = field(default_factory=dict)

    def outcomes(self, kind: StepKind, target: str, dataset: str) -> Mapping[str, Outcome]:
        """Return subject -> outcome of one dataset, as the step ``kind:target`` ended; empty while it has not."""
        step = self.steps.get(step_id(kind, target))
        return step.outcomes.get(dataset, {}) if step else {}

    def outcome(self, kind: StepKind, target: str, dataset: str, subject: str) -> Outcome | None:
        """Return one outcome of the step ``kind:target``; None where it has none."""
        return self.outcomes(kind, target, dataset).get(subject)

    def outcome_of_store(self, kind: StepKind, store: str) -> Outcome | None:
        """Return the outcome of a step that is about a store as a whole; None where it has none."""
        return self.outcome(kind, store, WHOLE_STORE, WHOLE_STORE)

    def erased(self) -> dict[str, dict[str, int]]:
        """Return dataset -> subject -> items that the steps of this round erased."""
        result: dict[str, dict[str, int]] = {}
        for step in self.steps.values():
            for dataset, by_subject in step.outcomes.items():
                items = {subject: outcome.items for subject, outcome in by_subject.items() if isinstance(outcome, Erased)}
                result.setdefault(dataset, {}).update(items)
        return result

    def with_step(self, step: StepId, state: StepRun) -> Round:
        """Return the round after a step was intended or ended."""
        return replace(self, steps={**self.steps, step: state})

    def with_items(self, event: ev.Located, kept: Mapping[str, Mapping[str, int]]) -> Round:
        """Return the round after another look at the stores.

        Each figure stays the largest that was ever located, less what is kept beyond ``kept``, which the look before it said.
        """
        items = {dataset: dict(by_subject) for dataset, by_subject in self.items.items()}
        for dataset, by_subject in event.kept.items():
            found = items.get(dataset, {})
            for subject in by_subject.keys() & found.keys():
                more = by_subject[subject] - kept.get(dataset, {}).get(subject, 0)
                found[subject] = max(0, found[subject] - max(0, more))
        for dataset, by_subject in event.items.items():
            known = items.setdefault(dataset, {})
            known.update({subject: max(known.get(subject, 0), count) for subject, count in by_subject.items()})
        return replace(self, items=items)

    def with_verdict(self, event: ev.Judged) -> Round:
        """Return the round after a store was verified."""
        return replace(self, judged={**self.judged, event.store: event})

    def with_stated(self, events: Iterable[ev.ReceiptStated]) -> Round:
        """Return the round after receipts were stated."""
        return replace(self, stated={**self.stated, **{event.subject: event for event in events}})

    def with_logged(self, events: Iterable[ev.ReceiptLogged]) -> Round:
        """Return the round after receipts were logged."""
        return replace(self, logged={**self.logged, **{event.subject: event for event in events}})
