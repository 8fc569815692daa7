"""``apply --nightly`` for 1 and 100 orders of one person each, and by hand for 10,000: time and memory for a person as a night grows.

Each night runs in a process of its own over a fresh copy of the same company; the orders were received and planned before, in another.
For 10,000 run ``python -m bench.nightly --people 10000``.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench._company import Company, build
from bench.orders import _peak_kib
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.engine.execution import planning

HERE = Path(__file__).resolve().parent
PROFILES = 12_000
SIZES = (1, 100)


@dataclass(frozen=True)
class Night:
    """One night."""

    people: int
    seconds: float
    processor: float
    peak_mib: float
    read_mb: float
    """By the looks before and after."""
    asked_seconds: float
    """Receiving and planning, before."""


def run() -> list[Result]:
    return results(SIZES, PROFILES)


def results(sizes: Sequence[int], profiles: int) -> list[Result]:
    """Measure a night of each size over one company."""
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        company = build(folder / "company", profiles)
        nights = [_measure(company, people, folder) for people in sizes]
    return [*(_taken(each, company) for each in nights), *_falling(nights), *_memory(nights)]


def _taken(each: Night, company: Company) -> Result:
    asked = f"received and planned before in {each.asked_seconds:.0f} s"
    note = f"processor {each.processor:.1f} s, peak {each.peak_mib:.0f} MiB, {each.read_mb:.0f} MB read by looks; {asked}"
    what = f"a night of {each.people:,} orders, of {company.profiles:,} people, {company.rows:,} rows"
    return Result(name=what, ours=each.seconds, unit="s", better="lower", note=note)


def _falling(nights: Sequence[Night]) -> list[Result]:
    return [
        Result(
            name=f"a night for each person, {many.people:,} orders",
            ours=many.seconds / many.people,
            unit="s",
            other=few.seconds / few.people,
            other_name=f"{few.people:,} orders",
            target=0.5,
            of="ratio",
            better="lower",
        )
        for few, many in pairwise(nights)
    ]


def _memory(nights: Sequence[Night]) -> list[Result]:
    return [
        Result(
            name=f"peak memory, a night of {each.people:,} orders",
            ours=each.peak_mib,
            unit="MiB",
            other=nights[0].peak_mib,
            other_name="one order",
            target=1.5,
            of="ratio",
            better="lower",
        )
        for each in nights[1:]
    ]


def _measure(company: Company, people: int, folder: Path) -> Night:
    copy = folder / f"night-{people}"
    shutil.copytree(company.folder, copy)
    out = folder / "night.json"
    said: dict[str, float] = {}
    for part in ("ask", "night"):
        command = [
            sys.executable,
            "-m",
            "bench.nightly",
            "--part",
            part,
            "--people",
            str(people),
            str(copy),
            str(company.profiles),
            str(out),
        ]
        subprocess.run(command, cwd=HERE.parent, check=True, stdout=2)
        said |= json.loads(out.read_text(encoding="utf-8"))
    shutil.rmtree(copy)
    return Night(people=people, **said)


def _ask(company: Company, people: int) -> dict[str, float]:
    """Receive an order for each person, and plan all of them."""
    start = time.perf_counter()
    with Expunge.open(company.map) as opened:
        groups = [[each] for each in opened.resolve_all([f"profile:{each}" for each in company.chosen(people)])]
        accepted = opened.order_erase_all(groups)
        # Why together: over the days before a night each is planned as it comes, which is no part of the night.
        planning.make_all(opened.context, [each.order for each in accepted])
    return {"asked_seconds": time.perf_counter() - start}


def _night(company: Company, people: int) -> dict[str, float]:
    start = time.perf_counter()
    with Expunge.open(company.map) as opened:
        done = opened.run_nightly()
        seconds = time.perf_counter() - start
        states = {*done.ended.values()}
        if states != {OrderState.FULFILLED} or len(done.ended) != people or done.staying:
            message = f"a night of {people} ended as {states}, {len(done.ended)} orders, {len(done.staying)} staying"
            raise RuntimeError(message)
        steps = opened.status(next(iter(done.ended))).current.steps
    read = sum(each.counts.get("bytes", 0) for name, each in steps.items() if name.startswith(("look:", "verify:")))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return {
        "seconds": seconds,
        "processor": sum(each.ru_utime + each.ru_stime for each in used),
        "peak_mib": _peak_kib() / 1024,
        "read_mb": read / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--part", choices=("ask", "night"), help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("profiles", type=int, nargs="?", default=PROFILES)
    parser.add_argument("out", type=Path, nargs="?")
    options = parser.parse_args()
    if options.part:
        act = _ask if options.part == "ask" else _night
        said = act(Company(options.folder, options.profiles), options.people)
        options.out.write_text(json.dumps(said), encoding="utf-8")
        print(f"  {options.people} people, {options.part}: {said}", file=sys.stderr)
        return
    for each in results((1, 100, options.people), options.profiles):
        print(
            f"{each.name}: {each.ours:.4g} {each.unit}"
            + (f", {each.ratio:.3f} of {each.other_name}" if each.ratio else "")
            + f"; {each.note}"
        )


if __name__ == "__main__":
    main()
