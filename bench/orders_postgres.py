"""Fifty orders at once over a PostgreSQL database of 107 MB, beside the bare ladder typed in once on an identical copy.

Ours receives, fences and plans each order, takes traces, looks, erases, scrubs, probes, scans, and ends with a receipt in the log for each.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench._crowd import MAP, Crowd, build, by_hand, left_of, scaled
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core import receipt_verify
from expunge.core.order import OrderState
from expunge.engine import planning
from expunge.engine.context import Progress
from expunge.servers.postgres import running_postgres

HERE = Path(__file__).resolve().parent
PROFILES, ORDERS = scaled(10_000), scaled(50)


@dataclass
class Measured:
    """What carrying out orders took."""

    seconds: float = 0.0
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
        size = _size(crowd)
        people = crowd.chosen(ORDERS)
        groups = [[each] for each in people]
        in_files = ours(crowd.copy(folder / "files" / "crowd"), groups, "./state")
        with running_postgres(folder / "state") as server:
            on_server = ours(crowd.copy(folder / "server" / "crowd"), groups, f'"{server.database("state")}"', "state_folder: ./state\n")
        bare = hand(crowd.copy(folder / "hand"), people)
    return [*_rows(in_files, bare, size), *_rows(on_server, bare, size, ", state on PostgreSQL")]


def _rows(mine: Measured, bare: dict[str, float], size: int, where: str = "") -> list[Result]:
    typed = ", ".join(f"{name} {seconds:.2f}" for name, seconds in bare.items())
    name = f"{ORDERS:,} orders over {PROFILES:,} profiles in PostgreSQL, {size / 1e6:.0f} MB{where}"
    rate = Result(f"{name}: orders a second", ORDERS / mine.seconds, "orders/s", ORDERS / sum(bare.values()), "the same people by hand")
    return [
        Result(
            name=name,
            ours=mine.seconds,
            unit="s",
            other=sum(bare.values()),
            other_name="the bare ladder by hand, unproven",
            target=2.0,
            of="ratio",
            better="lower",
            note=f"{ORDERS:,} receipts and leaves, all verified; ours: {mine.told}; by hand: {typed}",
        ),
        rate,
    ]


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
        start = at = time.perf_counter()
        with Expunge.open(map_path) as opened:
            people = [[opened.resolve(f"profile:{each}") for each in group] for group in groups]
            at = part("resolve", at)
            orders = [opened.order_erase(each).order for each in people]
            at = part("receive", at)
            planning.make_all(opened.context, orders)
            at = part("plan", at)
            before = sum(parts.values())
            runs = opened.apply_all(orders, report=note)
            measured.seconds = time.perf_counter() - start
            parts["the rest"] = measured.seconds - before - sum(parts.values()) + before
            for run in runs:
                if run.state is not OrderState.FULFILLED:
                    message = f"an order ended as {run.state}: {run.reasons}"
                    raise RuntimeError(message)
            _verify(opened, [(order, len(group)) for order, group in zip(orders, groups, strict=True)])
        if left := left_of(server, [each for group in groups for each in group]):
            message = f"names are left in {left}"
            raise RuntimeError(message)
    return measured


def _verify(opened: Expunge, orders: Sequence[tuple[object, int]]) -> None:
    for order, people in orders:
        for number in range(1, people + 1):
            files = opened.receipt_folder(order, number)
            verified = receipt_verify.verify(files, files["trust-policy.txt"], at=None)
            assert verified.receipt.order == order


def hand(crowd: Crowd, people: Sequence[str]) -> dict[str, float]:
    """The other side."""
    with crowd.serving() as (server, url):
        taken = by_hand(url, people)
        if left := left_of(server, people):
            message = f"typed in by hand, names are left in {left}"
            raise RuntimeError(message)
    return taken


def _size(crowd: Crowd) -> int:
    with crowd.serving() as (server, _):
        return int(server.sql("SELECT pg_total_relation_size('profiles') + pg_total_relation_size('transcripts')", database="app"))
