"""The port of ranged reading, optional beside the store port: a part of one item, without the rest of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

from expunge.core.datamap.datamap import Dataset
from expunge.core.values.copy import Copy
from expunge.errors import UsageError

MOST_AT_ONCE = 1 << 20
"""The most bytes of one read."""


@dataclass(frozen=True, slots=True)
class ItemState:
    """One state of an item: another content is another state."""

    size: int
    """Bytes."""
    version: str
    """Opaque; for memory only."""
    modified: datetime | None = field(default=None, compare=False)
    """When its content was last written, in UTC; None where the store does not say."""


@runtime_checkable
class RangedReading(Protocol):
    """A store that reads a part of an item.

    Both methods follow no link, and raise:
        ItemGone: there is no such item, it does not belong to the copy's selector, or it is another one by now.
        StoreUnavailable, CouldNotLook: as ``locate``.
    """

    def state_of(self, dataset: Dataset, copy: Copy, key: str) -> ItemState:
        """Return the present state of an item of a copy. The name is held against the copy's selector again."""
        ...

    def read_range(self, dataset: Dataset, copy: Copy, key: str, state: ItemState, first: int, last: int) -> bytes:
        """Return the bytes from ``first`` to before ``last`` of that state of an item, and of no other. Ownership is held as above.

        Raises UsageError for more than :data:`MOST_AT_ONCE` bytes, and for a range that is not within the state.
        """
        ...


def check_range(state: ItemState, first: int, last: int) -> None:
    """Raise UsageError for a range that :meth:`RangedReading.read_range` does not read."""
    if not (0 <= first <= last <= state.size and last - first <= MOST_AT_ONCE):
        message = f"a read is a range of the item, of at most {MOST_AT_ONCE} bytes"
        raise UsageError(message, help="read within it, in parts")
