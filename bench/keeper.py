"""The keeper: round trips of one, of 16 and of 200 clients, and an order for a thousand people with a keeper and without.

A round trip asks how the keeper is, which costs it nothing. Beside a signature and an order stands the same by the keystore in the asking
process, in turns with it.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.result import Result
from expunge.adapters.keeper.connection import Connection
from expunge.adapters.keeper.keeper_keys import KeeperKeys
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Status
from expunge.adapters.keys.local_keystore import create, open_keystore
from expunge.core.values.ids import OrderId
from expunge.ports.keys import InstallationKeys

HERE = Path(__file__).resolve().parent
STATEMENT = bytes(700)
ASKED = {1: 4_000, 16: 400, 200: 40}
"""Clients -> requests of each."""
PROCESSES = 8
"""Of clients: one process could not ask as fast as the keeper answers."""
PEOPLE = 1_000


def run() -> list[Result]:
    """Measure; a minute."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as folder:
        state = Path(folder)
        create(state / "keys")
        with kept(state):
            return [*(_round_trips(state, clients) for clients in ASKED), _signature(state), _order(state)]


@contextmanager
def kept(state: Path, map_path: Path | None = None) -> Iterator[None]:
    """Run a keeper of a state folder for the length of a block; with a map, of its vaults too."""
    command = [sys.executable, "-m", "expunge", "keeper", "run", "--state", str(state), *(["--map", str(map_path)] if map_path else [])]
    with subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)


def _round_trips(state: Path, clients: int) -> Result:
    processes = min(clients, PROCESSES)
    reading, writing = os.pipe()
    for _ in range(processes):
        if not os.fork():
            begun, taken = _ask(state, clients // processes, ASKED[clients])
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(" ".join(f"{each:.7f}" for each in (len(taken) / begun, *taken)).encode() + b"\n")
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        lines = [list(map(float, line.split())) for line in pipe]
    for _ in range(processes):
        os.wait()
    times = sorted(each * 1e6 for line in lines for each in line[1:])
    rate, p99 = sum(line[0] for line in lines), times[len(times) * 99 // 100]
    who = "one client" if clients == 1 else f"{clients} clients"
    name, note = f"keeper, round trip with {who}, p50", f"p99 {p99:,.0f} us; {rate:,.0f} requests/s"
    return Result(name, statistics.median(times), "us", better="lower", note=note)


def _ask(state: Path, threads: int, requests: int) -> tuple[float, list[float]]:
    """Ask how the keeper is, which costs it nothing: seconds for all, and for each."""
    taken: list[float] = []

    def work() -> None:
        connection = Connection(KeeperPlace(state, state / "keys"))
        for _ in range(requests):
            begun = time.perf_counter()
            connection.ask(Status(), b"")
            taken.append(time.perf_counter() - begun)
        connection.close()

    each = [threading.Thread(target=work) for _ in range(threads)]
    begun = time.perf_counter()
    for one in each:
        one.start()
    for one in each:
        one.join()
    return time.perf_counter() - begun, taken


def _signature(state: Path) -> Result:
    keys = KeeperKeys(KeeperPlace(state, state / "keys"))
    local = open_keystore(state / "keys")
    pairs = [(_timed(keys), _timed(local)) for _ in range(1_000)]
    keys.close()
    ours, other = (statistics.median(side) * 1e6 for side in zip(*pairs, strict=True))
    return Result("keeper, one signature over 700 bytes, p50", ours, "us", other, "in the process itself", better="lower")


def _timed(keys: InstallationKeys) -> float:
    begun = time.perf_counter()
    keys.sign_receipt(STATEMENT)
    return time.perf_counter() - begun


def _order(state: Path) -> Result:
    """Measure the key calls of an order for each of a thousand people: identifiers sealed and opened, traces, receipts, ends of keys."""
    local, kept = open_keystore(state / "keys"), KeeperKeys(KeeperPlace(state, state / "keys"))
    # In turns, so that both meet the same moods of the disk.
    seconds = {"local": 0.0, "kept": 0.0}
    for turn in range(4):
        for name, keys in (("local", local), ("kept", kept)):
            begun = time.perf_counter()
            _thousand(keys, f"{name}-{turn}", PEOPLE // 4)
            seconds[name] += time.perf_counter() - begun
    kept.close()
    return Result(
        f"keeper, all that orders for {PEOPLE:,} people ask of keys",
        seconds["kept"],
        "s",
        seconds["local"],
        "without a keeper",
        target=1.5,
        of="ratio",
        better="lower",
    )


def _thousand(keys: InstallationKeys, name: str, people: int) -> None:
    orders = [OrderId(f"ord-{name}-{number}") for number in range(people)]
    sealed = {order: keys.seal(order, "identifiers", bytes(300)) for order in orders}
    for order in orders:
        keys.open(order, "identifiers", sealed[order])
        keys.trace_key(order)
        keys.seal(order, "selectors", bytes(900))
        keys.seal(order, "places", bytes(2_000))
        keys.pseudonym_key()
    keys.sign_receipts([bytes(20_000)] * people)
    keys.destroy_orders(orders)
