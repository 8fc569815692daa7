"""The conformance suite of the queue port, and of the loop in which a worker takes work."""

# ruff: noqa: D102 - the name of a story says what it shows
from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from expunge import faults
from expunge.core.values.ids import OrderId
from expunge.errors import StoreUnavailable
from expunge.ports.queue import Queue
from expunge.testing.forked import RunningChild, in_child, start

ONE = OrderId("ord-aaaaaaaaaaaaaaaaaaaa")
OTHER = OrderId("ord-bbbbbbbbbbbbbbbbbbbb")
HEARTBEAT = 0.3
"""Seconds between signs of life where a worker is killed and others are to notice ..."""
CALM = 20.0
"""... and where none is: a busy machine that keeps a worker from three of them would have its work done twice."""
POLL = 0.5
PATIENCE = 60.0


class WorkedQueue(Queue, Protocol):
    """A queue with the loop of its workers."""

    def work(
        self,
        handle: Callable[[tuple[OrderId, ...], str], object],
        *,
        name: str,
        stop: threading.Event,
        concurrency: int = 1,
        poll: float = 5.0,
        heartbeat: float = 10.0,
    ) -> None:
        """Hand pieces of work to ``handle`` until ``stop`` is set."""
        ...

    def close(self) -> None:
        """Close the calling thread's connection."""
        ...


class TakenWork:
    """The work that workers took: lines of a file, so that workers in other processes may write too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def __call__(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Note one piece."""
        with self._path.open("a") as file:
            file.write(f"{'+'.join(orders)} {step}\n")

    @property
    def steps(self) -> list[str]:
        """The steps, in order."""
        return [line.split()[1] for line in self._path.read_text().splitlines()]

    def wait_for(self, count: int) -> list[str]:
        """Return the steps when there are so many; fails the test when they do not come."""
        wait_until(lambda: len(self.steps) >= count)
        return self.steps


def wait_until(happened: Callable[[], bool]) -> None:
    """Wait; fails the test when it does not happen."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class QueueSuite:
    """Subclass it, say where a queue may be kept, how to open it, and how a block of its state database is begun; run it with pytest."""

    failpoints: tuple[str, ...] = ()
    """Every failpoint that ``put`` passes."""

    def place(self, folder: Path) -> str:
        """Return a place for a fresh queue."""
        raise NotImplementedError

    def open(self, place: str) -> WorkedQueue:
        """Open the queue at a place; called in children and in threads too."""
        raise NotImplementedError

    def atomically(self, place: str) -> AbstractContextManager[None]:
        """A block on the state database at a place that commits at its end, or not when it raises."""
        raise NotImplementedError

    @contextmanager
    def opened(self, place: str) -> Iterator[WorkedQueue]:
        """A queue for the length of a block."""
        queue = self.open(place)
        try:
            yield queue
        finally:
            queue.close()

    @contextmanager
    def working(
        self, queue: WorkedQueue, handle: Callable[[tuple[OrderId, ...], str], object], concurrency: int = 1, heartbeat: float = CALM
    ) -> Iterator[threading.Event]:
        """A worker in a thread for the length of a block. The yielded object stops it earlier."""
        stop = threading.Event()
        work = partial(queue.work, handle, name="worker", stop=stop, concurrency=concurrency, poll=POLL, heartbeat=heartbeat)
        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the worker did not stop"

    @pytest.fixture
    def at(self, tmp_path: Path) -> str:
        """A place."""
        return self.place(tmp_path)

    @pytest.fixture
    def queue(self, at: str) -> Iterator[WorkedQueue]:
        """A fresh one."""
        with self.opened(at) as queue:
            yield queue

    @pytest.fixture
    def taken(self, tmp_path: Path) -> TakenWork:
        """Note taken work."""
        return TakenWork(tmp_path / "taken")

    # ---- putting -----------------------------------------------------------------------------------------------

    def test_work_that_waits_is_there_once_however_often_it_is_put(self, queue: WorkedQueue, taken: TakenWork) -> None:
        assert queue.waiting() == 0
        for _ in range(3):
            queue.put((ONE, OTHER), "erase-files")
        queue.put((ONE,), "erase-files")
        queue.put((ONE, OTHER), "erase-rows")
        assert queue.waiting() == 3
        with self.working(queue, taken):
            assert sorted(taken.wait_for(3)) == ["erase-files", "erase-files", "erase-rows"]
            wait_until(lambda: queue.waiting() == 0)
            queue.put((ONE, OTHER), "erase-files")
            assert len(taken.wait_for(4)) == 4

    def test_the_same_work_put_while_it_is_under_way_is_done_again(self, queue: WorkedQueue, taken: TakenWork) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def slow(orders: tuple[OrderId, ...], step: str) -> None:
            taken(orders, step)
            begun.set()
            assert go_on.wait(PATIENCE)

        queue.put((ONE,), "a")
        with self.working(queue, slow):
            assert begun.wait(PATIENCE)
            queue.put((ONE,), "a")
            assert queue.waiting() == 2
            go_on.set()
            assert taken.wait_for(2) == ["a", "a"]

    def test_what_is_put_in_a_block_is_there_when_it_commits_and_never_when_it_does_not(
        self, at: str, queue: WorkedQueue, taken: TakenWork
    ) -> None:
        def fail_halfway() -> None:
            with self.atomically(at):
                queue.put((ONE,), "lost")
                raise ZeroDivisionError

        with self.working(queue, taken):
            with pytest.raises(ZeroDivisionError):
                fail_halfway()
            with self.atomically(at):
                queue.put((ONE,), "kept")
                time.sleep(2 * POLL)
                assert taken.steps == [], "nobody may begin what may still be undone"
            assert taken.wait_for(1) == ["kept"]
        assert queue.waiting() == 0

    def test_work_that_waits_already_does_not_spoil_the_block_in_which_it_is_put_again(self, at: str, queue: WorkedQueue) -> None:
        queue.put((ONE,), "a")
        with self.atomically(at):
            queue.put((ONE,), "a")
            queue.put((ONE,), "b")
        assert queue.waiting() == 2

    def test_killed_at_each_point_of_putting_the_work_waits_once_or_not_at_all(self, tmp_path: Path) -> None:
        assert self.failpoints, "name the failpoints that a put passes"
        place = self.place(tmp_path)
        self.open(place).close()
        for number, point in enumerate(self.failpoints):
            step = f"step-{number}"
            assert in_child(partial(self._put_armed, place, step, point)).killed_by == 9, f"{point} was not passed"
            with self.opened(place) as queue:
                assert queue.waiting() in {number, number + 1}
                queue.put((ONE,), step)
                assert queue.waiting() == number + 1

    def _put_armed(self, place: str, step: str, point: str) -> None:
        with self.opened(place) as queue, faults.arm(point, "kill"):
            queue.put((ONE,), step)

    # ---- working -----------------------------------------------------------------------------------------------

    def test_what_is_put_while_a_worker_waits_is_taken_at_once(self, queue: WorkedQueue, taken: TakenWork) -> None:
        stop = threading.Event()
        work = partial(queue.work, taken, name="worker", stop=stop, poll=60.0)
        thread = threading.Thread(target=work)
        thread.start()
        try:
            queue.put((ONE,), "first")
            taken.wait_for(1)
            time.sleep(0.5)
            began = time.monotonic()
            queue.put((ONE,), "second")
            taken.wait_for(2)
            assert time.monotonic() - began < 10, "the server says so; the worker does not wait for its next look"
        finally:
            stop.set()
            thread.join(PATIENCE)

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_a_worker_does_so_many_pieces_at_once_as_it_was_told(self, queue: WorkedQueue, concurrency: int) -> None:
        running: list[str] = []
        most: list[int] = []
        done = threading.Event()
        together = threading.Barrier(concurrency)

        def handle(_orders: tuple[OrderId, ...], step: str) -> None:
            running.append(step)
            most.append(len(running))
            together.wait(PATIENCE)
            # Time for one too many.
            time.sleep(0.3)
            running.remove(step)
            if len(most) == 6 and not running:
                done.set()

        for at in range(6):
            queue.put((ONE,), f"step-{at}")
        with self.working(queue, handle, concurrency):
            assert done.wait(PATIENCE)
        assert max(most) == concurrency

    def test_a_piece_that_fails_is_over_and_the_worker_goes_on(
        self, queue: WorkedQueue, taken: TakenWork, capfd: pytest.CaptureFixture[str]
    ) -> None:
        def handle(orders: tuple[OrderId, ...], step: str) -> None:
            taken(orders, step)
            if step == "bad":
                raise StoreUnavailable("the store of ann@example.com is away")
            if step == "worse":
                raise ZeroDivisionError("ann@example.com")

        with self.working(queue, handle):
            for step in ("bad", "worse", "good"):
                queue.put((ONE,), step)
                taken.wait_for(1)
            taken.wait_for(3)
            wait_until(lambda: queue.waiting() == 0)
        assert capfd.readouterr().err == ""

    def test_a_worker_that_is_stopped_finishes_what_it_began_and_leaves_the_rest(self, queue: WorkedQueue, taken: TakenWork) -> None:
        begun, stopped = threading.Event(), threading.Event()

        def slow(orders: tuple[OrderId, ...], step: str) -> None:
            begun.set()
            assert stopped.wait(PATIENCE)
            # The worker looks now and then whether it is to stop.
            time.sleep(0.5)
            taken(orders, step)

        for at in range(3):
            queue.put((ONE,), f"step-{at}")
        with self.working(queue, slow) as stop:
            assert begun.wait(PATIENCE)
            stop.set()
            stopped.set()
        assert taken.steps == ["step-0"]
        assert queue.waiting() == 2

    def test_a_worker_of_one_does_everything_in_the_thread_that_called_it(self, queue: WorkedQueue) -> None:
        threads: list[int] = []
        stop = threading.Event()

        def handle(_orders: tuple[OrderId, ...], _step: str) -> None:
            threads.append(threading.get_ident())
            if len(threads) == 8:
                stop.set()

        for at in range(8):
            queue.put((ONE,), f"step-{at}")
        queue.work(handle, name="worker", stop=stop, poll=POLL, heartbeat=CALM)
        assert set(threads) == {threading.get_ident()}

    def test_a_worker_that_is_interrupted_ends_at_once_and_says_so(self, queue: WorkedQueue) -> None:
        def handle(_orders: tuple[OrderId, ...], _step: str) -> None:
            raise KeyboardInterrupt

        queue.put((ONE,), "a")
        queue.put((ONE,), "b")
        with pytest.raises(KeyboardInterrupt):
            queue.work(handle, name="worker", stop=threading.Event(), poll=POLL, heartbeat=CALM)
        assert queue.waiting() <= 1

    def test_a_worker_told_by_sigterm_ends_cleanly(self, tmp_path: Path, taken: TakenWork) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as queue:
            queue.put((ONE,), "a")
        child = start(partial(self._worker, place, taken))
        taken.wait_for(1)
        began = time.monotonic()
        os.kill(child.pid, signal.SIGTERM)
        assert child.wait().returned() == "stopped"
        assert time.monotonic() - began < 10
        with self.opened(place) as queue:
            assert queue.waiting() == 0

    def test_what_a_killed_worker_was_at_is_done_by_another(self, tmp_path: Path, taken: TakenWork) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as queue:
            queue.put((ONE,), "a")
            queue.put((OTHER,), "b")
        stuck = start(partial(self._worker, place, TakenWork(tmp_path / "begun"), 60.0))
        TakenWork(tmp_path / "begun").wait_for(1)
        stuck.kill()
        with self.opened(place) as queue:
            assert queue.waiting() == 2
            with self.working(queue, taken, heartbeat=HEARTBEAT):
                wait_until(lambda: {"a", "b"} <= set(taken.steps))
                wait_until(lambda: queue.waiting() == 0)

    def test_what_a_killed_worker_was_at_is_done_once_when_it_was_put_again(self, tmp_path: Path, taken: TakenWork) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as queue:
            queue.put((ONE,), "a")
        stuck = start(partial(self._worker, place, TakenWork(tmp_path / "begun"), 60.0))
        TakenWork(tmp_path / "begun").wait_for(1)
        stuck.kill()
        with self.opened(place) as queue:
            queue.put((ONE,), "a")
            time.sleep(HEARTBEAT * 4)
            release = threading.Event()

            def slow(orders: tuple[OrderId, ...], step: str) -> None:
                taken(orders, step)
                assert release.wait(PATIENCE)

            with self.working(queue, slow, heartbeat=HEARTBEAT):
                taken.wait_for(1)
                release.set()
                wait_until(lambda: queue.waiting() == 0)
                time.sleep(HEARTBEAT * 2)
                assert len(taken.steps) <= 2, "again is harmless, for ever is not"

    def test_several_workers_share_the_work_and_do_each_piece_once(self, tmp_path: Path, taken: TakenWork) -> None:
        place = self.place(tmp_path)
        with self.opened(place) as queue:
            for at in range(30):
                queue.put((ONE,), f"step-{at}")
        workers: list[RunningChild] = [start(partial(self._worker, place, taken, 0.02)) for _ in range(3)]
        try:
            taken.wait_for(30)
        finally:
            for worker in workers:
                os.kill(worker.pid, signal.SIGTERM)
            ends = [worker.wait() for worker in workers]
        assert [end.returned() for end in ends] == ["stopped"] * 3
        assert sorted(taken.steps) == sorted(f"step-{at}" for at in range(30))

    def _worker(self, place: str, taken: TakenWork, pause: float = 0.0) -> str:
        """A worker process: notes what it takes, then is at it for a while."""
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())

        def handle(orders: tuple[OrderId, ...], step: str) -> None:
            taken(orders, step)
            time.sleep(pause)

        with self.opened(place) as queue:
            queue.work(handle, name="child", stop=stop, poll=POLL, heartbeat=CALM)
        return "stopped"
