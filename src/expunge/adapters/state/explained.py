"""Turn errors of a state database into instructions for the operator, without its words: they may quote a row or a URL."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.db.utils import Error, IntegrityError

from expunge.adapters.host.disk_errors import guarded
from expunge.adapters.state.sessions import session
from expunge.errors import Busy, Conflict, ExpungeError, StateCorrupt, StateUnavailable

RESTORE = "stop, keep a copy of the state folder, and restore it from its backup; nothing was overwritten"
_SPACE = "free some space, then run the same command again"
_AGAIN = "run the same command again: it goes on from what was recorded"
_TWO_AT_ONCE = frozenset({"40001", "40P01"})
"""serialization_failure, deadlock_detected."""
_HELD = frozenset({"55P03", "57014"})
"""lock_not_available, query_canceled: a wait was over."""
_DAMAGED = frozenset({"XX001", "XX002", "42P01", "42703", "42883"})
"""data_corrupted, index_corrupted; a table, column or function of ours is not there."""
_FULL = frozenset({"53100", "54000"})
_NOT_OURS = frozenset({"28000", "28P01", "3D000", "42501"})
"""Not let in, no such database, no right to a table."""


@contextmanager
def explained(what: str, alias: str) -> Iterator[None]:
    """Run a block that uses the state database.

    Args:
        what: the failed action, as the start of a sentence: ``"the journal could not be written"``.
        alias: the database. A connection that broke is closed, so that the next call connects anew, and so is one without a holder beyond
            this block (:mod:`expunge.adapters.state.sessions`).

    Raises:
        Conflict: another process wrote the same row first; nothing was written.
        Busy: another process held a needed lock for the whole wait; nothing was written.
        StateCorrupt: the database is damaged or lacks a table.
        StateUnavailable: anything else. The block may or may not have taken effect as a whole; never in part.
    """
    with guarded(what), session(alias):
        try:
            yield
        except IntegrityError as error:
            raise conflict() from error
        except Error as error:
            let_go(alias)
            raise explain(what, error.__cause__ or error) from error
        except UnicodeDecodeError:
            # The text of a damaged schema; from None: the error's own text holds bytes of the file.
            message = f"{what}: the state database is damaged"
            raise StateCorrupt(message, help=RESTORE) from None


def conflict() -> Conflict:
    """Return the error for a row that another process wrote first."""
    return Conflict("somebody else appended to this stream first", help="read it again and decide again")


def explain(what: str, cause: BaseException) -> ExpungeError:
    """Return the error for an exception of a database's client."""
    if hasattr(cause, "sqlstate"):
        return _of_postgres(what, cause)
    return _of_sqlite(what, cause)


def _of_sqlite(what: str, cause: BaseException) -> ExpungeError:
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(f"{what}: another program holds the state database", help="close it, then try again")
    # An operational error without a code is the module's own: text in the file that is no UTF-8.
    undecodable = isinstance(cause, sqlite3.OperationalError) and not code
    if undecodable or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StateCorrupt(f"{what}: the state database is damaged or is none", help=RESTORE)
    if code == sqlite3.SQLITE_FULL:
        return StateUnavailable(f"{what}: no space left on the device", help=_SPACE)
    return StateUnavailable(
        f"{what}: the database answered {getattr(cause, 'sqlite_errorname', type(cause).__name__)}",
        help="check space and permissions of the state folder, then run the same command again",
    )


def _of_postgres(what: str, cause: BaseException) -> ExpungeError:
    state = getattr(cause, "sqlstate", None) or ""
    if state in _TWO_AT_ONCE or state.startswith("23"):
        return conflict()
    if state in _HELD:
        return Busy(f"{what}: another session holds the state database", help="wait until it has ended, then try again")
    if state in _DAMAGED:
        return StateCorrupt(f"{what}: the state database is damaged or lacks a table ({state})", help="restore it from its backup")
    if state in _FULL:
        return StateUnavailable(f"{what}: no space left on the server", help=_SPACE)
    if state in _NOT_OURS:
        return StateUnavailable(
            f"{what}: the server does not let us in ({state})",
            help="check user, password, database and rights of `state:` in the data map",
        )
    if state == "25006":
        return StateUnavailable(f"{what}: the server only reads", help="let `state:` in the data map name the primary server")
    if not state or state.startswith(("08", "57P")):
        return StateUnavailable(
            f"{what}: the server of the state database cannot be reached, does not let us in, or ended the connection",
            help=f"check that the server of `state:` in the data map runs, and user, password and database there, then {_AGAIN}",
        )
    return StateUnavailable(f"{what}: the database answered {state}", help=f"look at the server's log, then {_AGAIN}")


def let_go(alias: str) -> None:
    """Close the calling thread's connection if it no longer works. Inside a transaction the code that began it does so."""
    connection = connections[alias]
    if connection.in_atomic_block or connection.connection is None:
        return
    if not connection.is_usable():
        with contextlib.suppress(Error):
            connection.close()
