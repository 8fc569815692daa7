"""Commitments to the register of reviews in the transparency log: the leaf of the log, and the proof that an event is behind it.

A leaf of the log says nothing but its number and a root. Each event of the register is a leaf of the tree of that root, salted by a key
that stands in the journal alone, so that no list of guesses matches an event. With an event, its salt and its path any person checks that
the event was in the register when the entry was made.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from expunge.core import merkle
from expunge.core.journal.review_events import ReviewsCommitted
from expunge.core.log import register_forms
from expunge.errors import EvidenceInvalid

FORM = register_forms.VIEWS
SALT_BYTES = 32


def salt_of(salt: bytes, position: int) -> bytes:
    """Return the salt of the event at a position of the register: HMAC-SHA-256 of the position under the entry's salt."""
    return hmac.digest(salt, position.to_bytes(8, "big"), "sha256")


def salted(salt: bytes, position: int, event: bytes) -> bytes:
    """Return the leaf hash of an event: SHA-256 over 0x00, its salt of 32 bytes, and its canonical bytes."""
    return merkle.leaf_hash(salt_of(salt, position) + event)


def root_of(salt: bytes, first: int, events: Sequence[bytes]) -> bytes:
    """Return the root of the tree of some events (RFC 9162 section 2.1.1), the first of which is at position ``first``."""
    leaves = [salted(salt, position, event) for position, event in enumerate(events, start=first)]
    return merkle.tree_root(len(leaves), merkle.nodes_of(leaves))


def log_leaf(committed: ReviewsCommitted) -> bytes:
    """Return the leaf of the transparency log: the form, the number of the entry, and the root, as canonical JSON."""
    return register_forms.leaf(FORM, committed.number, committed.root)


def number_in(leaf: bytes) -> int | None:
    """Return the number of an entry of the log; None for a leaf of another form."""
    found = register_forms.read(leaf)
    return found[1] if found is not None and found[0] == FORM else None


@dataclass(frozen=True)
class EventProof:
    """What leads from one event of the register to the leaf of the log that commits to it."""

    event: bytes
    salt: bytes
    """Of this event."""
    index: int
    """The place of the event among those of the entry, from 0."""
    count: int
    path: tuple[bytes, ...]
    committed: ReviewsCommitted


def prove(committed: ReviewsCommitted, events: Sequence[bytes], position: int) -> EventProof:
    """Return the proof of the event at a position of the register.

    Args:
        committed: the entry that commits to it.
        events: every event that the entry commits to, in order.
        position: of the event, in the register.

    Raises EvidenceInvalid where the entry does not commit to these events.
    """
    salt, index = bytes.fromhex(committed.salt), position - committed.first
    leaves = [salted(salt, committed.first + place, event) for place, event in enumerate(events)]
    node = merkle.nodes_of(leaves)
    if len(leaves) != committed.count or merkle.tree_root(len(leaves), node).hex() != committed.root:
        message = "the register of reviews is not what the log committed to"
        raise EvidenceInvalid(message, help="restore the journal from its backup, and ask again")
    path = merkle.prove_inclusion(index, len(leaves), node)
    return EventProof(events[index], salt_of(salt, position), index, len(leaves), path, committed)


def verify(proof: EventProof) -> None:
    """Raise EvidenceInvalid unless the event is behind the root of the entry."""
    leaf = merkle.leaf_hash(proof.salt + proof.event)
    merkle.verify_inclusion(leaf, proof.index, proof.count, proof.path, bytes.fromhex(proof.committed.root))
