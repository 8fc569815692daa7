"""Many receipts of one order in one file of its shelf. One file needs one name and one wait for the device, instead of two per person.

First a line of canonical JSON: ``policy`` (its length), and ``receipts``, a list of number, length of the envelope, length of the proof.
Then the bytes themselves, in that order. The signed bytes and the log's entries are the same as in files of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from expunge.core.values import canonical
from expunge.errors import EvidenceInvalid


class PackedReceipt(NamedTuple):
    """One receipt of a pack."""

    envelope: bytes
    """DSSE envelope, as issued."""
    proof: bytes
    """Of the day on which it was entered in the log."""
    policy: bytes
    """Trust policy that the receipt names by digest."""


def pack(policy: bytes, receipts: Mapping[int, tuple[bytes, bytes]]) -> bytes:
    """Number of the person in the order -> envelope and proof; all of them name one policy."""
    lengths = [[number, len(envelope), len(proof)] for number, (envelope, proof) in receipts.items()]
    head = canonical.encode({"policy": len(policy), "receipts": lengths})
    return b"".join([head, b"\n", policy, *(part for receipt in receipts.values() for part in receipt)])


def unpack(data: bytes, number: int) -> PackedReceipt | None:
    """Return the receipt of one person, or None when the pack does not hold it.

    Raises EvidenceInvalid for bytes that :func:`pack` did not write.
    """
    head, _, body = data.partition(b"\n")
    match canonical.decode(head):
        case {"policy": int(policy), "receipts": list(lengths)}:
            pass
        case _:
            raise _damaged()
    at, found = policy, None
    for length in lengths:
        match length:
            case [int(whose), int(envelope), int(proof)]:
                if whose == number:
                    middle = at + envelope
                    found = PackedReceipt(body[at:middle], body[middle : middle + proof], body[:policy])
                at += envelope + proof
            case _:
                raise _damaged()
    if at != len(body):
        raise _damaged()
    return found


def _damaged() -> EvidenceInvalid:
    return EvidenceInvalid("a file of receipts is damaged", help="restore the state from its backup")
