"""Delays and the marks of an attack are arithmetic."""

from __future__ import annotations

import pytest

from expunge.core.attempts import attempt_limits as limits
from expunge.core.attempts.attempt_limits import Budget, delay_after
from expunge.core.attempts.spray import SourceCounts, WatchedTries, belongs, is_concentrated, is_spray, is_suspect


@pytest.mark.duty("NST-06")
def test_delays_begin_small_and_grow_to_a_quarter_of_an_hour() -> None:
    assert [delay_after(failures) for failures in range(7)] == [0, 0, 0, 5, 10, 20, 40]
    assert delay_after(100) == delay_after(10**6) == 900


@pytest.mark.duty("NST-06")
def test_an_account_has_a_hundred_failures_in_all() -> None:
    assert limits.MOST_FROM_ELSEWHERE + limits.MOST_FROM_KNOWN == limits.MOST_FAILURES == 100


def test_a_hundred_failures_take_most_of_a_day() -> None:
    assert sum(delay_after(failures) for failures in range(limits.MOST_FROM_ELSEWHERE)) > 17 * 3600


def test_an_attack_leaves_each_source_less() -> None:
    for calm, attacked in zip(
        (limits.CALM.client.tries, limits.CALM.network.tries, limits.CALM.accounts_of_client, limits.CALM.accounts_of_network),
        (
            limits.ATTACKED.client.tries,
            limits.ATTACKED.network.tries,
            limits.ATTACKED.accounts_of_client,
            limits.ATTACKED.accounts_of_network,
        ),
        strict=True,
    ):
        assert 0 < attacked < calm


def test_every_surface_has_a_rule() -> None:
    assert set(limits.RULES) == set(limits.Surface)


def test_windows_of_a_budget_follow_one_another() -> None:
    budget = Budget(3, 600)
    assert budget.window(1199.9) + 1 == budget.window(1200.0)
    assert budget.ends(1199.9) == 1200.0


@pytest.mark.parametrize(
    ("source", "suspect"),
    [
        (SourceCounts(1, 1, 1), False),
        (SourceCounts(2, 7, 4), False),
        (SourceCounts(client_accounts=3), True),
        (SourceCounts(network_accounts=8), True),
        (SourceCounts(password_accounts=5), True),
    ],
)
def test_a_suspect_tries_the_accounts_of_others(source: SourceCounts, suspect: bool) -> None:
    assert is_suspect(source) is suspect


@pytest.mark.parametrize(
    ("watched", "spray"),
    [
        pytest.param(WatchedTries(tries=60, suspects=20, successes=500, accounts=20), True, id="a few machines"),
        pytest.param(WatchedTries(tries=60, suspects=19, successes=500, accounts=20), False, id="people who mistype"),
        pytest.param(WatchedTries(tries=60, suspects=60, successes=0, accounts=2), False, id="a household"),
        pytest.param(WatchedTries(tries=40, suspects=0, successes=1, accounts=40), True, id="a machine for each try"),
        pytest.param(WatchedTries(tries=400, suspects=0, successes=300, accounts=400), False, id="a Monday morning"),
    ],
)
def test_many_accounts_from_few_sources_are_one_attack(watched: WatchedTries, spray: bool) -> None:
    assert is_spray(watched) is spray


def test_one_account_is_attacked_where_it_fails_twenty_times_in_a_row() -> None:
    assert not is_concentrated(19)
    assert is_concentrated(20)


def test_a_single_mistake_during_an_attack_is_not_part_of_it() -> None:
    assert not belongs(refused=False, suspect=False, failures_this_minute=3)
    assert belongs(refused=True, suspect=False, failures_this_minute=0)
    assert belongs(refused=False, suspect=True, failures_this_minute=0)
    assert belongs(refused=False, suspect=False, failures_this_minute=60)
