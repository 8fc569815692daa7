"""Views of staff: durable entries a second where many reviewers watch at once, the first view of a lease, and a decision at a fetch."""

from __future__ import annotations

import os
import secrets
import sqlite3
import statistics
import tempfile
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from bench.result import Result
from expunge.bootstrap import Expunge
from expunge.core.accounts.staff import JobFunction
from expunge.core.journal.review_events import LeaseBegun, ReviewRequested, ViewServed
from expunge.core.journal.review_words import CaseKind, Clarity, ReviewPurpose, Room, Sound
from expunge.core.review.request import Reviews
from expunge.core.values.ids import Pseudonym
from expunge.engine.kernel.journal_streams import REVIEWS, register
from expunge.engine.review.review_stream import ReviewStream
from expunge.engine.review.view_log import ViewLog

HERE = Path(__file__).resolve().parent
WATCHING, EACH, FIRST = 256, 40, 100
_SEALED = True
MAP = """\
version: 1
state: ./state
identities: {profile: {dataset: profiles, key: profile_id}}
stores: {app: {kind: sqlite, url: "sqlite:///app.db"}}
retention: {seen: {period: 30 days, from: closed_at, purpose: show who rang, need: contract}}
datasets:
  profiles: {store: app, table: profiles, subject: {profile: profile_id}, retention: seen}
"""


def run() -> list[Result]:
    """Measure; ten seconds."""
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        with closing(sqlite3.connect(folder / "app.db")) as database:
            database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY, closed_at TEXT)")
        (folder / "expunge.yaml").write_text(MAP)
        Expunge.init(folder / "expunge.yaml")
        with Expunge.open(folder / "expunge.yaml") as opened:
            leases = [secrets.token_hex(8) for _ in range(WATCHING + FIRST)]
            for start in range(0, len(leases), WATCHING):
                register(opened.context.journal, REVIEWS, *_begun(opened, leases[start : start + WATCHING]))
            log = ViewLog(opened.context, ReviewStream(opened.context.journal), timedelta(minutes=1))
            firsts = [_timed(log, lease) for lease in leases[WATCHING:]]
            for lease in leases[:WATCHING]:
                log.enter(lease, _view(lease))
            return [_together(opened, log, leases[:WATCHING], folder), _first(firsts)]


def _begun(opened: Expunge, leases: list[str]) -> list[ReviewRequested | LeaseBegun]:
    now, until = opened.context.clock.now(), opened.context.clock.now() + timedelta(hours=1)
    events: list[ReviewRequested | LeaseBegun] = []
    for lease in leases:
        request, reviewer = secrets.token_hex(8), secrets.token_hex(16)
        events.append(
            ReviewRequested(
                now, request, reviewer, JobFunction.REVIEWER, ReviewPurpose.HARM, CaseKind.SUPPORT, "LE-88", "doorbell", "ab" * 16, _SEALED,
                (Pseudonym("cd" * 16),), 0, 600_000, Clarity.CLEAR, Sound.MUTE, until, "", not _SEALED, "",
            )
        )  # fmt: skip
        events.append(LeaseBegun(now, lease, request, until, Clarity.PIXELATED, Sound.MUTE, by_family=False, session="", policy=""))
    return events


def _view(lease: str) -> object:
    def conclude(reviews: Reviews, number: int) -> ViewServed:
        running = reviews.leases[lease]
        asked = reviews.requests[running.begun.request].asked
        return ViewServed(
            running.begun.at, number, lease, asked.request, asked.reviewer, asked.function, asked.purpose, asked.case_kind,
            asked.case_number, ("10000000-0000-4000-8000-000000000000",), asked.dataset, asked.recording, asked.subjects, number * 2000,
            number * 2000 + 2000, running.clarity, running.sound, Room.INDOOR, not _SEALED, "5a" * 32,
        )  # fmt: skip

    return conclude


def _timed(log: ViewLog, lease: str) -> float:
    began = time.perf_counter()
    log.enter(lease, _view(lease))  # type: ignore[arg-type]
    return time.perf_counter() - began


def _together(opened: Expunge, log: ViewLog, leases: list[str], folder: Path) -> Result:
    """As many reviewers as leases, each fetching as soon as the fetch before was entered."""
    start = threading.Barrier(len(leases) + 1)

    def watch(lease: str) -> None:
        start.wait()
        for _ in range(EACH):
            log.enter(lease, _view(lease))  # type: ignore[arg-type]

    threads = [threading.Thread(target=watch, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    start.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    ours, count = time.perf_counter() - began, len(leases) * EACH
    views = [data for data in opened.context.journal.read(REVIEWS) if b'"ViewServed"' in data][-count:]
    return Result(
        name=f"views of staff entered, {len(leases)} reviewers at once",
        ours=count / ours,
        unit="events/s",
        other=count / _raw(folder / "raw", views, len(leases)),
        other_name="append and fsync of the same bytes in batches of as many",
        target=5_000,
        note="each durable in the journal before its first byte; the log commits to all of them once a second",
    )


def _raw(path: Path, views: list[bytes], batch: int) -> float:
    began = time.perf_counter()
    with path.open("ab", buffering=0) as raw:
        for at in range(0, len(views), batch):
            os.write(raw.fileno(), b"".join(views[at : at + batch]))
            os.fsync(raw.fileno())
    return time.perf_counter() - began


def _first(seconds: list[float]) -> Result:
    return Result(
        name="first view of a lease entered, p50",
        ours=statistics.median(seconds) * 1000,
        unit="ms",
        note="two appends to the journal and an entry of the log under a signed checkpoint",
    )
