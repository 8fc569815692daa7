"""A real Redis server on a free port of loopback, started for whoever asks and stopped at the end."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from expunge.servers.processes import LOOPBACK, Child, free_ports, tail, wait_until


@pytest.fixture(scope="session")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("Debian's redis-server is not installed (scripts/debian-redis does, as root)")
    folder = tmp_path_factory.mktemp("redis")
    port, server = _started(program, folder)
    try:
        yield port
    finally:
        server.kill()


def _started(program: str, folder: Path) -> tuple[int, Child]:
    """A server that answers; on another port where somebody took the first one meanwhile."""
    for _ in range(5):
        (port,) = free_ports(1)
        command = [program, "--port", str(port), "--bind", LOOPBACK, "--dir", str(folder), "--save", "", "--appendonly", "no"]
        server = Child(command, folder / "log", folder, os.environ, signal.SIGKILL)
        try:
            with redis.Redis(LOOPBACK, port) as client:
                if wait_until(lambda: _answers(client) or not server.running(), 60) and server.running():  # noqa: B023 - asked at once
                    return port, server
        except BaseException:
            server.kill()
            raise
        server.kill()
    pytest.fail(tail(folder / "log"))


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False


@pytest.fixture
def stream(redis_port: int) -> Iterator[redis.Redis]:
    """A client of an empty server."""
    with redis.Redis(LOOPBACK, redis_port) as client:
        client.flushall()
        yield client
