"""The port of items that were made from others, optional beside the store port: a store that knows from whose items each was made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy


@runtime_checkable
class LedItems(Protocol):
    """A store that tells apart what was made from items of several people, where the same value leads to it.

    An order about a class of items asks for nobody, so values alone would take what was made from items that stay.
    """

    def led_from_elsewhere(self, dataset: Dataset, copy: Copy, going: Mapping[str, Collection[str]]) -> frozenset[str]:
        """Return the keys of a copy that were made from items which stay.

        Args:
            dataset: the dataset, which is found ``through`` others.
            copy: items that the values found.
            going: dataset that leads to this one -> the keys of its items that go.

        Raises as ``locate``.
        """
        ...
