"""One database file: opening it, the meaning of its errors, and the files that belong to it."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from expunge import descriptors
from expunge.core.values.copy import RawSource
from expunge.core.values.outcome import RETRYABLE, Reason, Unable
from expunge.errors import CouldNotLook, StoreUnavailable
from expunge.stores.sqlite.catalogue import TEXT_OF_BYTES, text_of_bytes

_BY_CODE = {
    sqlite3.SQLITE_BUSY: (Reason.LOCKED, "another process is writing to the database; it is tried again"),
    sqlite3.SQLITE_LOCKED: (Reason.LOCKED, "another process is writing to the database; it is tried again"),
    sqlite3.SQLITE_CORRUPT: (Reason.CORRUPT, "the database is damaged; restore it or run `.recover` of the sqlite3 shell"),
    sqlite3.SQLITE_NOTADB: (Reason.ENCRYPTED, "the file is no SQLite database or is encrypted; decrypt it or correct `url:`"),
    sqlite3.SQLITE_FULL: (Reason.DISK_FULL, "there is no room left beside the database"),
    sqlite3.SQLITE_READONLY: (Reason.PERMISSION, "the database or its folder cannot be written"),
    sqlite3.SQLITE_PERM: (Reason.PERMISSION, "the database or its folder cannot be written"),
    sqlite3.SQLITE_AUTH: (Reason.PERMISSION, "the database refuses this access"),
    sqlite3.SQLITE_SCHEMA: (Reason.SCHEMA_CHANGED, "the schema changed meanwhile; plan again"),
    sqlite3.SQLITE_IOERR: (Reason.ERROR, "input/output error on the database's files"),
    sqlite3.SQLITE_NOMEM: (Reason.ERROR, "out of memory"),
    sqlite3.SQLITE_TOOBIG: (Reason.UNSUPPORTED, "a value is larger than this SQLite can handle"),
}
_BY_TEXT = (
    ("no such table", Reason.SCHEMA_CHANGED, "a table, or one that a trigger or view names, does not exist"),
    ("no such column", Reason.SCHEMA_CHANGED, "a column, or one that a trigger or view names, does not exist"),
    ("no such function", Reason.UNSUPPORTED, "the schema calls a function that only the application defines"),
    ("no such collation", Reason.UNSUPPORTED, "the schema uses a collation that only the application defines"),
    ("no such module", Reason.UNSUPPORTED, "the schema uses a virtual table that this SQLite does not have"),
    ("no such tokenizer", Reason.UNSUPPORTED, "the full-text index uses a tokenizer that only the application defines"),
    ("tokenizer", Reason.UNSUPPORTED, "the full-text index uses a tokenizer that only the application defines"),
    ("contentless", Reason.UNSUPPORTED, "a contentless full-text index cannot give up single rows; make it with contentless_delete=1"),
    ("may not be modified", Reason.UNSUPPORTED, "this table cannot be written"),
    ("malformed", Reason.CORRUPT, "the schema is damaged; restore the database"),
)
_BY_ERRNO = {
    errno.ENOSPC: (Reason.DISK_FULL, "there is no room left beside the database"),
    errno.EDQUOT: (Reason.DISK_FULL, "the disk quota beside the database is used up"),
    errno.EACCES: (Reason.PERMISSION, "the database or its folder cannot be written"),
    errno.EPERM: (Reason.PERMISSION, "the database or its folder cannot be written"),
    errno.EROFS: (Reason.PERMISSION, "the database lies on a read-only file system"),
}


_BESIDE = re.compile(r"-(wal|shm|journal)$")
_LOG = re.compile(r"\.log(\.\d+)?$")
_GLANCE = 1 << 16
_NO_LOG = re.compile(rb"\0|INSERT INTO|CREATE TABLE", re.IGNORECASE)


def _tables(path: Path) -> frozenset[str]:
    """The names of a database's tables, read without touching anything beside it; none when it is no database."""
    try:
        with closing(sqlite3.connect(f"file:{quote(os.fsencode(path))}?mode=ro&immutable=1", uri=True)) as connection:
            rows = connection.execute("SELECT lower(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'").fetchall()
    except sqlite3.Error:
        return frozenset()
    return frozenset(row[0] for row in rows)


def _as_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


class DatabaseFile:
    """A main or attached database of one store."""

    def __init__(self, store: str, alias: str, path: Path, busy_ms: int) -> None:
        self.store = store
        self.alias = alias
        # SQLite keeps logs and journals beside the file that a link leads to.
        self.path = path.resolve()
        self.busy_ms = busy_ms
        self._stem = re.compile(rf"(?<![^\W_]){re.escape(self.path.stem)}(?![^\W_])")
        """The name without its ending, as a word of a file name (``app-2026.db``, ``old_app.sql.gz``)."""

    @property
    def where(self) -> str:
        """Name for messages: the store and, where there are several files, the alias; no path."""
        return f"store {self.store}" if self.alias == "main" else f"store {self.store} ({self.alias})"

    def connect(self) -> sqlite3.Connection:
        """Open the file for reading and writing, never creating it; temporary tables and sorts stay in memory.

        Opening recovers what a crash left: a hot rollback journal is rolled back, a write-ahead log is replayed.

        Raises:
            sqlite3.Error, FileNotFoundError: translate them with :meth:`unable` or :meth:`looking`.
        """
        if not self.path.exists():
            raise FileNotFoundError(errno.ENOENT, "no such database")
        uri = f"file:{quote(os.fsencode(self.path))}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=self.busy_ms / 1000, check_same_thread=False)
        try:
            connection.text_factory = _as_text
            connection.create_function(TEXT_OF_BYTES, 1, text_of_bytes, deterministic=True)
            for setting in ("temp_store=MEMORY", "automatic_index=OFF", "cell_size_check=ON", "synchronous=EXTRA", "secure_delete=ON"):
                connection.execute(f"PRAGMA {setting}").fetchall()
            connection.execute("SELECT count(*) FROM main.sqlite_schema").fetchone()
        except BaseException:
            connection.close()
            raise
        return connection

    def unable(self, error: sqlite3.Error | OSError) -> Unable:
        """Return the meaning of an error, in words that hold nothing of its message (which may quote values).

        A programming error (the module's own, without a code of SQLite) is raised again.
        """
        reason, detail = self._meaning(error)
        return Unable(reason, f"{self.where}: {detail}")

    def _meaning(self, error: sqlite3.Error | OSError) -> tuple[Reason, str]:
        if isinstance(error, OSError):
            if not isinstance(error, FileNotFoundError):
                return _BY_ERRNO.get(error.errno or 0, (Reason.ERROR, "input/output error on the database's files"))
            return Reason.UNREACHABLE, "the database file does not exist; correct `url:` or restore it"
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            raise error
        primary = code & 0xFF
        if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
            return Reason.REFERENCED, "other rows refer to what should go, through a deferred reference; declare and erase those first"
        if primary == sqlite3.SQLITE_CANTOPEN:
            return self._cannot_open()
        for text, reason, detail in _BY_TEXT if primary == sqlite3.SQLITE_ERROR else ():
            if text in str(error):
                return reason, detail
        return _BY_CODE.get(primary, (Reason.ERROR, f"SQLite error {code}"))

    def _cannot_open(self) -> tuple[Reason, str]:
        if self.path.exists() and not (os.access(self.path, os.R_OK | os.W_OK) and os.access(self.path.parent, os.W_OK | os.X_OK)):
            return Reason.PERMISSION, "the database or its folder cannot be written"
        return Reason.UNREACHABLE, "the database file cannot be opened"

    @contextmanager
    def looking(self, what: str) -> Iterator[None]:
        """Translate errors while reading into those that the port names; ``what`` is a name of the map.

        Raises:
            StoreUnavailable: for what passes (locked, not there, no rights).
            CouldNotLook: for what does not (damaged, encrypted, schema).
        """
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            unable = self.unable(error)
            kind = StoreUnavailable if unable.reason in RETRYABLE else CouldNotLook
            message = f"{what}: {unable.detail}"
            raise kind(message, help="see `expunge check`") from error

    def writable(self) -> bool:
        """Return whether this process may write the file, its companion files, and new files in its folder."""
        beside = [self.path, *(source.path for source in self.sources() if source.role in {"journal", "index"})]
        folder = self.path.parent
        return all(os.access(each, os.R_OK | os.W_OK) for each in beside) and os.access(folder, os.W_OK | os.X_OK)

    def read_only(self) -> Unable:
        """The answer where :meth:`writable` is false."""
        return Unable(Reason.PERMISSION, f"{self.where}: the database or its folder cannot be written")

    def sources(self) -> Iterator[RawSource]:
        """Yield the file, every file in its folder whose name starts with the file's name, and other files that seem to be copies of it."""
        if self.path.exists():
            yield RawSource(self.path, "data")
        if not self.path.parent.is_dir():
            return
        for other in sorted(self.path.parent.iterdir()):
            if other == self.path:
                continue
            if other.name.startswith(self.path.name) or self._is_a_copy(other):
                yield RawSource(other, self._role(other))

    def _is_a_copy(self, other: Path) -> bool:
        """Whether a file has our name as a word of its own, and is no other database."""
        return bool(self._stem.search(other.name)) and other.is_file() and not self._is_another_database(other)

    def _is_another_database(self, other: Path) -> bool:
        """Whether a file named like ours (``app-jobs.db`` beside ``app.db``) is a database without any table of ours, or its log."""
        whole = other.with_name(_BESIDE.sub("", other.name))
        theirs = _tables(whole)
        if not theirs:
            return False
        ours = _tables(self.path)
        return bool(ours) and theirs.isdisjoint(ours)

    def _role(self, other: Path) -> str:
        ending = other.name.removeprefix(self.path.name) if other.name.startswith(self.path.name) else ""
        if ending in {"-wal", "-journal"} or ending.startswith("-mj"):
            return "journal"
        if ending == "-shm":
            return "index"
        return "log" if _LOG.search(other.name) and _is_log(other) else "old version"

    def state(self) -> tuple[int, ...]:
        """Return a state that changes with every write: times, sizes, the change counter of the header, log and journal."""
        status = self.path.stat()
        with descriptors.reading(self.path) as file:
            counter = int.from_bytes(os.pread(file, 28, 0)[24:], "big")
        lying = (source.path for source in self.sources() if source.role == "journal")
        return (status.st_ino, status.st_size, status.st_mtime_ns, counter, *(each.stat().st_size for each in lying))

    def beside(self, ending: str) -> Path:
        """The path of the file's ``-wal``, ``-journal`` or ``-shm``."""
        return self.path.with_name(self.path.name + ending)


def _is_log(path: Path) -> bool:
    """Return whether a file is lines of an application, as far as its beginning and its end show: no pages, and no dump."""
    try:
        with path.open("rb") as file:
            head = file.read(_GLANCE)
            file.seek(max(len(head), path.stat().st_size - _GLANCE))
            return not _NO_LOG.search(head + file.read(_GLANCE))
    except OSError:
        return False
