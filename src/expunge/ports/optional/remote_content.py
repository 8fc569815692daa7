"""Content that no file of this machine holds, for the scan: objects of a bucket. Optional beside the store port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class RemoteObject:
    """One object that a scan reads over the network."""

    url: str = field(repr=False)
    """Where it lies, as an operator names it; it may hold an identifier."""
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)
    """Yields its bytes from their start, as often as it is called. Raises OSError: FileNotFoundError where it is gone, PermissionError
    where the service does not give it out."""
    notes: Callable[[], Mapping[str, str]] = field(repr=False)
    """Returns the company's own words beside the bytes (tags, metadata). Raises as ``chunks``."""

    @property
    def path(self) -> Path:
        """The same as a path, as the scan reports places."""
        return Path(self.url)


@runtime_checkable
class RemoteContent(Protocol):
    """A store whose bytes are out of reach, and whose undeclared objects can be read.

    No live item lies in any of them: what a scan finds there is residue, whoever else holds it.
    """

    def undeclared(self) -> Iterator[RemoteObject]:
        """Yield every object, in every version, that no dataset of the store declares. Raises StoreUnavailable, CouldNotLook."""
        ...
