"""The vaults of an installation, over one key table for all of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from expunge.adapters.keys.local_keystore import LocalKeys
from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.shred_file import ShredFile
from expunge.bootstrap.vault.vault_names import KIND
from expunge.core.datamap.datamap import DataMap, StoreSpec
from expunge.core.values.periods import parse_span
from expunge.engine.kernel import spelt_names
from expunge.errors import KeystoreLocked
from expunge.ports.keys import InstallationKeys
from expunge.ports.vault.key_epochs import LIFETIME
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.library import KeysBeside, Library, SubjectIds

TABLE = "vault/table/keys.db"
ROOT = "vault/root"
LOCK = "vault/ingest.lock"
SHREDS = "shreds.jsonl"
"""Beside the folder of the key table, so that a backup of one does not bring the other back."""


class Vaults:
    """Opens the key table once, at first use, and makes the library of each vault over it."""

    def __init__(self, data_map: DataMap, keys: InstallationKeys, passphrase: str | None, now: Callable[[], datetime]) -> None:
        """Open nothing yet. ``passphrase`` is the keystore's, which protects the root of the vault as well."""
        self._map = data_map
        self._state = Path(data_map.state).resolve()
        self.keys = keys
        self._passphrase = passphrase
        self._now = now
        self._opened: KeyTable | None = None
        self._guard = threading.Lock()

    def table(self) -> KeyTable:
        """Return the key table. Raises as :meth:`KeyTable.open`."""
        with self._guard:
            if self._opened is None:
                if not isinstance(self.keys, LocalKeys):
                    # Why not without it: a root that is made here would have no protection.
                    message = "the keeper has the keys of the vault, and lets recordings be read and sent in: this takes the passphrase"
                    raise KeystoreLocked(message, help="give the passphrase to this command: EXPUNGE_PASSPHRASE")
                root = LocalRoot(self._state / ROOT, self._passphrase)
                self._opened = KeyTable.open(self._state / TABLE, root, ShredFile(self._state / SHREDS), now=self._now)
            return self._opened

    def library(self, spec: StoreSpec) -> Library:
        """Return the library of a store of kind ``vault``."""
        rules = sha256("\n".join(f"{kind} {self._map.spelling(kind)!r}" for kind in sorted(self._map.kinds)).encode()).digest()
        ids = SubjectIds(self.keys.vault_key(), lambda kind, value: spelt_names.stands_for(self._map, kind, value), rules)
        datasets = [each.name for each in self._map.datasets_of(spec.name)]
        beside = KeysBeside(self._state / LOCK, self._state / SHREDS, self.until, self.lifetime)
        return Library(Path(spec.url).resolve(), datasets, self.table, ids, beside=beside)

    @property
    def lifetime(self) -> timedelta:
        """The longest life of an epoch: the shortest that a vault of the map says."""
        said = (each.options.get("epochs") for each in self._map.stores.values() if each.kind == KIND)
        return min((parse_span(str(each)) for each in said if each is not None), default=LIFETIME)

    def until(self) -> str:
        """Return, as a sentence for receipts, until when copies of the key table could still open shredded recordings."""
        return (
            "copies of the key table that were made before a key was destroyed, together with the root of then: they open what it sealed "
            "until the epochs that were alive at that time are destroyed"
        )

    def close(self) -> None:
        """Close the key table. Safe to call twice."""
        with self._guard:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()
