"""A digest of every item of the company's world, read by ordinary means: shows that everybody else's data is unchanged."""

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

from expunge.demo.world import EXPORT

_TABLES = (
    "accounts", "profiles", "devices", "recordings", "transcripts", "conversations", "participants", "locations", "voiceprints",
    "consents",
)  # fmt: skip


def survey(world: Path) -> dict[str, str]:
    """Key of each item (as in the book) -> SHA-256 of its bytes or values."""
    found = dict(_media(world / "media"))
    found.update(_rows(world / "app.db"))
    found.update(_events(world / "analytics"))
    return found


def _media(media: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(media.rglob("*")):
        name = path.relative_to(media).as_posix()
        if name == EXPORT:
            for row in csv.reader(io.StringIO(gzip.decompress(path.read_bytes()).decode())):
                if row[0] != "recording_id":
                    yield f"media:{EXPORT}:{row[0]}", _digest(json.dumps(row).encode())
        elif path.is_file():
            yield f"media:{name}", _digest(path.read_bytes())


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        for table in _TABLES:
            # The names are the constants above.
            cursor = connection.execute(f"SELECT * FROM {table}")  # noqa: S608
            for row in cursor:
                yield f"app:{table}:{row[0]}", _digest(repr(row).encode())


def _events(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*.jsonl.gz")):
        for line in gzip.decompress(path.read_bytes()).splitlines():
            yield f"analytics:{path.relative_to(folder).as_posix()}:{json.loads(line)['event_id']}", _digest(line)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
