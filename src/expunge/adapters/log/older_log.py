"""A log that is older than the journal: it answers no question, and receipts that were issued are read without it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from expunge.errors import StateRolledBack
from expunge.ports.log import LogHead


class OlderLog:
    """Stands for a :class:`~expunge.adapters.log.tile_log.TileLog` that was refused. Every method raises the refusal."""

    def __init__(self, origin: str, refusal: StateRolledBack) -> None:
        self.origin = origin
        self.refusal = refusal

    def _refuse(self) -> NoReturn:
        raise self.refusal

    def head(self) -> LogHead:
        """Raise StateRolledBack."""
        self._refuse()

    def append(self, leaves: Sequence[bytes]) -> tuple[int, ...]:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def find(self, leaf: bytes, start: int) -> int | None:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def find_all(self, leaves: Sequence[tuple[bytes, int]]) -> tuple[int | None, ...]:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def entry(self, index: int) -> bytes:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def prove_inclusion(self, index: int, size: int) -> tuple[bytes, ...]:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def prove_all(self, indexes: Sequence[int], size: int) -> tuple[tuple[bytes, ...], ...]:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def prove_consistency(self, size1: int, size2: int) -> tuple[bytes, ...]:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()

    def root(self, size: int) -> bytes:  # noqa: ARG002 - the port's shape
        """Raise StateRolledBack."""
        self._refuse()
