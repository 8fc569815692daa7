"""The rules about places: stores are disjoint, each dataset has one layout, and no two share their items."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import PurePath

from expunge.core.datamap.datamap import LAYOUTS, Dataset, ExperimentLayout, ModelLayout, PathLayout, TableLayout
from expunge.core.datamap.grounding import Grounding, ScanDepth
from expunge.core.datamap.path_template import overlap
from expunge.maps.document.draft import MapDraft
from expunge.ports.store_kind import StoreKind


def check_stores(draft: MapDraft) -> None:
    """No place is declared twice, and Expunge's own state lies in none."""
    places = {name: tuple(draft.kinds[name].places(store)) for name, store in draft.stores.items()}
    for one, other in combinations(draft.stores, 2):
        may_nest = draft.kinds[one].inside_others or draft.kinds[other].inside_others
        for path in places[one]:
            for twin in places[other]:
                if path == twin or (not may_nest and (_within(path, twin) or _within(twin, path))):
                    text = f"stores.{other} and stores.{one} hold the same place"
                    line = draft.line("stores", other, "url")
                    draft.faults.add("same-store-twice", line, text, "one store, with a dataset for each part")
    for name, paths in places.items():
        if any(_within(draft.state, path) for path in paths):
            text = f"state lies inside stores.{name}: Expunge would find its own files there"
            draft.faults.add("state-in-store", draft.line("state"), text, "state: a folder outside every store")


def _within(inner: str, outer: str) -> bool:
    return PurePath(inner).is_relative_to(outer)


def check_scans(draft: MapDraft) -> None:
    """Nothing is asked for that a sample of a store's bytes cannot show."""
    for name, dataset in draft.datasets.items():
        store = draft.stores.get(dataset.store)
        asked = dataset.grounding or Grounding.NONE
        if store is not None and store.scan is ScanDepth.SAMPLE and asked > Grounding.REMOVED:
            text = f"datasets.{name} asks for {asked.word}, and stores.{dataset.store} is read by a sample, which shows removed at most"
            draft.faults.add("bad-scan", draft.line("stores", dataset.store, "scan"), text, "scan: all")


def check_layouts(draft: MapDraft) -> None:
    """Each dataset lies in a declared store, in one way, which is a way of that kind."""
    for name, dataset in draft.datasets.items():
        what = f"datasets.{name}"
        kind = draft.kind_of(dataset)
        draft.known("unknown-store", dataset.store, draft.stores, draft.line("datasets", name, "store"), what)
        stated = [key for key in LAYOUTS if draft.has("datasets", name, key)]
        layouts = (kind.layouts if kind else None) or ()
        if kind and kind.layouts == ():
            text = f"{what}: a {draft.stores[dataset.store].kind} store holds no datasets"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, "store"), text, kind.no_datasets)
        elif len(stated) != 1:
            text = f"{what} says {' and '.join(stated) or 'nowhere'} where its data lies"
            draft.faults.add("missing-layout", dataset.line, text, f"{layouts[0]}: ..." if layouts else f"one of {', '.join(LAYOUTS)}")
        elif layouts and stated[0] not in layouts:
            text = f"{what}: a {draft.stores[dataset.store].kind} store has no {stated[0]}"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, stated[0]), text, f"{layouts[0]}: ...")
        if kind:
            _check_schema(draft, dataset, kind)
        if dataset.format and "path" not in stated:
            text = f"{what}: format is for files with records"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, "format"), text, "the dataset without format")
        elif dataset.format and kind and not kind.records:
            text = f"{what}: a {draft.stores[dataset.store].kind} store holds whole files, and none with records of many people"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, "format"), text, "the dataset without format")
    for entry in draft.ignore:
        draft.known("unknown-store", entry.store, draft.stores, entry.line, "ignore")
    for place in draft.opaque:
        draft.known("unknown-store", place.store, draft.stores, place.line, "opaque")
    for each in draft.not_ours:
        if draft.known("unknown-store", each.store, draft.stores, each.line, "not_ours") and draft.stores[each.store].kind != "postgres":
            text = f"not_ours: the store {each.store} is no database of a server, beside which others lie"
            draft.faults.add("layout-not-for-kind", each.line, text, "a store of kind postgres; declare what lies beside other stores")


def _check_schema(draft: MapDraft, dataset: Dataset, kind: StoreKind) -> None:
    if not kind.tables.attached:
        return
    schema, dot, _ = dataset.table.partition(".")
    attached = draft.stores[dataset.store].options.get(kind.tables.attached, {})
    if dot and isinstance(attached, Mapping) and schema.lower() not in {kind.tables.schema, *(alias.lower() for alias in attached)}:
        text = f"datasets.{dataset.name}: no database is attached as {schema!r}"
        line = draft.line("datasets", dataset.name, "table")
        instead = f"{kind.tables.attached}: {{{schema}: ./{schema}.db}} under stores.{dataset.store}"
        draft.faults.add("unknown-schema", line, text, instead)


def check_overlaps(draft: MapDraft) -> None:
    """Nothing is in two datasets, or in a dataset and ignored."""
    for one, other in combinations(draft.datasets.values(), 2):
        shared = _common(draft, one, other) if one.store == other.store else ""
        if shared:
            text = f"datasets.{other.name} and datasets.{one.name} both hold {shared}"
            draft.faults.add("overlapping-datasets", other.line, text, "paths or tables that nothing fits twice, or one dataset")
    for entry in draft.ignore:
        for dataset in draft.datasets.values():
            declared = isinstance(dataset.layout, TableLayout) and dataset.store == entry.store
            if declared and entry.pattern and fnmatchcase(dataset.table, entry.pattern):
                text = f"ignore {entry.pattern!r} also names the table of datasets.{dataset.name}"
                draft.faults.add("ignored-and-declared", entry.line, text, "a pattern that leaves declared tables out")


def _common(draft: MapDraft, one: Dataset, other: Dataset) -> str:
    match one.layout, other.layout:
        case TableLayout(name), TableLayout(twin) if _table_name(draft, one, name) == _table_name(draft, other, twin):
            return f"the table {name}"
        case ModelLayout(name), ModelLayout(twin) if name == twin:
            return f"the model {name}"
        case ExperimentLayout(name), ExperimentLayout(twin) if name == twin:
            return f"the experiment {name}"
        case PathLayout(paths), PathLayout(twins):
            pairs = ((path, twin) for path in paths for twin in twins)
            return next((f"files that fit {path} and {twin}" for path, twin in pairs if overlap(path, twin)), "")
        case _:
            return ""


def _table_name(draft: MapDraft, dataset: Dataset, name: str) -> str:
    """The table without the schema that is meant when none is written."""
    kind = draft.kind_of(dataset)
    return kind.tables.full(name) if kind else name
