"""The vaults of an installation, over one key table for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from expunge.adapters.keys.local_keystore import LocalKeys
from expunge.adapters.roots.shred_file import ShredFile
from expunge.bootstrap.vault.roots import open_root
from expunge.bootstrap.vault.vault_names import KIND
from expunge.core.datamap.datamap import DataMap, StoreSpec
from expunge.core.values.periods import parse_span
from expunge.engine.kernel import spelt_names
from expunge.errors import KeystoreLocked, StateRolledBack
from expunge.ports.keys import InstallationKeys
from expunge.ports.vault.key_epochs import LIFETIME
from expunge.ports.vault.shelf import Shelf
from expunge.ports.vault.shred_register import Head, KnownHeads
from expunge.stores.vault.places import bucket_shelf, is_in_a_bucket
from expunge.vault.folder_shelf import FolderShelf
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.keys.known_shreds import KnownShreds
from expunge.vault.library import KeysBeside, Library, SubjectIds

TABLE = "vault/table/keys.db"
LOCK = "vault/ingest.lock"
COMING = "vault/coming"
"""Marks of recordings that come into a bucket, by store."""
SHREDS = "shreds.jsonl"
"""Beside the folder of the key table, so that a backup of one does not bring the other back."""


class Vaults:
    """Opens the key table once, at first use, and makes the library of each vault over it."""

    def __init__(
        self, data_map: DataMap, keys: InstallationKeys, passphrase: str | None, now: Callable[[], datetime], heads: KnownHeads
    ) -> None:
        """Open nothing yet.

        Args:
            data_map: the map.
            keys: of the installation.
            passphrase: the keystore's, which protects the root of the vault as well.
            now: the clock, in aware UTC.
            heads: of the register of key deaths, in the journal.
        """
        self.map = data_map
        self._state = Path(data_map.state).resolve()
        self.keys = keys
        self._passphrase = passphrase
        self._now = now
        self._heads = heads
        self._opened: KeyTable | None = None
        self._shelves: dict[str, Shelf] = {}
        self._guard = threading.Lock()

    def table(self) -> KeyTable:
        """Return the key table. Raises as :meth:`KeyTable.open`."""
        with self._guard:
            if self._opened is None:
                if not isinstance(self.keys, LocalKeys):
                    # Why not without it: a root that is made here would have no protection.
                    message = "the keeper has the keys of the vault, and lets recordings be read and sent in: this takes the passphrase"
                    raise KeystoreLocked(message, help="give the passphrase to this command: EXPUNGE_PASSPHRASE")
                root = open_root(self._state, self.map.vault_root, self._passphrase)
                shreds = KnownShreds(self._shreds(), self._heads)
                self._opened = KeyTable.open(self._state / TABLE, root, shreds, now=self._now)
            return self._opened

    def older_head(self) -> Head | None:
        """Return the head of the register of key deaths as it lies here, if that is older than the known heads say; else None."""
        register = self._shreds()
        try:
            KnownShreds(register, self._heads)
        except StateRolledBack:
            return register.head()
        return None

    def _shreds(self) -> ShredFile:
        return ShredFile(self._state / SHREDS)

    def library(self, spec: StoreSpec) -> Library:
        """Return the library of a store of kind ``vault``."""
        rules = sha256("\n".join(f"{kind} {self.map.spelling(kind)!r}" for kind in sorted(self.map.kinds)).encode()).digest()
        ids = SubjectIds(self.keys.vault_key(), lambda kind, value: spelt_names.stands_for(self.map, kind, value), rules)
        datasets = [each.name for each in self.map.datasets_of(spec.name)]
        beside = KeysBeside(self._state / LOCK, self._state / SHREDS, self.until, self.lifetime)
        return Library(self._shelf(spec), datasets, self.table, ids, beside=beside)

    def _shelf(self, spec: StoreSpec) -> Shelf:
        """Return the shelf of a vault; of one in a bucket always the same, with its connections."""
        if not is_in_a_bucket(spec):
            return FolderShelf(Path(spec.url).resolve())
        with self._guard:
            if spec.name not in self._shelves:
                self._shelves[spec.name] = bucket_shelf(spec, self._state / COMING / spec.name)
            return self._shelves[spec.name]

    @property
    def lifetime(self) -> timedelta:
        """The longest life of an epoch: the shortest that a vault of the map says."""
        said = (each.options.get("epochs") for each in self.map.stores.values() if each.kind == KIND)
        return min((parse_span(str(each)) for each in said if each is not None), default=LIFETIME)

    def until(self) -> str:
        """Return, as a sentence for receipts, until when copies of the key table could still open shredded recordings."""
        return (
            "copies of the key table that were made before a key was destroyed, together with the root of then: they open what it sealed "
            "until the epochs that were alive at that time are destroyed"
        )

    def close(self) -> None:
        """Close the key table, and connections to buckets. Safe to call twice."""
        with self._guard:
            opened, self._opened = self._opened, None
            shelves, self._shelves = self._shelves, {}
        for shelf in shelves.values():
            shelf.close()
        if opened is not None:
            opened.close()
