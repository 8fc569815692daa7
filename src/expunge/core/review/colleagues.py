"""The rights that acts of the desk take, and which accounts of staff are one person's, as far as the register of staff tells."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from expunge.core.accounts.staff import RIGHTS, JobFunction, StaffRight
from expunge.core.accounts.staff_events import ByStaff
from expunge.core.accounts.staff_state import GrantStanding, Staff
from expunge.core.journal.review_words import DeskAct

RIGHT_OF: Mapping[DeskAct, StaffRight] = MappingProxyType(
    {
        DeskAct.REQUEST: StaffRight.REQUEST_VIEWS,
        DeskAct.APPROVE: StaffRight.APPROVE_VIEWS,
        DeskAct.ACTIVATE: StaffRight.SEE_VIEWS,
        DeskAct.STEP_UP: StaffRight.SEE_VIEWS,
        DeskAct.VIEW: StaffRight.SEE_VIEWS,
    }
)
"""Act -> the right of staff that it takes."""
SIGNED = "approver:"
"""Before the name of an approver of the map, in the place of an account of staff: the approver signed at the command line."""


def function_of(staff: Staff, account: str, act: DeskAct, now: datetime) -> JobFunction | None:
    """Return the job function by which an account holds the right that an act takes; None where it holds it by none."""
    right = RIGHT_OF[act]
    if not staff.may(account, right, now):
        return None
    grants = staff.accounts[account].grants
    held = (each.function for each in grants.values() if each.right is right and each.standing(now) is GrantStanding.HELD)
    return next((function for function in held if right in RIGHTS[function]), None)


def same_person(staff: Staff, first: str, second: str) -> bool:
    """Return whether two accounts of staff are one person's, as far as the register tells."""
    account, name = staff.accounts.get(second), first.removeprefix(SIGNED)
    if account is not None and name != first:
        return name in {account.label, account.user}
    return first == second or (account is not None and staff.same_person(ByStaff(first), account))


def different_people(staff: Staff, accounts: Iterable[str], but: str) -> tuple[str, ...]:
    """Return accounts of different people, none of them the person of the account ``but``, as far as the register tells."""
    kept: list[str] = []
    for account in accounts:
        if not any(same_person(staff, account, each) or same_person(staff, each, account) for each in (but, *kept)):
            kept.append(account)
    return tuple(kept)
