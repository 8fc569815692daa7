"""Profiles that nobody uses: what may become of one, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from expunge.core.retention.inactivity import (
    ASKED,
    GONE,
    IdleFlagged,
    IdleGivenUp,
    IdleKept,
    IdleOrdered,
    IdleState,
    IdleUsed,
    InactiveProfile,
    fold_idle,
    is_unused,
)
from expunge.core.values.ids import OrderId, Pseudonym
from expunge.core.values.periods import Period

NOW = datetime(2026, 6, 1, tzinfo=UTC)
WHO = Pseudonym("a" * 32)
FLAG = IdleFlagged(NOW, "profile", WHO, NOW - timedelta(days=600), "recordings")
KEPT, USED = IdleKept(NOW, WHO, "the parent"), IdleUsed(NOW, WHO, NOW)
GIVEN_UP, ORDERED = IdleGivenUp(NOW, WHO), IdleOrdered(NOW, WHO, OrderId("ord-x"))


def state(*events: object) -> IdleState:
    return fold_idle(events)[WHO].state


def test_who_is_kept_or_used_again_is_not_given_up_and_whoever_is_heard_late_is_kept() -> None:
    assert state(FLAG, KEPT, GIVEN_UP, ORDERED) is IdleState.KEPT
    assert state(FLAG, USED, GIVEN_UP) is IdleState.USED
    assert state(FLAG, GIVEN_UP, KEPT, ORDERED) is IdleState.KEPT
    assert state(FLAG, GIVEN_UP, ORDERED, KEPT) is IdleState.KEPT
    assert state(FLAG, GIVEN_UP, ORDERED, USED) is IdleState.USED
    assert state(FLAG, ORDERED) is IdleState.FLAGGED, "nobody is erased who was not given up"
    assert fold_idle([KEPT, GIVEN_UP]) == {}


@given(st.lists(st.sampled_from([FLAG, KEPT, USED, GIVEN_UP, ORDERED]), max_size=12))
def test_an_order_always_follows_a_flag_and_a_decision_with_nothing_between(events: list[object]) -> None:
    found = fold_idle(events).get(WHO)
    if found is not None and found.state is IdleState.ORDERED:
        relevant = [each for each in events if each is not ORDERED]
        last_flag = max(at for at, each in enumerate(relevant) if each is FLAG)
        after = relevant[last_flag + 1 :]
        assert after[:1] == [GIVEN_UP]


def test_there_is_time_to_keep_it_and_time_to_erase_it() -> None:
    found = fold_idle([FLAG])[WHO]
    assert found.asked_until() == NOW + ASKED
    assert found.gone_by() == NOW + timedelta(days=90)
    assert ASKED < GONE


def test_being_kept_counts_as_use_and_being_flagged_does_not() -> None:
    period = Period(months=18)
    long_ago = NOW - timedelta(days=1000)
    flagged = fold_idle([FLAG])[WHO]
    kept = InactiveProfile(WHO, "profile", IdleState.KEPT, NOW, long_ago, "recordings", NOW)
    assert is_unused(long_ago, None, period, NOW)
    assert is_unused(long_ago, flagged, period, NOW)
    assert not is_unused(long_ago, kept, period, NOW + timedelta(days=400))
    assert is_unused(long_ago, kept, period, NOW + timedelta(days=600))
