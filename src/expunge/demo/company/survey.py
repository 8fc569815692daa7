"""A digest of every item of the company, read by ordinary means. It shows that the data of all bystanders is unchanged."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from expunge.demo.company.services import Services
from expunge.demo.company.world import EXPORT, STORES

_TABLES = ("accounts", "profiles", "devices", "recordings", "transcripts", "conversations", "participants", "voiceprints", "consents")


def survey(services: Services, world: Path) -> dict[str, str]:
    """Key of each item (as in the book) -> SHA-256 of its bytes or values.

    Args:
        services: the servers, running.
        world: holds the lake and the hub's database.
    """
    found = dict(_rows(services))
    found.update(_objects(services))
    found.update(_lake(world / STORES["lake"]))
    found.update(_hub(world / STORES["hub"]))
    return found


def _rows(services: Services) -> Iterator[tuple[str, str]]:
    with services.connect() as session:
        for table in _TABLES:
            # The names are the constants above.
            for row in session.execute(f"SELECT * FROM {table}"):  # noqa: S608
                yield f"app:{table}:{row[0]}", _digest(repr(row).encode())


def _objects(services: Services) -> Iterator[tuple[str, str]]:
    client = services.s3()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=services.bucket):
        for key in (each["Key"] for each in page.get("Contents", ())):
            data = client.get_object(Bucket=services.bucket, Key=key)["Body"].read()
            if key != EXPORT:
                yield f"audio:{key}", _digest(data)
                continue
            for row in csv.reader(io.StringIO(gzip.decompress(data).decode())):
                if row[0] != "recording_id":
                    yield f"audio:{EXPORT}:{row[0]}", _digest(json.dumps(row).encode())
    client.close()


def _lake(lake: Path) -> Iterator[tuple[str, str]]:
    import pyarrow.parquet as pq

    for path in sorted(lake.rglob("*.parquet")):
        for row in pq.ParquetFile(path).read().to_pylist():
            yield f"lake:{path.relative_to(lake).as_posix()}:{next(iter(row.values()))}", _digest(repr(row).encode())


def _hub(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for row in connection.execute("SELECT * FROM locations"):
            yield f"hub:locations:{row[0]}", _digest(repr(row).encode())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
