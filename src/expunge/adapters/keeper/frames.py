"""Frames on the keeper's socket: two lengths, a head of canonical JSON, and a body of plain bytes.

::

    4 bytes   length of the head, big-endian, at most 64 KiB
    4 bytes   length of the body, big-endian, at most 64 MiB
    head      canonical JSON, an object
    body      the bytes to sign, to seal or to open; in answers, the result

A length beyond its bound is refused before the rest of the frame is read. Why the body is separate: an order may seal megabytes, which
would have to be turned into text and back. And the bytes to sign must reach the signer unchanged.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid, UsageError

VERSION = 1
"""Version of the protocol. Each side names its version first; they go on only when both are the same."""
PREFIX = struct.Struct(">II")
MOST_HEAD = 64 * 2**10
MOST_BODY = 64 * 2**20
AT_ONCE = 2**20
"""Bytes that a socket is asked to hold, so that most messages go in one piece; a system may give less."""
_HELP = "ask with the same version of Expunge as the keeper runs"


@dataclass(frozen=True)
class Frame:
    """One message."""

    head: Mapping[str, canonical.Json]
    body: bytes = b""

    def encode(self) -> bytes:
        """Return the bytes that go over the socket. Raises UsageError for a frame beyond the bounds."""
        head = canonical.encode(self.head)
        check_lengths(len(head), len(self.body))
        return PREFIX.pack(len(head), len(self.body)) + head + self.body


def check_lengths(head: int, body: int) -> None:
    """Raise UsageError for lengths beyond the bounds."""
    if head > MOST_HEAD:
        message = f"a message to the keeper has a head of more than {MOST_HEAD // 2**10} KiB"
        raise UsageError(message, help=_HELP)
    if body > MOST_BODY:
        message = f"a message to the keeper is larger than {MOST_BODY // 2**20} MiB"
        raise UsageError(message, help="open the keystore with its passphrase for this command: then nothing is sent")


def lengths(prefix: bytes) -> tuple[int, int]:
    """Return the lengths of head and body. Raises UsageError for lengths beyond the bounds."""
    head, body = PREFIX.unpack(prefix)
    check_lengths(head, body)
    return head, body


def parse_head(data: bytes) -> Mapping[str, canonical.Json]:
    """Return the parsed head. Raises UsageError for anything but a JSON object in its canonical form."""
    try:
        head = canonical.decode(data)
    except EvidenceInvalid:
        head = None
    if not isinstance(head, Mapping):
        message = "a message to the keeper has a head that is no canonical JSON object"
        raise UsageError(message, help=_HELP)
    return head
