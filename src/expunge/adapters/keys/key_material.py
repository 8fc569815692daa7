"""Key material: signing keys made and held as bytes, and sealing under an order's key."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge.core.values.ids import OrderId
from expunge.errors import StateCorrupt

_VERSION = b"\x01"
_NONCE = 12
_TAG = 16


def seal(key: bytes, order: OrderId, purpose: str, plaintext: bytes) -> bytes:
    """AES-256-GCM under a fresh nonce; order and purpose are associated data. Version byte, nonce, ciphertext and tag."""
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, plaintext, _context(order, purpose))


def open_sealed(key: bytes, order: OrderId, purpose: str, sealed: bytes) -> bytes:
    """Open the output of :func:`seal`. Raises StateCorrupt when it does not authenticate."""
    if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE + _TAG:
        raise StateCorrupt("not something this keystore sealed", help="the file was damaged; restore the state folder from its backup")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], _context(order, purpose))
    except InvalidTag:
        raise StateCorrupt("sealed bytes do not open under this order's key", help="they were changed, or belong elsewhere") from None


def _context(order: OrderId, purpose: str) -> bytes:
    return b"expunge/sealed/1\0" + order.encode() + b"\0" + purpose.encode()


def new_signer() -> bytes:
    """Return a fresh Ed25519 seed, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def new_log() -> bytes:
    """Return a fresh Ed25519 seed and a fresh P-256 scalar (big-endian), 64 bytes."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return new_signer() + number.to_bytes(32, "big")


def signer(key: bytes) -> Ed25519PrivateKey:
    """Return the signing key of a seed."""
    return Ed25519PrivateKey.from_private_bytes(key)


def log_pair(key: bytes) -> tuple[Ed25519PrivateKey, ec.EllipticCurvePrivateKey]:
    """Return the two signing keys from the output of :func:`new_log`."""
    return signer(key[:32]), ec.derive_private_key(int.from_bytes(key[32:], "big"), ec.SECP256R1())


def publics(kind: str, key: bytes) -> list[bytes]:
    """Return the public halves: raw Ed25519 and, for the log, P-256 as SubjectPublicKeyInfo (DER)."""
    if kind == "signer":
        return [signer(key).public_key().public_bytes_raw()]
    first, second = log_pair(key)
    return [first.public_key().public_bytes_raw(), second.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)]


def sign_p256(key: ec.EllipticCurvePrivateKey, data: bytes) -> bytes:
    """ECDSA over SHA-256, DER; deterministic (RFC 6979) where the library can."""
    try:
        return key.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
    except UnsupportedAlgorithm:
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
