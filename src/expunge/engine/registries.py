"""What model registries among the stores say their models were made from: one more witness beside pipelines, asked anew each time."""

from __future__ import annotations

from collections.abc import Iterator

from expunge.core.atlas import model_address
from expunge.core.datamap import ModelLayout
from expunge.core.observed import Sightings
from expunge.core.origin import Origin, sightings
from expunge.engine import calling
from expunge.engine.context import Places
from expunge.ports.origins import KnowsOrigins


def origins(context: Places) -> dict[str, tuple[Origin, ...]]:
    """Store -> its models, for every store that is a registry; one that cannot be read is left out, and ``check`` says so."""
    found: dict[str, tuple[Origin, ...]] = {}
    for name in context.data_map.stores:
        try:
            store = context.open_store(name)
            if isinstance(store, KnowsOrigins):
                found[name] = calling.origins(store)
        except calling.TROUBLE:
            continue
    return found


def seen(context: Places) -> Sightings:
    """The same as pipelines would have said it."""
    return sightings(context.data_map, origins(context))


def dark(context: Places) -> Iterator[str]:
    """Addresses of models that the map does not declare and whose origin nobody can tell, each once."""
    datasets = context.data_map.datasets.values()
    declared = {(dataset.store, dataset.layout.name) for dataset in datasets if isinstance(dataset.layout, ModelLayout)}
    for store, models in origins(context).items():
        names = {each.name for each in models if each.dark and (store, each.name) not in declared}
        yield from sorted(model_address(store, name) for name in names)
