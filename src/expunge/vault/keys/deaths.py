"""Entries of the register, applied to the table in sequence: by the process that enters them, or by a later one that misses them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from expunge.errors import StateRolledBack
from expunge.ports.vault.shred_register import Deed, Entry, Head, ShredRegister
from expunge.vault.keys.objects import NewObject, bound, micros, owners_of, time_of
from expunge.vault.keys.wrapping import EMPTY, Holder, epoch_of, new_key, unwrap_slot, unwrap_under, wrap_slot, wrap_under

_NAMED = "ids CROSS JOIN objects o ON o.id = ids.id"
_THEIRS = "ids CROSS JOIN owned w ON w.subject = ids.id CROSS JOIN objects o ON o.number = w.object"
_ALONE = "length(o.owners) = 16"
"""Condition for recordings of one subject alone, which hang below the subject's key."""


class EpochKeys(Protocol):
    """The epochs, as far as applying entries needs them."""

    def key(self, epoch: int) -> AESGCMSIV:
        """Return an epoch's key."""
        ...

    def forget(self, epoch: int) -> None:
        """Let go of an epoch's key."""
        ...

    def openable(self, epoch: int) -> bool:
        """Return whether an epoch's key can be opened."""
        ...


def fact(database: sqlite3.Connection, name: str) -> int:
    """Return a number from the table's facts about itself."""
    number: int = database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()[0]
    return number


def set_fact(database: sqlite3.Connection, name: str, value: int | bytes) -> None:
    """Write a fact of the table about itself."""
    database.execute("UPDATE facts SET value = ? WHERE name = ?", (value, name))


def applied(database: sqlite3.Connection) -> Head:
    """Return the last entry of the register that the table has applied."""
    found = dict(database.execute("SELECT name, value FROM facts WHERE name IN ('applied', 'digest')"))
    return Head(found["applied"], found["digest"])


def check_register(database: sqlite3.Connection, shreds: ShredRegister) -> None:
    """Raise StateRolledBack where the table has applied entries that the register does not hold."""
    ours, head = applied(database), shreds.head()
    if head.number < ours.number or shreds.digest(ours.number) != ours.digest:
        raise StateRolledBack(
            "the register of shreds is older than the key table, or belongs to another",
            help="put the newest copy of the register back; it alone says which keys must stay dead, so nothing is opened without it",
        )


def catch_up(database: sqlite3.Connection, shreds: ShredRegister, keys: EpochKeys) -> int:
    """Apply the entries that the table lacks; return how many shreds these were. Call it inside a write transaction."""
    ours, head = applied(database), shreds.head()
    if ours == head:
        return 0
    check_register(database, shreds)
    replayed = 0
    for at, entry in shreds.after(ours.number):
        apply(database, at.number, entry, keys)
        set_applied(database, at)
        replayed += entry.deed is Deed.SHRED
    return replayed


def apply(database: sqlite3.Connection, number: int, entry: Entry, keys: EpochKeys) -> None:
    """Apply one entry, given its number."""
    if entry.deed is Deed.EPOCH_MADE:
        set_fact(database, "newest", max(entry.epoch, fact(database, "newest")))
    elif entry.deed is Deed.EPOCH_DESTROYED:
        database.execute("INSERT OR IGNORE INTO destroyed VALUES (?, ?)", (entry.epoch, micros(entry.at)))
        keys.forget(entry.epoch)
    else:
        newest = fact(database, "newest")
        database.execute("INSERT INTO shreds VALUES (?, ?, ?)", (number, micros(entry.at), newest))
        _kill_subjects(database, number, entry.subjects)
        _kill_objects(database, number, entry.objects, keys)


def set_applied(database: sqlite3.Connection, head: Head) -> None:
    """Note the last entry of the register that the table has applied."""
    set_fact(database, "applied", head.number)
    set_fact(database, "digest", head.digest)


def epochs_in_use(database: sqlite3.Connection) -> set[int]:
    """Return the living epochs that a key is wrapped under. In a table that was put back, keys under a destroyed epoch are dead."""
    used = {epoch_of(prefix) for (prefix,) in database.execute("SELECT DISTINCT substr(wrapped, 1, 2) FROM slots")}
    return used - {0} - {epoch for (epoch,) in database.execute("SELECT epoch FROM destroyed")}


def recordings_of(database: sqlite3.Connection, subjects: Iterable[bytes]) -> list[bytes]:
    """Return the living recordings that belong to one of the subjects alone."""
    _ids(database, subjects)
    return [each for (each,) in database.execute(f"SELECT o.id FROM {_THEIRS} WHERE {_ALONE} ORDER BY o.id")]  # noqa: S608


def _kill_subjects(database: sqlite3.Connection, number: int, subjects: tuple[bytes, ...]) -> None:
    _ids(database, subjects)
    dying = "SELECT s.slot FROM ids CROSS JOIN subjects s ON s.id = ids.id"
    database.execute("DELETE FROM dying")
    database.execute(f"INSERT INTO dying SELECT o.number FROM {_THEIRS} WHERE {_ALONE}")  # noqa: S608
    _bury(database, number)
    _free(database, dying)
    database.execute("DELETE FROM subjects WHERE id IN (SELECT id FROM ids)")


def _kill_objects(database: sqlite3.Connection, number: int, objects: tuple[bytes, ...], keys: EpochKeys) -> None:
    """Kill the rows and the keys of recordings.

    A recording's row hangs below its subject's key, which lives on and would open a kept copy of the row. So the subject gets a new key.
    """
    _ids(database, objects)
    alone = database.execute(f"SELECT DISTINCT o.slot, o.owners FROM {_NAMED} WHERE {_ALONE}").fetchall()  # noqa: S608
    shared = f"SELECT o.slot FROM {_NAMED} WHERE NOT {_ALONE}"  # noqa: S608
    _free(database, shared)
    database.execute("DELETE FROM dying")
    database.execute(f"INSERT INTO dying SELECT o.number FROM {_NAMED}")  # noqa: S608
    _bury(database, number)
    current = fact(database, "current")
    for slot, subject in alone:
        _renew(database, slot, subject, current, keys)


def _renew(database: sqlite3.Connection, slot: int, subject: bytes, current: int, keys: EpochKeys) -> None:
    """Give a subject a new key, and wrap the remaining recordings under it. Without any, the subject's key dies."""
    rows = database.execute(
        "SELECT o.number, o.id, d.name, o.at, o.clear, o.owners, o.wrapped, o.label FROM owned w JOIN objects o ON o.number = w.object"
        " JOIN datasets d ON d.number = o.dataset WHERE w.subject = ? AND o.slot = ?",
        (subject, slot),
    ).fetchall()
    (held,) = database.execute("SELECT wrapped FROM slots WHERE slot = ?", (slot,)).fetchone()
    if not rows:
        _ids(database, [subject])
        _free(database, "SELECT s.slot FROM ids CROSS JOIN subjects s ON s.id = ids.id")
        database.execute("DELETE FROM subjects WHERE id = ?", (subject,))
        return
    if not keys.openable(epoch_of(held)):
        return  # an old table below a destroyed epoch: its keys are dead already
    holder = Holder(subject)
    # A table that was put back may have a current epoch that is destroyed by now.
    epoch = current if keys.openable(current) else epoch_of(held)
    old, new = unwrap_slot(keys.key(epoch_of(held)), holder, held), new_key()
    changed = []
    for number, id_, dataset, at, clear, owners, wrapped, label in rows:
        tie = bound(NewObject(id_, owners_of(owners), dataset, b"", time_of(at), bool(clear)))
        changed.append(
            (
                wrap_under(new, tie, unwrap_under(old, tie, wrapped)),
                wrap_under(new, b"l" + tie, unwrap_under(old, b"l" + tie, label)),
                number,
            )
        )
    database.executemany("UPDATE objects SET wrapped = ?, label = ? WHERE number = ?", changed)
    database.execute("UPDATE slots SET wrapped = ? WHERE slot = ?", (wrap_slot(epoch, keys.key(epoch), holder, new), slot))


def _free(database: sqlite3.Connection, slots: str) -> None:
    """Overwrite slots where they lie, and keep their numbers for later keys."""
    database.execute(f"INSERT OR IGNORE INTO free {slots}")
    database.execute(f"UPDATE slots SET wrapped = ? WHERE slot IN ({slots})", (EMPTY,))  # noqa: S608


def _bury(database: sqlite3.Connection, number: int) -> None:
    """Delete the rows of the dying, and note the shred for them and for the ids that were named."""
    database.execute("INSERT OR REPLACE INTO graves SELECT id, ? FROM ids", (number,))
    database.execute("INSERT OR REPLACE INTO graves SELECT o.id, ? FROM dying CROSS JOIN objects o ON o.number = dying.number", (number,))
    rows = database.execute("SELECT o.owners, o.number FROM dying CROSS JOIN objects o ON o.number = dying.number").fetchall()
    database.executemany(
        "DELETE FROM owned WHERE subject = ? AND object = ?", ((owner, object_) for owners, object_ in rows for owner in owners_of(owners))
    )
    database.execute("DELETE FROM objects WHERE number IN (SELECT number FROM dying)")


def _ids(database: sqlite3.Connection, ids: Iterable[bytes]) -> None:
    database.execute("DELETE FROM ids")
    database.executemany("INSERT OR IGNORE INTO ids VALUES (?)", ((each,) for each in ids))


def living(database: sqlite3.Connection, table: str, ids: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the ids that have a row in ``subjects`` or ``objects``."""
    _ids(database, ids)
    yield from [each for (each,) in database.execute(f"SELECT ids.id FROM ids CROSS JOIN {table} t ON t.id = ids.id")]  # noqa: S608


def unburied(database: sqlite3.Connection, ids: Iterable[bytes]) -> list[bytes]:
    """Return the ids that no shred has named."""
    _ids(database, ids)
    return [each for (each,) in database.execute("SELECT id FROM ids WHERE id NOT IN (SELECT id FROM graves)")]
