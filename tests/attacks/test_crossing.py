"""Orders that are about the same person under two names, in one round."""

from __future__ import annotations

import pytest

from expunge.core.evidence.receipt import Result
from expunge.core.values.order import OrderState
from tests.estate.estate import Estate


@pytest.mark.soak
def test_a_household_and_a_child_of_it_may_be_ordered_at_once(estate: Estate) -> None:
    child, sibling, others = estate.children[0], estate.children[1], estate.children[2:]
    orders = estate.ordered(f"account:{child.account}", f"profile:{child.profile}")
    with estate.open() as opened:
        runs = opened.apply_all(orders)
    assert [run.state for run in runs] == [OrderState.FULFILLED] * 2
    assert estate.search(*child.strings, *sibling.strings) == []
    counts = [{each.dataset: each.items for each in estate.receipt(order).datasets if each.outcome is Result.ERASED} for order in orders]
    assert counts[0] == {name: 2 * items for name, items in counts[1].items()} | {"accounts": 1}
    left = estate.logical()
    assert all(any(each.profile in row for row in left) for each in others)
