"""Orders of 1 to 1,000 people over a million rows, ten thousand recordings and gzipped JSON lines: time, processor, memory.

Each order runs in a process of its own over a fresh copy of the same company. Beside each: the same rows, files and lines removed by hand,
with nothing looked at afterwards and nothing signed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench._company import Company, build, profile, recording
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress

HERE = Path(__file__).resolve().parent
PROFILES = 10_000
SMALLER = 1_000
SIZES = (1, 10, 100, 1_000)
TARGETS = {1: 6.0, 1_000: 15.0}


@dataclass(frozen=True)
class Measured:
    """One order."""

    people: int
    seconds: float
    processor: float
    peak_mib: float
    scan: float
    """MB a second, over all scans of the order."""
    scanned_mb: float
    steps: dict[str, float]
    """Kind of step -> seconds."""
    by_hand: float
    """Seconds for the bare removal of the same data."""
    by_hand_processor: float


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        large, small = build(folder / "large", PROFILES), build(folder / "small", SMALLER)
        orders = [_measure(large, people, folder) for people in SIZES]
        few = _measure(small, 10, folder)
    return [*(_time(each, large) for each in orders), *_falling(orders), *_memory(orders, few), _scanning(orders[-1])]


def _time(each: Measured, company: Company) -> Result:
    parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in each.steps.items())
    used = f"processor {each.processor:.1f} s ({each.by_hand_processor:.1f} s by hand), peak {each.peak_mib:.0f} MiB"
    return Result(
        name=f"an order for {each.people:,} of {company.profiles:,} people, {company.rows:,} rows and {company.profiles:,} files",
        ours=each.seconds,
        unit="s",
        other=each.by_hand,
        other_name="the same removed by hand, unproven",
        target=TARGETS.get(each.people),
        of="ratio",
        better="lower",
        note=f"{each.people:,} receipts and leaves; {used}; seconds by step: {parts}",
    )


def _falling(orders: list[Measured]) -> list[Result]:
    return [
        Result(
            name=f"time per person, {many.people:,} in one order",
            ours=many.seconds / many.people,
            unit="s",
            other=few.seconds / few.people,
            other_name=f"{few.people:,} in one order",
            target=1.0,
            of="ratio",
            better="lower",
        )
        for few, many in pairwise(orders)
    ]


def _memory(orders: list[Measured], few: Measured) -> list[Result]:
    same = next(each for each in orders if each.people == few.people)
    return [
        Result(
            name=f"peak memory, {few.people} people, ten times the data",
            ours=same.peak_mib,
            unit="MiB",
            other=few.peak_mib,
            other_name="a tenth of the rows, files and lines",
            target=1.5,
            of="ratio",
            better="lower",
        ),
        Result(
            name=f"peak memory, {orders[-1].people:,} people in one order",
            ours=orders[-1].peak_mib,
            unit="MiB",
            other=orders[0].peak_mib,
            other_name="one person",
            better="lower",
            note="holds the keys and traces of everybody in the order",
        ),
    ]


def _scanning(each: Measured) -> Result:
    return Result(
        name=f"scan inside an order for {each.people:,}",
        ours=each.scan,
        unit="MB/s",
        note=f"{each.scanned_mb:.0f} MB of databases, WAVs and gzip before anything is erased, with all traces of the order",
    )


def _measure(company: Company, people: int, folder: Path) -> Measured:
    copy = folder / f"order-{people}"
    shutil.copytree(company.folder, copy)
    out = folder / "measured.json"
    command = [sys.executable, "-m", "bench.orders", str(copy), str(company.profiles), str(people), str(out)]
    subprocess.run(command, cwd=HERE.parent, check=True, stdout=2)
    shutil.rmtree(copy)
    twin = folder / f"by-hand-{people}"
    shutil.copytree(company.world, twin / "world")
    start, used = time.perf_counter(), time.process_time()
    _by_hand(Company(twin, company.profiles), people)
    by_hand, used = time.perf_counter() - start, time.process_time() - used
    shutil.rmtree(twin)
    return Measured(**json.loads(out.read_text(encoding="utf-8")), by_hand=by_hand, by_hand_processor=used)


def _by_hand(company: Company, people: int) -> None:
    """What somebody would type who knows the company: no look before, no look after, nobody's proof."""
    chosen = company.chosen(people)
    numbers = {profile(number): number for number in range(company.profiles)}
    recordings = [(recording(numbers[each]),) for each in chosen]
    db = sqlite3.connect(company.database)
    with db:
        db.executemany("DELETE FROM transcripts WHERE recording_id = ?", recordings)
        db.executemany("DELETE FROM positions WHERE profile_id = ?", ((each,) for each in chosen))
        db.executemany("DELETE FROM profiles WHERE profile_id = ?", ((each,) for each in chosen))
    db.execute("INSERT INTO words(words) VALUES ('rebuild')")
    db.commit()
    db.execute("VACUUM")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    for each in chosen:
        shutil.rmtree(company.world / "media" / "voice" / each)
    gone = set(chosen)
    for path in sorted((company.world / "lake" / "events").iterdir()):
        with gzip.open(path, "rb") as old:
            lines = [line for line in old if json.loads(line)["profile_id"] not in gone]
        new = path.with_suffix(".new")
        with gzip.open(new, "wb", compresslevel=6) as file:
            file.writelines(lines)
        new.replace(path)


def _order(company: Company, people: int) -> dict[str, Any]:
    """Run one order here and say what it took."""
    steps: dict[str, float] = {}

    def note(progress: Progress) -> None:
        kind = progress.step.partition(":")[0]
        if progress.state != "start":
            steps[kind] = steps.get(kind, 0.0) + progress.seconds

    start = time.perf_counter()
    with Expunge.open(company.map) as opened:
        accepted = opened.order_erase(opened.resolve_all([f"profile:{each}" for each in company.chosen(people)]))
        opened.plan(accepted.order)
        planned = time.perf_counter() - start
        run = opened.apply(accepted.order, report=note)
        seconds = time.perf_counter() - start
        if run.state is not OrderState.FULFILLED or len(run.history) != people or opened.context.log.head().size != people:
            message = f"the order for {people} ended as {run.state}, {len(run.history)} receipts: {run.reasons}"
            raise RuntimeError(message)
    looks = {name: each for name, each in run.current.steps.items() if name.startswith("look:")}
    scanned = sum(each.counts["bytes"] for each in looks.values()) / 1e6
    # What helped with scans has ended by now, and is counted.
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "people": people,
        "seconds": seconds,
        "processor": sum(each.ru_utime + each.ru_stime for each in used),
        "peak_mib": _peak_kib() / 1024,
        "scan": scanned / steps["look"],
        "scanned_mb": scanned,
        "steps": {
            "plan": planned,
            **{kind: each for kind, each in steps.items() if each},
            "receipts": seconds - planned - sum(steps.values()),
        },
    }


def _peak_kib() -> int:
    """Of this program alone: what the system counts for the process may be its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("profiles", type=int)
    parser.add_argument("people", type=int)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    measured = _order(Company(options.folder, options.profiles), options.people)
    options.out.write_text(json.dumps(measured), encoding="utf-8")
    print(f"  {options.people} people: {measured['seconds']:.1f} s, {measured['processor']:.1f} s of processor", file=sys.stderr)


if __name__ == "__main__":
    main()
