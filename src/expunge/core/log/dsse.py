"""DSSE envelopes (protocol and envelope of secure-systems-lab/dsse v1) with one Ed25519 signature, and their leaf in the log.

The leaf is the body of a Rekor ``dsse`` entry, version 0.0.1: tools made for Sigstore can then check a receipt with its place in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from expunge.core.values import b64, canonical
from expunge.core.values.signature import ed25519_pem, key_id, verify_ed25519
from expunge.errors import EvidenceInvalid

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload: bytes, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Pre-authentication encoding: the very bytes that are signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


@dataclass(frozen=True)
class Envelope:
    """A payload of type :data:`PAYLOAD_TYPE` and its one signature."""

    payload: bytes
    signature: bytes
    """64 bytes."""
    keyid: str
    """Fingerprint of the signer's key; a hint in DSSE, compared with the key here."""

    def encode(self) -> bytes:
        """Canonical JSON, without a final newline."""
        return self._encoded

    @cached_property
    def _encoded(self) -> bytes:
        return canonical.encode(
            {
                "payload": b64.encode(self.payload),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"keyid": self.keyid, "sig": b64.encode(self.signature)}],
            },
        )

    def verify(self, public: bytes) -> None:
        """Check signature and key id against a raw Ed25519 key. Raises EvidenceInvalid."""
        if self.keyid != key_id(public):
            raise EvidenceInvalid("the envelope names another key than the signer's")
        verify_ed25519(public, self.signature, pae(self.payload))


def parse(data: bytes) -> Envelope:
    """Parse an envelope, verifying nothing. Raises EvidenceInvalid unless it has its canonical spelling."""
    match canonical.decode(data):
        case {"payload": str(payload), "signatures": [{"keyid": str(keyid), "sig": str(signature)}]}:
            envelope = Envelope(b64.decode(payload), b64.decode(signature), keyid)
        case _:
            raise EvidenceInvalid("not a DSSE envelope with one signature")
    if envelope.encode() != data:
        raise EvidenceInvalid("the DSSE envelope has fields that do not belong there")
    return envelope


def leaf(envelope: Envelope, public: bytes) -> bytes:
    """The log's leaf for an envelope signed by ``public``."""
    return canonical.encode(
        {
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": {"algorithm": "sha256", "value": sha256(envelope.encode()).hexdigest()},
                "payloadHash": {"algorithm": "sha256", "value": sha256(envelope.payload).hexdigest()},
                "signatures": [{"signature": b64.encode(envelope.signature), "verifier": b64.encode(ed25519_pem(public))}],
            },
        },
    )
