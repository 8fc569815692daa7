"""The recorded artefacts: their sources and dates, read from the stores that the map names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from expunge.core.datamap.artefact import Provenance
from expunge.core.datamap.datamap import Dataset
from expunge.core.disgorgement.limb_scope import DARK, UNDECLARED, ancestry_of
from expunge.core.disgorgement.taint import Ancestry, Derivation
from expunge.core.lineage.undeclared_lineage import tag
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Unable
from expunge.core.values.timestamps import moment
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.lineage import observed_lineage, registry_origins

OBSERVED = "seen to be made from"
NOBODY = Pseudonym("0" * 32)
"""Stands for whose data it is where a question is about items, not people."""


@dataclass
class ArtefactRecords:
    """The artefacts as the stores record them."""

    artefacts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Dataset -> names of the artefacts that lie in it."""
    made: list[Derivation] = field(default_factory=list)
    created: dict[str, datetime] = field(default_factory=dict)
    """``DATASET`` or ``DATASET/NAME`` -> when it was made; the latest, where several are on record."""
    failed: dict[str, Unable] = field(default_factory=dict)
    """Dataset -> why it could not be read: then nothing in it has an origin on record."""

    def graph(self, context: Context) -> Ancestry:
        """With what the map declares."""
        return ancestry_of(context.data_map, self.made, self.artefacts)


def read(context: Context) -> ArtefactRecords:
    """Read every dataset that holds single artefacts, and the dataset that records their sources."""
    recorded = ArtefactRecords()
    for name, dataset in context.data_map.datasets.items():
        if dataset.created is not None:
            recorded.created[name] = dataset.created
        if dataset.artefact:
            try:
                recorded.artefacts[name] = names_in(context, dataset)
            except store_calls.TROUBLE as error:
                recorded.artefacts[name] = ()
                recorded.failed[name] = store_calls.as_unable(error)
    recorded.made += _observed(context)
    provenance = context.data_map.provenance
    if provenance is not None:
        try:
            for row in rows(context, context.data_map.datasets[provenance.dataset]):
                _note(recorded, provenance, row)
        except store_calls.TROUBLE as error:
            recorded.failed[provenance.dataset] = store_calls.as_unable(error)
    return recorded


def _observed(context: Context) -> Iterator[Derivation]:
    """What pipelines were seen to do and the map does not say; what it does not name goes by a keyed tag."""
    found, key = observed_lineage.all_gaps(context), context.keys.pseudonym_key()
    for unsaid in found.unsaid:
        yield Derivation(unsaid.source, unsaid.target, OBSERVED, declared=False)
    for unknown in found.unknown:
        name = UNDECLARED + tag(key, unknown.address)
        yield from (Derivation(source, name, OBSERVED, declared=False) for source in unknown.sources)
        yield from (Derivation(name, target, OBSERVED, declared=False) for target in unknown.feeds)
    # Why an edge from nowhere: a model that is on no record would be in no graph, and so nobody's to decide about.
    yield from (Derivation(UNDECLARED, DARK + tag(key, each), OBSERVED, declared=False) for each in registry_origins.dark(context))


def names_in(context: Context, dataset: Dataset) -> tuple[str, ...]:
    """Return the artefacts of one dataset, sorted. Raises as a store that cannot be used."""
    copies = store_calls.locate(context.open_store(dataset.store), dataset, (Selector(NOBODY, {}, every=True),))
    return tuple(sorted({name for copy in copies for name in copy.links.get(dataset.artefact, ())}))


def rows(context: Context, dataset: Dataset) -> Iterator[Mapping[str, Any]]:
    """Yield every row or record of a dataset, as its store exports it. Raises as a store that cannot be used."""
    store = context.open_store(dataset.store)
    for copy in store_calls.locate(store, dataset, (Selector(NOBODY, {}, every=True),)):
        for item in store_calls.export(store, dataset, copy):
            if item.media_type == "application/jsonl" or dataset.format == "jsonl":
                yield from _lines(item.chunks)


def _lines(chunks: Any) -> Iterator[Mapping[str, Any]]:
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        yield from filter(None, map(_object, whole))
    if row := _object(rest):
        yield row


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        value = json.loads(line) if line.strip() else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _note(recorded: ArtefactRecords, provenance: Provenance, row: Mapping[str, Any]) -> None:
    product, source = row.get(provenance.artefact), row.get(provenance.source)
    if product is None:
        return
    if source is not None:
        how = str(row.get(provenance.how) or "made from")
        recorded.made.append(Derivation(str(source), str(product), how, moment(row.get(provenance.read))))
    created = moment(row.get(provenance.created))
    if created is not None:
        recorded.created[str(product)] = max(created, recorded.created.get(str(product), created))
