"""Recordings through the keeper: random reads, ranges one after another, and an upload, each beside the same in the process itself.

Both sides ask the gate for each range. The bytes lie in the cache of the file system.
"""

from __future__ import annotations

import os
import random
import secrets
import sqlite3
import statistics
import tempfile
import time
from contextlib import closing, nullcontext
from pathlib import Path

from bench.keeper import HERE, kept
from bench.result import Result
from expunge.adapters.keeper.keeper_vault import KeeperVault
from expunge.adapters.keeper.place import KeeperPlace
from expunge.bootstrap import Expunge
from expunge.bootstrap.vault.doors import LocalDoors
from expunge.ports.vault.vault_door import Caller, OpeningClaim, UploadClaim, VaultDoor

SIZE = 64 * 2**20
READS = 2_000
SMALL, LARGE = 16 * 2**10, 256 * 2**10
MAP = """\
version: 1
state: ./state
identities: {profile: {dataset: profiles, key: profile_id}}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
  recordings: {kind: vault, url: ./vault}
retention: {seen: {period: 30 days, from: modified, purpose: show who rang, need: contract}}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: seen}
  said: {store: recordings, path: "{profile_id}/{n}.mp4", subject: {profile: profile_id}, categories: [user.images], retention: seen}
"""


def run() -> list[Result]:
    """Measure; half a minute."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        with closing(sqlite3.connect(folder / "app.db")) as database:
            database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY)")
        (folder / "expunge.yaml").write_text(MAP)
        state = Expunge.init(folder / "expunge.yaml")
        with kept(state, folder / "expunge.yaml"), Expunge.open(folder / "expunge.yaml") as opened:
            local = LocalDoors(lambda: nullcontext(opened.vault)).door_of(Caller(os.geteuid(), "bench"))
            door = KeeperVault(KeeperPlace(state, state / "keys"))
            taken = [_upload(each, number) for number, each in enumerate((door, local))]
            claim = OpeningClaim(secrets.token_hex(16), "said/p-0/0.mp4", "look", "bench")
            for each in (door, local):
                each.open_recording(claim)
            turns = [(_random(door, claim), _random(local, claim)) for _ in range(READS)]
            ranges = [_ranges(each, claim) for each in (door, local)]
            door.close()
    ours, other = zip(*turns, strict=True)
    note = f"p99 {sorted(ours)[len(ours) * 99 // 100] * 1e6:,.0f} us"
    beside = "in the process itself"
    small, large = f"{SMALL >> 10} KiB", f"{LARGE >> 10} KiB"
    return [
        Result(
            f"vault through the keeper, random {small}, p50", statistics.median(ours) * 1e6, "us",
            statistics.median(other) * 1e6, beside, better="lower", note=note,
        ),
        Result(f"vault through the keeper, ranges of {large}", SIZE / 1e6 / ranges[0], "MB/s", SIZE / 1e6 / ranges[1], beside),
        Result(f"vault through the keeper, sent in by {large}", SIZE / 1e6 / taken[0], "MB/s", SIZE / 1e6 / taken[1], beside),
    ]  # fmt: skip


def _upload(door: VaultDoor, number: int) -> float:
    data = os.urandom(LARGE)
    begun = time.perf_counter()
    claim = UploadClaim(secrets.token_hex(16), "said", f"p-0/{number}.mp4")
    at = door.begin_upload(claim)
    while at < SIZE:
        at = door.append_upload(claim.upload, at, data)
    door.finish_upload(claim.upload)
    return time.perf_counter() - begun


def _random(door: VaultDoor, claim: OpeningClaim) -> float:
    first = random.randrange(SIZE - SMALL)
    begun = time.perf_counter()
    door.read_recording(claim.opening, first, first + SMALL)
    return time.perf_counter() - begun


def _ranges(door: VaultDoor, claim: OpeningClaim) -> float:
    begun = time.perf_counter()
    for first in range(0, SIZE, LARGE):
        door.read_recording(claim.opening, first, first + LARGE)
    return time.perf_counter() - begun
