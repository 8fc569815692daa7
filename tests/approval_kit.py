"""Passkeys from fixed seeds that approve plans, with every part of their answers open to tests."""

from __future__ import annotations

import base64
import json
import struct
from dataclasses import dataclass
from hashlib import sha256

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core.approver_keys import PasskeyAssertion, PasskeyKey, passkey_challenge
from expunge.core.evidence.plan_approvals import PlanApproval, approval_message
from expunge.core.evidence.receipt import Receipt
from expunge.core.note import Algorithm, VerifierKey
from tests.evidence_kit import at

PAGES = "https://privacy.nightowl.example"
PRESENT, VERIFIED = 0x01, 0x04


@dataclass(frozen=True)
class SeededPasskey:
    """One passkey, the same for the same seed: P-256, or Ed25519 where it is asked for."""

    seed: str
    origin: str = PAGES
    edwards: bool = False

    @property
    def private(self) -> ec.EllipticCurvePrivateKey | Ed25519PrivateKey:
        secret = sha256(f"{self.seed}/passkey".encode()).digest()
        if self.edwards:
            return Ed25519PrivateKey.from_private_bytes(secret)
        return ec.derive_private_key(int.from_bytes(secret, "big") >> 1, ec.SECP256R1())

    @property
    def key(self) -> PasskeyKey:
        return PasskeyKey(self.origin, self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))

    def answer(
        self,
        approver: str,
        said: bytes,
        *,
        relying_party: str = "",
        flags: int = PRESENT | VERIFIED,
        behind: bytes = b"",
        client: bytes | None = None,
        **told: object,
    ) -> str:
        """Return its answer about a message in the role of an approver; ``told`` replaces fields of the client data."""
        challenge = base64.urlsafe_b64encode(passkey_challenge(approver, said)).rstrip(b"=").decode()
        whole = {"type": "webauthn.get", "challenge": challenge, "origin": self.origin, "crossOrigin": False} | told
        client = json.dumps(whole).encode() if client is None else client
        party = relying_party or self.key.relying_party
        data = sha256(party.encode()).digest() + struct.pack(">BI", flags, 1) + behind
        signed = data + sha256(client).digest()
        private = self.private
        if isinstance(private, Ed25519PrivateKey):
            signature = private.sign(signed)
        else:
            signature = private.sign(signed, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        return str(PasskeyAssertion(data, client, signature))


DANA, EVE = SeededPasskey("dana"), SeededPasskey("eve", edwards=True)
OFFICER = Ed25519PrivateKey.from_private_bytes(sha256(b"officer/approver").digest())
OFFICER_KEY = str(VerifierKey("officer", Algorithm.ED25519, OFFICER.public_key().public_bytes_raw()))
LOSS = "1 other person loses something in these datasets: recordings (1)"


def approvals(said: Receipt, loss: str = LOSS) -> tuple[PlanApproval, ...]:
    """Approvals of a receipt's plan by a key of each kind."""
    message = approval_message(said.order, said.plan_digest, loss)
    by_officer = base64.b64encode(OFFICER.sign(message)).decode()
    return (
        PlanApproval("officer", OFFICER_KEY, by_officer, at(9, 30), loss),
        PlanApproval("dana", str(DANA.key), DANA.answer("dana", message), at(9, 31), loss),
        PlanApproval("eve", str(EVE.key), EVE.answer("eve", message), at(9, 32), loss),
    )
