"""The fence: it stands for everybody an order names, by every name they have, at once, and for as long as any order needs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from expunge import faults
from expunge.core.values.order import OrderState
from expunge.gate import GateReason, Subject
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, BELA, CARA, DINO, PEOPLE, Household


def fenced(home: Household, *who: tuple[str, str]) -> list[bool]:
    with home.open() as opened:
        # Why a day: the snapshot of a fresh installation may be minutes old here, and too old is no suppression.
        gate = opened.gate(timedelta(days=1))
        return [gate.may_use(Subject(kind, value), "training").reason is GateReason.SUPPRESSED for kind, value in who]


def test_the_fence_stands_for_everybody_in_an_order(home: Household) -> None:
    home.order(f"profile:{ANNA}", f"profile:{CARA}")
    assert fenced(home, ("profile", ANNA), ("profile", CARA)) == [True, True]
    assert fenced(home, ("profile", BELA), ("profile", DINO), ("account", PEOPLE[ANNA])) == [False, False, False]


def test_the_fence_stands_for_every_name_that_goes_with_an_account(home: Household) -> None:
    account = PEOPLE[CARA]
    home.order(f"account:{account}")
    names = (("account", account), ("profile", CARA), ("profile", DINO), ("account.email", f"{account}@example.org"))
    assert fenced(home, *names) == [True] * 4


def test_cancelling_one_order_leaves_everybody_elses_fence_standing(home: Household) -> None:
    home.order(f"profile:{CARA}")
    second = home.order(f"profile:{ANNA}")
    third = home.order(f"profile:{ANNA}")
    with home.open() as opened:
        opened.order_cancel(third.order)
    assert fenced(home, ("profile", ANNA), ("profile", CARA)) == [True, True], "another order suppresses them still"
    with home.open() as opened:
        opened.order_cancel(second.order)
    assert fenced(home, ("profile", ANNA), ("profile", CARA)) == [False, True]


def killed(home: Household, act: Callable[[], object], point: str, at: int = 1) -> None:
    def doomed() -> None:
        with faults.arm(point, "kill", at):
            act()

    ended = in_child(doomed)
    assert ended.killed_by == 9, ended.error or "the failpoint was not passed"


def test_an_order_that_was_received_and_not_yet_fenced_is_fenced_by_the_next_start(home: Household) -> None:
    killed(home, lambda: home.order(f"profile:{ANNA}"), "journal.begin:after")
    assert fenced(home, ("profile", ANNA)) == [False]
    with home.open() as opened:
        opened.recover()
        (run,) = opened.orders()
        assert run.state is OrderState.FENCED
    assert fenced(home, ("profile", ANNA)) == [True]


def test_a_cancellation_that_was_interrupted_is_finished_by_the_next_start(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}", contact="parent@example.org")

    def cancel() -> None:
        with home.open() as opened:
            opened.order_cancel(accepted.order)

    killed(home, cancel, "journal.append:after")
    with home.open() as opened:
        assert opened.status(accepted.order).state is OrderState.CANCELLED
        opened.recover()
        run = opened.status(accepted.order)
        assert (run.key_destroyed, run.traces_ended) == (True, True)
    assert fenced(home, ("profile", ANNA)) == [False]


def test_a_cancelled_order_leaves_nothing_that_leads_to_the_person(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}", contact="parent@example.org")
    keys = [path.read_bytes() for path in (home.state / "keys" / "orders").rglob("*") if path.is_file()]
    assert keys
    with home.open() as opened:
        opened.order_cancel(accepted.order)
        assert list(opened.context.shelf.names(accepted.order)) == []
    left = [path.read_bytes() for path in home.state.rglob("*") if path.is_file()]
    assert not any(key[-32:] in data for key in keys for data in left)


def test_an_end_that_was_interrupted_is_finished_and_the_key_dies(home: Household) -> None:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    killed(home, lambda: home.apply(accepted.order), "outbox.put.notice.swap:before", 1)
    with home.open() as opened:
        run = opened.status(accepted.order)
        assert (run.state, run.key_destroyed) == (OrderState.FULFILLED, False)
        opened.recover()
        assert opened.status(accepted.order).key_destroyed
    assert list(home.state.rglob("identifiers.sealed*")) == []
