"""The register of staff as people look at it: each right with its use and its date, and what was decided about whom.

Sources: RNG III.E.4(c) and (d), AMZ VI.E.6, and the complaint about access that people did not need (FAIL-05).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from expunge.core.accounts import staff_events as ev
from expunge.core.accounts.staff_events import StaffActor
from expunge.core.accounts.staff_state import ANNOUNCED, Grant, GrantStanding, Staff, StaffAccount, StaffStanding


class StaffDeed(StrEnum):
    """What was done about an account."""

    INVITED = "invited"
    WITHDRAWN = "withdrawn"
    ENROLLED = "enrolled"
    KEYS_CONFIRMED = "passkeys confirmed"
    GRANTED = "granted"
    REVOKED = "revoked"
    KEPT = "kept"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    EQUIVALENCE = "equivalence"
    """Another way to log in was recorded as one that counts."""
    EQUIVALENCE_ENDED = "equivalence ended"

    @property
    def of_rights(self) -> bool:
        """Return whether it changed or confirmed rights of an account that is enrolled."""
        return self in {StaffDeed.GRANTED, StaffDeed.REVOKED, StaffDeed.KEPT}


@dataclass(frozen=True)
class ReviewedRight:
    """One right of one account, as it is reviewed."""

    account: str
    label: str
    standing: StaffStanding
    grant: Grant
    holds: GrantStanding
    used: date | None
    unused: bool
    announced: bool
    """Whether it lapses within thirty days."""

    @property
    def open(self) -> bool:
        """Return whether a person has to decide about it now."""
        return self.announced or self.holds is not GrantStanding.HELD


@dataclass(frozen=True)
class StaffDecision:
    """One decision about an account that is in the register, or the enrolment of its person."""

    at: datetime
    account: str
    label: str
    what: StaffDeed
    function: str
    """Of an invitation, and of rights; empty for others."""
    rights: tuple[str, ...]
    by: StaffActor | None
    """None where the person, or the programme head, did it."""
    reason: str
    reference: str


@dataclass(frozen=True)
class StaffReview:
    """The state of recertification."""

    at: datetime
    rights: tuple[ReviewedRight, ...]
    decisions: tuple[StaffDecision, ...]
    """Those about rights in the last twelve months, oldest first."""


def review_of(events: Iterable[object], now: datetime) -> StaffReview:
    """Return every right of every account, and the decisions about rights of twelve months."""
    kept = list(events)
    staff = Staff(kept)
    decided = (each for each in decisions_of(staff, kept) if each.what.of_rights and each.at >= year_before(now))
    return StaffReview(now, tuple(reviewed_rights(staff, now)), tuple(decided))


def year_before(now: datetime) -> datetime:
    """Return the same moment of the year before; on 29 February that of the 28th."""
    return now.replace(year=now.year - 1) if (now.month, now.day) != (2, 29) else now.replace(year=now.year - 1, day=28)


def reviewed_rights(staff: Staff, now: datetime) -> Iterator[ReviewedRight]:
    """Yield every right of every account."""
    for account in staff.accounts.values():
        for grant in account.grants.values():
            yield _reviewed(account, grant, now)


def _reviewed(account: StaffAccount, grant: Grant, now: datetime) -> ReviewedRight:
    holds = grant.standing(now)
    soon = holds is not GrantStanding.LAPSED and now >= grant.due - ANNOUNCED
    return ReviewedRight(
        account.id, account.label, account.standing(now), grant, holds, account.used.get(grant.right), account.unused(grant, now), soon
    )  # fmt: skip


def idle_after(account: StaffAccount, now: datetime, days: int) -> date:
    """Return the day after which an account counts as unseen for so many days, unless it is seen before."""
    return now.date() + timedelta(days=days - account.unseen(now))


def decisions_of(staff: Staff, events: Iterable[object]) -> Iterator[StaffDecision]:
    """Yield what was decided and done, in the order of the events."""
    for event in events:
        yield from _entries(staff, event)


_WHOLE: dict[type, StaffDeed] = {
    ev.StaffInvited: StaffDeed.INVITED,
    ev.InvitationWithdrawn: StaffDeed.WITHDRAWN,
    ev.StaffEnrolled: StaffDeed.ENROLLED,
    ev.StaffKeysConfirmed: StaffDeed.KEYS_CONFIRMED,
    ev.StaffSuspended: StaffDeed.SUSPENDED,
    ev.StaffRestored: StaffDeed.RESTORED,
    ev.EquivalenceRecorded: StaffDeed.EQUIVALENCE,
    ev.EquivalenceEnded: StaffDeed.EQUIVALENCE_ENDED,
}
"""Kinds of events that are one decision each."""


def _entries(staff: Staff, event: object) -> Iterator[StaffDecision]:
    match event:
        case ev.RightsChanged():
            yield _entry(staff, event, StaffDeed.GRANTED if event.granted else StaffDeed.REVOKED, event.rights)
        case ev.RightsConfirmed():
            for what, rights in ((StaffDeed.KEPT, event.kept), (StaffDeed.REVOKED, event.revoked)):
                if rights:
                    yield _entry(staff, event, what, rights)
        case _ if type(event) in _WHOLE:
            yield _entry(staff, event, _WHOLE[type(event)], getattr(event, "rights", ()))


def _entry(staff: Staff, event: Any, what: StaffDeed, rights: Iterable[str]) -> StaffDecision:
    function, reason = getattr(event, "function", ""), getattr(event, "reason", "")
    return StaffDecision(
        event.at,
        event.account,
        staff.accounts[event.account].label,
        what,
        str(function),
        tuple(map(str, rights)),
        getattr(event, "by", None),
        str(reason),
        getattr(event, "reference", ""),
    )
