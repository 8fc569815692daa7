"""The people of the map, as keyed sketches of their identities under a key that this look alone has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from expunge.core.datamap.datamap import ByField, Dataset, IdentitySpec
from expunge.core.datamap.people_columns import MapWords, singular
from expunge.core.discovery.discovery import UnseenPlace
from expunge.core.discovery.people_sketch import KEY, MOST_HASHED, MOST_IDENTITIES, IdentitySketch, PeopleSketch
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.engine.subjects.mentions import EVERY_TABLES
from expunge.ports.map_entries import KnownIdentity
from expunge.ports.optional.subject_listing import SubjectListing
from expunge.ports.optional.table_survey import ColumnType, SurveyedColumn, SurveyedTable


@dataclass
class KnownPeople:
    """The identities that a look compares with."""

    sketch: PeopleSketch = field(default_factory=PeopleSketch)
    identities: list[KnownIdentity] = field(default_factory=list)
    words: MapWords = field(default_factory=lambda: MapWords(frozenset(), frozenset(), frozenset()))
    unseen: list[UnseenPlace] = field(default_factory=list)
    bounds: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SketchSurvey:
    """The people of one kind as a table that counts values and hands out none; see :class:`expunge.ports.map_entries.KnownIdentity`."""

    table: SurveyedTable
    sketches: dict[str, IdentitySketch]
    """Column -> its identities."""

    def tables(self) -> tuple[SurveyedTable, ...]:
        """Return the one table."""
        return (self.table,)

    def sampled(self, table: str, column: str, most: int) -> frozenset[str]:  # noqa: ARG002 - a sketch has no values
        """Return nothing."""
        return frozenset()

    def held(self, table: str, column: str, values: Collection[str]) -> int:  # noqa: ARG002 - there is one
        """Return how many of the values are identities."""
        sketch = self.sketches.get(column)
        return sum(1 for value in values if value in sketch) if sketch is not None else 0

    def hashed(self, column: str, digests: Collection[bytes]) -> Mapping[str, int]:
        """Return algorithm -> how many of the hashes are of identities."""
        sketch = self.sketches.get(column)
        return Counter(algorithm for each in digests if (algorithm := sketch.algorithm_of(each))) if sketch is not None else {}

    def heads(self, table: str, column: str, most: int, length: int) -> tuple[bytes, ...]:  # noqa: ARG002 - a sketch has no values
        """Return nothing."""
        return ()

    def unreadable(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()


def take(context: OpenPlaces, readers: DiscoveryReaders) -> KnownPeople:
    """Read the identities of all kinds into sketches, from the datasets that list them; one that cannot be read is an unseen place."""
    key, known = readers.random(KEY), KnownPeople()
    for kind, identity in context.data_map.identities.items():
        home = context.data_map.datasets[identity.dataset]
        sketches = {identity.key: IdentitySketch(kind, key)}
        sketches |= {name: IdentitySketch(f"{kind}.{name}", key) for name in identity.also}
        try:
            _fill(context, home, kind, identity, sketches)
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            why = f"its people could not be read, and were looked for nowhere: {unable.detail or unable.reason.value}"
            known.unseen.append(UnseenPlace(home.store, home.name, why))
        known.sketch.sketches += sketches.values()
        known.identities.append(_identity(kind, identity, home, sketches))
        hashed = [each.kind for each in sketches.values() if each.hashes_cut]
        known.bounds += [f"{MOST_HASHED:,} identities of kind {each} were compared by their hashes, of more" for each in hashed]
        cut = [each.kind for each in sketches.values() if each.cut]
        known.bounds += [f"{MOST_IDENTITIES:,} identities of kind {each} were compared, of more" for each in cut]
    if not len(known.sketch):
        known.bounds.append("no identity of anybody is known: nothing was compared by values")
    known.words = _words(context)
    return known


def _fill(context: OpenPlaces, home: Dataset, kind: str, identity: IdentitySpec, sketches: dict[str, IdentitySketch]) -> None:
    store = context.open_store(home.store)
    if isinstance(store, SubjectListing):
        for name, sketch in sketches.items():
            for values in store_calls.named(store, home, name):
                if not sketch.take(values):
                    break
        return
    rule = home.subject
    names = [name for each, name in rule.pairs() if each == kind] if isinstance(rule, ByField) else [identity.key]
    for copy in store_calls.bystanders(store, home, (), None):
        match = copy.selector.match if copy.selector is not None else {}
        going = [sketches[identity.key].take(match.get(name, ())) for name in names]
        for name in identity.also:
            sketches[name].take(match.get(name, ()))
        if going and not any(going):
            return


def _identity(kind: str, identity: IdentitySpec, home: Dataset, sketches: dict[str, IdentitySketch]) -> KnownIdentity:
    type_ = ColumnType.NUMBER if sketches[identity.key].numbers else ColumnType.TEXT
    columns = (SurveyedColumn(identity.key, type_), *(SurveyedColumn(name, ColumnType.TEXT) for name in identity.also))
    table = SurveyedTable(home.table or home.name, columns, ((identity.key,),), rows=len(sketches[identity.key]))
    return KnownIdentity(kind, home.store, home.name, table.name, identity.key, tuple(identity.also), type_, SketchSurvey(table, sketches))


def _words(context: OpenPlaces) -> MapWords:
    """The words by which the map names people, for names of columns that no map declares."""
    fields = {name.casefold() for each in context.data_map.datasets.values() for name in _subject_fields(each)}
    fields |= {identity.key.casefold() for identity in context.data_map.identities.values()}
    tables = {context.data_map.datasets[each.dataset].table for each in context.data_map.identities.values()}
    people = {kind.lower() for kind in context.data_map.identities} | {singular(each.rpartition(".")[2].lower()) for each in tables if each}
    return MapWords(frozenset(fields - EVERY_TABLES), frozenset(people), frozenset())


def _subject_fields(dataset: Dataset) -> Iterator[str]:
    if isinstance(dataset.subject, ByField):
        yield from (name for _, name in dataset.subject.pairs())


def people_named(known: KnownPeople, texts: Sequence[str]) -> tuple[int, frozenset[str]]:
    """Return how many of some texts name people, and of which kinds."""
    kinds = [known.sketch.kinds_in(text) for text in texts]
    return sum(1 for each in kinds if each), frozenset().union(*kinds)
