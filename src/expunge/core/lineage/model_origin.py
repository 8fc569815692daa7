"""The sources of each model according to a model registry, and the models of unknown origin.

A registry is one more witness beside pipelines. Its records become sightings and are compared with the map in the same way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from expunge.core.datamap.datamap import DataMap, ModelLayout
from expunge.core.lineage.dataset_lookup import DatasetLookup, model_address
from expunge.core.lineage.observations import Observation, ObservedLineage, RunStage, add_up

LINEAGE, MISSING, KNOWN = "expunge.lineage", "missing", "ok"
MANIFEST, RECORDS, DATASETS = "expunge.manifest_sha256", "expunge.records", "expunge.datasets"
DERIVED, HOW = "expunge.derived_from", "expunge.how"
"""Tags by which a training says in a registry what it uses; ``expunge.learn.provenance.tracking`` sets them."""


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a tag: a JSON list of names, or one name. Text that is no JSON is a name."""
    try:
        found = json.loads(text) if text.startswith("[") else [text]
    except ValueError:
        found = [text]
    return tuple(str(each) for each in found if each)


@dataclass(frozen=True)
class Input:
    """A dataset that a run read, as the registry names it: hints, which commit to nothing."""

    name: str = field(repr=False)
    digest: str
    source: str = field(repr=False, default="")


@dataclass(frozen=True)
class ModelOrigin:
    """The origin of one model: a registered version, or a model that was only logged."""

    name: str
    """The registered name; of one that is registered nowhere, its own identifier."""
    version: int
    """0 for one that is registered nowhere."""
    weights: str = field(repr=False)
    """The same text for the same weights: copies share it."""
    made: datetime
    run: str = ""
    manifest: str = ""
    """Hex SHA-256 over the records it was trained on; empty where nobody noted any."""
    datasets: tuple[str, ...] = ()
    """Datasets of the map that the training named."""
    inputs: tuple[Input, ...] = ()
    sources: tuple[str, ...] = ()
    """Models that it was made from, by ``NAME/VERSION`` or identifier: copied, quantised, exported, distilled."""
    how: str = ""
    dark: bool = True
    """Neither it nor what it was made from says what was learnt from: it is never clean."""

    @property
    def place(self) -> str:
        """``NAME/VERSION``, or its identifier."""
        return f"{self.name}/{self.version}" if self.version else self.name


def lit(origins: Iterable[ModelOrigin]) -> tuple[ModelOrigin, ...]:
    """Decide :attr:`ModelOrigin.dark`: known are models with a manifest, and those made from nothing but known ones."""
    everything = tuple(origins)
    dark = {number for number, each in enumerate(everything) if not each.manifest}
    while True:
        # Of several that go by one name, in workspaces of their own, one that is dark darkens the name.
        names = {everything[number].place for number in dark}
        bright = {each.place for each in everything} - names
        more = {number for number in dark if everything[number].sources and bright.issuperset(everything[number].sources)}
        if not more:
            return tuple(replace(each, dark=number in dark) for number, each in enumerate(everything))
        dark -= more


def descendants(origins: Iterable[ModelOrigin], places: Iterable[str]) -> frozenset[str]:
    """Every model that some models went into, at any remove; copies of one are one."""
    everything = tuple(origins)
    found = set(places)
    grown = True
    while grown:
        weights = {each.weights for each in everything if each.place in found}
        more = {each.place for each in everything if each.place not in found and (each.weights in weights or found & set(each.sources))}
        grown = bool(more)
        found |= more
    return frozenset(found - set(places))


def sightings(data_map: DataMap, origins: Mapping[str, Iterable[ModelOrigin]]) -> ObservedLineage:
    """Return the records of registries as observed lineage.

    Args:
        data_map: gives the names of the map their addresses.
        origins: store -> its models.
    """
    atlas = DatasetLookup(data_map)
    seen = []
    for store, found in origins.items():
        models = _at_home(data_map, store, tuple(found))
        for model in models:
            inputs = {
                *(_address(atlas, data_map, name) for name in model.datasets),
                *(model_address(store, place.rpartition("/")[0] or place) for place in model.sources),
            }
            output = model_address(store, model.name)
            run = sha256(f"{store}\0{model.place}".encode()).hexdigest()
            if inputs - {output}:
                seen.append(Observation(run, model.made, RunStage.COMPLETE, f"registry {store}", tuple(sorted(inputs)), (output,)))
    return add_up(seen)


def _address(atlas: DatasetLookup, data_map: DataMap, name: str) -> str:
    """Where a dataset lies; one that the map lacks goes by a name of its own, which no dataset is."""
    known = atlas.addresses(name) if name in data_map.datasets else ()
    return known[0] if known else f"dataset:{name}"


def _at_home(data_map: DataMap, store: str, models: tuple[ModelOrigin, ...]) -> tuple[ModelOrigin, ...]:
    """Copies under names that the map lacks, as the declared model whose weights they are: they go where it goes."""
    declared = {dataset.layout.name for dataset in data_map.datasets_of(store) if isinstance(dataset.layout, ModelLayout)}
    homes = {model.weights: model.name for model in models if model.name in declared}
    moved = {model.place: homes[model.weights] for model in models if model.name not in declared and model.weights in homes}
    return tuple(
        replace(
            model,
            name=moved.get(model.place, model.name),
            sources=tuple(f"{moved[source]}/1" if source in moved else source for source in model.sources),
        )
        for model in models
    )
