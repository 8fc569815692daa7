"""Inactive profiles: flagged, kept by a person with authority, used again, or given up. They have a register of their own.

Source: 18 months without use, counted also for a child who turns 13 meanwhile, and deletion within 90 days of being found (AMZ-01, AMZ-02).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

from expunge.core.datamap.datamap import ByField, DataMap, IdentitySpec
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.periods import Period, is_over, shortest
from expunge.core.values.tags import tagged

ASKED = timedelta(days=60)
"""From the flag on: the time in which a flagged profile can be kept or used again."""
GONE = timedelta(days=90)
"""From the flag on: when it has to be gone."""


@tagged("IdleFlagged")
@dataclass(frozen=True)
class IdleFlagged:
    """A profile was found unused for its period."""

    at: datetime
    kind: str
    subject: Pseudonym
    last_used: datetime
    source: str
    """The dataset that says when."""


@tagged("IdleKept")
@dataclass(frozen=True)
class IdleKept:
    """A person with authority asked to keep the profile. The period begins anew."""

    at: datetime
    subject: Pseudonym
    by: str
    """Who: a role or a case number, no identifier."""


@tagged("IdleUsed")
@dataclass(frozen=True)
class IdleUsed:
    """The profile was used again before it was given up."""

    at: datetime
    subject: Pseudonym
    used: datetime


@tagged("IdleGivenUp")
@dataclass(frozen=True)
class IdleGivenUp:
    """The profile was not kept in time. It is erased, unless it is kept or used again before anything of it was."""

    at: datetime
    subject: Pseudonym


@tagged("IdleOrdered")
@dataclass(frozen=True)
class IdleOrdered:
    """The order that erases it was received."""

    at: datetime
    subject: Pseudonym
    order: OrderId


@tagged("IdleGone")
@dataclass(frozen=True)
class IdleGone:
    """Nothing in the stores bears an identifier of the profile any more."""

    at: datetime
    subject: Pseudonym


@tagged("LastUseNoted")
@dataclass(frozen=True)
class LastUseNoted:
    """The day on which some profiles were last used, noted apart from the data that says so, because that data expires sooner."""

    at: datetime
    kind: str
    source: str
    """The dataset that said so; of profiles that were never seen in use, the one that lists them."""
    day: str
    """ISO 8601, in UTC."""
    subjects: tuple[Pseudonym, ...]


IdleEvent: TypeAlias = IdleFlagged | IdleKept | IdleUsed | IdleGivenUp | IdleOrdered | IdleGone | LastUseNoted


class IdleState(StrEnum):
    """The state of a profile."""

    FLAGGED = "flagged"
    KEPT = "kept"
    USED = "used again"
    GIVEN_UP = "given up"
    ORDERED = "ordered"
    GONE = "gone"


SPARED = frozenset({IdleState.KEPT, IdleState.USED})
"""The states in which nothing is erased."""
_LATE = frozenset({IdleState.GIVEN_UP, IdleState.ORDERED})
_ANY = frozenset({IdleState.FLAGGED}) | _LATE


@dataclass(frozen=True)
class InactiveProfile:
    """One profile, as the register has it."""

    subject: Pseudonym
    kind: str
    state: IdleState
    flagged: datetime
    last_used: datetime
    source: str
    changed: datetime
    order: OrderId | None = None

    @property
    def open(self) -> bool:
        """True while it can still be kept or used again."""
        return self.state is IdleState.FLAGGED

    def asked_until(self) -> datetime:
        """Return the end of the time in which a person can keep it."""
        return self.flagged + ASKED

    def gone_by(self) -> datetime:
        """Return the moment by which it has to be gone."""
        return self.flagged + GONE


def fold_idle(events: Iterable[object]) -> dict[Pseudonym, InactiveProfile]:
    """Return the state of every profile that was ever flagged. An event that a state does not allow changes nothing."""
    found: dict[Pseudonym, InactiveProfile] = {}
    for event in events:
        match event:
            case IdleFlagged():
                found[event.subject] = InactiveProfile(
                    event.subject, event.kind, IdleState.FLAGGED, event.at, event.last_used, event.source, event.at
                )
            case IdleKept() if _may(found, event.subject, _ANY):
                found[event.subject] = replace(found[event.subject], state=IdleState.KEPT, changed=event.at)
            case IdleUsed() if _may(found, event.subject, _ANY):
                found[event.subject] = replace(found[event.subject], state=IdleState.USED, changed=event.at, last_used=event.used)
            case IdleGivenUp() if _may(found, event.subject, frozenset({IdleState.FLAGGED})):
                found[event.subject] = replace(found[event.subject], state=IdleState.GIVEN_UP, changed=event.at)
            case IdleOrdered() if _may(found, event.subject, _LATE):
                found[event.subject] = replace(found[event.subject], state=IdleState.ORDERED, changed=event.at, order=event.order)
            case IdleGone() if event.subject in found:
                found[event.subject] = replace(found[event.subject], state=IdleState.GONE, changed=event.at)
    return found


def _may(found: dict[Pseudonym, InactiveProfile], subject: Pseudonym, states: frozenset[IdleState]) -> bool:
    return subject in found and found[subject].state in states


@dataclass(frozen=True)
class NotedUse:
    """The last use of a profile as the register remembers it."""

    kind: str
    source: str
    day: date

    def moment(self) -> datetime:
        """Return the end of that day: whoever counts from it flags nobody too early."""
        return datetime.combine(self.day, time.max, UTC)


def fold_noted(events: Iterable[object]) -> dict[Pseudonym, NotedUse]:
    """Return the last use of every profile that one was noted of. Those of which nothing is left are forgotten."""
    found: dict[Pseudonym, NotedUse] = {}
    for event in events:
        match event:
            case LastUseNoted():
                noted = NotedUse(event.kind, event.source, date.fromisoformat(event.day))
                found.update({each: noted for each in event.subjects if each not in found or found[each].day < noted.day})
            case IdleGone():
                found.pop(event.subject, None)
    return found


def is_unused(last_used: datetime, known: InactiveProfile | None, period: Period, now: datetime) -> bool:
    """Return whether a profile has been unused for its period. Being kept counts as use, being flagged before does not."""
    since = max(last_used, known.changed) if known is not None and known.state is IdleState.KEPT else last_used
    return is_over(since, period, now)


def watched_for(data_map: DataMap, identity: IdentitySpec) -> Period | None:
    """After how long without use a profile of this kind is flagged: its own period, or the shortest that its data's schedules ask for."""
    if not identity.last_used or identity.inactive_after is not None:
        return identity.inactive_after
    theirs = [
        dataset for dataset in data_map.datasets.values() if isinstance(dataset.subject, ByField) and identity.kind in dataset.subject.kinds
    ]
    asked = [data_map.retention[each.retention].inactive_after for each in theirs if each.retention in data_map.retention]
    periods = [each for each in asked if each is not None]
    return shortest(periods) if periods else None
