"""A company that signs hand-over tokens, by hand (RFC 7515, 7518, 8037): it shares no code with what verifies them."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from expunge.core.accounts.accounts_spec import HandOverSpec

ISSUER = "https://app.owl.example"


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def spki(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(public).decode()


@dataclass
class Company:
    """It has two keys: an old one of Ed25519, and a new one of P-256."""

    audience: str
    keys: dict[str, Ed25519PrivateKey | ec.EllipticCurvePrivateKey] = field(
        default_factory=lambda: {"app-1": Ed25519PrivateKey.generate(), "app-2": ec.generate_private_key(ec.SECP256R1())}
    )

    def spec(self, *, address_required: bool = True) -> HandOverSpec:
        return HandOverSpec(ISSUER, tuple((name, spki(key)) for name, key in self.keys.items()), address_required)

    def token(
        self,
        now: float,
        *told: tuple[str, str],
        address: str = "",
        kid: str = "app-1",
        header: dict[str, Any] | None = None,
        further: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A token for (subject, role) each. A claim or field of the header that is None is left out."""
        families = [{"subject": subject, "role": role} for subject, role in told or [("profile:p-17", "guardian")]]
        named = {"address": sha256(address.lower().encode()).hexdigest()} if address else {}
        times = {"iat": int(now), "exp": int(now) + 600}
        body = {
            "iss": ISSUER,
            "aud": self.audience,
            "jti": secrets.token_hex(8),
            "families": families,
            **times,
            **named,
            **claims,
            **(further or {}),
        }
        head = {"typ": "handover+jwt", "alg": self._algorithm(kid), "kid": kid, **(header or {})}
        signed = ".".join(
            url64(json.dumps({name: value for name, value in part.items() if value is not None}).encode()) for part in (head, body)
        )
        return f"{signed}.{url64(self.sign(kid, signed.encode()))}"

    def _algorithm(self, kid: str) -> str:
        return "EdDSA" if isinstance(self.keys[kid], Ed25519PrivateKey) else "ES256"

    def sign(self, kid: str, data: bytes) -> bytes:
        key = self.keys[kid]
        if isinstance(key, Ed25519PrivateKey):
            return key.sign(data)
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
