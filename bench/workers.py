"""One, two and four worker processes on one machine, their state on PostgreSQL: steps a second, and what sharing them costs a step.

The stores are small, so that steps are short. What a step costs beside its work is everything that a lone worker does from the moment
at which it takes the first step to the end of the last, less the time inside the steps' own acts: leases, journal, queue, and reading
the orders anew for each step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from bench._crowd import scaled
from bench.result import Result
from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.journal import events as ev
from expunge.core.values.order import OrderState
from expunge.engine.execution import order_conclusion, running, stepping
from expunge.engine.execution.step_worker import Worker
from expunge.servers.postgres import running_postgres

HERE = Path(__file__).resolve().parent
ORDERS, STORES, EACH = scaled(6), 4, 3
IDLE_S = 12.0
SETTINGS = {"shared_buffers": "128MB"}
MAP = """\
version: 1
state: "{state}"
state_folder: ./state
identities:
  profile: {{dataset: profiles, key: profile_id}}
stores:
  app: {{kind: sqlite, url: "sqlite:///world/app.db"}}
{stores}retention:
  life: {{period: 30 days, from: closed_at, purpose: keep the account, need: contract}}
datasets:
  profiles: {{store: app, table: profiles, subject: {{profile: profile_id}}, retention: life}}
{datasets}"""


def run() -> list[Result]:
    with (
        tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name,
        running_postgres(Path(name, "server"), settings=SETTINGS) as server,
    ):
        measured = {}
        for workers in (1, 2, 4):
            folder = Path(name, f"by-{workers}")
            _build(folder, server.database(f"state_{workers}"))
            measured[workers] = _work(folder, workers)
        idle = _idle(Path(name, "by-1"))
    return [*_rates(measured), _overhead(measured[1]), _idling(idle)]


def _rates(measured: dict[int, dict[str, Any]]) -> list[Result]:
    alone = measured[1]["steps"] / measured[1]["seconds"]
    results = []
    for workers, each in measured.items():
        rate = each["steps"] / each["seconds"]
        results.append(
            Result(
                name=f"{workers} worker process{'es' if workers > 1 else ''} over small stores, state on PostgreSQL",
                ours=rate,
                unit="steps/s",
                other=alone if workers > 1 else None,
                other_name="one worker" if workers > 1 else "",
                note=f"{each['steps']} steps and {ORDERS} rounds of receipts of {ORDERS} orders that share nothing; steps ended twice: "
                f"{each['twice']}; processor {each['processor']:.1f} s",
            )
        )
    results.append(
        Result(
            name="steps ended twice, over all workers",
            ours=float(sum(each["twice"] for each in measured.values())),
            unit="steps",
            target=0.0,
            better="lower",
        )
    )
    return results


def _overhead(alone: dict[str, Any]) -> Result:
    pieces = alone["steps"] + ORDERS
    return Result(
        name="what a step costs a lone worker beside its work",
        ours=1000 * (alone["busy"] - alone["acts"]) / pieces,
        unit="ms",
        other=1000 * alone["acts"] / pieces,
        other_name="the work of a step over small stores",
        target=5.0,
        better="lower",
        note="leases, journal, queue, and reading the orders anew; in wall time, so that commits on the device are in it; "
        f"{1000 * alone['receipts'] / pieces:.1f} ms of it are the receipts of the rounds",
    )


def _idling(idle: dict[str, float]) -> Result:
    return Result(
        name="processor time of a worker that has nothing to do",
        ours=100 * idle["processor"] / idle["seconds"],
        unit="%",
        better="lower",
        note=f"over {idle['seconds']:.0f} s, looking every 5 s for what is due",
    )


def _build(folder: Path, state: str) -> None:
    """Small stores, an order for each of some people, and a round of its own begun for each order."""
    world = folder / "world"
    world.mkdir(parents=True)
    people = [f"prf-{hashlib.sha256(str(number).encode()).hexdigest()[:20]}" for number in range(2 * ORDERS)]
    with closing(sqlite3.connect(world / "app.db")) as db, db:
        db.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, closed_at TEXT)")
        db.executemany("INSERT INTO profiles (profile_id) VALUES (?)", ((each,) for each in people))
    for store in range(1, STORES):
        for person in people:
            (world / f"store-{store}" / person).mkdir(parents=True)
            for part in range(EACH):
                (world / f"store-{store}" / person / f"{part}.txt").write_text(f"What {person} said to store {store}, part {part}. " * 20)
    names = range(1, STORES)
    stores = "".join(f"  files-{each}: {{kind: files, url: ./world/store-{each}}}\n" for each in names)
    datasets = "".join(
        f'  said-{each}: {{store: files-{each}, path: "{{profile_id}}/{{part}}.txt", subject: {{profile: profile_id}}, retention: life}}\n'
        for each in names
    )
    (folder / "expunge.yaml").write_text(MAP.format(state=state, stores=stores, datasets=datasets))
    Expunge.init(folder / "expunge.yaml")
    with Expunge.open(folder / "expunge.yaml") as opened:
        found = opened.resolve_all([f"profile:{each}" for each in people[ORDERS:]])  # the first are those by whom the scans are checked
        orders = [each.order for each in opened.order_erase_all([[each] for each in found])]
        for order in orders:
            opened.plan(order)
        for order in orders:
            # One by one, so that they share no round.
            running.ready(opened.context, [order])


def _work(folder: Path, workers: int) -> dict[str, Any]:
    outs = [folder / f"worker-{number}.json" for number in range(workers)]
    processes = [_start(folder, out, "--until-idle") for out in outs]
    codes = [each.wait() for each in processes]
    if any(codes):
        raise RuntimeError("a worker failed")
    told = [json.loads(out.read_text()) for out in outs]
    with Expunge.open(folder / "expunge.yaml") as opened:
        runs = opened.orders()
        if any(each.state is not OrderState.FULFILLED or len(each.history) != 1 for each in runs):
            message = f"orders ended as {[(str(each.state), each.reasons) for each in runs]}"
            raise RuntimeError(message)
        ended = Counter(
            (run.order, str(event.step))
            for run in runs
            for event in map(ev.decode, opened.context.journal.read(run.order))
            if isinstance(event, ev.StepEnded)
        )
    return {
        "steps": len(ended),
        "twice": sum(ended.values()) - len(ended),
        "seconds": max(each["end"] for each in told) - min(each["begin"] for each in told),
        "busy": sum(each["end"] - each["begin"] for each in told),
        "acts": sum(each["acts"] for each in told),
        "receipts": sum(each["receipts"] for each in told),
        "processor": sum(each["processor"] for each in told),
    }


def _idle(folder: Path) -> dict[str, float]:
    out = folder / "idle.json"
    _start(folder, out, "--idle", str(IDLE_S)).wait()
    told: dict[str, float] = json.loads(out.read_text())
    return told


def _start(folder: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.workers", str(folder / "expunge.yaml"), str(out), *more], cwd=HERE.parent, stdout=2
    )


@contextmanager
def _timed(taken: list[float], concluded: list[float]) -> Iterator[None]:
    """Note how long each act of a step takes, and each round of receipts."""

    def timing(act: Any, into: list[float]) -> Any:
        def timed(*given: Any) -> Any:
            start = time.perf_counter()
            try:
                return act(*given)
            finally:
                into.append(time.perf_counter() - start)

        return timed

    begin, conclude = stepping.Stepper.__init__, order_conclusion.conclude_all

    def begun(stepper: Any, *given: Any, **more: Any) -> None:
        begin(stepper, *given, **more)
        # why so: a step's act is what is to be left out
        stepper._acts = {kind: timing(act, taken) for kind, act in stepper._acts.items()}  # noqa: SLF001

    stepping.Stepper.__init__ = begun
    order_conclusion.conclude_all = timing(conclude, concluded)
    try:
        yield
    finally:
        stepping.Stepper.__init__ = begin
        order_conclusion.conclude_all = conclude


def _worker(map_path: Path, *, idle: float) -> dict[str, float]:
    """Work in this process and say how long it took."""
    stop = threading.Event()
    acts: list[float] = []
    receipts: list[float] = []
    spans: list[tuple[float, float]] = []
    with Expunge.open(map_path) as opened, _timed(acts, receipts):
        handle = Worker.handle

        def noting(self: Worker, members: Any, step: str) -> bool:
            begin = clock.timestamp()
            try:
                return handle(self, members, step)
            finally:
                spans.append((begin, clock.timestamp()))

        Worker.handle = noting  # type: ignore[method-assign]
        if idle:
            timer = threading.Timer(idle + 2, stop.set)
            timer.start()
            thread = threading.Thread(target=_sample, args=(idle, acts))
            thread.start()
            opened.work(stop, poll=5.0)
            thread.join()
            timer.cancel()
            return {"processor": acts[-1], "seconds": idle}
        used = time.process_time()
        opened.work(stop, poll=0.5, until_idle=True)
        used = time.process_time() - used
    begin, end = (spans[0][0], spans[-1][1]) if spans else (clock.timestamp(), clock.timestamp())
    return {"begin": begin, "end": end, "acts": sum(acts), "receipts": sum(receipts), "processor": used}


def _sample(seconds: float, into: list[float]) -> None:
    time.sleep(1.5)
    used = time.process_time()
    time.sleep(seconds)
    into.append(time.process_time() - used)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("map", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--until-idle", action="store_true")
    parser.add_argument("--idle", type=float, default=0.0)
    options = parser.parse_args()
    options.out.write_text(json.dumps(_worker(options.map, idle=options.idle)))


if __name__ == "__main__":
    main()
