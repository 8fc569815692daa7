"""The failpoints that an order passes, kept as a list so that no order runs while tests are collected.

``python -m tests.engine.passes`` writes the list anew, after a failpoint was added to the way of an order or left it.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from expunge import faults
from expunge.core.values.order import OrderState
from tests.engine.household import ANNA, Household, build

Which = Literal["first", "middle", "last"]

LIST = Path(__file__).with_suffix(".txt")
MANY = 4
"""A failpoint passed more often than this is killed in the middle and at the end too."""
GOING = (OrderState.RECEIVED, OrderState.FENCED)


def carry_on(home: Household) -> None:
    """Do what an operator does after a crash: look at what there is, and go on. The same calls as the first time."""
    with home.open() as opened:
        opened.recover()
        if not opened.orders():
            opened.order_erase([opened.resolve(f"profile:{ANNA}")], contact="parent@example.org")
        (run,) = opened.orders()
        if run.state in GOING:
            opened.plan(run.order)
        for _ in range(3):
            if opened.apply(run.order).state is OrderState.FULFILLED:
                break


def passed(home: Household, act: Callable[[Household], None]) -> Counter[str]:
    """Count the passes through each failpoint while ``act`` runs."""
    with faults.record() as names:
        act(home)
    return Counter(names)


def listed() -> dict[str, tuple[Which, ...]]:
    """Read which passes of each failpoint are to be killed."""
    return {name: ("first", "middle", "last") if often else ("first",) for name, _, often in map(_parted, LIST.read_text().splitlines())}


def text(counts: Mapping[str, int]) -> str:
    """Write the list: one failpoint a line, marked where it is passed often."""
    return "".join(f"{name}{' often' if count > MANY else ''}\n" for name, count in sorted(counts.items()))


def number(which: Which, count: int) -> int:
    """Turn a pass into its number, counted from 1."""
    return {"first": 1, "middle": count // 2 + 1, "last": count}[which]


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(" ")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        LIST.write_text(text(passed(build(Path(folder) / "home"), carry_on)))
