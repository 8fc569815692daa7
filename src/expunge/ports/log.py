"""The transparency log port."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class LogHead:
    """A signed head of the log."""

    size: int
    root: bytes
    checkpoint: bytes
    """The signed note, byte for byte as published."""


class TransparencyLog(Protocol):
    """An append-only Merkle log (RFC 6962 tree, C2SP tlog-tiles).

    Durability: ``append`` returns after entries, tiles and the signed checkpoint are on the device. Recovery: whatever a crash
    left, the next open
    continues the published tree; it never signs a smaller or a different one, and raises StateCorrupt when it cannot. One writer at a time
    (a lock file); readers need none.
    """

    origin: str

    def head(self) -> LogHead:
        """The latest published head. An empty log has size 0 and is signed too."""
        ...

    def append(self, leaves: Sequence[bytes]) -> tuple[int, ...]:
        """Append leaves (each at most 65,535 bytes) and publish one new checkpoint; returns their indexes."""
        ...

    def find(self, leaf: bytes, start: int) -> int | None:
        """Index of a leaf at or after ``start``, or None: how a publisher that crashed learns whether its append happened."""
        ...

    def find_all(self, leaves: Sequence[tuple[bytes, int]]) -> tuple[int | None, ...]:
        """The same for many, (leaf, start) each, all in one published state of the log."""
        ...

    def entry(self, index: int) -> bytes:
        """Return one leaf. Raises EvidenceInvalid beyond the published size."""
        ...

    def prove_inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        """RFC 6962 2.1.1 audit path, leaf-side first."""
        ...

    def prove_all(self, indexes: Sequence[int], size: int) -> tuple[tuple[bytes, ...], ...]:
        """The audit path of each of many leaves, as :meth:`prove_inclusion` makes it."""
        ...

    def prove_consistency(self, size1: int, size2: int) -> tuple[bytes, ...]:
        """RFC 6962 2.1.2 consistency proof."""
        ...
