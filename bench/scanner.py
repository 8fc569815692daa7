"""How fast the residue scanner reads: MB a second on one core, plain and compressed, with 10,000 and 100,000 traces; then on all cores.

Windows of three kinds (text, random, samples) are planted; a scan that misses one fails. On one core time is processor time, and the other
side is SHA-256 over the same bytes, which says how fast the machine is; on all cores it is the time on the wall, beside one core's.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import tempfile
import time
from pathlib import Path

import lz4.frame
import numpy as np
import zstandard

from bench.result import Result
from expunge.core.evidence.traces import ANCHOR_FOLDED, FOLDED, Trace, Traces
from expunge.core.values.copy import RawSource
from expunge.core.values.ids import Pseudonym
from expunge.ports.scanner import Scanned
from expunge.residue.matching import folding
from expunge.residue.matching.keyed_hash import Secret
from expunge.residue.scanning.helper_pool import usable_cores
from expunge.residue.scanning.scanner import ResidueScanner

KEY = bytes(range(32))
PART = 24 << 20
WORDS = [f"{first}{last}" for first in ("ba", "ki", "lor", "mun", "pe", "stra") for last in ("ding", "lo", "mer", "na", "sh", "tic", "vy")]


def windows(count: int) -> list[bytes]:
    rng = random.Random(1)
    made = [f"{rng.choice(WORDS)} {rng.getrandbits(64):x} {rng.choice(WORDS)}".encode()[:24] for _ in range(count // 2)]
    return made + [rng.randbytes(rng.choice([8, 16, 32])) for _ in range(count - count // 2)]


def traces_of(chosen: list[bytes]) -> Traces:
    secret = Secret(KEY)
    made = []
    for each in chosen:
        width = 16 if len(each) >= 16 else 8
        fold = FOLDED if each.isascii() else ANCHOR_FOLDED
        anchor, digest = secret.anchor(folding.shape(each), width), secret.digest(folding.text(each) if fold == FOLDED else each)
        made.append(Trace(Pseudonym("s"), "d", "f", "bytes", anchor, width, len(each), digest, fold))
    return Traces(KEY, tuple(made))


def voice(size: int) -> bytes:
    rng = np.random.default_rng(2)
    count = size // 2
    noise = np.convolve(rng.normal(0, 900, count), np.ones(8) / 8, mode="same")
    return (noise * (1 + np.sin(np.arange(count) / 9000))).astype("<i2").tobytes()


def lines(size: int) -> bytes:
    rng = random.Random(3)
    made: list[bytes] = []
    total = 0
    while total < size:
        row = {
            "id": f"{rng.getrandbits(64):016x}",
            "at": 1_700_000_000 + rng.randrange(10**7),
            "lat": round(rng.uniform(47, 55), 6),
            "text": " ".join(rng.choices(WORDS, k=rng.randrange(4, 20))),
        }
        made.append(json.dumps(row).encode() + b"\n")
        total += len(made[-1])
    return b"".join(made)[:size]


def plant(data: bytes, chosen: list[bytes]) -> bytes:
    mutable = bytearray(data)
    step = len(mutable) // (len(chosen) + 1)
    for number, each in enumerate(chosen):
        mutable[(number + 1) * step : (number + 1) * step + len(each)] = each
    return bytes(mutable)


def measure(folder: Path, traces: Traces, expected: int) -> tuple[float, Scanned]:
    begin = time.process_time()
    seen = ResidueScanner(processes=1).scan([RawSource(folder, "data")], traces)
    taken = time.process_time() - begin
    check(seen, expected)
    return taken, seen


def on_all_cores(folder: Path, traces: Traces, expected: int) -> Result:
    sizes = [(each, each.with_name(f"{each.name}.again")) for each in folder.iterdir()]
    for each, again in sizes:
        again.write_bytes(each.read_bytes() * 4)
    speeds = []
    for processes in (None, 1):
        begin = time.monotonic()
        seen = ResidueScanner(processes=processes).scan([RawSource(folder, "data")], traces)
        speeds.append(seen.coverage.bytes / 1e6 / (time.monotonic() - begin))
        check(seen, expected)
    return Result(
        "residue scan, plain, 100,000 traces, all cores",
        speeds[0],
        "MB/s",
        other=speeds[1],
        other_name="one core",
        note=f"{seen.coverage.bytes / 1e6:.0f} MB on disk, {usable_cores()} cores; starting the helpers is counted",
    )


def check(seen: Scanned, expected: int) -> None:
    if len(seen.seen) < expected:
        message = f"the scan missed {expected - len(seen.seen)} planted windows"
        raise RuntimeError(message)


def sha_speed(folder: Path) -> float:
    begin = time.process_time()
    size = 0
    for path in folder.iterdir():
        data = path.read_bytes()
        hashlib.sha256(data).digest()
        size += len(data)
    return size / 1e6 / (time.process_time() - begin)


def run() -> list[Result]:
    """Measure; about a minute."""
    chosen = windows(100_000)
    ten, hundred = traces_of(chosen[45_000:55_000]), traces_of(chosen)
    some = chosen[49_900:50_100]
    text, sound = lines(PART), voice(PART)
    with tempfile.TemporaryDirectory() as name:
        plain, packed = Path(name, "plain"), Path(name, "packed")
        plain.mkdir()
        packed.mkdir()
        (plain / "lines.json").write_bytes(plant(text, some[:80]))
        (plain / "voice.wav").write_bytes(plant(sound, some[80:160]))
        (plain / "random").write_bytes(plant(random.Random(4).randbytes(PART), some[160:]))
        (plain / "zeros").write_bytes(bytes(PART // 2))
        (packed / "lines.json.gz").write_bytes(gzip.compress(plant(text[: PART // 2], some[:60]), 6))
        (packed / "lines.json.zst").write_bytes(zstandard.compress(plant(text[PART // 2 :], some[60:120])))
        (packed / "voice.zst").write_bytes(zstandard.compress(plant(sound[: PART // 2], some[120:160])))
        (packed / "voice.lz4").write_bytes(lz4.frame.compress(plant(sound[PART // 2 :], some[160:])))
        results = []
        for count, traces in ((10_000, ten), (100_000, hundred)):
            for kind, folder in (("plain", plain), ("compressed", packed)):
                taken, seen = measure(folder, traces, len(some))
                yard = sha_speed(folder)
                disk, decoded = seen.coverage.bytes / 1e6, seen.coverage.decoded_bytes / 1e6
                target = {"plain": 200.0, "compressed": 60.0}[kind] if count == 10_000 else None
                note = f"{disk:.0f} MB on disk" + (
                    f", {decoded:.0f} MB decoded, {(disk + decoded) / taken:.0f} MB/s of both" if decoded else ""
                )
                name_of = f"residue scan, {kind}, {count:,} traces, one core"
                results.append(Result(name_of, disk / taken, "MB/s", other=yard, other_name="SHA-256", target=target, note=note))
        results.append(on_all_cores(plain, hundred, len(some)))
    return results
