"""The key table: shredding ten thousand subjects, rotation, what a subject takes, and how long a key takes to be found."""

from __future__ import annotations

import random
import secrets
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from bench.result import Result
from expunge.adapters.roots.local_root import LocalRoot
from expunge.adapters.roots.shred_file import ShredFile
from expunge.vault.keys.key_table import KeyTable
from expunge.vault.keys.objects import NewObject

SUBJECTS = 300_000
SHREDDED = 10_000
LOOKUPS = 3_000
AT = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Path(__file__).resolve().parent


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        with KeyTable.open(folder / "table" / "keys.db", LocalRoot(folder / "roots"), ShredFile(folder / "shreds")) as table:
            subjects = [secrets.token_bytes(16) for _ in range(SUBJECTS)]
            objects = [NewObject(secrets.token_bytes(16), (each,), "recordings", b"cam", AT, clear_before=False) for each in subjects]
            adding = _timed(lambda: [table.add(objects[at : at + 1000]) for at in range(0, SUBJECTS, 1000)])
            return [
                Result("keys added, batches of 1,000", SUBJECTS / adding, "recordings/s", note="a subject each, durable"),
                *_bytes(folder),
                _lookups(table, [each.id for each in objects]),
                *_shreds(table, random.Random(1).sample(subjects, SHREDDED)),
                _rotation(table),
            ]


def _bytes(folder: Path) -> list[Result]:
    database = sqlite3.connect(folder / "table" / "keys.db")
    sizes = dict(database.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"))
    database.close()
    subject = (sizes["subjects"] + sizes["slots"]) / SUBJECTS
    recording = (sum(sizes.values()) - sizes["subjects"] - sizes["slots"]) / SUBJECTS
    return [
        Result("key table, a subject", subject, "B", target=100, better="lower", note=f"{SUBJECTS:,} subjects in random order"),
        Result("key table, a recording", recording, "B", note="its wrapped key, its label of 3 bytes, its owner, both ways"),
    ]


def _lookups(table: KeyTable, ids: list[bytes]) -> Result:
    times = [_timed(lambda id_=id_: table.key(id_)) for id_ in random.Random(2).sample(ids, LOOKUPS)]
    p50 = statistics.median(times) * 1e6
    note = f"p99 {statistics.quantiles(times, n=100)[98] * 1e6:.0f} us; the register is asked, two keys are unwrapped"
    return Result("key of a recording, p50", p50, "us", target=200, better="lower", note=note)


def _shreds(table: KeyTable, subjects: list[bytes]) -> list[Result]:
    shredding = _timed(lambda: table.shred_subjects(subjects))
    scrubbing = _timed(table.scrub)
    return [
        Result(f"shred {SHREDDED:,} subjects, until inaccessible", shredding, "s", target=1, better="lower", note="a recording each"),
        Result(f"shred {SHREDDED:,} subjects, scrubbed", shredding + scrubbing, "s", target=10, better="lower"),
    ]


def _rotation(table: KeyTable) -> Result:
    start = time.perf_counter()
    done = table.rotate(AT)
    ours = done.rewrapped / (time.perf_counter() - start)
    old, new, nonce, tie, keys = AESGCMSIV(bytes(32)), AESGCMSIV(secrets.token_bytes(32)), bytes(12), bytes(40), 100_000
    wrapped = old.encrypt(nonce, bytes(32), tie)
    bare = _timed(lambda: [new.encrypt(nonce, old.decrypt(nonce, wrapped, tie), tie) for _ in range(keys)])
    note = "each batch of 50,000 durable"
    return Result("rotation of an epoch", ours, "keys/s", keys / bare, "the two AES-GCM-SIV calls alone", 150_000, note=note)


def _timed(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
