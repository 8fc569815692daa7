"""Observations of pipelines: reduced from lineage events, and merged into observed lineage.

An observation says that one run of one job read these datasets and wrote those. Merging is a union: the same observations in any order, any
number of times, give the same result. Events that come twice, late or in the wrong order therefore change nothing.

Datasets are named by their address (:func:`expunge.core.lineage.openlineage.address`). No content, no row count, no SQL text is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

from expunge.core.values.ids import OrderId
from expunge.core.values.tags import tagged
from expunge.errors import StateCorrupt

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
LONGEST_ADDRESS = 4_200
"""The most characters of a dataset's address, or of a job: a namespace and a name of 2,000 each, and what joins them."""
_RUN = re.compile("[0-9a-f]{32}")
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RunStage(StrEnum):
    """The stage of a run that an event reports.

    The values are OpenLineage's, but for ``DESIGN``: an event about a job or dataset without a run.
    """

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"
    DESIGN = "DESIGN"


@dataclass(frozen=True, order=True)
class ColumnFlow:
    """One column that goes into another."""

    source: str
    """Address of the dataset that is read."""
    field: str
    target: str
    """Address of the dataset that is written."""
    column: str


@dataclass(frozen=True)
class Observation:
    """The content of one event."""

    run: str
    """Hex, told apart from all other runs; for an event without a run, from all other jobs."""
    at: datetime
    """When it happened, by the pipeline's clock."""
    stage: RunStage
    job: str
    inputs: tuple[str, ...]
    """Addresses, sorted, each once."""
    outputs: tuple[str, ...]
    columns: tuple[ColumnFlow, ...] = ()


@tagged("Observed")
@dataclass(frozen=True)
class Observed:
    """Observations were taken in together. Register ``lineage``."""

    at: datetime
    packed: str
    """As :func:`pack` writes them."""


@tagged("Told")
@dataclass(frozen=True)
class LineageTold:
    """An order's erasures were reported to the lineage services. Register ``tellings``."""

    at: datetime
    order: OrderId
    round: int


LineageEvent: TypeAlias = Observed | LineageTold


def pack(observations: Iterable[Observation]) -> str:
    """Observations as compact JSON: every text once, in a table that the rest points into."""
    table: dict[str, int] = {}

    def at(text: str) -> int:
        return table.setdefault(text, len(table))

    seen = [
        [
            observation.run,
            (observation.at - _EPOCH) // _MICROSECOND,
            observation.stage.value,
            at(observation.job),
            [at(name) for name in observation.inputs],
            [at(name) for name in observation.outputs],
            [[at(c.source), at(c.field), at(c.target), at(c.column)] for c in observation.columns],
        ]
        for observation in observations
    ]
    return json.dumps({"texts": list(table), "seen": seen}, separators=(",", ":"), ensure_ascii=True)


def unpack(packed: str) -> tuple[Observation, ...]:
    """Return the observations that :func:`pack` wrote, from a process that is not trusted. Raises ValueError for anything else."""
    try:
        said = json.loads(packed)
        texts: list[str] = said["texts"]
        if said.keys() != {"texts", "seen"} or _ODD.search("".join(texts)) or max(map(len, texts), default=0) > LONGEST_ADDRESS:
            raise _unreadable()
        # Why a mapping: a negative number would find a place in a list.
        text = dict(enumerate(texts)).__getitem__
        return tuple(_observed(text, *row) for row in said["seen"])
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise _unreadable() from error


def _observed(
    text: Callable[[int], str],
    run: str,
    moment: int,
    stage: str,
    job: int,
    inputs: list[int],
    outputs: list[int],
    columns: list[list[int]],
) -> Observation:
    if not _RUN.fullmatch(run):
        raise _unreadable()
    flows = tuple(ColumnFlow(*flow) for flow in sorted({tuple(map(text, column)) for column in columns}))
    ends = tuple(sorted(set(map(text, inputs)))), tuple(sorted(set(map(text, outputs))))
    return Observation(run, _EPOCH + moment * _MICROSECOND, RunStage(stage), text(job), *ends, flows)


def _unreadable() -> ValueError:
    return ValueError("these are no observations")


@dataclass(frozen=True)
class Flow:
    """The flow of one job's runs with the same inputs and outputs: from each input to each output.

    Kept whole and not as single edges: a run that reads a thousand datasets and writes a thousand would have a million.
    """

    job: str
    inputs: frozenset[str]
    outputs: frozenset[str]
    columns: frozenset[ColumnFlow]
    completed: bool
    """Some run ended well. Otherwise all failed, were stopped, have not ended or are only planned; data may have gone this way even so."""
    runs: int
    first: datetime
    last: datetime


@dataclass
class _Run:
    """One run as far as it is known, in plain values: there are millions of them."""

    job: str
    first: int
    """Microseconds since 1970."""
    last: int
    inputs: set[str] = field(default_factory=set)
    outputs: set[str] = field(default_factory=set)
    columns: set[tuple[str, ...]] = field(default_factory=set)
    completed: bool = False


@dataclass(frozen=True)
class ObservedLineage:
    """All that was observed; the same for the same observations in any order."""

    flows: tuple[Flow, ...] = ()

    @cached_property
    def names(self) -> frozenset[str]:
        """Every dataset that was seen."""
        found: set[str] = set()
        for flow in self.flows:
            found |= flow.inputs
            found |= flow.outputs
        return frozenset(found)

    @cached_property
    def writers(self) -> Mapping[str, Sequence[Flow]]:
        """Dataset -> the flows that write it."""
        found: dict[str, list[Flow]] = {}
        for flow in self.flows:
            for name in flow.outputs:
                found.setdefault(name, []).append(flow)
        return found

    @cached_property
    def readers(self) -> Mapping[str, Sequence[Flow]]:
        """Dataset -> the flows that read it."""
        found: dict[str, list[Flow]] = {}
        for flow in self.flows:
            for name in flow.inputs:
                found.setdefault(name, []).append(flow)
        return found


_Row: TypeAlias = tuple[str, int, str, str, Iterable[str], Iterable[str], Iterable[tuple[str, ...]]]
"""Run, microseconds since 1970, stage, job, inputs, outputs, columns."""


def add_up(observations: Iterable[Observation]) -> ObservedLineage:
    """Merge observations.

    A run's events are joined (one may name the inputs and another the outputs). An input that is written as well (an incremental table) is
    no edge from itself to itself.
    """
    return _sum(map(_row, observations))


def add_packed(packs: Iterable[str]) -> ObservedLineage:
    """Merge observations, as :func:`add_up`, from the output of :func:`pack`. Raises StateCorrupt for anything else."""
    try:
        return _sum(row for packed in packs for row in _rows(packed))
    except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
        message = "the register of observed lineage cannot be read"
        raise StateCorrupt(message, help="the state was written by another version or was changed") from error


def _row(each: Observation) -> _Row:
    columns = [(c.source, c.field, c.target, c.column) for c in each.columns]
    return each.run, (each.at - _EPOCH) // _MICROSECOND, each.stage.value, each.job, each.inputs, each.outputs, columns


def _rows(packed: str) -> Iterator[_Row]:
    said = json.loads(packed)
    texts = said["texts"]
    text = texts.__getitem__
    for run, moment, stage, job, inputs, outputs, columns in said["seen"]:
        yield run, moment, stage, texts[job], map(text, inputs), map(text, outputs), [tuple(map(text, column)) for column in columns]


def _sum(rows: Iterable[_Row]) -> ObservedLineage:
    runs: dict[str, _Run] = {}
    for name, moment, stage, job, inputs, outputs, columns in rows:
        run = runs.get(name)
        if run is None:
            run = runs[name] = _Run(job, moment, moment)
        # Why the least: events of one run that name different jobs must add up to the same whichever came first.
        run.job = min(run.job, job)
        run.inputs.update(inputs)
        run.outputs.update(outputs)
        run.columns.update(columns)
        run.completed = run.completed or stage == RunStage.COMPLETE.value
        run.first, run.last = min(run.first, moment), max(run.last, moment)
    return ObservedLineage(tuple(sorted(_flows(runs.values()), key=lambda flow: (flow.job, sorted(flow.inputs), sorted(flow.outputs)))))


def _flows(runs: Iterable[_Run]) -> Iterator[Flow]:
    alike: dict[tuple[str, frozenset[str], frozenset[str]], list[_Run]] = {}
    for run in runs:
        alike.setdefault((run.job, frozenset(run.inputs), frozenset(run.outputs)), []).append(run)
    for (job, inputs, outputs), some in alike.items():
        columns: set[tuple[str, ...]] = set().union(*(each.columns for each in some))
        yield Flow(
            job,
            inputs,
            outputs,
            frozenset(ColumnFlow(*column) for column in columns),
            any(each.completed for each in some),
            len(some),
            _EPOCH + min(each.first for each in some) * _MICROSECOND,
            _EPOCH + max(each.last for each in some) * _MICROSECOND,
        )
