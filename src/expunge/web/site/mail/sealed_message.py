"""A message at rest: sealed under a key of its own, which the keeper seals. The database alone tells neither recipient nor content."""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from expunge.errors import SealInvalid
from expunge.ports.accounts.sealed_fields import FieldKind, SealedFields

_NONCE = 12


@dataclass(frozen=True, repr=False)
class Letter:
    """One recipient and the whole message (RFC 5322), its lines ended by CRLF."""

    recipient: str
    message: bytes


def sealed_address(fields: SealedFields, address: str) -> str:
    """Return an address sealed, the same for each spelling of its capitals, as a column of text. Raises KeeperAway."""
    return urlsafe_b64encode(fields.seal_fields(FieldKind.ADDRESS, [address.lower()])[0]).decode("ascii")


def seal(fields: SealedFields, mail: UUID, letter: Letter) -> tuple[bytes, bytes]:
    """Return the sealed key and the sealed letter, which is bound to the row. Raises KeeperAway.

    A field of the keeper has room for an address or a key, and none for a message: so the letter lies under AES-256-GCM, with a random key
    for each, and the keeper seals the key.
    """
    key, nonce = AESGCM.generate_key(256), secrets.token_bytes(_NONCE)
    body = nonce + AESGCM(key).encrypt(nonce, letter.recipient.encode() + b"\n" + letter.message, mail.bytes)
    return fields.seal_fields(FieldKind.MAIL, [key.hex()])[0], body


def open_letter(fields: SealedFields, mail: UUID, key: bytes, body: bytes) -> Letter:
    """Return a letter.

    Raises:
        SealInvalid: key or letter were changed, or are of another row.
        Busy, KeeperAway: the keeper opens nothing now.
    """
    opened = bytes.fromhex(fields.open_fields(FieldKind.MAIL, [key])[0])
    try:
        plain = AESGCM(opened).decrypt(body[:_NONCE], body[_NONCE:], mail.bytes)
    except (InvalidTag, ValueError) as error:
        raise SealInvalid("a message in the outbox was changed", help="restore the accounts' database") from error
    recipient, _, message = plain.partition(b"\n")
    return Letter(recipient.decode(), message)
