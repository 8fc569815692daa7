"""Children who stopped using it: found, told about, kept or used again without a race, else gone within 90 days."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest

from expunge.bootstrap import Expunge
from expunge.core.datamap.clocks import ClockState
from expunge.core.retention.inactivity import IdleState
from expunge.core.values.order import OrderKind, OrderState
from expunge.engine.retention import inactive_profiles, last_uses
from expunge.errors import UsageError
from tests.engine.household import ANNA, BELA, CARA, DINO, SAID, Household
from tests.engine.retention.idle_profiles import DAY, looked, stand, used, watched


@pytest.mark.duty("AMZ-01")
def test_a_profile_unused_for_18_months_is_flagged_with_the_source_of_its_last_use(home: Household) -> None:
    clock = watched(home, anna=600, bela=500, cara=10, dino=549)
    found, runs = looked(home, clock)
    assert (found.evaluated, runs) == (4, [])
    assert sorted(found.named.values()) == sorted([f"profile:{ANNA}", f"profile:{DINO}"]), "whatever age anybody is or turned meanwhile"
    assert {each.source for each in found.flagged} == {"voice"}
    ages = sorted((clock.at - each.last_used) // DAY for each in found.flagged)
    assert ages == [549, 600]
    with Expunge.open(home.map, clock=clock) as opened:
        journal = b"".join(opened.context.journal.read("idle"))
    assert ANNA.encode() not in journal
    assert len(list((home.state / "outbox").glob("unused-*.json"))) == 2, "their parents are told"
    again, _ = looked(home, clock)
    assert again.flagged == (), "once is enough"


@pytest.mark.duty("AMZ-02")
def test_nobody_keeps_it_so_it_is_gone_within_90_days_of_the_flag(home: Household) -> None:
    clock = watched(home, anna=600, bela=10)
    looked(home, clock)
    clock.at += 59 * DAY
    assert looked(home, clock)[1] == []
    clock.at += DAY
    _, (run,) = looked(home, clock)
    assert run.received.kind is OrderKind.INACTIVITY
    assert run.state is OrderState.FULFILLED
    assert home.search(ANNA, *SAID[ANNA]) == []
    assert home.search(*SAID[BELA])
    assert looked(home, clock)[1] == []


@pytest.mark.duty("AMZ-02")
def test_a_parent_keeps_it(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    with Expunge.open(home.map, clock=clock) as opened:
        assert opened.retention.keep(opened.resolve(f"profile:{ANNA}"), "the parent, by phone").state is IdleState.KEPT
    clock.at += 200 * DAY
    assert looked(home, clock)[1] == []
    assert home.search(*SAID[ANNA])
    clock.at += 400 * DAY
    found, _ = looked(home, clock)
    assert f"profile:{ANNA}" in found.named.values(), "the period began anew, and has ended again"


@pytest.mark.duty("AMZ-02")
def test_who_uses_it_again_before_it_is_given_up_keeps_it(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    clock.at += 59 * DAY
    used(home, ANNA, clock.at)
    clock.at += DAY
    found, runs = looked(home, clock)
    assert len(found.used) == 1
    assert runs == []
    assert stand(home, clock, ANNA) is IdleState.USED


def test_what_is_flagged_falls_due_and_overdue_is_said(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    flagged = clock.at

    def due() -> list[tuple[datetime | None, ClockState]]:
        with Expunge.open(home.map, clock=clock) as opened:
            return [(each.at, each.standing) for each in opened.dues.all() if each.clock == "unused"]

    assert due() == [(flagged + 90 * DAY, ClockState.RUNNING)]
    clock.at += 91 * DAY
    assert due() == [(flagged + 90 * DAY, ClockState.OVERDUE)], "nobody ran it: that is loud"
    looked(home, clock)
    assert due() == []


def test_who_comes_too_late_is_told_so(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    clock.at += 61 * DAY
    with Expunge.open(home.map, clock=clock) as opened:
        person = opened.resolve(f"profile:{ANNA}")
        (order,) = opened.retention.watch().orders
        opened.plan(order)
        opened.apply(order)
        with pytest.raises(UsageError, match="the profile is ordered"):
            opened.retention.keep(person, "the parent")
        with pytest.raises(UsageError, match="not flagged"):
            opened.retention.keep(opened.resolve(f"profile:{BELA}"), "the parent")
        with pytest.raises(UsageError, match="say who"):
            opened.retention.keep(person, " ")


def test_keeping_and_giving_up_at_once_ends_one_way(home: Household) -> None:
    """Both at the same moment: either it was kept and no order for it stands, or an order stands and keeping was refused."""
    clock = watched(home, anna=600, bela=600, cara=600, dino=600)
    looked(home, clock)
    clock.at += 61 * DAY
    answers: dict[str, bool] = {}
    with Expunge.open(home.map, clock=clock) as parent, Expunge.open(home.map, clock=clock) as daily:
        people = {name: parent.resolve(f"profile:{name}") for name in (ANNA, BELA, CARA, DINO)}
        start = threading.Barrier(2)

        def keeping() -> None:
            start.wait()
            for name, person in people.items():
                try:
                    parent.retention.keep(person, "the parent")
                    answers[name] = True
                except UsageError:
                    answers[name] = False

        thread = threading.Thread(target=keeping)
        thread.start()
        start.wait()
        orders = daily.retention.watch().orders
        thread.join()
        standing = [each for each in orders if daily.status(each).state is not OrderState.CANCELLED]
        states = {name: daily.retention.idle()[person.person.subject].state for name, person in people.items()}
    assert len(standing) == sum(not kept for kept in answers.values())
    assert states == {name: IdleState.KEPT if kept else IdleState.ORDERED for name, kept in answers.items()}


def test_a_use_that_nobody_could_see_is_not_taken_for_none(home: Household) -> None:
    """While a dataset that tells the last use cannot be read, nobody is flagged or given up."""
    clock = watched(home, anna=600)
    looked(home, clock)
    (home.world / "media").rename(home.world / "elsewhere")
    clock.at += 70 * DAY
    found, runs = looked(home, clock)
    assert (found.evaluated, runs) == (0, [])
    assert "its folder is not there" in found.could_not[0]
    assert stand(home, clock, ANNA) is IdleState.FLAGGED


def test_given_up_and_then_the_machine_died_the_order_comes_with_the_next_run(home: Household) -> None:
    clock = watched(home, anna=600)
    looked(home, clock)
    clock.at += 61 * DAY
    with Expunge.open(home.map, clock=clock) as opened:
        seen = {each.subject: each for each in last_uses.last_uses(opened.context, opened.map.identities["profile"])}
        inactive_profiles._give_up(opened.context, seen)
    assert stand(home, clock, ANNA) is IdleState.GIVEN_UP
    _, (run,) = looked(home, clock)
    assert run.state is OrderState.FULFILLED
