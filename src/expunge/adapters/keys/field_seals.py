"""Fields of accounts, sealed by AES-SIV (RFC 5297): deterministic where a database has to find them, else with a nonce."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from expunge.errors import SealInvalid, UsageError
from expunge.ports.accounts.sealed_fields import MOST_FIELD, MOST_FIELDS, FieldKind

KEY_BYTES = 64
"""Of one kind's key: AES-256 in each half of AES-SIV."""
_NONCE = 16
_Item = TypeVar("_Item", str, bytes)


class FieldSeals:
    """Implements ``expunge.ports.accounts.sealed_fields.SealedFields`` in the process that has the key."""

    def __init__(self, key: bytes) -> None:
        """``key``: 32 bytes, of which each kind's key and the site's key are derived."""
        self._key = key
        self._seals = {kind: AESSIV(self._derived(f"field/{kind}/1", KEY_BYTES)) for kind in FieldKind}

    def __repr__(self) -> str:
        return "FieldSeals(…)"

    def seal_fields(self, kind: FieldKind, texts: Sequence[str]) -> tuple[bytes, ...]:
        """See the port."""
        return tuple(self._seal(kind, text.encode()) for text in _few(texts))

    def open_fields(self, kind: FieldKind, sealed: Sequence[bytes]) -> tuple[str, ...]:
        """See the port. It has no limit of its own to how many are opened in a minute."""
        return tuple(self._open(kind, each) for each in _few(sealed))

    def site_key(self) -> bytes:
        """See the port."""
        return self._derived("site/1", 32)

    def _seal(self, kind: FieldKind, text: bytes) -> bytes:
        if len(text) > MOST_FIELD:
            message = f"a field of an account is longer than {MOST_FIELD} bytes"
            raise UsageError(message, help="shorten it")
        nonce = b"" if kind.deterministic else secrets.token_bytes(_NONCE)
        # Why a byte before it: AES-SIV refuses an empty text.
        return nonce + self._seals[kind].encrypt(b"\x01" + text, [nonce] if nonce else None)

    def _open(self, kind: FieldKind, sealed: bytes) -> str:
        size = 0 if kind.deterministic else _NONCE
        nonce, rest = sealed[:size], sealed[size:]
        try:
            return self._seals[kind].decrypt(rest, [nonce] if size else None)[1:].decode()
        except (InvalidTag, ValueError) as error:
            message = "a sealed field of an account was changed, or is of another kind or another installation"
            raise SealInvalid(message, help="restore the accounts' database from a backup of this installation") from error

    def _derived(self, label: str, size: int) -> bytes:
        blocks = (hmac.digest(self._key, f"expunge/{label}/{number}".encode(), sha256) for number in range(-(-size // 32)))
        return b"".join(blocks)[:size]


def _few(items: Sequence[_Item]) -> Sequence[_Item]:
    if len(items) > MOST_FIELDS:
        message = f"more than {MOST_FIELDS} fields at once"
        raise UsageError(message, help="ask for fewer at a time")
    return items
