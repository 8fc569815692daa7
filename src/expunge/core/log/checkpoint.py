"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as the text of a signed note."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.merkle import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from expunge.core.note import Algorithm, NoteSignature, SignedNote, VerifierKey
from expunge.core.values import b64
from expunge.errors import EvidenceInvalid


@dataclass(frozen=True)
class Checkpoint:
    """One state of one log."""

    origin: str
    """Names the log; also the key name of its signature lines."""
    size: int
    root: bytes

    def text(self) -> str:
        """Return the note text, without extension lines. No reader could audit them."""
        return f"{self.origin}\n{self.size}\n{b64.encode(self.root)}\n"


def parse(text: str) -> Checkpoint:
    """Parse a note text. Raises EvidenceInvalid for extension lines, leading zeros, or an empty tree with a root of its own."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not lines[0]:
        raise EvidenceInvalid("a checkpoint is not three lines: origin, size, root")
    size = parse_number(lines[1])
    root = b64.decode(lines[2])
    if len(root) != HASH_SIZE or size > MAX_SIZE:
        raise EvidenceInvalid("a checkpoint's size or root is out of range")
    if size == 0 and root != EMPTY_ROOT:
        raise EvidenceInvalid("a checkpoint of an empty log has a root that is not the empty root")
    return Checkpoint(lines[0], size, root)


def parse_number(text: str) -> int:
    """An ASCII decimal without sign, leading zeros or spaces. Raises EvidenceInvalid."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or (len(text) > 1 and text[0] == "0"):
        raise EvidenceInvalid("a number is not written as a plain decimal")
    return int(text)


def log_keys(origin: str, ed25519: bytes, p256_spki: bytes) -> tuple[VerifierKey, VerifierKey]:
    """The two verifier keys of a log, in the order in which its checkpoints are signed."""
    return VerifierKey(origin, Algorithm.ED25519, ed25519), VerifierKey(origin, Algorithm.ECDSA_P256, p256_spki)


def signed(checkpoint: Checkpoint, keys: tuple[VerifierKey, VerifierKey], signatures: tuple[bytes, bytes]) -> bytes:
    """Put a checkpoint and the signatures by :func:`log_keys` together."""
    lines = tuple(NoteSignature(key.name, key.id, signature) for key, signature in zip(keys, signatures, strict=True))
    return SignedNote(checkpoint.text(), lines).encode()
