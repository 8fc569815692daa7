"""Places of a store that nothing accounts for, as a receipt names them: ignored, undeclared, or declared as unreadable.

Bytes of such places that nothing explains may be a person's, encrypted or packed. They keep a store from being clean, unless the map
declares the place under ``opaque:``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class PlaceKind(StrEnum):
    """Why nothing accounts for a place."""

    OPAQUE = "opaque"
    """The map says that it cannot be read, and why it holds nothing of people who go."""
    IGNORED = "ignored"
    """The map says that it holds no personal data."""
    UNDECLARED = "undeclared"
    """The map says nothing of it."""


def bucket(count: int) -> int:
    """Return the power of ten at or below a count, and 0 for 0: what a receipt says of a number that content determines."""
    return 10 ** (len(str(count)) - 1) if count > 0 else 0


@dataclass(frozen=True)
class UnreadPlace:
    """One place of a store, with its files in buckets. Raises ValueError when its parts contradict each other."""

    store: str
    kind: PlaceKind
    pattern: str
    """As the map has it; empty for undeclared files."""
    reason: str
    """As the map gives it; empty for undeclared files."""
    files: int
    bytes: int
    unread_files: int
    """Those of the files with bytes that nothing explains; for ``opaque`` all of them: nobody tried."""
    unread_bytes: int

    def __post_init__(self) -> None:
        counts = (self.files, self.bytes, self.unread_files, self.unread_bytes)
        said = bool(self.pattern and self.reason)
        if not self.store or said == (self.kind is PlaceKind.UNDECLARED) or any(each < 0 or each != bucket(each) for each in counts):
            message = "a place without its store or its reason, or with counts that are no buckets"
            raise ValueError(message)
        if self.unread_files > self.files or (self.unread_bytes and not self.unread_files):
            message = "more of a place is unread than it has"
            raise ValueError(message)

    @property
    def blocks(self) -> bool:
        """Whether the store cannot be called clean because of it."""
        return self.unread_files > 0 and self.kind is not PlaceKind.OPAQUE


def blocking(places: Iterable[UnreadPlace]) -> frozenset[str]:
    """Return the stores that cannot be called clean because of what lies in some places."""
    return frozenset(each.store for each in places if each.blocks)
