"""Offline proofs that an entry is in a log (C2SP tlog-proof@v1)."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.core.log.checkpoint import parse_number
from expunge.core.merkle import HASH_SIZE
from expunge.core.values import b64
from expunge.errors import EvidenceInvalid

HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class TlogProof:
    """The place of a leaf, and the signed checkpoint that covers it."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    """The signed note, byte for byte as published."""

    def encode(self) -> bytes:
        """The file's one byte form. There is no ``extra`` line: nothing would authenticate it."""
        lines = [HEADER, f"index {self.index}", *map(b64.encode, self.path), "", ""]
        return "\n".join(lines).encode("ascii") + self.checkpoint


def parse(data: bytes) -> TlogProof:
    """Parse a proof, verifying nothing. Raises EvidenceInvalid unless it has its canonical spelling."""
    head, blank, checkpoint = data.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    if not blank or len(lines) < 2 or lines[0] != HEADER or not lines[1].startswith("index "):
        raise EvidenceInvalid("not a tlog-proof of the form this tool issues", help="use receipt.tlog-proof byte for byte as issued")
    path = tuple(b64.decode(line) for line in lines[2:])
    if any(len(each) != HASH_SIZE for each in path) or len(path) > 64:
        raise EvidenceInvalid("a tlog-proof holds something that is not a hash")
    proof = TlogProof(parse_number(lines[1].removeprefix("index ")), path, checkpoint)
    if proof.encode() != data:
        raise EvidenceInvalid("a tlog-proof is not in its one spelling")
    return proof
