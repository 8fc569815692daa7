"""The spelling search port, optional beside the store port: a store that has its own rule of equality, or finds spellings faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset


@dataclass(frozen=True)
class StoreEquality:
    """A store's own comparison of the values of one field."""

    folds: bool = False
    """Whether it takes different texts for one: ``COLLATE NOCASE``, ``citext``, a nondeterministic collation, padded text."""
    rule: str = ""
    """Its name, of the schema's words: ``NOCASE``; empty for the byte by byte comparison."""
    unique: bool = False
    """Whether it keeps two rows with the same value apart from one another, by a key or a unique index over this field alone."""
    unique_folds: bool = False
    """Whether some such key or index takes capitals for the same."""


@runtime_checkable
class SpellingSearch(Protocol):
    """A store that tells which values it takes for one, and lists those that may be spellings of some.

    Values are identifiers: they stay in memory. All methods raise as ``locate``.
    """

    def equality(self, dataset: Dataset, field: str) -> StoreEquality:
        """Return how the store compares the values of a field."""
        ...

    def alike(self, dataset: Dataset, field: str, values: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (value, held) for each value of the field in live data that the store's own comparison takes for one of ``values``.

        Both are spelt as ``locate`` compares them.
        """
        ...

    def near(self, dataset: Dataset, field: str, texts: Sequence[str] | None) -> Iterator[Sequence[str]]:
        """Yield values of the field that may be spellings of some others, some thousand at a time; every value where ``texts`` is None.

        At least those are among them for which :func:`expunge.core.datamap.spelling.near` is one of ``texts``, and all that hold a
        character beyond ASCII.
        """
        ...
