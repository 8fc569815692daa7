"""Events of a consent request whose method takes several steps. They belong to the register ``consents``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.ids import Pseudonym
from expunge.core.values.tags import tagged


class AskingEnd(StrEnum):
    """The way in which a request ended."""

    AGREED = "agreed"
    NOT_PROVEN = "it could not be established that a parent answered"
    NOT_REACHED = "the parent cannot be reached there"
    EXPIRED = "nobody agreed in time"
    CHANGED = "the text or the purpose changed meanwhile"
    NOT_ENOUGH = "data goes to third parties meanwhile, and this way of asking is not enough for that"


@tagged("ConsentAsked")
@dataclass(frozen=True)
class ConsentAsked:
    """A guardian is asked. Their address and the child's birthday lie sealed under the request, and die with it."""

    at: datetime
    request: str
    """``ask-`` and 16 hex digits."""
    subject: Pseudonym
    kind: str
    """Identity kind of the child."""
    entry: str
    guardian: Pseudonym
    purpose: str
    text: str
    version: str
    sha256: str
    terms: str
    method: str
    expires: datetime


@tagged("ConsentMessageSent")
@dataclass(frozen=True)
class ConsentMessageSent:
    """A message with a token left for the guardian; written after it left, so that after a crash it is sent again, with another token."""

    at: datetime
    request: str
    step: int
    """From 1."""
    token: str
    """Hex SHA-256 of the token; it is used once."""
    expires: datetime


@tagged("ConsentStepDone")
@dataclass(frozen=True)
class ConsentStepDone:
    """The guardian did a step: its token is spent."""

    at: datetime
    request: str
    step: int


@tagged("EvidenceKept")
@dataclass(frozen=True)
class EvidenceKept:
    """The guardian's evidence lies sealed under the request until its retention ends."""

    at: datetime
    request: str
    sha256: str
    until: datetime


@tagged("EvidenceDeleted")
@dataclass(frozen=True)
class EvidenceDeleted:
    """The evidence is gone: its key was destroyed."""

    at: datetime
    request: str


@tagged("AskingEnded")
@dataclass(frozen=True)
class AskingEnded:
    """The asking is over; address and birthday are gone."""

    at: datetime
    request: str
    how: AskingEnd
    by: str = ""
    """The member of staff who checked what was handed in, where one did."""


AskingEvent: TypeAlias = ConsentAsked | ConsentMessageSent | ConsentStepDone | EvidenceKept | EvidenceDeleted | AskingEnded
