"""A vault in a folder, as its owner's programs use it: keys, key table and library, without an installation."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from expunge import clock
from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.shred_file import ShredFile
from expunge.core.datamap.datamap import Dataset, StoreSpec
from expunge.errors import StoreUnavailable
from expunge.faults import arm, record
from expunge.ports.vault.shelf import Shelf
from expunge.stores.vault.store import Vault
from expunge.vault.folder_shelf import FolderShelf
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.library import KeysBeside, Library, SubjectIds

KEY = bytes(range(32))


class OwnLibrary(Library):
    """A library with a key table of its own, which it closes."""

    def __init__(self, folder: Path, datasets: Sequence[str], shelf: Shelf | None = None) -> None:
        self._mine: KeyTable | None = None
        self._keys = folder / "keys"
        ids = SubjectIds(KEY, lambda _, value: value)
        beside = KeysBeside(folder / "keys" / "lock", folder / "keys" / "shreds", lambda: "copies of keys")
        super().__init__(shelf or FolderShelf(folder / "vault"), datasets, self._opened, ids, beside=beside)

    def _opened(self) -> KeyTable:
        if self._mine is None:
            root = LocalRoot(self._keys / "root")
            self._mine = KeyTable.open(self._keys / "table" / "keys.db", root, ShredFile(self._keys / "shreds"))
        return self._mine

    def close(self) -> None:
        if self._mine is not None:
            self._mine.close()
            self._mine = None


def opened(spec: StoreSpec, datasets: tuple[Dataset, ...]) -> Vault:
    """Open a store of kind ``vault``, whose keys lie beside it."""
    return with_keys(Vault(spec, datasets), OwnLibrary(Path(spec.url).parent, [each.name for each in datasets]))


def with_keys(store: Vault, library: OwnLibrary) -> Vault:
    """Hand a store its library."""
    store.library = library
    # An installation has its key table open before an order begins: faults are for the order.
    with record(), arm("nothing", "fail"), suppress(StoreUnavailable):
        library.table  # noqa: B018
    return store


def now() -> datetime:
    return clock.now()
