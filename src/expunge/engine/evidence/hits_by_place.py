"""Explain each hit by the live item that lies at its place: a hit with nothing live behind it is residue, whoever else holds the content.

:func:`explain` carries these numbers, and so does ``docs/spec/receipt.md``; they are parts of step 4 of verification:

4.1. Sort the hits by file. A file in which no live item of a placing store lies (a copy of a database, say) explains nothing.
4.2. Ask the scanner's page readers which live rows lie at each place. Names of files are places of the items below them.
4.3. Read these rows through the store's normal reads. Rows of the erased people, and rows that lead to no subject, explain nothing.
     Rows that would explain a hit and cannot be followed to a subject now make the look *could not*, unless it found residue besides.
4.4. A hit is explained if the content of a row at its place holds the window; identifiers of the erased people as whole words do not count.
     A value that belongs to a relation as a whole, such as a full-text term, is explained by any live row of that relation.
4.5. What is left may lie in items that are kept on purpose.
4.6. A window that was seen in a structure whose parts cannot be told apart is neither explained nor residue: the verdict is *cannot tell*.
4.7. Hits in stores without page readers are asked of all bystanders' data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
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
from expunge.ports.optional.placing import (
    CannotTell,
    ChainReader,
    DecodedReader,
    LayoutStore,
    LiveRows,
    Lying,
    NameReader,
    NothingLive,
    PlaceReader,
    PlacingStore,
    SomeRow,
)
from expunge.ports.optional.remote_content import RemoteContent
from expunge.ports.scanner import SEAM, PlacedTracer, Residue, Scanned, Tracer
from expunge.ports.store import Store

MOST_PLACES = 20_000
"""Places of one window that are asked one by one. A window with more is no single person's; it is asked of all bystanders' data."""
SHOWN = 5
"""Places of one window that the operator is shown."""
CHAINED = ("sqlite overflow", "sqlite wal", "sqlite journal", "postgres wal")
"""How the names begin under which the scan reports content that goes on from page to page, at the page where it begins."""
NAME, ATTRIBUTE = "file name", "file attribute"
"""The words by which the scan reports a hit in the name of a file or folder, and in an extended attribute."""
UNFOLLOWED = "rows that cannot be followed to a person now"
_BATCH = 5_000
"""Rows that are read together."""
_ONE_BY_ONE = 20
"""People whose rows are told apart where keys do not say whose they are."""
_RowPlace: TypeAlias = tuple[Path, int]
"""A file, and the number of a nomination in it."""
_RelationPlace: TypeAlias = tuple[Path, str]
"""A file, and a relation the values of which lie in it."""


@dataclass(frozen=True)
class ExplainedHits:
    """The outcome for the windows of one store that a scan saw after the erasure."""

    held: frozenset[int]
    """Windows each place of which is explained, as indexes into the traces."""
    left: tuple[Residue, ...]
    """Places that nothing explains."""
    untold: Mapping[int, str] = field(default_factory=dict)
    """Windows that are not held and not residue, with a fixed word for the structure that cannot be told apart."""
    in_untold: tuple[Residue, ...] = ()
    """Where these were seen."""


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

    Raises what stores raise when it takes them to tell whose an item is, and they cannot be asked.
    """
    candidates = frozenset(index for index in scanned.seen if traces.traces[index].subject not in traces.controls)
    stores = _stores(context, store)
    placing = _placing(context, stores)
    alone = isinstance(stores[store], PlacingStore | RemoteContent)
    if not candidates or not (placing or alone):
        return _by_content(context, store, traces, scanned, candidates, ours, people, before)
    work = _Explaining(context, traces, stores, placing, candidates, ours, people, before)
    # (4.1) Sort the hits by file.
    by_file, elsewhere, left = work.sorted_hits(scanned.found)
    # (4.2) Ask which rows lie there.
    for hits in by_file:
        work.read_places(hits)
    explained = work.explained(by_file)
    unsure = set(elsewhere)
    # (4.6) Set aside what cannot be told.
    untold: list[tuple[int, Residue, str]] = []
    for hits in by_file:
        for number, (index, place) in enumerate(hits.places):
            why = next((lying.why for lying in hits.at[number] if isinstance(lying, CannotTell)), None)
            if why is not None:
                untold.append((index, place, why))
            elif (hits.path, number) in work.unfollowed:
                untold.append((index, place, UNFOLLOWED))
            elif (hits.path, number) not in explained:
                left.append((index, place))
    # (4.7) Ask the rest of all bystanders' data.
    counted: dict[int, int] = {}
    for index, _ in ((index, place) for hits in by_file for index, place in hits.places):
        counted[index] = counted.get(index, 0) + 1
    listed = frozenset(counted) | unsure | {index for index, _ in left}
    unsure |= {index for index, count in counted.items() if count >= MOST_PLACES} | (candidates - listed)
    rest = _by_content(context, store, traces, scanned, frozenset(unsure), ours, people, before)
    named = shared_content.on_record(context, stores, traces, candidates)
    lost = ({index for index, _ in left} | (unsure - rest.held)) - named
    doubtful = {index: why for index, _, why in reversed(untold) if index not in lost | named}
    if work.trouble is not None and not lost and UNFOLLOWED in doubtful.values():
        raise work.trouble
    return ExplainedHits(
        candidates - lost - doubtful.keys(),
        (*(place for index, place in left if index in lost), *rest.left),
        doubtful,
        tuple(place for index, place, _ in untold if index in doubtful),
    )


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


def _lying_in(readers: Sequence[PlaceReader], place: Residue) -> tuple[Lying, ...]:
    """Return what lies at a hit, as the readers of a file say: those that name nothing do not count beside others that do."""
    answers = [_lying(reader, place) for reader in readers]
    named = [lying for lying in answers if not any(isinstance(answer, NothingLive | CannotTell) for answer in lying)]
    return tuple(chain.from_iterable(named or answers))


def _lying(reader: PlaceReader, place: Residue) -> tuple[Lying, ...]:
    """Return what lies at a hit."""
    outermost = place.hidden.partition(" > ")[0]
    if outermost == NAME:
        return (reader.at_name() if isinstance(reader, NameReader) else NothingLive(NAME),)
    if outermost == ATTRIBUTE:
        return (NothingLive(ATTRIBUTE),)
    if outermost.startswith(CHAINED) and isinstance(reader, ChainReader):
        return reader.at_page(place.offset)
    if place.inner is not None and isinstance(reader, DecodedReader):
        alone = place.hidden in {outermost, f"{outermost} > {place.trace.form}"}
        return (reader.at_decoded(place.offset, place.hidden, place.inner, place.trace.length if alone else 0),)
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
        self._owners_unknown: dict[_RowPlace, set[int]] = {}
        """Windows that rows hold whose owners could not be told."""
        self._relations_unknown: set[str] = set()
        """Datasets the rows of which could not be followed when any of them was wanted."""
        self.trouble: Exception | None = None
        """Why they could not."""
        self.unfollowed: frozenset[tuple[Path, int]] = frozenset()
        """Hits, as file and number, that such rows alone would explain."""
        others = [opened for opened in stores.values() if not isinstance(opened, PlacingStore)]
        self._untold = {path for opened in others for source in store_calls.raw(opened) for path in (source.path, source.path.resolve())}

    def sorted_hits(self, found: Iterable[Residue]) -> tuple[list[_Hits], set[int], list[tuple[int, Residue]]]:
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
            if hits.datasets:
                hits.places.append((index, place))
            elif self._is_of_another_kind(place.path):
                elsewhere.add(index)
            else:
                left.append((index, place))
        return [hits for hits in by_file.values() if hits.places], elsewhere, left

    def read_places(self, hits: _Hits) -> None:
        """Ask the page reader of a file which rows lie at each place."""
        # Why in their sequence: a compressed file is decoded once, from its start.
        hits.places.sort(key=lambda hit: (hit[1].offset, hit[1].inner or 0))
        with ExitStack() as stack:
            try:
                readers = [stack.enter_context(closing(reader)) for reader in self._readers(hits)]
            except FileNotFoundError:
                # Files of a lake are replaced, not changed.
                hits.at = [(CannotTell("file is gone"),)] * len(hits.places)
                return
            for _, place in hits.places:
                hits.at.append(_lying_in(readers, place) or (CannotTell("no pages"),))
        for lying in chain.from_iterable(hits.at):
            if isinstance(lying, LiveRows):
                hits.rows.setdefault(lying, len(hits.rows))

    def _readers(self, hits: _Hits) -> list[PlaceReader]:
        """The page reader of a file, and for datasets that say how their files hold items the readers of these."""
        stores = ((dataset, self._placing[dataset.name]) for dataset in hits.datasets)
        layouts = dict.fromkeys(opened.layout(dataset) if isinstance(opened, LayoutStore) else None for dataset, opened in stores)
        readers = (self._context.scanner.reader(hits.path, layout) for layout in layouts)
        return [reader for reader in readers if reader is not None]

    def _is_of_another_kind(self, path: Path) -> bool:
        """Return whether a file belongs to a store without page readers that lies below the root of one with them."""
        return any(path.is_relative_to(root) for root in self._untold)

    def explained(self, by_file: Sequence[_Hits]) -> frozenset[tuple[Path, int]]:
        """Return the hits, as file and number, that a bystander's or a kept item at their place holds."""
        held: dict[_RowPlace, set[int]] = {}
        for dataset in self._datasets:
            some = [hits for hits in by_file if dataset in hits.datasets and hits.rows]
            if some:
                self._note_others(dataset, some, held)
                self._note_one_anothers(dataset, some, held)
                self._note_kept(dataset, some, held)
        some_row = self._held_by_relations(by_file)
        result, unfollowed = set(), set()
        for hits in by_file:
            for number, (index, _) in enumerate(hits.places):
                at = hits.at[number]
                rows = [held.get((hits.path, hits.rows[lying]), ()) for lying in at if isinstance(lying, LiveRows)]
                rows += [some_row[hits.path, lying.relation] for lying in at if isinstance(lying, SomeRow)]
                nothing = any(isinstance(lying, NothingLive) for lying in at)
                if not nothing and any(index in windows for windows in rows):
                    result.add((hits.path, number))
                elif not nothing and self._lies_with_unknown(hits, at, index):
                    unfollowed.add((hits.path, number))
        self.unfollowed = frozenset(unfollowed)
        return frozenset(result)

    def _held_by_relations(self, by_file: Sequence[_Hits]) -> Mapping[_RelationPlace, set[int]]:
        """Return, for each relation at which hits lie, the windows that any live row of it holds."""
        wanted: dict[_RelationPlace, set[int]] = {}
        for hits in by_file:
            for (index, _), at in zip(hits.places, hits.at, strict=True):
                for lying in at:
                    if isinstance(lying, SomeRow):
                        wanted.setdefault((hits.path, lying.relation), set()).add(index)
        held: dict[_RelationPlace, set[int]] = {place: set() for place in wanted}
        for hits in by_file if wanted else ():
            for dataset in hits.datasets:
                related = [place for place in wanted if place[0] == hits.path and self._placing[dataset.name].relates(dataset, place[1])]
                left = frozenset().union(*(wanted[place] - held[place] for place in related))
                found = self._held_by_some_row(dataset, left) if left else frozenset[int]()
                for place in related:
                    held[place] |= wanted[place] & found
        return held

    def _held_by_some_row(self, dataset: Dataset, wanted: frozenset[int]) -> frozenset[int]:
        opened, live, kept = self._stores[dataset.store], self._ours.live, self._ours.kept
        try:
            found = shared_content.held_by_dataset(self._context, dataset, opened, self._traces, wanted, kept, live, self._people)
        except store_calls.TROUBLE as error:
            self.trouble = error
            self._relations_unknown.add(dataset.name)
            return frozenset()
        # Why less: as in _note_others
        return found.kept | (found.people & self._before if dataset.name in self._rewritten else found.people)

    def _note_others(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        placed = self._tracer()
        passing = shared_content.without_identifiers(self._context, placed, self._people, seams=self._seams)
        # (4.3) Read the rows, without those of the erased people and those that lead to no subject.
        others = self._rows(dataset, some, self._ours.of(dataset.name))
        try:
            at = self._trace(dataset, others if remakes(dataset) else self._owned(dataset, others), passing)
        except store_calls.TROUBLE as error:
            self.trouble = error
            self._note_unfollowed(dataset, some)
            return
        passing.pass_on()
        # (4.4) Note which windows they hold.
        for subject, indexes in placed.held_by().items():
            # Why less: a trigger may have handed the erased person's content to them; their own is what they held before as well.
            held.setdefault(at[subject], set()).update(indexes & self._before if dataset.name in self._rewritten else indexes)

    def _note_unfollowed(self, dataset: Dataset, some: Sequence[_Hits]) -> None:
        """Note what rows hold whose owners cannot be told now."""
        placed = self._tracer()
        passing = shared_content.without_identifiers(self._context, placed, self._people, seams=self._seams)
        at = self._trace(dataset, self._rows(dataset, some, self._ours.of(dataset.name)), passing)
        passing.pass_on()
        for subject, indexes in placed.held_by().items():
            self._owners_unknown.setdefault(at[subject], set()).update(indexes)

    def _lies_with_unknown(self, hits: _Hits, at: Sequence[Lying], index: int) -> bool:
        """Return whether a hit lies at a row that holds it and whose owner is not known."""
        for lying in at:
            if isinstance(lying, LiveRows) and index in self._owners_unknown.get((hits.path, hits.rows[lying]), ()):
                return True
            if isinstance(lying, SomeRow) and any(
                dataset.name in self._relations_unknown and self._placing[dataset.name].relates(dataset, lying.relation)
                for dataset in hits.datasets
            ):
                return True
        return False

    def _note_one_anothers(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        """An item of one erased person that could not be erased explains what it holds of another's: it is in that person's own entry."""
        live = self._ours.live.get(dataset.name, ())
        if not live:
            return
        placed, whose = self._tracer(), dict[Pseudonym, set[Pseudonym]]()
        passing = shared_content.without_identifiers(self._context, placed, self._people, seams=self._seams)

        def rows() -> Iterator[tuple[_RowPlace, Copy]]:
            for place, row, owners in self._rows_of(dataset, some, live):
                whose[row.subject] = owners
                yield place, row

        at = self._trace(dataset, rows(), passing)
        passing.pass_on()
        for row, indexes in placed.held_by().items():
            held.setdefault(at[row], set()).update(index for index in indexes if self._traces.traces[index].subject not in whose[row])

    def _note_kept(self, dataset: Dataset, some: Sequence[_Hits], held: dict[_RowPlace, set[int]]) -> None:
        """What stays on purpose holds its own content, names and identifiers included."""
        # (4.5) Look at what is kept.
        kept = self._ours.kept.get(dataset.name, ())
        if not kept:
            return
        placed = self._tracer()
        at = self._trace(dataset, ((place, row) for place, row, _ in self._rows_of(dataset, some, kept)), placed)
        for subject, indexes in placed.held_by().items():
            held.setdefault(at[subject], set()).update(indexes)

    def _rows_of(self, dataset: Dataset, some: Sequence[_Hits], copies: Sequence[Copy]) -> Iterator[tuple[_RowPlace, Copy, set[Pseudonym]]]:
        """Yield the rows at the places that are in copies of erased people, with these people."""
        lasting: dict[str, set[Pseudonym]] = {}
        for copy in copies:
            for key in copy.keys if copy.lasting else ():
                lasting.setdefault(key, set()).add(copy.subject)
        moved = self._moved(dataset, some, [copy for copy in copies if not copy.lasting])
        for place, row in self._rows(dataset, some, ()):
            owners = set(moved.get((place, row.keys), ()))
            if lasting.keys() >= set(row.keys):
                owners.update(*(lasting[key] for key in row.keys))
            if owners:
                yield place, row, owners

    def _moved(
        self, dataset: Dataset, some: Sequence[_Hits], copies: Sequence[Copy]
    ) -> Mapping[tuple[_RowPlace, tuple[str, ...]], set[Pseudonym]]:
        """Return the rows at the places that are in copies of erased people whose keys may name other rows by now. Ask the store."""
        owners: dict[tuple[_RowPlace, tuple[str, ...]], set[Pseudonym]] = {}
        if not copies:
            return owners
        every = {(place, row.keys) for place, row in self._rows(dataset, some, ())}
        by_subject: dict[Pseudonym, list[Copy]] = {}
        for copy in copies:
            by_subject.setdefault(copy.subject, []).append(copy)
        together = [({subject}, own) for subject, own in by_subject.items()]
        if len(together) > _ONE_BY_ONE:
            # Why all at once: a pass over the rows for each would take too long. A row of any of them then counts as a row of all.
            together = [(set(by_subject), list(copies))]
        for subjects, own in together:
            for row in every - {(place, row.keys) for place, row in self._rows(dataset, some, own)}:
                owners.setdefault(row, set()).update(subjects)
        return owners

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
