"""Adopting recordings from one bucket into a vault in another, on a real server of this machine; requests, memory and key table counted.

Recordings of 64 KiB, twenty of each person. Beside it each is fetched, put into the other bucket, fetched from there, compared by SHA-256
and deleted, with boto3 in as many threads. ``EXPUNGE_BENCH_IN_BUCKETS`` says how many recordings.
"""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.adoption import EACH, HERE, MAP
from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs
from expunge.stores.s3.bucket_connection import Bucket
from expunge.vault.batches import WIDTH

RECORDINGS = int(os.environ.get("EXPUNGE_BENCH_IN_BUCKETS") or 2_000)
SIZE = 64 * 2**10


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name, running_seaweedfs(Path(name) / "server") as server:
        return _measured(Path(name) / "home", server)


def _measured(folder: Path, server: SeaweedServer) -> list[Result]:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY)")
    (folder / "expunge.yaml").write_text(_map(server))
    Expunge.init(folder / "expunge.yaml")
    names = [f"p-{number // EACH:05}/{number}.mp4" for number in range(RECORDINGS)]
    with closing(_client(server)) as client, ThreadPoolExecutor(WIDTH) as pool:
        for bucket in ("media", "beside", "copied", "vault"):
            client.create_bucket(Bucket=bucket)
        for bucket in ("media", "beside"):
            list(pool.map(lambda name, to=bucket: client.put_object(Bucket=to, Key=name, Body=_content(name)), names))
        os.sync()
        with Expunge.open(folder / "expunge.yaml") as opened, _counted() as calls:
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            processor, start = time.process_time(), time.perf_counter()
            summary = opened.adoption.adopt("said", "said_clear")
            ours, processor = time.perf_counter() - start, time.process_time() - processor
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert (summary.sealed, sum(summary.left.values())) == (RECORDINGS, 0)
        start = time.perf_counter()
        list(pool.map(lambda name: _moved(client, name), names))
        other = time.perf_counter() - start
    table = sum(path.stat().st_size for path in (folder / "state" / "vault" / "table").iterdir())
    each = ", ".join(f"{operation} {count / RECORDINGS:.2f}" for operation, count in sorted(calls.items()) if count > RECORDINGS / 1_000)
    note = (
        f"{ours:.1f} s, of the processor {processor:.1f} s; requests for each: {each}; key table {table / RECORDINGS:.0f} B each; "
        f"memory grew by {grown / 1024:.0f} MiB"
    )
    what = f"adopt {RECORDINGS:,} recordings of 64 KiB from bucket to bucket, each"
    return [
        Result(
            what,
            ours / RECORDINGS * 1e3,
            "ms",
            other / RECORDINGS * 1e3,
            "boto3: get, put, get, compare, delete",
            better="lower",
            note=note,
        )
    ]


def _content(name: str) -> bytes:
    return (sha256(name.encode()).digest() * (SIZE // 32))[:SIZE]


def _moved(client: Any, name: str) -> None:
    data = client.get_object(Bucket="beside", Key=name)["Body"].read()
    client.put_object(Bucket="copied", Key=name, Body=data)
    assert sha256(client.get_object(Bucket="copied", Key=name)["Body"].read()).digest() == sha256(data).digest()
    client.delete_object(Bucket="beside", Key=name)


def _map(server: SeaweedServer) -> str:
    def store(kind: str, bucket: str) -> str:
        keys = {"endpoint": server.endpoint, "access_key": server.access_key, "secret_key": server.secret_key}
        return json.dumps({"kind": kind, "url": f"s3://{bucket}", **keys})

    text = MAP.replace("{kind: files, url: ./media}", store("s3", "media"))
    return text.replace("{kind: vault, url: ./vault}", store("vault", "vault"))


def _client(server: SeaweedServer) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        region_name=server.region,
        config=Config(max_pool_connections=WIDTH),
    )


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Count the requests of every bucket by operation; those that are made again count once."""
    calls: Counter[str] = Counter()
    call, read = Bucket.call, Bucket.read

    def counting(self: Bucket, operation: str, **arguments: object) -> Any:
        calls[operation] += 1
        return call(self, operation, **arguments)

    def reading(self: Bucket, *arguments: Any, **more: Any) -> tuple[bytes, Any]:
        calls["get_object"] += 1
        return read(self, *arguments, **more)

    Bucket.call, Bucket.read = counting, reading  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        Bucket.call, Bucket.read = call, read  # type: ignore[method-assign]
