"""Read a request's body within limits: one per body and one over all bodies held at once, for packed and unpacked bytes alike."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.http import HttpRequest

from expunge.web.answers import Problem

LARGEST = 8 * 2**20
"""Bytes of one body, after unpacking."""
PASSED_OVER = 64 * 2**20
"""Bytes of a body that is too large which are read and dropped, so that whoever sends it hears why it was refused."""
TOGETHER = 32 * 2**20
"""Bytes of all bodies that are being read or worked on."""
PATIENCE = 10.0
"""Seconds that a request waits for room."""
_UNPACKED = 16
"""How many times larger a packed body is taken to be: more than usual for JSON, and never more than may be unpacked."""
_MIB = 2**20


class Room:
    """A limit on the bytes that are held at once."""

    def __init__(self, most: int = TOGETHER) -> None:
        self._most = most
        self._held = 0
        self._room = threading.Condition()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Hold so many bytes for the length of a block, after waiting a while for room; raises Problem (503) where there is none then."""
        with self._room:
            if not self._room.wait_for(lambda: self._held + size <= self._most, PATIENCE):
                # Why not 429: clients of OpenLineage send again after 503 alone.
                raise Problem(503, "too much is being worked on", "the server", "send it again in a second", retry_after=1)
            self._held += size
        try:
            yield
        finally:
            with self._room:
                self._held -= size
                self._room.notify_all()


def announced(request: HttpRequest) -> int:
    """Return the size of the body, or its likely size when it is unpacked. Raises Problem: 413, 411."""
    if "Transfer-Encoding" in request.headers:
        raise Problem(411, "the size of the body is not announced", "the header Transfer-Encoding", "send it whole, with Content-Length")
    text = request.headers.get("Content-Length", "")
    size = int(text[:18]) if text.isascii() and text.isdigit() else LARGEST
    if size > LARGEST:
        for _ in range(0, min(size, PASSED_OVER), _MIB):
            request.read(_MIB)
        raise _too_large()
    return min(LARGEST, _UNPACKED * size) if "Content-Encoding" in request.headers else size


def read(request: HttpRequest) -> bytes:
    """The body, unpacked. Raises Problem: 413 when it is too large, 415 for an unknown encoding, 400 for damage, 408 where it stalls."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise Problem(415, "this encoding is not known", "the header Content-Encoding", "send it as it is, or packed with gzip")
    try:
        packed = request.read()
    except OSError:
        raise Problem(408, "the body stopped coming", "the body", "send it again, without a pause", retry_after=1) from None
    return _unpacked(packed) if encoding == "gzip" else packed


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        data = unpacker.decompress(packed, LARGEST + 1)
    except zlib.error:
        raise Problem(400, "the body is no gzip", "the body", "pack it again, or send it as it is") from None
    if len(data) > LARGEST or unpacker.unconsumed_tail:
        raise _too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise Problem(400, "the body ends too early or too late for gzip", "the body", "pack it again, or send it as it is")
    return data


def _too_large() -> Problem:
    return Problem(413, f"the body has more than {LARGEST // _MIB} MiB", "the body", "send fewer events at a time")
