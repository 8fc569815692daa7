"""Stores: one file per kind, looked up by the word that the data map uses."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from expunge.core.datamap import Dataset, StoreSpec
from expunge.errors import Misconfigured
from expunge.ports.store import Store

Kind = Callable[[StoreSpec, tuple[Dataset, ...]], Store]

REGISTRY: dict[str, str | Kind] = {
    "files": "expunge.stores.files:Files",
    "sqlite": "expunge.stores.sqlite:Sqlite",
}
"""Kind, as written in the data map -> class, or ``module:Class`` to be imported at first use."""


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
