"""Lineage: events a second through the real server, in batches and one by one; adding them up; following a large graph."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import tempfile
import threading
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.result import Result
from expunge.adapters.host.gc_tuning import RelaxedCollector
from expunge.bootstrap.pipelines import LineageDoor
from expunge.core.journal.access_tokens import TokenScope
from expunge.core.lineage.lineage_graph import Edge, EdgeKind, Lineage
from expunge.core.lineage.observations import Observation, RunStage, add_up
from expunge.core.lineage.undeclared_lineage import gaps
from tests.core.maps import voice_company
from tests.web.serving import Served, company, serving

BATCH, BATCHES = 500, 40
SINGLES, SENDERS = 4_000, 8
NODES, EDGES = 100_000, 500_000
HERE = Path(__file__).resolve().parent


def run() -> list[Result]:
    # Not in the system's temporary folder: that may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        token = company(folder)
        with serving(folder, token) as served:
            batches = _batches(served)
            singles = _singles(served)
        return [*batches, *singles, *_read(folder), *_closure(), *_gaps()]


def event(number: int) -> dict[str, Any]:
    """1.2 KiB: two inputs, one output, five columns; a thousand jobs over a few thousand tables."""
    here = {"namespace": "postgres://db.example.org:5432"}
    source = {**here, "name": f"app.public.t{number % 997}"}
    fields = {f"c{n}": {"inputFields": [{**source, "field": f"f{n}"}]} for n in range(5)}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-03-01T12:00:00.000Z",
        "run": {"runId": str(uuid.UUID(int=random.Random(number).getrandbits(128)))},
        "job": {"namespace": "nightly", "name": f"job.{number % 1000}", "facets": {"sql": {"query": "select " + "x" * 300}}},
        "inputs": [source, {**here, "name": f"app.public.u{number % 501}"}],
        "outputs": [{**here, "name": f"app.public.o{number % 2003}", "facets": {"columnLineage": {"fields": fields}}}],
    }


def _cpu_of(served: Served) -> float:
    """Seconds of processor time that the server, its worker and the keeper that it started have taken."""
    ticks, server = 0, served.process.pid
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parts = (folder / "stat").read_text().rpartition(")")[2].split()
            if folder.name.isdigit() and server in (int(parts[1]), int(parts[2])):
                ticks += int(parts[11]) + int(parts[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _send(served: Served, bodies: list[bytes]) -> None:
    parts = urlsplit(served.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {served.token}"}
    for body in bodies:
        connection.request("POST", "/api/v1/lineage", body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise RuntimeError(said)
    connection.close()


def _timed(served: Served, groups: list[list[bytes]]) -> tuple[float, float]:
    """Seconds by the clock and of the server's processor time for some senders side by side."""
    senders = [threading.Thread(target=_send, args=(served, group)) for group in groups]
    used, start = _cpu_of(served), time.perf_counter()
    for each in senders:
        each.start()
    for each in senders:
        each.join()
    return time.perf_counter() - start, _cpu_of(served) - used


def _batches(served: Served) -> list[Result]:
    bodies = [json.dumps([event(number * BATCH + n) for n in range(BATCH)]).encode() for number in range(BATCHES)]
    clock, used = _timed(served, [bodies])
    count = BATCH * BATCHES
    size = len(bodies[0]) // BATCH
    note = f"{BATCH} events of {size} bytes a request, one sender; each answer after an fsync; {count / clock:,.0f}/s by the clock"
    return [Result("lineage events in batches, a second of one core", count / used, "events/s", target=2_000, note=note)]


def _singles(served: Served) -> list[Result]:
    each = SINGLES // SENDERS
    base = BATCH * BATCHES
    groups = [[json.dumps(event(base + who * each + n)).encode() for n in range(each)] for who in range(SENDERS)]
    clock, used = _timed(served, groups)
    note = f"{SENDERS} senders; those that wait at once share an fsync; {SINGLES / clock:,.0f}/s by the clock"
    return [Result("lineage events, one a request, a second of one core", SINGLES / used, "events/s", note=note)]


def _read(folder: Path) -> list[Result]:
    with LineageDoor.open(folder / "expunge.yaml") as door:
        assert door.issue("bench", TokenScope.LINEAGE, timedelta(days=1))
        start = time.process_time()
        flows = len(door.sightings().flows)
        taken = time.process_time() - start
    count = BATCH * BATCHES + SINGLES
    size = sum(path.stat().st_size for path in (folder / "state").glob("state.db*"))
    note = f"{count:,} events, {flows:,} flows; the state has {size // count} bytes an event"
    return [Result("reading and adding up observed lineage", count / taken, "events/s", note=note)]


def _closure() -> list[Result]:
    rng = random.Random(1)
    names = [f"d{number}" for number in range(NODES)]
    edges = []
    for _ in range(EDGES):
        source = rng.randrange(NODES - 1)
        target = min(NODES - 1, source + 1 + int(rng.expovariate(1 / 2000)))
        edges.append(Edge(names[source], names[target], EdgeKind.DERIVED))
    best, reached = 1e9, 0
    for _ in range(3):
        graph = Lineage(tuple(names), tuple(edges))
        start = time.process_time()
        reached = len(graph.descendants(names[:10]))
        best = min(best, time.process_time() - start)
    note = f"{reached:,} datasets reached; the index of a fresh graph is made in it"
    return [Result(f"lineage closure, {NODES:,} datasets, {EDGES:,} edges", best, "s", target=1.0, better="lower", note=note)]


def _gaps() -> list[Result]:
    """A graph of that size as pipelines tell it: a quarter of a million runs with two inputs and one output, a few over the map's own."""
    rng = random.Random(1)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    observations = []
    for number in range(EDGES // 2):
        source = rng.randrange(NODES - 1)
        target = min(NODES - 1, source + 1 + int(rng.expovariate(1 / 2000)))
        first = "sqlite:///app.db/transcripts" if source < 8 else f"s3://lake/{source - 7}"
        ends = (first, f"s3://lake/{source}"), (f"s3://lake/{target}",)
        observations.append(Observation(f"r{number}", at, RunStage.COMPLETE, f"j{number % 1000}", *ends))
    relaxed = RelaxedCollector()
    seen = add_up(observations)
    start = time.process_time()
    found = gaps(voice_company(), seen)
    taken = time.process_time() - start
    relaxed.end()
    note = f"{sum(1 for each in found.unknown if each.sources):,} of {len(found.unknown):,} datasets found to be made from the map's"
    return [Result(f"what a map lacks of {NODES:,} observed datasets, {EDGES:,} edges", taken, "s", better="lower", note=note)]
