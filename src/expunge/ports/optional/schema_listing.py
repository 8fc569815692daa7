"""The ports about schemas, optional beside the store port: single columns, and what the map says that a store's schema forbids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset, Ignore
from expunge.core.datamap.mentions import ColumnReference, FoundMentions, MentionQuery
from expunge.core.values.copy import Copy
from expunge.core.values.ids import Pseudonym
from expunge.core.values.outcome import Unable


@runtime_checkable
class MentionListing(Protocol):
    """A store that compares identifiers with the values of single columns.

    Such a store also carries out the rules of ``Dataset.mentions``: its ``erase`` changes the cells that ``Copy.mentions`` names, in the
    transaction that deletes the copies' own rows.
    """

    def mentions(
        self, dataset: Dataset, queries: Sequence[MentionQuery], aside: Sequence[Copy], columns: frozenset[str] | None = None, most: int = 0
    ) -> Iterator[FoundMentions]:
        """Count the rows whose cells name one of the queries' people, by person, column and form; live rows, by normal reads.

        Args:
            dataset: where to look.
            queries: whom to look for. A value that fills a cell is compared as the store compares (``COLLATE NOCASE``, ``citext``).
            aside: copies whose rows are not counted: the people's own.
            columns: the columns to look at; None for all.
            most: rows that are enough to look at where reading all of them is dear; 0 for all.

        Raises as ``locate``; columns that do not exist are ``CouldNotLook``.
        """
        ...

    def column_references(self, dataset: Dataset) -> tuple[ColumnReference, ...]:
        """Return the foreign keys of one column that lead out of the dataset's table. Raises as ``locate``."""
        ...

    def unfit_mentions(self, dataset: Dataset) -> tuple[tuple[str, str, str], ...]:
        """Return (column, fault, correction) for each rule of ``Dataset.mentions`` that the schema does not let be carried out.

        *null* in a column that takes none, a replacement that has to be unique or lacks the row it would refer to. Raises as ``locate``.
        """
        ...


@runtime_checkable
class SchemaListing(Protocol):
    """A store with a schema of its own, which a plan is held against before anything is erased."""

    def lacking_fields(self, dataset: Dataset) -> tuple[str, ...]:
        """Return the fields by which people are found in a dataset, or other datasets through it, that its table lacks.

        Raises as ``locate``.
        """
        ...

    def uncovered_references(self, dataset: Dataset, copies: Sequence[Copy]) -> tuple[str, ...]:
        """Return the tables that no dataset declares and whose rows refer to the copies: the copies could not go, or not without them.

        Raises as ``locate``.
        """
        ...

    def binding_references(
        self, dataset: Dataset, copies: Sequence[Copy], going: Mapping[str, Sequence[Copy]]
    ) -> Mapping[Pseudonym, Unable]:
        """Say whose copies cannot go while rows stay that refer to them, or that the schema would delete or disown along with them.

        Args:
            dataset: where the copies lie.
            copies: what is to go.
            going: dataset -> everything that is to go from it in the same order; rows of these stand in nobody's way.

        Raises as ``locate``.
        """
        ...


@runtime_checkable
class TriggerListing(Protocol):
    """A store whose triggers may copy rows."""

    def copied_elsewhere(self, dataset: Dataset) -> tuple[str, ...]:
        """Return words for the triggers that copy values of a dataset's rows to another table when they go.

        Less those that the map accepts, and less tables of which a dataset tells whose their rows are. Raises as ``locate``.
        """
        ...


@dataclass(frozen=True)
class UndeclaredTable:
    """A table, or the files of one folder, that no dataset of the map declares."""

    dataset: Dataset
    """It as a dataset of nobody: the store's ``mentions``, ``column_references`` and ``named`` read it.

    Its name is for messages, such as ``table audit``."""
    ignored: bool
    """Whether the map says that it holds no personal data."""
    columns: tuple[str, ...]
    """The columns to look at: all but those that the map ignores by name, and those that refer to another undeclared table."""
    keys: frozenset[str] = frozenset()
    """The column that numbers its own rows, if one does."""


@runtime_checkable
class UndeclaredListing(Protocol):
    """A store that reads what no dataset declares as it reads datasets: decoded, column by column."""

    def undeclared_tables(self, ignored: Sequence[Ignore]) -> Iterator[UndeclaredTable]:
        """Yield the tables that no dataset declares, ignored ones too. Raises as ``locate``.

        An entry of ``ignored`` names a table, or a single column of one: ``TABLE.COLUMN``; of files ``FOLDER#COLUMN``.
        """
        ...
