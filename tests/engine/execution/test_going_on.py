"""A worker goes from one step to the next: what it begins and ends is journalled with its leases, and others are told of the rest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from expunge import faults, permit
from expunge.adapters.database.leases_django import DjangoLeases
from expunge.bootstrap import Expunge
from expunge.core.journal import events as ev
from expunge.core.orders.run import next_steps
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.execution import running
from expunge.engine.execution.step_handover import RECEIPTS
from expunge.engine.execution.step_worker import Worker
from expunge.engine.kernel.context import Progress
from expunge.testing.forked import in_child
from tests.engine.household import ANNA, Household


class Hints(list[str]):
    """A queue that nobody takes from."""

    def put(self, orders: tuple[OrderId, ...], step: str) -> None:
        self.append(step)

    def take_back(self, orders: tuple[OrderId, ...], step: str) -> None:
        if step in self:
            self.remove(step)

    def waiting(self) -> int:
        return len(self)

    def work(self, *_: object, **__: object) -> None:
        raise NotImplementedError


@contextmanager
def working(home: Household, order: OrderId, hints: Hints) -> Iterator[tuple[Worker, Expunge]]:
    """A worker, and the round of the order begun."""
    with home.open() as opened:
        running.ready(opened.context, [order])
        journal = opened.context.journal
        leases = DjangoLeases(journal.alias)  # type: ignore[attr-defined]  # the journal of a state folder
        yield Worker(opened.context, leases, hints, "a worker"), opened
        leases.close()


@pytest.fixture
def order(home: Household) -> OrderId:
    accepted = home.order(f"profile:{ANNA}")
    home.plan(accepted.order)
    return accepted.order


def ended(opened: Expunge, order: OrderId) -> Counter[str]:
    events = map(ev.decode, opened.context.journal.read(order))
    return Counter(str(each.step) for each in events if isinstance(each, ev.StepEnded))


def test_from_one_hint_it_goes_on_and_puts_what_it_leaves_to_others(home: Household, order: OrderId) -> None:
    hints = Hints()
    with working(home, order, hints) as (worker, opened):
        taken: list[str] = []
        waiting = [str(each) for each in next_steps(opened.status(order))]
        while waiting:
            taken.append(waiting.pop(0))
            worker.handle((order,), taken[-1])
            waiting += hints
            hints.clear()
            assert worker.leases.held() == ()
        steps = [str(each.id) for each in opened.status(order).plan.steps]  # type: ignore[union-attr]  # it has a plan
        assert ended(opened, order) == Counter(steps)
        assert opened.status(order).state is OrderState.FULFILLED
        assert RECEIPTS not in taken, "who took the last step goes on with the receipts"
        assert len(taken) < len(steps)


def test_alone_it_carries_out_a_whole_round_from_one_hint_and_leaves_no_other_lying(home: Household, order: OrderId) -> None:
    hints = Hints()
    with working(home, order, hints) as (worker, opened):
        waiting = [str(each) for each in next_steps(opened.status(order))]
        assert len(waiting) > 1
        hints.extend(waiting[1:])  # what a tick has put
        assert worker.handle((order,), waiting[0])
        assert opened.status(order).state is OrderState.FULFILLED
        assert set(ended(opened, order).values()) == {1}
        assert hints == []
        assert worker.leases.held() == ()


def test_what_somebody_else_is_at_is_left_to_them_and_to_the_queue(home: Household, order: OrderId) -> None:
    hints = Hints()
    with working(home, order, hints) as (worker, opened):
        run = opened.status(order)
        waiting = [str(each) for each in next_steps(run)]
        hints.extend(waiting[1:])
        theirs = worker.leases.take(f"{order}/{run.round}/{waiting[-1]}", "another", 60)
        assert theirs is not None
        worker.handle((order,), waiting[0])
        left = opened.status(order)
        assert left.state is OrderState.RUNNING
        assert waiting[-1] not in left.current.steps
        assert set(waiting[:-1]) <= set(ended(opened, order))
        assert worker.leases.held() == (theirs,)
        assert waiting[-1] in hints
        worker.leases.end(theirs)
        worker.handle((order,), waiting[-1])
        assert opened.status(order).state is OrderState.FULFILLED
        assert set(ended(opened, order).values()) == {1}


def test_a_step_that_takes_longer_than_its_lease_keeps_it_and_so_does_the_next(home: Household, order: OrderId) -> None:
    with working(home, order, Hints()) as (worker, opened):
        worker.lease_seconds = 0.6
        seen: list[bool] = []

        def slowly(progress: Progress) -> None:
            if progress.state == "start" and len(seen) < 2:
                time.sleep(1.5)
                permit.check()
                name = f"{order}/1/{progress.step}"
                seen.append([each.name for each in worker.leases.held()] == [name])
                assert worker.leases.take(name, "another", 60) is None

        worker.report = slowly
        worker.handle((order,), str(next_steps(opened.status(order))[0]))
        assert seen == [True, True]
        assert opened.status(order).state is OrderState.FULFILLED


def test_a_lease_that_is_lost_stops_the_step_and_nothing_after_it_is_begun(home: Household, order: OrderId) -> None:
    with working(home, order, Hints()) as (worker, opened):
        steps: list[str] = []

        def robbed(progress: Progress) -> None:
            if progress.state == "start":
                steps.append(str(progress.step))
                if len(steps) == 2:
                    (lease,) = worker.leases.held()
                    worker.leases.end(lease)
                    assert worker.leases.take(lease.name, "another", 60) is not None

        worker.report = robbed
        worker.handle((order,), str(next_steps(opened.status(order))[0]))
        assert len(steps) == 2
        assert ended(opened, order) == Counter(steps[:1])
        assert [each.holder for each in worker.leases.held()] == ["another"]


def test_who_shall_stop_ends_after_the_step_and_leaves_the_next_to_others(home: Household, order: OrderId) -> None:
    hints = Hints()
    with working(home, order, hints) as (worker, opened):
        worker.stopping = lambda: bool(ended(opened, order))
        for step in next_steps(opened.status(order)):
            worker.handle((order,), str(step))
        assert set(ended(opened, order)) == {each.id for each in opened.status(order).plan.steps if not each.after}  # type: ignore[union-attr]
        assert set(hints) == set(next_steps(opened.status(order)))


@pytest.mark.parametrize("number", [2, 3, 8, 9])  # the first says what was located, under the lease of the first step
def test_killed_at_any_commit_the_lease_stands_as_long_as_its_step_is_open(home: Household, order: OrderId, number: int) -> None:
    def doomed() -> None:
        with working(home, order, Hints()) as (worker, opened), faults.arm("journal.together.commit:after", "kill", number):
            for step in next_steps(opened.status(order)):
                worker.handle((order,), str(step))

    assert in_child(doomed).killed_by == 9
    with home.open() as opened:
        held = DjangoLeases(opened.context.journal.alias).held()  # type: ignore[attr-defined]
        run = opened.status(order)
        assert [each.name.split("/", 2)[2] for each in held] == [step for step, at in run.current.steps.items() if at.open]
        assert all(count == 1 for count in ended(opened, order).values())


def test_in_a_round_that_ended_since_it_was_read_nothing_is_left_to_do(home: Household, order: OrderId) -> None:
    with working(home, order, Hints()) as (worker, opened):
        first = str(next_steps(opened.status(order))[0])
        worker.handle((order,), first)  # what it read stays in its memory
        home.apply(order)
        assert worker.handle((order,), first) is False
