"""Choose the reader of places for a file."""

from __future__ import annotations

from pathlib import Path

from expunge.ports.placing import PlaceReader
from expunge.residue.placing.postgres import PostgresPlaces
from expunge.residue.placing.postgres_pages import relation_file


def open_reader(path: Path) -> PlaceReader | None:
    """Return the reader of a file's places; None for a file in which no item has a place that is known here. Opens nothing."""
    file = relation_file(path)
    return PostgresPlaces(file) if file is not None else None
