"""Choose the reader of places for a file, by its content and by what it lies beside."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from expunge import descriptors
from expunge.ports.optional.placing import FILE_NAME, FileLayout, LiveRows, Lying, NothingLive, PlaceReader
from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.parquet import MAGIC as PARQUET
from expunge.residue.placing.parquet.places import ParquetPlaces, SummaryPlaces
from expunge.residue.placing.postgres_files import open_postgres
from expunge.residue.placing.record_files import RecordFilePlaces, WholeFilePlaces
from expunge.residue.placing.sqlite import SqlitePlaces
from expunge.residue.placing.sqlite_pages import LOG, LOG_MAGIC, MAGIC
from expunge.residue.placing.sqlite_records import DamagedPage
from expunge.residue.placing.vector_files import open_vectors

_JOURNAL, _SHARED = "-journal", "-shm"
_SUMMARY = "_metadata"
"""The name of a Parquet file with the footers of others."""
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


class FolderName:
    """A folder, of which nothing is read but its name."""

    def __init__(self, path: Path) -> None:
        """Take the folder."""
        self._relation = os.fspath(path)

    def at(self, offset: int, length: int) -> Lying:  # noqa: ARG002 - it is the same everywhere
        """Return that nothing lies in a folder itself."""
        return NothingLive("folder")

    def at_name(self) -> Lying:
        """Return that the name lies at the rows of all files below the folder."""
        return LiveRows(self._relation, (FILE_NAME,))

    def close(self) -> None:
        """Nothing is open."""


def open_reader(path: Path, layout: FileLayout | None = None) -> PlaceReader | None:
    """Open a file for questions about its places; None where no reader knows its kind.

    A file with a ``layout`` is read as that says. Otherwise a SQLite log or journal is known by the database that it lies beside, a file of
    PostgreSQL by its folder. Raises OSError when the file cannot be read.
    """
    if layout is not None:
        return RecordFilePlaces(path, layout) if _of_records(layout) else WholeFilePlaces(path, layout)
    if path.is_dir():
        return FolderName(path)
    if (opened := open_vectors(path) or open_postgres(path)) is not None:
        return opened
    head = _head(path)
    if head.startswith(MAGIC):
        return _sqlite(path, log=False)
    if head.startswith(PARQUET):
        return _parquet(path)
    beside = next((ending for ending in (LOG, *_NO_ROWS) if path.name.endswith(ending)), "")
    if not beside or not _is_database(path.with_name(path.name.removesuffix(beside))):
        return None
    if beside != LOG:
        return NoRows(_NO_ROWS[beside])
    return _sqlite(path.with_name(path.name.removesuffix(LOG)), log=True) if head.startswith(LOG_MAGIC) else NoRows("old frame")


def open_remote(path: Path, layout: FileLayout | None, content: Callable[[], int]) -> PlaceReader | None:
    """Open what is no file of this machine for questions about its places; None where no reader knows its kind.

    Args:
        path: its url.
        layout: as of a file.
        content: opens its bytes, where they are needed to tell.

    Raises:
        OSError: when they cannot be read.
    """
    if layout is not None:
        return RecordFilePlaces(path, layout, content) if _of_records(layout) else WholeFilePlaces(path, layout)
    descriptor = content()
    if os.pread(descriptor, len(PARQUET), 0) == PARQUET:
        with suppress(Broken):
            return ParquetPlaces(path, descriptor)
        return NoRows("no footer")
    os.close(descriptor)
    return None


def _of_records(layout: FileLayout) -> bool:
    return bool(layout.form and (layout.form != "json" or layout.records))


def _sqlite(path: Path, *, log: bool) -> PlaceReader | None:
    try:
        return SqlitePlaces(path, log=log)
    except DamagedPage:
        return None


def _parquet(path: Path) -> PlaceReader:
    try:
        return SummaryPlaces(path) if path.name == _SUMMARY else ParquetPlaces(path)
    except Broken:
        return NoRows("no footer")


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
