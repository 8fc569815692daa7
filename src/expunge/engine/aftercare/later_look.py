"""Look once more at an order that has ended, with the traces that are kept of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from expunge.core.datamap.person import Person
from expunge.core.evidence.trace_evidence import blinding, staying
from expunge.core.evidence.traces import Traces
from expunge.core.journal import events as ev
from expunge.core.orders.run import Run
from expunge.core.orders.shared_round import trace_owner
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.engine.aftercare.sweeping import known_by, suppressed_in
from expunge.engine.evidence import hits_by_place, positive_controls, tracing
from expunge.engine.evidence.rows_at_hits import ErasedAndKept
from expunge.engine.gate import fencing
from expunge.engine.kernel import store_calls, unshown
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder
from expunge.engine.opaque import scan_depth
from expunge.engine.subjects import locating
from expunge.engine.subjects.locating import LocatedCopies
from expunge.errors import IllegalTransition
from expunge.ports.scanner import Residue


@dataclass(frozen=True)
class LaterLook:
    """A later look at one order with its kept traces."""

    order: OrderId
    usable: int
    found: int
    places: tuple[Residue, ...]
    """For the operator's terminal."""
    failed: dict[str, str]
    """Store -> why it could not be scanned: then nothing found says nothing."""
    since: Mapping[str, datetime] = field(default_factory=dict)
    """Store -> the look since which what has changed was read, and nothing else."""
    sampled: tuple[str, ...] = ()
    """Stores of which a sample was read."""


@dataclass(frozen=True)
class _StoreLook:
    """What was seen in one store."""

    found: frozenset[int]
    places: tuple[Residue, ...]
    blind: bool
    extent: scan_depth.LookExtent


def look_again(context: Context, order: OrderId) -> LaterLook:
    """Scan every store of an ended order's plan with its kept traces.

    Raises IllegalTransition for an order that has not ended or whose traces have reached their end date.
    """
    recorder = Recorder(context.journal, context.clock, order)
    run = recorder.run
    if run.plan is None or run.state not in (OrderState.FULFILLED, OrderState.IN_PART) or run.traces_ended:
        message = "there are no traces to look with: the order has not ended, or its traces have reached their end date"
        raise IllegalTransition(message, help="`expunge sweep` still finds suppressed people by their identifiers")
    traces = _own(tracing.load(context, trace_owner(run)), run.subjects)
    people = _back_under_their_names(context, order)
    back = locating.locate(context, people)
    visible = tracing.recall(context, trace_owner(run), "seen-before-", traces)
    looks: dict[str, _StoreLook] = {}
    failed: dict[str, str] = {}
    for store in sorted(run.places):
        if store not in context.data_map.stores:
            failed[store] = Reason.UNREACHABLE.value
            continue
        try:
            if store_calls.capabilities(context.open_store(store)).retains:
                continue
            looks[store] = _look(context, run, store, traces, people, back)
        except store_calls.TROUBLE as error:
            failed[store] = store_calls.as_unable(error).reason.value
            continue
        if looks[store].blind:
            failed[store] = Reason.CANNOT_TELL.value
    usable = sum(1 for index in visible if traces.traces[index].subject not in traces.controls)
    found = frozenset[int]().union(*(each.found for each in looks.values()))
    places = tuple(place for each in looks.values() for place in each.places)
    recorder.append(ev.Reverified(recorder.now(), len(found), usable))
    since = {store: each.extent.since for store, each in looks.items() if each.extent.since is not None}
    sampled = tuple(store for store, each in looks.items() if each.extent.sampled)
    return LaterLook(order, usable, len(found), places, failed, since, sampled)


def _look(context: Context, run: Run, store: str, traces: Traces, people: Sequence[Person], back: LocatedCopies) -> _StoreLook:
    """Scan one store. Raises what stores and the scanner raise when they cannot look."""
    owner = trace_owner(run)
    without = tracing.left_out(context, owner, store, traces)
    now = positive_controls.of_now(context, owner, store, back)
    joined = _joined(traces, now)
    extent = scan_depth.later(context, owner, store, run.order)
    scanned, lying = tracing.look(context, store, joined, places=hits_by_place.most_places(context), without=without, extent=extent)
    seen = scanned.seen
    moved = tracing.recall(context, owner, "held-before-", traces)
    explained = hits_by_place.explain(context, store, joined, scanned, ErasedAndKept(back.copies, {}), people, moved)
    unread = unshown.sentences(context, store, people) or blinding(scanned.coverage.skipped)
    mine = [dataset.name for dataset in context.data_map.datasets_of(store)]
    earlier = tracing.recall(context, owner, "seen-before-", traces, store=store)
    # Why one is enough: those of the order may have been erased since. Where nobody is left, the store has at least to be there.
    unseen = not extent.sampled and staying(traces, earlier, mine) and not staying(joined, seen, mine)
    blind = unread or lying.blocking(scanned.unread) or (unseen and (now.controls or not positive_controls.is_there(context, store)))
    fresh = {index for index in seen - explained.held - explained.untold.keys() if joined.traces[index].subject not in joined.controls}
    if run.state is OrderState.FULFILLED:
        fresh -= _in_log_alone(context, store, joined, explained.left) & tracing.recall(context, owner, "seen-after-", traces, store=store)
    return _StoreLook(frozenset(fresh), _places_of(joined, fresh, explained.left), bool(blind or explained.untold), extent)


def _back_under_their_names(context: Context, order: OrderId) -> tuple[Person, ...]:
    """The order's people of whom there is live data again: what they hold is theirs, not somebody else's."""
    fence = fencing.fenced(context)
    found: dict[Pseudonym, dict[str, set[str]]] = {}
    for _, kind, value, name in suppressed_in(context, fence, {}):
        if fence.names[name] == order:
            found.setdefault(name, {}).setdefault(kind, set()).add(value)
    return tuple(known_by(name, ids) for name, ids in sorted(found.items()))


def _places_of(traces: Traces, windows: Collection[int], left: Iterable[Residue]) -> tuple[Residue, ...]:
    """Return the first places of some windows among those that nothing explains."""
    wanted = {traces.traces[index] for index in windows}
    return hits_by_place.a_few(place for place in left if place.trace in wanted)


def _in_log_alone(context: Context, store: str, traces: Traces, left: Sequence[Residue]) -> frozenset[int]:
    """Return the windows that are left in a log alone that repeats what lies elsewhere.

    Why apart: since the order's purge the log has filled again, with earlier versions of rows of people who stay. What these people shared
    with an erased person when the order ended says nothing there: data that came back would bring windows along that nobody shares.
    """
    logs = [source.path for source in store_calls.raw(context.open_store(store)) if source.repeats]
    of_logs = {path for path in {place.path for place in left} if any(path.is_relative_to(log) for log in logs)}
    alone = {place.trace for place in left if place.path in of_logs} - {place.trace for place in left if place.path not in of_logs}
    return frozenset(index for index, trace in enumerate(traces.traces) if trace in alone)


def _own(traces: Traces, subjects: Collection[Pseudonym]) -> Traces:
    """Of traces that were taken for several orders together, this one's people and the controls."""
    mine = {*subjects, *traces.controls}
    return replace(traces, traces=tuple(trace for trace in traces.traces if trace.subject in mine))


def _joined(traces: Traces, more: Traces) -> Traces:
    """Join traces of people who are there now to those of an order, which keep their places."""
    return replace(traces, traces=(*traces.traces, *more.traces), controls=traces.controls | more.controls)
