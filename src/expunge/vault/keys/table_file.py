"""The file of the key table: SQLite in WAL mode, where a commit is durable and deleted bytes are overwritten.

Slots lie in a table of their own: rows of one size that are only ever appended, or overwritten where they lie. When SQLite moves a
row inside a page, its old bytes stay behind in the gap. A slot never moves, so that its bytes are in one place.
"""

from __future__ import annotations

import os
import shlex
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expunge import descriptors, durable
from expunge.errors import Busy, Misconfigured, StateCorrupt, StateUnavailable
from expunge.faults import failpoint

FORMAT = 2
_WAIT_S = 30.0

_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE slots (slot INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);
CREATE TABLE free (slot INTEGER PRIMARY KEY);
CREATE TABLE subjects (id BLOB PRIMARY KEY, slot INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE datasets (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE objects (number INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, dataset INTEGER NOT NULL, at INTEGER NOT NULL,
    clear INTEGER NOT NULL, slot INTEGER NOT NULL, owners BLOB NOT NULL, wrapped BLOB NOT NULL, label BLOB NOT NULL, name BLOB);
CREATE INDEX names ON objects (name) WHERE name IS NOT NULL;
CREATE INDEX unnamed ON objects (number) WHERE name IS NULL;
CREATE INDEX recordings ON objects (slot) WHERE length(owners) > 16;
CREATE TABLE owned (subject BLOB NOT NULL, object INTEGER NOT NULL, PRIMARY KEY (subject, object)) WITHOUT ROWID;
CREATE TABLE graves (id BLOB PRIMARY KEY, shred INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE shreds (number INTEGER PRIMARY KEY, at INTEGER NOT NULL, newest INTEGER NOT NULL);
CREATE TABLE destroyed (epoch INTEGER PRIMARY KEY, at INTEGER NOT NULL);
"""
_FROM_1 = """
ALTER TABLE objects ADD COLUMN name BLOB;
CREATE INDEX names ON objects (name) WHERE name IS NOT NULL;
CREATE INDEX unnamed ON objects (number) WHERE name IS NULL;
UPDATE facts SET value = 2 WHERE name = 'format'
"""
"""From the format without names to this one. Recordings of then have no name in the table: their labels are opened."""
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = ON",
    "temp_store = MEMORY",
    "trusted_schema = OFF",
    # Ids are random: each batch touches pages everywhere, and 2 MB of cache, the usual size, hold none of them.
    "cache_size = -65536",
    "wal_autocheckpoint = 4000",
)
_TEMPORARY = """
CREATE TEMP TABLE ids (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TEMP TABLE dying (number INTEGER PRIMARY KEY);
"""
_FACTS = {"format": FORMAT, "applied": 0, "digest": bytes(32), "newest": 0, "current": 0}


class TableFile:
    """One connection to the file, lent to one thread at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with translated("the key table could not be opened"):
            _make_file(path)
            check_permissions(path)
            self._file = _identity(path)
            self._database = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except BaseException:
                self._database.close()
                raise

    def _prepare(self) -> None:
        # Temporary tables and before-images stay in memory: on disk they would be copies that nobody scrubs.
        for pragma in _PRAGMAS:
            self._database.execute(f"PRAGMA {pragma}")
        self._database.executescript(_TEMPORARY)
        with self.writing() as database:
            if not database.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                for statement in _SCHEMA.split(";"):
                    database.execute(statement)
                database.executemany("INSERT INTO facts VALUES (?, ?)", _FACTS.items())
            elif database.execute("SELECT value FROM facts WHERE name = 'format'").fetchone() == (1,):
                for statement in _FROM_1.split(";"):
                    database.execute(statement)
        with self.reading() as database:
            (found,) = database.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()
        if found != FORMAT:
            raise StateCorrupt("the key table has another format", help="it was written by another version of Expunge")

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for reads that all see the table of one moment. Raises StateUnavailable, StateCorrupt, Busy."""
        with self._lock, translated("the key table could not be read"):
            if self._database.in_transaction:
                yield self._database
                return
            self._database.execute("BEGIN")
            try:
                yield self._database
            finally:
                self._database.execute("ROLLBACK")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for a write transaction, one at a time among all processes. The block's end commits it, an error undoes it.

        Raises StateUnavailable, StateCorrupt, Busy.
        """
        with self._lock, translated("the key table could not be written"):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                failpoint("keytable.commit:before")
                # commit point: the change counts from here on, and is there whole after a power cut.
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            failpoint("keytable.commit:after")

    def empty_journal(self) -> bool:
        """Move the WAL into the file, and truncate it. Return False where a reader or a writer is in the way."""
        with self._lock, translated("the key table could not be scrubbed"):
            failpoint("keytable.scrub:before")
            busy, _, _ = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            failpoint("keytable.scrub:after")
        return not busy

    def check_same(self) -> None:
        """Raise StateUnavailable where the name now leads to another file: a table was put back under a running process."""
        with translated("the key table could not be read"):
            if _identity(self.path) != self._file:
                raise StateUnavailable(
                    "the key table was replaced by another file while it was open", help="start again; the file is looked at then"
                )

    def files(self) -> Iterator[Path]:
        """Yield the existing files: the table, its WAL and the WAL's index."""
        for suffix in ("", "-wal", "-shm"):
            path = self.path.with_name(self.path.name + suffix)
            if path.exists():
                yield path

    def close(self) -> None:
        """Close the connection. The last one to close moves the WAL into the file."""
        with self._lock:
            self._database.close()
        descriptors.close_idle()


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn errors of SQLite and of the disk into Expunge's. ``what`` begins the message, and says what failed."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(f"{what}: another process is writing it", help="wait until it has ended, then try again") from error  # noqa: EM102
        raise StateUnavailable(f"{what}: {error}", help=_DISK) from error  # noqa: EM102
    except sqlite3.DatabaseError as error:
        raise StateCorrupt(f"{what}: {error}", help="put the key table back from its backup; missing shreds are replayed") from error  # noqa: EM102
    except OSError as error:
        raise StateUnavailable(f"{what}: {error.strerror or 'input/output error'}", help=_DISK) from error  # noqa: EM102


_DISK = "check free space and permissions of the folder, then try again; nothing was done by half"


def check_permissions(path: Path) -> None:
    """Raise Misconfigured for a table that other users can read, with the command that mends it. Raises OSError."""
    for each, mode in ((path.parent, "700"), (path, "600")):
        status = each.lstat()
        if stat.S_ISLNK(status.st_mode) or status.st_mode & 0o077:
            raise Misconfigured(f"{each} can be read by other users, or is a link", help=f"chmod {mode} {shlex.quote(str(each))}")  # noqa: EM102


def _make_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        # SQLite gives its journal the mode of the table.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        durable.fsync_directory(path.parent, at="keytable.make.folder")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
