"""Content that no file of this machine holds, for the scan: objects of a bucket, rows of a database. Optional beside the store port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

from expunge.core.datamap.datamap import Dataset, Ignore
from expunge.core.values.copy import Finding
from expunge.ports.optional.placing import PlaceReader

Notes: TypeAlias = Mapping[str, str]
"""The company's own words beside the bytes of an object: tags, metadata."""


@dataclass(frozen=True)
class RemoteObject:
    """One object that a scan reads over the network."""

    url: str = field(repr=False)
    """Where it lies, as an operator names it; it may hold an identifier."""
    open: Callable[[], tuple[BinaryIO, Notes]] | None = field(repr=False)
    """Opens its bytes, as a file that can be read at any place, with the words beside them. None for a bare name.

    Opening and reading raise OSError: FileNotFoundError where it is gone, PermissionError where the service does not give it out."""

    @property
    def path(self) -> Path:
        """The same as a path, as the scan reports places."""
        return Path(self.url)


@dataclass(frozen=True)
class RemoteTable:
    """One table, or anything else that is read row by row."""

    url: str = field(repr=False)
    """As of an object."""
    rows: Callable[[], Iterator[tuple[int, Sequence[bytes]]]] = field(repr=False)
    """Yields each row as its number, which the store understands, and its content: text in pieces, binary values apart.

    Raises OSError as the bytes of an object, and StoreUnavailable, CouldNotLook."""

    @property
    def path(self) -> Path:
        """The same as a path, as the scan reports places."""
        return Path(self.url)


Remote: TypeAlias = RemoteObject | RemoteTable


@runtime_checkable
class RemoteContent(Protocol):
    """A store whose bytes are out of reach, and that shows all it holds through its interface.

    The places of its content are urls, as paths. A hit in content of live items is explained as one in a file is: a store that can tell
    whose an object or a row is implements :class:`expunge.ports.optional.placing.PlacingStore` as well, for these paths.
    """

    @property
    def interface(self) -> str:
        """The url of all that is shown. Stores of the same one show the same content. Raises StoreUnavailable, CouldNotLook."""
        ...

    def content(self) -> Iterator[Remote]:
        """Yield everything that the interface shows, declared or not; nothing while a scan reads the bytes themselves.

        Raises StoreUnavailable, CouldNotLook.
        """
        ...

    def unreadable(self, ignored: Sequence[Ignore]) -> tuple[Finding, ...]:
        """Return what is there and cannot be read, but for what the map ignores. Raises as ``content``.

        A finding's ``what`` and ``mend`` go into evidence: they name tables, and no keys of objects.
        """
        ...

    def remote(self, dataset: Dataset, path: Path) -> PlaceReader | RemoteObject | None:
        """Return what tells which live items lie at places under a path: a reader, or the object for the scanner's own one.

        None for a path that is none of this interface's. Raises as ``content``.
        """
        ...
