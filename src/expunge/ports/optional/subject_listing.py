"""The subject listing port, optional beside the store port: the subjects of a dataset, without the places of their items."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset


@runtime_checkable
class SubjectListing(Protocol):
    """A store that lists the identifiers of a dataset faster than the copies of all its subjects. A sweep needs no more."""

    def named(self, dataset: Dataset, field: str) -> Iterator[Sequence[str]]:
        """Every value that a field of the dataset has in live data, spelt as ``bystanders`` does, some thousand at a time.

        A value may come again. Values are identifiers: they stay in memory. Raises as ``locate``.
        """
        ...
