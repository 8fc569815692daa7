"""A recording that comes in over HTTP into a vault in a folder, until it is in; beside it `cp` of the same file, forced to the device.

Everything is real: `expunge serve`, the keeper that it starts, the journal, the key table. The sender reads a file that is in memory
already, as `cp` does. Both write to the disk that this file lies on; a second pair writes to memory, so that no disk is measured.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from bench.result import Result
from expunge import durable
from expunge.bootstrap import Expunge
from expunge.bootstrap.pipelines import LineageDoor
from expunge.core.journal.access_tokens import TokenScope

HERE = Path(__file__).resolve().parent
MEMORY = Path("/dev/shm")
SIZE, ROUNDS, SMALL, MANY = 512 * 2**20, 5, 64 * 2**10, 200
PIECE = 2**20
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
  said:
    store: recordings
    path: "{profile_id}/{recording_id}.mp4"
    subject: {profile: profile_id}
    categories: [user.images]
    retention: seen
"""


def run() -> list[Result]:
    """Measure; about a minute."""
    rows = [*_measured(HERE, "a folder", target=True)]
    if MEMORY.is_dir():
        rows += _measured(MEMORY, "a folder in memory", target=False)
    return rows


def _measured(where: Path, named: str, *, target: bool) -> list[Result]:
    with tempfile.TemporaryDirectory(dir=where, prefix="_bench-") as name, _serving(Path(name)) as (connection, token):
        folder = Path(name)
        source = folder / "source"
        _write(source, SIZE)
        whole: list[float] = []
        copied: list[float] = []
        _put(connection, token, source)
        for _ in range(ROUNDS):
            whole.append(_timed(lambda: _put(connection, token, source)))
            copied.append(_timed(lambda: _copy(source, folder)))
        _write(source, SMALL)
        small = _timed(lambda: _put(connection, token, source, MANY)) / MANY
        beside = _timed(lambda: _copy(source, folder, MANY)) / MANY
    ours, other = (SIZE / 1e6 / statistics.median(each) for each in (whole, copied))
    note = f"best {SIZE / 1e6 / min(whole):,.0f} and {SIZE / 1e6 / min(copied):,.0f}; sender, server, keeper and disk on one machine"
    rows = [Result(f"PUT of {SIZE >> 20} MiB into {named}", ours, "MB/s", other, "cp with fsync", 300.0 if target else None, note=note)]
    if target:
        rows.append(Result(f"PUT of {SIZE >> 20} MiB into {named}, beside cp", ours, "MB/s", other, "cp with fsync", 0.6, of="ratio"))
    return [*rows, Result(f"PUT of {SMALL >> 10} KiB into {named}", small * 1e3, "ms", beside * 1e3, "cp with fsync", better="lower")]


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[tuple[http.client.HTTPConnection, str]]:
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY)")
    (folder / "expunge.yaml").write_text(MAP)
    Expunge.init(folder / "expunge.yaml")
    with LineageDoor.open(folder / "expunge.yaml") as door:
        _, token = door.issue("bench", TokenScope.INGEST, timedelta(days=1))
    command = [sys.executable, "-m", "expunge", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = int(json.loads(process.stdout.readline())["url"].rstrip("/").rpartition(":")[2])
            yield http.client.HTTPConnection("127.0.0.1", port, timeout=120, blocksize=PIECE), token
        finally:
            process.terminate()
            process.wait(60)


def _put(connection: http.client.HTTPConnection, token: str, source: Path, times: int = 1) -> None:
    for _ in range(times):
        _put_one(connection, token, source)


def _put_one(connection: http.client.HTTPConnection, token: str, source: Path) -> None:
    fields = {"profile_id": "p-1", "recording_id": uuid4().hex}
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Length": str(source.stat().st_size),
        "Expunge-Recording": json.dumps({"dataset": "said", "fields": fields}),
    }
    with source.open("rb") as file:
        connection.request("PUT", f"/api/v1/recordings/{uuid4()}", file, headers)
    with connection.getresponse() as answer:
        said = answer.read()
        assert answer.status == 201, said


def _copy(source: Path, folder: Path, times: int = 1) -> None:
    for at in range(times):
        target = folder / f"{source.name}-{at}"
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            durable.fsync(file, at="bench")
        durable.fsync_directory(folder, at="bench")


def _write(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(0, size, PIECE):
            file.write(os.urandom(min(PIECE, size)))


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
