"""The hash chain of a stream: the input of each event's stored digest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256


def genesis(stream: str) -> bytes:
    """Return the digest before the first event: SHA-256 of a label and the stream's name, so that events cannot move between streams."""
    return sha256(b"expunge/journal/1\0" + stream.encode()).digest()


def link(previous: bytes, event: bytes) -> bytes:
    """Return the digest of one event: SHA-256 over the digest before it (32 bytes) and the event's bytes."""
    return sha256(previous + event).digest()


def chain(previous: bytes, events: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Pair each event with its digest."""
    for event in events:
        previous = link(previous, event)
        yield event, previous
