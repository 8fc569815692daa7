"""The bytes of live items, to tell a copy of one by its beginning."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field


@dataclass
class LiveBytes:
    """The items of one structure, such as a b-tree."""

    whole: frozenset[bytes]
    _sorted: list[bytes] = field(default_factory=list)

    def beginning(self, data: bytes) -> int:
        """Return how many bytes a live item has in common with some bytes from its beginning on, at most."""
        if not self._sorted:
            self._sorted = sorted(self.whole)
        at = bisect_left(self._sorted, data)
        return max((_common(data, near) for near in self._sorted[max(0, at - 1) : at + 1]), default=0)


def _common(one: bytes, other: bytes) -> int:
    """How many bytes two values begin with alike."""
    return next((at for at, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), min(len(one), len(other)))
