"""Stores: kinds of store, looked up by the word that the data map uses, and the stores of one map."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from expunge.core.datamap.datamap import DataMap, Dataset, StoreSpec
from expunge.errors import Misconfigured
from expunge.ports.index import LocateIndex
from expunge.ports.optional.known_places import FollowedPlaces, KnownPlaces
from expunge.ports.optional.table_survey import TableSurvey
from expunge.ports.store import Store
from expunge.ports.store_kind import StoreKind
from expunge.ports.vault.sealed_library import SealedLibrary
from expunge.stores import installed

Kind = Callable[[StoreSpec, tuple[Dataset, ...]], Store]

_OWN = {
    "files": ("expunge.stores.files.store:Files", "expunge.stores.files.kind:KIND"),
    "sqlite": ("expunge.stores.sqlite.store:Sqlite", "expunge.stores.sqlite.kind:KIND"),
    "postgres": ("expunge.stores.postgres.store:Postgres", "expunge.stores.postgres.kind:KIND"),
    "s3": ("expunge.stores.s3.store:S3", "expunge.stores.s3.kind:KIND"),
    "parquet": ("expunge.stores.parquet.store:Parquet", "expunge.stores.parquet.kind:KIND"),
    "faiss": ("expunge.stores.faiss.store:Faiss", "expunge.stores.faiss.kind:KIND"),
    "lancedb": ("expunge.stores.lancedb.store:LanceDb", "expunge.stores.lancedb.kind:KIND"),
    "mlflow": ("expunge.stores.mlflow.store:Mlflow", "expunge.stores.mlflow.kind:KIND"),
    "backup": ("expunge.stores.backup.store:Backup", "expunge.stores.backup.kind:KIND"),
    "vault": ("expunge.stores.vault.places:vault_at", "expunge.stores.vault.kind:KIND"),
}
"""Our own kinds, as written in the data map -> the class, imported at first use, and its declaration, which needs no client library."""

_SURVEYS = {
    "sqlite": "expunge.stores.survey.sqlite_tables:survey_sqlite",
    "postgres": "expunge.stores.survey.postgres_tables:survey_postgres",
    "lancedb": "expunge.stores.survey.lance_tables:survey_lance",
}
"""Kind -> what opens a store of it that no map declares yet."""

SURVEYED = frozenset(_SURVEYS)
"""The kinds whose tables can be looked at before a map declares them."""

REGISTRY: dict[str, str | Kind] = {kind: store for kind, (store, _) in _OWN.items()}
"""Kind -> class, or ``module:Class`` to be imported at first use. Kinds of installed packages stand beside it."""

ENTRY_POINTS = "expunge.stores"
"""The group of entry points by which other packages add kinds: the name is the kind, the value the class."""


class Kinds(Mapping[str, StoreKind]):
    """Every kind that a map may name, with its declaration; a declaration is read when it is asked for.

    The declaration of a class that was registered by a program or an installed package is its attribute ``KIND``; a class without one
    takes any layout, url and option, and checks them itself.
    """

    def __init__(self) -> None:
        """Raises Misconfigured when an installed package offers a kind that exists already."""
        self._offered = _offered()
        for kind, entry in self._offered.items():
            if kind in REGISTRY:
                message = f"the installed package {installed.package(entry)} offers a kind of store {kind!r}, which exists already"
                raise Misconfigured(message, help=f"uninstall {installed.package(entry)}, or have its entry point renamed")

    def __getitem__(self, kind: str) -> StoreKind:
        """Return the declaration. Raises KeyError for an unknown kind, Misconfigured for one that cannot be imported."""
        if kind in _OWN:
            return cast("StoreKind", _imported(_OWN[kind][1]))
        declared = getattr(self.store_class(kind), "KIND", StoreKind())
        if not isinstance(declared, StoreKind) and kind in self._offered:
            raise installed.faulty(kind, self._offered[kind], "declares itself with something that is no StoreKind")
        return cast("StoreKind", declared)

    def store_class(self, kind: str) -> Kind:
        """Return the class of a kind. Raises KeyError for an unknown kind, Misconfigured for a class that cannot be imported."""
        if kind not in REGISTRY:
            return cast("Kind", installed.load(kind, self._offered[kind]))
        entry = REGISTRY[kind]
        if not isinstance(entry, str):
            return entry
        try:
            return cast("Kind", _imported(entry))
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing == __name__.partition(".")[0]:
                raise
            raise installed.missing(kind, missing, f"expunge[{kind}]" if kind in _OWN else missing) from error

    def built(self, store_class: Kind, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Store:
        """Build a store of the class that :meth:`store_class` returned. Raises Misconfigured for a class that is no store."""
        entry = self._offered.get(spec.kind)
        return store_class(spec, datasets) if entry is None else installed.build(store_class, entry, spec, datasets)

    def __contains__(self, kind: object) -> bool:
        """Whether a map may name the kind; nothing is imported for it."""
        return kind in REGISTRY or kind in self._offered

    def __iter__(self) -> Iterator[str]:
        """Iterate over our own kinds, those that were registered, and those of installed packages."""
        yield from REGISTRY
        yield from self._offered

    def __len__(self) -> int:
        """Count the kinds."""
        return len(REGISTRY) + len(self._offered)


def own_kinds() -> dict[str, StoreKind]:
    """Return the declarations of our own kinds, for the published schema and the documentation."""
    return {kind: cast("StoreKind", _imported(declaration)) for kind, (_, declaration) in _OWN.items()}


def open_survey(kind: str, where: Path | str, store: str) -> AbstractContextManager[TableSurvey]:
    """Open a store of tables that no map declares yet.

    Raises Misconfigured where the client of its kind is not installed, StoreUnavailable where it cannot be read.
    """
    try:
        opened = _imported(_SURVEYS[kind])
    except ModuleNotFoundError as error:
        raise installed.missing(kind, (error.name or "").partition(".")[0], f"expunge[{kind}]") from error
    return cast("AbstractContextManager[TableSurvey]", opened(where, store))


def lake_columns(path: Path) -> Mapping[str, frozenset[str]]:
    """Return the columns of a Parquet file that no map declares yet, with some values of each.

    Raises Misconfigured where the client is not installed, StoreUnavailable where the file cannot be read.
    """
    try:
        read = _imported("expunge.stores.survey.lake_columns:columns")
    except ModuleNotFoundError as error:
        raise installed.missing("parquet", (error.name or "").partition(".")[0], "expunge[parquet]") from error
    return cast("Mapping[str, frozenset[str]]", read(path))


@cache
def _offered() -> Mapping[str, EntryPoint]:
    """Return kind -> entry point of an installed package. Raises Misconfigured when two packages offer the same kind."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=ENTRY_POINTS):
        other = found.setdefault(entry.name, entry)
        if other.value != entry.value:
            packages = f"{installed.package(other)} and {installed.package(entry)}"
            message = f"the installed packages {packages} both offer a kind of store {entry.name!r}"
            raise Misconfigured(message, help="uninstall one of them")
    return found


def _imported(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


@runtime_checkable
class Indexed(Protocol):
    """A store that finds subjects faster with an index, and works without one as well."""

    index: LocateIndex | None
    index_key: bytes


@runtime_checkable
class Sealed(Protocol):
    """A store whose recordings lie sealed: whoever has the keys hands it what opens them."""

    library: SealedLibrary | None


OpenLibrary = Callable[[StoreSpec], SealedLibrary]
"""Opens the sealed library of a store."""


class OpenStores:
    """Opens each store of a map once, at first use; :meth:`close` lets go of all."""

    def __init__(
        self,
        data_map: DataMap,
        index: LocateIndex | None = None,
        index_key: bytes = b"",
        libraries: OpenLibrary | None = None,
        places: KnownPlaces | None = None,
    ) -> None:
        """Open nothing yet.

        Args:
            data_map: the map.
            index: for the kinds that use one (those with an attribute ``index``).
            index_key: 32 bytes, its key.
            libraries: opens what lies sealed, where the keys are; for the kinds with an attribute ``library``.
            places: remembers where data lay; for the kinds with folders.
        """
        self.data_map = data_map
        self._index = index
        self._index_key = index_key
        self._libraries = libraries
        self._places = places
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
                if isinstance(store, Sealed) and self._libraries is not None:
                    store.library = self._libraries(self.data_map.stores[name])
                if isinstance(store, FollowedPlaces) and self._places is not None:
                    store.follow(self._places)
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
        Misconfigured: when that kind is not registered, its client is not installed, or the declaration is not one of that kind.
    """
    kinds = Kinds()
    if spec.kind not in kinds:
        message = f"store {spec.name}: there is no kind {spec.kind!r}"
        raise Misconfigured(message, help=f"one of: {', '.join(sorted(kinds))}")
    try:
        store_class, kind = kinds.store_class(spec.kind), kinds[spec.kind]
    except Misconfigured as error:
        message = f"store {spec.name}: {error.message}"
        raise Misconfigured(message, help=error.help) from error
    _check(spec, datasets, kind)
    return kinds.built(store_class, spec, datasets)


def _check(spec: StoreSpec, datasets: tuple[Dataset, ...], kind: StoreKind) -> None:
    """Raise Misconfigured for options that the kind does not have, lacks or cannot use, and for datasets of a kind that holds none."""
    if unknown := kind.unknown(spec.options):
        message = f"store {spec.name}: kind {spec.kind} has no option {', '.join(unknown)}"
        has = ", ".join(f"`{name}`" for name in kind.options or ())
        raise Misconfigured(message, help=f"it has {has}" if has else "it has no options")
    for name, write in kind.missing(spec.options):
        message = f"store {spec.name}: kind {spec.kind} needs the option `{name}`"
        raise Misconfigured(message, help=write)
    for name, what, write in kind.senseless(spec.options):
        message = f"store {spec.name}: `{name}` {what}"
        raise Misconfigured(message, help=write)
    if datasets and kind.layouts == ():
        message = f"store {spec.name}: a store of kind {spec.kind} holds no datasets of its own"
        raise Misconfigured(message, help=kind.no_datasets)
