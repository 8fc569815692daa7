"""Choose the reader of places for a file."""

from __future__ import annotations

from pathlib import Path

from expunge.ports.placing import PlaceReader
from expunge.residue.placing.postgres import PostgresPlaces
from expunge.residue.placing.postgres_pages import relation_file
from expunge.residue.placing.postgres_wal import PostgresLogPlaces, is_log


def open_reader(path: Path) -> PlaceReader | None:
    """Return the reader of a file's places; None for a file in which no item has a place that is known here. Opens nothing."""
    file = relation_file(path)
    if file is not None:
        return PostgresPlaces(file)
    return PostgresLogPlaces(path) if is_log(path) else None
