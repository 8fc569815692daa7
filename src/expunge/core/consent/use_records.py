"""Signed records without which a use or a disclosure is refused: reviews of uses of location, and assurances of who gets children's data.

Sources: the Amazon order VI.E.1, "Privacy Review Statement"; 16 CFR 312.8(c), written assurances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TypeAlias

from expunge.core.datamap.datamap import DataMap
from expunge.core.datamap.protected_kinds import ProtectedKind, kinds_of, may_be_of_children
from expunge.core.values import canonical
from expunge.core.values.tags import tagged

SECTIONS = ("collected", "used", "disclosed", "kept", "risks", "safeguards", "alternatives")
"""What the statement of a review says, each in a sentence at least: of alternatives those that were rejected, and why."""
CONDITIONS = "conditions"
"""The section of a review that approves under conditions."""


class ReviewDecision(StrEnum):
    """The decision of a review."""

    APPROVED = "approved"
    CONDITIONAL = "approved with conditions"
    REJECTED = "rejected"


class RecordKind(StrEnum):
    """The kind of a record."""

    REVIEW = "review"
    ASSURANCE = "assurance"


@tagged("UseReviewed")
@dataclass(frozen=True)
class UseReviewed:
    """A use of location was reviewed."""

    at: datetime
    purpose: str
    practice: str
    """Digest of what was reviewed: see :func:`practice`."""
    decision: ReviewDecision
    statement: Mapping[str, str]
    until: datetime
    by: str
    """A name under ``approvers`` of the map."""
    signed: str
    """Base64 of the Ed25519 signature over :func:`review_message`."""


@tagged("AssuranceTaken")
@dataclass(frozen=True)
class AssuranceTaken:
    """A recipient gave a written assurance for children's data."""

    at: datetime
    recipient: str
    datasets: tuple[str, ...]
    """Those that it covers."""
    document: str
    """Hex SHA-256 of the written assurance."""
    until: datetime
    by: str
    """The recipient itself, or a name under ``approvers`` of the map."""
    signed: str
    """Base64 of the Ed25519 signature over :func:`assurance_message`."""


@tagged("UseRecordEnded")
@dataclass(frozen=True)
class UseRecordEnded:
    """A record holds no more, before its end."""

    at: datetime
    kind: RecordKind
    about: str
    """Purpose or recipient."""
    by: str
    reason: str


UseRecordEvent: TypeAlias = UseReviewed | AssuranceTaken | UseRecordEnded


@dataclass(frozen=True)
class UseRecords:
    """The last record of each purpose and recipient; ended ones are gone."""

    reviews: Mapping[str, UseReviewed] = field(default_factory=dict)
    assurances: Mapping[str, AssuranceTaken] = field(default_factory=dict)


def fold_use_records(events: Iterable[object]) -> UseRecords:
    """The register as it stands."""
    reviews: dict[str, UseReviewed] = {}
    assurances: dict[str, AssuranceTaken] = {}
    for event in events:
        match event:
            case UseReviewed():
                reviews[event.purpose] = event
            case AssuranceTaken():
                assurances[event.recipient] = event
            case UseRecordEnded(kind=RecordKind.REVIEW):
                reviews.pop(event.about, None)
            case UseRecordEnded():
                assurances.pop(event.about, None)
    return UseRecords(reviews, assurances)


def uses_of_location(data_map: DataMap) -> tuple[str, ...]:
    """Return the purposes that use geolocation, in the order of the map."""
    return tuple(
        name
        for name, purpose in data_map.purposes.items()
        if any(ProtectedKind.LOCATION in kinds_of(data_map, each) for each in purpose.datasets if each in data_map.datasets)
    )


def who_gets_childrens_data(data_map: DataMap) -> dict[str, tuple[str, ...]]:
    """Return recipients of data that may be about children: recipient, under ``recipients`` or in a purpose -> these datasets, sorted."""
    gets: dict[str, set[str]] = {name: set(each.gets) for name, each in data_map.recipients.items()}
    for purpose in data_map.purposes.values():
        for name in purpose.recipients:
            gets.setdefault(name, set()).update(purpose.datasets)
    found = {name: tuple(sorted(each for each in got if may_be_of_children(data_map, each))) for name, got in sorted(gets.items())}
    return {name: datasets for name, datasets in found.items() if datasets}


def practice(data_map: DataMap, purpose: str) -> str:
    """Return the digest of a use as the map has it: its terms, and how long its data is kept. With another digest it is another use."""
    terms = data_map.purposes[purpose].terms
    kept: dict[str, canonical.Json] = {}
    for name in terms.datasets:
        if name in data_map.datasets:
            kept[name] = str(data_map.retention[data_map.datasets[name].retention].period)
    body: dict[str, canonical.Json] = {"terms": terms.digest(), "kept": kept}
    return sha256(canonical.encode(body)).hexdigest()


def review_message(purpose: str, reviewed: str, decision: ReviewDecision, statement: Mapping[str, str], until: datetime) -> bytes:
    """Return the bytes that a reviewer signs: purpose, digest of the use, decision, digest of the statement, end."""
    told = sha256(canonical.encode(dict[str, canonical.Json](statement))).hexdigest()
    return f"expunge review/1\n{purpose}\n{reviewed}\n{decision.value}\n{told}\n{until.isoformat()}\n".encode()


def assurance_message(recipient: str, datasets: tuple[str, ...], document: str, until: datetime) -> bytes:
    """Return the bytes that are signed for an assurance: recipient, datasets, digest of the document, end."""
    return f"expunge assurance/1\n{recipient}\n{','.join(datasets)}\n{document}\n{until.isoformat()}\n".encode()


def lacks_review(data_map: DataMap, records: UseRecords, purpose: str, now: datetime) -> str:
    """Return why a use of location is refused, or nothing where a review allows it."""
    review = records.reviews.get(purpose)
    if review is None:
        return "no review of this use of location is entered"
    if review.decision is ReviewDecision.REJECTED:
        return "its review rejected it"
    if review.practice != practice(data_map, purpose):
        return "the use has changed since its review"
    return f"its review lapsed on {review.until:%Y-%m-%d}" if now >= review.until else ""


def lacks_assurance(data_map: DataMap, records: UseRecords, recipient: str, now: datetime) -> str:
    """Return why a recipient may get no data of children, or nothing: it gets none, or its assurance covers it."""
    wanted = who_gets_childrens_data(data_map).get(recipient, ())
    given = records.assurances.get(recipient)
    if not wanted:
        return ""
    if given is None:
        return "no written assurance for children's data is entered"
    more = sorted(set(wanted) - set(given.datasets))
    if more:
        return f"its written assurance does not cover {', '.join(more)}"
    return f"its written assurance lapsed on {given.until:%Y-%m-%d}" if now >= given.until else ""
