"""The key table: epoch -> subject -> recording. A recording whose key is no longer in it is dark.

A key dies twice. It is *inaccessible* when :meth:`KeyTable.shred` returns: its rows are gone, and no way leads to it. It is *irrecoverable*
when every epoch that a kept copy of the table may need is destroyed (:meth:`KeyTable.irrecoverable_at`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from expunge import clock
from expunge.errors import Conflict, IllegalTransition, KeyDestroyed, KeyUnknown, UsageError
from expunge.ports.vault.key_epochs import EpochEnd, KeyDeath, KeyEpoch
from expunge.ports.vault.root_keys import RootKeys
from expunge.ports.vault.shred_register import Deed, Entry, ShredRegister
from expunge.vault.keys import deaths, standing
from expunge.vault.keys.epochs import Epochs
from expunge.vault.keys.objects import NewObject, StoredObject, bound, check, check_ids, in_parts, micros, owners_of, time_of
from expunge.vault.keys.rotation import Rewrapping, RotationSummary
from expunge.vault.keys.table_file import TableFile
from expunge.vault.keys.wrapping import Holder, epoch_of, new_key, unwrap_slot, unwrap_under, wrap_slot, wrap_under

_PAGE = 1000
_MIXED = b"-"
"""Stands for a digest where recordings came in by several rules of spelling."""
Row = tuple[Any, ...]
_COLUMNS = "o.number, o.id, d.name, o.at, o.clear, o.owners, o.wrapped, o.label, o.slot, s.wrapped"
_FROM = "objects o JOIN datasets d ON d.number = o.dataset JOIN slots s ON s.slot = o.slot"


class KeyTable:
    """Keys of subjects and recordings, wrapped. Safe between threads and processes; made by :meth:`open`."""

    def __init__(self, file: TableFile, roots: RootKeys, shreds: ShredRegister, now: Callable[[], datetime]) -> None:
        self._file = file
        self._shreds = shreds
        self._epochs = Epochs(roots, shreds)
        self._now = now
        self.replayed = 0
        """How many shreds the table lacked when it was opened. If any, it came from a backup, or a shredding process died."""

    @classmethod
    def open(cls, path: Path, roots: RootKeys, shreds: ShredRegister, *, now: Callable[[], datetime] = clock.now) -> Self:
        """Open the table, or make it. Missing shreds, after a crash or from a backup, are replayed before anything opens.

        Args:
            path: the file; its folder is made with mode 0700 where it is missing.
            roots: keeps the epochs' keys.
            shreds: the register of key deaths. It belongs outside the table's folder and its backups.
            now: the clock, in aware UTC.

        Raises:
            StateRolledBack: the register is older than the table.
            Misconfigured: others can read the table.
            StateUnavailable, StateCorrupt, Busy: of the files.
            KeystoreLocked: the root wants a passphrase.
        """
        file = TableFile(path)
        table = cls(file, roots, shreds, now)
        try:
            with table._file.writing() as database:
                deaths.check_register(database, shreds)
                table.replayed = deaths.catch_up(database, shreds, table._epochs)
                table._epochs.settle(database, now())
        except BaseException:
            file.close()
            raise
        return table

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._file.close()

    def files(self) -> Iterator[Path]:
        """Yield the files of the table that are there: itself, its journal, the journal's index."""
        return self._file.files()

    # ---- living keys -------------------------------------------------------------------------------------------

    def add(self, objects: Sequence[NewObject]) -> tuple[bytes, ...]:
        """Make a random key for each recording, durably, all or none. Return the keys, 32 bytes each.

        A subject that comes back after its key was shredded gets a new key.

        Raises:
            Conflict: a recording has a key already.
            KeyDestroyed: a recording of that id was shredded.
            UsageError: an id, a label or a time cannot be kept.
            RootUnavailable, KeystoreLocked: no key can be wrapped now.
        """
        for each in objects:
            check(each)
        with self._changing() as database:
            self._refuse_used(database, [each.id for each in objects])
            if not deaths.fact(database, "current"):
                self._epochs.begin(database, self._now())
            return _Adding(database, self._epochs, len(objects)).add(objects)

    def is_spelt_by(self, rules: bytes, *, adding: bool = False) -> bool:
        """Return whether the subjects' ids of all recordings were made by these rules of spelling.

        Args:
            rules: the digest of today's rules.
            adding: whether a recording is about to be added by these rules. A table without recordings adopts the rules. One with
                recordings by other rules is mixed from then on, until it has no recordings.
        """
        with self._looking() as database:
            if _rules(database) == rules:
                return True
        if not adding:
            return False
        with self._changing() as database:
            is_empty = not database.execute("SELECT 1 FROM objects LIMIT 1").fetchone()
            agrees = is_empty or _rules(database) == rules
            database.execute("INSERT OR REPLACE INTO facts VALUES ('rules', ?)", (rules if agrees else _MIXED,))
            return agrees

    def key(self, object_id: bytes) -> bytes:
        """Return a recording's key, 32 bytes.

        Raises:
            KeyDestroyed: it was shredded, or its epoch destroyed.
            KeyUnknown: it never had one.
            RootUnavailable, KeystoreLocked: its epoch cannot be opened now.
        """
        with self._looking() as database:
            row = database.execute(f"SELECT {_COLUMNS} FROM {_FROM} WHERE o.id = ?", (object_id,)).fetchone()  # noqa: S608
            if row is None:
                self._refuse_missing(database, object_id)
        stored, holder_key = self._held(row)
        return unwrap_under(holder_key, bound(stored), row[6])

    def objects(self, dataset: str, owners: Collection[bytes] | None = None) -> Iterator[StoredObject]:
        """Yield the living recordings of a dataset, those of some subjects or all, in the order in which they were added.

        No transaction is held between two of them: recordings that are added or shredded meanwhile may be seen or not.
        """
        wanted = None if owners is None else tuple(owners)
        check_ids(wanted or ())
        after: int | None = 0
        while after is not None:
            rows, after = self._page(dataset, wanted, after)
            yield from filter(None, map(self._living, rows))

    def page(self, dataset: str, after: int) -> tuple[list[StoredObject], int | None]:
        """Return some living recordings of a dataset from a place on, and the place of the next; None where no more follow."""
        rows, following = self._page(dataset, None, after)
        return list(filter(None, map(self._living, rows))), following

    def _page(self, dataset: str, owners: tuple[bytes, ...] | None, after: int) -> tuple[list[Row], int | None]:
        with self._looking() as database:
            rows = _page(database, dataset, owners, after)
        return rows, rows[-1][0] if len(rows) == _PAGE else None

    def named(self, dataset: str, names: Collection[bytes]) -> list[StoredObject] | None:
        """Return the living recordings of a dataset under some keyed names; None where a recording of the table has no such name."""
        check_ids(names)
        rows: list[Row] = []
        with self._looking() as database:
            if database.execute("SELECT 1 FROM objects WHERE name IS NULL LIMIT 1").fetchone():
                return None
            for part in in_parts(list(names)):
                marks = ",".join("?" * len(part))
                query = f"SELECT {_COLUMNS} FROM {_FROM} WHERE o.name IN ({marks}) AND d.name = ?"  # noqa: S608
                rows += database.execute(query, (*part, dataset)).fetchall()
        return list(filter(None, map(self._living, rows)))

    def wrapped(self, owners: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield (subject id, its wrapped key as it lies in the file) of subjects with a key. A search for remains looks for it."""
        yield from self._slots("subjects", owners)

    def slots_of(self, objects: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield (recording's id, the wrapped key that its own hangs below, as it lies in the file) of living recordings."""
        yield from self._slots("objects", objects)

    def _slots(self, table: str, ids: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
        for part in in_parts(list(ids)):
            with self._looking() as database:
                marks = ",".join("?" * len(part))
                query = f"SELECT t.id, s.wrapped FROM {table} t JOIN slots s ON s.slot = t.slot WHERE t.id IN ({marks})"  # noqa: S608
                rows = database.execute(query, part).fetchall()
            yield from ((id_, slot[2:]) for id_, slot in rows)

    def epochs_of(self, objects: Collection[bytes]) -> Iterator[tuple[bytes, int]]:
        """Yield (recording's id, the epoch that its key hangs below) of living recordings. No key is opened."""
        for part in in_parts(list(objects)):
            with self._looking() as database:
                marks = ",".join("?" * len(part))
                query = f"SELECT o.id, substr(s.wrapped, 1, 2) FROM objects o JOIN slots s ON s.slot = o.slot WHERE o.id IN ({marks})"  # noqa: S608
                rows = database.execute(query, part).fetchall()
            yield from ((id_, epoch_of(prefix)) for id_, prefix in rows)

    def below(self, slots: Collection[int]) -> Iterator[tuple[int, StoredObject]]:
        """Yield (slot, recording) for each living recording whose key hangs below one of the slots, given by their numbers in the file."""
        for part in in_parts(list(slots)):
            with self._looking() as database:
                marks = ",".join("?" * len(part))
                rows = database.execute(f"SELECT {_COLUMNS} FROM {_FROM} WHERE o.slot IN ({marks})", part).fetchall()  # noqa: S608
            for row in rows:
                if (stored := self._living(row)) is not None:
                    yield row[8], stored

    # ---- deaths ------------------------------------------------------------------------------------------------

    def shred(self, objects: Collection[bytes]) -> int:
        """Make recordings inaccessible, durably; return how many were living. Success too for ids that were shredded, or never were.

        Where the subject keeps other recordings, its key is made anew, so that no living key opens any copy of the dead row.

        Raises:
            RootUnavailable, KeystoreLocked: a subject's key cannot be made anew now; nothing was shredded.
            StateUnavailable, Busy: the register or the table cannot be written. The next call of any method shreds what the register took.
        """
        check_ids(objects)
        with self._changing() as database:
            alive = list(deaths.living(database, "objects", objects))
            named = sorted({*alive, *deaths.unburied(database, objects)})
            if named:
                self._epochs.enter(database, Entry(Deed.SHRED, self._now(), objects=tuple(named)))
            return len(alive)

    def shred_subjects(self, subjects: Collection[bytes]) -> int:
        """Make subjects inaccessible, durably, with every recording of theirs alone; return how many of the subjects had a key.

        Recordings of several people are shredded by :meth:`shred`, when the caller decides so. It works while the root is away.

        Raises:
            StateUnavailable, Busy: as :meth:`shred`.
        """
        check_ids(subjects)
        with self._changing() as database:
            alive = list(deaths.living(database, "subjects", subjects))
            named = sorted({*alive, *deaths.unburied(database, subjects)})
            if named:
                # Their recordings are named too: a table that is put back may be older than these, and may be asked for them.
                theirs = tuple(deaths.recordings_of(database, named))
                self._epochs.enter(database, Entry(Deed.SHRED, self._now(), tuple(named), theirs))
            return len(alive)

    def scrub(self) -> bool:
        """Move the overwritten pages from the journal into the file, and empty the journal. Return False where a reader is in the way.

        After True, none of :meth:`files` holds a wrapped key of the dead.
        """
        return self._file.empty_journal()

    def shredded_at(self, what: bytes | int) -> datetime | None:
        """Return when a recording, a subject or a shred became inaccessible; None while it lives, or where the table does not know it."""
        found = self._shred_of(what)
        return found and time_of(found[0])

    def irrecoverable_at(self, what: bytes | int) -> datetime | None:
        """Return since when no kept copy of the table can open a recording or subject, given by id, or all of a shred, given by number.

        That is when the last of all epochs made up to the shred was destroyed. None while one of them lives.
        """
        found = self._shred_of(what)
        if found is None:
            return None
        with self._looking() as database:
            query = "SELECT count(*), max(at) FROM destroyed WHERE epoch <= ?"
            count, last = database.execute(query, (found[1],)).fetchone()
        return time_of(max(last or 0, found[0])) if count == found[1] else None

    def last_death(self, until: datetime) -> KeyDeath | None:
        """Return the last death up to a time, None without any. Earlier ones are irrecoverable no later. Raises RootUnavailable."""
        with self._looking() as database:
            return standing.last_death(database, until, self._epochs.living())

    def waiting(self) -> tuple[KeyDeath, ...]:
        """Return the deaths that are not yet irrecoverable, oldest first, by the epochs that they wait for. Raises RootUnavailable."""
        with self._looking() as database:
            return tuple(standing.waiting(database, self._epochs.living()))

    # ---- epochs ------------------------------------------------------------------------------------------------

    @property
    def root_copyable(self) -> bool:
        """Whether a copy of the root, made before an epoch was destroyed, still opens it."""
        return self._epochs.copyable

    def epochs(self) -> tuple[KeyEpoch, ...]:
        """Return the living epochs, oldest first, and how many living keys are under each. Raises RootUnavailable."""
        with self._looking() as database:
            return standing.epochs(database, self._epochs.living())

    def rotate(self, at: datetime) -> RotationSummary:
        """Make a new epoch, and wrap every living key under it. The next call finishes an interrupted one, and makes no other epoch.

        Raises:
            RootUnavailable, KeystoreLocked, StateUnavailable, Busy: keys wrapped so far stay so.
        """
        with self._changing() as database:
            current = deaths.fact(database, "current")
            resumed = bool(current) and bool(deaths.epochs_in_use(database) - {current})
            if not resumed:
                self._epochs.begin(database, at)
            epoch = deaths.fact(database, "current")
        work, count = Rewrapping(self._epochs), 0
        while True:
            with self._changing() as database:
                done = work.step(database)
            if done is None:
                return RotationSummary(epoch, count, resumed)
            count += done

    def destroyable(self) -> tuple[int, ...]:
        """Return the living epochs under which no living key is wrapped, oldest first. Raises RootUnavailable."""
        with self._looking() as database:
            used, newest = deaths.epochs_in_use(database) | {deaths.fact(database, "current")}, deaths.fact(database, "newest")
        return tuple(epoch for epoch in sorted(set(self._epochs.living()) - used) if epoch <= newest)

    def end_of(self, epoch: int) -> EpochEnd:
        """Return what the destruction of a living epoch would destroy. Raises as :meth:`destroy_epoch`."""
        with self._looking() as database:
            _refuse_living(database, epoch)
            made = self._epochs.living().get(epoch)
            if made is None:
                message = f"epoch {epoch} is destroyed already"
                raise UsageError(message, help="`expunge vault status` lists the living ones")
            query = "SELECT coalesce(sum(newest = ?), 0), coalesce(max(number), 0) FROM shreds WHERE newest <= ?"
            shreds, last = database.execute(query, (epoch, epoch)).fetchone()
        return EpochEnd(epoch, made, shreds, self._shreds.digest(last))

    def destroy_epoch(self, epoch: int, at: datetime | None = None) -> None:
        """Destroy an epoch's key for good, as of ``at`` or now. Every older copy of the table loses the keys that it held under the epoch.

        The caller decides who may ask for it, and how many have to agree. Destroying twice is success.

        Raises:
            IllegalTransition: a living key is still under it, or it is the current one; rotate first.
            RootUnavailable: nothing was destroyed.
        """
        with self._changing() as database:
            _refuse_living(database, epoch)
            if not database.execute("SELECT 1 FROM destroyed WHERE epoch = ?", (epoch,)).fetchone():
                self._epochs.destroy(database, epoch, at or self._now())

    # ---- inside ------------------------------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Open a write transaction in which all of the register is applied. No other process can enter anything until it ends."""
        self._file.check_same()
        with self._file.writing() as database:
            deaths.catch_up(database, self._shreds, self._epochs)
            yield database

    @contextmanager
    def _looking(self) -> Iterator[sqlite3.Connection]:
        """Open a read transaction in which all of the register is applied. The work of a shredding process that died is finished first."""
        self._file.check_same()
        head = self._shreds.head()
        while True:
            with self._file.reading() as database:
                if deaths.applied(database).number >= head.number:
                    self._epochs.follow(database, head.number)
                    yield database
                    return
            with self._changing():
                pass

    def _living(self, row: Row) -> StoredObject | None:
        """Return a recording with its label; None in a table that was put back, where the recording is below a destroyed epoch."""
        try:
            stored, holder_key = self._held(row)
        except KeyDestroyed:
            return None
        label = unwrap_under(holder_key, b"l" + bound(stored), row[7])
        return StoredObject(stored.id, stored.owners, stored.dataset, label, stored.at, stored.clear_before)

    def _held(self, row: Row) -> tuple[StoredObject, bytes]:
        """Return a row's recording, without its label, and the key that it hangs below."""
        _, id_, dataset, at, clear, owners, _, _, _, slot = row
        stored = StoredObject(id_, owners_of(owners), dataset, b"", time_of(at), bool(clear))
        shared = len(stored.owners) > 1
        holder = Holder(id_ if shared else owners, shared)
        return stored, unwrap_slot(self._epochs.key(epoch_of(slot)), holder, slot)

    def _shred_of(self, what: bytes | int) -> tuple[int, int] | None:
        """Return the time of a shred, and the newest epoch of that time."""
        with self._looking() as database:
            if isinstance(what, bytes):
                if any(True for table in ("subjects", "objects") for _ in deaths.living(database, table, [what])):
                    return None
                query = "SELECT s.at, s.newest FROM graves g JOIN shreds s ON s.number = g.shred WHERE g.id = ?"
            else:
                query = "SELECT at, newest FROM shreds WHERE number = ?"
            found: tuple[int, int] | None = database.execute(query, (what,)).fetchone()
        return found

    def _refuse_missing(self, database: sqlite3.Connection, object_id: bytes) -> None:
        if database.execute("SELECT 1 FROM graves WHERE id = ?", (object_id,)).fetchone():
            raise KeyDestroyed(
                "the key of this recording was destroyed", help="what it sealed cannot be read any more; that was the purpose"
            )
        raise KeyUnknown("this recording has no key here", help="it was never added, or its row was lost with a table that was put back")

    def _refuse_used(self, database: sqlite3.Connection, ids: Sequence[bytes]) -> None:
        if any(True for _ in deaths.living(database, "objects", ids)) or len(set(ids)) < len(ids):
            raise Conflict("a recording of that id has a key already", help="read its key, or give the recording another id")
        if len(deaths.unburied(database, ids)) < len(ids):
            raise KeyDestroyed("a recording of that id was shredded", help="an id is used once; give the recording another")


def _rules(database: sqlite3.Connection) -> bytes | None:
    """Return the rules of spelling by which the ids of all subjects were made; None where nothing was added, or no rules were given."""
    found = database.execute("SELECT value FROM facts WHERE name = 'rules'").fetchone()
    return found and bytes(found[0])


def _refuse_living(database: sqlite3.Connection, epoch: int) -> None:
    """Refuse an epoch with a living key under it, and one that never was."""
    if epoch == deaths.fact(database, "current") or epoch in deaths.epochs_in_use(database):
        message = f"living keys are wrapped under epoch {epoch}"
        raise IllegalTransition(message, help="rotate first; then nothing living is under it")
    if not 0 < epoch <= deaths.fact(database, "newest"):
        message = f"there is no epoch {epoch}"
        raise UsageError(message, help="`expunge vault status` tells which epochs can be destroyed")


class _Adding:
    """The new rows of one transaction."""

    def __init__(self, database: sqlite3.Connection, epochs: Epochs, most: int) -> None:
        self._database = database
        self._epochs = epochs
        self._epoch = deaths.fact(database, "current")
        self._kek = epochs.key(self._epoch)
        self._subjects: dict[bytes, tuple[int, bytes]] = {}
        self._datasets: dict[str, int] = {}
        self._freed = [slot for (slot,) in database.execute("SELECT slot FROM free ORDER BY slot LIMIT ?", (most,))]
        (self._last,) = database.execute("SELECT coalesce(max(slot), 0) FROM slots").fetchone()

    def add(self, objects: Sequence[NewObject]) -> tuple[bytes, ...]:
        """Write the rows of some recordings; return their keys."""
        (number,) = self._database.execute("SELECT coalesce(max(number), 0) FROM objects").fetchone()
        keys, rows, owned = [], [], []
        for number, new in enumerate(objects, number + 1):  # noqa: B020
            slot, holder_key = self._slot(Holder(new.id, is_recording=True)) if len(new.owners) > 1 else self._subject(new.owners[0])
            key, tie = new.key or new_key(), bound(new)
            keys.append(key)
            label = wrap_under(holder_key, b"l" + tie, new.label)
            rows.append(
                (number, new.id, self._dataset(new.dataset), micros(new.at), new.clear_before, slot, b"".join(new.owners),
                 wrap_under(holder_key, tie, key), label, new.name or None)
            )  # fmt: skip
            owned += [(owner, number) for owner in new.owners]
        self._database.executemany("INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        self._database.executemany("INSERT INTO owned VALUES (?, ?)", sorted(owned))
        return tuple(keys)

    def _subject(self, id_: bytes) -> tuple[int, bytes]:
        held = self._subjects.get(id_)
        if held is None:
            query = "SELECT b.slot, s.wrapped FROM subjects b JOIN slots s ON s.slot = b.slot WHERE b.id = ?"
            row = self._database.execute(query, (id_,)).fetchone()
            if row:
                held = row[0], unwrap_slot(self._epochs.key(epoch_of(row[1])), Holder(id_), row[1])
            else:
                held = self._slot(Holder(id_))
                self._database.execute("INSERT INTO subjects VALUES (?, ?)", (id_, held[0]))
            self._subjects[id_] = held
        return held

    def _slot(self, holder: Holder) -> tuple[int, bytes]:
        """Put a new key into a slot: a freed one, which is overwritten where it lies, or the next one at the end."""
        key = new_key()
        wrapped = wrap_slot(self._epoch, self._kek, holder, key)
        if self._freed:
            slot = self._freed.pop()
            self._database.execute("DELETE FROM free WHERE slot = ?", (slot,))
            self._database.execute("UPDATE slots SET wrapped = ? WHERE slot = ?", (wrapped, slot))
        else:
            self._last = slot = self._last + 1
            self._database.execute("INSERT INTO slots VALUES (?, ?)", (slot, wrapped))
        return slot, key

    def _dataset(self, name: str) -> int:
        if name not in self._datasets:
            self._database.execute("INSERT OR IGNORE INTO datasets (name) VALUES (?)", (name,))
            (self._datasets[name],) = self._database.execute("SELECT number FROM datasets WHERE name = ?", (name,)).fetchone()
        return self._datasets[name]


def _page(database: sqlite3.Connection, dataset: str, owners: tuple[bytes, ...] | None, last: int) -> list[Row]:
    """Return the next rows after a number."""
    if owners is None:
        query = f"SELECT {_COLUMNS} FROM {_FROM} WHERE d.name = ? AND o.number > ? ORDER BY o.number LIMIT {_PAGE}"  # noqa: S608
        return database.execute(query, (dataset, last)).fetchall()
    database.execute("DELETE FROM ids")
    database.executemany("INSERT OR IGNORE INTO ids VALUES (?)", ((each,) for each in owners))
    of_them = "o.number IN (SELECT w.object FROM ids JOIN owned w ON w.subject = ids.id WHERE w.object > ?)"
    query = f"SELECT {_COLUMNS} FROM {_FROM} WHERE d.name = ? AND {of_them} ORDER BY o.number LIMIT {_PAGE}"  # noqa: S608
    return database.execute(query, (dataset, last)).fetchall()
