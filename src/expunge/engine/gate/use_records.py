"""Which uses and disclosures lack a record that the gate asks for, as the register has it now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from expunge.core.consent.use_records import (
    RecordKind,
    UseRecords,
    fold_use_records,
    lacks_assurance,
    lacks_review,
    uses_of_location,
    who_gets_childrens_data,
)
from expunge.core.gate.gate_head import GateLack
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import USES, read_register


@dataclass(frozen=True)
class RecordStanding:
    """One record that the map makes necessary, and how it stands."""

    kind: RecordKind
    about: str
    """Purpose or recipient."""
    lack: str
    """Why it does not hold; empty while it does."""
    until: datetime | None = None
    """Its end; None where there is none."""


def load(context: Context) -> UseRecords:
    """Return the register, folded."""
    return fold_use_records(read_register(context.journal, USES))


def standings(context: Context) -> tuple[RecordStanding, ...]:
    """Return every record that the map makes necessary: reviews, then assurances."""
    records, now, data_map = load(context), context.clock.now(), context.data_map
    found = []
    for purpose in uses_of_location(data_map):
        review = records.reviews.get(purpose)
        lack = lacks_review(data_map, records, purpose, now)
        found.append(RecordStanding(RecordKind.REVIEW, purpose, lack, review.until if review else None))
    for recipient in who_gets_childrens_data(data_map):
        given = records.assurances.get(recipient)
        lack = lacks_assurance(data_map, records, recipient, now)
        found.append(RecordStanding(RecordKind.ASSURANCE, recipient, lack, given.until if given else None))
    return tuple(found)


def lacking(context: Context) -> dict[str, GateLack]:
    """Return the purposes for which nothing passes: purpose -> the record that it lacks."""
    wrong = [each for each in standings(context) if each.lack]
    unreviewed = {each.about for each in wrong if each.kind is RecordKind.REVIEW}
    unassured = {each.about for each in wrong if each.kind is RecordKind.ASSURANCE}
    found = {}
    for name, purpose in context.data_map.purposes.items():
        if name in unreviewed:
            found[name] = GateLack.REVIEW
        elif unassured & set(purpose.recipients):
            found[name] = GateLack.ASSURANCE
    return found


def earliest_end(context: Context) -> datetime | None:
    """Return when the first of the records lapses that a purpose rests on now; None where it rests on none."""
    recipients = {name for purpose in context.data_map.purposes.values() for name in purpose.recipients}
    holding = (each for each in standings(context) if not each.lack and (each.kind is RecordKind.REVIEW or each.about in recipients))
    return min((each.until for each in holding if each.until is not None), default=None)


def may_get(context: Context, recipient: str) -> bool:
    """Return whether a recipient has given what it has to give before it gets data of children."""
    return not lacks_assurance(context.data_map, load(context), recipient, context.clock.now())
