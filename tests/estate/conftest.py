from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest

from expunge import Expunge
from expunge.servers.postgres import PostgresServer
from expunge.servers.seaweedfs import SeaweedServer
from tests.estate.estate import Estate, build

pytest.register_assert_rewrite("tests.estate.troubles")
_numbers = count(1)


@pytest.fixture
def estate(tmp_path: Path, postgres_server: PostgresServer, seaweed: SeaweedServer, database: str) -> Iterator[Estate]:
    """A company of six children over real servers, initialised, with state in a folder."""
    seaweed.start()
    made = build(tmp_path / "estate", postgres_server, seaweed, database, f"estate-{next(_numbers)}")
    made.write_map()
    Expunge.init(made.map)
    yield made
    seaweed.start()
    with_bucket = made.s3()
    for page in with_bucket.get_paginator("list_object_versions").paginate(Bucket=made.bucket):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            with_bucket.delete_object(Bucket=made.bucket, Key=each["Key"], VersionId=each["VersionId"])
    # Or its volumes stay, and the server has no room for those of the next; a slow answer is asked for twice.
    with suppress(with_bucket.exceptions.NoSuchBucket):
        with_bucket.delete_bucket(Bucket=made.bucket)
    with_bucket.close()
