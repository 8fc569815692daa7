"""How long the steps of a plan should take, by how long such steps took in earlier orders of this installation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan, Step, StepKind
from expunge.core.values.ids import StepId
from expunge.core.values.outcome import Erased

_READING = frozenset({StepKind.TRACE, StepKind.LOOK, StepKind.PURGE, StepKind.VERIFY})
"""Steps whose time grows with the bytes of the store."""
SCAN_RATE = 200_000_000
"""Bytes a second that a scan is assumed to read where no order has ended yet; `make bench` measures it."""
REWRITE_RATE = 50_000_000
"""Bytes a second, read and written, that rewriting is assumed to move there."""
START = 2.0
"""Seconds that an order is assumed to take there besides."""
_ITEMS = 1000
"""Items a second that are assumed to go."""


@dataclass(frozen=True)
class StepTime:
    """How long one step took."""

    kind: StepKind
    store: str
    dataset: str
    seconds: float
    amount: int
    """Bytes of the store that a scan read in the same round, or items that went; 0 where that is not known."""


@dataclass(frozen=True)
class Workload:
    """What the steps of a plan have to deal with."""

    raw_bytes: Mapping[str, int]
    """Store -> bytes to be scanned."""
    moved: Mapping[str, int]
    """Store -> bytes to be read and written when something is erased."""
    items: Mapping[str, int]
    """Dataset -> items that go."""


@dataclass(frozen=True)
class Estimate:
    """The time that a plan should take."""

    seconds: int
    steps: int = 0
    """The steps whose time was measured in earlier orders, of all that take time."""
    of: int = 0

    @property
    def measured(self) -> bool:
        """Whether it rests on earlier orders alone."""
        return self.steps == self.of > 0


def measured(events: Iterable[ev.Event]) -> Iterator[StepTime]:
    """Yield the times of the steps of one order that ended at the first attempt, but not of rounds that other orders shared."""
    pending = _Pending()
    for event in events:
        match event:
            case ev.Planned():
                yield from pending.ended()
                pending = _Pending(Plan.from_bytes(event.plan.encode()))
            case ev.RoundStarted():
                yield from pending.ended()
                pending = _Pending(pending.plan, alone=len(event.cohort) <= 1)
            case ev.StepIntended(attempt=1):
                pending.begun[event.step] = event
            case ev.StepEnded() if event.step in pending.begun and pending.begun[event.step].attempt == event.attempt:
                pending.done.append(event)
            case _:
                pass
    yield from pending.ended()


@dataclass
class _Pending:
    plan: Plan | None = None
    alone: bool = True
    begun: dict[StepId, ev.StepIntended] = field(default_factory=dict)
    done: list[ev.StepEnded] = field(default_factory=list)

    def ended(self) -> Iterator[StepTime]:
        if self.plan is None or not self.alone:
            return
        known = {step.id: step for step in self.plan.steps}
        read = {known[each.step].store: each.counts["bytes"] for each in self.done if each.step in known and each.counts.get("bytes")}
        for each in self.done:
            step = known.get(each.step)
            if step is not None:
                amount = read.get(step.store, 0) if step.kind in _READING else _erased(each)
                seconds = (each.at - self.begun[each.step].at).total_seconds()
                yield StepTime(step.kind, step.store, _dataset(step), max(0.0, seconds), amount)


def _erased(event: ev.StepEnded) -> int:
    return sum(each.items for by in event.outcomes.values() for each in by.values() if isinstance(each, Erased))


def _dataset(step: Step) -> str:
    return step.datasets[0] if step.kind not in _READING and step.datasets else ""


def estimate(plan: Plan, work: Workload, times: Sequence[StepTime]) -> Estimate:
    """Return the time that a plan should take: each step as long as such steps took in the median, by bytes or items; else as assumed."""
    by_step: dict[tuple[StepKind, str, str], list[StepTime]] = {}
    for each in times:
        by_step.setdefault((each.kind, each.store, each.dataset), []).append(each)
    total, known = 0.0, 0
    steps = [step for step in plan.steps if step.kind not in (StepKind.KEEP, StepKind.MANUAL)]
    for step in steps:
        amount = work.raw_bytes.get(step.store, 0) if step.kind in _READING else sum(work.items.get(name, 0) for name in step.datasets)
        # Why not steps that found nothing, where something is to go: they say nothing of it.
        former = [each for each in by_step.get((step.kind, step.store, _dataset(step)), ()) if each.amount or not amount]
        known += bool(former)
        total += statistics.median(_scaled(each, amount) for each in former) if former else _assumed(step, work, amount)
    return Estimate(max(1, round(total + (0 if known else START))), known, len(steps))


def _scaled(former: StepTime, amount: int) -> float:
    if not (former.amount and amount):
        return former.seconds
    ratio = amount / former.amount
    # Why never less for few items: what a step takes for one is what it takes to begin.
    return former.seconds * (ratio if former.kind in _READING else max(1.0, ratio))


def _assumed(step: Step, work: Workload, amount: int) -> float:
    match step.kind:
        case StepKind.LOOK | StepKind.VERIFY:
            return amount / SCAN_RATE
        case StepKind.PURGE:
            return work.moved.get(step.store, 0) / REWRITE_RATE
        case StepKind.ERASE:
            return amount / _ITEMS
        case _:
            return 0.0
