"""Read the live rows at the places of hits: which windows rows of bystanders, and rows that are kept, hold."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar

from expunge.core.datamap.datamap import AboutNobody, Dataset, remakes
from expunge.core.datamap.person import Person
from expunge.core.evidence.traces import Traces
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.engine.evidence import shared_content, whole_words
from expunge.engine.evidence.file_hits import FileHits
from expunge.engine.evidence.nobodys_rows import Cell, NobodysRows
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.others_items import OthersItems
from expunge.engine.kernel.rows_at_places import BATCH, RowsAtPlaces
from expunge.engine.subjects import orphaned_items
from expunge.engine.subjects.living_keys import LivingKeys
from expunge.ports.optional.placing import LiveRows, Lying, NothingLive, PlacingStore, SomeRow
from expunge.ports.scanner import SEAM, PlacedTracer
from expunge.ports.store import Store

WORD_BY_WORD = "words@"
"""How the scan reports a sequence of words, between the other forms of a place."""
_ONE_BY_ONE = 20
"""People whose rows are told apart where keys do not say whose they are."""
_RowPlace: TypeAlias = tuple[Path, int]
"""A file, and the number of a nomination in it."""
_Place = TypeVar("_Place")
_Hit: TypeAlias = tuple[Path, int]
"""A file, and the number of a hit in it."""
_RelationPlace: TypeAlias = tuple[Path, str]
"""A file, and a relation the values of which lie in it."""


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

    def by_dataset(self) -> dict[str, tuple[Copy, ...]]:
        """Return both for each dataset that has any."""
        return {name: self.of(name) for name in {*self.live, *self.kept}}


class RowsAtHits:
    """The live rows at the places of some hits, and which windows they hold.

    The numbers are those of :mod:`expunge.engine.evidence.hits_by_place`.
    """

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
        self._reading = RowsAtPlaces(stores)
        self._living = LivingKeys(context)
        self._owners_unknown: dict[_RowPlace, set[int]] = {}
        """Windows that rows hold whose owners could not be told."""
        self._relations_unknown: set[str] = set()
        """Datasets the rows of which could not be followed when any of them was wanted."""
        self._staying: dict[str, set[_RowPlace]] = {}
        """The rows of people who stay at the places of hits, by dataset."""
        self.trouble: Exception | None = None
        """Why they could not."""
        self.unfollowed: frozenset[tuple[Path, int]] = frozenset()
        """Hits, as file and number, that such rows alone would explain."""
        self.nobodys_values: dict[int, set[Cell]] = {}
        """Windows that values in rows about nobody explain, with these values."""
        self.with_nobody: dict[int, set[str]] = {}
        """Windows that lie in rows about nobody and that nothing explains, with the datasets of these rows."""
        self.others = OthersItems(traces)
        """The items of people who stay that hold windows."""

    def explained(self, by_file: Sequence[FileHits]) -> frozenset[tuple[Path, int]]:
        """Return the hits, as file and number, that a bystander's or a kept item at their place holds."""
        held: dict[_RowPlace, set[int]] = {}
        for dataset in self._datasets:
            some = [hits for hits in by_file if dataset in hits.datasets and hits.rows]
            if some and not isinstance(dataset.subject, AboutNobody):
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
        result |= self._explained_by_several(by_file, result)
        result |= self._explained_by_nobodys(by_file, result)
        self.unfollowed = frozenset(unfollowed - result)
        return frozenset(result)

    def _explained_by_several(self, by_file: Sequence[FileHits], explained: Collection[_Hit]) -> set[_Hit]:
        """Return the hits in sequences of words that begin in a row of a person who stays, where such rows together hold the window.

        A row may hold one word of it.
        """
        wanted: dict[str, dict[_Hit, int]] = {}
        for hits in by_file:
            for number, ((index, place), at) in enumerate(zip(hits.places, hits.at, strict=True)):
                if (hits.path, number) in explained or WORD_BY_WORD not in place.hidden:
                    continue
                rows = {(hits.path, hits.rows[lying]) for lying in at if isinstance(lying, LiveRows)}
                for name, staying in self._staying.items():
                    if not rows.isdisjoint(staying):
                        wanted.setdefault(name, {})[hits.path, number] = index
        found = set[_Hit]()
        for dataset in self._datasets:
            open_hits = wanted.get(dataset.name, {})
            held = self._held_by_some_row(dataset, frozenset(open_hits.values())) if open_hits else frozenset[int]()
            found |= {hit for hit, index in open_hits.items() if index in held}
        return found

    def _explained_by_nobodys(self, by_file: Sequence[FileHits], explained: Collection[_Hit]) -> set[_Hit]:
        """Return the hits that rows about nobody explain, of those that nothing else does."""
        # (4.6) Look at rows about nobody.
        open_hits = {
            (hits.path, number): (index, at)
            for hits in by_file
            for number, ((index, _), at) in enumerate(zip(hits.places, hits.at, strict=True))
            if (hits.path, number) not in explained and not any(isinstance(lying, NothingLive) for lying in at)
        }
        if not open_hits:
            return set()
        erased = self._ours.by_dataset()
        candidates = frozenset(index for index, _ in open_hits.values())
        nobodys = NobodysRows(self._context, self._traces, candidates, self._people, erased, self._before, self._rewritten, self._living)
        rows, relations = dict[Path, dict[LiveRows, int]](), dict[_RelationPlace, None]()
        for (path, _), (_, at) in open_hits.items():
            rows.setdefault(path, {}).update((each, 0) for each in at if isinstance(each, LiveRows))
            relations.update(((path, each.relation), None) for each in at if isinstance(each, SomeRow))
        for dataset in self._datasets:
            some = [FileHits(hits.path, (), rows=rows[hits.path]) for hits in by_file if dataset in hits.datasets and rows.get(hits.path)]
            nobodys.note(dataset, self._nobodys(dataset, some), self._reading)
            related = [place for place in relations if self._placing[dataset.name].relates(dataset, place[1])]
            if related:
                nobodys.note(dataset, self._nobodys_of(dataset, related), self._reading)
        content = nobodys.content()
        found = set[_Hit]()
        for (path, number), (index, at) in open_hits.items():
            places = [
                (path, each) if isinstance(each, LiveRows) else (path, each.relation) for each in at if isinstance(each, LiveRows | SomeRow)
            ]
            if any(index in content.explained.get(place, ()) for place in places):
                found.add((path, number))
                self.nobodys_values.setdefault(index, set()).update(content.values.get(index, ()))
            elif any(index in content.lying.get(place, ()) for place in places):
                self.with_nobody.setdefault(index, set()).update(*(content.datasets.get(place, ()) for place in places))
        return found

    def _nobodys(self, dataset: Dataset, some: Sequence[FileHits]) -> Iterator[tuple[tuple[Path, LiveRows], Copy]]:
        """Yield the rows of a dataset at some places that are about nobody."""
        named = {hits.path: list(hits.rows) for hits in some}
        for (path, number), copy in self._about_nobody(dataset, self._rows(dataset, some, self._ours.of(dataset.name))):
            yield (path, named[path][number]), copy

    def _nobodys_of(self, dataset: Dataset, places: Sequence[_RelationPlace]) -> Iterator[tuple[_RelationPlace, Copy]]:
        """Yield all rows of a dataset that are about nobody, for each of the places at which a value of any of them may lie."""
        everything = (
            (None, each) for each in store_calls.bystanders(self._stores[dataset.store], dataset, self._ours.of(dataset.name), None)
        )
        for _, copy in self._about_nobody(dataset, everything):
            for place in places:
                yield place, self._reading.named(copy)

    def _about_nobody(self, dataset: Dataset, rows: Iterable[tuple[_Place, Copy]]) -> Iterator[tuple[_Place, Copy]]:
        """Yield those of some rows, with their places, that are about nobody."""
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            matches = {number: copy.selector.match for number, (_, copy) in enumerate(batch) if copy.selector is not None}
            try:
                named = frozenset[int]() if isinstance(dataset.subject, AboutNobody) else self._living.named_by(dataset, matches)
            except store_calls.TROUBLE:
                if self.trouble is None:
                    raise
                # Why none: the rows whose owners cannot be told were noted when the owned ones were looked for.
                continue
            yield from (each for number, each in enumerate(batch) if number not in named)

    def _held_by_relations(self, by_file: Sequence[FileHits]) -> Mapping[_RelationPlace, set[int]]:
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
        live, kept = self._ours.live, self._ours.kept
        try:
            found = shared_content.held_by_dataset(self._context, dataset, self._traces, wanted, kept, live, self._people, self._living)
        except store_calls.TROUBLE as error:
            self.trouble = error
            self._relations_unknown.add(dataset.name)
            return frozenset()
        # Why less: as in _note_others
        others = found.people & self._before if dataset.name in self._rewritten else found.people
        if not remakes(dataset):
            self.others.note_some(dataset.name, others)
        return found.kept | others

    def _note_others(self, dataset: Dataset, some: Sequence[FileHits], held: dict[_RowPlace, set[int]]) -> None:
        placed = self._tracer()
        passing = whole_words.without_identifiers(self._context, placed, self._people, seams=self._seams)
        # (4.3) Read the rows, without those of the erased people and those that lead to no subject.
        others = self._rows(dataset, some, self._ours.of(dataset.name))
        owned = others if remakes(dataset) else self._owned(dataset, others)
        try:
            at = self._reading.trace(dataset, (((place, row.keys), row) for place, row in owned), passing)
            self._staying.setdefault(dataset.name, set()).update(place for place, _ in at.values())
        except store_calls.TROUBLE as error:
            self.trouble = error
            self._note_unfollowed(dataset, some)
            return
        passing.pass_on()
        # (4.4) Note which windows they hold.
        for subject, indexes in placed.held_by().items():
            # Why less: a trigger may have handed the erased person's content to them; their own is what they held before as well.
            place, keys = at[subject]
            theirs = indexes & self._before if dataset.name in self._rewritten else indexes
            held.setdefault(place, set()).update(theirs)
            if not remakes(dataset):
                self.others.note(dataset.name, keys, theirs)

    def _note_unfollowed(self, dataset: Dataset, some: Sequence[FileHits]) -> None:
        """Note what rows hold whose owners cannot be told now."""
        placed = self._tracer()
        passing = whole_words.without_identifiers(self._context, placed, self._people, seams=self._seams)
        at = self._reading.trace(dataset, self._rows(dataset, some, self._ours.of(dataset.name)), passing)
        passing.pass_on()
        for subject, indexes in placed.held_by().items():
            self._owners_unknown.setdefault(at[subject], set()).update(indexes)

    def _lies_with_unknown(self, hits: FileHits, at: Sequence[Lying], index: int) -> bool:
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

    def _note_one_anothers(self, dataset: Dataset, some: Sequence[FileHits], held: dict[_RowPlace, set[int]]) -> None:
        """An item of one erased person that could not be erased explains what it holds of another's: it is in that person's own entry."""
        live = self._ours.live.get(dataset.name, ())
        if not live:
            return
        placed, whose = self._tracer(), dict[Pseudonym, set[Pseudonym]]()
        passing = whole_words.without_identifiers(self._context, placed, self._people, seams=self._seams)

        def rows() -> Iterator[tuple[_RowPlace, Copy]]:
            for place, row, owners in self._rows_of(dataset, some, live):
                whose[row.subject] = owners
                yield place, row

        at = self._reading.trace(dataset, rows(), passing)
        passing.pass_on()
        for row, indexes in placed.held_by().items():
            held.setdefault(at[row], set()).update(index for index in indexes if self._traces.traces[index].subject not in whose[row])

    def _note_kept(self, dataset: Dataset, some: Sequence[FileHits], held: dict[_RowPlace, set[int]]) -> None:
        """What stays on purpose holds its own content, names and identifiers included."""
        # (4.5) Look at what is kept.
        kept = self._ours.kept.get(dataset.name, ())
        if not kept:
            return
        placed = self._tracer()
        at = self._reading.trace(dataset, ((place, row) for place, row, _ in self._rows_of(dataset, some, kept)), placed)
        for subject, indexes in placed.held_by().items():
            held.setdefault(at[subject], set()).update(indexes)

    def _rows_of(
        self, dataset: Dataset, some: Sequence[FileHits], copies: Sequence[Copy]
    ) -> Iterator[tuple[_RowPlace, Copy, set[Pseudonym]]]:
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
        self, dataset: Dataset, some: Sequence[FileHits], copies: Sequence[Copy]
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

    def _rows(self, dataset: Dataset, some: Sequence[FileHits], mine: Sequence[Copy]) -> Iterator[tuple[_RowPlace, Copy]]:
        """The rows of a dataset at the places, each under a name of its own."""
        for hits in some:
            for index, copy in self._reading.nominated(dataset, list(hits.rows), mine):
                yield (hits.path, index), copy

    def _owned(self, dataset: Dataset, rows: Iterable[tuple[_RowPlace, Copy]]) -> Iterator[tuple[_RowPlace, Copy]]:
        """Those of the rows that lead to a subject."""
        at: dict[Pseudonym, _RowPlace] = {}

        def copies() -> Iterator[Copy]:
            for place, copy in rows:
                at[copy.subject] = place
                yield copy

        for copy in orphaned_items.a_few_owned(self._context, dataset, copies(), self._ours.live, self._living):
            yield at.pop(copy.subject), copy
