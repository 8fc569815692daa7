"""The queue on PostgreSQL: the suite, its tables, and a server that goes away."""

from __future__ import annotations

import re
import threading
import time
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from expunge import faults
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.database.queue_procrastinate import ProcrastinateQueue, open_queue
from expunge.core.values.ids import OrderId
from expunge.errors import StateCorrupt, StateUnavailable
from expunge.servers.postgres import running_postgres
from expunge.testing.forked import in_child, start
from expunge.testing.queue_suite import HEARTBEAT, ONE, OTHER, PATIENCE, POLL, QueueSuite, TakenWork, WorkedQueue, wait_until
from tests.adapters.databases import OnPostgres, run
from tests.architecture.failpoints import all_failpoints
from tests.architecture.source import SOURCE

pytestmark = pytest.mark.servers


def opened(url: str) -> ProcrastinateQueue:
    with open_journal(url) as journal:
        return open_queue(journal.alias)


class TestQueueOnPostgres(OnPostgres, QueueSuite):
    failpoints = ("queue.put:before", "queue.put.commit:before", "queue.put.commit:after")

    def tables(self, url: str) -> None:
        opened(url).close()

    def place(self, folder: Path) -> str:
        return self.fresh()

    def open(self, place: str) -> ProcrastinateQueue:
        return opened(place)

    def atomically(self, place: str) -> AbstractContextManager[None]:
        return open_journal(place).atomically()

    def test_work_that_was_taken_back_is_given_to_nobody_and_can_be_put_again(self, at: str, queue: WorkedQueue, taken: TakenWork) -> None:
        def fail_halfway() -> None:
            with self.atomically(at):
                queue.take_back((ONE,), "kept")
                raise ZeroDivisionError

        queue.take_back((ONE,), "never put")
        for step in ("kept", "gone", "again"):
            queue.put((ONE,), step)
        queue.put((OTHER,), "gone")
        with pytest.raises(ZeroDivisionError):
            fail_halfway()
        with self.atomically(at):
            queue.take_back((ONE,), "gone")
            queue.take_back((ONE,), "again")
            queue.put((ONE,), "again")
        assert queue.waiting() == 3
        queue.take_back((OTHER,), "gone")
        with self.working(queue, taken):
            assert sorted(taken.wait_for(2)) == ["again", "kept"]
            wait_until(lambda: queue.waiting() == 0)
        assert len(taken.steps) == 2

    def test_what_is_under_way_stays_with_whoever_took_it(self, queue: WorkedQueue, taken: TakenWork) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(orders: tuple[OrderId, ...], step: str) -> None:
            begun.set()
            assert go_on.wait(PATIENCE)
            taken(orders, step)

        queue.put((ONE,), "a")
        with self.working(queue, slow):
            assert begun.wait(PATIENCE)
            queue.take_back((ONE,), "a")
            assert queue.waiting() == 1
            go_on.set()
            assert taken.wait_for(1) == ["a"]
            wait_until(lambda: queue.waiting() == 0)

    def test_two_that_put_the_same_work_at_once_spoil_neither_block(self, at: str, queue: WorkedQueue) -> None:
        put, go_on = threading.Event(), threading.Event()

        def first() -> None:
            try:
                with self.atomically(at):
                    queue.put((ONE,), "same")
                    put.set()
                    assert go_on.wait(PATIENCE)
            finally:
                queue.close()

        thread = threading.Thread(target=first)
        thread.start()
        assert put.wait(PATIENCE)
        with self.atomically(at):
            queue.put((ONE,), "before")
            threading.Timer(0.5, go_on.set).start()
            # Not seen yet, since the other block has not committed: it is refused when that does.
            queue.put((ONE,), "same")
            queue.put((ONE,), "after")
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert queue.waiting() == 3

    def test_the_points_above_are_all_that_there_are(self) -> None:
        assert {name for name in all_failpoints() if name.startswith("queue.put")} == set(self.failpoints)


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("queue.migrate")])
def test_killed_while_making_the_tables_the_next_open_makes_them(database: str, point: str) -> None:
    def begin() -> None:
        with faults.arm(point, "kill", 7):
            opened(database)

    assert in_child(begin).killed_by == 9
    queue = opened(database)
    queue.put((ONE,), "a")
    assert queue.waiting() == 1
    queue.close()


def test_many_workers_that_start_at_once_make_the_tables_once(database: str) -> None:
    def begin() -> int:
        queue = opened(database)
        queue.put((ONE,), "a")
        found = queue.waiting()
        queue.close()
        return found

    for child in [start(begin) for _ in range(4)]:
        assert child.wait().returned() == 1


def test_no_module_of_ours_names_a_table_or_function_of_the_library() -> None:
    private = re.compile(r"procrastinate_(jobs|events|workers|periodic_defers|\w+_v\d+)\b")
    assert not [path.name for path in SOURCE.rglob("*.py") if private.search(path.read_text(encoding="utf-8"))]


def test_tables_of_a_newer_version_are_refused(database: str) -> None:
    opened(database).close()
    run(database, "INSERT INTO django_migrations (app, name, applied) VALUES ('expunge_queue', '99.sql', '2030-01-01')")
    with pytest.raises(StateCorrupt, match="newer version"):
        opened(database)


@pytest.mark.parametrize("point", [name for name in all_failpoints() if name.startswith("queue.rescue")])
def test_a_worker_killed_while_it_rescues_work_leaves_it_to_the_next(database: str, tmp_path: Path, point: str) -> None:
    queue = opened(database)
    queue.put((ONE,), "a")
    queue.close()
    begun, taken = TakenWork(tmp_path / "begun"), TakenWork(tmp_path / "taken")

    def get_stuck() -> None:
        def handle(orders: tuple[str, ...], step: str) -> None:
            begun(orders, step)  # type: ignore[arg-type]
            time.sleep(60)

        opened(database).work(handle, name="stuck", stop=threading.Event(), poll=POLL, heartbeat=HEARTBEAT)

    def rescue() -> None:
        with faults.arm(point, "kill"):
            opened(database).work(taken, name="rescuer", stop=threading.Event(), poll=POLL, heartbeat=HEARTBEAT)

    stuck = start(get_stuck)
    begun.wait_for(1)
    stuck.kill()
    assert in_child(rescue).killed_by == 9
    queue = opened(database)
    stop = threading.Event()
    thread = threading.Thread(target=partial(queue.work, taken, name="last", stop=stop, poll=POLL, heartbeat=HEARTBEAT))
    thread.start()
    wait_until(lambda: queue.waiting() == 0)
    stop.set()
    thread.join()
    queue.close()
    assert set(taken.steps) == {"a"}


@pytest.mark.parametrize("how", ["fast", "kill"])
def test_a_worker_outlives_its_server_and_goes_on_when_it_is_back(tmp_path: Path, how: str) -> None:
    taken = TakenWork(tmp_path / "taken")
    stop = threading.Event()
    with running_postgres(tmp_path / "server") as server:
        queue = opened(server.url)
        thread = threading.Thread(target=partial(queue.work, taken, name="w", stop=stop, poll=POLL, heartbeat=HEARTBEAT))
        thread.start()
        try:
            queue.put((ONE,), "before")
            taken.wait_for(1)
            if how == "fast":
                server.stop()
            else:
                server.kill()
            with pytest.raises(StateUnavailable):
                queue.put((ONE,), "meanwhile")
            time.sleep(1)
            assert thread.is_alive()
            server.start()
            queue.put((ONE,), "after")
            wait_until(lambda: "after" in taken.steps)
        finally:
            stop.set()
            thread.join(30)
        assert not thread.is_alive()
        queue.close()


def test_a_worker_whose_server_is_away_can_be_stopped(tmp_path: Path) -> None:
    with running_postgres(tmp_path / "server") as server:
        queue = opened(server.url)
        queue.close()
    stop = threading.Event()
    thread = threading.Thread(target=partial(queue.work, lambda *_: None, name="w", stop=stop, poll=POLL, heartbeat=HEARTBEAT))
    thread.start()
    time.sleep(1)
    stop.set()
    thread.join(15)
    assert not thread.is_alive()
