"""Kinds of data that orders and rules speak of, and what of a map is of which kind: by the categories of its datasets.

Sources: 16 CFR 312.2, "personal information" (8) to (10): pictures, films and sounds with a child's image or voice, geolocation,
biometric identifiers, among them voiceprints and faceprints; the Amazon order, "Geolocation Information" and "Voice Information".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from expunge.core.datamap.artefact import LEARNT, ArtefactKind, DataKind
from expunge.core.datamap.datamap import (
    AboutNobody,
    ByField,
    DataMap,
    Dataset,
    ExperimentLayout,
    Inherited,
    ModelLayout,
    PathLayout,
    Through,
)


class ProtectedKind(StrEnum):
    """A kind of data that duties are about."""

    LOCATION = "geolocation"
    VOICE = "voice"
    IMAGE = "image"
    BIOMETRIC = "biometrics"


_TAXONOMY: tuple[tuple[str, frozenset[ProtectedKind]], ...] = (
    ("user.location", frozenset({ProtectedKind.LOCATION})),
    ("user.biometrics.voice", frozenset({ProtectedKind.BIOMETRIC, ProtectedKind.VOICE})),
    ("user.biometric.voice", frozenset({ProtectedKind.BIOMETRIC, ProtectedKind.VOICE})),
    ("user.biometrics", frozenset({ProtectedKind.BIOMETRIC})),
    ("user.biometric", frozenset({ProtectedKind.BIOMETRIC})),
    ("user.biometric_health", frozenset({ProtectedKind.BIOMETRIC})),
    ("user.genetic", frozenset({ProtectedKind.BIOMETRIC})),
    ("user.content.audio", frozenset({ProtectedKind.VOICE})),
    ("user.content.voice", frozenset({ProtectedKind.VOICE})),
    ("user.content.video", frozenset({ProtectedKind.IMAGE, ProtectedKind.VOICE})),
    ("user.content.photo", frozenset({ProtectedKind.IMAGE})),
    ("user.content.image", frozenset({ProtectedKind.IMAGE})),
)
"""Fideslang category, those below it included -> the kinds that it says."""
_WHEREABOUTS = frozenset({"location", "geolocation", "coordinates", "gps", "latitude", "longitude", "whereabouts"})
"""Words of a category that say geolocation wherever they stand (``user.device.location``)."""
CATEGORY: Mapping[ProtectedKind, str] = {
    ProtectedKind.LOCATION: "user.location.precise",
    ProtectedKind.VOICE: "user.content.audio",
    ProtectedKind.IMAGE: "user.content.photo",
    ProtectedKind.BIOMETRIC: "user.biometrics",
}
"""Kind -> a category that says it, to paste."""
EXACT = 3
"""Decimals of a degree from which on a place of a person is in scope even where nobody can be linked to it."""
_BY_ARTEFACT: Mapping[ArtefactKind, DataKind] = {
    ArtefactKind.TRANSCRIPT: DataKind.TRANSCRIPT,
    ArtefactKind.EMBEDDING: DataKind.EMBEDDING,
    ArtefactKind.LABELS: DataKind.NOTE,
    ArtefactKind.SEGMENT: DataKind.SEGMENT,
    ArtefactKind.BACKUP: DataKind.BACKUP,
    **dict.fromkeys(LEARNT, DataKind.MODEL),
}
_PRINTS = {ProtectedKind.VOICE: DataKind.VOICEPRINT, ProtectedKind.IMAGE: DataKind.FACEPRINT}


def is_geolocation(decimals: int, *, linkable: bool) -> bool:
    """Return whether coordinates of a device are geolocation: out of scope only when unlinkable and of fewer than three decimals."""
    return linkable or decimals >= EXACT


def kinds_said(categories: tuple[str, ...]) -> frozenset[ProtectedKind]:
    """Return the kinds that some categories say; the categories above a kind (``user.content``) say none."""
    found = {kind for each in categories for above, kinds in _TAXONOMY if each == above or each.startswith(f"{above}.") for kind in kinds}
    words = {word for each in categories for part in each.split(".") for word in part.split("_")}
    return frozenset(found | {ProtectedKind.LOCATION} if words & _WHEREABOUTS else found)


def kinds_of(data_map: DataMap, name: str) -> frozenset[ProtectedKind]:
    """Return the kinds of a dataset.

    Its categories say them. A derived dataset without categories is of the kinds of its sources. An embedding that is made from voices or
    images is biometric whatever else is said.
    """
    return _kinds_of(data_map, name, frozenset())


def _kinds_of(data_map: DataMap, name: str, passed: frozenset[str]) -> frozenset[ProtectedKind]:
    dataset = data_map.datasets[name]
    before = passed | {name}
    sources = (_kinds_of(data_map, each, before) for each in dataset.derived_from if each in data_map.datasets and each not in before)
    inherited = frozenset[ProtectedKind]().union(*sources)
    found = kinds_said(dataset.categories) if dataset.categories else inherited
    if dataset.kind is ArtefactKind.EMBEDDING and inherited & {ProtectedKind.VOICE, ProtectedKind.IMAGE}:
        found |= {ProtectedKind.BIOMETRIC}
    return found


def may_be_of_children(data_map: DataMap, name: str) -> bool:
    """Return whether a dataset is about people for whom guardians decide: identities under ``guardians``, and those that belong to them."""
    children = set(data_map.guardians)
    children |= {kind for kind, each in data_map.identities.items() if each.member_of in children}
    return _leads_to(data_map, name, frozenset(children), frozenset())


def _leads_to(data_map: DataMap, name: str, kinds: frozenset[str], passed: frozenset[str]) -> bool:
    if name in passed or name not in data_map.datasets:
        return False
    before = passed | {name}
    match data_map.datasets[name].subject:
        case ByField() as rule:
            return any(kind in kinds for kind in rule.kinds)
        case Through(dataset=other):
            return _leads_to(data_map, other, kinds, before)
        case Inherited(sources=sources):
            return any(_leads_to(data_map, each, kinds, before) for each in sources)
        case _:
            return False


@dataclass(frozen=True)
class KindInScope:
    """One kind of data in one estate."""

    kind: ProtectedKind
    datasets: tuple[str, ...] = ()
    children: tuple[str, ...] = field(default=())
    """Those of them that may be about children."""


def in_scope(data_map: DataMap) -> tuple[KindInScope, ...]:
    """Return what of a map is of each kind, by its categories. What is about nobody is not in scope by what the map says."""
    found = []
    of = {name: kinds_of(data_map, name) for name, each in data_map.datasets.items() if not isinstance(each.subject, AboutNobody)}
    for kind in ProtectedKind:
        names = tuple(name for name, kinds in of.items() if kind in kinds)
        found.append(KindInScope(kind, names, tuple(name for name in names if may_be_of_children(data_map, name))))
    return tuple(found)


def kind_held(data_map: DataMap, name: str) -> DataKind:
    """Return the kind of data that people are told a dataset holds; records, where neither the map nor anything else says it."""
    dataset = data_map.datasets[name]
    if dataset.holds is not None:
        return dataset.holds
    if isinstance(dataset.layout, ModelLayout):
        return DataKind.MODEL
    if isinstance(dataset.layout, ExperimentLayout):
        return DataKind.RECORD
    return _as_declared(data_map, dataset) or _as_categorised(dataset) or DataKind.RECORD


def _as_declared(data_map: DataMap, dataset: Dataset) -> DataKind | None:
    kind = dataset.kind
    if kind is ArtefactKind.EMBEDDING:
        # A print can be told from an embedding of words by what it was made from alone; what was made from a video may be of either.
        for source in map(data_map.datasets.__getitem__, dataset.derived_from):
            made_from = _PRINTS.keys() & kinds_said(source.categories)
            if len(made_from) == 1 and source.kind is not ArtefactKind.TRANSCRIPT:
                return _PRINTS[made_from.pop()]
    return _BY_ARTEFACT.get(kind) if kind is not None else None


def _as_categorised(dataset: Dataset) -> DataKind | None:
    said = kinds_said(dataset.categories)
    if ProtectedKind.LOCATION in said:
        return DataKind.LOCATION
    if not said or dataset.derived_from or not isinstance(dataset.layout, PathLayout) or dataset.format:
        # A category says what rows and copies are about, and not that a row is a recording.
        return None
    if any("video" in each for each in dataset.categories):
        return DataKind.VIDEO
    if ProtectedKind.IMAGE in said:
        return DataKind.PICTURE
    return DataKind.VOICE if ProtectedKind.VOICE in said else None
