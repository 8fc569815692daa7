"""The port by which a first map is proposed, optional beside the store port: tables with their keys, and samples of single columns."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class ColumnType(StrEnum):
    """What values of a column are, as far as comparing them needs."""

    NUMBER = "number"
    TEXT = "text"
    TIME = "time"
    OTHER = "other"


@dataclass(frozen=True)
class SurveyedColumn:
    """One column."""

    name: str
    type: ColumnType
    required: bool = False
    """Whether the schema takes no NULL in it."""


@dataclass(frozen=True)
class SurveyedReference:
    """A foreign key out of a table."""

    columns: tuple[tuple[str, str], ...]
    """Column here, column there."""
    table: str
    """The other table, as the map would write it."""


@dataclass(frozen=True)
class SurveyedTable:
    """One table of a store."""

    name: str
    """As the map would write it."""
    columns: tuple[SurveyedColumn, ...]
    keys: tuple[tuple[str, ...], ...] = ()
    """Columns that no two rows share, as the schema says; the primary key first."""
    references: tuple[SurveyedReference, ...] = ()
    rows: int = 0

    def column(self, name: str) -> SurveyedColumn | None:
        """Return the column of that name."""
        return next((each for each in self.columns if each.name == name), None)

    def unique(self, name: str) -> bool:
        """Return whether the schema lets no two rows share a value of the column."""
        return (name,) in self.keys

    @property
    def key(self) -> str:
        """The one column that names a row; empty where there is none."""
        return next((key[0] for key in self.keys if len(key) == 1), "")


class TableSurvey(Protocol):
    """Reads a store before any map declares it. Nothing of what it reads is kept. Every method raises StoreUnavailable."""

    def tables(self) -> tuple[SurveyedTable, ...]:
        """Return every table that holds rows of its own."""
        ...

    def sampled(self, table: str, column: str, most: int) -> frozenset[str]:
        """Return up to ``most`` different values of a column, as text."""
        ...

    def held(self, table: str, column: str, values: Collection[str]) -> int:
        """Return how many of some values a column holds."""
        ...

    def heads(self, table: str, column: str, most: int, length: int) -> tuple[bytes, ...]:
        """Return the first bytes of up to ``most`` values of a column that are bytes."""
        ...

    def unreadable(self) -> tuple[str, ...]:
        """Return the tables that are there and that may not be read."""
        ...
