"""Tell content windows that other people's live data holds as well from residue of the erased subject."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias

from expunge.core.datamap.datamap import AboutNobody, Dataset, Inherited, remakes
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import IDENTIFIERS, Trace, Traces
from expunge.core.models.model_outcomes import WHOLE
from expunge.core.values.copy import Copy, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence.whole_words import PassingTracer, without_identifiers
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.scanner import SEAM, Scanned
from expunge.ports.store import Store

FIRST_BATCH = 50
MOST_IN_A_BATCH = 25_000
"""Copies of people who stay that are read at a time: few at first, because windows that many people's data holds are met at once; then ten
times as many each time, because a store may read a file with many people's records once for each batch."""
_Turn: TypeAlias = "tuple[Dataset, Store, PassingTracer, list[Copy]]"


@dataclass(frozen=True)
class SharedTraces:
    """The traces that are accounted for, by index."""

    people: frozenset[int]
    """Held by somebody who stays."""
    kept: frozenset[int]
    """Held by what is kept on purpose; that excuses the kept item's own place, not a stray copy of it."""
    by_dataset: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Dataset -> those held by somebody who stays, as far as items were read until each trace was met."""


def held_by_others(
    context: Context,
    store: str,
    traces: Traces,
    seen: Iterable[int],
    kept: Mapping[str, Sequence[Copy]],
    erased: Mapping[str, Sequence[Copy]],
    people: Sequence[Person] = (),
    before: frozenset[int] = frozenset(),
) -> SharedTraces:
    """Return the traces seen after the erasure that belong to a bystander, or to an item that is kept on purpose.

    Only data that leads to a subject counts. An orphaned item is no bystander's: what it holds of the erased person is residue. The live
    data of bystanders is read only when a trace was seen, and only until every one is accounted for. An erased person's own identifier,
    standing as a whole word, is never a bystander's: a child's id inside the household's record is the child's.

    Args:
        context: the composition.
        store: the store that was scanned.
        traces: all of the order.
        seen: indexes that the scan found.
        kept: dataset -> copies of the erased people that stay on purpose.
        erased: dataset -> copies of the erased people that are still live (an erase failed): they are not *others*.
        people: the erased people, where they are known.
        before: what datasets that the store rewrites by itself held before anything was erased (:func:`held_before`).
    """
    candidates = frozenset(index for index in seen if traces.traces[index].subject not in traces.controls)
    if not candidates:
        return SharedTraces(frozenset(), frozenset())
    holder, moved = (_SeamsApart(context, traces, candidates) for _ in range(2))
    keeper = context.scanner.holder(traces, candidates)
    seams = any(traces.traces[index].part == SEAM for index in candidates)
    filtered, filtered_moved = (
        without_identifiers(context, each, people, seams=seams, coded=_names_any(traces, candidates)) for each in (holder, moved)
    )
    stores = {name: context.open_store(name) for name in (store, *inside(context, store))}
    rewritten = frozenset(name for each in stores.values() for name in store_calls.capabilities(each).rewritten)
    named = on_record(context, stores, traces, candidates)
    reading, living = [], LivingKeys(context)
    for dataset in _likeliest_first(context, stores, (traces.traces[index].dataset for index in candidates)):
        opened = stores[dataset.store]
        staying = kept.get(dataset.name, ())
        if staying:
            # What stays on purpose holds its own content, names and identifiers included.
            store_calls.trace(opened, dataset, staying, keeper)
        others = _batches(_others(context, dataset, opened, (*erased.get(dataset.name, ()), *staying), erased, living))
        reading.append((dataset, opened, filtered_moved if dataset.name in rewritten else filtered, others))
    met, by_dataset = frozenset[int](), defaultdict[str, frozenset[int]](frozenset)
    # Why in turns: what everybody's e-mail ends in is met at once in the few rows of its own dataset, and nowhere in millions of another.
    for dataset, opened, passing, batch in _in_turns(reading):
        store_calls.trace(opened, dataset, batch, passing)
        passing.pass_on()
        theirs = holder.held()
        known, met = met, theirs | (moved.held() & before)
        if not remakes(dataset):
            by_dataset[dataset.name] |= met - known
        if candidates <= theirs:
            return SharedTraces(candidates, keeper.held(), by_dataset)
    # Why less: a trigger may have handed the erased person's content to them; their own is what they held before as well.
    return SharedTraces(met | named, keeper.held(), by_dataset)


def held_by_dataset(
    context: Context,
    dataset: Dataset,
    traces: Traces,
    wanted: frozenset[int],
    kept: Mapping[str, Sequence[Copy]],
    erased: Mapping[str, Sequence[Copy]],
    people: Sequence[Person],
    living: LivingKeys,
) -> SharedTraces:
    """Return the windows that live items of one dataset hold, reading bystanders' items until all that are wanted were met.

    An item of one erased person that could not be erased counts for what it holds of another's, unless it is of both. The arguments are
    those of :func:`held_by_others`. Raises what stores raise when they cannot be read.
    """
    seams, opened = any(traces.traces[index].part == SEAM for index in wanted), context.open_store(dataset.store)
    holder, keeper = _SeamsApart(context, traces, wanted), context.scanner.holder(traces, wanted)
    staying, left = kept.get(dataset.name, ()), erased.get(dataset.name, ())
    if staying:
        store_calls.trace(opened, dataset, staying, keeper)
    found = keeper.held() | _held_of_one_another(context, dataset, opened, traces, wanted, left, people)
    passing = without_identifiers(context, holder, people, seams=seams, coded=_names_any(traces, wanted))
    for batch in _batches(_others(context, dataset, opened, (*left, *staying), erased, living)) if found != wanted else ():
        store_calls.trace(opened, dataset, batch, passing)
        passing.pass_on()
        if wanted <= holder.held() | found:
            break
    return SharedTraces(holder.held(), found)


def _held_of_one_another(
    context: Context,
    dataset: Dataset,
    opened: Store,
    traces: Traces,
    wanted: frozenset[int],
    left: Sequence[Copy],
    people: Sequence[Person],
) -> frozenset[int]:
    """The windows of one erased person that items of another hold which could not be erased: they are in that person's own entry."""
    owners = Counter(key for copy in left for key in set(copy.keys))
    shared = frozenset(key for key, count in owners.items() if count > 1)
    alone = [copy.without(shared) for copy in left]
    placed = context.scanner.placed(traces, wanted)
    passing = without_identifiers(context, placed, people, seams=any(traces.traces[index].part == SEAM for index in wanted))
    for copy in alone:
        if copy.keys:
            store_calls.trace(opened, dataset, [copy], passing)
    passing.pass_on()
    return frozenset(index for subject, held in placed.held_by().items() for index in held if traces.traces[index].subject != subject)


def strays(traces: Traces, scanned: Scanned, accounted: SharedTraces, kept_copies: Mapping[str, Sequence[Copy]]) -> frozenset[int]:
    """Return windows of kept items that were also seen in another file: a hold keeps the named item, not a copy that nobody declared.

    Told where keys are paths (a file's key ends the path where it was seen).
    """
    keys = tuple(f"/{key}" for copies in kept_copies.values() for copy in copies for key in copy.keys)
    doubtful = accounted.kept - accounted.people
    places: dict[Trace, list[bool]] = {}
    for place in scanned.found:
        places.setdefault(place.trace, []).append(place.path.as_posix().endswith(keys) if keys else False)
    return frozenset(index for index in doubtful if len(set(places.get(traces.traces[index], ()))) == 2)


def _names_any(traces: Traces, candidates: Iterable[int]) -> bool:
    """Return whether one of some windows is of an identifier of the order."""
    return any(traces.traces[index].dataset == IDENTIFIERS for index in candidates)


def _others(
    context: Context, dataset: Dataset, store: Store, mine: Sequence[Copy], erased: Mapping[str, Sequence[Copy]], living: LivingKeys
) -> Iterator[Copy]:
    """What is live in a dataset and not theirs."""
    if not remakes(dataset):
        yield from orphaned_items.owned(context, dataset, store_calls.bystanders(store, dataset, mine, None), erased, living)
        return
    # Why without asking whose: what is made anew is nobody's, and may hold what the old one held as well (a shard, a header).
    keys = {key for each in mine for key in each.keys}
    for copy in store_calls.locate(store, dataset, (Selector(Pseudonym(WHOLE), {}, every=True),)):
        left = copy.without(keys)
        if left.keys:
            yield left


def on_record(context: Context, stores: Mapping[str, Store], traces: Traces, candidates: Iterable[int]) -> frozenset[int]:
    """Return the names of artefacts that the map's record of provenance holds: what was made from what, destroyed or not."""
    provenance = context.data_map.provenance
    record = context.data_map.datasets[provenance.dataset] if provenance else None
    single = {dataset.name for dataset in context.data_map.datasets.values() if dataset.artefact}
    wanted = [index for index in candidates if traces.traces[index].dataset in single]
    if record is None or record.store not in stores or not wanted:
        return frozenset()
    holder, opened = context.scanner.holder(traces, wanted), stores[record.store]
    for batch in _batches(store_calls.bystanders(opened, record, (), None)):
        store_calls.trace(opened, record, batch, holder)
    return holder.held()


def held_before(context: Context, store: str, traces: Traces, theirs: Mapping[str, Sequence[Copy]]) -> frozenset[int]:
    """Return the traces that bystanders hold in the datasets into which the store itself writes when rows of other people are deleted.

    The look is made before anything is erased. Afterwards a trigger's rows could not be told apart. ``theirs`` are the copies of the people
    to be erased, by dataset.
    """
    opened = context.open_store(store)
    rewritten = store_calls.capabilities(opened).rewritten
    if not rewritten:
        return frozenset()
    holder = context.scanner.holder(traces, [index for index, each in enumerate(traces.traces) if each.subject not in traces.controls])
    for dataset in context.data_map.datasets_of(store):
        if dataset.name in rewritten:
            for batch in _batches(store_calls.bystanders(opened, dataset, theirs.get(dataset.name, ()), None)):
                store_calls.trace(opened, dataset, batch, holder)
    return holder.held()


def inside(context: Context, store: str) -> list[str]:
    """Return other stores whose files lie under this one's root, as a database in a folder: what is found there may be their people's.

    Stores that show the same content through the same interface are among them.
    """
    roots = [each.path.resolve() for each in store_calls.raw(context.open_store(store)) if each.path.is_dir()]
    shown = "" if roots else store_calls.interface(context.open_store(store))
    found = []
    for name in context.data_map.stores if roots or shown else ():
        if name == store:
            continue
        try:
            paths = [each.path.resolve() for each in store_calls.raw(context.open_store(name))] if roots else []
            same = bool(shown) and store_calls.interface(context.open_store(name)) == shown
        except store_calls.TROUBLE:
            continue
        if same or any(path.is_relative_to(root) for path in paths for root in roots):
            found.append(name)
    return found


def _likeliest_first(context: Context, stores: Iterable[str], sources: Iterable[str]) -> list[Dataset]:
    """The datasets of some stores that hold somebody's data, those first that most of the windows come from."""
    counts = Counter(sources)
    declared = [dataset for name in stores for dataset in context.data_map.datasets_of(name)]
    looked = [each for each in declared if remakes(each) or not isinstance(each.subject, AboutNobody | Inherited)]
    return sorted(looked, key=lambda each: -counts[each.name])


def _batches(copies: Iterable[Copy]) -> Iterator[list[Copy]]:
    batch: list[Copy] = []
    wanted = FIRST_BATCH
    for copy in copies:
        batch.append(copy)
        if len(batch) == wanted:
            yield batch
            batch, wanted = [], min(wanted * 10, MOST_IN_A_BATCH)
    if batch:
        yield batch


def _in_turns(reading: Sequence[tuple[Dataset, Store, PassingTracer, Iterator[list[Copy]]]]) -> Iterator[_Turn]:
    """The next batch of each dataset, again and again, until all are read."""
    left = list(reading)
    while left:
        for each in tuple(left):
            dataset, store, passing, batches = each
            batch = next(batches, None)
            if batch is None:
                left.remove(each)
            else:
                yield dataset, store, passing, batch


class _SeamsApart:
    """Holds values, and apart from them what joins two values of a row: that accounts for traces of such joints, and for no value.

    An identifier that begins where another value ends would read as a part of a longer word there.
    """

    def __init__(self, context: Context, traces: Traces, candidates: frozenset[int]) -> None:
        joints = frozenset(index for index in candidates if traces.traces[index].part == SEAM)
        values = context.scanner.holder(traces, candidates)
        self._values, self._joints = values, context.scanner.holder(traces, joints)
        self.text, self.number, self.vector, self.name, self.lies = values.text, values.number, values.vector, values.name, values.lies

    def blob(self, subject: Pseudonym, dataset: str, field: str, stream: BinaryIO) -> None:
        (self._joints if field == SEAM else self._values).blob(subject, dataset, field, stream)

    def held(self) -> frozenset[int]:
        """The candidates that were met."""
        return self._values.held() | self._joints.held()
