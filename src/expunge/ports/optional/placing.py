"""The live item that lies at a place of a store's bytes: what page readers nominate, and how a store reads it.

A nomination decides nothing. The rows that it names are read through the store's normal reads, and only what they hold explains a hit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy

WHOLE_FILE = "whole"
"""Row of a file that is one item."""
ANY_RECORD = "any"
"""Row for the part of a file that belongs to all of its records together: what a JSON document holds beside its list."""
FILE_NAME = "name"
"""Row for the name of a file or a folder: it belongs to each item in the file, or below the folder."""


@dataclass(frozen=True, slots=True)
class LiveRows:
    """Live rows that a place belongs to; an index entry lists the rows that it points to."""

    relation: str
    """SQLite: the table's name as the schema has it. PostgreSQL: the relation's file, relative to the data folder, without suffix. Parquet:
    the path of the file. Files: the path relative to :attr:`FileLayout.root`, with forward slashes."""
    rows: tuple[str, ...]
    """SQLite: rowids in decimal, or for a table WITHOUT ROWID JSON arrays of the primary key. PostgreSQL: ``(block,item)``, or
    ``toast <value>``. Files: :data:`WHOLE_FILE`; for files of many records the number of the line on which the record begins, from 1, or of
    the entry of a JSON list; :data:`ANY_RECORD`; :data:`FILE_NAME`. Parquet: the number in the file, from 0 on, with ``:first-last``
    for a stretch of bytes that are packed values of its page; :data:`FILE_NAME`."""


@dataclass(frozen=True, slots=True)
class SomeRow:
    """A value that lies at any live row of a relation with that value: a dictionary entry, a bound, a statistic, a full-text term."""

    relation: str
    """As in :class:`LiveRows`, or a name of the store's own, which :meth:`PlacingStore.relates` understands."""


@dataclass(frozen=True, slots=True)
class NothingLive:
    """No live row stands behind the place."""

    why: str
    """A fixed word: ``free page``, ``free space``, ``slack`` ..."""


@dataclass(frozen=True, slots=True)
class SchemaPlace:
    """Text of the schema itself."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """A structure whose parts cannot be told apart."""

    why: str
    """A fixed word."""


Lying: TypeAlias = LiveRows | SomeRow | NothingLive | SchemaPlace | CannotTell


class PlaceReader(Protocol):
    """Reads the pages of one file and turns places into nominations. Written by no eraser."""

    def at(self, offset: int, length: int) -> Lying:
        """Nominate the live rows that lie in ``length`` bytes from ``offset``, all of which belong to each of them."""
        ...

    def close(self) -> None:
        """Let go of the file; safe to call twice."""
        ...


@runtime_checkable
class DecodedReader(Protocol):
    """A reader of files whose content is packed: it tells places in decoded content apart."""

    def at_decoded(self, offset: int, hidden: str, inner: int, length: int) -> Lying:
        """Nominate the live rows of content that lies at ``inner`` of what a container decodes to (:class:`expunge.ports.scanner.Residue`).

        Args:
            offset: of the container, in the file.
            hidden: the containers, the outermost first.
            inner: the place in what the outermost container decodes to.
            length: bytes there that belong together; 0 where that is not known.
        """
        ...


@runtime_checkable
class PackedReader(Protocol):
    """A reader of files in which values lie packed."""

    def unpacked(self, offset: int, hidden: str) -> bytes:
        """Return what the value at a place of the file decodes to, as :class:`expunge.ports.scanner.Residue` names it; empty for others."""
        ...


@runtime_checkable
class TableFiles(Protocol):
    """A store that keeps each table in files of its own."""

    def table_in(self, path: Path) -> str:
        """Return the table to which a file belongs, declared or not; empty for none. Raises as ``locate``."""
        ...


@runtime_checkable
class NameReader(Protocol):
    """A reader of files whose names are content of items."""

    def at_name(self) -> Lying:
        """Nominate the live rows to which the name of the file or folder belongs."""
        ...


@runtime_checkable
class BesideReader(Protocol):
    """A reader of files beside whose bytes content of items lies: the tags and metadata of objects."""

    def at_beside(self) -> Lying:
        """Nominate the live rows to which what lies beside the bytes belongs."""
        ...


@runtime_checkable
class ChainReader(Protocol):
    """A reader of files in which content goes on over pages that do not follow one another."""

    def at_page(self, offset: int) -> tuple[Lying, ...]:
        """Return all that content may lie in which a scan found by following pages from the one at ``offset``.

        For places that are given by the page on which a chain begins (``sqlite overflow``, ``sqlite wal``). Such a hit is explained when
        one of the rows explains it and none of the answers is :class:`NothingLive` or :class:`CannotTell`.
        """
        ...


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the files of a dataset hold items, as the data map says it."""

    root: Path
    """Folder to which the names of files are relative."""
    form: str = ""
    """``jsonl``, ``csv`` or ``json`` for files of records; empty for whole files."""
    records: str = ""
    """For ``json``: the field whose lists hold the records, ``.`` for the document itself; empty where a file is one record."""
    encoding: str = ""
    """Of files without a byte order mark; empty for UTF-8."""
    fields: tuple[str, ...] = ()
    """Fields of which the header of a ``csv`` file has one: they tell its delimiter."""


@runtime_checkable
class LayoutStore(Protocol):
    """A placing store whose files do not say by themselves how they hold items."""

    def layout(self, dataset: Dataset) -> FileLayout:
        """Return how the files of a dataset hold items."""
        ...


@runtime_checkable
class PlacingStore(Protocol):
    """A store that can read a live item by its place. Optional: kinds without it are asked what any bystander holds."""

    def holds(self, dataset: Dataset, path: Path) -> bool:
        """Return whether live items of the dataset lie in this file, as opposed to a copy of it."""
        ...

    def relates(self, dataset: Dataset, relation: str) -> bool:
        """Return whether live items of the dataset are rows of a relation that a page reader named in :class:`SomeRow`."""
        ...

    def nominated(self, dataset: Dataset, rows: Sequence[LiveRows], erased: Sequence[Copy]) -> Iterator[tuple[int, Copy]]:
        """Read live rows by their place: yield (index into ``rows``, copy of one item).

        Copies are named and filled as by ``bystanders``, each under a name of its own. Rows of other tables, rows that are gone and rows in
        ``erased`` yield nothing.
        """
        ...
