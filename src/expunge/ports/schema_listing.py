"""The schema listing port, optional beside the store port: what the map says of a dataset and its store's schema forbids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy


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
