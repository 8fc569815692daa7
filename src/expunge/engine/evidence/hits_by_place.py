"""Explain each hit by the live item that lies at its place: a hit with nothing live behind it is residue, whoever else holds the content.

:func:`explain` carries these numbers, and so does ``docs/spec/receipt.md``; they are parts of step 4 of verification:

4.1. Sort the hits by file. A file in which no live item of a placing store lies (a copy of a database, say) explains nothing.
4.2. Ask the scanner's page readers which live rows lie at each place.
4.3. Read these rows through the store's normal reads. Rows of the erased people, and rows that lead to no subject, explain nothing.
4.4. A hit is explained if the content of a row at its place holds the window; identifiers of the erased people as whole words do not count.
4.5. What is left may lie in items that are kept on purpose.
4.6. Hits in stores without page readers, and in structures whose parts cannot be told apart, are asked of all bystanders' data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TypeAlias

from expunge.core.datamap.datamap import Aggregate, Dataset, Inherited, remakes
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import Trace, Traces
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import shared_content
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import orphaned_items
from expunge.ports.optional.placing import CannotTell, ChainReader, LiveRows, Lying, NothingLive, PlaceReader, PlacingStore
from expunge.ports.scanner import SEAM, PlacedTracer, Residue, Scanned, Tracer
from expunge.ports.store import Store

MOST_PLACES = 20_000
"""Places of one window that are asked one by one. A window with more is no single person's; it is asked of all bystanders' data."""
SHOWN = 5
"""Places of one window that the operator is shown."""
CHAINED = ("sqlite overflow", "sqlite wal", "sqlite journal", "postgres wal")
"""How the names begin under which the scan reports content that goes on from page to page, at the page where it begins."""
_BATCH = 5_000
"""Rows that are read together."""
_RowPlace: TypeAlias = tuple[Path, int]
"""A file, and the number of a nomination in it."""


@dataclass(frozen=True)
class ExplainedHits:
    """The outcome for the windows of one store that a scan saw after the erasure."""

    held: frozenset[int]
    """Windows each place of which is explained, as indexes into the traces."""
    left: tuple[Residue, ...]
    """Places that nothing explains."""


@dataclass(frozen=True)
class ErasedAndKept:
    """Copies of the erased people, by dataset."""

    live: Mapping[str, Sequence[Copy]]
    """Still there, because an erase failed."""
    kept: Mapping[str, Sequence[Copy]]
    """Kept on purpose."""

    def of(self, dataset: str) -> tuple[Copy, ...]:
        """Return both for a dataset."""
        return (*self.live.get(dataset, ()), *self.kept.get(dataset, ()))


@dataclass
class _Hits:
    """The hits in one file, with the rows that lie there."""

    path: Path
    datasets: Sequence[Dataset]
    places: list[tuple[int, Residue]] = field(default_factory=list)
    rows: dict[LiveRows, int] = field(default_factory=dict)
    at: list[tuple[Lying, ...]] = field(default_factory=list)
    """What lies at each of the places; several answers where content goes on from page to page."""


def most_places(context: Context) -> int | None:
    """Return how many places of a window a scan has to report; None for the scanner's own few."""
    # Why any store: the files of a placing store may lie below the root of another.
    return MOST_PLACES if any(_is_placing(context, name) for name in context.data_map.stores) else None


def a_few(places: Iterable[Residue]) -> tuple[Residue, ...]:
    """Return the first places of each window: for the operator's eyes a few are enough."""
    counts: Counter[Trace] = Counter()
    few = []
    for place in places:
        counts[place.trace] += 1
        if counts[place.trace] <= SHOWN:
            few.append(place)
    return tuple(few)


def _is_placing(context: Context, store: str) -> bool:
    try:
        return isinstance(context.open_store(store), PlacingStore)
    except store_calls.TROUBLE:
        return False


def explain(
    context: Context, store: str, traces: Traces, scanned: Scanned, ours: ErasedAndKept, people: Sequence[Person], before: frozenset[int]
) -> ExplainedHits:
    """Explain the hits of a scan. The numbers are those at the head of this module.

    Args:
        context: the composition.
        store: the store that was scanned.
        traces: all of the order.
        scanned: with :func:`most_places` places of each window.
        ours: copies of the erased people that are there still.
        people: the erased people, where they are known.
        before: windows of bystanders in datasets that the store rewrites by itself (:func:`shared_content.held_before`).
    """
    candidates = frozenset(index for index in scanned.seen if traces.traces[index].subject not in traces.controls)
    stores = _stores(context, store)
    placing = _placing(context, stores)
    if not candidates or not placing:
        return _by_content(context, store, traces, scanned, candidates, ours, people, before)
    work = _Explaining(context, traces, stores, placing, candidates, ours, people, before)
    # (4.1) Sort the hits by file.
    by_file, elsewhere, left = work.sorted_hits(scanned.found, alone=isinstance(stores[store], PlacingStore))
    # (4.2) Ask which rows lie there.
    for hits in by_file:
        work.read_places(hits)
    explained = work.explained(by_file)
    unsure = set(elsewhere)
    for hits in by_file:
        for number, (index, place) in enumerate(hits.places):
            if any(isinstance(lying, CannotTell) for lying in hits.at[number]):
                unsure.add(index)
            elif (hits.path, number) not in explained:
                left.append((index, place))
    # (4.6) Ask the rest of all bystanders' data.
    counted: dict[int, int] = {}
    for index, _ in ((index, place) for hits in by_file for index, place in hits.places):
        counted[index] = counted.get(index, 0) + 1
    listed = frozenset(counted) | unsure | {index for index, _ in left}
    unsure |= {index for index, count in counted.items() if count >= MOST_PLACES} | (candidates - listed)
    rest = _by_content(context, store, traces, scanned, frozenset(unsure), ours, people, before)
    named = shared_content.on_record(context, stores, traces, candidates)
    lost = ({index for index, _ in left} | (unsure - rest.held)) - named
    return ExplainedHits(candidates - lost, (*(place for index, place in left if index in lost), *rest.left))


def _by_content(
    context: Context,
    store: str,
    traces: Traces,
    scanned: Scanned,
    candidates: frozenset[int],
    ours: ErasedAndKept,
    people: Sequence[Person],
    before: frozenset[int],
) -> ExplainedHits:
    """Explain windows by any bystander's live data, wherever it lies."""
    if not candidates:
        return ExplainedHits(frozenset(), ())
    accounted = shared_content.held_by_others(context, store, traces, candidates, ours.kept, ours.live, people, before)
    held = accounted.people | (accounted.kept - shared_content.strays(traces, scanned, accounted, ours.kept))
    lost = {traces.traces[index] for index in candidates - held}
    return ExplainedHits(held & candidates, tuple(place for place in scanned.found if place.trace in lost))


def _stores(context: Context, store: str) -> dict[str, Store]:
    return {name: context.open_store(name) for name in (store, *shared_content.inside(context, store))}


def _placing(context: Context, stores: Mapping[str, Store]) -> tuple[tuple[Dataset, PlacingStore], ...]:
    """The datasets whose live items can be read by their place."""
    return tuple(
        (dataset, opened)
        for name, opened in stores.items()
        if isinstance(opened, PlacingStore)
        for dataset in context.data_map.datasets_of(name)
        if remakes(dataset) or not isinstance(dataset.subject, Aggregate | Inherited)
    )


def _lying(reader: PlaceReader, place: Residue) -> tuple[Lying, ...]:
    """Return what lies at a hit."""
    outermost = place.hidden.partition(" > ")[0]
    if outermost.startswith(CHAINED) and isinstance(reader, ChainReader):
        return reader.at_page(place.offset)
    # Why no length: of decoded content the place is that of the container, and how long that is is not said.
    plain = place.hidden in {"plain", place.trace.form}
    return (reader.at(place.offset, place.trace.length if plain else 0),)


class _Explaining:
    """One call of :func:`explain`."""

    def __init__(
        self,
        context: Context,
        traces: Traces,
        stores: Mapping[str, Store],
        placing: Sequence[tuple[Dataset, PlacingStore]],
        candidates: frozenset[int],
        ours: ErasedAndKept,
        people: Sequence[Person],
        before: frozenset[int],
    ) -> None:
        self._context = context
        self._traces = traces
        self._stores = stores
        self._placing = {dataset.name: opened for dataset, opened in placing}
        self._datasets = tuple(dataset for dataset, _ in placing)
        self._candidates = candidates
        self._ours = ours
        self._people = people
        self._before = before
        self._rewritten = frozenset(name for opened in stores.values() for name in store_calls.capabilities(opened).rewritten)
        self._seams = any(traces.traces[index].part == SEAM for index in candidates)
        self._named = 0

    def sorted_hits(self, found: Iterable[Residue], *, alone: bool) -> tuple[list[_Hits], set[int], list[tuple[int, Residue]]]:
        """Return the hits in files of live items, the windows hit in files of other stores, and the hits in files that explain nothing."""
        number = {self._traces.traces[index]: index for index in self._candidates}
        by_file: dict[Path, _Hits] = {}
        elsewhere: set[int] = set()
        left: list[tuple[int, Residue]] = []
        for place in found:
            index = number.get(place.trace)
            if index is None:
                continue
            if place.path not in by_file:
                datasets = [dataset for dataset in self._datasets if self._placing[dataset.name].holds(dataset, place.path)]
                by_file[place.path] = _Hits(place.path, datasets)
            hits = by_file[place.path]
            if hits.datasets and place.hidden != "file name":
                hits.places.append((index, place))
            elif alone:
                left.append((index, place))
            else:
                elsewhere.add(index)
        return [hits for hits in by_file.values() if hits.places], elsewhere, left

    def read_places(self, hits: _Hits) -> None:
        """Ask the page reader of a file which rows lie at each place."""
        reader = self._context.scanner.reader(hits.path)
        if reader is None:
            hits.at = [(CannotTell("no pages"),)] * len(hits.places)
            return
        with closing(reader):
            for _, place in hits.places:
                hits.at.append(_lying(reader, place))
        for lying in chain.from_iterable(hits.at):
            if isinstance(lying, LiveRows):
                hits.rows.setdefault(lying, len(hits.rows))

    def explained(self, by_file: Sequence[_Hits]) -> frozenset[tuple[Path, int]]:
        """Return the hits, as file and number, that a bystander's or a kept item at their place holds."""
        held: dict[_RowPlace, set[int]] = {}
        for dataset in self._datasets:
            some = [hits for hits in by_file if dataset in hits.datasets and hits.rows]
            if some:
                self._note_others(dataset, some, held)
                self._note_one_anothers(dataset, some, held)
                self._note_kept(dataset, some, held)
        result = set()
        for hits in by_file:
            for number, (index, _) in enumerate(hits.places):
                rows = [hits.rows[lying] for lying in hits.at[number] if isinstance(lying, LiveRows)]
                nothing = any(isinstance(lying, NothingLive) for lying in hits.at[number])
                if not nothing and any(index in held.get((hits.path, row), ()) for row in rows):
                    result.add((hits.path, number))
        return frozenset(result)

    def _note_others(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        placed = self._tracer()
        passing = shared_content.without_identifiers(self._context, placed, self._people, seams=self._seams)
        # (4.3) Read the rows, without those of the erased people and those that lead to no subject.
        others = self._rows(dataset, some, self._ours.of(dataset.name))
        try:
            at = self._trace(dataset, others if remakes(dataset) else self._owned(dataset, others), passing)
        except store_calls.TROUBLE:
            # Why no verdict of its own: rows that cannot be followed to a person explain nothing, and their dataset's entry says why.
            return
        passing.pass_on()
        # (4.4) Note which windows they hold.
        for subject, indexes in placed.held_by().items():
            # Why less: a trigger may have handed the erased person's content to them; their own is what they held before as well.
            held.setdefault(at[subject], set()).update(indexes & self._before if dataset.name in self._rewritten else indexes)

    def _note_one_anothers(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        """An item of one erased person that could not be erased explains what it holds of another's: it is in that person's own entry."""
        owners: dict[str, set[Pseudonym]] = {}
        for copy in self._ours.live.get(dataset.name, ()):
            for key in copy.keys:
                owners.setdefault(key, set()).add(copy.subject)
        if not owners:
            return
        placed, whose = self._tracer(), dict[_RowPlace, set[Pseudonym]]()
        passing = shared_content.without_identifiers(self._context, placed, self._people, seams=self._seams)

        def rows() -> Iterator[tuple[_RowPlace, Copy]]:
            for place, row in self._rows(dataset, some, ()):
                if owners.keys() >= set(row.keys):
                    whose[place] = {subject for key in row.keys for subject in owners[key]}
                    yield place, row

        at = self._trace(dataset, rows(), passing)
        passing.pass_on()
        for subject, indexes in placed.held_by().items():
            mine = whose[at[subject]]
            held.setdefault(at[subject], set()).update(index for index in indexes if self._traces.traces[index].subject not in mine)

    def _note_kept(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        """What stays on purpose holds its own content, names and identifiers included."""
        # (4.5) Look at what is kept.
        kept = {key for copy in self._ours.kept.get(dataset.name, ()) for key in copy.keys}
        if not kept:
            return
        placed = self._tracer()
        at = self._trace(dataset, ((place, row) for place, row in self._rows(dataset, some, ()) if kept.issuperset(row.keys)), placed)
        for subject, indexes in placed.held_by().items():
            held.setdefault(at[subject], set()).update(indexes)

    def _tracer(self) -> PlacedTracer:
        return self._context.scanner.placed(self._traces, self._candidates)

    def _rows(self, dataset: Dataset, some: Sequence[_Hits], mine: Sequence[Copy]) -> Iterator[tuple[_RowPlace, Copy]]:
        """The rows of a dataset at the places, each under a name of its own."""
        opened = self._placing[dataset.name]
        for hits in some:
            rows = list(hits.rows)
            for begin in range(0, len(rows), _BATCH):
                for index, copy in opened.nominated(dataset, rows[begin : begin + _BATCH], mine):
                    self._named += 1
                    yield (hits.path, begin + index), replace(copy, subject=Pseudonym(f"control-{self._named}"))

    def _owned(self, dataset: Dataset, rows: Iterable[tuple[_RowPlace, Copy]]) -> Iterator[tuple[_RowPlace, Copy]]:
        """Those of the rows that lead to a subject."""
        at: dict[Pseudonym, _RowPlace] = {}

        def copies() -> Iterator[Copy]:
            for place, copy in rows:
                at[copy.subject] = place
                yield copy

        for copy in orphaned_items.a_few_owned(self._context, dataset, copies(), self._ours.live):
            yield at.pop(copy.subject), copy

    def _trace(self, dataset: Dataset, rows: Iterable[tuple[_RowPlace, Copy]], tracer: Tracer) -> dict[Pseudonym, _RowPlace]:
        """Hand the content of rows to the tracer; return where each of them lies."""
        at: dict[Pseudonym, _RowPlace] = {}
        rows = iter(rows)
        while batch := list(islice(rows, _BATCH)):
            at.update((row.subject, place) for place, row in batch)
            store_calls.trace(self._stores[dataset.store], dataset, [row for _, row in batch], tracer)
        return at
