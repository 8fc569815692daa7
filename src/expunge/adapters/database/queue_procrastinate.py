"""The queue on PostgreSQL, beside the journal's tables, by the library procrastinate.

Only public calls of the library are used (:meth:`App.configure_task`, ``JobManager``); its tables are its own. A put goes through the
journal's own connection, so that it commits with the events that caused it. Workers fetch, and send signs of life, on connections of their
own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from queue import SimpleQueue

import psycopg
from django.db import connections, transaction
from procrastinate import App
from procrastinate.contrib.django import connector_params
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Status
from procrastinate.psycopg_connector import PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from expunge import telemetry
from expunge.adapters.state.advisory import Lock, advisory
from expunge.adapters.state.explained import explain, explained, let_go
from expunge.adapters.state.queue_tables import migrate_queue
from expunge.adapters.state.sessions import session
from expunge.core.values.ids import OrderId
from expunge.faults import failpoint
from expunge.telemetry import Action, Opaque

Handle = Callable[[tuple[OrderId, ...], str], object]
"""Takes a step of some orders; its answer is not used."""

QUEUE = "expunge"
_TASK = "expunge.step"
_STALE = 3
"""A worker that missed so many signs of life is taken for dead; what it was at is given to others."""
_GLANCE = 0.1
"""Seconds between two looks at whether a worker shall stop."""
_CONNECT = 5.0
_BREATH = 1.0
"""Seconds between two tries to reach a server that went away."""
_MIGRATION_WAIT = 60.0


def open_queue(alias: str) -> ProcrastinateQueue:
    """The queue in a PostgreSQL database that :func:`expunge.adapters.database.journal_django.open_journal` opened; makes its tables.

    Raises:
        StateCorrupt: a newer version of the library made them.
        StateUnavailable: the server cannot be reached.
        Busy: another process made them for the whole wait.
    """
    lock = advisory(alias, Lock.MIGRATE, wait=_MIGRATION_WAIT, busy="another process is making the tables")
    with lock, explained("the queue could not be opened", alias):
        migrate_queue(alias)
    return ProcrastinateQueue(alias)


class ProcrastinateQueue:
    """Implements ``expunge.ports.queue.Queue``; made by :func:`open_queue`. Threads may share it."""

    def __init__(self, alias: str) -> None:
        self._alias = alias
        self._app = App(connector=DjangoConnector(alias=alias))

    def put(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Put a hint to take this step of these orders. Inside the journal's ``atomically`` it is there when that commits.

        Raises:
            StateUnavailable, Busy: the database; nothing was put.
        """
        same = _same(orders, step)
        with self._explained("work could not be put into the queue"):
            failpoint("queue.put:before")
            # The library refuses work that waits already, and the server logs each refusal: look first.
            if not self._waiting_like(same):
                # A savepoint within the journal's `atomically`: a refusal in a race must not end the transaction around it.
                with suppress(AlreadyEnqueued), transaction.atomic(using=self._alias):
                    self._app.configure_task(_TASK, queue=QUEUE, queueing_lock=same).defer(orders=list(orders), step=step)
                    failpoint("queue.put.commit:before")
            # commit point: the work waits, once the transaction around commits.
            failpoint("queue.put.commit:after")

    def take_back(self, orders: tuple[OrderId, ...], step: str) -> None:
        """Remove the hint to take this step. A worker that has taken it already keeps it. Raises as :meth:`put`."""
        with self._explained("work could not be taken out of the queue"):
            failpoint("queue.take_back:before")
            for job in self._waiting_like(_same(orders, step)):
                # commit point: it waits no more, once the transaction around commits; left lying it would be found done.
                self._app.job_manager.cancel_job_by_id(job, delete_job=True)
            failpoint("queue.take_back:after")

    def _waiting_like(self, same: str) -> list[int]:
        """Return the ids of the waiting jobs under a queueing lock: one at most."""
        jobs = self._app.job_manager.list_jobs(queue=QUEUE, status=Status.TODO.value, queueing_lock=same)
        return [job.id for job in jobs if job.id is not None]

    def waiting(self) -> int:
        """Return the number of pieces of work that wait or are being worked on. Raises StateUnavailable."""
        with self._explained("the queue could not be read"):
            rows = list(self._app.job_manager.list_queues(queue=QUEUE))
        counts = rows[0] if rows else {}
        return sum(int(counts.get(each.value) or 0) for each in (Status.TODO, Status.DOING))

    def work(
        self,
        handle: Handle,
        *,
        name: str,
        stop: threading.Event,
        concurrency: int = 1,
        poll: float = 5.0,
        heartbeat: float = 10.0,
    ) -> None:
        """Hand pieces of work to ``handle`` until ``stop`` is set; then what was begun is finished, and this returns.

        With a ``concurrency`` of one ``handle`` is always called in the calling thread, so that it may use connections that belong to it. A
        piece is done when ``handle`` returns or raises: the journal says what is left, and its next reader puts that again. A server that
        goes away is waited for. The work of a killed worker is given to another after three missed signs of life.

        Args:
            handle: takes a step of some orders; called in up to ``concurrency`` threads, of which the calling one is the first.
            name: of this worker.
            stop: set it to end, in a signal handler too.
            concurrency: how many pieces at once.
            poll: seconds between two looks into the queue; what is put meanwhile is announced by the server at once.
            heartbeat: seconds between two signs of life.
        """
        pieces: SimpleQueue[_Piece | None] = SimpleQueue()
        worker = _Worker(self._alias, pieces, name, stop, concurrency, poll, heartbeat)
        threads = [threading.Thread(target=worker.run, name="queue")]
        threads += [threading.Thread(target=self._serve, args=(pieces, handle), name=f"{name}-{at}") for at in range(2, concurrency + 1)]
        for thread in threads:
            thread.start()
        try:
            self._serve(pieces, handle)
        except BaseException:
            stop.set()
            self._serve(pieces, _refuse)
            raise
        finally:
            for thread in threads:
                thread.join()
        if worker.broken is not None:
            raise worker.broken

    def _serve(self, pieces: SimpleQueue[_Piece | None], handle: Handle) -> None:
        """Take pieces in the calling thread until the worker has ended."""
        with session(self._alias):
            self._serve_all(pieces, handle)

    def _serve_all(self, pieces: SimpleQueue[_Piece | None], handle: Handle) -> None:
        while (piece := pieces.get()) is not None:
            order = piece.orders[0] if piece.orders else ""
            try:
                handle(piece.orders, piece.step)
            except Exception as error:  # noqa: BLE001 - whatever it was, the journal says what is left, and the others must go on
                kind = type(error).__name__
                telemetry.log(Action.WORK_FAILED, order=Opaque(order), step=Opaque(piece.step), error=Opaque(kind))
            finally:
                # Kept from one piece to the next, unless something went wrong with it: opening one takes longer than a step's own queries.
                if connections[self._alias].errors_occurred:
                    connections[self._alias].close()
                piece.end()

    def close(self) -> None:
        """Close the calling thread's connection; the next call opens one again."""
        connections[self._alias].close()

    @contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        with explained(what, self._alias):
            try:
                yield
            except ConnectorException as error:
                # `explained` does not see the error of the client, which the library wraps.
                let_go(self._alias)
                raise explain(what, error.__cause__ or error) from error


def _same(orders: tuple[OrderId, ...], step: str) -> str:
    """Names a piece of work: of fixed length, however many orders share a round."""
    return sha256("\n".join([step, *orders]).encode()).hexdigest()


class _Piece:
    """One piece of work on its way from the loop that fetched it to the thread that does it."""

    def __init__(self, orders: tuple[OrderId, ...], step: str) -> None:
        self.orders = orders
        self.step = step
        self._loop = asyncio.get_running_loop()
        self.done: asyncio.Future[None] = self._loop.create_future()

    def end(self) -> None:
        """Tell the loop, from another thread."""
        # The loop is closed where it broke while this piece was under way: then nobody waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


class _Worker:
    """The library's worker in a loop of its own, started anew whenever the server went away."""

    def __init__(
        self,
        alias: str,
        pieces: SimpleQueue[_Piece | None],
        name: str,
        stop: threading.Event,
        concurrency: int,
        poll: float,
        heartbeat: float,
    ) -> None:
        self.broken: BaseException | None = None
        """What ended it, when that was neither ``stop`` nor the server."""
        self._alias = alias
        self._pieces = pieces
        self._name = name
        self._stop = stop
        self._concurrency = concurrency
        self._poll = poll
        self._heartbeat = heartbeat

    def run(self) -> None:
        """Fetch until ``stop`` is set; then let every serving thread go."""
        try:
            # What matters of what these say is logged here.
            with telemetry.hushed("procrastinate", "psycopg.pool", "asyncio"):
                asyncio.run(self._run())
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            self.broken = error
        finally:
            for _ in range(self._concurrency):
                self._pieces.put(None)

    async def _run(self) -> None:
        while not self._stop.is_set():
            # crash here, or cut off here: what was begun stands in the queue as begun, and is given to others when it is stale.
            with suppress(ConnectorException, psycopg.Error):
                await self._until_stopped_or_cut_off()
            await self._pause(min(self._poll, _BREATH))

    async def _until_stopped_or_cut_off(self) -> None:
        app = App(connector=PsycopgConnector())
        app.task(name=_TASK, queue=QUEUE)(self._take)
        pool: AsyncConnectionPool = AsyncConnectionPool(
            kwargs=connector_params(self._alias),
            min_size=1,
            max_size=self._concurrency + 4,
            timeout=_CONNECT,
            reconnect_timeout=_CONNECT,
            check=AsyncConnectionPool.check_connection,
            open=False,
        )
        async with pool:
            await pool.wait(_CONNECT)
            await app.open_async(pool)
            working = asyncio.create_task(
                app.run_worker_async(
                    queues=[QUEUE],
                    name=self._name,
                    concurrency=self._concurrency,
                    fetch_job_polling_interval=self._poll,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    update_heartbeat_interval=self._heartbeat,
                    stalled_worker_timeout=self._heartbeat * _STALE,
                )
            )
            rescuing = asyncio.create_task(self._rescue_again_and_again(app))
            try:
                while not (self._stop.is_set() or working.done() or rescuing.done()):
                    await asyncio.wait([working, rescuing], timeout=_GLANCE, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in (rescuing, working):
                    each.cancel()  # the worker takes it for a request to finish what it began
                ends = await asyncio.gather(rescuing, working, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _take(self, orders: list[str], step: str) -> None:
        piece = _Piece(tuple(OrderId(order) for order in orders), step)
        self._pieces.put(piece)
        await piece.done

    async def _rescue_again_and_again(self, app: App) -> None:
        while True:
            await self._rescue(app)
            await asyncio.sleep(self._heartbeat)

    async def _rescue(self, app: App) -> None:
        """Put back what workers were at that show no life any more."""
        manager = app.job_manager
        await manager.prune_stalled_workers(self._heartbeat * _STALE)
        for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=self._heartbeat * _STALE):
            failpoint("queue.rescue:before")
            try:
                # commit point: it waits again.
                await manager.retry_job(job)
            except UniqueViolation:
                # Somebody put the same work again meanwhile: one of the two is enough.
                with suppress(ConnectorException):
                    await manager.finish_job(job, Status.FAILED, delete_job=True)
            except ConnectorException as error:
                if not isinstance(error.__cause__, psycopg.errors.RaiseException):
                    raise
                # another worker was first with this rescue
            failpoint("queue.rescue:after")

    async def _pause(self, seconds: float) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self._stop.is_set() and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(_GLANCE)


def _refuse(_orders: tuple[OrderId, ...], _step: str) -> None:
    """For what was fetched already when the worker was interrupted: the journal says what is left."""
