"""Kinds of store that installed packages offer: whatever their code raises becomes a fault that names the package."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any, cast

from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.errors import ExpungeError, Misconfigured
from expunge.ports.store import Store

_MEMBERS = frozenset(name for name in vars(Store) if not name.startswith("_"))


def load(kind: str, entry: EntryPoint) -> Callable[..., Any]:
    """Return the class that an entry point names. Raises Misconfigured where it cannot be imported or is no class."""
    try:
        found = entry.load()
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        raise missing(kind, name, name) from error
    except (Exception, SystemExit) as error:
        # Of what a foreign module raises only the type: its text may hold anything.
        raised = "" if isinstance(error, ImportError | AttributeError) else f": it raises {type(error).__name__}"
        raise faulty(kind, entry, f"cannot be imported from {entry.value}{raised}") from error
    if not callable(found):
        raise faulty(kind, entry, f"is no class: {entry.value}")
    return cast("Callable[..., Any]", found)


def build(store_class: Callable[..., Store], entry: EntryPoint, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Store:
    """Build a store of such a class. Raises Misconfigured where that raises, or what is built lacks a member of a store."""
    try:
        store = store_class(spec, datasets)
    except ExpungeError:
        raise
    except Exception as error:
        raise faulty(spec.kind, entry, f"cannot be built: {entry.value} raises {type(error).__name__}", spec.name) from error
    # Looked at, not asked for: to ask for capabilities opens the store.
    lacking = sorted(name for name in _MEMBERS if inspect.getattr_static(store, name, None) is None)
    if lacking and not hasattr(type(store), "__getattr__"):
        raise faulty(spec.kind, entry, f"lacks what a store has: {', '.join(lacking)}", spec.name)
    return store


def missing(kind: str, name: str, install: str) -> Misconfigured:
    """Return the fault of a kind whose package is not installed."""
    message = f"the kind {kind} needs the package {name}, which is not installed"
    return Misconfigured(message, help=f"install {install}")


def faulty(kind: str, entry: EntryPoint, what: str, store: str = "") -> Misconfigured:
    """Return the fault of a kind whose package is not in order."""
    message = f"{f'store {store}: ' if store else ''}the kind {kind} of the installed package {package(entry)} {what}"
    return Misconfigured(message, help=f"reinstall {package(entry)}, or have its maintainer correct it")


def package(entry: EntryPoint) -> str:
    """Return the name of the package that has an entry point."""
    return entry.dist.name if entry.dist is not None else entry.module
