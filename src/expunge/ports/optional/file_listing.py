"""Whose a file below a store's root is: what the store or its datasets explain, and what lies there besides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable


class StoreFile(NamedTuple):
    """A file among those that a scan of a store reads."""

    name: str
    """Relative to the store's root, or the prefix of a bucket, with forward slashes, as patterns of the map mean it."""
    own: bool
    """Whether a dataset declares it, or the store itself writes files of that name."""
    item: bool = False
    """Whether it is, as a whole, an item that a dataset declares."""
    nobodys: bool = False
    """Whether the dataset that declares it is about nobody."""


NameFile: TypeAlias = Callable[[Path], StoreFile | None]
"""Tells whose a file is, or an object at its url as a path; None for one that does not lie below the store's root."""


@runtime_checkable
class FileListing(Protocol):
    """A store that can tell its own files from others that lie among them. Optional: in others no file is accounted for."""

    def files(self) -> NameFile:
        """Return what tells whose a file is, as of now. Raises what opening the store raises."""
        ...
