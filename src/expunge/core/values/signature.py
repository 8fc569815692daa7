"""Signature checks, the one spelling of each public key, and a keyed hash. The only core module that uses ``cryptography``.

Ed25519: RFC 8032, SubjectPublicKeyInfo of RFC 8410. ECDSA: P-256 with SHA-256, uncompressed point (RFC 5480), DER signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from expunge.core.values import b64
from expunge.errors import EvidenceInvalid

ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
"""What stands before the raw key in its SubjectPublicKeyInfo."""
P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""What stands before both coordinates of a P-256 point in its SubjectPublicKeyInfo."""
_FIELD = 2**255 - 19
_SMALL_ORDER = frozenset(
    {
        0,
        1,
        _FIELD - 1,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""The y coordinates of the eight points whose order divides 8: under such a key anybody can sign nearly anything."""
_BLOCK = 16
_PEM_HEAD, _PEM_TAIL = "-----BEGIN PUBLIC KEY-----\n", "\n-----END PUBLIC KEY-----\n"


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    """Check a 64-byte signature by a raw 32-byte key. Raises EvidenceInvalid."""
    check_ed25519(public)
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


def check_ed25519(public: bytes) -> None:
    """Raise EvidenceInvalid unless the bytes may be somebody's own key: 32 of them, canonical, and of no point of small order."""
    if len(public) != 32:
        raise EvidenceInvalid("an Ed25519 key is not 32 bytes")
    y = int.from_bytes(public, "little") & (2**255 - 1)
    if y >= _FIELD or y in _SMALL_ORDER:
        raise EvidenceInvalid(
            "an Ed25519 key is of small order, or not in its one spelling: anybody can sign for it",
            help="nobody's own key looks like that; do not rely on whoever names it",
        )


def check_p256_spki(spki: bytes) -> None:
    """Raise EvidenceInvalid unless the bytes are the one DER spelling of an uncompressed P-256 key."""
    if len(spki) != 91 or not spki.startswith(P256_SPKI):
        raise EvidenceInvalid("a P-256 key is not in its one DER spelling")


def ed25519_spki(public: bytes) -> bytes:
    """DER SubjectPublicKeyInfo of a raw 32-byte key (RFC 8410 section 4). Raises ValueError."""
    if len(public) != 32:
        message = "an Ed25519 public key is 32 bytes"
        raise ValueError(message)
    return ED25519_SPKI + public


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
    public = spki[len(ED25519_SPKI) :]
    if len(public) != 32 or ed25519_pem(public) != data:
        raise EvidenceInvalid("not an Ed25519 public key in its one spelling")
    return public


class Cmac:
    """AES-CMAC under one key (RFC 4493, NIST SP 800-38B): 16 bytes for a message of any length.

    Not for several threads at once.
    """

    def __init__(self, key: bytes) -> None:
        """Prepare a key of 16 or 32 bytes. Raises ValueError for another length."""
        # Why ECB: the chaining is done here and by whoever works on many messages at once; each call encrypts independent blocks.
        self.encrypt = Cipher(algorithms.AES(key), modes.ECB()).encryptor().update  # noqa: S305
        """Encrypts any number of 16-byte blocks, each for itself."""
        self.whole = _doubled(int.from_bytes(self.encrypt(bytes(_BLOCK)), "big"))
        """Subkey for a last block that is full."""
        self.padded = _doubled(self.whole)
        """Subkey for a last block that is filled up with 0x80 and zeros."""

    def of(self, message: bytes) -> bytes:
        """The 16 bytes for ``message``."""
        state = 0
        last = max(0, (len(message) - 1) // _BLOCK * _BLOCK)
        for at in range(0, last, _BLOCK):
            state = int.from_bytes(self.encrypt((state ^ int.from_bytes(message[at : at + _BLOCK], "big")).to_bytes(_BLOCK, "big")), "big")
        end = message[last:]
        if len(end) == _BLOCK:
            tail = int.from_bytes(end, "big") ^ self.whole
        else:
            tail = int.from_bytes((end + b"\x80").ljust(_BLOCK, b"\0"), "big") ^ self.padded
        return self.encrypt((state ^ tail).to_bytes(_BLOCK, "big"))

    def of_each(self, messages: Sequence[bytes]) -> list[bytes]:
        """The same for many messages of one length: all first blocks are encrypted in one call, then all second ones."""
        count, length = len(messages), len(messages[0]) if messages else 0
        last = max(0, (length - 1) // _BLOCK * _BLOCK)
        state = 0
        for at in range(0, last, _BLOCK):
            blocks = b"".join([message[at : at + _BLOCK] for message in messages])
            state = int.from_bytes(self.encrypt((state ^ int.from_bytes(blocks, "big")).to_bytes(count * _BLOCK, "big")), "big")
        full = length == last + _BLOCK
        filling = b"" if full else b"\x80".ljust(_BLOCK - length + last, b"\0")
        tails = b"".join([message[last:] + filling for message in messages])
        subkeys = (self.whole if full else self.padded).to_bytes(_BLOCK, "big") * count
        mixed = state ^ int.from_bytes(tails, "big") ^ int.from_bytes(subkeys, "big")
        done = self.encrypt(mixed.to_bytes(count * _BLOCK, "big"))
        return [done[at : at + _BLOCK] for at in range(0, len(done), _BLOCK)]


def _doubled(value: int) -> int:
    """Twice a value in the field of 2^128 elements that the specification names."""
    twice = value << 1
    return twice ^ (1 << 128 | 0x87) if twice >> 128 else twice
