"""Choose the reader of places for a file, by its content."""

from __future__ import annotations

from pathlib import Path

from expunge.ports.placing import PlaceReader
from expunge.residue.placing.postgres_files import open_postgres


def open_reader(path: Path) -> PlaceReader | None:
    """Open a file for questions about its places; None where no reader knows its kind."""
    return open_postgres(path)
