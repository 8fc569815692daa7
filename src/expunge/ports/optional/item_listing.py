"""The port of listed items, optional beside the store port: names, sizes and times of a copy's items, without a byte of their content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy


@dataclass(frozen=True, slots=True)
class ListedItem:
    """One item, as the store's own listing describes it."""

    key: str = field(repr=False)
    """As :attr:`expunge.core.values.copy.Copy.keys` has it."""
    size: int
    """Bytes of its content."""
    modified: datetime | None
    """When its content was last written, in UTC; None where the store does not say."""
    fields: Mapping[str, frozenset[str]] = field(repr=False)
    """Placeholder of the dataset's paths -> its values, in every way of reading the name."""
    sealed_as: str = ""
    """The id of the sealed recording, by which the register of openings names it; empty where items lie in the clear."""


@runtime_checkable
class ItemListing(Protocol):
    """A store that lists items without opening them."""

    def listed(self, dataset: Dataset, copy: Copy) -> Iterator[ListedItem]:
        """Yield the items of a copy that are there now, in any order: whole items that belong to its selector by their names.

        Items in which the subject has records only, and names that lead to other names, are left out. Nothing of their content is read.
        Raises as ``locate``.
        """
        ...
