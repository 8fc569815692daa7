"""No job function sees all, and no person reaches alone what two have to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, combinations

import pytest

from expunge.core.accounts.staff import (
    ALONE,
    CONFLICTS,
    RIGHTS,
    JobFunction,
    StaffRight,
    conflict,
    may_be_held_together,
    within_reach,
)

R, F = StaffRight, JobFunction


def holdable() -> Iterator[tuple[JobFunction, ...]]:
    """Every set of job functions that one person may have."""
    every = chain.from_iterable(combinations(JobFunction, size) for size in range(1, len(JobFunction) + 1))
    return (each for each in every if may_be_held_together(each))


def paths(reached: Iterable[StaffRight]) -> list[str]:
    """What can be done alone with some rights: the privilege graph, walked to its ends."""
    return [goal for goal, needed in ALONE.items() if needed <= frozenset(reached)]


@pytest.mark.duty("FAIL-12")
def test_no_person_reaches_alone_what_two_have_to_do_whatever_accounts_that_person_makes() -> None:
    """An administrator who was taken over invites accounts of invented people: none of them approves before another person has looked."""
    sets = list(holdable())
    assert {each[0] for each in sets if len(each) == 1} == set(JobFunction)
    assert [(each, paths(within_reach(each))) for each in sets if paths(within_reach(each))] == []
    assert R.APPROVE_VIEWS not in within_reach((F.ADMINISTRATOR,))
    assert R.SEE_VIEWS in within_reach((F.ADMINISTRATOR,)), "the walk follows accounts that an administrator can make"
    assert paths(StaffRight) == list(ALONE), "with every right all of it could be done: the walk finds what it looks for"


def test_no_function_approves_what_it_asks_for_or_carries_out() -> None:
    forbidden = [(R.APPROVE_ORDERS, R.EXECUTE_ORDERS), (R.ENTER_ORDERS, R.APPROVE_ORDERS), (R.REQUEST_VIEWS, R.APPROVE_VIEWS)]
    for held in holdable():
        rights = frozenset().union(*(RIGHTS[each] for each in held))
        assert [pair for pair in forbidden if rights.issuperset(pair)] == [], held
        assert rights < frozenset(StaffRight), f"{held} has every right"


def test_who_decides_about_rights_sees_no_recording() -> None:
    views = {R.REQUEST_VIEWS, R.APPROVE_VIEWS, R.SEE_VIEWS}
    for held in holdable():
        if F.ADMINISTRATOR in held:
            assert not views.intersection(*(frozenset().union(*(RIGHTS[each] for each in held)),)), held


def test_the_table_of_what_one_person_may_be() -> None:
    pairs = {frozenset(each) for each in holdable() if len(each) == 2}
    assert pairs == {
        frozenset(pair)
        for pair in (
            (F.OPERATOR, F.REVIEWER),
            (F.OPERATOR, F.ASSESSOR),
            (F.OPERATOR, F.ADMINISTRATOR),
            (F.REVIEWER, F.ASSESSOR),
            (F.OFFICER, F.ASSESSOR),
            (F.ASSESSOR, F.ADMINISTRATOR),
        )
    }
    assert conflict((F.OPERATOR, F.OFFICER)) == (R.APPROVE_ORDERS, R.ENTER_ORDERS)
    assert all(len(pair) == 2 for pair in CONFLICTS)
    assert frozenset().union(*RIGHTS.values()) == frozenset(StaffRight), "each right belongs to a function"
