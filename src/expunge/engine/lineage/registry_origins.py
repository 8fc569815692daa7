"""Origins of models as the model registries among the stores record them: one more witness beside pipelines, asked anew each time."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.core.datamap.datamap import ModelLayout
from expunge.core.lineage.dataset_lookup import model_address
from expunge.core.lineage.model_origin import ModelOrigin, sightings
from expunge.core.lineage.observations import ObservedLineage
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import OpenPlaces
from expunge.ports.optional.model_registry import ModelRegistry


def origins(context: OpenPlaces) -> dict[str, tuple[ModelOrigin, ...]]:
    """Return store -> its models, for every store that is a registry. A registry that cannot be read is left out, and ``check`` says so."""
    found: dict[str, tuple[ModelOrigin, ...]] = {}
    for name in context.data_map.stores:
        try:
            store = context.open_store(name)
            if isinstance(store, ModelRegistry):
                found[name] = store_calls.origins(store)
        except store_calls.TROUBLE:
            continue
    return found


def seen(context: OpenPlaces) -> ObservedLineage:
    """Return the origins in the form of pipelines' observations."""
    return sightings(context.data_map, origins(context))


def dark(context: OpenPlaces) -> Iterator[str]:
    """Yield the addresses of dark models that the map does not declare, each once."""
    datasets = context.data_map.datasets.values()
    declared = {(dataset.store, dataset.layout.name) for dataset in datasets if isinstance(dataset.layout, ModelLayout)}
    for store, models in origins(context).items():
        names = {model.name for model in models if model.dark and (store, model.name) not in declared}
        yield from sorted(model_address(store, name) for name in names)
