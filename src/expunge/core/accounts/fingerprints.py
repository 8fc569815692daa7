"""Fingerprints of passkeys: short enough to be read to another person, long enough that no other passkey is made to match."""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256

_GROUP, _GROUPS = 4, 4
_SPOKEN = re.compile(r"[a-z2-7]{16}")


def fingerprint(credential: bytes) -> str:
    """Return the fingerprint of a credential's id: the first 80 bits of its SHA-256, in base32 (RFC 4648), as ``k3qd-7h2m-xw5a-p4ty``."""
    text = b32encode(sha256(credential).digest()[: _GROUP * _GROUPS * 5 // 8]).decode().lower()
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))


def read_fingerprint(text: str) -> str:
    """Return a fingerprint as a person typed it, in its one form; empty for a text that is none."""
    letters = re.sub(r"[\s-]", "", text).lower()
    if not _SPOKEN.fullmatch(letters):
        return ""
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))
