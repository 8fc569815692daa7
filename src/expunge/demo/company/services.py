"""The company's servers: PostgreSQL and SeaweedFS on loopback, with their files in the world and their logs beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expunge.servers.postgres import PostgresServer, running_postgres
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs

if TYPE_CHECKING:
    import psycopg

SETTINGS = {
    # A company's server cleans up by itself; only its sizes are those of a toy.
    "autovacuum": "on",
    "shared_buffers": "16MB",
    "min_wal_size": "8MB",
    "max_wal_size": "64MB",
    "fsync": "on",
}
WAL_SEGMENT = 1
"""MiB."""


@dataclass(frozen=True)
class Services:
    """Both servers, running, with the company's database and bucket."""

    postgres: PostgresServer
    seaweed: SeaweedServer
    database: str = "lantern"
    bucket: str = "lantern-audio"

    @property
    def url(self) -> str:
        """Of the company's database."""
        return self.postgres.url.rpartition("/")[0] + f"/{self.database}"

    def connect(self, *, autocommit: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a session in the company's database."""
        # Imported late: it is an extra, and this module is read by whoever asks for `expunge demo --help`.
        import psycopg

        return psycopg.connect(self.url, autocommit=autocommit)

    def s3(self) -> Any:
        """Return a client of the company's object store."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.seaweed.endpoint,
            region_name=self.seaweed.region,
            aws_access_key_id=self.seaweed.access_key,
            aws_secret_access_key=self.seaweed.secret_key,
            config=Config(s3={"addressing_style": "path"}, max_pool_connections=8),
        )

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that the data map reads."""
        return {
            "LANTERN_DATABASE": self.url,
            "LANTERN_S3": self.seaweed.endpoint,
            "LANTERN_S3_KEY": self.seaweed.access_key,
            "LANTERN_S3_SECRET": self.seaweed.secret_key,
            "LANTERN_S3_MASTER": self.seaweed.master,
        }

    def announce(self) -> None:
        """Put the variables into the environment of this process and of those that it starts."""
        os.environ.update(self.environment)


@contextmanager
def running(folder: Path, world: Path) -> Iterator[Services]:
    """Run both for the length of the block, then stop them, however it ends.

    Args:
        folder: takes logs and the configuration.
        world: ``world/postgres`` and ``world/s3`` take the data; what lies there is used again.

    Raises:
        ServerFailed: a server is not installed, or does not start.
    """
    with ExitStack() as stack, ThreadPoolExecutor(1) as aside:
        waited = aside.submit(lambda: stack.enter_context(running_seaweedfs(folder / "seaweedfs", data=world / "s3")))
        try:
            postgres = stack.enter_context(
                running_postgres(folder / "postgres", settings=SETTINGS, data=world / "postgres", wal_segment=WAL_SEGMENT)
            )
        finally:
            # Its start cannot be broken off; what started has to be stopped.
            waited.exception()
        yield Services(postgres, waited.result())


def stopped(server: PostgresServer, place: Path) -> None:
    """Stop PostgreSQL with all its data in its files, and see that they lie in ``place``."""
    server.stop()
    if server.data != place:
        # It runs elsewhere where root may not make a user namespace.
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(server.data, place, symlinks=True)
