"""Whose is it? Tell windows that other people's live data holds as well from residue of the person who was erased."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import BinaryIO

from expunge.core.copy import Copy
from expunge.core.datamap import Aggregate, Dataset, Inherited
from expunge.core.ids import Pseudonym
from expunge.core.person import Person
from expunge.core.traces import Traces
from expunge.engine import calling, tracing
from expunge.engine.context import Context
from expunge.ports.scanner import Tracer

BATCH = 500
"""Copies of people who stay that are read at a time."""


def held_by_others(
    context: Context,
    store: str,
    traces: Traces,
    seen: Iterable[int],
    kept: Mapping[str, Sequence[Copy]],
    erased: Mapping[str, Sequence[Copy]],
    people: Sequence[Person] = (),
) -> frozenset[int]:
    """Which of the traces seen after belong to somebody who stays, or to something that is kept on purpose.

    Reads the live data of everybody else in the store, but only when something was seen. The erased people's own identifiers are held by
    nobody else where they stand as whole words: a child's id inside the household's record is the child's.

    Args:
        context: the composition.
        store: the store that was scanned.
        traces: all of the order.
        seen: indexes that the scan found.
        kept: dataset -> copies of the erased people that stay on purpose.
        erased: dataset -> copies of the erased people that are still live (an erase failed): they are not *others*.
        people: the erased people, where they are known.
    """
    candidates = frozenset(index for index in seen if traces.traces[index].subject not in traces.controls)
    if not candidates:
        return frozenset()
    names = frozenset(index for index in candidates if traces.traces[index].dataset == tracing.IDENTIFIERS)
    content = context.scanner.holder(traces, candidates - names)
    words = context.scanner.holder(traces, names)
    both = _Both(content, _WholeWordsOut(words, people))
    opened = context.open_store(store)
    for dataset in context.data_map.datasets_of(store):
        if isinstance(dataset.subject, Aggregate | Inherited):
            continue
        mine = (*erased.get(dataset.name, ()), *kept.get(dataset.name, ()))
        batch: list[Copy] = []
        for copy in calling.bystanders(opened, dataset, mine, None):
            batch.append(copy)
            if len(batch) == BATCH:
                calling.trace(opened, dataset, batch, both)
                batch = []
        if batch:
            calling.trace(opened, dataset, batch, both)
        _hold_kept(context, dataset, kept.get(dataset.name, ()), (content, words))
    return content.held() | words.held()


def _hold_kept(context: Context, dataset: Dataset, kept: Sequence[Copy], holders: tuple[Tracer, Tracer]) -> None:
    """What stays on purpose holds its own content, names and identifiers included."""
    if kept:
        for holder in holders:
            calling.trace(context.open_store(dataset.store), dataset, kept, holder)


class _Both:
    """Hands content to two tracers; a stream is read once for each."""

    def __init__(self, first: Tracer, second: Tracer) -> None:
        self._tracers = (first, second)

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        for each in self._tracers:
            each.text(subject, dataset, field, value)

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        for each in self._tracers:
            each.number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        self._tracers[0].vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        self._tracers[0].blob(subject, dataset, field, stream)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        for each in self._tracers:
            each.name(subject, dataset, value)


class _WholeWordsOut:
    """Passes content on with the erased people's identifiers taken out where they stand as whole words.

    What is left of a match is then an identifier of somebody else that merely contains theirs (``a-12`` in ``a-123``).
    """

    def __init__(self, inner: Tracer, people: Sequence[Person]) -> None:
        self._inner = inner
        values = sorted({value for person in people for _, value in person.identifiers()}, key=len, reverse=True)
        self._words = re.compile("|".join(rf"(?<![\w.-]){re.escape(each)}(?![\w-])" for each in values)) if values else None

    def text(self, subject: Pseudonym, dataset: str, field: str, value: str) -> None:
        self._inner.text(subject, dataset, field, self._without(value))

    def number(self, subject: Pseudonym, dataset: str, field: str, value: float) -> None:
        self._inner.number(subject, dataset, field, value)

    def vector(self, subject: Pseudonym, dataset: str, field: str, value: Sequence[float]) -> None:
        self._inner.vector(subject, dataset, field, value)

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        self._inner.blob(subject, dataset, field, stream)

    def name(self, subject: Pseudonym, dataset: str, value: str) -> None:
        self._inner.name(subject, dataset, self._without(value))

    def _without(self, value: str) -> str:
        return self._words.sub("\0", value) if self._words is not None else value
