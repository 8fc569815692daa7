"""Several workers carry out the orders. One of them is killed, and the others finish: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote

from expunge.bootstrap import Expunge
from expunge.core.journal import events as ev
from expunge.core.values.ids import OrderId
from expunge.demo.company import services
from expunge.demo.company.stage import Stage
from expunge.servers.postgres import running_postgres

LEASE = 3.0
"""Seconds after which a killed worker's step is taken over."""
_PATIENCE = 300.0
_MIDDLE = "purge:app"
"""The step in the middle of which a worker is killed: PostgreSQL's tables, statistics and log are being written anew."""


@contextmanager
def state(folder: Path, workers: int) -> Iterator[None]:
    """With workers: run a small server of its own for Expunge's state, for the length of the block.

    Its data lies in ``state/postgres``, beside keys and log, and ``LANTERN_STATE`` names it.
    """
    if not workers:
        yield
        return
    place = folder / "state" / "postgres"
    place.parent.mkdir(mode=0o700)
    with running_postgres(folder / "servers" / "state", settings=services.SETTINGS, data=place, wal_segment=services.WAL_SEGMENT) as server:
        os.environ["LANTERN_STATE"] = server.database("expunge")
        yield
        services.stopped(server, place)


def carry_out(stage: Stage, expunge: Expunge) -> None:
    """Queue the orders, start the workers, kill one in the middle of a step, and wait for the others."""
    narrator = stage.narrator
    for order in stage.orders:
        expunge.submit(order, hurry=True)
    narrator.say(f"The orders are queued in PostgreSQL. {stage.workers} workers are started, each a process of its own:")
    narrator.command(f"expunge worker --map {quote(str(stage.map))} --until-idle")
    with _workers(stage) as processes:
        killed, step = _kill_one(expunge, processes)
        stage.expect(
            bool(step), f"worker {killed} is killed with SIGKILL in the middle of {step or 'nothing'}, the rewrite of PostgreSQL's tables"
        )
        narrator.say(f"Its lease runs out {LEASE:.0f} s after it was last renewed; then another worker takes over. Meanwhile:")
        narrator.command(f"expunge status --map {quote(str(stage.map))}")
        narrator.quote(stage.expunge("status", "--map", str(stage.map)).stdout.strip())
        codes = [_ended(process) for process in processes if process.pid != killed]
    stage.expect(set(codes) == {0}, f"the other {len(codes)} workers finish what is left: exit codes {codes}")
    _judge(stage, expunge, step)


@contextmanager
def _workers(stage: Stage) -> Iterator[list[subprocess.Popen[bytes]]]:
    command = [sys.executable, "-m", "expunge", "worker", "--map", str(stage.map), "--poll", "0.3", "--lease", str(LEASE), "--until-idle"]
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with (stage.folder / "servers" / "workers.log").open("ab") as log:
            while len(processes) < stage.workers:
                processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True))
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _kill_one(expunge: Expunge, processes: Sequence[subprocess.Popen[bytes]]) -> tuple[int, str]:
    """Wait until a worker is in the middle of that step, then kill it; which one, and at what."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and any(process.poll() is None for process in processes):
        at = {name: int(holder) for name, holder in _busy(expunge)}
        for process in processes:
            step = next((name for name, pid in at.items() if pid == process.pid and name == _MIDDLE), "")
            if step:
                process.send_signal(signal.SIGKILL)
                process.wait()
                return process.pid, step
        time.sleep(0.05)
    return 0, ""


def _busy(expunge: Expunge) -> list[tuple[str, str]]:
    """Step and process of everybody who is at something."""
    held = [(lease.name.split("/"), lease.holder.split("/")) for lease in expunge.leases()]
    return [(name[-1], holder[-2]) for name, holder in held if len(name) == 3]


def _ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        return -1


def _judge(stage: Stage, expunge: Expunge, step: str) -> None:
    counts = [_attempts(expunge, order) for order in stage.orders]
    times = {number for count in counts for number in count.values()}
    stage.expect(times == {1}, f"{len(counts[0])} steps, each of them ended once in every order, {step} too: nothing was done twice")
    receipts = [len(expunge.receipts(order)) for order in stage.orders]
    stage.expect(set(receipts) == {1}, "one receipt for each of the three")


def _attempts(expunge: Expunge, order: OrderId) -> Counter[str]:
    """How often each step of an order was ended, by its journal."""
    events = (ev.decode(data) for data in expunge.context.journal.read(order))
    return Counter(str(event.step) for event in events if isinstance(event, ev.StepEnded))
