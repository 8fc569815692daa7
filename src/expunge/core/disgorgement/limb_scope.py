"""The reach of one limb in a map: for each dataset whether it is erased, how its items are selected, and why.

Pure. The input is the map, the limb, and the records about single artefacts. ``expunge.engine.destruction.disgorgement_orders`` asks the
stores for the rows and files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from expunge.core.datamap.artefact import ArtefactKind
from expunge.core.datamap.datamap import AboutNobody, DataMap, Dataset, Inherited, Through
from expunge.core.disgorgement.disgorgement import EVERYBODY, Limb, Trigger, kind_of
from expunge.core.disgorgement.taint import Ancestry, Derivation, Taint
from expunge.core.lineage.lineage_graph import closure

APART = "it is neither covered nor made from what is"
"""Why most of a map stays."""
UNDECLARED = "undeclared:"
"""Begins the name of something that pipelines were seen to make and that no dataset of the map is; what follows is a keyed tag."""
DARK = f"{UNDECLARED}model:"
"""The same of a model in a registry of which nobody can tell what it was made from."""
DERIVED, THROUGH, REVIEW, PART = "derived from", "found through", "review of", "part of"


class SelectedBy(StrEnum):
    """The way in which the affected items of a dataset are selected."""

    OWN = "its own dates and people"
    REVIEW = "the reviews of it"
    PARENT = "what it is found through"
    ARTEFACT = "where each artefact came from"
    WHOLE = "nothing: it goes whole"


@dataclass(frozen=True)
class DatasetReach:
    """One dataset under one limb."""

    dataset: str
    kind: ArtefactKind
    goes: bool
    """Whether the limb takes such a kind, and something of it is covered or came from it."""
    by: SelectedBy
    path: tuple[Derivation, ...]
    """How it hangs on what is covered; empty for what is covered itself."""
    why: str
    """In one sentence: why it goes, or why it stays."""


@dataclass(frozen=True)
class UndecidedItem:
    """An item whose origin, covered data or not, is unknown."""

    item: str
    """``DATASET``, ``DATASET/NAME``, or ``DATASET: items without a readable date``."""
    kind: ArtefactKind
    why: str


@dataclass(frozen=True)
class LimbReach:
    """The reach of one limb in a map."""

    reaches: tuple[DatasetReach, ...]
    """Every dataset of the map, those that feed others first."""
    artefacts: Mapping[str, tuple[str, ...]]
    """Dataset -> names of its artefacts that go."""
    unknown: tuple[UndecidedItem, ...]
    taint: Taint


def ancestry_of(data_map: DataMap, recorded: Iterable[Derivation] = (), artefacts: Mapping[str, Iterable[str]] | None = None) -> Ancestry:
    """Return the graph of everything made from other data: datasets as declared in the map, single artefacts as recorded.

    Args:
        data_map: datasets with their sources, their ``through``, and the places where reviews of them are kept.
        recorded: rows of the dataset that the map's ``provenance`` names, and edges observed in pipelines.
        artefacts: dataset -> names of the artefacts that lie in it, for datasets with an ``artefact`` field.
    """
    graph = Ancestry()
    single = artefacts or {}
    for name, dataset in data_map.datasets.items():
        graph.declare(name)
        if not single.get(name):
            # Why not for others: each artefact in it has an origin of its own, and the dataset's is only the sum of them.
            for source in dataset.derived_from:
                graph.link(source, name, DERIVED)
        for source in dataset.subject.sources if isinstance(dataset.subject, Through) else ():
            if source != name:
                graph.link(source, name, THROUGH)
        if dataset.reviewed_by is not None:
            graph.link(name, dataset.reviewed_by.dataset, REVIEW)
        for each in single.get(name, ()):
            graph.declare(f"{name}/{each}")
            graph.link(f"{name}/{each}", name, PART)
    for made in recorded:
        graph.add(made)
        if made.declared:
            # Why also one that is not there any more: what is on record about it is what its descendants came from.
            graph.declare(made.product)
            if made.product.partition("/")[0] in single:
                graph.link(made.product, made.product.partition("/")[0], PART)
    return graph


def reach(data_map: DataMap, limb: Limb, graph: Ancestry, artefacts: Mapping[str, Iterable[str]]) -> LimbReach:
    """Compute the reach of a limb over every dataset of the map."""
    about = _about(data_map, limb)
    covered = {name for name, dataset in data_map.datasets.items() if limb.covered.covers(dataset) and (about is None or name in about)}
    reviews = {review.dataset for name in covered if (review := data_map.datasets[name].reviewed_by) is not None}
    collected = [
        name
        for name, each in data_map.datasets.items()
        if not each.derived_from and kind_of(each) in (ArtefactKind.RAW, ArtefactKind.BACKUP)
    ]
    # Why from the reviews only: what was made from recordings that nobody annotated is not the product of their annotation.
    starts = reviews if limb.trigger is Trigger.REVIEWED else covered
    taint = graph.spread(sorted(starts), collected)
    scoping = _Scoping(data_map, limb, covered, reviews, taint, artefacts)
    reaches = tuple(scoping.dataset(data_map.datasets[name]) for name in _sources_first(data_map))
    going = {each.dataset for each in reaches if each.goes and each.by is SelectedBy.ARTEFACT}
    named = {name: tuple(sorted(each for each in artefacts.get(name, ()) if f"{name}/{each}" in taint.hits)) for name in sorted(going)}
    return LimbReach(reaches, named, tuple(scoping.unknown()), taint)


@dataclass(frozen=True)
class _Scoping:
    data_map: DataMap
    limb: Limb
    covered: set[str]
    reviews: set[str]
    taint: Taint
    artefacts: Mapping[str, Iterable[str]]

    def dataset(self, dataset: Dataset) -> DatasetReach:
        kind = kind_of(dataset)
        taken = kind in self.limb.takes
        if dataset.name in self.covered:
            return self._covered(dataset, kind, taken=taken)
        if dataset.name in self.artefacts:
            hits = [artefact for artefact in self.artefacts[dataset.name] if f"{dataset.name}/{artefact}" in self.taint.hits]
            path = self.taint.path(f"{dataset.name}/{min(hits)}") if hits else ()
            return self._made(dataset, kind, SelectedBy.ARTEFACT, path, hit=bool(hits), taken=taken)
        hit = dataset.name in self.taint.hits or self._follows(dataset)
        path = self.taint.path(dataset.name) if dataset.name in self.taint.hits else ()
        return self._made(dataset, kind, self._by(dataset), path, hit=hit, taken=taken)

    def _covered(self, dataset: Dataset, kind: ArtefactKind, *, taken: bool) -> DatasetReach:
        by, why = self._by(dataset), "it is covered"
        goes = taken and self.limb.trigger is not Trigger.USED
        if goes and self.limb.trigger is Trigger.REVIEWED:
            by, goes = SelectedBy.REVIEW, dataset.reviewed_by is not None
            why = (
                f"of it, what was reviewed: {dataset.reviewed_by.dataset}"
                if dataset.reviewed_by
                else "nothing says what of it was reviewed"
            )
        elif not goes:
            why = f"it is covered; the limb takes {self._taken} only"
        return DatasetReach(dataset.name, kind, goes, by, (), why)

    def _made(
        self, dataset: Dataset, kind: ArtefactKind, by: SelectedBy, path: tuple[Derivation, ...], *, hit: bool, taken: bool
    ) -> DatasetReach:
        why = "it came from what is covered, in whole or in part"
        if not hit:
            why = APART
        elif not taken:
            why = f"it came from what is covered; the limb takes {self._taken} only"
        return DatasetReach(dataset.name, kind, hit and taken, by, path if hit else (), why)

    @property
    def _taken(self) -> str:
        return ", ".join(self.limb.takes)

    def _follows(self, dataset: Dataset) -> bool:
        """Whether its items are found through reviewed ones: they go with them."""
        if self.limb.trigger is not Trigger.REVIEWED:
            return False
        sources = dataset.subject.sources if isinstance(dataset.subject, Through) else ()
        return any(name in self.covered or self._follows(self.data_map.datasets[name]) for name in sources)

    def _by(self, dataset: Dataset) -> SelectedBy:
        rule = dataset.subject
        if self.limb.trigger is Trigger.REVIEWED and dataset.name in self.reviews:
            return SelectedBy.OWN
        if isinstance(rule, Inherited | AboutNobody):
            # Why aggregates too: orders reach what was derived in part, and nothing in it says which part.
            return SelectedBy.WHOLE if dataset.name not in self.covered else SelectedBy.OWN
        if isinstance(rule, Through):
            return SelectedBy.PARENT if any(map(self._meets, rule.sources)) else SelectedBy.OWN
        return SelectedBy.OWN

    def _meets(self, parent: str) -> bool:
        """Whether what a dataset is found through is itself covered, or came from what is."""
        return parent in self.covered or parent in self.taint.hits or self._follows(self.data_map.datasets[parent])

    def unknown(self) -> Iterable[UndecidedItem]:
        if self.limb.trigger is Trigger.REVIEWED:
            for name in sorted(self.covered):
                dataset = self.data_map.datasets[name]
                if dataset.reviewed_by is None and kind_of(dataset) in self.limb.takes:
                    yield UndecidedItem(name, kind_of(dataset), "it is covered, and the map does not say where reviews of it are recorded")
        for hit in sorted(hit for hit in self.taint.hits if hit.startswith(UNDECLARED)):
            source = self.taint.path(hit)[-1].source
            yield UndecidedItem(
                hit, ArtefactKind.DERIVED, f"pipelines made it from {source}, and the map does not name it: expunge check does"
            )
        unclear = self.taint.unknown
        if ArtefactKind.MODEL in self.limb.takes:
            for each in sorted(each for each in unclear if each.startswith(DARK)):
                said = "a registry holds it, the map does not name it, and nobody can tell what it learnt from: expunge check names it"
                yield UndecidedItem(each, ArtefactKind.MODEL, said)
        for name, dataset in self.data_map.datasets.items():
            kind = kind_of(dataset)
            if kind not in self.limb.takes or name in self.covered:
                continue
            for each in sorted(self.artefacts[name]) if name in self.artefacts else ():
                if f"{name}/{each}" in unclear:
                    yield UndecidedItem(f"{name}/{each}", kind, self._why(f"{name}/{each}"))
            if name not in self.artefacts and name in unclear:
                yield UndecidedItem(name, kind, self._why(name))

    def _why(self, name: str) -> str:
        path = self.taint.path(name)
        if not path:
            return "nothing is on record about what it was made from"
        return f"it was made from {path[0].source}, of which nobody knows the origin" + (f", by {len(path)} steps" if len(path) > 1 else "")


def _about(data_map: DataMap, limb: Limb) -> Collection[str] | None:
    """The datasets that can hold anything of the people a limb is about; None for everybody, and for people whom the map does not know."""
    if limb.unused_for is not None:
        return closure(data_map, [kind for kind, each in data_map.identities.items() if each.last_used])
    cohort = data_map.cohorts.get(limb.subjects) if isinstance(limb.subjects, str) else limb.subjects
    if limb.subjects == EVERYBODY or cohort is None:
        return None
    return closure(data_map, [kind for kind, each in data_map.identities.items() if each.dataset == cohort.dataset])


def _sources_first(data_map: DataMap) -> list[str]:
    """All datasets, each after what it is found through; otherwise in the order of the map."""
    done: dict[str, None] = {}

    def add(name: str, below: tuple[str, ...]) -> None:
        rule = data_map.datasets[name].subject
        for source in rule.sources if isinstance(rule, Through) else ():
            if source not in done and source not in below:
                add(source, (*below, source))
        done.setdefault(name)

    for name in data_map.datasets:
        add(name, (name,))
    return list(done)
