"""Adopting recordings into a vault: sealed, durable, read back and compared, erased in the clear and looked for once more.

A hundred recordings of 8 MiB, and some thousands of 64 KiB, twenty of each person and then all of one, on the disk that this file lies on.
Beside it each is copied, forced to the device with its folder, compared with its copy by SHA-256 and removed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import file_digest
from pathlib import Path

from bench.result import Result
from expunge import durable
from expunge.bootstrap import Expunge

HERE = Path(__file__).resolve().parent
LARGE, SMALL = (100, 8 * 2**20), (int(os.environ.get("EXPUNGE_BENCH_ADOPTED") or 4_000), 64 * 2**10)
EACH = 20
MAP = """\
version: 1
state: ./state
identities: {profile: {dataset: profiles, key: profile_id}}
stores:
  app: {kind: sqlite, url: "sqlite:///app.db"}
  media: {kind: files, url: ./media}
  recordings: {kind: vault, url: ./vault}
retention: {seen: {period: 30 days, from: modified, purpose: show who rang, need: contract}}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: seen}
  said:
    store: recordings
    path: "{profile_id}/{recording_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.images]
    retention: seen
  said_clear:
    store: media
    path: "{profile_id}/{recording_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.images]
    retention: seen
"""


def run() -> list[Result]:
    return [*_measured(*LARGE, target=200), *_measured(*SMALL, target=None), *_measured(*SMALL, target=None, each=SMALL[0])]


def _measured(number: int, size: int, *, target: float | None, each: int = EACH) -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        with closing(sqlite3.connect(folder / "app.db")) as database:
            database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY)")
        (folder / "expunge.yaml").write_text(MAP)
        Expunge.init(folder / "expunge.yaml")
        for at in range(number):
            for top in ("media", "beside"):
                path = folder / top / f"p-{at // each:05}" / f"{at}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(at.to_bytes(8) + os.urandom(1024) * (size // 1024))
        os.sync()
        with Expunge.open(folder / "expunge.yaml") as opened:
            forecast = opened.adoption.forecast("said", "said_clear")
            processor = time.process_time()
            ours = _timed(lambda: opened.adoption.adopt("said", "said_clear"))
            processor = time.process_time() - processor
            assert len(opened.vault.recordings("said")) == number
        other = _timed(lambda: _moved(folder / "beside", folder / "copied"))
    said, of = f"{number:,} recordings of {size >> 10:,} KiB" + (" of one person" if each == number else ""), number * size / 1e6
    note = f"{ours:.1f} s, of the processor {processor:.1f} s; foretold {forecast.minutes * 60:.0f} s"
    return [
        Result(f"adopt {said}", of / ours, "MB/s", of / other, "copied, forced, compared, removed", target, note=note),
        Result(f"adopt {said}, each", ours / number * 1e3, "ms", other / number * 1e3, "the same", better="lower"),
    ]


def _moved(source: Path, target: Path) -> None:
    for path in sorted(each for each in source.rglob("*") if each.is_file()):
        copied = target / path.relative_to(source)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)
        with copied.open("rb+") as file:
            durable.fsync(file, at="bench")
        durable.fsync_directory(copied.parent, at="bench")
        with path.open("rb") as one, copied.open("rb") as two:
            assert file_digest(one, "sha256").digest() == file_digest(two, "sha256").digest()
        path.unlink()
        durable.fsync_directory(path.parent, at="bench")


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
