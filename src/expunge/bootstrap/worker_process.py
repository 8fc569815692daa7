"""A worker process: one thread takes steps from the queue, another looks every few seconds for due and abandoned work."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from contextlib import suppress

from expunge.bootstrap.open_state import InstallationState
from expunge.engine.execution.step_worker import Worker
from expunge.engine.kernel.context import Context, Reporter, silent
from expunge.errors import Busy, ExpungeError, Misconfigured, StateUnavailable


def worker(context: Context, kept: InstallationState, lease_seconds: float, report: Reporter) -> Worker:
    """A worker with a name that no other has. Raises Misconfigured where state is in a file: there one process runs orders."""
    if kept.leases is None or kept.queue is None:
        message = "with state in a file, one process at a time carries out orders"
        raise Misconfigured(message, help="`expunge apply --due` does what a worker would; many need `state: postgresql://...`")
    name = f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"
    return Worker(context, kept.leases, kept.queue, name, lease_seconds, report, kept.journal.exclusive)


def work(one: Worker, scheduling: Context, kept: InstallationState, stop: threading.Event, *, poll: float, until_idle: bool) -> None:
    """Take steps until ``stop`` is set.

    Args:
        one: the worker.
        scheduling: a composition whose stores are used by the looking thread alone: connections belong to threads.
        kept: the state.
        stop: ends it after the step that it is at.
        poll: seconds between two looks.
        until_idle: stop by itself when no order is queued or under way.
    """
    assert kept.queue is not None
    looker = worker(scheduling, kept, one.lease_seconds, silent)
    broken: list[Exception] = []

    def look() -> None:
        try:
            with kept.journal.session():
                _look(looker, stop, poll=poll, until_idle=until_idle)
        except ExpungeError as error:
            broken.append(error)
        finally:
            stop.set()

    one.stopping = stop.is_set
    thread = threading.Thread(target=look, name="looking for what is due")
    thread.start()
    try:
        kept.queue.work(one.handle, name=one.name, stop=stop, poll=poll, heartbeat=max(1.0, one.lease_seconds / 3))
    finally:
        stop.set()
        thread.join()
    if broken:
        raise broken[0]


def _look(looker: Worker, stop: threading.Event, *, poll: float, until_idle: bool) -> None:
    while not stop.is_set():
        # What cannot be reached now is looked for again; the steps themselves meet the same trouble and say so.
        with suppress(StateUnavailable, Busy):
            looker.tick()
            if until_idle and looker.idle():
                return
        stop.wait(poll)
