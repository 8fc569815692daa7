"""The most memory that an order takes while the tables that it is about grow tenfold. Each order runs in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench._crowd import EACH, Crowd, build, scaled
from bench.orders_postgres import ours, size_of
from bench.result import Result

HERE = Path(__file__).resolve().parent
SMALL, PEOPLE, WIDTH = scaled(3_000), scaled(10), 96


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        few, few_size = _peak(Path(name, "few"), SMALL)
        many, many_size = _peak(Path(name, "many"), 10 * SMALL)
    return [
        Result(
            name=f"peak memory, {PEOPLE} people, ten times the rows in PostgreSQL",
            ours=many,
            unit="MiB",
            other=few,
            other_name="a tenth of the rows",
            target=1.2,
            of="ratio",
            better="lower",
            note=f"{SMALL * (1 + EACH):,} and {10 * SMALL * (1 + EACH):,} rows, {few_size / 1e6:.0f} and {many_size / 1e6:.0f} MB",
        )
    ]


def _peak(folder: Path, profiles: int) -> tuple[float, int]:
    crowd = build(folder / "crowd", profiles, WIDTH)
    size = size_of(crowd)
    out = folder / "peak.json"
    subprocess.run(
        [sys.executable, "-m", "bench.memory", str(crowd.folder), str(profiles), str(out)], cwd=HERE.parent, check=True, stdout=2
    )
    return json.loads(out.read_text()), size


def main() -> None:
    crowd = Crowd(Path(sys.argv[1]), int(sys.argv[2]))
    Path(sys.argv[3]).write_text(json.dumps(ours(crowd, [crowd.chosen(PEOPLE)], "./state").peak_mib))


if __name__ == "__main__":
    main()
