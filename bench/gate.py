"""How fast the gate answers over ten million suppressed subjects, in how much memory, and what whoever asks notices of a new snapshot.

All in a process of its own, on one core, everybody asked about different from the others. The batch is an Arrow column of a million
subjects; beside it, in the same run, such subjects asked about one at a time. While answers are given, a second snapshot of ten million
takes the place of the first: the longest answer meanwhile is that of whoever has bad luck, whatever else runs on the machine included.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.result import Result
from expunge import clock
from expunge.core.gate.gate_head import ListedMeaning, signed_head, write_head
from expunge.gate import Gate, Subject

HERE = Path(__file__).resolve().parent
SUPPRESSED, ASKED, ROUNDS = 10_000_000, 1_000_000, 15
SINGLE, SHORT_ROUNDS = 1_000, 200
KEY, SIGNER = bytes(range(32)), Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
PUBLIC = SIGNER.public_key().public_bytes_raw()


def make(path: Path) -> None:
    """A snapshot of so many drawn entries, which are what keyed hashes look like."""
    words = np.frombuffer(os.urandom(16 * SUPPRESSED), ">u8").reshape(-1, 2)
    data = words[np.argsort(words[:, 0].astype(np.uint64))].tobytes()
    now = clock.now()
    head = write_head([(ListedMeaning.SUPPRESSED, "", data)], KEY, "", None, valid=(now, now + timedelta(days=1)))
    fresh = path.with_name("fresh")
    fresh.write_bytes(head + SIGNER.sign(signed_head(head)) + data)
    fresh.replace(path)


def measure(path: Path, second: Path) -> dict[str, Any]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    gate = Gate.open(path, KEY, PUBLIC, timedelta(days=1))
    begun = time.perf_counter()
    assert gate.may_use(Subject("profile", "u-1"), "train")
    read = time.perf_counter() - begun
    steady = _status("VmRSS")
    longest, slow = _swapped(gate, path, second)
    found = {"read_s": read, "steady_mb": steady, "swap_peak_mb": _status("VmHWM"), "longest_ms": longest, "slow": slow}
    return {**found, "single_us": _single(gate), "batch": _batch(gate)}


def _swapped(gate: Gate, path: Path, second: Path) -> tuple[float, int]:
    """The longest answer, in ms, from the moment when the file is another one until answers come from it; and how many took over 10 ms."""
    before = gate.current()
    second.replace(path)
    longest, slow, number = 0.0, 0, 0
    while gate.current() is before:
        number += 1
        begun = time.perf_counter()
        gate.may_use(Subject("profile", f"u-{number}"), "train")
        taken = (time.perf_counter() - begun) * 1000
        longest, slow = max(longest, taken), slow + (taken > 10)
    return longest, slow


def _single(gate: Gate) -> tuple[float, float]:
    """Microseconds a call. Many short rounds, each with people of its own: what else runs on the machine then spoils some of them only."""
    people = iter(range(SINGLE * SHORT_ROUNDS))
    rounds = iter([[Subject("profile", f"u-{number:015}") for number in islice(people, SINGLE)] for _ in range(SHORT_ROUNDS)])

    def ask() -> None:
        for subject in next(rounds):
            gate.may_use(subject, "train")

    wall, used = _best(ask, SHORT_ROUNDS)
    return wall / SINGLE * 1e6, used / SINGLE * 1e6


def _batch(gate: Gate) -> tuple[float, float]:
    import pyarrow as pa

    table = pa.table({"profile_id": pa.array([f"u-{number:015}" for number in range(ASKED)]), "n": pa.array(range(ASKED))})

    def ask() -> None:
        passed = gate.allowed(table, "profile_id", "profile", "train")
        assert passed.tally.allowed == passed.rows.num_rows == ASKED

    wall, used = _best(ask, ROUNDS)
    return ASKED / wall / 1e6, ASKED / used / 1e6


def _best(act: Callable[[], None], rounds: int) -> tuple[float, float]:
    """Seconds of the best round, and of processor time in the round that took least of it."""
    walls, used = [], []
    for _ in range(rounds):
        begun, before = time.perf_counter(), time.process_time()
        act()
        walls.append(time.perf_counter() - begun)
        used.append(time.process_time() - before)
    return min(walls), min(used)


def _status(name: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024 / 1e6


def run() -> list[Result]:
    """Measure; half a minute."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as folder:
        out = Path(folder, "out.json")
        subprocess.run([sys.executable, "-m", "bench.gate", folder, str(out)], cwd=HERE.parent, check=True, stdout=2)
        found = json.loads(out.read_text())
    (single, single_used), (batch, batch_used) = found["single_us"], found["batch"]
    over = f"{SUPPRESSED / 1e6:.0f} M suppressed"
    swap = f"the new one is read in {found['read_s']:.2f} s by a thread beside; {found['slow']:.0f} answers took over 10 ms"
    peak = f"of the whole process; {found['steady_mb']:.0f} MB as long as there is one snapshot"
    return [
        Result(
            f"gate, Arrow column, {over}, one core",
            batch,
            "M subjects/s",
            other=1 / single,
            other_name="one call each",
            target=1.0,
            note=f"{batch_used:.1f} M for each second of processor time",
        ),
        Result(f"gate, one call, warm, {over}", single, "us", target=5.0, better="lower", note=f"{single_used:.1f} us of processor time"),
        Result(f"gate, most memory while {over} are swapped", found["swap_peak_mb"], "MB", target=200.0, better="lower", note=peak),
        Result(
            f"gate, longest answer while {over} are swapped",
            found["longest_ms"],
            "ms",
            other=found["read_s"] * 1000,
            other_name="waiting for the new one",
            better="lower",
            note=swap,
        ),
    ]


def main() -> None:
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    for name in ("first", "second"):
        # In a process of its own: what making it took is not what asking takes.
        subprocess.run([sys.executable, "-c", f"from bench.gate import *; make(Path({str(folder / name)!r}))"], cwd=HERE.parent, check=True)
    out.write_text(json.dumps(measure(folder / "first", folder / "second")))


if __name__ == "__main__":
    main()
