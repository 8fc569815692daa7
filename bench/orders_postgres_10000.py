"""One order for ten thousand people over half a million rows in PostgreSQL, beside the bare ladder typed in once on an identical copy."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench._crowd import EACH, build, scaled
from bench.orders_postgres import beside, hand, ours, size_of
from bench.result import Result

HERE = Path(__file__).resolve().parent
PROFILES, PEOPLE, WIDTH = scaled(100_000), scaled(10_000), 96


def run() -> list[Result]:
    """Measure; some minutes, and about three gigabytes of disk."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        crowd = build(folder / "crowd", PROFILES, WIDTH)
        size = size_of(crowd)
        people = crowd.chosen(PEOPLE)
        mine = ours(crowd.copy(folder / "ours" / "crowd"), [people], "./state")
        bare = hand(crowd.copy(folder / "hand"), people)
    what = f"an order for {PEOPLE:,} of {PROFILES:,} people, {EACH * PROFILES:,} transcripts in PostgreSQL, {size / 1e6:.0f} MB"
    return [beside(what, mine, bare, PEOPLE, f"vectors of {WIDTH} numbers; ")]
