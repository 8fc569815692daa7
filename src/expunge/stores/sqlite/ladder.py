"""The ladder that makes deletions physical. Each rung removes what the rung before it leaves. The sequence matters.

``docs/reference/stores/sqlite.md`` says what each rung removes. A test per rung shows what stays without it.
"""

# ruff: noqa: S608 - names come from the catalogue and are quoted; values are bound
from __future__ import annotations

import shutil
import sqlite3
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from expunge import permit
from expunge.core.values.outcome import Absent, Erased, Outcome, Reason, Unable
from expunge.faults import failpoint
from expunge.stores.sqlite.catalogue import SqliteSchema, literal, module_of, quoted
from expunge.stores.sqlite.database_file import DatabaseFile
from expunge.stores.sqlite.fulltext import merge_all, renumbered

_TEMPORARY_FOLDER = threading.Lock()
_MARGIN = 1 << 20


class SqliteRungBlocked(Exception):
    """A rung cannot be climbed now; carries the outcome."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.unable = Unable(reason, detail)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def full_text(file: DatabaseFile, connection: sqlite3.Connection) -> int:  # noqa: ARG001 - the form of a rung
    """Words of deleted rows and the marks that cancel them, in FTS3, FTS4 and FTS5."""
    schema = SqliteSchema(connection)
    if not schema.full_text:
        return 0
    failpoint("sqlite.purge.full_text:before")
    with _transaction(connection):
        merged = merge_all(connection, schema)
    failpoint("sqlite.purge.full_text:after")
    return merged


def r_tree(file: DatabaseFile, connection: sqlite3.Connection) -> int:  # noqa: ARG001 - the form of a rung
    """Coordinates of deleted entries behind the last live cell of a node."""
    trees = [name for name, sql in SqliteSchema(connection).sql.items() if module_of(sql)[0] in {"rtree", "rtree_i32"}]
    if not trees:
        return 0
    failpoint("sqlite.purge.r_tree:before")
    with _transaction(connection):
        for name in trees:
            _clear_slack(connection, name)
    failpoint("sqlite.purge.r_tree:after")
    return len(trees)


def _clear_slack(connection: sqlite3.Connection, name: str) -> None:
    """Zero what lies behind the live cells of each node: 4 bytes of header, cells of 8 bytes and 4 for each coordinate."""
    shadow = len(connection.execute(f"PRAGMA main.table_info({quoted(name + '_rowid')})").fetchall())
    columns = len(connection.execute(f"PRAGMA main.table_info({quoted(name)})").fetchall())
    cell = 8 + 4 * (columns - 1 - (shadow - 2))
    nodes = f"main.{quoted(name + '_node')}"
    for (number,) in connection.execute(f"SELECT nodeno FROM {nodes}").fetchall():
        data: bytes = connection.execute(f"SELECT data FROM {nodes} WHERE nodeno = ?", (number,)).fetchone()[0]
        used = 4 + struct.unpack(">H", data[2:4])[0] * cell
        clean = data[:used] + bytes(len(data) - used)
        if clean != data:
            connection.execute(f"UPDATE {nodes} SET data = ? WHERE nodeno = ?", (clean, number))


def statistics(file: DatabaseFile, connection: sqlite3.Connection) -> int:  # noqa: ARG001 - the form of a rung
    """Replace the sample values that ANALYZE keeps in ``sqlite_stat4`` and ``sqlite_stat3`` by samples of the present rows."""
    schema = SqliteSchema(connection)
    there = connection.execute("SELECT name FROM main.sqlite_schema WHERE name IN ('sqlite_stat3', 'sqlite_stat4')").fetchall()
    tables = {row[0] for (name,) in there for row in connection.execute(f"SELECT DISTINCT tbl FROM main.{quoted(name)}").fetchall()}
    if not tables:
        return 0
    failpoint("sqlite.purge.statistics:before")
    with _transaction(connection):
        for name in sorted(tables):
            if schema.table(name) is not None:
                connection.execute(f"ANALYZE main.{quoted(name)}")
            else:
                for (kept,) in there:
                    connection.execute(f"DELETE FROM main.{quoted(kept)} WHERE tbl = ?", (name,))
    failpoint("sqlite.purge.statistics:after")
    return len(tables)


def vacuum(file: DatabaseFile, connection: sqlite3.Connection) -> int:
    """Free pages, gaps inside pages, and the rollback journal with its old page images.

    The file is written anew from its live rows, in place, so that handles which others have open stay good. Page size,
    ``auto_vacuum`` and the journal mode stay. The rollback journal goes with the commit, a leftover one of mode PERSIST too.
    """
    need = room_needed(file)
    if shutil.disk_usage(file.path.parent).free < need:
        raise SqliteRungBlocked(Reason.DISK_FULL, f"{file.where}: rewriting the database needs {need >> 20} MiB free beside it")
    failpoint("sqlite.purge.vacuum:before")
    # crash here: the journal or the log brings the old file back at the next opening, and the rung is climbed again.
    with _temporaries_beside(file, connection):
        connection.execute("VACUUM main")
    with _transaction(connection):
        renumbered(connection, SqliteSchema(connection))
    failpoint("sqlite.purge.vacuum:after")
    return 1


def room_needed(file: DatabaseFile) -> int:
    """Bytes that rewriting the file needs beside it: a copy, and the journal or log."""
    return 2 * file.path.stat().st_size + _MARGIN


@contextmanager
def _temporaries_beside(file: DatabaseFile, connection: sqlite3.Connection) -> Iterator[None]:
    """Let the copy that VACUUM makes lie unnamed in the database's own folder: not in memory (it may be large), not on another disk."""
    with _TEMPORARY_FOLDER:
        folder = str(file.path.parent)
        try:
            connection.execute(f"PRAGMA temp_store_directory={literal(folder)}")
            if connection.execute("PRAGMA temp_store_directory").fetchone() == (folder,):
                connection.execute("PRAGMA temp_store=FILE")
            yield
        finally:
            connection.execute("PRAGMA temp_store_directory=''")
            connection.execute("PRAGMA temp_store=MEMORY")


def write_ahead_log(file: DatabaseFile, connection: sqlite3.Connection) -> int:
    """Frames of the write-ahead log: moved into the database, the log cut to nothing."""
    if _mode(connection) != "wal":
        return 0
    failpoint("sqlite.purge.checkpoint:before")
    checkpoint(file, connection)
    failpoint("sqlite.purge.checkpoint:after")
    return 1


def checkpoint(file: DatabaseFile, connection: sqlite3.Connection) -> None:
    """Move the whole log into the database and cut it. Raises SqliteRungBlocked while another process reads or writes."""
    busy, _, _ = connection.execute("PRAGMA main.wal_checkpoint(TRUNCATE)").fetchone()
    log = file.beside("-wal")
    if busy or (log.exists() and log.stat().st_size):
        raise SqliteRungBlocked(*in_the_way(file, connection))


def in_the_way(file: DatabaseFile, connection: sqlite3.Connection) -> tuple[Reason, str]:
    """Return whether a reader or a writer keeps us out, after an attempt failed."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return Reason.LOCKED, f"{file.where}: another process is writing to the database; it is tried again"
    return Reason.READER_OPEN, f"{file.where}: another process has a read transaction open; end it, it is tried again"


def _mode(connection: sqlite3.Connection) -> str:
    return str(connection.execute("PRAGMA main.journal_mode").fetchone()[0])


SqliteRung = Callable[[DatabaseFile, sqlite3.Connection], int]

LADDER: tuple[SqliteRung, ...] = (full_text, r_tree, statistics, vacuum, write_ahead_log)
"""From the database's own structures down to its files."""


def climb(file: DatabaseFile, connection: sqlite3.Connection) -> Outcome:
    """Climb every rung over one file; ``Erased`` counts the structures rewritten or removed.

    Raises:
        sqlite3.Error, OSError: for what :meth:`DatabaseFile.unable` explains.
    """
    try:
        if _mode(connection) == "wal":
            # Whoever would keep the log from being cut is found before the work, not after it.
            checkpoint(file, connection)
        done = 0
        for rung in LADDER:
            permit.check()
            done += rung(file, connection)
    except SqliteRungBlocked as blocked:
        return blocked.unable
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise
        return Unable(*in_the_way(file, connection))
    return Erased(done) if done else Absent()
