"""The receipt of a consent for the person who gave it: an in-toto Statement v1 in a DSSE envelope, like the receipts of orders.

Its subject is the consent, with a blinded commitment to the person's identifiers. The receipt contains no name. The holder of the opening
can show that the receipt is about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from expunge.core.consent.consent_events import ConsentAct, ConsentGiven
from expunge.core.datamap.purposes import Terms
from expunge.core.log import dsse
from expunge.core.values import canonical, codec
from expunge.errors import EvidenceInvalid, StateCorrupt

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://expunge.example/consent/v1"


@dataclass(frozen=True)
class ConsentReceipt:
    """The content of the receipt."""

    consent: str
    commitment: str
    """Hex SHA-256 of the person's ``opening.json``."""
    at: datetime
    purpose: str
    terms: Terms
    text: str
    version: str
    sha256: str
    surface: str
    act: ConsentAct
    guardian: bool
    """Whether somebody decided for the person, by a proven authority."""
    method: str

    def encode(self) -> bytes:
        """The statement's canonical bytes."""
        return canonical.encode(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.consent, "digest": {"sha256": self.commitment}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": {
                    "at": codec.instant(self.at),
                    "purpose": self.purpose,
                    "terms": codec.to_json(self.terms),
                    "text": {"name": self.text, "version": self.version, "sha256": self.sha256},
                    "surface": self.surface,
                    "act": self.act.value,
                    "by": "guardian" if self.guardian else "person",
                    "method": self.method,
                },
            }
        )


def receipt_of(given: ConsentGiven, terms: Terms, commitment: str) -> ConsentReceipt:
    """The receipt of a consent."""
    return ConsentReceipt(
        given.id,
        commitment,
        given.at,
        given.purpose,
        terms,
        given.text,
        given.version,
        given.sha256,
        given.surface,
        given.act,
        bool(given.proof),
        given.method,
    )


def verify(envelope: bytes, publics: Sequence[bytes]) -> ConsentReceipt:
    """Read a receipt in its canonical spelling, signed by one of some raw Ed25519 keys. Raises EvidenceInvalid otherwise."""
    parsed = dsse.parse(envelope)
    for public in publics:
        try:
            parsed.verify(public)
        except EvidenceInvalid:
            continue
        return _read(parsed.payload)
    raise EvidenceInvalid("the consent receipt is not signed by a known key", help="it was changed, or signed by a key not trusted here")


def _read(payload: bytes) -> ConsentReceipt:
    match canonical.decode(payload):
        case {
            "subject": [{"name": str(consent), "digest": {"sha256": str(commitment)}}],
            "predicate": {
                "at": str(at),
                "purpose": str(purpose),
                "terms": terms,
                "text": {"name": str(text), "version": str(version), "sha256": str(sha256)},
                "surface": str(surface),
                "act": str(act),
                "by": str(by),
                "method": str(method),
            },
        } if act in set(ConsentAct):
            receipt = ConsentReceipt(
                consent,
                commitment,
                _instant(at),
                purpose,
                _terms(terms),
                text,
                version,
                sha256,
                surface,
                ConsentAct(act),
                by == "guardian",
                method,
            )
        case _:
            raise EvidenceInvalid("not a consent receipt of the form this tool issues")
    if receipt.encode() != payload:
        raise EvidenceInvalid("the consent receipt has fields that do not belong there")
    return receipt


def _terms(value: canonical.Json) -> Terms:
    try:
        terms: Terms = codec.from_json(Terms, value)
    except StateCorrupt:
        raise EvidenceInvalid("the terms in the consent receipt cannot be read") from None
    return terms


def _instant(text: str) -> datetime:
    try:
        return codec.parse_instant(text)
    except ValueError:
        raise EvidenceInvalid("a time in the consent receipt cannot be read") from None
