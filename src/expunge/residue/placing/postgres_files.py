"""Choose the reader of a PostgreSQL server's file."""

from __future__ import annotations

from pathlib import Path

from expunge.residue.placing.postgres import PostgresPlaces
from expunge.residue.placing.postgres_pages import relation_file
from expunge.residue.placing.postgres_wal import PostgresLogPlaces, is_log


def open_postgres(path: Path) -> PostgresPlaces | PostgresLogPlaces | None:
    """Return the reader of places of a relation's file, or of one of the log; None for any other file. Opens nothing."""
    file = relation_file(path)
    if file is not None:
        return PostgresPlaces(file)
    return PostgresLogPlaces(path) if is_log(path) else None
