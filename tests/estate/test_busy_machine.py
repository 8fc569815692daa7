"""A machine that is busy for a moment: an order waits for it, and does not end in part for that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from expunge.core.orders.run import Run
from expunge.core.values.order import OrderState
from expunge.engine.kernel.context import Progress
from expunge.stores import REGISTRY, waiting
from expunge.stores.waiting import Wait
from tests.estate import simulated
from tests.estate.simulated import Mood
from tests.estate.worlds import WHO, SimulatedWorld


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedWorld:
    monkeypatch.setitem(REGISTRY, "simulated", simulated.Simulated)
    made = SimulatedWorld(tmp_path / "world")
    made.build()
    return made


def erased(world: SimulatedWorld, change: Callable[[Mood], None]) -> tuple[Run, list[float]]:
    """Erase somebody while one store's mood changes as it begins to be verified; how the order ended, and the pauses it made."""
    paused: list[float] = []

    def report(progress: Progress) -> None:
        if (progress.step, progress.state) == ("verify:shelf", "start"):
            change(simulated.mood(world.place("shelf")))

    with world.open() as opened:
        opened.context = replace(opened.context, pause=paused.append)
        order = opened.order_erase([opened.resolve(f"profile:{WHO[0]}")]).order
        opened.plan(order)
        return opened.apply(order, report=report), paused


def busy(probes: int) -> Callable[[Mood], None]:
    def change(mood: Mood) -> None:
        mood.busy = probes

    return change


def timid(answers: int) -> Callable[[Mood], None]:
    def change(mood: Mood) -> None:
        mood.timid = answers

    return change


@pytest.mark.parametrize("change", [busy(1), busy(2), timid(1), timid(2)], ids=["a probe", "two probes", "an answer", "two answers"])
def test_what_a_store_could_not_say_in_time_is_asked_again(world: SimulatedWorld, change: Callable[[Mood], None]) -> None:
    run, paused = erased(world, change)
    assert (run.state, run.reasons) == (OrderState.FULFILLED, ())
    assert paused
    assert sum(paused) < 5, "seconds"


@pytest.mark.parametrize("change", [busy(1000), timid(1000)], ids=["probes", "answers"])
def test_what_a_store_never_says_ends_the_order_in_part(world: SimulatedWorld, change: Callable[[Mood], None]) -> None:
    run, _ = erased(world, change)
    assert run.state is OrderState.IN_PART
    assert run.reasons


def test_waiting_takes_a_few_looks_however_long_one_takes() -> None:
    wait = Wait(0.01)
    time.sleep(0.05)
    assert [wait.over() for _ in range(waiting.LOOKS)] == [False] * (waiting.LOOKS - 1) + [True]
    wait = Wait(3600)
    assert not any(wait.over() for _ in range(2 * waiting.LOOKS))
