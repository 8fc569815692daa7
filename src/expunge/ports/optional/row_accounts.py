"""An account of every byte of a table's files: whose live row it is, or that it is structure, or zero.

Rows of small integers and flags have no window that a scan could look for. That they are gone can be shown all the same, where every byte
that is there belongs to something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive, PlacingStore

StoredValues: TypeAlias = tuple[int | float | str | bytes | None, ...]
AccountPart: TypeAlias = LiveRows | NothingLive | CannotTell
"""Live rows of the table; or bytes that belong to no live item and to no structure; or a part that cannot be told apart."""


class FileHolds(StrEnum):
    """The content of a file."""

    DATABASE = "database"
    """All tables of a database."""
    ROWS = "rows"
    PIECES = "pieces"
    """Long values of rows, in pieces."""
    ENTRIES = "entries"
    """One index."""
    LAKE = "lake"
    """Rows of a lake, by columns."""
    LOG = "log"
    """The folder of the write-ahead log of all databases of a server."""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """The form of a column's values in PostgreSQL's tuples, as its catalogue has it (``attlen``, ``attalign``)."""

    length: int
    """Bytes; -1 where a value tells its own length, -2 where it ends with a zero."""
    align: int


@dataclass(frozen=True, slots=True)
class WordIndex:
    """A full-text index that was made anew from live rows."""

    name: str
    blocks: tuple[tuple[int, bytes], ...] = field(repr=False)
    """As SQLite's FTS5 keeps them in ``NAME_data``."""
    sizes: frozenset[tuple[int, bytes]] = field(repr=False)
    """As it keeps them in ``NAME_docsize``."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file in which rows of a table lie, or what is made of them."""

    path: Path
    """The first one, where a relation has several."""
    relation: str
    """As in :class:`~expunge.ports.optional.placing.LiveRows`."""
    holds: FileHolds = FileHolds.DATABASE
    of: str = ""
    """The relation whose rows pieces or entries belong to."""
    columns: tuple[StoredColumn, ...] = ()
    """Of rows or entries, in the order in which they are stored, dropped ones too."""
    keys: tuple[int, ...] = ()
    """Of entries: the number of the table's column, from 1, from which each column is taken; 0 for an expression."""
    method: str = ""
    """Of entries: the kind of index."""
    computed: Callable[[], Iterable[tuple[StoredValues, StoredValues]]] | None = None
    """Of a database: compute anew, for each row of the table, what indexes hold and rows do not. Key and values."""
    words: Callable[[], Sequence[WordIndex] | None] | None = None
    """Of a database: make anew each full-text index over the table; None where one of them cannot be made."""


class AccountReader(Protocol):
    """Accounts for every byte of the files of one table, and of files beside them that are a part of the same database."""

    def parts(self) -> Iterator[AccountPart]:
        """Read every byte. Yield the live rows of the table, each once, and a word for each kind of byte that is not accounted for.

        Accounted for are live items, headers and pointers, zeros, and what repeats a live item from its beginning on. An entry of an index
        is accounted for where the row that it points to is live and has its values. Raises OSError.
        """
        ...

    def files(self) -> Iterator[Path]:
        """Yield the files that the account reads, as far as they are there."""
        ...

    def close(self) -> None:
        """Let go of the files; safe to call twice."""
        ...


@runtime_checkable
class AccountedStore(PlacingStore, Protocol):
    """A placing store that can say in which files a dataset's table lies."""

    def table_files(self, dataset: Dataset) -> Sequence[TableFile]:
        """Return these files; none where the dataset is no table whose files can be told. Raises as ``locate``."""
        ...

    def returned(self, dataset: Dataset, rows: LiveRows) -> int:
        """Return how many of these rows normal reads return, whosever they are. Raises as ``locate``."""
        ...

    def elsewhere(self, dataset: Dataset) -> Sequence[str]:
        """Return words for what may hold values of rows that are gone outside of these files; none where nothing does.

        Triggers that copy values to another table when rows go, less those that the map accepts, and less tables of which a dataset tells
        whose their rows are: a probe looks there. Samples of the planner that no live row has. Files that the database left behind.
        Raises as ``locate``.
        """
        ...
