"""The rules with teeth about places: stores are disjoint, each dataset has one layout, and no two share their items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import combinations
from pathlib import PurePath

from expunge.adapters.datamap import words
from expunge.adapters.datamap.draft import Draft
from expunge.adapters.datamap.places import SQLITE
from expunge.core.datamap import Dataset, StoreSpec
from expunge.core.template import overlap


def check_stores(draft: Draft) -> None:
    """No place is declared twice, and Expunge's own state lies in none."""
    for one, other in combinations(draft.stores.values(), 2):
        for path in _places(one):
            for twin in _places(other):
                nested = one.kind != "sqlite" and other.kind != "sqlite" and (_within(path, twin) or _within(twin, path))
                if path == twin or nested:
                    text = f"stores.{other.name} and stores.{one.name} hold the same place"
                    draft.faults.add(
                        "same-store-twice", draft.line("stores", other.name, "url"), text, "one store, with a dataset for each part"
                    )
    for store in draft.stores.values():
        for path in _places(store):
            if _within(draft.state, path):
                text = f"state lies inside stores.{store.name}: Expunge would find its own files there"
                draft.faults.add("state-in-store", draft.line("state"), text, "state: a folder outside every store")


def _places(store: StoreSpec) -> Iterator[str]:
    """The local folders and files of a store, as absolute paths."""
    if (store.kind in words.FOLDERS or (store.kind == "parquet" and "://" not in store.url)) and store.url:
        yield store.url
    if store.kind == "sqlite" and store.url:
        yield store.url.removeprefix(SQLITE)
        attached = store.options.get("attach")
        yield from attached.values() if isinstance(attached, Mapping) else ()
    if store.kind == "mlflow" and store.url:
        artifacts = store.options.get("artifacts", "")
        yield store.url.removeprefix(SQLITE)
        yield from map(str, artifacts.values() if isinstance(artifacts, Mapping) else filter(None, [artifacts]))


def _within(inner: str, outer: str) -> bool:
    return PurePath(inner).is_relative_to(outer)


def check_layouts(draft: Draft) -> None:
    """Each dataset lies in a declared store, in one way, which is a way of that kind."""
    for name, dataset in draft.datasets.items():
        what = f"datasets.{name}"
        store = draft.stores.get(dataset.store)
        draft.known("unknown-store", dataset.store, draft.stores, draft.line("datasets", name, "store"), what)
        stated = [key for key in words.LAYOUTS if draft.has("datasets", name, key)]
        wanted = words.LAYOUT.get(store.kind, "") if store else ""
        if len(stated) != 1:
            text = f"{what} says {' and '.join(stated) or 'nowhere'} where its data lies"
            draft.faults.add("missing-layout", dataset.line, text, f"{wanted}: ..." if wanted else f"one of {', '.join(words.LAYOUTS)}")
        elif wanted and store and stated[0] not in (wanted, *words.ALSO.get(store.kind, ())):
            text = f"{what}: a {store.kind} store has no {stated[0]}"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, stated[0]), text, f"{wanted}: ...")
        _check_schema(draft, dataset, store)
        if dataset.format and "path" not in stated:
            text = f"{what}: format is for files with records"
            draft.faults.add("layout-not-for-kind", draft.line("datasets", name, "format"), text, "the dataset without format")
    for entry in draft.ignore:
        draft.known("unknown-store", entry.store, draft.stores, entry.line, "ignore")


def _check_schema(draft: Draft, dataset: Dataset, store: StoreSpec | None) -> None:
    schema, dot, _ = dataset.table.partition(".")
    attached = store.options.get("attach", {}) if store and store.kind == "sqlite" else None
    if dot and isinstance(attached, Mapping) and schema.lower() not in {"main", *(alias.lower() for alias in attached)}:
        text = f"datasets.{dataset.name}: no database is attached as {schema!r}"
        line = draft.line("datasets", dataset.name, "table")
        draft.faults.add("unknown-schema", line, text, f"attach: {{{schema}: ./{schema}.db}} under stores.{dataset.store}")


def check_overlaps(draft: Draft) -> None:
    """Nothing is in two datasets, or in a dataset and ignored."""
    for one, other in combinations(draft.datasets.values(), 2):
        shared = _common(draft, one, other) if one.store == other.store else ""
        if shared:
            text = f"datasets.{other.name} and datasets.{one.name} both hold {shared}"
            draft.faults.add("overlapping-datasets", other.line, text, "paths or tables that nothing fits twice, or one dataset")
    for entry in draft.ignore:
        for dataset in draft.datasets.values():
            if dataset.store == entry.store and dataset.table and entry.pattern and fnmatchcase(dataset.table, entry.pattern):
                text = f"ignore {entry.pattern!r} also names the table of datasets.{dataset.name}"
                draft.faults.add("ignored-and-declared", entry.line, text, "a pattern that leaves declared tables out")


def _common(draft: Draft, one: Dataset, other: Dataset) -> str:
    if one.table and _table_name(draft, one) == _table_name(draft, other):
        return f"the table {one.table}"
    if one.model and one.model == other.model:
        return f"the model {one.model}"
    if one.experiment and one.experiment == other.experiment:
        return f"the experiment {one.experiment}"
    for path in one.paths:
        for twin in other.paths:
            if overlap(path, twin):
                return f"files that fit {path} and {twin}"
    return ""


def _table_name(draft: Draft, dataset: Dataset) -> str:
    """The table without the schema that is meant when none is written."""
    kind = draft.stores[dataset.store].kind if dataset.store in draft.stores else ""
    default = {"sqlite": "main.", "postgres": "public."}.get(kind, "")
    name = dataset.table.lower() if kind == "sqlite" else dataset.table
    return name.removeprefix(default) if default else name
