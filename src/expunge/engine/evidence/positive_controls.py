"""Choose the positive controls of a look: content of people who stay, which the look has to see, or it proves nothing.

People who stay do not stay for ever. A look after an erasure is held to the controls that the same round's look before it saw: who was a
control of an earlier round may have been erased in the meantime.
"""

from __future__ import annotations

from collections.abc import Collection

from expunge.core.evidence import traces as core_traces
from expunge.core.evidence.trace_evidence import Control, staying
from expunge.core.evidence.traces import Traces
from expunge.core.values.ids import OrderId
from expunge.engine.evidence import tracing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.subjects.locating import LocatedCopies


def asked(context: Context, order: OrderId, turn: str, store: str, traces: Traces) -> frozenset[Control]:
    """Return the controls that a look after the erasure of a round has to see in a store.

    These are the ones that the look before it saw. In a dataset where an earlier round's look saw some and this round's saw none, all those
    that this round traced are asked for: the scan may have gone blind between the rounds. Where this round met nobody who stays, and
    nothing else of the store can be seen either, those of the earlier rounds are.
    """
    own = [dataset.name for dataset in context.data_map.datasets_of(store)]
    seen = tracing.recall_each(context, order, [f"seen-before-{turn}-{shelf_word(store)}"], traces)
    now = staying(traces, seen, own)
    ever = staying(traces, tracing.recall(context, order, "seen-before-", traces, store=store), own)
    lost = {dataset for dataset, _ in ever} - {dataset for dataset, _ in now}
    if not lost:
        return now
    traced = _traced(context, order, turn, store, traces, lost)
    there = bool(traced) or any(traces.traces[index].dataset in own for index in seen) or is_there(context, store)
    return now | (traced if there else frozenset(each for each in ever if each[0] in lost))


def nobody_stays(context: Context, order: OrderId, turn: str, store: str, traces: Traces) -> bool:
    """Return whether a round met nobody who stays in a store and has content of their own there that could be looked for."""
    own = [dataset.name for dataset in context.data_map.datasets_of(store)]
    if context.shelf.get(order, f"traces-{turn}-{shelf_word(store)}") is None:
        return not staying(traces, range(len(traces.traces)), own)
    return not _traced(context, order, turn, store, traces, own)


def is_there(context: Context, store: str) -> bool:
    """Return whether anything lies at the places of a store's bytes: in a folder whose disk is away there is nothing. Raises as ``raw``."""
    paths = [source.path for source in store_calls.raw(context.open_store(store))]
    return any(path.is_file() or next(path.iterdir(), None) is not None for path in paths if path.exists())


def _traced(context: Context, order: OrderId, turn: str, store: str, traces: Traces, datasets: Collection[str]) -> frozenset[Control]:
    """Return the controls that the trace step of a round took in some datasets."""
    data = context.shelf.get(order, f"traces-{turn}-{shelf_word(store)}")
    taken = core_traces.load(data, traces.key) if data else Traces(traces.key, ())
    going = tuple(each for each in traces.traces if each.subject not in traces.controls)
    everything = Traces(traces.key, (*taken.traces, *going), taken.controls)
    return staying(everything, range(len(everything.traces)), datasets)


def of_now(context: Context, order: OrderId, store: str, back: LocatedCopies) -> Traces:
    """Trace content of a few people who are in a store now, and put nothing on the shelf: for a look long after the order.

    ``back`` is what is there of the order's people. Raises what stores raise when they cannot be read.
    """
    tracer = context.scanner.tracer(context.keys.trace_key(order), budget=tracing.FEWEST_WINDOWS)
    subjects = frozenset().union(
        *(
            tracing.take_controls(context.open_store(store), dataset, back, (), tracer)
            for dataset in context.data_map.datasets_of(store)
            if dataset.subject_fields
        )
    )
    return tracer.traces(subjects)
