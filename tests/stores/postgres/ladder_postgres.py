"""The ladder of PostgreSQL with and without one rung, over one real server and a fresh database each time."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg

from expunge.core.values.outcome import Erased
from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.stores.postgres.ladder import abandoned_files, ladder_climb
from tests.stores.postgres.postgres_crowd import SETTINGS, TABLES, VICTIM, connected, forget, lying, populate, served, token

RUNGS = tuple((each.name, each.why) for each in ladder_climb.RUNGS)
AWAY = 1.0
"""Seconds after which the other session of ``put_aside`` ends, where the climb waits for it."""


@contextmanager
def ready() -> Iterator[Callable[[str, bool], list[str]]]:
    """A server that logs into files of its own and keeps statements. Raises ServerFailed where it is not installed."""
    numbers = count(1)
    folder = Path(tempfile.mkdtemp(prefix="expunge-ladder-"))
    try:
        with running_postgres(folder, settings=SETTINGS) as server:
            yield lambda rung, left_out: stays(server, f"ladder_{next(numbers)}", rung, left_out)
    finally:
        shutil.rmtree(folder)


def stays(server: PostgresServer, name: str, rung: str, left_out: bool) -> list[str]:
    """Erase the person from a new database and climb, perhaps without one rung; where something of them lies after success."""
    url = server.database(name)
    try:
        with ExitStack() as held:
            with connected(url) as connection:
                populate(connection)
            if rung == "abandoned":
                _killed_at_work(server, url)
            connection = held.enter_context(connected(url))
            session = _another_session(url) if rung == "put_aside" else None
            forget(connection)
            climbed = held.enter_context(served(url, lock_ms=20_000))
            assert lying(server, url)
            if session is not None:
                # Where the climb does not wait for it, it is there until the search is over.
                timer = threading.Timer(AWAY, session.close)
                held.callback(session.close if left_out else timer.join)
                if not left_out:
                    timer.start()
            with without(rung if left_out else ""):
                assert isinstance(ladder_climb.climb(climbed, TABLES), Erased)
            return lying(server, url)
    finally:
        server.drop(name)
        clear(server)


@contextmanager
def without(rung: str) -> Iterator[None]:
    """Leave one rung out of the ladder; none when it is empty."""
    before = ladder_climb.RUNGS
    ladder_climb.RUNGS = tuple(each for each in before if each.name != rung)
    assert not rung or len(ladder_climb.RUNGS) == len(before) - 1
    try:
        yield
    finally:
        ladder_climb.RUNGS = before


def _killed_at_work(server: PostgresServer, url: str) -> None:
    """A process of the server is killed while it makes a table with the person in it; the server ends all others and recovers."""
    other = psycopg.connect(url)
    other.execute("CREATE TABLE half AS SELECT * FROM people")
    with connected(url) as connection:
        connection.execute("CHECKPOINT")
    with psycopg.connect(url, autocommit=True) as bystander:
        os.kill(other.info.backend_pid, signal.SIGKILL)
        other.close()
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                # until the server ends this session as well: only then does it recover
                bystander.execute("SELECT pg_sleep(0.05)")
    # The ladder takes a file for left behind once it is older than clocks may differ.
    time.sleep(abandoned_files._CLOCKS + 0.5)
    while True:
        with contextlib.suppress(psycopg.OperationalError), connected(url):
            return
        time.sleep(0.1)


def _another_session(url: str) -> psycopg.Connection:
    """Somebody copies the person into a temporary table larger than memory meant for such."""
    session = psycopg.connect(url, autocommit=True)
    session.execute("SET temp_buffers = '800kB'")
    session.execute("CREATE TEMPORARY TABLE mine AS SELECT p.*, n FROM people p, generate_series(1, 400) AS n WHERE p.id = %s", (VICTIM,))
    assert session.execute("SELECT count(*) FROM mine WHERE email = %s", (token("email"),)).fetchone() == (400,)
    return session


def clear(server: PostgresServer) -> None:
    """Let nothing of one run be found by the next: all runs are about the same words."""
    with connected(server.url) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
    with served(server.url) as climbed, connected(server.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS nothing ()")
        ladder_climb.climb(climbed, ("public.nothing",))
