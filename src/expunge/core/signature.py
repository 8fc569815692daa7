"""Checking signatures and the one spelling of each public key. The only core module that uses ``cryptography``.

Ed25519: RFC 8032, SubjectPublicKeyInfo of RFC 8410. ECDSA: P-256 with SHA-256, uncompressed point (RFC 5480), DER signatures.
"""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from expunge.core import b64
from expunge.errors import EvidenceInvalid

_ED25519_PREFIX = bytes.fromhex("302a300506032b6570032100")
_P256_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
_PEM_HEAD, _PEM_TAIL = "-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n"


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    """Check a 64-byte signature by a raw 32-byte key. Raises EvidenceInvalid."""
    if len(signature) != 64:
        raise EvidenceInvalid("an Ed25519 signature is not 64 bytes")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise EvidenceInvalid("an Ed25519 signature does not verify", help="what was signed, or the signature, was changed") from error


def verify_p256(spki: bytes, signature: bytes, message: bytes) -> None:
    """Check a DER signature by a key given as DER SubjectPublicKeyInfo. Raises EvidenceInvalid, also for loose DER."""
    check_p256_spki(spki)
    try:
        key = load_der_public_key(spki)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise EvidenceInvalid("a P-256 key is of another kind")
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError) as error:
        raise EvidenceInvalid("an ECDSA signature does not verify", help="what was signed, or the signature, was changed") from error


def check_p256_spki(spki: bytes) -> None:
    """Refuse whatever is not the one DER spelling of an uncompressed P-256 key. Raises EvidenceInvalid."""
    if len(spki) != 91 or not spki.startswith(_P256_PREFIX):
        raise EvidenceInvalid("a P-256 key is not in its one DER spelling")


def ed25519_spki(public: bytes) -> bytes:
    """DER SubjectPublicKeyInfo of a raw 32-byte key (RFC 8410 section 4). Raises ValueError."""
    if len(public) != 32:
        message = "an Ed25519 public key is 32 bytes"
        raise ValueError(message)
    return _ED25519_PREFIX + public


def key_id(public: bytes) -> str:
    """OpenSSH fingerprint of an Ed25519 key (``SHA256:`` and 43 characters): how receipts name their signer.

    The key id that DSSE tools of the Sigstore family work out for themselves: with any other, they skip the signature.
    """
    parts = (b"ssh-ed25519", public)
    blob = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return "SHA256:" + b64.encode(sha256(blob).digest()).rstrip("=")


def ed25519_pem(public: bytes) -> bytes:
    """The key as the PEM file that ``openssl`` reads."""
    return (_PEM_HEAD + b64.encode(ed25519_spki(public)) + _PEM_TAIL).encode("ascii")


def parse_ed25519_pem(data: bytes) -> bytes:
    """Raw key of a PEM file that must be spelled exactly as :func:`ed25519_pem` does. Raises EvidenceInvalid."""
    text = data.decode("utf-8", "replace")
    if not (text.startswith(_PEM_HEAD) and text.endswith(_PEM_TAIL)):
        raise EvidenceInvalid("not a PEM public key in its plain form")
    spki = b64.decode(text[len(_PEM_HEAD) : -len(_PEM_TAIL)])
    public = spki[len(_ED25519_PREFIX) :]
    if len(public) != 32 or ed25519_pem(public) != data:
        raise EvidenceInvalid("not an Ed25519 public key in its one spelling")
    return public
