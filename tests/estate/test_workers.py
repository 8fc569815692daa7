"""State on PostgreSQL and as many workers as are started: nothing is lost, nothing is done twice, and a late worker changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from expunge import Expunge, faults
from expunge.core.journal import events as ev
from expunge.core.orders.run import next_steps
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.execution import running
from expunge.engine.execution.stepping import Stepper
from expunge.engine.kernel.journal_streams import CohortRecorder
from expunge.errors import Drift, TakenOver
from expunge.servers.processes import wait_until
from expunge.testing.forked import in_child
from tests.estate.estate import Estate


@pytest.fixture
def shared(estate: Estate) -> Iterator[Estate]:
    """The estate with its state on PostgreSQL, in a database of its own."""
    name = f"state_{estate.bucket.replace('-', '_')}"
    os.environ["ESTATE_STATE"] = estate.postgres.database(name)
    estate.write_map(state='"${ESTATE_STATE}"', extra="state_folder: ./shared\n")
    Expunge.init(estate.map)
    yield estate
    estate.postgres.start()
    estate.postgres.drop(name)


def worker(estate: Estate, *more: str, failpoint: str = "", lease: int = 3) -> subprocess.Popen[str]:
    """A worker process; ``lease`` is how long others wait for it when it is killed, and how long it may itself be kept from renewing."""
    command = [sys.executable, "-m", "expunge", "worker", "--map", str(estate.map), "--poll", "0.3", "--lease", str(lease), "--json", *more]
    environment = {**os.environ, "EXPUNGE_FAILPOINT": failpoint}
    return subprocess.Popen(command, cwd=estate.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def work(estate: Estate) -> None:
    """Work as a worker does until nothing is left, with the lease of :func:`worker`."""
    with estate.open() as opened:
        opened.work(threading.Event(), poll=0.3, lease_seconds=3, until_idle=True)


def ended(process: subprocess.Popen[str], seconds: float = 600) -> tuple[int, str]:
    try:
        out, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        pytest.fail(f"the worker did not end: {out}")
    return process.returncode, out


def queued(estate: Estate, *numbers: int) -> list[OrderId]:
    orders = estate.ordered(*(f"profile:{estate.children[each].profile}" for each in numbers))
    with estate.open() as opened:
        for order in orders:
            opened.submit(order, hurry=True)
    return orders


def states(estate: Estate, orders: list[OrderId]) -> list[OrderState]:
    with estate.open() as opened:
        runs = [opened.status(each) for each in orders]
    for run in runs:
        if run.reasons and run.history:
            print([(each.dataset, each.detail, each.scan) for each in estate.receipt(run.order).datasets if each.reason])
    return [run.state for run in runs]


def attempts(estate: Estate, order: OrderId) -> Counter[str]:
    """How often each step of an order was ended."""
    with estate.open() as opened:
        events = [ev.decode(data) for data in opened.context.journal.read(order)]
    return Counter(str(each.step) for each in events if isinstance(each, ev.StepEnded))


def test_two_workers_carry_out_what_is_queued_and_no_step_twice(shared: Estate) -> None:
    orders = queued(shared, 0, 3)
    # Nobody is killed here: a disk that keeps a worker from its commits for some seconds is no reason for another to take over.
    processes = [worker(shared, "--until-idle", lease=60) for _ in range(2)]
    for each in processes:
        code, out = ended(each)
        assert code == 0, out
    assert states(shared, orders) == [OrderState.FULFILLED] * 2
    assert all(set(attempts(shared, each).values()) == {1} for each in orders)
    with shared.open() as opened:
        assert [len(opened.receipts(each)) for each in orders] == [1, 1]
        assert opened.status(orders[0]).current.cohort == tuple(orders), "they shared the rewrites"
    assert shared.search(*shared.children[0].strings, *shared.children[3].strings) == []


@pytest.mark.soak
def test_a_worker_killed_in_the_middle_loses_nothing(shared: Estate) -> None:
    (order,) = queued(shared, 1)

    def doomed() -> None:
        with faults.arm("store.erase:after", "kill", 2):
            work(shared)

    killed = in_child(doomed)
    assert killed.killed_by == signal.SIGKILL, killed.error
    in_child(lambda: work(shared)).returned()
    assert states(shared, [order]) == [OrderState.FULFILLED]
    assert shared.search(*shared.children[1].strings) == []
    with shared.open() as opened:
        assert len(opened.receipts(order)) == 1


@pytest.mark.soak
def test_a_paused_worker_cannot_finish_what_another_took_over(shared: Estate) -> None:
    (order,) = queued(shared, 2)
    with shared.open() as opened:
        slow = opened.worker(lease_seconds=1.0)
        slow.tick()
        run = opened.status(order)
        assert run.state is OrderState.RUNNING
        step = next_steps(run)[0]
        lease = slow.leases.take(f"{order}/1/{step}", slow.name, 1.0)
        assert lease is not None
        recorder = CohortRecorder(opened.context.journal, opened.context.clock, running.members_of(opened.context, [order]), lease)
        stepper = Stepper(opened.context, recorder, lambda _: None, lease)
        stepper.begin()
        time.sleep(1.2)
        quick = opened.worker(lease_seconds=30.0)
        assert quick.handle([order], str(step))
        with pytest.raises(TakenOver):
            stepper.take(stepper.plan.step(step))
    assert attempts(shared, order)[str(step)] == 1
    assert ended(worker(shared, "--until-idle"))[0] == 0
    assert states(shared, [order]) == [OrderState.FULFILLED]


@pytest.mark.soak
def test_the_server_is_restarted_in_the_middle_and_work_goes_on(shared: Estate) -> None:
    (order,) = queued(shared, 4)
    process = worker(shared, "--until-idle")
    assert wait_until(lambda: states(shared, [order]) != [OrderState.PLANNED], 300)
    shared.postgres.kill()
    shared.postgres.start()
    code, out = ended(process)
    assert code == 0, out
    with shared.open() as opened:
        opened.apply(order)
    assert states(shared, [order]) == [OrderState.FULFILLED]
    assert shared.search(*shared.children[4].strings) == []


@pytest.mark.soak
def test_status_shows_who_is_at_what(shared: Estate) -> None:
    (order,) = queued(shared, 5)
    process = worker(shared, "--until-idle")
    seen: set[str] = set()
    with shared.open() as opened:
        while process.poll() is None:
            seen |= {each.name for each in opened.leases()}
            time.sleep(0.02)
    ended(process)
    assert any(each.startswith(f"{order}/1/") for each in seen)
    assert states(shared, [order]) == [OrderState.FULFILLED]


def test_an_order_that_may_wait_is_left_until_one_is_due(shared: Estate) -> None:
    orders = shared.ordered(f"profile:{shared.children[0].profile}", f"profile:{shared.children[4].profile}")
    with shared.open() as opened:
        opened.submit(orders[0], wait=timedelta(hours=24))
        opened.worker().tick()
        assert opened.status(orders[0]).state is OrderState.PLANNED
        opened.submit(orders[1], hurry=True)
        opened.worker().tick()
        assert [opened.status(each).current.cohort for each in orders] == [(orders[0], orders[1])] * 2


@pytest.mark.soak
def test_apply_works_beside_the_workers(shared: Estate) -> None:
    orders = shared.ordered(f"profile:{shared.children[1].profile}")
    stop = threading.Event()
    with shared.open() as beside:
        thread = threading.Thread(target=beside.work, args=(stop,), kwargs={"poll": 0.2})
        thread.start()
        try:
            with shared.open() as opened:
                (run,) = opened.apply_all(orders)
        finally:
            stop.set()
            thread.join()
    assert run.state is OrderState.FULFILLED
    assert set(attempts(shared, orders[0]).values()) == {1}


@pytest.mark.soak
def test_a_worker_that_read_an_edited_map_takes_no_step_of_a_round_under_the_old_one(shared: Estate) -> None:
    (order,) = queued(shared, 3)
    with shared.open() as opened:
        opened.worker().tick()
        assert opened.status(order).state is OrderState.RUNNING
        step = next_steps(opened.status(order))[0]
    text = shared.map.read_text()
    shared.map.write_text(text.replace("period: 90 days", "period: 91 days"))
    with shared.open() as opened, pytest.raises(Drift, match="the data map was edited"):
        opened.worker().handle([order], str(step))
    shared.map.write_text(text)
    assert ended(worker(shared, "--until-idle", lease=60))[0] == 0
    assert states(shared, [order]) == [OrderState.FULFILLED]
    assert set(attempts(shared, order).values()) == {1}


@pytest.mark.soak
def test_what_is_queued_while_a_round_is_under_way_waits_for_its_end(shared: Estate) -> None:
    (first,) = queued(shared, 0)
    with shared.open() as opened:
        opened.worker().tick()
        (second,) = queued(shared, 2)
        opened.worker().tick()
        assert [opened.status(each).state for each in (first, second)] == [OrderState.RUNNING, OrderState.PLANNED]
    code, out = ended(worker(shared, "--until-idle"))
    assert code == 0, out
    assert states(shared, [first, second]) == [OrderState.FULFILLED] * 2
