"""A record of a ledger of duties that people do, signed like a receipt, with a leaf in the log.

Training, hand-over, acknowledgement, assurance: a role or a keyed pseudonym of the person, a date and the digest of a document. It holds
no name and no content.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256

from expunge.core import merkle
from expunge.core.log import dsse
from expunge.core.values import canonical, codec
from expunge.core.values.signature import parse_ed25519_pem
from expunge.errors import EvidenceInvalid

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://expunge.example/ledger/v1"
RECORD, SIGNER, PROOF = "record.dsse.json", "signer.pem", "record.tlog-proof"


class LedgerKind(StrEnum):
    """What a record says was done. The list is closed."""

    ORDER = "order"
    """An order of a regulator or court binds from this date."""
    ORDER_ACKNOWLEDGED = "order-acknowledged"
    """The company swore to the authority that it has received the order."""
    ROLE = "role"
    """A person begins to work in a role that an order is about: whoever manages deletion, whoever can reach recordings."""
    ROLE_ENDED = "role-ended"
    TRAINING = "training"
    """The holder of a role was trained."""
    ATTESTATION = "attestation"
    """The holder of a role stated in writing to see recordings for its purpose alone."""
    HAND_OVER = "hand-over"
    """An order was handed to the holder of a role."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """That holder signed that they received it."""
    ASSURANCE = "assurance"
    """A third party or provider gave a written assurance."""
    REQUEST = "request"
    """An authority asked for records."""
    ANSWER = "answer"
    """Such a request was answered."""
    CERTIFICATION = "certification"
    """A yearly certification was signed."""
    REPORT = "report"
    """A compliance report was sworn and handed in."""
    CHANGE = "change"
    """Something changed that has to be told: a point of contact, the structure of the company."""
    NOTICE = "notice"
    """Such a change was told."""


ABOUT: dict[LedgerKind, tuple[LedgerKind, ...]] = {
    LedgerKind.ORDER_ACKNOWLEDGED: (LedgerKind.ORDER,),
    LedgerKind.ROLE_ENDED: (LedgerKind.ROLE,),
    LedgerKind.TRAINING: (LedgerKind.ROLE,),
    LedgerKind.ATTESTATION: (LedgerKind.ROLE,),
    LedgerKind.HAND_OVER: (LedgerKind.ORDER, LedgerKind.ROLE),
    LedgerKind.ACKNOWLEDGEMENT: (LedgerKind.HAND_OVER,),
    LedgerKind.ANSWER: (LedgerKind.REQUEST,),
    LedgerKind.CERTIFICATION: (LedgerKind.ORDER,),
    LedgerKind.REPORT: (LedgerKind.ORDER,),
    LedgerKind.NOTICE: (LedgerKind.CHANGE,),
}
"""Kind -> the kinds of the earlier records that it is about, in this sequence; a kind that is not here is about none."""
DOCUMENTED = frozenset(
    {
        LedgerKind.ORDER_ACKNOWLEDGED,
        LedgerKind.ATTESTATION,
        LedgerKind.ACKNOWLEDGEMENT,
        LedgerKind.ASSURANCE,
        LedgerKind.ANSWER,
        LedgerKind.CERTIFICATION,
        LedgerKind.REPORT,
        LedgerKind.NOTICE,
    }
)
"""Kinds that are nothing without the document: its digest is asked for."""


@dataclass(frozen=True)
class LedgerRecord:
    """One record."""

    id: str
    """``led-`` and 16 hex digits."""
    entered: datetime
    """When it was entered here, in whole seconds."""
    kind: LedgerKind
    on: date
    """The day on which it was done."""
    role: str
    """The role that it is about, or the authority; empty where none was said. No name of a person."""
    person: str
    """Keyed pseudonym of the person, or of the third party: ``per-`` and 16 hex digits; empty where a role is enough."""
    about: tuple[str, ...]
    """Ids of the earlier records that it is about, in the sequence of :data:`ABOUT`."""
    signed_by: str
    """The role of whoever signed the paper; empty where nobody did. No name of a person."""
    document: str
    """Hex SHA-256 of the signed paper; empty where there is none."""

    def encode(self) -> bytes:
        """The statement's canonical bytes, which are signed."""
        predicate: canonical.Json = {
            "about": list(self.about),
            "document": self.document,
            "entered": codec.instant(self.entered),
            "kind": self.kind.value,
            "on": self.on.isoformat(),
            "person": self.person,
            "role": self.role,
            "signed_by": self.signed_by,
        }
        # Why the id's hash: in-toto asks for a digest, and a record without a document has nothing else to offer.
        digest = self.document or sha256(self.id.encode()).hexdigest()
        subject: canonical.Json = [{"digest": {"sha256": digest}, "name": self.id}]
        return canonical.encode({"_type": STATEMENT_TYPE, "predicate": predicate, "predicateType": PREDICATE_TYPE, "subject": subject})


def parse(statement: bytes) -> LedgerRecord:
    """Read a statement. Raises EvidenceInvalid unless :meth:`LedgerRecord.encode` gives the same bytes."""
    match canonical.decode(statement):
        case {
            "predicate": {
                "about": list(about),
                "document": str(document),
                "entered": str(entered),
                "kind": str(kind),
                "on": str(on),
                "person": str(person),
                "role": str(role),
                "signed_by": str(signed_by),
            },
            "predicateType": str(form),
            "subject": [{"name": str(name)}],
        } if form == PREDICATE_TYPE and kind in set(LedgerKind):
            try:
                when, day = codec.parse_instant(entered), date.fromisoformat(on)
            except ValueError as error:
                raise EvidenceInvalid("a time in the ledger record cannot be read") from error
            record = LedgerRecord(name, when, LedgerKind(kind), day, role, person, tuple(map(str, about)), signed_by, document)
        case _:
            raise EvidenceInvalid("not a ledger record of the form this tool issues", help="see docs/spec/ledger-record.md")
    if record.encode() != statement:
        raise EvidenceInvalid("the ledger record has fields that do not belong there")
    return record


@dataclass(frozen=True)
class VerifiedRecord:
    """A record with a valid signature."""

    record: LedgerRecord
    signer: bytes
    """Raw Ed25519 key."""
    leaf_hash: bytes


def verify(envelope: bytes, signer: bytes) -> VerifiedRecord:
    """Read a signed record. Raises EvidenceInvalid unless the key in ``signer`` (PEM) signed it."""
    public = parse_ed25519_pem(signer)
    parsed = dsse.parse(envelope)
    parsed.verify(public)
    return VerifiedRecord(parse(parsed.payload), public, merkle.leaf_hash(dsse.leaf(parsed, public)))
