"""Explain each hit by the live item that lies at its place: a hit with nothing live behind it is residue, whoever else holds the content.

:func:`explain` carries these numbers, and so does ``docs/spec/receipt.md``; they are parts of step 4 of verification:

4.1. Sort the hits by file. A file in which no live item of a placing store lies (a copy of a database, say) explains nothing.
4.2. Ask the scanner's page readers which live rows lie at each place. Names of files are places of the items below them.
4.3. Read these rows through the store's normal reads. Rows of the erased people, and rows that lead to no subject, do not count here.
     Rows that would explain a hit and cannot be followed to a subject now make the look *could not*, unless it found residue besides.
4.4. A hit is explained if the content of a row at its place holds the window; identifiers of the erased people as whole words do not count.
     A value that belongs to a relation as a whole, such as a full-text term, is explained by any live row of that relation. A sequence of
     words that begins in a row of a person who stays is explained if rows of such people in that dataset hold the window together.
4.5. What is left may lie in items that are kept on purpose.
4.6. What is left then may lie in rows about nobody: reference data, aggregates, rows that name no subject. A value there explains a hit as
     a whole, if a living person has the same, or if the map says that it is on the list of such values; one that names the person, never.
4.7. A window that was seen in a structure whose parts cannot be told apart is neither explained nor residue: the verdict is *cannot tell*.
4.8. An identifier of the erased person that is a part of a longer word at its place is not the person's, where that word is the identifier
     of a person who stays: in a cell of a live row, declared or not, and in a file that is text. Content of the erased person that is the
     identifier of a person who stays is not the erased person's at any place, if it is one word or its column names people.
4.9. Hits in stores without page readers are asked of all bystanders' data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from expunge.core.datamap.datamap import Dataset, Inherited, remakes
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import Trace, Traces
from expunge.engine.evidence import shared_content
from expunge.engine.evidence.file_hits import FileHits, HitPlaces
from expunge.engine.evidence.nobodys_rows import Cell
from expunge.engine.evidence.others_identifiers import LongerIdentifiers, OthersIdentifiers, too_many
from expunge.engine.evidence.rows_at_hits import ErasedAndKept, RowsAtHits
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.others_items import ByPerson, OthersItems, together
from expunge.ports.optional.placing import CannotTell, Lying, PlacingStore
from expunge.ports.optional.remote_content import RemoteContent
from expunge.ports.scanner import Residue, Scanned
from expunge.ports.store import Store

MOST_PLACES = 20_000
"""Places of one window that are asked one by one. A window with more is no single person's; it is asked of all bystanders' data."""
SHOWN = 5
"""Places of one window that the operator is shown."""
UNFOLLOWED = "rows that cannot be followed to a person now"


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
    values: Mapping[int, frozenset[Cell]] = field(default_factory=dict)
    """Windows that values in rows about nobody explain, with these values."""
    with_nobody: Mapping[int, frozenset[str]] = field(default_factory=dict)
    """Windows that are left in rows about nobody, with the datasets of these rows."""
    lying: Mapping[Residue, Sequence[Lying]] = field(default_factory=dict)
    """Place that nothing explains -> what lies there, where a page reader says it."""
    others: ByPerson = field(default_factory=dict)
    """The items of people who stay that hold windows of the erased people."""


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
    places = HitPlaces(context, stores, placing)
    # (4.1) Sort the hits by file.
    hits_of = places.sorted_hits(traces, candidates, scanned.found)
    by_file, left, unsure = hits_of.by_file, list(hits_of.left), set(hits_of.elsewhere)
    # (4.2) Ask which rows lie there.
    for hits in by_file:
        places.read(hits)
    work = RowsAtHits(context, traces, stores, placing, candidates, ours, people, before)
    explained = work.explained(by_file)
    # (4.7) Set aside what cannot be told.
    untold, lying = _set_aside(by_file, explained, work.unfollowed)
    left += lying
    counted = Counter(index for hits in by_file for index, _ in hits.places)
    listed = frozenset(counted) | unsure | {index for index, _ in left}
    # (4.8) Look for longer identifiers of people who stay.
    erased = ours.by_dataset()
    longer = LongerIdentifiers(context, traces, stores, people, erased)
    crowded = too_many(scanned.found, traces, MOST_PLACES)
    left = _without_longer(longer, left, lying, crowded)
    left = _without_others(OthersIdentifiers(context, traces, people, erased), left, crowded)
    # (4.9) Ask the rest of all bystanders' data.
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
        {index: frozenset(cells) for index, cells in work.nobodys_values.items() if index not in lost},
        {index: frozenset(names) for index, names in work.with_nobody.items() if index in lost},
        {place: at for (index, place), (at, _) in lying.items() if index in lost},
        together(work.others.counted(), rest.others),
    )


def _set_aside(
    by_file: Sequence[FileHits], explained: Collection[tuple[Path, int]], unfollowed: Collection[tuple[Path, int]]
) -> tuple[list[tuple[int, Residue, str]], dict[tuple[int, Residue], tuple[Sequence[Lying], Sequence[Dataset]]]]:
    """Return the hits that cannot be told, and those that nothing explains with what lies there."""
    untold: list[tuple[int, Residue, str]] = []
    lying: dict[tuple[int, Residue], tuple[Sequence[Lying], Sequence[Dataset]]] = {}
    for hits in by_file:
        for number, (index, place) in enumerate(hits.places):
            why = next((each.why for each in hits.at[number] if isinstance(each, CannotTell)), None)
            if why is not None:
                untold.append((index, place, why))
            elif (hits.path, number) in unfollowed:
                untold.append((index, place, UNFOLLOWED))
            elif (hits.path, number) not in explained:
                lying[index, place] = (hits.at[number], hits.datasets)
    return untold, lying


def _without_longer(
    longer: LongerIdentifiers,
    left: Sequence[tuple[int, Residue]],
    lying: Mapping[tuple[int, Residue], tuple[Sequence[Lying], Sequence[Dataset]]],
    crowded: frozenset[int],
) -> list[tuple[int, Residue]]:
    """The hits that lie in no longer identifier; all of those windows of which there may be more places."""
    explained = longer.explained([(index, place, *lying.get((index, place), ((), ()))) for index, place in left])
    return [hit for number, hit in enumerate(left) if number not in explained or hit[0] in crowded]


def _without_others(others: OthersIdentifiers, left: Sequence[tuple[int, Residue]], crowded: frozenset[int]) -> list[tuple[int, Residue]]:
    """The hits that are no identifier of a person who stays; all of those windows of which there may be more places."""
    explained = others.explained(left)
    return [hit for number, hit in enumerate(left) if number not in explained or hit[0] in crowded]


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
    index_of = {traces.traces[index]: index for index in candidates - held}
    found = [(index_of[place.trace], place) for place in scanned.found if place.trace in index_of]
    erased = ours.by_dataset()
    left = _without_others(OthersIdentifiers(context, traces, people, erased), found, too_many(scanned.found, traces, SHOWN))
    lost = candidates - held - ({index for index, _ in found} - {index for index, _ in left})
    others = OthersItems(traces)
    for name, windows in accounted.by_dataset.items():
        others.note_some(name, windows)
    return ExplainedHits(candidates - lost, tuple(place for _, place in left), others=others.counted())


def _stores(context: Context, store: str) -> dict[str, Store]:
    return {name: context.open_store(name) for name in (store, *shared_content.inside(context, store))}


def _placing(context: Context, stores: Mapping[str, Store]) -> tuple[tuple[Dataset, PlacingStore], ...]:
    """The datasets whose live items can be read by their place."""
    return tuple(
        (dataset, opened)
        for name, opened in stores.items()
        if isinstance(opened, PlacingStore)
        for dataset in context.data_map.datasets_of(name)
        if remakes(dataset) or not isinstance(dataset.subject, Inherited)
    )
