"""Looking after an erasure, beside the bare scan: the same files and the same traces, in one run and in one process.

Looking after is the scan and the explanation of what it sees: each hit is led back to the live item at its place. The other side is the
scan alone. Times are processor seconds of the one process in which both sides run; a database server's own are not in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from bench import _company, _crowd
from bench.orders_postgres import peak_mib
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.engine.evidence import hits_by_place, positive_controls, tracing
from expunge.engine.evidence.rows_at_hits import ErasedAndKept
from expunge.engine.kernel import store_calls
from expunge.engine.opaque.scan_depth import LookExtent
from expunge.residue.scanning.scanner import ResidueScanner

HERE = Path(__file__).resolve().parent
STORE = "app"
PROFILES = _crowd.scaled(10_000)
SMALLER = max(2, PROFILES // 10)
TIMES = 3
"""Each side is measured so often, in turns; the quickest counts."""
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Looked:
    """One company after an order for one of its people."""

    both: float
    """Processor seconds of the scan and the explanation."""
    scan: float
    """Processor seconds of the scan alone."""
    wall: float
    wall_scan: float
    hits: int
    """Places that were explained."""
    windows: int
    """Windows of the person that were seen and explained."""
    size: int
    peak_mib: float


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        large, small = (_apart("sqlite", folder / f"sqlite-{profiles}", profiles) for profiles in (PROFILES, SMALLER))
        crowd = _apart("postgres", folder / "postgres", PROFILES)
    rows = PROFILES * (_company.SPOKEN + _company.PLACES + 1) + PROFILES // 2
    return [
        _beside(f"looking after 1 of {PROFILES:,} people, {rows:,} rows in SQLite", large),
        _beside(f"looking after 1 of {PROFILES:,} people, {PROFILES * (1 + _crowd.EACH):,} rows in PostgreSQL", crowd),
        Result(
            name="peak memory of an order for 1 and looking after, ten times the rows in SQLite",
            ours=large.peak_mib,
            unit="MiB",
            other=small.peak_mib,
            other_name="a tenth of the rows",
            target=1.5,
            of="ratio",
            better="lower",
        ),
    ]


def _beside(name: str, looked: Looked) -> Result:
    return Result(
        name=name,
        ours=looked.both,
        unit="s",
        other=looked.scan,
        other_name="the scan alone",
        target=1.3,
        of="ratio",
        better="lower",
        note=f"processor seconds of one process, the quickest of {TIMES}; by the clock {looked.wall:.2f} and {looked.wall_scan:.2f} s; "
        f"{looked.size / 1e6:.0f} MB read, {looked.hits:,} places of {looked.windows:,} windows explained",
    )


def _apart(kind: str, folder: Path, profiles: int) -> Looked:
    """Measure in a process of its own."""
    folder.mkdir(parents=True)
    out = folder / "looked.json"
    command = [sys.executable, "-m", "bench.looking_after", kind, str(folder), str(profiles), str(out)]
    subprocess.run(command, cwd=HERE.parent, check=True, stdout=2)
    return Looked(**json.loads(out.read_text(encoding="utf-8")))


def sqlite(folder: Path, profiles: int) -> Looked:
    """The million-row company of ``bench.orders``."""
    company = _company.build(folder / "company", profiles)
    return _after_an_order(company.map, company.chosen(1)[0])


def postgres(folder: Path, profiles: int) -> Looked:
    """The crowd of ``bench.orders_postgres``."""
    crowd = _crowd.build(folder / "crowd", profiles)
    with crowd.serving() as (_, url):
        map_path = folder / "expunge.yaml"
        map_path.write_text(_crowd.MAP.format(state="./state", extra="", url=url))
        Expunge.init(map_path)
        return _after_an_order(map_path, crowd.chosen(1)[0])


def _after_an_order(map_path: Path, name: str) -> Looked:
    with Expunge.open(map_path) as opened:
        resolved = opened.resolve(f"profile:{name}")
        accepted = opened.order_erase([resolved])
        opened.plan(accepted.order)
        run = opened.apply(accepted.order)
        if run.state is not OrderState.FULFILLED:
            message = f"the order ended as {run.state}: {run.reasons}"
            raise RuntimeError(message)
        context = replace(opened.context, scanner=ResidueScanner(processes=1))
        traces = tracing.load(context, accepted.order)
        without = tracing.left_out(context, accepted.order, STORE, traces)
        controls = positive_controls.asked(context, accepted.order, "1", STORE, traces)
        moved = tracing.recall(context, accepted.order, "held-before-", traces)
        nothing = ErasedAndKept({}, {})

        def both() -> tuple[int, int, int]:
            extent = LookExtent(context, accepted.order, STORE)
            scanned, _ = tracing.look(context, STORE, traces, controls, hits_by_place.most_places(context), without, extent=extent)
            explained = hits_by_place.explain(context, STORE, traces, scanned, nothing, (resolved.person,), moved)
            if explained.left:
                message = f"{len(explained.left)} places are left without an explanation"
                raise RuntimeError(message)
            return len(scanned.found), len(explained.held), scanned.coverage.bytes

        def scan() -> int:
            return len(context.scanner.scan(tuple(store_calls.raw(context.open_store(STORE))), traces, without=without).seen)

        measured = [(_measured(both), _measured(scan)) for _ in range(TIMES)]
    looked, scanned = min(look for (look, _), _ in measured), min(scan for _, (scan, _) in measured)
    (_, (hits, windows, size)), _ = measured[-1]
    return Looked(looked[0], scanned[0], looked[1], scanned[1], hits, windows, size, peak_mib())


def _measured(work: Callable[[], _Answer]) -> tuple[tuple[float, float], _Answer]:
    """Return (processor seconds, seconds) and the answer."""
    used, start = time.process_time(), time.perf_counter()
    answer = work()
    return (time.process_time() - used, time.perf_counter() - start), answer


def main() -> None:
    kind, folder, profiles, out = sys.argv[1:]
    looked = {"sqlite": sqlite, "postgres": postgres}[kind](Path(folder), int(profiles))
    Path(out).write_text(json.dumps(asdict(looked)), encoding="utf-8")


if __name__ == "__main__":
    main()
