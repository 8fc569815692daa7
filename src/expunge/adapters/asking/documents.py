"""Consent methods by a signed form that staff check, or by an outside service: knowledge questions, a card, an identity document, a face.

Expunge has the contract of an outside service and ships none. To connect one, write a :class:`Service` and run the conformance suite
``expunge.testing.ConsentMethodSuite`` on the method that is made with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from expunge.adapters.asking import wording
from expunge.ports.consent_method import Asking, AskingBegun, ConsentEvidence, ConsentMethodOutcome, HandedEvidence, Strength

MOST_BYTES = 20 << 20
_SCANS = (b"%PDF-", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\x00", b"MM\x00*")
"""PDF, JPEG, PNG, TIFF."""


@dataclass(frozen=True)
class SignedForm:
    """A form that is printed, signed and sent back; a member of staff looks at the scan (16 CFR 312.5(b)(2)(i))."""

    evidence_ttl: timedelta = timedelta(days=90)
    name: str = "signed form"
    strength = Strength.CHECKED
    allows_disclosure = True
    steps = 1
    tells_all = True
    delay = timedelta(0)
    evidence = ConsentEvidence.DOCUMENT

    def begin(self, asking: Asking) -> AskingBegun:
        """Make the form; the token stands on it as its number."""
        return AskingBegun("text/html; charset=utf-8", wording.form(asking).encode())

    def complete(self, asking: Asking, handed: HandedEvidence) -> ConsentMethodOutcome:
        """Take a scan, and the name of the reviewer who found it signed."""
        if handed.token != asking.token:
            return ConsentMethodOutcome(proven=False, why="the number on the form is another")
        if not handed.document.startswith(_SCANS):
            return ConsentMethodOutcome(proven=False, why="what was handed in is no scan (PDF, JPEG, PNG or TIFF)")
        if len(handed.document) > MOST_BYTES:
            return ConsentMethodOutcome(proven=False, why=f"the scan has more than {MOST_BYTES >> 20} MiB")
        if not handed.staff.strip():
            return ConsentMethodOutcome(proven=False, why="nobody of the staff has looked at it")
        return ConsentMethodOutcome(proven=True, evidence=handed.document)


@dataclass(frozen=True)
class ServiceDecision:
    """The decision of an outside service."""

    proven: bool
    why: str = ""
    """In a few fixed words; nothing of the person."""


class Service(Protocol):
    """An outside service that asks or checks: questions, payments, documents, faces.

    It is handed a reference, never who the child is. It raises StoreUnavailable when it cannot be told now.
    """

    def begin(self, reference: str, contact: str) -> AskingBegun:
        """Start a check. Return the things that the parent needs for it (questions, the address of a page)."""
        ...

    def decide(self, reference: str, document: bytes) -> ServiceDecision:
        """Decide over the evidence that the parent handed in."""
        ...


@dataclass(frozen=True)
class Outside:
    """A consent method that an outside service decides. Evidence is passed on and not kept."""

    name: str
    strength: Strength
    evidence: ConsentEvidence
    service: Service
    staffed: bool = False
    """Whether a trained member of staff has to confirm as well."""
    allows_disclosure = True
    steps = 1
    tells_all = False
    delay = timedelta(0)
    evidence_ttl = timedelta(0)

    def begin(self, asking: Asking) -> AskingBegun:
        """Start the check."""
        return self.service.begin(asking.request, asking.contact)

    def complete(self, asking: Asking, handed: HandedEvidence) -> ConsentMethodOutcome:
        """Let it be decided; nothing of the document stays here."""
        if self.staffed and not handed.staff.strip():
            return ConsentMethodOutcome(proven=False, why="nobody of the staff has confirmed it")
        decision = self.service.decide(asking.request, handed.document)
        return ConsentMethodOutcome(decision.proven, decision.why)


def knowledge_questions(service: Service) -> Outside:
    """Dynamic questions that a child of twelve in the home could not answer (16 CFR 312.5(b)(2)(vi))."""
    return Outside("knowledge questions", Strength.CHECKED, ConsentEvidence.NOTHING, service)


def card(service: Service) -> Outside:
    """A payment by a card or another system that tells the account holder of each transaction (16 CFR 312.5(b)(2)(ii))."""
    return Outside("card", Strength.CHECKED, ConsentEvidence.NOTHING, service)


def government_id(service: Service) -> Outside:
    """A government document, checked against a database; deleted as soon as that is done (16 CFR 312.5(b)(2)(v))."""
    return Outside("government id", Strength.IDENTIFIED, ConsentEvidence.IDENTITY, service)


def face_match(service: Service) -> Outside:
    """A photo document compared with an image of the face, confirmed by trained staff; both deleted at once (16 CFR 312.5(b)(2)(vii))."""
    return Outside("face match", Strength.IDENTIFIED, ConsentEvidence.IDENTITY, service, staffed=True)
