"""Commitments to identifiers: only the holder of the opening can tie a receipt to a person.

The commitment is the SHA-256 of the file ``opening.json``, which holds the identifiers and 32 random bytes, used once. Without the file a
list of all guesses matches nothing. With the file, every tool that compares a file with an in-toto subject can tie it to the receipt.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeAlias

from expunge.core.values import b64, canonical
from expunge.errors import EvidenceInvalid

OPENING_SIZE = 32
SCHEMA = "expunge.opening/1"

Identifier: TypeAlias = tuple[str, str]
"""Identity kind of the data map, and value."""


def commit(opening: bytes, identifiers: Iterable[Identifier]) -> str:
    """Return the hex commitment to a set of identifiers.

    Args:
        opening: 32 random bytes, used for this one commitment.
        identifiers: (kind, value) pairs in any order; may be empty only where the order names no person.

    Raises:
        ValueError: for an opening of another length, or text that is not valid Unicode.
    """
    if len(opening) != OPENING_SIZE:
        message = "the opening of a commitment is 32 bytes"
        raise ValueError(message)
    return sha256(Opening(opening, tuple(identifiers)).encode()).hexdigest()


def verify(commitment: str, opening: bytes, identifiers: Iterable[Identifier]) -> None:
    """Check that the opening and identifiers are the ones committed to. Raises EvidenceInvalid."""
    try:
        made = commit(opening, identifiers)
    except ValueError as error:
        raise EvidenceInvalid("the opening of a commitment is malformed") from error
    if not hmac.compare_digest(made, commitment):
        raise EvidenceInvalid("the commitment is not to these identifiers", help="the opening belongs to another receipt or was changed")


@dataclass(frozen=True)
class Opening:
    """The person's part of the commitment: the opening and the identifiers, as the file ``opening.json``."""

    opening: bytes = field(repr=False)
    identifiers: tuple[Identifier, ...] = field(repr=False)

    def encode(self) -> bytes:
        """Canonical JSON. Raises ValueError for text that is not valid Unicode."""
        pairs = [{"kind": kind, "value": value} for kind, value in sorted(set(self.identifiers))]
        return canonical.encode({"identifiers": pairs, "opening": b64.encode(self.opening), "schema": SCHEMA})

    def commitment(self) -> str:
        """The commitment that a receipt holds."""
        return commit(self.opening, self.identifiers)

    def verify(self, commitment: str) -> None:
        """Check that this opens ``commitment``. Raises EvidenceInvalid."""
        verify(commitment, self.opening, self.identifiers)


def parse_opening(data: bytes) -> Opening:
    """Parse ``opening.json``. Raises EvidenceInvalid unless it has its canonical spelling."""
    match canonical.decode(data):
        case {"identifiers": [*pairs], "opening": str(opening), "schema": str(schema)} if schema == SCHEMA:
            opened = Opening(b64.decode(opening), tuple(_identifier(pair) for pair in pairs))
        case _:
            raise EvidenceInvalid("not an opening of the form this tool issues")
    if opened.encode() != data:
        raise EvidenceInvalid("the opening has fields that do not belong there or is not in order")
    return opened


def _identifier(pair: canonical.Json) -> Identifier:
    match pair:
        case {"kind": str(kind), "value": str(value)}:
            return kind, value
        case _:
            raise EvidenceInvalid("an opening holds an identifier that is malformed")
