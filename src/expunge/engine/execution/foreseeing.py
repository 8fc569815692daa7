"""Foresee what an order meets beside what it erases: rows of other people that it changes or leaves, and rows that hold something back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from expunge.core.datamap.person import Person
from expunge.core.evidence.receipt import Mention
from expunge.core.journal import events as ev
from expunge.core.orders.plan import Plan, StepKind
from expunge.core.orders.step_times import StepTime, measured
from expunge.engine.evidence import mentions
from expunge.engine.execution import schema_obstacles
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context
from expunge.engine.subjects.locating import LocatedCopies

LATEST = 30
"""Orders whose times are looked at, the latest."""


@dataclass(frozen=True)
class Foreseen:
    """What an order meets beside what it erases."""

    mentions: tuple[Mention, ...]
    """Rows of other people that name its people, with what becomes of them."""
    undeclared: Mapping[str, str]
    """Dataset or table -> what names them there, of which the map says nothing."""
    bound: Mapping[str, tuple[str, ...]]
    """Dataset -> why some of what lies there cannot go: rows that stay refer to it."""

    @property
    def in_the_way(self) -> bool:
        """Whether the order will end in part because of it."""
        return bool(self.undeclared or self.bound)


def foresee(context: Context, plan: Plan, located: LocatedCopies, people: Sequence[Person]) -> Foreseen:
    """Look for what an order meets beside what it erases."""
    named = mentions.foresee(context, located, people) if plan.scope is None else mentions.ForeseenMentions((), {})
    erased = chain.from_iterable(step.datasets for step in plan.steps if step.kind is StepKind.ERASE)
    found = schema_obstacles.bound(context, [context.data_map.datasets[name] for name in erased], located.copies)
    bound: dict[str, tuple[str, ...]] = {}
    for (dataset, _), why in found.items():
        bound[dataset] = tuple(dict.fromkeys((*bound.get(dataset, ()), why.detail)))
    return Foreseen(named.listed, named.undeclared, bound)


def former_times(context: Context) -> tuple[StepTime, ...]:
    """Return how long the steps of the latest orders took."""
    latest = list(journal_streams.orders(context.journal))[-LATEST:]
    streams = context.journal.read_all(dict.fromkeys(latest, 0))
    return tuple(time for stream in streams.values() for time in measured(map(ev.decode, stream)))
