"""The families of the register, and the time from which each is to be reminded that whereabouts are collected (DSG-11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from expunge.core.accounts.family_events import MembershipDecided
from expunge.core.accounts.memberships import MembershipRole
from expunge.core.values.ids import Pseudonym
from expunge.core.values.periods import Period, end_of
from expunge.engine.accounts import family_register
from expunge.engine.kernel.context import Context

EVERY = Period(months=6)
_AHEAD = timedelta(days=1)
"""So long before six months are over a family is reminded: what runs several times a day may miss some."""


@dataclass(frozen=True)
class FamilyMembers:
    """A family with the accounts that have a role in it now."""

    family: Pseudonym
    members: tuple[UUID, ...]
    since: datetime
    """Since when the first of them has it."""


def families(context: Context) -> tuple[FamilyMembers, ...]:
    """Return every family that an account has a role in now, by the register of memberships."""
    latest: dict[tuple[str, str], MembershipDecided] = {}
    for decision in family_register.decisions(context.journal):
        latest[decision.family, decision.account] = decision
    found: dict[str, list[MembershipDecided]] = {}
    for decision in latest.values():
        if decision.role is not MembershipRole.FORMER:
            found.setdefault(decision.family, []).append(decision)
    return tuple(
        FamilyMembers(Pseudonym(family), tuple(UUID(each.account) for each in mine), min(each.at for each in mine))
        for family, mine in sorted(found.items())
    )


def due_from(family: FamilyMembers, reminded: datetime | None) -> datetime:
    """Return the time from which a family is to be reminded: six months after the last reminder, or after the first member came."""
    return end_of(reminded or family.since, EVERY) - _AHEAD
