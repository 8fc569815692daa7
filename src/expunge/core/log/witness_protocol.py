"""The wire format between a log and its witnesses (C2SP tlog-witness), and what a witness checks before it cosigns. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from expunge.core import merkle, note
from expunge.core.log import checkpoint
from expunge.core.note import NoteSignature, VerifierKey
from expunge.core.values import b64
from expunge.errors import EvidenceInvalid

MOST_HASHES = 63
MOST_BYTES = 1 << 18
"""Of a request or an answer."""
ADD_CHECKPOINT = "add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"


class WitnessStatus(IntEnum):
    """The answers of a witness."""

    COSIGNED = 200
    MALFORMED = 400
    NOT_SIGNED = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    """The old size is not that of the last checkpoint that the witness cosigned, which the answer holds."""
    INCONSISTENT = 422
    UNAVAILABLE = 503


class Refusal(Exception):
    """The witness does not cosign."""

    def __init__(self, status: WitnessStatus, why: str, size: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.why = why
        self.size = size
        """Of the last checkpoint that was cosigned, for a conflict."""


@dataclass(frozen=True)
class AddCheckpoint:
    """One request."""

    old: int
    """Size of the last checkpoint that the witness is known to have cosigned; 0 for none."""
    proof: tuple[bytes, ...]
    """Consistency proof from there to the checkpoint; empty from 0."""
    note: bytes
    """The checkpoint, signed by the log."""

    def encode(self) -> bytes:
        """The body of the request."""
        lines = [f"old {self.old}", *map(b64.encode, self.proof), "", ""]
        return "\n".join(lines).encode("ascii") + self.note


def parse_request(data: bytes) -> AddCheckpoint:
    """Parse a request, verifying nothing. Raises Refusal."""
    head, blank, signed = data.partition(b"\n\n")
    lines = head.decode("utf-8", "replace").split("\n")
    try:
        if not blank or not lines[0].startswith("old ") or len(lines) > MOST_HASHES + 1 or len(data) > MOST_BYTES:
            raise EvidenceInvalid("not an old size, hashes, an empty line and a checkpoint")
        proof = tuple(b64.decode(line) for line in lines[1:])
        if any(len(each) != merkle.HASH_SIZE for each in proof):
            raise EvidenceInvalid("a line of the proof is no hash")
        old = checkpoint.parse_number(lines[0].removeprefix("old "))
        checkpoint.parse(note.parse_note(signed).text)
    except EvidenceInvalid as error:
        raise Refusal(WitnessStatus.MALFORMED, error.message) from error
    return AddCheckpoint(old, proof, signed)


def check_request(request: AddCheckpoint, keys: Iterable[VerifierKey], last: checkpoint.Checkpoint | None) -> checkpoint.Checkpoint:
    """Return the checkpoint to cosign. Raise Refusal where it is not one that the witness may cosign.

    Args:
        request: what was parsed.
        keys: the trusted keys of all logs.
        last: the last checkpoint of the same log that was cosigned; None where none was.
    """
    head = checkpoint.parse(note.parse_note(request.note).text)
    own = [key for key in keys if key.name == head.origin]
    if not own:
        raise Refusal(WitnessStatus.UNKNOWN_LOG, "the log is not one of this witness's")
    try:
        note.open_note(request.note, own)
    except EvidenceInvalid as error:
        raise Refusal(WitnessStatus.NOT_SIGNED, error.message) from error
    known = last.size if last else 0
    if request.old > head.size:
        raise Refusal(WitnessStatus.MALFORMED, "the old size is larger than the checkpoint's")
    if request.old != known:
        raise Refusal(WitnessStatus.CONFLICT, f"the last checkpoint cosigned has {known} entries", known)
    if known == 0 or last is None:
        if request.proof:
            raise Refusal(WitnessStatus.INCONSISTENT, "nothing can be proven from an empty tree")
        return head
    try:
        merkle.verify_consistency(last.size, head.size, last.root, head.root, request.proof)
    except EvidenceInvalid as error:
        raise Refusal(WitnessStatus.INCONSISTENT, error.message) from error
    return head


def cosigned_text(signed: bytes, seconds: int) -> bytes:
    """The bytes that a witness signs for a checkpoint at a time (C2SP tlog-cosignature, Ed25519)."""
    return b"cosignature/v1\ntime %d\n" % seconds + note.parse_note(signed).text.encode()


def cosignature_line(key: VerifierKey, seconds: int, signature: bytes) -> str:
    """The answer of a witness: one signature line, with its newline."""
    return NoteSignature(key.name, key.id, seconds.to_bytes(8, "big") + signature).line()


def with_cosignatures(signed: bytes, answer: bytes, key: VerifierKey) -> tuple[bytes, NoteSignature]:
    """Add the line by ``key`` of a witness's answer to a checkpoint; lines by other keys are ignored.

    Returns:
        The checkpoint with the line, and the line.

    Raises:
        EvidenceInvalid: there is none, it does not verify, or the answer is no list of signature lines.
    """
    if len(answer) > MOST_BYTES:
        raise EvidenceInvalid("the witness's answer is too long")
    parsed = note.parse_note(signed)
    plain = parsed._replace(signatures=tuple(line for line in parsed.signatures if (line.name, line.key_id) != (key.name, key.id)))
    (line,) = note.open_note(plain.encode() + answer, [key]).signatures
    return plain._replace(signatures=(*plain.signatures, line)).encode(), line


def parse_size(answer: bytes) -> int:
    """The size in the answer to a conflict. Raises EvidenceInvalid."""
    text = answer[:32].decode("ascii", "replace")
    if not text.endswith("\n"):
        raise EvidenceInvalid("the witness's answer is no size")
    return checkpoint.parse_number(text[:-1])
