"""The child's side of the pipes: it answers one request after another, and reads a recording in ranges that its parent gives it."""

from __future__ import annotations

import io
import json
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from expunge.adapters.closed import wire
from expunge.core.values.canonical import Json
from expunge.ports.review.range_source import MOST_READ

Answered: TypeAlias = tuple[Mapping[str, Json], bytes]
_KEPT = 16
"""Blocks that are kept: four megabytes."""


def answer(handler: Callable[[dict[str, Any], RangeFile], Answered]) -> None:
    """Answer until standard input ends. What the handler raises ends this process."""
    while length := _all(wire.REQUEST.size):
        request = json.loads(_all(*wire.REQUEST.unpack(length)))
        told, body = handler(request, RangeFile(request["size"]))
        head = json.dumps(told).encode()
        _out(wire.ANSWER.pack(wire.DONE, len(head), len(body)) + head + body)


class RangeFile(io.RawIOBase):
    """A recording as a file, whose blocks the parent gives out one at a time."""

    def __init__(self, size: int) -> None:
        """``size``: bytes of the whole."""
        self._size, self._at = size, 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Return the bytes of the whole."""
        return self._size

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See :meth:`io.IOBase.seek`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a place before the beginning")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """See :meth:`io.IOBase.tell`."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """See :meth:`io.RawIOBase.readinto`."""
        view = memoryview(buffer).cast("B")
        number, within = divmod(self._at, MOST_READ)
        part = self._block(number)[within : within + len(view)] if self._at < self._size else b""
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def _block(self, number: int) -> bytes:
        known = self._blocks.get(number)
        if known is None:
            first = number * MOST_READ
            last = min(first + MOST_READ, self._size)
            _out(wire.ANSWER.pack(wire.READ, first, last))
            known = self._blocks[number] = _all(last - first)
            if len(known) != last - first:
                raise EOFError("the parent has gone")
        self._blocks.move_to_end(number)
        while len(self._blocks) > _KEPT:
            self._blocks.popitem(last=False)
        return known


def _out(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _all(size: int) -> bytes:
    parts, left = [], size
    while left:
        part = sys.stdin.buffer.read(left)
        if not part:
            return b""
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
