"""How long records about orders are kept, and which are past their period. None of them is ever erased by itself.

The journal is one chain, so that what is past cannot go in silence: people are told of it, and decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from expunge.core.datamap.clocks import ClockState
from expunge.core.journal import events as ev
from expunge.core.values import codec
from expunge.core.values.periods import Period, end_of
from expunge.core.values.record_kind import KEPT, RecordKind
from expunge.engine.kernel.context import Context
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports import record_lists


@dataclass(frozen=True)
class RecordAge:
    """The records of one kind."""

    kind: RecordKind
    period: Period
    records: int
    oldest: datetime | None
    past: int
    """Those whose period is over; they are there all the same."""
    since: datetime | None
    """When the first of those was past; None where none is."""


def ages(context: Context) -> tuple[RecordAge, ...]:
    """Return the records of every kind, held against the map's periods."""
    now = context.clock.now()
    found = []
    for kind, rows in record_lists.collect(context).rows.items():
        period = context.data_map.records.get(kind, KEPT)
        times = [codec.parse_instant(str(row["at"])) for row in rows]
        ends = [end for each in times if (end := end_of(each, period)) <= now]
        found.append(RecordAge(kind, period, len(times), min(times, default=None), len(ends), min(ends, default=None)))
    return tuple(found)


def owed(context: Context) -> tuple[Deadline, ...]:
    """Return a line for each kind of which records are past their period: people decide what becomes of them."""
    if not _any_past(context):
        return ()
    return tuple(
        Deadline(
            f"records of {each.kind.value}",
            "decide what becomes of records that are past their period",
            "records",
            "the map's `records`",
            each.since,
            ClockState.RUNNING,
            f"{each.past} of {each.records} are older than {each.period}; nothing erases them by itself",
        )
        for each in ages(context)
        if each.since is not None
    )


def _any_past(context: Context) -> bool:
    """Whether any record can be past its period: asked of the first event alone, before all are read."""
    shortest = min((context.data_map.records.get(kind, KEPT) for kind in RecordKind), key=lambda each: each.nominal)
    first = next(iter(context.journal.streams()), None)
    data = None if first is None else next(iter(context.journal.read(first)), None)
    return data is not None and end_of(ev.decode(data).at, shortest) <= context.clock.now()
