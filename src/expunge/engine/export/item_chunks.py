"""Take the bytes of an item as they are needed: a beginning, then pieces of at most some length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from expunge.engine.kernel import store_calls


class ItemChunks:
    """Bytes of an item, taken as they are needed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._rest = iter(chunks)
        self._at_hand = b""

    def take(self, most: int) -> bytes:
        """Return so many bytes; fewer at the end."""
        parts, size = [self._at_hand], len(self._at_hand)
        self._at_hand = b""
        while size < most and (chunk := next(self._rest, None)) is not None:
            parts.append(chunk)
            size += len(chunk)
        data = b"".join(parts)
        self._at_hand = data[most:]
        return data[:most]

    def put_back(self, data: bytes) -> None:
        """Have some bytes come first again."""
        self._at_hand = data + self._at_hand

    def next(self, most: int) -> bytes:
        """Return some bytes, at most so many; none at the end."""
        chunk = self._at_hand or next(self._rest, b"")
        while not chunk and (following := next(self._rest, None)) is not None:
            chunk = following
        self._at_hand = chunk[most:]
        return chunk[:most]

    def ended(self) -> bool:
        """Return whether no byte follows. Trouble that shows now is raised by what takes the next bytes."""
        if not self._at_hand:
            try:
                self._at_hand = self.next(1 << 62)
            except store_calls.TROUBLE as error:
                self._rest = _raising(error)
                return False
        return not self._at_hand


@dataclass
class PieceChunks:
    """The chunks of one piece: at most ``room`` bytes, hashed as they pass."""

    chunks: ItemChunks
    room: int
    digest: Any
    failed: Exception | None = field(default=None, repr=False)
    """What the store raised: the same from the part's own disk is no trouble with the store."""

    def __iter__(self) -> Iterator[bytes]:
        left = self.room
        while left > 0:
            try:
                chunk = self.chunks.next(left)
            except store_calls.TROUBLE as error:
                self.failed = error
                raise
            if not chunk:
                return
            self.digest.update(chunk)
            left -= len(chunk)
            yield chunk


def _raising(error: Exception) -> Iterator[bytes]:
    raise error
    yield b""
