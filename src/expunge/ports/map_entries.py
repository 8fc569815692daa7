"""The port by which lines for the map are proposed, for places that a later look found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from expunge.ports.optional.table_survey import ColumnType, SurveyedTable, TableSurvey


@dataclass(frozen=True)
class KnownIdentity:
    """A kind of people that the map has, as proposals compare values with it."""

    kind: str
    store: str
    dataset: str
    table: str
    """The table that lists them; the dataset's name where it is none."""
    key: str
    also: tuple[str, ...]
    type: ColumnType
    """Of the key."""
    sketch: TableSurvey = field(repr=False)
    """Counts values among the identities, and hands out none."""


@runtime_checkable
class HashedSurvey(Protocol):
    """The identities of people, compared with hashes."""

    def hashed(self, column: str, digests: Collection[bytes]) -> Mapping[str, int]:
        """Return algorithm -> how many of some hashes are of identities of a column; no algorithm of which there is none."""
        ...


@dataclass(frozen=True)
class EntryPlace:
    """The store that lines are written for."""

    store: str
    """Its name in the map, or the name that a new one would have."""
    kind: str = ""
    url: str = field(default="", repr=False)
    """What a new store's url is; empty for a store of the map."""
    secret: bool = False
    """Whether a variable has to stand in the place of the url."""
    root: Path = field(default=Path("/"), repr=False)
    """The folder that paths of files are relative to."""
    taken: frozenset[str] = frozenset()
    """Names that datasets have already."""
    retention: str = ""
    """A schedule of the map."""


class MapEntries(Protocol):
    """Writes lines for a map. They hold no value: names of schemas, templates, counts. Every method raises StoreUnavailable."""

    def of_tables(
        self,
        place: EntryPlace,
        tables: Sequence[tuple[SurveyedTable, str]],
        survey: TableSurvey,
        people: Sequence[KnownIdentity],
        found: Mapping[str, str],
    ) -> Mapping[str, str]:
        """Return table -> lines for each table that was found; for a new store under the empty name the lines for all of its tables.

        Args:
            place: the store.
            tables: all tables of the place, each with the dataset that declares it; empty for one that none does.
            survey: reads them.
            people: the map's identities.
            found: table -> why it holds people.
        """
        ...

    def of_files(
        self,
        place: EntryPlace,
        groups: Sequence[tuple[Sequence[str], str]],
        people: Sequence[KnownIdentity],
        ignored: Mapping[str, str],
    ) -> str:
        """Return lines for files.

        Args:
            place: the store.
            groups: names of files of one shape, relative to the place, and why they hold people.
            people: the map's identities.
            ignored: patterns of what a new store is to ignore, with the reasons.
        """
        ...

    def of_entry(self, place: EntryPlace, layout: tuple[str, str], learnt: Sequence[str], why: str) -> str:
        """Return lines for an entry of a registry, as the map lays it out."""
        ...

    def shape(self, name: str) -> str:
        """Return the shape of a file's name: everyday words stay, what may be a person's name becomes ``*``."""
        ...
