"""Choose the reader of places for a file, by its content and by what it lies beside."""

from __future__ import annotations

import os
from pathlib import Path

from expunge import descriptors
from expunge.ports.optional.placing import Lying, NothingLive, PlaceReader
from expunge.residue.placing.postgres_files import open_postgres
from expunge.residue.placing.sqlite import SqlitePlaces
from expunge.residue.placing.sqlite_pages import LOG, LOG_MAGIC, MAGIC
from expunge.residue.placing.sqlite_records import DamagedPage

_JOURNAL, _SHARED = "-journal", "-shm"
_NO_ROWS = {_JOURNAL: "rollback journal", _SHARED: "index of the log"}
"""Ending of a file beside a SQLite database -> what it holds instead of live rows."""


class NoRows:
    """A file that never holds live rows."""

    def __init__(self, why: str) -> None:
        """Take the fixed word for what it holds."""
        self._nothing = NothingLive(why)

    def at(self, offset: int, length: int) -> Lying:  # noqa: ARG002 - it is the same everywhere
        """Return that nothing live lies there."""
        return self._nothing

    def at_page(self, offset: int) -> tuple[Lying, ...]:  # noqa: ARG002 - it is the same everywhere
        """Return that nothing live lies there."""
        return (self._nothing,)

    def close(self) -> None:
        """Nothing is open."""


def open_reader(path: Path) -> PlaceReader | None:
    """Open a file for questions about its places; None where no reader knows its kind.

    A SQLite log or journal is known by the database that it lies beside, a file of PostgreSQL by its folder. Raises OSError when the file
    cannot be read.
    """
    if (opened := open_postgres(path)) is not None:
        return opened
    head = _head(path)
    if head.startswith(MAGIC):
        return _sqlite(path, log=False)
    beside = next((ending for ending in (LOG, *_NO_ROWS) if path.name.endswith(ending)), "")
    if not beside or not _is_database(path.with_name(path.name.removesuffix(beside))):
        return None
    if beside != LOG:
        return NoRows(_NO_ROWS[beside])
    return _sqlite(path.with_name(path.name.removesuffix(LOG)), log=True) if head.startswith(LOG_MAGIC) else NoRows("old frame")


def _sqlite(path: Path, *, log: bool) -> PlaceReader | None:
    try:
        return SqlitePlaces(path, log=log)
    except DamagedPage:
        return None


def _is_database(path: Path) -> bool:
    try:
        head = _head(path)
    except FileNotFoundError:
        return False
    # a database whose first transaction is still in its log is empty
    return not head or head.startswith(MAGIC)


def _head(path: Path) -> bytes:
    with descriptors.reading(path) as file:
        return os.pread(file, 16, 0)
