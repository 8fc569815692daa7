"""Stores: one file per kind, looked up by the word that the data map uses."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol, cast, runtime_checkable

from expunge.core.datamap import DataMap, Dataset, StoreSpec
from expunge.errors import Misconfigured
from expunge.ports.index import LocateIndex
from expunge.ports.store import Store

Kind = Callable[[StoreSpec, tuple[Dataset, ...]], Store]

REGISTRY: dict[str, str | Kind] = {
    "files": "expunge.stores.files:Files",
    "sqlite": "expunge.stores.sqlite:Sqlite",
    "postgres": "expunge.stores.postgres:Postgres",
    "parquet": "expunge.stores.parquet:Parquet",
    "s3": "expunge.stores.s3:S3",
    "backup": "expunge.stores.backup:Backup",
    "faiss": "expunge.stores.faiss:Faiss",
    "lancedb": "expunge.stores.lancedb:LanceDb",
    "mlflow": "expunge.stores.mlflow:Mlflow",
}
"""Kind, as written in the data map -> class, or ``module:Class`` to be imported at first use."""


@runtime_checkable
class Indexed(Protocol):
    """A store that finds people faster with an index, and without one as well."""

    index: LocateIndex | None
    index_key: bytes


class OpenStores:
    """Opens each store of a map once, at first use; :meth:`close` lets go of all."""

    def __init__(self, data_map: DataMap, index: LocateIndex | None = None, index_key: bytes = b"") -> None:
        """Args: the map; an index and its 32-byte key for the kinds that use one (those with an attribute ``index``)."""
        self.data_map = data_map
        self._index = index
        self._index_key = index_key
        self._opened: dict[str, Store] = {}
        self._guard = threading.Lock()

    def __call__(self, name: str) -> Store:
        """The store of that name. Raises Misconfigured, as :func:`open_store`."""
        # One thread at a time: the store that a second one opened beside would never be closed.
        with self._guard:
            if name not in self._opened:
                store = open_store(self.data_map.stores[name], self.data_map.datasets_of(name))
                if isinstance(store, Indexed):
                    store.index, store.index_key = self._index, self._index_key
                self._opened[name] = store
            return self._opened[name]

    def close(self) -> None:
        """Let go of every store; safe to call twice."""
        with self._guard, ExitStack() as stack:
            opened, self._opened = self._opened, {}
            for store in opened.values():
                stack.callback(store.close)


def open_store(spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Store:
    """Build the store of a declaration; nothing is opened before its first use.

    Raises:
        Misconfigured: when nobody registered that kind, its client is not installed, or the kind refuses the declaration.
    """
    entry = REGISTRY.get(spec.kind)
    if entry is None:
        message = f"store {spec.name}: there is no kind {spec.kind!r}"
        raise Misconfigured(message, help=f"one of: {', '.join(sorted(REGISTRY))}")
    if isinstance(entry, str):
        module, _, name = entry.partition(":")
        try:
            entry = cast("Kind", getattr(importlib.import_module(module), name))
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing == __name__.partition(".")[0]:
                raise
            message = f"store {spec.name}: the kind {spec.kind} needs the package {missing}, which is not installed"
            raise Misconfigured(message, help=f"install expunge[{spec.kind}]") from error
    return entry(spec, datasets)
