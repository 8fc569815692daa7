"""The register of findings (register ``findings``): what was noticed about people who look at recordings, and how people decided.

No event holds a text of a person's, or an identifier: an account is a random id, a reference is the key of a ticket.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from expunge.core.values.tags import tagged


class FindingVerdict(StrEnum):
    """How a person judges a finding."""

    EXPLAINED = "explained"
    """What was seen was needed."""
    CONFIRMED = "confirmed"
    """It was not, or the account was used by another person."""


class FindingReason(StrEnum):
    """Why a person judges so. The list is closed, and a reference leads to the rest."""

    WORK = "work of the cases"
    ASSIGNED = "assigned by a supervisor"
    RECORD_WRONG = "the record was wrong"
    NO_NEED = "watched without need"
    PRETEXT = "the case was a pretext"
    ACCOUNT_TAKEN = "the account was taken over"

    @property
    def verdict(self) -> FindingVerdict:
        """Return the verdict that it is a reason for."""
        return FindingVerdict.EXPLAINED if self in (self.WORK, self.ASSIGNED, self.RECORD_WRONG) else FindingVerdict.CONFIRMED


@tagged("NoticingRun")
@dataclass(frozen=True)
class NoticingRun:
    """The machine held the view log against the rules. That it did is part of the evidence."""

    at: datetime
    since: str
    """The first day that was judged, as ISO 8601 writes it."""
    events: int
    """Events of the register of reviews that were read."""
    judged: int
    """Days of reviewers that were judged."""
    untold: int
    """Those of which it could not be told yet whether one rule or another is met."""
    rules: str
    """Digest of the rules."""


@tagged("FindingOpened")
@dataclass(frozen=True)
class FindingOpened:
    """A reviewer's day is one to look at."""

    at: datetime
    finding: str
    """Its id: 16 hex digits."""
    reviewer: str
    function: str
    day: str
    """In the time zone of the map, as ISO 8601 writes it."""
    met: Mapping[str, int]
    """Rule -> the number that met it."""
    rules: str
    """Digest of the rules."""


@tagged("FindingGrew")
@dataclass(frozen=True)
class FindingGrew:
    """More rules are met for the same day. What people decided before does not count any more."""

    at: datetime
    finding: str
    met: Mapping[str, int]
    """All of them now."""
    rules: str


@tagged("FindingDecided")
@dataclass(frozen=True)
class FindingDecided:
    """A person looked at a finding and judged it. It is closed once two eligible people judge alike."""

    at: datetime
    finding: str
    account: str
    """The account of staff; ``approver:`` and the name of an approver of the map, who signed."""
    reason: FindingReason
    reference: str
    """The key of the ticket or the document that says more."""
    signed: str
    """Base64 of the approver's Ed25519 signature; empty for staff, whom the keeper knows by their login."""


FindingEvent: TypeAlias = NoticingRun | FindingOpened | FindingGrew | FindingDecided
