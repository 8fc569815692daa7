"""A place where recordings lie in the clear, as an adoption sees it: a folder, or a prefix of a bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol

from expunge.core.datamap.datamap import Dataset
from expunge.vault.batches import Stays

CHANGED = "it was written to meanwhile: the next run takes it as it is then"
LINK = "it is a symbolic link: its target is taken under its own name, where the map declares it"


class StaysInTheClear(Stays):
    """The reason why one recording stays where it is. The others go on."""


class Mark(Protocol):
    """Tells the content of a name from each later content of it. Marks are compared by ``==``."""

    @property
    def written(self) -> datetime:
        """When the content was last written."""
        ...


@dataclass(frozen=True)
class ClearName:
    """The name of a recording in the clear."""

    key: str = field(repr=False)
    size: Callable[[], int] = field(repr=False)
    """Returns its bytes. Raises FileNotFoundError."""


class ClearPlace(Protocol):
    """The place."""

    @property
    def together(self) -> bool:
        """Whether many names are asked about with few calls, so that it pays to ask about a whole batch at once."""
        ...

    def names(self, dataset: Dataset) -> Iterator[ClearName]:
        """Yield every name that fits a path of the dataset, while names go. Raises StoreUnavailable, CouldNotLook."""
        ...

    def require_own(self, name: str) -> None:
        """Raise StaysInTheClear where the content under a name is another name's."""
        ...

    def opened(self, name: str) -> AbstractContextManager[tuple[BinaryIO, Mark]]:
        """Open the content of a name, to be read once. Raises StaysInTheClear; so do reads."""
        ...

    def changed(self, marks: Mapping[str, Mark]) -> Mapping[str, StaysInTheClear]:
        """Return which names no longer have the content of their marks, or have a writer now, each with the reason."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
