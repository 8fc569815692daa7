"""Fifty orders at once over a PostgreSQL database of 107 MB, beside the bare ladder typed in once on an identical copy.

Ours receives, fences and plans each order, takes traces, looks, erases, scrubs, probes, scans, and ends with a receipt in the log for each.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._crowd import EACH, MAP, Crowd, build, by_hand, left_of, scaled
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.core.verification import receipt_verify
from expunge.engine.execution import issued_receipts, planning
from expunge.engine.kernel.context import Progress
from expunge.servers.postgres import running_postgres

HERE = Path(__file__).resolve().parent
PROFILES, ORDERS = scaled(10_000), scaled(50)


@dataclass
class Measured:
    """What carrying out orders took."""

    seconds: float = 0.0
    processor: float = 0.0
    """Of this process and its helpers; PostgreSQL's own is not in it."""
    peak_mib: float = 0.0
    """The most memory of this process until the orders had ended; what is checked afterwards is not in it."""
    parts: dict[str, float] = field(default_factory=dict)
    """Part of the work -> seconds."""

    @property
    def told(self) -> str:
        return ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.parts.items())


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        crowd = build(folder / "crowd", PROFILES)
        size = size_of(crowd)
        people = crowd.chosen(ORDERS)
        groups = [[each] for each in people]
        in_files = ours(crowd.copy(folder / "files" / "crowd"), groups, "./state")
        with running_postgres(folder / "state") as server:
            on_server = ours(crowd.copy(folder / "server" / "crowd"), groups, f'"{server.database("state")}"', "state_folder: ./state\n")
        bare = hand(crowd.copy(folder / "hand"), people)
    what = f"{ORDERS:,} orders at once over {PROFILES:,} profiles and {EACH * PROFILES:,} transcripts in PostgreSQL, {size / 1e6:.0f} MB"
    return [beside(what, in_files, bare, ORDERS), beside(f"{what}, state on PostgreSQL", on_server, bare, ORDERS), rate(in_files, bare)]


def beside(what: str, mine: Measured, bare: dict[str, float], people: int, note: str = "") -> Result:
    """Both sides of one run."""
    typed = ", ".join(f"{name} {seconds:.2f}" for name, seconds in bare.items())
    return Result(
        name=what,
        ours=mine.seconds,
        unit="s",
        other=sum(bare.values()),
        other_name="the bare ladder by hand, unproven",
        target=2.0,
        of="ratio",
        better="lower",
        note=f"{people:,} receipts and leaves, all verified afterwards; {note}seconds by step: {mine.told}; "
        f"processor without the servers' {mine.processor:.1f} s; by hand: {typed}",
    )


def rate(mine: Measured, bare: dict[str, float]) -> Result:
    return Result(
        f"orders a second, {ORDERS:,} at once",
        ORDERS / mine.seconds,
        "orders/s",
        ORDERS / sum(bare.values()),
        "the same people in one batch by hand",
    )


def ours(crowd: Crowd, groups: Sequence[Sequence[str]], state: str, extra: str = "") -> Measured:
    """Carry out an order for each group of people, all at once, and check what came of it outside the time."""
    measured = Measured()
    parts = measured.parts

    def note(progress: Progress) -> None:
        kind = progress.step.partition(":")[0]
        if progress.state != "start" and progress.seconds:
            parts[kind] = parts.get(kind, 0.0) + progress.seconds

    def part(name: str, since: float) -> float:
        now = time.perf_counter()
        parts[name] = now - since
        return now

    with crowd.serving() as (server, url):
        map_path = crowd.folder.parent / "expunge.yaml"
        map_path.write_text(MAP.format(state=state, extra=extra, url=url))
        Expunge.init(map_path)
        used = os.times()
        start = at = time.perf_counter()
        with Expunge.open(map_path) as opened:
            found = iter(opened.resolve_all([f"profile:{each}" for group in groups for each in group]))
            people = [[next(found) for _ in group] for group in groups]
            at = part("resolve", at)
            orders = [each.order for each in opened.order_erase_all(people)]
            at = part("receive", at)
            planning.make_all(opened.context, orders)
            part("plan", at)
            runs = opened.apply_all(orders, report=note)
            measured.seconds = time.perf_counter() - start
            parts["receipts and the rest"] = measured.seconds - sum(parts.values())
            measured.peak_mib = peak_mib()
            # What a process used is counted once it has ended.
            opened.context.scanner.close()
            measured.processor = sum(os.times()[:4]) - sum(used[:4])
            for run in runs:
                if run.state is not OrderState.FULFILLED:
                    message = f"an order ended as {run.state}: {run.reasons}"
                    raise RuntimeError(message)
            _verify(opened, runs)
        if left := left_of(server, [each for group in groups for each in group]):
            message = f"names are left in {left}"
            raise RuntimeError(message)
    return measured


def peak_mib() -> float:
    """Of this program alone: what the system counts for the process may be its parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024


def _verify(opened: Expunge, runs: Sequence[Run]) -> None:
    for run in runs:
        numbers = {subject: number for number, subject in enumerate(run.subjects, start=1)}
        issued = [issued_receipts.IssuedReceipt(run.order, turn, numbers[subject], subject, index) for turn, subject, index in run.history]
        assert len(issued) == len(numbers)
        for each in issued:
            files = issued_receipts.folder(opened.context, each)
            assert receipt_verify.verify(files, files["trust-policy.txt"]).receipt.order == run.order


def hand(crowd: Crowd, people: Sequence[str]) -> dict[str, float]:
    """The other side."""
    with crowd.serving() as (server, url):
        taken = by_hand(url, people)
        if left := left_of(server, people):
            message = f"typed in by hand, names are left in {left}"
            raise RuntimeError(message)
    return taken


def size_of(crowd: Crowd) -> int:
    with crowd.serving() as (server, _):
        return int(server.sql("SELECT pg_total_relation_size('profiles') + pg_total_relation_size('transcripts')", database="app"))
