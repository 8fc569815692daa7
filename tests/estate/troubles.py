"""Troubles of real stores, made and ended, and the one rule that all of them are held to."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace

import psycopg

from expunge import faults
from expunge.core.evidence.receipt import DatasetEntry, Result
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.core.values.outcome import Reason
from expunge.demo.company.outside_search import Search
from expunge.engine.kernel.context import Progress
from tests.estate.estate import Child, Estate

HELD = {
    "app": {"profiles", "recordings", "transcripts"},
    "audio": {"voice"},
    "lake": {"events", "training"},
    "hub": {"places"},
}
"""Store -> the datasets in which each child has something."""
EVERYTHING = frozenset().union(*HELD.values())


@dataclass
class Trouble:
    """What is to happen when a step begins or ends, once each."""

    at: dict[tuple[str, str], Callable[[], object]] = field(default_factory=dict)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        self.seen.append((progress.step, progress.state))
        happen = self.at.pop((progress.step, progress.state), None)
        if happen is not None:
            happen()


def planned(estate: Estate, child: Child) -> OrderId:
    (order,) = estate.ordered(f"profile:{child.profile}")
    return order


def applied(estate: Estate, order: OrderId, at: Mapping[tuple[str, str], Callable[[], object]] | None = None) -> Run:
    """Apply while things happen at the steps named; every one of them must have happened. Attempts follow one another without a pause."""
    trouble = Trouble(dict(at or {}))
    with estate.open() as opened:
        opened.context = replace(opened.context, pause=lambda _: None)
        run = opened.apply(order, report=trouble)
    assert not trouble.at, f"never came to {sorted(trouble.at)}"
    return run


def entries(estate: Estate, order: OrderId) -> dict[str, DatasetEntry]:
    return {each.dataset: each for each in estate.receipt(order).datasets}


def ended_in_part(estate: Estate, run: Run, unable: Mapping[str, Reason] | set[str]) -> dict[str, DatasetEntry]:
    """The rule: just these datasets are unable, with a reason in the order and in a receipt that verifies; everything else is erased."""
    assert run.state is OrderState.IN_PART
    assert not run.final, "it could never be finished"
    said = entries(estate, run.order)
    reasons = {name: each.reason for name, each in said.items() if each.outcome is Result.UNABLE}
    assert set(reasons) == set(unable), {name: (each.outcome, each.reason, each.detail) for name, each in said.items()}
    if isinstance(unable, Mapping):
        assert reasons == unable
    assert {name for name, each in said.items() if each.outcome is Result.ERASED} == EVERYTHING - set(unable)
    assert {each.partition(":")[0] for each in run.reasons} == set(unable), "each reason names its place"
    assert all(each.detail and each.store for name, each in said.items() if name in reasons)
    return said


def finished(estate: Estate, order: OrderId, child: Child, before: set[str]) -> None:
    """Apply once more, the trouble being over: all is erased, nothing is left, and nobody else has changed."""
    run = applied(estate, order)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert whole(estate, run)
    assert left(estate, child) == []
    stays = {row for row in before if not any(each in row for each in (*child.strings, *child.recordings))}
    assert estate.logical() == stays


def whole(estate: Estate, run: Run) -> bool:
    """Whether the receipt that holds names everything as erased, and each round has one receipt and one leaf of its own."""
    assert {name for name, each in entries(estate, run.order).items() if each.outcome is Result.ERASED} == EVERYTHING
    with estate.open() as opened:
        assert len(opened.receipts(run.order)) == run.round
        assert len({index for _, _, index in run.history}) == run.round
    return True


def left(estate: Estate, child: Child) -> list[str]:
    """Where an outside search still finds the child; in the bucket by name and body, since without vacuum its disk is out of scope."""
    with psycopg.connect(estate.database, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    search = Search(child.strings)
    found = [f"{hit.path} ({hit.how})" for folder in (estate.folder, estate.postgres.data) for hit in search.folder(folder)]
    client = estate.s3()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=estate.bucket):
        found += [each["Key"] for each in page.get("Versions", ()) if any(name in each["Key"] for name in child.recordings)]
    client.close()
    return found


@contextmanager
def environment(**names: str) -> Iterator[None]:
    """What the map reads from the environment, changed for a while."""
    before = {name: os.environ[name] for name in names}
    os.environ.update(names)
    try:
        yield
    finally:
        os.environ.update(before)


class _Always:
    """A failpoint that fails at every pass."""

    def __init__(self, name: str, action: str) -> None:
        self.name, self.action = name, action

    def pass_through(self) -> None:
        with ExitStack() as stack:
            stack.enter_context(faults.arm(self.name, self.action))
            faults.failpoint(self.name)


@contextmanager
def always(name: str, action: str) -> Iterator[None]:
    before, faults._armed = faults._armed, _Always(name, action)  # type: ignore[assignment]
    try:
        yield
    finally:
        faults._armed = before


_DAC_OVERRIDE = 1 << 1
_VERSION_3 = 0x20080522


@contextmanager
def bound_by_modes() -> Iterator[None]:
    """Give up root's right to write whatever it likes, in this thread and those it starts; others are bound by modes anyway."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, data) == 0
    had = list(data)
    data[0] &= ~_DAC_OVERRIDE
    assert libc.capset(header, data) == 0
    try:
        yield
    finally:
        assert libc.capset(header, (ctypes.c_uint32 * 6)(*had)) == 0


@contextmanager
def a_stranger_on(port: int) -> Iterator[None]:
    """Somebody else listens on a port, and answers whatever is said with a greeting of their own."""
    with socket.create_server(("127.0.0.1", port)) as server:
        server.settimeout(0.1)
        stop = threading.Event()

        def greet() -> None:
            while not stop.is_set():
                try:
                    caller, _ = server.accept()
                except TimeoutError:
                    continue
                # Whoever has hung up meanwhile is not greeted.
                with caller, suppress(OSError):
                    caller.sendall(b"220 mail.example.org ESMTP\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
