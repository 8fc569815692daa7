"""An authenticator in memory: P-256 keys, attestation *none*, and every field of its answers open to tests.

::

    authenticator = SoftAuthenticator("https://privacy.example", "privacy.example")
    response = authenticator.create(ceremony.options)      # RegistrationResponseJSON, as bytes
    response = authenticator.sign(ceremony.options)        # AuthenticationResponseJSON
"""

from __future__ import annotations

import base64
import json
import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
"""Flags of authenticator data (WebAuthn Level 3, 6.1)."""


@dataclass
class _Made:
    key: ec.EllipticCurvePrivateKey
    count: int
    handle: bytes = b""


@dataclass
class SoftAuthenticator:
    """One authenticator. Its fields may be changed between two answers."""

    origin: str
    relying_party: str
    synced: bool = False
    """Whether it makes passkeys that are copied to other devices, and that count nothing."""
    flags: int = PRESENT | VERIFIED
    made: dict[bytes, _Made] = field(default_factory=dict)
    cross_origin: bool = False

    def create(self, options: Mapping[str, Any], *, again: bytes | None = None, **changed: object) -> bytes:
        """Return a new credential as RegistrationResponseJSON.

        Args:
            options: as the page got them.
            again: a credential of its own that is offered once more.
            changed: replaces fields of the client data.
        """
        credential = again or secrets.token_bytes(32)
        handle = unpacked(options["user"]["id"]) if "user" in options else b""
        self.made.setdefault(credential, _Made(ec.generate_private_key(ec.SECP256R1()), 0 if self.synced else 1, handle))
        attested = bytes(16) + struct.pack(">H", len(credential)) + credential + _cose(self.made[credential].key)
        data = self._data(self.made[credential].count, ATTESTED) + attested
        client = self._client("webauthn.create", options, changed)
        attestation = b"\xa3" + _text("fmt") + _text("none") + _text("attStmt") + b"\xa0" + _text("authData") + _bytes(data)
        return _response(credential, {"clientDataJSON": client, "attestationObject": attestation})

    def sign(
        self,
        options: Mapping[str, Any],
        *,
        credential: bytes | None = None,
        count: int | None = None,
        handle: bytes | None = None,
        **changed: object,
    ) -> bytes:
        """Return a signature as AuthenticationResponseJSON, by a credential of its own that the options allow.

        Args:
            options: as the page got them. Where they allow no credential by name, it is the newest, as a person chooses it.
            credential: another one, whether it is allowed or not.
            count: another counter than the next one.
            handle: another user handle than that of the credential.
            changed: replaces fields of the client data.
        """
        allowed = [unpacked(each["id"]) for each in options["allowCredentials"]] or list(reversed(self.made))
        chosen = credential or next(each for each in allowed if each in self.made)
        made = self.made[chosen]
        if count is None and not self.synced:
            made.count += 1
        data = self._data(made.count if count is None else count, 0)
        client = self._client("webauthn.get", options, changed)
        signature = made.key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        told = {"clientDataJSON": client, "authenticatorData": data, "signature": signature}
        handle = made.handle if handle is None else handle
        return _response(chosen, told | ({"userHandle": handle} if handle else {}))

    def copy(self) -> SoftAuthenticator:
        """Return a copy of it with the same keys and counters, as a thief would make."""
        made = {credential: _Made(each.key, each.count, each.handle) for credential, each in self.made.items()}
        return SoftAuthenticator(self.origin, self.relying_party, self.synced, self.flags, made)

    def _data(self, count: int, more: int) -> bytes:
        flags = self.flags | more | (BACKUP_ELIGIBLE | BACKED_UP if self.synced else 0)
        return sha256(self.relying_party.encode()).digest() + struct.pack(">BI", flags, count)

    def _client(self, kind: str, options: Mapping[str, Any], changed: Mapping[str, object]) -> bytes:
        told = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": self.cross_origin}
        return json.dumps(told | dict(changed)).encode()


def packed(data: bytes) -> str:
    """Return bytes in base64url without padding, as browsers write them."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    """Return the bytes of :func:`packed`."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _response(credential: bytes, parts: Mapping[str, bytes]) -> bytes:
    told = {
        "id": packed(credential),
        "rawId": packed(credential),
        "type": "public-key",
        "response": {name: packed(part) for name, part in parts.items()},
        "clientExtensionResults": {},
    }
    return json.dumps(told).encode()


def _cose(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return the public half as COSE in canonical CBOR: EC2, ES256, P-256 (RFC 9053)."""
    numbers = key.public_key().public_numbers()
    x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
    return b"\xa5\x01\x02\x03\x26\x20\x01\x21" + _bytes(x) + b"\x22" + _bytes(y)


def _text(text: str) -> bytes:
    return bytes([0x60 + len(text)]) + text.encode()


def _bytes(data: bytes) -> bytes:
    if len(data) < 0x100:
        return b"\x58" + bytes([len(data)]) + data
    return b"\x59" + struct.pack(">H", len(data)) + data
