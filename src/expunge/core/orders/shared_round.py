"""Orders that share a round: merged into one run to carry out the steps, and taken apart again for each order's own journal.

The orders share the work (one look, one rewrite of a table or file, one purge, one scan). Each order keeps its own people, counts,
outcomes, receipts and end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from expunge.core.evidence import verification_codec
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan
from expunge.core.orders.round import Round, StepRun
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId, StepId
from expunge.errors import StateCorrupt

EVERYBODY = "*"
_T = TypeVar("_T")


def may_share(one: Run, other: Run) -> bool:
    """Return whether two orders can share a round: same steps, same reach, same map, traces under one key, and no person in common."""
    if one.plan is None or other.plan is None or one.round != other.round:
        return False
    same = (one.plan.map_digest, one.plan.steps, one.plan.scope) == (other.plan.map_digest, other.plan.steps, other.plan.scope)
    return same and one.traces_of == other.traces_of and not set(one.subjects) & set(other.subjects)


def merge(runs: Sequence[Run]) -> Run:
    """Return one run that stands for all: the leading order's, with the people, outcomes and counts of all.

    Raises StateCorrupt when the runs stand at different steps: their events are written together or not at all.
    """
    first = runs[0]
    if len(runs) == 1:
        return first
    if not level(runs):
        message = "orders that share a round stand at different steps"
        raise StateCorrupt(message, help="stop, keep a copy of the state, and restore it from its backup")
    received = replace(
        first.received,
        subjects=tuple(subject for run in runs for subject in run.subjects),
        commitments=tuple(commitment for run in runs for commitment in run.received.commitments),
    )
    return replace(
        first,
        received=received,
        plan=_plan(runs),
        current=_round([run.current for run in runs]),
        erased=_joined(run.erased for run in runs),
        kept=_joined(run.kept for run in runs),
        places=frozenset(place for run in runs for place in run.places),
        touched=any(run.touched for run in runs),
        taken_at=max((run.taken_at for run in runs if run.taken_at), default=None),
        unpurged=frozenset(store for run in runs for store in run.unpurged),
        purged_at=max((run.purged_at for run in runs if run.purged_at), default=None),
    )


def level(runs: Sequence[Run]) -> bool:
    """Return whether the runs stand at the same point of their steps, as they do after each shared append."""
    return len({(run.state, frozenset((step, at.attempts, at.open) for step, at in run.current.steps.items())) for run in runs}) <= 1


def _plan(runs: Sequence[Run]) -> Plan | None:
    plans = [run.plan for run in runs if run.plan is not None]
    if len(plans) < len(runs):
        return None
    holds = sorted({hold for plan in plans for hold in plan.holds})
    bystanders: dict[str, int] = {}
    for plan in plans:
        for name, count in plan.bystanders.items():
            bystanders[name] = bystanders.get(name, 0) + count
    return replace(
        plans[0],
        subjects=tuple(subject for plan in plans for subject in plan.subjects),
        holds=tuple(holds),
        bystanders=bystanders,
        bystanders_in_all=sum(plan.bystanders_in_all for plan in plans),
    )


def _round(rounds: Sequence[Round]) -> Round:
    """One round that stands for all: what was seen and stated is each order's own."""
    first = rounds[0]
    return replace(
        first,
        steps={step: _step([round_.steps[step] for round_ in rounds]) for step in first.steps},
        items=_joined(round_.items for round_ in rounds),
        judged={},
        stated={},
        logged={},
    )


def _step(states: Sequence[StepRun]) -> StepRun:
    return replace(states[0], outcomes=_joined(state.outcomes for state in states))


def _joined(parts: Iterable[Mapping[str, Mapping[str, _T]]]) -> dict[str, dict[str, _T]]:
    result: dict[str, dict[str, _T]] = {}
    for part in parts:
        for name, by in part.items():
            result.setdefault(name, {}).update(by)
    return result


def split(event: ev.OrderEvent, runs: Sequence[Run]) -> list[ev.OrderEvent]:
    """The event as each of the orders journals it, in their order: with its own people only."""
    if len(runs) == 1:
        return [event]
    match event:
        case ev.StepEnded():
            return [replace(event, outcomes=part) for part in _apart(event.outcomes, runs)]
        case ev.Located():
            items, kept = _apart(event.items, runs), _apart(event.kept, runs)
            return [replace(event, items=mine, kept=aside) for mine, aside in zip(items, kept, strict=True)]
        case ev.Judged():
            return [replace(event, entries=part) for part in verification_codec.parts(event.entries, [run.subjects for run in runs])]
        case _:
            return [event] * len(runs)


def _apart(outcomes: Mapping[str, Mapping[str, _T]], runs: Sequence[Run]) -> list[dict[str, dict[str, _T]]]:
    parts: list[dict[str, dict[str, _T]]] = [{} for _ in runs]
    owner: dict[str, int] = {subject: at for at, each in enumerate(runs) for subject in each.subjects}
    for name, by in outcomes.items():
        for part in parts:
            part[name] = {}
        for subject, value in by.items():
            if subject == EVERYBODY:
                for part in parts:
                    part[name][subject] = value
            elif subject in owner:
                parts[owner[subject]][name][subject] = value
    return parts


def still_open(run: Run, step: StepId, attempt: int) -> bool:
    """Return whether an attempt at a step is still under way. A later attempt means that another worker took the step over."""
    state = run.current.steps.get(step)
    return state is not None and state.open and state.attempts == attempt


def leader(run: Run) -> OrderId:
    """The order that stands for the round's cohort."""
    return run.current.cohort[0] if run.current.cohort else run.order


def trace_owner(run: Run) -> OrderId:
    """Return the order whose trace key and shelf this order's traces use."""
    return run.traces_of or run.order


def turn(run: Run) -> str:
    """Name a round among all those whose traces lie on one shelf. Two cohorts that came from one have different names."""
    shared = run.current.cohort or trace_owner(run) != run.order
    return f"{run.round}.{leader(run).removeprefix('ord-')}" if shared else str(run.round)
