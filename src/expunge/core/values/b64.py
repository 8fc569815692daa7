"""Base64 with exactly one spelling per value (RFC 4648 section 4, and section 3.5 on spare bits)."""

from __future__ import annotations

import base64
import binascii

from expunge.errors import EvidenceInvalid


def encode(data: bytes) -> str:
    """Standard alphabet, padded, one line."""
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Parse the output of :func:`encode` and nothing else.

    Raises:
        EvidenceInvalid: for other alphabets, white space, missing padding, or spare bits that are not zero.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        data = None
    if data is None or encode(data) != text:
        message = "base64 is not in its one canonical spelling"
        raise EvidenceInvalid(message, help="the file was changed or copied badly; ask for it again")
    return data
