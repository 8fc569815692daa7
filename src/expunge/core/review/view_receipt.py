"""The receipt of a look: the views of one lease as they stand in the register of reviews, and what leads from each to the log.

A DSSE envelope over an in-toto Statement v1, with the log's checkpoint beside it. With the files alone a person checks that each view was
entered as it says, that none is missing between the first and the last, and that the log committed to them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from expunge.core.evidence import receipt_codec
from expunge.core.log import dsse
from expunge.core.review.commitment import FORM
from expunge.core.values import canonical
from expunge.core.values.canonical import Json
from expunge.core.values.signature import ed25519_pem, key_id
from expunge.errors import EvidenceInvalid

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://expunge.example/views/v1"
ENVELOPE = "views.dsse.json"
CHECKPOINT = "views.checkpoint"
POLICY = "trust-policy.txt"
SIGNER = "signer.pem"
FILES = (ENVELOPE, CHECKPOINT, POLICY, SIGNER)
"""The files of one receipt."""
MOST_VIEWS = 10_000
"""Views of one receipt."""


@dataclass(frozen=True)
class LogPlace:
    """An entry of the log that commits to events of the register."""

    number: int
    """Of the entry, among those about reviews."""
    root: str
    """Hex: the root of the tree of its events."""
    index: int
    """The place of its leaf in the log."""
    path: tuple[bytes, ...]
    """From the leaf to the checkpoint's root."""

    @property
    def leaf(self) -> bytes:
        """Return the leaf of the log."""
        return canonical.encode({"form": FORM, "number": self.number, "root": self.root})


@dataclass(frozen=True)
class ProvenView:
    """One view, and what leads to its entry."""

    event: str
    """Canonical JSON of the event ``ViewServed``, as the register has it."""
    salt: bytes
    """Of this event, 32 bytes."""
    entry: int
    """The number of its entry."""
    index: int
    """Its place among the events of the entry, from 0."""
    count: int
    """Events of the entry."""
    path: tuple[bytes, ...]


@dataclass(frozen=True)
class ViewsReceipt:
    """The receipt of a look."""

    look: str
    """The id of the lease."""
    issued: datetime
    """Whole seconds, UTC."""
    log: str
    """The origin of the log."""
    signer: str
    """The fingerprint of the key that signs."""
    policy: str
    """Hex SHA-256 of ``trust-policy.txt``."""
    entries: tuple[LogPlace, ...]
    """By number."""
    views: tuple[ProvenView, ...]
    """By their numbers in the lease, from 0."""

    def encode(self) -> bytes:
        """Return the canonical bytes of the statement."""
        return canonical.encode(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.look, "digest": {"sha256": digest_of(self.views)}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": receipt_codec.to_json(self),
            }
        )


def digest_of(views: Iterable[ProvenView]) -> str:
    """Return the hex SHA-256 over the events of some views, one behind the other, each behind a line break."""
    return sha256("".join(f"\n{each.event}" for each in views).encode()).hexdigest()


def parse(statement: bytes) -> ViewsReceipt:
    """Return the receipt of a statement. Raises EvidenceInvalid for one that is not in its one spelling."""
    match canonical.decode(statement):
        case {"predicateType": str(kind), "predicate": dict(predicate)} if kind == PREDICATE_TYPE:
            value: Json = predicate
        case _:
            raise EvidenceInvalid("not a receipt of a look of the form this tool issues")
    receipt: ViewsReceipt = receipt_codec.from_json(ViewsReceipt, value, "predicate")
    if receipt.encode() != statement:
        raise EvidenceInvalid("the receipt has fields that do not belong there, or does not name what it is about")
    return receipt


def assemble(statement: bytes, signature: bytes, signer_public: bytes, policy: bytes, checkpoint: bytes) -> dict[str, bytes]:
    """Return the files of a receipt, by name.

    Args:
        statement: of :meth:`ViewsReceipt.encode`.
        signature: 64 bytes over :func:`expunge.core.log.dsse.pae` of the statement.
        signer_public: raw Ed25519 key, 32 bytes.
        policy: ``trust-policy.txt``, whose digest is in the statement.
        checkpoint: the signed note of the log.
    """
    envelope = dsse.Envelope(statement, signature, key_id(signer_public))
    return {ENVELOPE: envelope.encode(), CHECKPOINT: checkpoint, POLICY: policy, SIGNER: ed25519_pem(signer_public)}
