"""The port of the shelf on which exports wait to be fetched: sealed, each under a key of its own."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

from expunge.core.values.ids import OrderId
from expunge.ports.exports.export_folder import ExportFolder

KEY_BYTES = 32


class ExportShelf(Protocol):
    """Keeps exports until they are removed.

    Durability: an export is there, whole, once the context of :meth:`writing` ended without an error; with one, nothing of it is. A crash
    may leave a part of one, which :meth:`kept` names. No content lies on a device in the clear.
    """

    def writing(self, export: OrderId, key: bytes, sealed_key: bytes) -> AbstractContextManager[ExportFolder]:
        """Begin an export.

        Args:
            export: its id.
            key: 32 bytes, under which it is sealed; not kept.
            sealed_key: the same, sealed by the keystore; kept beside the parts.

        Raises OSError.
        """
        ...

    def sealed_key(self, export: OrderId) -> bytes:
        """Return the sealed key of an export. Raises Refused where it is not there."""
        ...

    def read(self, export: OrderId, key: bytes, part: int, first: int, most: int) -> bytes:
        """Return bytes of a part from ``first`` on, at most so many. Raises Refused where it is not there, SealInvalid."""
        ...

    def beside(self, export: OrderId, key: bytes, name: str) -> bytes:
        """Return a file that lies beside the parts. Raises as :meth:`read`."""
        ...

    def free(self) -> int:
        """Return how many bytes the device has room for."""
        ...

    def kept(self) -> Collection[OrderId]:
        """Return every export of which anything is there."""
        ...

    def remove(self, export: OrderId) -> None:
        """Remove everything of an export, durably. Safe to repeat. Raises OSError."""
        ...
