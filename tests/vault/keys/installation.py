"""A vault's keys in a folder: the table, a local root, the register; and a program that holds every copy of all of it."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.shred_file import ShredFile
from expunge.errors import KeyDestroyed, StateCorrupt
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.keys.objects import NewObject, bound, owners_of, time_of
from expunge.vault.keys.wrapping import Holder, epoch_of, unwrap_slot, unwrap_under

AT = datetime(2026, 1, 2, 3, 4, 5, 6, UTC)


def subject(number: int) -> bytes:
    return number.to_bytes(16, "big")


def recording(*owners: bytes, label: bytes = b"front door", dataset: str = "doorbell", at: datetime = AT) -> NewObject:
    return NewObject(secrets.token_bytes(16), owners, dataset, label, at, clear_before=False)


@dataclass
class Installation:
    folder: Path

    @property
    def table_folder(self) -> Path:
        return self.folder / "table"

    def roots(self) -> LocalRoot:
        return LocalRoot(self.folder / "roots")

    def shreds(self) -> ShredFile:
        return ShredFile(self.folder / "vault" / "shreds")

    def open(self) -> KeyTable:
        return KeyTable.open(self.table_folder / "keys.db", self.roots(), self.shreds())

    def keep(self, name: str) -> Path:
        """Copy the table with its journal, as a backup of the running machine would."""
        copy = self.folder / "kept" / name
        shutil.copytree(self.table_folder, copy)
        return copy

    def put_back(self, copy: Path) -> None:
        shutil.rmtree(self.table_folder)
        shutil.copytree(copy, self.table_folder)
        for path in (self.table_folder, *self.table_folder.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)

    def bytes_of_table(self) -> bytes:
        return b"".join(path.read_bytes() for path in sorted(self.table_folder.iterdir()))


@dataclass(frozen=True)
class Opened:
    """What a thief has of a recording."""

    id: bytes
    key: bytes


def thief(folders: Sequence[Path], roots: LocalRoot, scratch: Path) -> set[Opened]:
    """Open what can be opened with every copy of the table and every living epoch.

    Every key found anywhere is tried on every row of every copy: a row must not be dead in one copy and open by a key of another.
    """
    keks = {epoch: AESGCMSIV(roots.open(epoch)) for epoch in roots.epochs()}
    pool: set[bytes] = set()
    rows: list[tuple[NewObject, bytes]] = []
    for number, folder in enumerate(folders):
        for new, wrapped, slot in _rows(folder, scratch / str(number)):
            rows.append((new, wrapped))
            holder = Holder(new.id, True) if len(new.owners) > 1 else Holder(new.owners[0])
            if epoch_of(slot) in keks:
                pool.add(unwrap_slot(keks[epoch_of(slot)], holder, slot))
    found = set()
    for new, wrapped in rows:
        for key in pool:
            try:
                found.add(Opened(new.id, unwrap_under(key, bound(new), wrapped)))
            except StateCorrupt:
                continue
    return found


def _rows(folder: Path, scratch: Path) -> Iterator[tuple[NewObject, bytes, bytes]]:
    shutil.copytree(folder, scratch)
    database = sqlite3.connect(scratch / "keys.db")
    query = (
        "SELECT o.id, o.owners, d.name, o.at, o.clear, o.wrapped, s.wrapped FROM objects o"
        " JOIN datasets d ON d.number = o.dataset JOIN slots s ON s.slot = o.slot"
    )
    try:
        for id_, owners, dataset, at, clear, wrapped, slot in database.execute(query).fetchall():
            yield NewObject(id_, owners_of(owners), dataset, b"", time_of(at), bool(clear)), wrapped, slot
    finally:
        database.close()
        shutil.rmtree(scratch)


def is_dark(table: KeyTable, id_: bytes) -> bool:
    try:
        table.key(id_)
    except KeyDestroyed:
        return True
    return False
