"""The port of sealed items, optional beside the store port: a store whose items are opened one by one, and only where its keys are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.ports.vault.sealed_library import SealedRecording


@runtime_checkable
class SealedItems(Protocol):
    """A store whose items lie sealed. Its ``trace`` opens no item of a person who stays."""

    @property
    def keyed(self) -> bool:
        """Whether its keys are here. Where they are not, no item can be looked at, and that is no fault of the store."""
        ...

    def opened_by_export(self, dataset: Dataset, copy: Copy) -> Sequence[SealedRecording]:
        """Return the recordings that an export of a copy opens, to be entered before it does."""
        ...
