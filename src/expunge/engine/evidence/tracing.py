"""Take traces while the content is still there, and scan the raw bytes for them before and after the erasure.

The shelf holds ``traces-<round>-<store>`` (fingerprints, worthless without the trace key), ``lying-<round>-<store>`` (sealed: the bytes
of files in which the store said that the content lies), ``values-...`` (the value that each trace was taken from), ``shares-...`` (how
many values there are, and how many have a trace), ``seen-before-...``, ``seen-after-...`` and ``crowded-...`` (digests of the traces that a
scan found, and of those that it found in many places).
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from expunge.core.datamap.compared_fields import field_spelling
from expunge.core.datamap.datamap import Dataset, remakes
from expunge.core.datamap.person import Person, secret_hashes
from expunge.core.evidence import traces as core_traces
from expunge.core.evidence import window_choice
from expunge.core.evidence.trace_evidence import PASSING, Control, each_seen, staying
from expunge.core.evidence.traces import IDENTIFIERS, Trace, Traces
from expunge.core.models.model_outcomes import WHOLE
from expunge.core.values.copy import RawSource
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.engine.evidence import schema_words, traced_cells, weight_vectors
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.shelf_words import shelf_word
from expunge.engine.opaque import unread_places
from expunge.engine.opaque.scan_depth import LookExtent
from expunge.engine.opaque.unread_places import StorePlaces
from expunge.engine.subjects.locating import LocatedCopies
from expunge.errors import KeyDestroyed, StateCorrupt
from expunge.ports.scanner import WHOLE_EXTENT, Scanned, Stretch, Tracer
from expunge.ports.store import Store

WEIGHTS = "(weights)"
"""Name of the field of a model's numbers; not a name that a store gives."""
LOOKS = 3
"""How often a store is scanned at most while the scan is blind for a reason that may pass."""
CONTROLS = 3
"""How many people who stay are traced per dataset, as positive control."""
MOST_WINDOWS = 1024
"""Windows per subject and field when one person is erased; fewer when many are, so that a scan stays fast."""
FEWEST_WINDOWS = 1
PER_FIELD = 5000
"""Traces of one field over all subjects: with a dozen fields some tens of thousands, at which a scan is still at full speed."""
FORMS, DRESSED = 21, 7
"""About how many written forms a window has, and how many windows of a field are taken in all of them."""


@dataclass(frozen=True)
class TakenTraces:
    """The traces that one trace step took."""

    traces: int
    rejected: int


def budget(subjects: int) -> int:
    """Windows per subject and field, so that the number of traces in one scan stays near a constant.

    Each of the first few windows is taken in its other written forms as well, which count as much as it does.
    """
    allowed = PER_FIELD // max(1, subjects)
    in_all_forms = min((allowed - 1) // FORMS, DRESSED)
    return max(FEWEST_WINDOWS, min(MOST_WINDOWS, allowed - FORMS * DRESSED if in_all_forms == DRESSED else in_all_forms + 1))


def take(
    context: Context,
    order: OrderId,
    turn: int | str,
    store: str,
    datasets: Sequence[Dataset],
    located: LocatedCopies,
    people: Sequence[Person],
) -> TakenTraces:
    """Trace one store's copies and a few bystanders, and put the traces on the shelf.

    Args:
        context: the composition.
        order: whose traces.
        turn: the round.
        store: the store's name.
        datasets: its datasets that will be erased.
        located: what they hold.
        people: given for one store of the plan only: their identifiers are traced there as a dataset of their own.
    """
    opened = context.open_store(store)
    own = schema_words.identifiers(people, located)
    tracer_budget = budget(max(1, len(subjects(located))))
    tracer = context.scanner.tracer(
        context.keys.trace_key(order),
        budget=tracer_budget,
        words=schema_words.of_estate(context, located).union(schema_words.of_others(located)),
        identifiers=own,
    )
    read = [dataset for dataset in datasets if dataset.name not in located.failed]
    others = set[str]()
    for dataset in read:
        _take_dataset(opened, dataset, located, traced_cells.without_others(tracer, context, dataset, own, others), tracer)
    controls = frozenset[Pseudonym]().union(*(take_controls(opened, dataset, located, others, tracer) for dataset in read))
    for person in people:
        for kind, value in person.in_unicode_forms().identifiers():
            tracer.text(person.subject, IDENTIFIERS, kind, value)
        for kind, digest in (*person.hashes(), *secret_hashes(context.data_map, person)):
            tracer.blob(person.subject, IDENTIFIERS, kind, io.BytesIO(digest))
    for subject, name, value in _other_spellings(context, located, people):
        tracer.text(subject, IDENTIFIERS, name, value)
    taken = tracer.traces(controls)
    files = [(order, f"traces-{turn}-{shelf_word(store)}", core_traces.dump(taken))]
    if tracer_budget > FEWEST_WINDOWS:
        files.append((order, f"values-{turn}-{shelf_word(store)}", window_choice.dump_values(tracer.values())))
    files.append((order, f"shares-{turn}-{shelf_word(store)}", window_choice.dump_value_counts(tracer.counts())))
    context.shelf.put_all([*files, *_lying_file(context, order, f"lying-{turn}-{shelf_word(store)}", tracer.lying())])
    return TakenTraces(len(taken.traces), tracer.rejected())


def _lying_file(
    context: Context, order: OrderId, name: str, lying: Mapping[Path, Sequence[Stretch]]
) -> Iterator[tuple[OrderId, str, bytes]]:
    """Yield the file that says where the content lies, sealed: names of files may be those of people."""
    said = {str(path): list(stretches) for path, stretches in lying.items()}
    # Why not where the key is gone: it is a hint, and all is looked through without it.
    with suppress(KeyDestroyed):
        if said:
            yield order, name, context.keys.seal(order, name, json.dumps(said).encode())


def _other_spellings(context: Context, located: LocatedCopies, people: Sequence[Person]) -> Iterator[tuple[Pseudonym, str, str]]:
    """Yield (subject, field, value) for each spelling of an identifier under which a dataset holds anything, beside those of the order."""
    known = {person.subject: {value for _, value in person.identifiers()} for person in people}
    for dataset, by_subject in sorted(located.selectors.items()) if known else ():
        for subject, selector in by_subject.items():
            for name, values in selector.match.items():
                fresh = values - known.get(subject, values)
                if fresh and field_spelling(context.data_map, context.data_map.datasets[dataset], name) is not None:
                    known[subject] |= fresh
                    yield from ((subject, name, value) for value in sorted(fresh))


def _take_dataset(store: Store, dataset: Dataset, located: LocatedCopies, cells: Tracer, tracer: Tracer) -> None:
    everybody = located.held_in(dataset.name)
    if everybody:
        store_calls.trace(store, dataset, everybody, cells)
    for copy in everybody if remakes(dataset) else ():
        for item in store_calls.export(store, dataset, copy):
            for numbers in weight_vectors.vectors(item.chunks):
                tracer.vector(copy.subject, dataset.name, WEIGHTS, numbers)


def take_controls(store: Store, dataset: Dataset, located: LocatedCopies, others: Container[str], tracer: Tracer) -> set[Pseudonym]:
    """Trace content of a few people who stay, without the identifiers ``others``; return their names."""
    controls = tuple(store_calls.bystanders(store, dataset, located.held_in(dataset.name), CONTROLS))
    if controls:
        store_calls.trace(store, dataset, controls, traced_cells.staying(tracer, dataset, others))
    return {control.subject for control in controls}


def subjects(located: LocatedCopies) -> frozenset[Pseudonym]:
    """Return every subject with located copies."""
    return frozenset(copy.subject for copies in located.copies.values() for copy in copies)


def load(context: Context, order: OrderId) -> Traces:
    """Return all traces of the order so far, of every round and store, each once, in a stable order."""
    key = context.keys.trace_key(order)
    known: dict[tuple[str, str, bytes], Trace] = {}
    controls: set[Pseudonym] = set()
    for name in context.shelf.names(order):
        data = context.shelf.get(order, name) if name.startswith("traces-") else None
        if data is not None:
            loaded = core_traces.load(data, key)
            controls |= loaded.controls
            for trace in loaded.traces:
                known.setdefault((trace.dataset, trace.subject, trace.digest), trace)
    return Traces(key, tuple(known.values()), frozenset(controls))


def value_counts(context: Context, order: OrderId) -> dict[tuple[Pseudonym, str], window_choice.ValueCount]:
    """Return, for each person and dataset, the values that are long enough to be looked for, and those that have a window."""
    named = (context.shelf.get(order, name) for name in context.shelf.names(order) if name.startswith("shares-"))
    return window_choice.load_value_counts(data for data in named if data)


def left_out(context: Context, order: OrderId, store: str, traces: Traces) -> frozenset[int]:
    """Return the windows that are not looked for in a store, because they are crowded there and their values have others."""
    counts: dict[bytes, int] = {}
    for name in context.shelf.names(order):
        if name.startswith("crowded-") and name.removeprefix("crowded-").partition("-")[2] == shelf_word(store):
            counts |= window_choice.load_counts(context.shelf.get(order, name) or b"")
    crowded = {index: counts[trace.digest] for index, trace in enumerate(traces.traces) if trace.digest in counts}
    if not crowded:
        return frozenset()
    key = context.keys.trace_key(order)
    values: dict[window_choice.Window, list[window_choice.Value]] = {}
    for name in context.shelf.names(order):
        numbers = context.shelf.get(order, name.replace("traces-", "values-", 1)) if name.startswith("traces-") else None
        data = context.shelf.get(order, name) if numbers else None
        if numbers and data:
            for trace, sources in zip(core_traces.load(data, key).traces, window_choice.load_values(numbers), strict=False):
                values.setdefault(window_choice.window(trace), []).extend((name, source) for source in sources)
    identifiers = {trace.digest for trace in traces.traces if trace.dataset == IDENTIFIERS and trace.form != window_choice.FRAGMENT}
    seen = recall(context, order, "seen-before-", traces)
    return window_choice.left_out(traces, values, seen, crowded, identifiers, traces.controls | {Pseudonym(WHOLE)})


def look(
    context: Context,
    store: str,
    traces: Traces,
    controls: frozenset[Control] = frozenset(),
    places: int | None = None,
    without: frozenset[int] = frozenset(),
    *,
    extent: LookExtent,
) -> tuple[Scanned, StorePlaces]:
    """Scan a store, as far as the extent says, and account for its places.

    Repeat a few times while it misses bystanders, or cannot read a part for a reason that may pass.

    A store that others write to may move its files while they are read. A trace of an erased subject that any look saw counts as seen. The
    bystanders seen and the bytes read are those of the last look, so that several blind looks do not make a seeing one.

    Args:
        context: the composition.
        store: which one.
        traces: all of the order.
        controls: what a scan that can see sees (:mod:`expunge.engine.evidence.positive_controls`).
        places: how many places of each are reported at most.
        without: indexes of those that are not looked for (:func:`left_out`).
        extent: how much is read.
    """
    own = [dataset.name for dataset in context.data_map.datasets_of(store)]
    earlier: list[Scanned] = []
    while True:
        opened = context.open_store(store)
        sources = store_calls.raw(opened)
        lying = unread_places.of_store(context, store, sources)
        remote = unread_places.remote_content(context, store)
        scanned = context.scanner.scan(sources, traces, places, remote=remote, without=without, treat=lying.treat, extent=extent.scan())
        blind = controls - staying(traces, scanned.seen, own) or any(reason in PASSING for reason, _ in scanned.coverage.skipped)
        if not blind or extent.sampled or len(earlier) + 1 >= LOOKS:
            if not extent.sampled:
                lying.cells = tuple(unread_places.unread_cells(opened, context.scanner.unread))
            scanned = _together(traces, earlier, scanned)
            extent.remember(scanned, traces, places)
            return scanned, lying
        earlier.append(scanned)


def _together(traces: Traces, earlier: Sequence[Scanned], last: Scanned) -> Scanned:
    """The last of several looks, and what those before it saw of people who are erased."""
    gone = {index for each in earlier for index in each.seen if traces.traces[index].subject not in traces.controls} - last.seen
    named = {traces.traces[index] for index in gone}
    found = dict.fromkeys(place for each in earlier for place in each.found if place.trace in named)
    return Scanned((*last.found, *found), last.seen | gone, last.coverage, unread=last.unread)


def look_before(context: Context, order: OrderId, turn: int | str, store: str, traces: Traces) -> Scanned:
    """Scan a store for the traces that can be seen at all. Places are not reported. Bytes that only repeat others are passed over.

    Where the store said in which stretches of its files the items lie, these are looked into first: if a trace of every subject is seen
    there, nothing else is read. Then all is read without text in other forms, with them only if of any subject no trace was seen. Not so
    where something is made anew: how much of the old one is in the new one is asked later, and whatever can be seen of it counts. The scan
    runs once more where no bystander was seen: a trace that is not seen now is no evidence later.
    """
    own = [dataset.name for dataset in context.data_map.datasets_of(store)]
    expected = staying(traces, range(len(traces.traces)), own)
    made = any(trace.subject == WHOLE for trace in traces.traces if trace.dataset in own)
    for attempt in range(1 if made else 0, 3):
        sources = [each for each in store_calls.raw(context.open_store(store)) if not each.repeats]
        lying = {} if attempt or made else _lying(context, order, turn, store, sources)
        glanced = context.scanner.glance(lying, traces, counted=window_choice.COUNTED) if lying else None
        if glanced is not None and each_seen(traces, glanced.seen, own):
            return glanced
        extent = LookExtent(context, order, store)
        scanned = context.scanner.scan(
            sources,
            traces,
            0,
            counted=window_choice.COUNTED,
            extent=replace(extent.scan() if extent.sampled else WHOLE_EXTENT, forms=attempt > 0),
        )
        if each_seen(traces, scanned.seen, own) or (attempt and (extent.sampled or not expected or staying(traces, scanned.seen, own))):
            break
    return scanned


def _lying(context: Context, order: OrderId, turn: int | str, store: str, sources: Sequence[RawSource]) -> dict[Path, list[Stretch]]:
    """What the store said when traces were taken; nothing outside of what will be looked through when everything is erased."""
    name = f"lying-{turn}-{shelf_word(store)}"
    data = context.shelf.get(order, name)
    try:
        opened = json.loads(context.keys.open(order, name, data)) if data is not None else {}
        said = {Path(file): [(int(first), int(last)) for first, last in stretches] for file, stretches in opened.items()}
    except (ValueError, TypeError, AttributeError, KeyDestroyed, StateCorrupt):
        # A hint that was damaged is none.
        return {}
    return {path: each for path, each in said.items() if any(_lies_in(path, source.path) for source in sources)}


def _lies_in(path: Path, root: Path) -> bool:
    """Whether a scan of a root reads this file. Why not what it leads to: links below the root are not followed when everything is read."""
    if not path.is_relative_to(root):
        return False
    return Path(os.path.realpath(path)) == Path(os.path.realpath(root)) / path.relative_to(root)


def remember_crowded(context: Context, order: OrderId, turn: int | str, store: str, traces: Traces, scanned: Scanned) -> None:
    """Put on the shelf which traces have many places in a store, and how many were counted."""
    # Why at most: each process that helps counts so far.
    counts = ((index, min(places, window_choice.COUNTED)) for index, places in scanned.counts.items())
    crowded = {index: places for index, places in counts if places > window_choice.CROWD}
    context.shelf.put(order, f"crowded-{turn}-{shelf_word(store)}", window_choice.dump_counts(traces, crowded))


def remember(context: Context, order: OrderId, name: str, traces: Traces, seen: Iterable[int]) -> None:
    """Put on the shelf which traces were seen, by digest."""
    context.shelf.put(order, name, b"".join(sorted(traces.traces[index].digest for index in seen)))


def recall(context: Context, order: OrderId, prefix: str, traces: Traces, *, store: str = "") -> frozenset[int]:
    """Return indexes of the traces that any scan (of that store, in any round) remembered under a name with this prefix."""
    named = (name for name in context.shelf.names(order) if name.startswith(prefix))
    mine = [name for name in named if not store or name.removeprefix(prefix).partition("-")[2] == shelf_word(store)]
    return recall_each(context, order, mine, traces)


def recall_each(context: Context, order: OrderId, names: Iterable[str], traces: Traces) -> frozenset[int]:
    """Return indexes of the traces that were remembered under any of these names."""
    digests: set[bytes] = set()
    for name in names:
        data = context.shelf.get(order, name) or b""
        digests |= {data[start : start + 16] for start in range(0, len(data), 16)}
    return frozenset(index for index, each in enumerate(traces.traces) if each.digest in digests)
