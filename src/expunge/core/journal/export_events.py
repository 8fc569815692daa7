"""The register of exports: who had a copy made of which person's data, what became of it, and who fetched it.

Source: view implies log; an export is entered before the first byte of it is read, and each fetching before the first byte is given out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap.artefact import DataKind
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.tags import tagged


class ExportEnd(StrEnum):
    """The reason why an export that was kept for fetching is gone."""

    EXPIRED = "expired"
    CANCELLED = "cancelled"
    ERASED = "erased"
    """An order erases the person, or some of their data."""
    FAILED = "failed"
    """It could not be made."""
    NO_ROOM = "no room"
    """The disk was full."""


@tagged("ExportBegun")
@dataclass(frozen=True)
class ExportBegun:
    """A copy of a person's data is about to be made. Register ``exports``."""

    at: datetime
    export: OrderId
    """Its random id, under which its key is kept where it waits to be fetched."""
    subjects: tuple[Pseudonym, ...]
    kinds: tuple[DataKind, ...]
    """The kinds that were asked for; none means all."""
    user: str
    """Name of the account of the operating system."""
    account: str
    """UUID of the account that asked on a page; empty for a command."""
    part_size: int = 0
    """The most bytes of a part; 0 where nothing is kept, and in events of older versions."""
    language: str = ""
    """Of the page that opens by itself."""


@tagged("ExportMadeAgain")
@dataclass(frozen=True)
class ExportMadeAgain:
    """The process that made a copy ended before it was ready; another one begins anew. Register ``exports``."""

    at: datetime
    export: OrderId


@tagged("ExportTold")
@dataclass(frozen=True)
class ExportTold:
    """The account that asked for a copy was written a letter that it is ready. Register ``exports``."""

    at: datetime
    export: OrderId


@tagged("ExportReady")
@dataclass(frozen=True)
class ExportReady:
    """A copy waits to be fetched. Register ``exports``."""

    at: datetime
    export: OrderId
    parts: tuple[int, ...]
    """Bytes of each part."""
    until: datetime
    """When it is destroyed."""


@tagged("ExportFetched")
@dataclass(frozen=True)
class ExportFetched:
    """A range of a part of a copy is about to be given out. Register ``exports``."""

    at: datetime
    export: OrderId
    part: int
    first: int
    """The first byte of the range."""
    last: int
    """The first byte behind it."""


@tagged("ExportEnded")
@dataclass(frozen=True)
class ExportEnded:
    """The key of a copy that waited is destroyed. Register ``exports``."""

    at: datetime
    export: OrderId
    why: ExportEnd


ExportEvent: TypeAlias = ExportBegun | ExportMadeAgain | ExportReady | ExportTold | ExportFetched | ExportEnded
