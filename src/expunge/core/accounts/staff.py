"""Job functions of staff, the rights of each, and the rights that one person may not hold together.

A right is held through a job function, so that each can be held against what the function needs (RNG III.E.4(c), AMZ VI.E.6). No
function sees all: the administrator decides who has rights and sees no recording, and a reviewer sees what another person approved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import combinations
from types import MappingProxyType


class StaffRight(StrEnum):
    """One right. A word is never given another meaning: the journal holds it."""

    ENTER_ORDERS = "enter-orders"
    """Enter an order for a person who asked."""
    EXECUTE_ORDERS = "execute-orders"
    """Carry out an order whose plan is approved."""
    APPROVE_ORDERS = "approve-orders"
    """Approve the plan of an order."""
    FOLLOW_ORDERS = "follow-orders"
    """See orders, their steps and their deadlines."""
    REQUEST_VIEWS = "request-views"
    """Ask to see a stated range of one recording."""
    APPROVE_VIEWS = "approve-views"
    """Approve that another person sees it."""
    SEE_VIEWS = "see-views"
    """See what was requested and approved, while its lease lasts."""
    CHECK_FORMS = "check-forms"
    """Look at the signed form of a person who asks to be guardian, and accept or refuse it."""
    MANAGE_STAFF = "manage-staff"
    """Invite, suspend and restore accounts; grant and revoke rights."""
    CONFIRM_RIGHTS = "confirm-rights"
    """Confirm that rights are still needed, or revoke them."""
    READ_STAFF = "read-staff"
    """Read the register of staff."""
    READ_EVIDENCE = "read-evidence"
    """Read receipts, the log, and packs of evidence."""


class JobFunction(StrEnum):
    """The job functions."""

    OPERATOR = "operator"
    REVIEWER = "reviewer"
    OFFICER = "officer"
    ASSESSOR = "assessor"
    ADMINISTRATOR = "administrator"


RIGHTS: Mapping[JobFunction, frozenset[StaffRight]] = MappingProxyType(
    {
        JobFunction.OPERATOR: frozenset({StaffRight.ENTER_ORDERS, StaffRight.EXECUTE_ORDERS, StaffRight.FOLLOW_ORDERS}),
        JobFunction.REVIEWER: frozenset({StaffRight.REQUEST_VIEWS, StaffRight.SEE_VIEWS}),
        JobFunction.OFFICER: frozenset(
            {
                StaffRight.APPROVE_ORDERS,
                StaffRight.APPROVE_VIEWS,
                StaffRight.CHECK_FORMS,
                StaffRight.CONFIRM_RIGHTS,
                StaffRight.FOLLOW_ORDERS,
                StaffRight.READ_STAFF,
                StaffRight.READ_EVIDENCE,
            }
        ),
        JobFunction.ASSESSOR: frozenset({StaffRight.READ_STAFF, StaffRight.READ_EVIDENCE}),
        JobFunction.ADMINISTRATOR: frozenset({StaffRight.MANAGE_STAFF, StaffRight.READ_STAFF}),
    }
)
"""Job function -> the rights that it needs. No other right can be granted for it."""

_VIEWS = (StaffRight.REQUEST_VIEWS, StaffRight.APPROVE_VIEWS, StaffRight.SEE_VIEWS)
CONFLICTS: frozenset[frozenset[StaffRight]] = frozenset(
    frozenset(pair)
    for pair in (
        (StaffRight.ENTER_ORDERS, StaffRight.APPROVE_ORDERS),
        (StaffRight.APPROVE_ORDERS, StaffRight.EXECUTE_ORDERS),
        (StaffRight.REQUEST_VIEWS, StaffRight.APPROVE_VIEWS),
        (StaffRight.APPROVE_VIEWS, StaffRight.SEE_VIEWS),
        (StaffRight.MANAGE_STAFF, StaffRight.CONFIRM_RIGHTS),
        (StaffRight.MANAGE_STAFF, StaffRight.APPROVE_ORDERS),
        (StaffRight.MANAGE_STAFF, StaffRight.CHECK_FORMS),
        (StaffRight.ENTER_ORDERS, StaffRight.CHECK_FORMS),
        *((StaffRight.MANAGE_STAFF, right) for right in _VIEWS),
    )
)
"""Pairs of rights that one person may not hold (AC-5: the requester is not the approver, and the approver is not the executor)."""

SECOND_LOOK = frozenset({JobFunction.OFFICER})
"""Functions that an account of staff grants and another one confirms before they give a right. An administrator who invites accounts of
invented people would approve for himself otherwise."""

ALONE = MappingProxyType(
    {
        "erase what was not approved": frozenset({StaffRight.APPROVE_ORDERS, StaffRight.EXECUTE_ORDERS}),
        "see a recording that no other person approved": frozenset(
            {StaffRight.REQUEST_VIEWS, StaffRight.APPROVE_VIEWS, StaffRight.SEE_VIEWS}
        ),
        "give rights that no other person confirms": frozenset({StaffRight.MANAGE_STAFF, StaffRight.CONFIRM_RIGHTS}),
    }
)
"""What one person may never reach -> the rights that it takes. To see the recordings of all customers takes what one recording takes,
once for each (FAIL-12)."""


def conflict(functions: Iterable[JobFunction]) -> tuple[StaffRight, StaffRight] | None:
    """Return two rights that one person would hold with these functions and may not; None where there are none."""
    held = frozenset().union(*(RIGHTS[function] for function in functions))
    pairs = (sorted(pair) for pair in combinations(sorted(held), 2) if frozenset(pair) in CONFLICTS)
    return next(((first, second) for first, second in pairs), None)


def may_be_held_together(functions: Iterable[JobFunction]) -> bool:
    """Return whether one person may hold these functions."""
    return conflict(functions) is None


def within_reach(functions: Iterable[JobFunction]) -> frozenset[StaffRight]:
    """Return the rights that a person reaches with these functions through every account that the person could make.

    Who may manage staff can invite an account of an invented person, with any function that needs no other person's confirmation. That is
    the path of one administrator who was taken over.
    """
    reached = frozenset().union(*(RIGHTS[function] for function in functions))
    if StaffRight.MANAGE_STAFF in reached:
        confirms = StaffRight.CONFIRM_RIGHTS in reached
        made = [function for function in JobFunction if confirms or function not in SECOND_LOOK]
        reached = reached.union(*(RIGHTS[function] for function in made))
    return reached
