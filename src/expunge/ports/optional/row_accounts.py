"""An account of every byte of a table's files: whose live row it is, or that it is structure, or zero.

Rows of small integers and flags have no window that a scan could look for. That they are gone can be shown all the same, where every byte
that is there belongs to something else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.ports.optional.placing import CannotTell, LiveRows, NothingLive, PlacingStore

AccountPart: TypeAlias = LiveRows | NothingLive | CannotTell
"""Live rows of the table; or bytes that belong to no live item and to no structure; or a part that cannot be told apart."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file in which rows of a table lie, or what is made of them."""

    path: Path
    relation: str
    """As in :class:`~expunge.ports.optional.placing.LiveRows`."""


@dataclass(frozen=True, slots=True)
class TriggerWrites:
    """A trigger that writes rows to another table when rows of a dataset go."""

    trigger: str
    table: str


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

    def trigger_writes(self, dataset: Dataset) -> Sequence[TriggerWrites]:
        """Return the triggers that may copy values of the dataset's rows to another table when rows go. Raises as ``locate``.

        Left out are triggers that the map accepts, and tables of which a dataset tells whose their rows are: a probe looks there.
        """
        ...
