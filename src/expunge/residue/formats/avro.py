"""Read the blocks of an Avro object container file (Avro specification 1.12, "Object Container Files"), pushed piece by piece.

A file begins with the magic, a map of metadata, and 16 bytes that are repeated after each block. By these bytes a reader finds its way
again after a damaged block.
"""

from __future__ import annotations

MAGIC = b"Obj\x01"
_SYNC = 16
_MOST_HEAD = 1 << 22
_MOST_BLOCK = 1 << 26


class Container:
    """One file being read."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._sync = b""
        self._lost = False
        self._gaps = False
        self.codec = ""
        """The name of the codec, once the head was read."""
        self.broken = False
        """It does not begin like such a file."""

    @property
    def damaged(self) -> bool:
        """Something between blocks, or behind the last, is none."""
        return self._gaps or self._lost or bool(self._kept)

    def add(self, piece: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._kept += piece

    def block(self) -> bytes | None:
        """The next block as it is packed; None when more bytes are needed, or none will come."""
        while not self.broken and (self._sync or self._head()):
            if self._lost and not self._regained():
                return None
            try:
                count, at = _long(self._kept, 0)
                size, at = _long(self._kept, at)
            except IndexError:
                return None
            except ValueError:
                count = size = -1
            end = at + size
            if count >= 0 and 0 <= size <= _MOST_BLOCK:
                if len(self._kept) < end + _SYNC:
                    return None
                if self._kept[end : end + _SYNC] == self._sync:
                    out = bytes(self._kept[at:end])
                    del self._kept[: end + _SYNC]
                    return out
            self._lost = True
        return None

    def _regained(self) -> bool:
        """Whether the bytes that stand between blocks come again, and a block may follow."""
        place = self._kept.find(self._sync)
        self._lost = place < 0
        self._gaps |= place >= 0
        del self._kept[: place + _SYNC if place >= 0 else max(0, len(self._kept) - _SYNC + 1)]
        return place >= 0

    def _head(self) -> bool:
        """Read the metadata; False when more bytes are needed or it is none."""
        try:
            codec, at = _metadata(self._kept, len(MAGIC))
        except IndexError:
            self.broken = len(self._kept) > _MOST_HEAD
            return False
        except ValueError:
            self.broken = True
            return False
        if len(self._kept) < at + _SYNC:
            return False
        self.codec = codec
        self._sync = bytes(self._kept[at : at + _SYNC])
        del self._kept[: at + _SYNC]
        return True


def _metadata(data: bytearray, at: int) -> tuple[str, int]:
    """The codec's name, and where the map ends. Raises IndexError when it is not there whole, ValueError when it is no such map."""
    codec = "null"
    while True:
        count, at = _long(data, at)
        if not count:
            return codec, at
        if count < 0:
            _, at = _long(data, at)
        if abs(count) > 1 << 16:
            raise ValueError
        for _ in range(abs(count)):
            key, at = _bytes(data, at)
            value, at = _bytes(data, at)
            if key == b"avro.codec":
                codec = value.decode("ascii")


def _bytes(data: bytearray, at: int) -> tuple[bytes, int]:
    size, at = _long(data, at)
    if not 0 <= size <= _MOST_HEAD:
        raise ValueError
    if at + size > len(data):
        raise IndexError
    return bytes(data[at : at + size]), at + size


def _long(data: bytearray, at: int) -> tuple[int, int]:
    """A zigzag number of at most 64 bits."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7
        if shift > 63:
            raise ValueError
