"""The log and the receipt: durable entries a second, proofs in a large log, checking a receipt."""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.result import Result
from expunge.adapters.log.tile_log import TileLog
from expunge.core import merkle
from expunge.core.verification.receipt_verify import verify
from tests.evidence_kit import ORIGIN, SeededKeys, in_part, issue

LEAF = 700
"""Bytes: what the leaf of a receipt has."""
LARGE = 1_000_000
IN_MEMORY = 900 * 256
"""Leaves whose tiles all fit into the log's cache."""
HERE = Path(__file__).resolve().parent


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        return [_entries(folder, 1024, 40), _entries(folder, 256, 80), _entries(folder, 1, 200), *_proofs(folder / "large"), _receipt()]


def _entries(folder: Path, batch: int, batches: int) -> Result:
    """Interleaved, so that both meet the same moods of the disk."""
    log = TileLog(folder / f"log-{batch}", ORIGIN, SeededKeys())  # type: ignore[arg-type]
    ours = other = 0.0
    with (folder / f"raw-{batch}").open("ab", buffering=0) as raw:
        for _ in range(batches):
            leaves = [os.urandom(LEAF) for _ in range(batch)]
            ours += _timed(lambda leaves=leaves: log.append(leaves))
            other += _timed(lambda leaves=leaves: _append_raw(raw.fileno(), leaves))
    count = batch * batches
    return Result(
        name=f"durable log entries, batches of {batch}",
        ours=count / ours,
        unit="entries/s",
        other=count / other,
        other_name="append and fsync of the same batches",
        target=10_000 if batch > 1 else None,
        note=f"{LEAF}-byte leaves; each batch ends with a checkpoint signed by both keys and every file and folder on the device",
    )


def _append_raw(descriptor: int, leaves: Sequence[bytes]) -> None:
    os.write(descriptor, b"".join(leaves))
    os.fsync(descriptor)


def _proofs(folder: Path) -> list[Result]:
    log = TileLog(folder, ORIGIN, SeededKeys())  # type: ignore[arg-type]
    step = 50_000
    for start in range(0, LARGE, step):
        log.append([b"leaf %d" % number for number in range(start, start + step)])
    head = log.head()
    seed = random.Random(1)
    indexes = [seed.randrange(LARGE) for _ in range(4000)]
    fresh = TileLog(folder, ORIGIN, SeededKeys())  # type: ignore[arg-type]
    cold = sorted(_timed(lambda index=index: fresh.prove_inclusion(index, LARGE)) for index in indexes[:1000])
    near = [index % IN_MEMORY for index in indexes]
    for index in range(0, IN_MEMORY, 256):
        log.prove_inclusion(index, LARGE)
    warm = sorted(_timed(lambda index=index: log.prove_inclusion(index, LARGE)) for index in near)
    for index in indexes[:100]:
        merkle.verify_inclusion(merkle.leaf_hash(b"leaf %d" % index), index, LARGE, log.prove_inclusion(index, LARGE), head.root)
    note = "tiles are checked against the signed root as they are read; "
    return [
        _milliseconds(
            "inclusion proof at 1 M leaves, 99th percentile, nothing cached", cold[990], 1.0, note + f"median {_ms(cold[500]):.3f} ms"
        ),
        _milliseconds(
            "inclusion proof at 1 M leaves, 99th percentile, tiles in memory", warm[3960], 1.0, note + f"median {_ms(warm[2000]):.3f} ms"
        ),
    ]


def _receipt() -> Result:
    files, trust = issue(in_part()), SeededKeys().policy().encode()
    verify(files, trust)
    taken = [_timed(lambda: verify(files, trust)) for _ in range(50)]
    return _milliseconds(
        "checking a receipt in process", statistics.median(taken), 50.0, "seven files, keys from elsewhere, page rendered again"
    )


def _milliseconds(name: str, seconds: float, target: float, note: str) -> Result:
    return Result(name=name, ours=_ms(seconds), unit="ms", target=target, better="lower", note=note)


def _ms(seconds: float) -> float:
    return seconds * 1000


def _timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start
