"""Deleting 100 of 100,000 objects from a real S3 server: finding them by a listing, deleting every version, looking whether they are gone.

The other side does the least that would do: it lists with obstore, picks the keys by comparing one part of each, and deletes them with
boto3 in one call. It looks at nothing afterwards, knows no versions, no uploads and no locks. Both take turns against one server.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import boto3
import obstore
from obstore.store import S3Store

from bench.result import Result
from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Erased
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs
from expunge.stores.s3.store import S3

OBJECTS = 100_000
EACH = 10
"""Objects of one person."""
LEAVING = 10
"""People that one order names."""
ROUNDS = 3
HERE = Path(__file__).resolve().parent
BY_DAY = "voice/{day}/{profile_id}/{recording_id}.flac"
BY_PERSON = "voice/{profile_id}/{recording_id}.flac"


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name, running_seaweedfs(Path(name)) as server:
        return [_by_day(server), _by_person(server)]


def _by_day(server: SeaweedServer) -> Result:
    """The person stands in the middle of the key: everything has to be listed."""
    bare = Bare(server, "by-day")
    people = OBJECTS // EACH
    _fill(bare.store, [f"voice/d{number % 30:02d}/p{number % people:05d}/r{number:06d}.flac" for number in range(OBJECTS)])
    ours, other = _rounds(server, "by-day", BY_DAY, lambda leaving: bare.delete("voice/", 2, set(leaving)))
    return Result(
        name=f"S3: {LEAVING * EACH} of {OBJECTS:,} objects found by listing and deleted",
        ours=ours,
        unit="s",
        other=other,
        other_name="obstore list, boto3 delete_objects, nothing checked",
        target=1.5,
        of="ratio",
        better="lower",
        note="keys as voice/DAY/PERSON/RECORDING; ours also asks for versions, locks and uploads, and lists again what was deleted",
    )


def _by_person(server: SeaweedServer) -> Result:
    """The key begins with the person: only their prefixes are listed."""
    bare = Bare(server, "by-person")
    people = 2000
    _fill(bare.store, [f"voice/p{number % people:05d}/r{number:06d}.flac" for number in range(people * EACH)])

    def other(leaving: Sequence[str]) -> None:
        bare.delete("voice/", 1, set(leaving))

    ours, whole = _rounds(server, "by-person", BY_PERSON, other)
    return Result(
        name=f"S3: {LEAVING * EACH} of {people * EACH:,} objects whose keys begin with the person",
        ours=ours,
        unit="s",
        other=whole,
        other_name="the same bare listing of everything",
        better="lower",
        note="ours lists the prefixes of those people alone: the time does not grow with the bucket",
    )


class Bare:
    """The client libraries by themselves."""

    def __init__(self, server: SeaweedServer, bucket: str) -> None:
        self.bucket = bucket
        keys = {"aws_access_key_id": server.access_key, "aws_secret_access_key": server.secret_key, "region_name": server.region}
        self.client = boto3.client("s3", endpoint_url=server.endpoint, **keys)
        self.client.create_bucket(Bucket=bucket)
        self.store = S3Store(
            bucket,
            endpoint=server.endpoint,
            access_key_id=server.access_key,
            secret_access_key=server.secret_key,
            region=server.region,
            client_options={"allow_http": True},
        )

    def delete(self, prefix: str, part: int, people: set[str]) -> None:
        keys = [
            each["path"] for page in obstore.list(self.store, prefix=prefix) for each in page if each["path"].split("/")[part] in people
        ]
        assert len(keys) == LEAVING * EACH
        self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})


def _rounds(server: SeaweedServer, bucket: str, path: str, bare: Callable[[Sequence[str]], None]) -> tuple[float, float]:
    """Medians in seconds, ours and the other's, over other people each time."""
    dataset = Dataset("voice", "media", ByField({"profile": "profile_id"}), "voice", layout=PathLayout((path,)))
    options = {"endpoint": server.endpoint, "access_key": server.access_key, "secret_key": server.secret_key}
    taken: dict[str, list[float]] = {"ours": [], "bare": []}
    for turn in range(ROUNDS):
        leaving = [f"p{turn * 100 + number:05d}" for number in range(2 * LEAVING)]
        begin = time.perf_counter()
        with closing(S3(StoreSpec("media", "s3", f"s3://{bucket}", options), (dataset,))) as store:
            selectors = [Selector(Pseudonym(each), {"profile_id": frozenset({each})}) for each in leaving[:LEAVING]]
            answers = store.erase(dataset, list(store.locate(dataset, selectors)), IdempotencyKey("bench"))
        taken["ours"].append(time.perf_counter() - begin)
        assert [answer.items for answer in answers.values() if isinstance(answer, Erased)] == [EACH] * LEAVING
        begin = time.perf_counter()
        bare(leaving[LEAVING:])
        taken["bare"].append(time.perf_counter() - begin)
    return statistics.median(taken["ours"]), statistics.median(taken["bare"])


def _fill(store: S3Store, keys: Sequence[str]) -> None:
    async def fill() -> None:
        gate = asyncio.Semaphore(32)

        async def one(key: str) -> None:
            async with gate:
                await obstore.put_async(store, key, b"x" * 200)

        await asyncio.gather(*(one(key) for key in keys))

    asyncio.run(fill())
