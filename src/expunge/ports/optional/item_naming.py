"""The item naming port, optional beside the store port: the fields by which a store tells one item from another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy


@runtime_checkable
class ItemNaming(Protocol):
    """A store whose items have names of their own in fields that selectors can ask for. Orders for single items need it."""

    def names_of(self, dataset: Dataset, copy: Copy) -> Mapping[str, Mapping[str, str]]:
        """Return key -> field -> value for the items of a copy: columns of the primary key, placeholders of a path.

        Values are spelt as selectors compare them. An item without a name, or with a name that can be read in several ways, is left out.
        Values are private: they stay in memory. Raises as ``locate``.
        """
        ...
