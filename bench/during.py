"""Measures how long a statement of a person takes to be journalled, while another process carries out a run, and without one.

One process carries out orders of a small company, one round after another. Another withdraws consents, receives orders, places holds
and publishes the gate's snapshot, all of it in turn; before, it did the same without a run. The state lies in a folder, and on
PostgreSQL.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench import _company
from bench._company import Company, profile
from bench._crowd import scaled
from bench.result import Result
from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.values.ids import OrderId
from expunge.engine.consent.consent_decisions import Agreement
from expunge.engine.execution import planning
from expunge.servers.postgres import running_postgres
from expunge.testing.forked import in_child, start

HERE = Path(__file__).resolve().parent
PROFILES, TIMES = 400, scaled(20)
ROUNDS, TOGETHER = 3, 40
SAID = ("withdrawal", "order", "hold", "publish")
TARGET_MS = 1000.0
SETTINGS = {"shared_buffers": "128MB"}
PURPOSES = """\
purposes:
  training:
    description: make the recogniser better
    needs: consent
    use: training
    datasets: [voice]
    text: training
texts:
  training:
    - {version: 1, file: training.md}
"""
Times = dict[str, list[float]]


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        results = _measured(Path(name, "folder"), "state in a folder", "")
        with running_postgres(Path(name, "server"), settings=SETTINGS) as server:
            return [*results, *_measured(Path(name, "server-state"), "state on PostgreSQL", server.database("during"))]


def _measured(folder: Path, where: str, url: str) -> list[Result]:
    company = _company.build(folder, PROFILES)
    (folder / "training.md").write_text("# We would like to use your recordings\n\nYou can say no.\n")
    company.map.write_text(company.map.read_text() + PURPOSES)
    if url:
        company.map.write_text(company.map.read_text().replace("state: ./state\n", f'state: "{url}"\nstate_folder: ./shared\n'))
        Expunge.init(company.map)
    orders = in_child(partial(_prepared, company)).returned()
    alone: Times = in_child(partial(_say, company, TOGETHER * ROUNDS)).returned()
    running = start(partial(_run, company, orders))
    time.sleep(1.0)
    began = clock.timestamp()
    beside: Times = in_child(partial(_say, company, TOGETHER * ROUNDS + 2 * TIMES)).returned()
    said_until = clock.timestamp()
    run_until = running.wait().returned()
    note = f"{TIMES} times, {said_until - began:.0f} s" + ("" if run_until > said_until else "; the run ended before")
    return [
        Result(
            f"{what} during a run, p99, {where}",
            round(_at(beside[what], 0.99), 1),
            "ms",
            round(_at(alone[what], 0.99), 1),
            "without a run, p99",
            TARGET_MS,
            better="lower",
            note=f"p50 {_at(beside[what], 0.5):.1f}, without a run {_at(alone[what], 0.5):.1f}; {note}",
        )
        for what in SAID
    ]


def _prepared(company: Company) -> list[list[OrderId]]:
    with Expunge.open(company.map) as opened:
        first = TOGETHER * ROUNDS
        for number in (*range(first, first + TIMES), *range(first + 2 * TIMES, first + 3 * TIMES)):
            opened.consents.give(opened.resolve(f"profile:{profile(number)}"), "training", Agreement("app", "pressed"))
        rounds = []
        for first in range(0, TOGETHER * ROUNDS, TOGETHER):
            groups = [[opened.resolve(f"profile:{profile(number)}")] for number in range(first, first + TOGETHER)]
            rounds.append([each.order for each in opened.order_erase_all(groups)])
            planning.make_all(opened.context, rounds[-1])
    return rounds


def _run(company: Company, rounds: Sequence[Sequence[OrderId]]) -> float:
    with Expunge.open(company.map) as opened:
        for orders in rounds:
            opened.apply_all(orders)
    return clock.timestamp()


def _say(company: Company, first: int) -> Times:
    times: Times = {what: [] for what in SAID}
    with Expunge.open(company.map) as opened:
        for number in range(first, first + TIMES):
            one, other = (opened.resolve(f"profile:{profile(each)}") for each in (number, number + TIMES))
            until = opened.context.clock.now() + timedelta(days=30)
            acts: dict[str, Callable[[], object]] = {
                "withdrawal": partial(opened.consents.withdraw, one, "training"),
                "order": partial(opened.order_erase, [other]),
                "hold": partial(opened.holds.place, one, "positions", ground="a case", authority="a court", until=until),
                "publish": opened.gate_publish,
            }
            for what, act in acts.items():
                began = time.perf_counter()
                act()
                times[what].append((time.perf_counter() - began) * 1000)
    return times


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
