"""The cohort of a night: all that waits goes together, and what cannot start stops nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from expunge import faults
from expunge.core.orders.batch_release import NIGHT, Waiting, released
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.execution import nightly
from expunge.testing.forked import in_child
from tests.cli.running import expunge
from tests.engine.execution.test_cohorts import ordered, purges
from tests.engine.household import ANNA, BELA, CARA, DINO, Household

NOW = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)


def test_all_that_waits_goes_with_one_rewrite_and_what_cannot_start_stops_nobody(home: Household) -> None:
    alone = purges(home, *ordered(home, f"profile:{DINO}"))
    going = ordered(home, f"profile:{ANNA}", f"profile:{BELA}")
    staying = home.order(f"profile:{CARA}", cooling_off=timedelta(days=3)).order
    home.plan(staying)
    with faults.record() as passed, home.open() as opened:
        result = opened.run_nightly()
        assert result.ended == dict.fromkeys(going, OrderState.FULFILLED)
        assert [(each.order, each.gate, each.near) for each in result.staying] == [(staying, False, False)]
        assert opened.run_nightly().ended == {}
    assert [each for each in passed if each == "store.purge:before"] == alone


def test_a_long_night_goes_in_parts_of_which_each_shares_its_rewrites(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = purges(home, *ordered(home, f"profile:{DINO}"))
    monkeypatch.setattr(nightly, "MOST", 2)
    going = ordered(home, f"profile:{ANNA}", f"profile:{BELA}", f"profile:{CARA}")
    with faults.record() as passed, home.open() as opened:
        assert opened.nightly_cohort().going == tuple(going)
        result = opened.run_nightly()
    assert result.ended == dict.fromkeys(going, OrderState.FULFILLED)
    assert [each for each in passed if each == "store.purge:before"] == alone * 2


def test_what_was_interrupted_goes_first_and_ends_together(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted = ordered(home, f"profile:{ANNA}", f"profile:{BELA}")

    def killed() -> None:
        with home.open() as opened, faults.arm("store.purge:before", "kill"):
            opened.run_nightly()

    assert in_child(killed).killed_by == 9
    monkeypatch.setattr(nightly, "MOST", 1)
    later = ordered(home, f"profile:{CARA}")
    with home.open() as opened:
        result = opened.run_nightly()
    assert [*result.ended] == [*interrupted, *later]
    assert {*result.ended.values()} == {OrderState.FULFILLED}


def test_the_verb_sums_the_night_up(home: Household) -> None:
    ordered(home, f"profile:{ANNA}", f"profile:{BELA}")
    unplanned = home.order(f"profile:{CARA}").order
    said = expunge("apply", "--nightly", "--yes", cwd=home.folder)
    assert said.code == 0
    assert f"{unplanned} stays: the order has no plan yet" in said.out
    assert said.out.splitlines()[-1] == "tonight: 2 orders for 2 people, 2 fulfilled; 1 order cannot start yet"


@pytest.mark.parametrize("words", [["--nightly", "--due"], ["--nightly", "ord-1"], ["--queue", "--nightly"]])
def test_the_verb_is_asked_for_one_thing(home: Household, words: list[str]) -> None:
    assert expunge("apply", *words, cwd=home.folder).code == 2


@pytest.mark.parametrize(("left", "goes"), [(NIGHT + timedelta(minutes=1), False), (NIGHT, True), (timedelta(days=-1), True)])
def test_an_order_that_is_due_before_the_next_night_goes_at_once(left: timedelta, goes: bool) -> None:
    order = OrderId("ord-1")
    waiting = [Waiting(order, NOW, NOW + timedelta(days=9), NOW + left), Waiting(OrderId("ord-2"), NOW + timedelta(days=1), NOW)]
    assert released(waiting, NOW) == ((order,) if goes else ())
