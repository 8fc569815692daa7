"""Orders that come together share one look, one rewrite and one scan, and nothing else: each has its own receipts, end and later look."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from expunge import faults
from expunge.core.orders.batch_release import Waiting, released
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from expunge.engine.subjects.sealed_selectors import SELECTORS
from expunge.errors import IllegalTransition
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA, CARA, DINO, Household, hasty, strings_of


def ordered(home: Household, *names: str) -> list[OrderId]:
    """One planned order for each name."""
    orders = [home.order(name).order for name in names]
    for order in orders:
        home.plan(order)
    return orders


def purges(home: Household, *orders: OrderId) -> list[str]:
    """The failpoints at which stores were purged while the orders were carried out."""
    with faults.record() as passed, home.open() as opened:
        opened.apply_all(orders)
    return [each for each in passed if each == "store.purge:before"]


def test_two_orders_that_share_a_table_share_one_rewrite(home: Household) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")
    together = purges(home, *orders)
    alone = purges(home, *ordered(home, f"profile:{BELA}"))
    assert len(together) == len(alone) > 0
    with home.open() as opened:
        assert [opened.status(each).state for each in orders] == [OrderState.FULFILLED] * 2
        assert [len(opened.receipts(each)) for each in orders] == [1, 1]
    assert home.search(*strings_of(ANNA), *strings_of(CARA), *strings_of(BELA)) == []


def test_how_people_were_looked_for_is_written_again_only_when_something_new_is_known(home: Household) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")
    written: list[tuple[bytes | None, ...]] = []
    with home.open() as opened:

        def note(progress: Progress) -> None:
            if progress.state == "start":
                written.append(tuple(opened.context.shelf.get(each, SELECTORS) for each in orders))

        opened.apply_all(orders, report=note)
    assert len(written) > 4
    assert all(written[0])
    # Every sealing of the same gives other bytes: equal ones were not sealed again.
    assert len(set(written)) == 1


def test_each_order_of_a_cohort_journals_its_own_people_only(home: Household) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")
    with home.open() as opened:
        runs = opened.apply_all(orders)
        for run in runs:
            named = {subject for state in run.current.steps.values() for by in state.outcomes.values() for subject in by} - {"*"}
            assert named == set(run.subjects)
            assert {subject for by in run.current.items.values() for subject in by} <= set(run.subjects)


def test_the_same_person_twice_never_shares_a_round(home: Household) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{ANNA}")
    with home.open() as opened:
        runs = opened.apply_all(orders)
    assert [run.state for run in runs] == [OrderState.FULFILLED] * 2
    assert all(not run.current.cohort for run in runs)


@pytest.mark.parametrize(
    "at", ["journal.append:after", "store.erase:after", "store.purge:before", "log.publish.swap:before", "journal.commit:before"]
)
def test_a_cohort_that_was_killed_goes_on_as_one_from_any_of_its_orders(home: Household, at: str) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")

    def killed() -> None:
        with home.open() as opened, faults.arm(at, "kill", 6 if at.startswith("journal") else 1):
            opened.apply_all(orders)

    assert in_child(killed).killed_by == 9
    with home.open() as opened:
        opened.apply(orders[1])
        opened.apply(orders[0])
        assert [opened.status(each).state for each in orders] == [OrderState.FULFILLED] * 2
        assert [len(opened.receipts(each)) for each in orders] == [1, 1]
        assert opened.context.log.head().size == 2
    assert home.search(*strings_of(ANNA), *strings_of(CARA)) == []


def test_each_order_of_a_cohort_can_be_looked_at_again_by_itself(home: Household) -> None:
    orders = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")
    with home.open() as opened:
        opened.apply_all(orders)
    (home.world / "media" / "stray.txt").write_text(f"kept by mistake: {strings_of(CARA)[1]}")
    with home.open() as opened:
        assert opened.verify(orders[0]).found == 0
        assert opened.verify(orders[1]).found > 0


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(name: str, *, earliest: datetime = NOON - HOUR, latest: datetime = NOON + HOUR) -> Waiting:
    return Waiting(OrderId(name), earliest, latest)


def test_orders_wait_until_one_of_them_is_due_and_then_all_go() -> None:
    waiting = [entry("a"), entry("b", latest=NOON)]
    assert released(waiting, NOON - HOUR / 2) == ()
    assert released(waiting, NOON) == ("a", "b")


def test_an_order_in_its_cooling_off_time_is_not_taken_along() -> None:
    waiting = [entry("cooling", earliest=NOON + HOUR), entry("due", latest=NOON)]
    assert released(waiting, NOON) == ("due",)
    assert released([entry("cooling", earliest=NOON + HOUR, latest=NOON)], NOON) == ()


def test_an_open_maintenance_window_releases_what_waits() -> None:
    waiting = [entry("a", latest=NOON + 20 * HOUR)]
    assert released(waiting, NOON, ["12:00-13:00", ""]) == ("a",)
    assert released(waiting, NOON, ["02:00-05:00"]) == ()
    assert released(waiting, NOON, ["", ""]) == ()


def test_an_order_in_a_hurry_does_not_wait(home: Household) -> None:
    slow, fast = ordered(home, f"profile:{ANNA}", f"profile:{CARA}")
    with home.open() as opened:
        opened.submit(slow)
        assert opened.run_due() == ()
        opened.submit(fast, hurry=True)
        assert {run.order for run in opened.run_due()} == {slow, fast}
        assert opened.status(slow).current.cohort == (slow, fast)


def test_an_order_without_a_plan_cannot_be_queued(home: Household) -> None:
    order = home.order(f"profile:{DINO}").order
    with home.open() as opened, pytest.raises(IllegalTransition, match="cannot be queued"):
        opened.submit(order)


def test_an_order_in_part_waits_for_others_too(home: Household) -> None:
    hasty(home)
    (order,) = ordered(home, f"profile:{ANNA}")
    reader = sqlite3.connect(home.database, isolation_level=None)
    reader.execute("BEGIN IMMEDIATE")
    with home.open() as opened:
        assert opened.apply(order).state is OrderState.IN_PART
        reader.close()
        assert opened.submit(order, wait=timedelta(hours=1)).queued is not None
        assert opened.run_due() == ()
        opened.submit(order, hurry=True)
        (run,) = opened.run_due()
    assert (run.state, run.queued) == (OrderState.FULFILLED, None)
    assert home.search(*strings_of(ANNA)) == []


def test_a_store_that_is_away_when_the_order_starts_does_not_hold_up_the_others(home: Household) -> None:
    (order,) = ordered(home, f"profile:{ANNA}")
    away = home.world / "media"
    away.rename(home.folder / "unmounted")
    with home.open() as opened:
        run = opened.apply(order)
    assert run.state is OrderState.IN_PART
    assert any(each.startswith("voice:") for each in run.reasons)
    assert not any(".jsonl.gz" in each and ANNA in each for each in home.logical()), "the lake is there, and done"
    (home.folder / "unmounted").rename(away)
    with home.open() as opened:
        assert opened.apply(order).state is OrderState.FULFILLED
    assert home.search(*strings_of(ANNA)) == []
