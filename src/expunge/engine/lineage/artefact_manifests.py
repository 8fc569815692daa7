"""Select the artefacts of a dataset to erase: those that had the subjects, and those that no manifest clears.

A dataset that is made from others goes as a whole, unless the map has its artefacts judged by sealed manifests
(:mod:`expunge.core.models.artefact_manifest`). An artefact that its manifest clears stays and goes on serving. An artefact that its
manifest convicts goes even where none of the sources holds anything of the subjects any more. A manifest that is missing, altered or
incomplete clears nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from expunge.core.datamap.datamap import ArtefactOrigin, Dataset, Inherited, ModelLayout
from expunge.core.datamap.person import Person
from expunge.core.lineage.undeclared_lineage import UndeclaredLineage
from expunge.core.models import artefact_manifest
from expunge.core.models.artefact_manifest import ArtefactManifest, ManifestFinding, ManifestQuery, ManifestVerdict, PersonTags
from expunge.core.models.model_outcomes import WHOLE, ArtefactCleared
from expunge.core.values.copy import Copy, Finding, FindingKind, Selector
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel import spelt_names, store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import observed_lineage
from expunge.errors import EvidenceInvalid, StateCorrupt, StoreUnavailable
from expunge.ports.trainings import Trainings

_EVERYTHING = Selector(Pseudonym(WHOLE), {}, every=True)
_ROWS = "application/jsonl"
JudgedArtefact = tuple[ArtefactManifest, ManifestFinding]


@dataclass(frozen=True)
class PresentArtefact:
    """One artefact that exists now."""

    name: str = field(repr=False)
    """Its own in the dataset; empty where the dataset is one artefact."""
    keys: frozenset[str] = field(repr=False)
    contents: tuple[str, ...]
    """Hex SHA-256 of each of its files, sorted, each once."""


@dataclass(frozen=True)
class PresentArtefacts:
    """The artefacts of a dataset that exist now."""

    everything: tuple[Copy, ...] = ()
    parts: tuple[PresentArtefact, ...] = ()
    loose: bool = False
    """Whether files lie in it that belong to no artefact."""


@dataclass(frozen=True)
class ArtefactSelection:
    """The artefacts of a dataset that go, and those that stay."""

    copies: tuple[Copy, ...]
    selector: Selector | None
    """How what goes is found; None where nothing does."""
    stayed: tuple[ArtefactCleared, ...] = ()


def parts_of(context: Context, dataset: Dataset) -> PresentArtefacts:
    """Return the artefacts of a dataset with their contents. Raises the errors of stores that cannot be read."""
    store = context.open_store(dataset.store)
    everything = store_calls.locate(store, dataset, (_EVERYTHING,))
    if not everything:
        return PresentArtefacts()
    if not dataset.artefact:
        keys = frozenset(key for each in everything for key in each.keys)
        return PresentArtefacts(everything, (PresentArtefact("", keys, _contents(context, dataset, everything)),))
    names = sorted({name for each in everything for name in each.links.get(dataset.artefact, ())})
    asked = [Selector(Pseudonym(str(at)), {dataset.artefact: frozenset({name})}) for at, name in enumerate(names)]
    found = store_calls.locate(store, dataset, asked) if asked else ()
    parts = tuple(PresentArtefact(names[int(each.subject)], frozenset(each.keys), _contents(context, dataset, (each,))) for each in found)
    taken = frozenset(key for part in parts for key in part.keys)
    left = tuple(copy for each in everything if (copy := each.without(taken)).keys)
    return PresentArtefacts(everything, parts, bool(_contents(context, dataset, left)))


def _contents(context: Context, dataset: Dataset, copies: Sequence[Copy]) -> tuple[str, ...]:
    """Digests of files. A registry's rows are no content: an alias that moves makes no other model."""
    found = set()
    for copy in copies:
        for item in store_calls.export(context.open_store(dataset.store), dataset, copy):
            if isinstance(dataset.layout, ModelLayout) and item.media_type == _ROWS:
                continue
            state = sha256()
            for chunk in item.chunks:
                state.update(chunk)
            found.add(state.hexdigest())
    return tuple(sorted(found))


def judges(context: Context, dataset: Dataset) -> bool:
    """Return whether artefacts of a dataset are judged one by one."""
    return dataset.origin is ArtefactOrigin.MANIFEST and context.trainings is not None


def sift(
    context: Context, dataset: Dataset, people: Sequence[Person], *, touched: bool, doubted: Collection[str] = ()
) -> ArtefactSelection:
    """Judge every artefact of a dataset.

    Args:
        context: the composition.
        dataset: a dataset for which :func:`judges` is true.
        people: the subjects of the order.
        touched: whether the sources held data of the subjects: then every artefact that is not cleared goes.
        doubted: datasets with a manifest that was found to be false: none of them clears an artefact made from these datasets.

    Raises the errors of stores, and StoreUnavailable where nothing was in the sources and the manifests cannot be read.
    """
    assert context.trainings is not None
    jury = ManifestJudge(context, context.trainings, people, doubted)
    # Why first: then nobody has to read every byte of every model for somebody whom no training ever had.
    if not touched and not jury.convicts():
        return ArtefactSelection((), None)
    there = parts_of(context, dataset)
    try:
        judged = [(part, jury.of(dataset, part)) for part in there.parts]
    except StoreUnavailable:
        if touched:
            return _whole(there)
        raise
    touched = touched or any(found is not None and found[1].standing is ManifestVerdict.HAD for _, found in judged)
    if not touched:
        return ArtefactSelection((), None)
    clear = [(each, found[0]) for each, found in judged if found is not None and found[1].standing is ManifestVerdict.CLEAR]
    going = [each for each, found in judged if found is None or found[1].standing is not ManifestVerdict.CLEAR]
    stayed = tuple(ArtefactCleared(each.contents, manifest.made.replace(microsecond=0), jury.covered(manifest)) for each, manifest in clear)
    if not going and not there.loose:
        return ArtefactSelection((), None, stayed)
    if not clear or there.loose:
        return _whole(there)
    selector = Selector(Pseudonym(WHOLE), {dataset.artefact: frozenset(each.name for each in going)})
    copies = store_calls.locate(context.open_store(dataset.store), dataset, (selector,))
    staying = frozenset(key for each, _ in clear for key in each.keys)
    if any(not staying.isdisjoint(copy.keys) for copy in copies):
        # What hangs on one that goes (a run that made both) would take one along that stays.
        return _whole(there)
    return ArtefactSelection(copies, selector, stayed)


def _whole(there: PresentArtefacts) -> ArtefactSelection:
    return ArtefactSelection(there.everything, _EVERYTHING)


def sealed_of(context: Context, stayed: ArtefactCleared) -> bytes | None:
    """Return the manifest of an artefact that stays; None where it is no longer available."""
    try:
        return context.trainings.sealed(artefact_manifest.artefact(stayed.contents)) if context.trainings else None
    except StoreUnavailable:
        return None


@dataclass
class ManifestJudge:
    """The judge of artefacts for some people. It keeps the manifests it has read."""

    context: Context
    trainings: Trainings
    people: Sequence[Person]
    doubted: Collection[str] = ()
    """Datasets whose manifests clear nothing: one of them was found to lie."""
    _known: dict[str, JudgedArtefact | None] = field(default_factory=dict)
    _living: dict[str, frozenset[str]] = field(default_factory=dict)

    def convicts(self) -> bool:
        """Return whether any manifest convicts its artefact, wherever the manifest lies, and whether the artefact still exists or not.

        Raises StoreUnavailable.
        """
        return any(
            found is not None and found[1].standing is ManifestVerdict.HAD for found in map(self._judged, self.trainings.artefacts())
        )

    def of(self, dataset: Dataset, part: PresentArtefact) -> JudgedArtefact | None:
        """Return the manifest's judgement of an artefact; None where no manifest holds. Raises StoreUnavailable.

        A manifest that was sealed for one of its files alone counts where that file had the subjects: they are in these bytes, in every
        dataset and beside any other files.
        """
        whole = self._judged(artefact_manifest.artefact(part.contents)) if part.contents else None
        single = (self._judged(artefact_manifest.artefact((content,))) for content in part.contents)
        had = next((each for each in (whole, *single) if each is not None and each[1].standing is ManifestVerdict.HAD), None)
        return had or (whole if whole is not None and whole[0].dataset == dataset.name else None)

    def covered(self, manifest: ArtefactManifest) -> tuple[str, ...]:
        """Return the datasets that a manifest covers, by itself or by the sources of its artefact."""
        parents = (judged[0].dataset for parent in manifest.parents if (judged := self._known.get(parent)) is not None)
        return tuple(sorted({*manifest.sources, *parents}))

    def _judged(self, name: str) -> JudgedArtefact | None:
        """Judge an artefact after those that it was made from. Why in a loop: what is tuned every night has a thousand generations."""
        waiting, begun, unsealed = [name], set[str](), dict[str, ArtefactManifest | None]()
        while waiting:
            here = waiting[-1]
            if here not in begun and here not in self._known:
                begun.add(here)
                manifest = unsealed[here] = self._unsealed(here)
                waiting += [parent for parent in manifest.parents if parent not in begun and parent not in self._known] if manifest else []
                continue
            waiting.pop()
            if here not in self._known:
                self._known[here] = self._answered(unsealed[here])
        return self._known[name]

    def _unsealed(self, name: str) -> ArtefactManifest | None:
        data = self.trainings.sealed(name)
        try:
            manifest = artefact_manifest.read(data, self.trainings.key()) if data is not None else None
        except (EvidenceInvalid, StateCorrupt):
            return None
        return manifest if manifest is not None and manifest.name == name else None

    def _answered(self, manifest: ArtefactManifest | None) -> JudgedArtefact | None:
        if manifest is None:
            return None
        # Why some may be missing: a manifest that is its own forebear was made by nobody who seals what they have made.
        found = {parent: judged for parent in manifest.parents if (judged := self._known.get(parent)) is not None}
        dataset = self.context.data_map.datasets.get(manifest.dataset)
        if dataset is None:
            return manifest, ManifestFinding(ManifestVerdict.CANNOT_TELL, "its manifest is of a dataset that the map does not have")
        answer = self._controlled(manifest, artefact_manifest.judge(manifest, self._wanted(dataset), self._whose, found))
        if answer.standing is ManifestVerdict.CLEAR and dataset.name in self.doubted:
            answer = ManifestFinding(ManifestVerdict.CANNOT_TELL, f"a manifest of {dataset.name} was found to lie")
        return manifest, answer

    def _wanted(self, dataset: Dataset) -> ManifestQuery:
        data_map, gaps = self.context.data_map, self._gaps
        seen = {each.source for each in gaps.unsaid if each.target == dataset.name}
        names = {*dataset.derived_from, *seen} - {dataset.name}
        made = {name for name in names if name in data_map.datasets and isinstance(data_map.datasets[name].subject, Inherited)}
        sources = {name: data_map.datasets[name].created if name in data_map.datasets else None for name in names}
        return ManifestQuery(dataset.name, sources, frozenset(made), any(dataset.name in each.feeds for each in gaps.unknown))

    def _controlled(self, manifest: ArtefactManifest, answer: ManifestFinding) -> ManifestFinding:
        """Tags that fit nobody who is there now were made of other identifiers: that somebody's is not among them then says nothing."""
        if answer.standing is not ManifestVerdict.CLEAR:
            return answer
        for kind in sorted(self._whose.certain):
            if self._tags_of(kind).isdisjoint(manifest.people[kind]):
                return ManifestFinding(ManifestVerdict.CANNOT_TELL, f"nobody who is there now is in its manifest by {kind}")
        return answer

    def _tags_of(self, kind: str) -> frozenset[str]:
        """Tags of everybody whom the map knows by a kind of identity now."""
        if kind not in self._living:
            identity = self.context.data_map.identities[kind]
            home, key = self.context.data_map.datasets[identity.dataset], self.trainings.key()
            copies = store_calls.bystanders(self.context.open_store(home.store), home, (), None)
            held = {value for copy in copies for value in copy.links.get(identity.key, ())}
            values = spelt_names.spelt(self.context.data_map, kind, held)
            self._living[kind] = frozenset(artefact_manifest.person(key, kind, value) for value in values)
        return self._living[kind]

    @cached_property
    def _gaps(self) -> UndeclaredLineage:
        return observed_lineage.all_gaps(self.context)

    @cached_property
    def _whose(self) -> PersonTags:
        key, tags = self.trainings.key(), dict[str, set[str]]()
        for person in self.people:
            for kind, value in person.identifiers():
                tags.setdefault(kind, set()).add(artefact_manifest.person(key, kind, value))
        certain = [_roots(self.context, each.ids) for each in self.people]
        whole = frozenset(kind for each in certain for kind in each) if certain and all(certain) else frozenset[str]()
        return PersonTags({kind: frozenset(each) for kind, each in tags.items()}, whole)


def _roots(context: Context, ids: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The kinds of somebody's identifiers that belong to no other of theirs. Why those: members may be gone, and their names with them."""
    identities = context.data_map.identities
    return frozenset(kind for kind in ids if kind in identities and identities[kind].member_of not in ids)


def still_there(context: Context, dataset: Dataset, stayed: Sequence[ArtefactCleared]) -> int:
    """Return the number of artefacts that exist beside those that stay."""
    known = {artefact_manifest.artefact(each.contents) for each in stayed}
    there = parts_of(context, dataset)
    return sum(artefact_manifest.artefact(part.contents) not in known for part in there.parts) + there.loose


def findings(context: Context) -> Iterator[Finding]:
    """Yield artefacts that every order has to erase, for ``check``: they are judged by manifests, and have none that holds."""
    for dataset in context.data_map.datasets.values():
        if not judges(context, dataset) or context.trainings is None:
            continue
        jury = ManifestJudge(context, context.trainings, ())
        try:
            parts = parts_of(context, dataset).parts
            blind = sum(jury.of(dataset, part) is None for part in parts)
        except StoreUnavailable as error:
            yield Finding(FindingKind.UNREADABLE, dataset.store, dataset.name, error.message, error.help or "see above")
            continue
        except store_calls.TROUBLE:
            # Said of the store already.
            continue
        if blind:
            what = (
                f"{blind} of {len(parts)} artefacts have no sealed manifest that holds: an order takes them with those that had the person"
            )
            mend = "seal what is trained from now on (`expunge.learn.provenance.sealing`)"
            yield Finding(FindingKind.NOTE, dataset.store, dataset.name, what, mend)
