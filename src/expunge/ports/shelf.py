"""The shelf port: the engine's memory besides events (sealed blobs, traces, receipts), as files keyed by order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from expunge.core.values.ids import OrderId


class Shelf(Protocol):
    """Small durable files by order and name.

    ``put`` is atomic and durable; ``get`` returns exactly the bytes put, or None; ``remove`` overwrites nothing (what is sealed
    is unreadable without its
    key) but leaves no name behind and is idempotent. Names are fixed words of the engine (``identifiers.sealed``, ``traces``,
    ``receipts-3-1.pack``).
    """

    def put(self, order: OrderId, name: str, data: bytes) -> None:
        """Store or replace one file."""
        ...

    def put_all(self, files: Sequence[tuple[OrderId, str, bytes]]) -> None:
        """Store or replace several files, (order, name, bytes) each.

        Each is whole or not there; in a database all become durable together, in one transaction.
        """
        ...

    def get(self, order: OrderId, name: str) -> bytes | None:
        """Read one file; None when there is none."""
        ...

    def get_all(self, files: Sequence[tuple[OrderId, str]]) -> dict[tuple[OrderId, str], bytes]:
        """Read several files, (order, name) each; those that are not there are missing."""
        ...

    def remove(self, order: OrderId, name: str) -> None:
        """Remove one file; no error when it is gone."""
        ...

    def remove_all(self, files: Sequence[tuple[OrderId, str]]) -> None:
        """Remove several files, (order, name) each; no error for those that are gone."""
        ...

    def names(self, order: OrderId) -> Iterator[str]:
        """Names of the files of one order, sorted."""
        ...
