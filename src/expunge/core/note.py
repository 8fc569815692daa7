"""Signed notes (C2SP signed-note): text, a blank line, signature lines, and the verifier keys that check them.

Signature types: 0x01 Ed25519, 0x02 ECDSA P-256 (key id = start of SHA-256 over the DER key), 0x04 timestamped Ed25519 cosignature
(C2SP tlog-cosignature).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import NamedTuple

from expunge.core.values import b64
from expunge.core.values.signature import check_ed25519, check_p256_spki, verify_ed25519, verify_p256
from expunge.errors import EvidenceInvalid

MAX_NOTE = 1_000_000
MAX_SIGNATURES = 100
_DASH = "\N{EM DASH} "
_HELP = "the note was changed, or is not one; ask for it again"


class Algorithm(IntEnum):
    """Signature type identifier bytes of C2SP signed-note that are understood here."""

    ED25519 = 1
    ECDSA_P256 = 2
    COSIGNATURE = 4


@dataclass(frozen=True)
class VerifierKey:
    """A named public key, written ``<name>+<key id, 8 hex digits>+<base64 of type byte and key>``."""

    name: str
    algorithm: Algorithm
    key: bytes
    """Raw 32 bytes for the Ed25519 types, DER SubjectPublicKeyInfo for P-256."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        if self.algorithm is Algorithm.ECDSA_P256:
            check_p256_spki(self.key)
        else:
            check_ed25519(self.key)

    @property
    def id(self) -> bytes:
        """The four bytes that, with the name, pick the key."""
        if self.algorithm is Algorithm.ECDSA_P256:
            return sha256(self.key).digest()[:4]
        return sha256(self.name.encode() + b"\n" + bytes([self.algorithm]) + self.key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64.encode(bytes([self.algorithm]) + self.key)}"

    def verify(self, text: bytes, signature: bytes) -> None:
        """Check one signature over a note's text. Raises EvidenceInvalid."""
        if self.algorithm is Algorithm.ECDSA_P256:
            verify_p256(self.key, signature, text)
        elif self.algorithm is Algorithm.ED25519:
            verify_ed25519(self.key, signature, text)
        else:
            if len(signature) != 72:
                raise EvidenceInvalid("a cosignature is not 72 bytes", help=_HELP)
            time = int.from_bytes(signature[:8], "big")
            verify_ed25519(self.key, signature[8:], b"cosignature/v1\ntime %d\n" % time + text)


class NoteSignature(NamedTuple):
    """One signature line."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {b64.encode(self.key_id + self.signature)}\n"


class SignedNote(NamedTuple):
    """Text (with its final newline) and signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def encode(self) -> bytes:
        """The note's one byte form."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode("utf-8")


def parse_key(text: str) -> VerifierKey:
    """Parse a verifier key, strictly. Raises EvidenceInvalid, also when the key id does not belong to the key."""
    name, _, rest = text.partition("+")
    _, _, encoded = rest.partition("+")
    material = b64.decode(encoded)
    if not material or material[0] not in set(Algorithm):
        raise EvidenceInvalid("a verifier key is of a kind that is not known here", help="Ed25519, P-256 and cosignature/v1 keys are")
    key = VerifierKey(name, Algorithm(material[0]), material[1:])
    if str(key) != text:
        raise EvidenceInvalid("a verifier key is not spelled right: its id and its bytes disagree", help="copy the whole line again")
    return key


def parse_note(data: bytes) -> SignedNote:
    """Split a note into text and signature lines, verifying nothing. Raises EvidenceInvalid unless it has its canonical spelling."""
    if len(data) > MAX_NOTE:
        raise EvidenceInvalid("a note is too long", help=_HELP)
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceInvalid("a note is not UTF-8", help=_HELP) from error
    if any(letter < " " and letter != "\n" for letter in whole):
        raise EvidenceInvalid("a note holds control characters", help=_HELP)
    head, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise EvidenceInvalid("a note has no signatures", help=_HELP)
    signatures = tuple(_parse_line(line) for line in tail[:-1].split("\n"))
    if len(signatures) > MAX_SIGNATURES:
        raise EvidenceInvalid("a note has too many signatures", help=_HELP)
    note = SignedNote(head + "\n", signatures)
    if note.encode() != data:
        raise EvidenceInvalid("a note is not in its one spelling", help=_HELP)
    return note


def open_note(data: bytes, verifier_keys: Iterable[str | VerifierKey]) -> SignedNote:
    """Open a note as C2SP signed-note says: unknown keys are ignored, known keys must verify, at least one must be known.

    Args:
        data: the note.
        verifier_keys: the keys to trust, parsed or as text.

    Returns:
        The text, and the signatures that were verified (a repeated line counts once).

    Raises:
        EvidenceInvalid: when it is malformed, a known key's signature fails, or no known key signed.
    """
    note = parse_note(data)
    keys = _keyring(verifier_keys)
    good: dict[tuple[str, bytes], NoteSignature] = {}
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None or (signature.name, signature.key_id) in good:
            continue
        key.verify(note.text.encode(), signature.signature)
        good[signature.name, signature.key_id] = signature
    if not good:
        raise EvidenceInvalid("no key that is trusted signed the note", help="check that the right trust policy is used")
    return SignedNote(note.text, tuple(good.values()))


def open_strict(data: bytes, verifier_keys: Iterable[VerifierKey]) -> tuple[str, tuple[VerifierKey, ...]]:
    """Open a note in which every line must be by one of the keys, verify, come once, and stand in the order of the keys.

    Stricter than C2SP on purpose: a line without a known key could be changed unnoticed.

    Returns:
        The text and the keys that signed, in order.

    Raises:
        EvidenceInvalid: otherwise.
    """
    note = parse_note(data)
    order = list(verifier_keys)
    keys = _keyring(order)
    signed: list[VerifierKey] = []
    for signature in note.signatures:
        key = keys.get((signature.name, signature.key_id))
        if key is None:
            raise EvidenceInvalid("a signature line is by a key that the trust policy does not name", help=_HELP)
        key.verify(note.text.encode(), signature.signature)
        signed.append(key)
    positions = [order.index(key) for key in signed]
    if positions != sorted(set(positions)):
        raise EvidenceInvalid("signature lines are repeated or out of order", help=_HELP)
    return note.text, tuple(signed)


def _keyring(keys: Iterable[str | VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    ring: dict[tuple[str, bytes], VerifierKey] = {}
    for each in (keys,) if isinstance(keys, str) else keys:
        key = parse_key(each) if isinstance(each, str) else each
        if ring.setdefault((key.name, key.id), key) != key:
            raise EvidenceInvalid("two verifier keys share name and id", help="take one of them out of the trust policy")
    return ring


def _parse_line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise EvidenceInvalid("a signature line does not start with a dash", help=_HELP)
    _check_name(name)
    raw = b64.decode(encoded)
    if len(raw) < 5:
        raise EvidenceInvalid("a signature line is too short", help=_HELP)
    return NoteSignature(name, raw[:4], raw[4:])


def _check_name(name: str) -> None:
    if not name or "+" in name or any(letter.isspace() or letter < " " for letter in name):
        raise EvidenceInvalid("a key name is empty, or holds spaces or a plus sign", help=_HELP)
