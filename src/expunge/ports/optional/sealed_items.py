"""The port of sealed items, optional beside the store port: a store whose items open one by one, and only with its keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.ports.vault.key_epochs import KeyDeath, KeyEpoch
from expunge.ports.vault.sealed_library import SealedRecording


@runtime_checkable
class SealedItems(Protocol):
    """A store whose items lie sealed. Its ``trace`` opens no item of a person who stays."""

    @property
    def keyed(self) -> bool:
        """Whether its keys are here. Without them no item can be looked at, which is no fault of the store."""
        ...

    def opened_by_export(self, dataset: Dataset, copy: Copy) -> Sequence[SealedRecording]:
        """Return the recordings that an export of a copy opens, so that they can be entered before it does."""
        ...

    def epoch_lifetime(self) -> timedelta:
        """Return how long an epoch may live. After that a rotation, and the epoch's destruction, are due."""
        ...

    def root_copyable(self) -> bool:
        """Return whether a copy of the root's files, made before an epoch was destroyed, still opens it."""
        ...

    def key_epochs(self) -> Sequence[KeyEpoch]:
        """Return the living epochs; the same for all stores over one key table. Raises as ``locate``."""
        ...

    def last_key_death(self, until: datetime) -> KeyDeath | None:
        """Return the last death of keys up to a time. Earlier ones are irrecoverable no later. Raises as ``locate``."""
        ...
