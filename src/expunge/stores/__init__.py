"""Stores: one file per kind, looked up by the word that the data map uses."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from expunge.core.datamap import DataMap, Dataset, StoreSpec
from expunge.errors import Misconfigured
from expunge.ports.store import Store

Kind = Callable[[StoreSpec, tuple[Dataset, ...]], Store]

REGISTRY: dict[str, str | Kind] = {
    "files": "expunge.stores.files:Files",
    "sqlite": "expunge.stores.sqlite:Sqlite",
    "postgres": "expunge.stores.postgres:Postgres",
    "parquet": "expunge.stores.parquet:Parquet",
    "s3": "expunge.stores.s3:S3",
    "backup": "expunge.stores.backup:Backup",
}
"""Kind, as written in the data map -> class, or ``module:Class`` to be imported at first use."""


class OpenStores:
    """Opens each store of a map once, at first use; :meth:`close` lets go of all."""

    def __init__(self, data_map: DataMap) -> None:
        self.data_map = data_map
        self._opened: dict[str, Store] = {}

    def __call__(self, name: str) -> Store:
        """The store of that name. Raises Misconfigured, as :func:`open_store`."""
        if name not in self._opened:
            self._opened[name] = open_store(self.data_map.stores[name], self.data_map.datasets_of(name))
        return self._opened[name]

    def close(self) -> None:
        """Let go of every store; safe to call twice."""
        for each in self._opened.values():
            each.close()
        self._opened.clear()


def open_store(spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Store:
    """Build the store of a declaration; nothing is opened before its first use.

    Raises:
        Misconfigured: when nobody registered that kind, or the kind refuses the declaration.
    """
    entry = REGISTRY.get(spec.kind)
    if entry is None:
        message = f"store {spec.name}: there is no kind {spec.kind!r}"
        raise Misconfigured(message, help=f"one of: {', '.join(sorted(REGISTRY))}")
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
        entry = cast("Kind", getattr(importlib.import_module(module), name))
    return entry(spec, datasets)
