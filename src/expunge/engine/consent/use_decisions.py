"""Enter reviews of uses of location, and written assurances of recipients, each signed and with an end."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from expunge.core.consent.use_records import (
    CONDITIONS,
    SECTIONS,
    AssuranceTaken,
    RecordKind,
    ReviewDecision,
    UseRecordEnded,
    UseReviewed,
    assurance_message,
    practice,
    review_message,
    uses_of_location,
    who_gets_childrens_data,
)
from expunge.core.values.cause import check_words
from expunge.core.values.periods import Period, end_of
from expunge.engine.consent import approving
from expunge.engine.gate import fencing, use_records
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import USES, register
from expunge.errors import UsageError

LONGEST = Period(months=12)
"""After so long a use is reviewed, and an assurance given, again."""
_SENTENCE = re.compile(r"(?s).*\w+\W+\w+\W+\w+.*")


@dataclass(frozen=True)
class UseReview:
    """A review as people hand it in."""

    purpose: str
    decision: ReviewDecision
    statement: Mapping[str, str]
    until: datetime


@dataclass(frozen=True)
class Assurance:
    """A written assurance as it came."""

    recipient: str
    document: bytes
    until: datetime


def review_faults(
    context: Context, purpose: str, statement: Mapping[str, str], decision: ReviewDecision | None = None, until: datetime | None = None
) -> tuple[str, ...]:
    """Return everything that a review lacks, each with what to write; decision and end are judged where they are given."""
    found: list[str] = []
    if purpose not in uses_of_location(context.data_map):
        named = ", ".join(uses_of_location(context.data_map)) or "none"
        found.append(f"the map has no purpose {purpose!r} that uses geolocation; it has {named}: the categories of their datasets tell")
    wanted = [*SECTIONS, *([CONDITIONS] if decision is ReviewDecision.CONDITIONAL else [])]
    bare = [each for each in wanted if not _SENTENCE.fullmatch(statement.get(each, ""))]
    if bare:
        what = "a sentence of three words or more each; of alternatives those that were rejected, and why"
        found.append(f"the statement says nothing, or too little, of {', '.join(bare)}: {what}")
    known = {*wanted, *([CONDITIONS] if decision is None else [])}
    if others := sorted(statement.keys() - known):
        found.append(f"the statement has sections that nobody asks for: {', '.join(others)}; it has {', '.join(wanted)}")
    if until is not None and not _ends_in_time(context, until):
        found.append(_TOO_LATE)
    return tuple(found)


def message_of_review(context: Context, review: UseReview) -> bytes:
    """Return the bytes that a reviewer signs. Raises UsageError with everything that a review lacks, or for one of no use of location."""
    faults = review_faults(context, review.purpose, review.statement, review.decision, review.until)
    if faults:
        raise UsageError("\n".join(faults), help="mend all of it in the file, and run the same command again")
    reviewed = practice(context.data_map, review.purpose)
    return review_message(review.purpose, reviewed, review.decision, review.statement, review.until)


def enter_review(context: Context, review: UseReview, by: str, signed: str) -> UseReviewed:
    """Enter a review and publish the gate.

    Raises as :func:`message_of_review`, UsageError for no such approver, EvidenceInvalid where the signature does not verify.
    """
    said = message_of_review(context, review)
    again = "sign what `expunge review message FILE` prints: the use as the map has it now, the statement, and its end"
    approving.check_signature(context, by, signed, said, ("review", again))
    reviewed = practice(context.data_map, review.purpose)
    statement = dict(sorted(review.statement.items()))
    event = UseReviewed(context.clock.now(), review.purpose, reviewed, review.decision, statement, review.until, by, signed)
    register(context.journal, USES, event)
    fencing.publish(context)
    return event


def message_of_assurance(context: Context, given: Assurance) -> bytes:
    """Return the bytes that are signed. Raises UsageError for a recipient that gets no data of children, and for an empty document."""
    datasets = who_gets_childrens_data(context.data_map).get(given.recipient)
    if datasets is None:
        named = ", ".join(who_gets_childrens_data(context.data_map)) or "nobody"
        message = f"by the map {given.recipient!r} gets no data that may be about children"
        raise UsageError(message, help=f"{named} does; `guardians` say who is a child")
    if not given.document.strip():
        message = "the assurance is empty"
        raise UsageError(message, help="give the file of what the recipient wrote")
    _require_end(context, given.until)
    return assurance_message(given.recipient, datasets, sha256(given.document).hexdigest(), given.until)


def enter_assurance(context: Context, given: Assurance, by: str, signed: str) -> AssuranceTaken:
    """Enter an assurance and publish the gate; signed by the recipient's own key of the map, or by an approver who has the paper.

    Raises as :func:`message_of_assurance`, UsageError for no such key, EvidenceInvalid where the signature does not verify.
    """
    said = message_of_assurance(context, given)
    again = "sign what `expunge recipient assure --message` prints: recipient, datasets, document, end"
    recipient = context.data_map.recipients.get(given.recipient)
    if by == given.recipient and recipient is not None and recipient.key:
        approving.check_key(recipient.key, signed, said, ("assurance", again), "the recipient's")
    else:
        approving.check_signature(context, by, signed, said, ("assurance", again))
    datasets = who_gets_childrens_data(context.data_map)[given.recipient]
    document = sha256(given.document).hexdigest()
    event = AssuranceTaken(context.clock.now(), given.recipient, datasets, document, given.until, by, signed)
    register(context.journal, USES, event)
    fencing.publish(context)
    return event


def end(context: Context, kind: RecordKind, about: str, *, by: str, reason: str) -> None:
    """End a record before its date, and publish the gate. Raises UsageError where there is none, and for words that look like a name."""
    records = use_records.load(context)
    known = records.reviews if kind is RecordKind.REVIEW else records.assurances
    if about not in known:
        message = f"there is no {kind.value} of {about!r}"
        raise UsageError(message, help=f"there are {', '.join(known) or 'none'}")
    check_words(reason)
    register(context.journal, USES, UseRecordEnded(context.clock.now(), kind, about, by, reason))
    fencing.publish(context)


_TOO_LATE = "its end is not within the next 12 months"


def _ends_in_time(context: Context, until: datetime) -> bool:
    now = context.clock.now()
    return now < until <= end_of(now, LONGEST)


def _require_end(context: Context, until: datetime) -> None:
    if not _ends_in_time(context, until):
        raise UsageError(_TOO_LATE, help="a use is reviewed, and an assurance given, every year")
