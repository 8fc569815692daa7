"""The ladder of a bucket with and without one rung, over a SeaweedFS of one's own: its disk is searched, though no provider's could be."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from expunge.core.datamap.datamap import StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased
from expunge.servers.seaweedfs import SeaweedServer, running_seaweedfs
from expunge.stores.s3 import ladder as s3_ladder
from expunge.stores.s3.store import S3
from expunge.testing.people import Person, person
from expunge.testing.plain_search import contents
from tests.stores.s3.s3_company import Shelf, bucket, client, dataset, options

RUNGS = tuple((rung.name, rung.why) for rung in s3_ladder.RUNGS)
VOICE = dataset("voice", "voice/{profile_id}/{recording_id}.flac")
EVENTS = dataset("events", "events/{day}.jsonl", format="jsonl")


@contextmanager
def ready() -> Iterator[Callable[[str, bool], list[str]]]:
    """One server for all runs; a prefix and a person for each."""
    with tempfile.TemporaryDirectory(prefix="expunge-ladder-") as name, running_seaweedfs(Path(name)) as server:
        numbers = count(1)
        yield lambda rung, left_out: stays(server, person(f"ladder-{next(numbers)}"), rung, left_out)


def stays(server: SeaweedServer, one: Person, rung: str, left_out: bool) -> list[str]:
    """Erase the person and climb, perhaps without one rung; the files of the server in which bytes of theirs lie after success."""
    shelf = Shelf(server, bucket(server, "ladder"), f"{one.email[:12]}/")
    line = json.dumps({"profile_id": one.id, "said": one.blob.hex()}).encode() + b"\n"
    shelf.put(f"voice/{one.id}/1.flac", one.blob)
    shelf.put("events/1.jsonl", line + b'{"profile_id": "somebody else"}\n')
    _give_up(shelf, "events/2.jsonl", line)
    spec = StoreSpec("media", "s3", f"s3://{shelf.name}/{shelf.prefix}", options(server, vacuum=server.master))
    datasets = (VOICE, EVENTS)
    assert _lying(server, one), "the search cannot see what is there: it would prove nothing"
    with closing(S3(spec, datasets)) as store, _without(rung if left_out else ""):
        for each in datasets:
            copies = list(store.locate(each, [Selector(Pseudonym("p"), {"profile_id": frozenset({one.id})})]))
            assert all(isinstance(answer, Erased) for answer in store.erase(each, copies, IdempotencyKey("k")).values())
        assert isinstance(store.purge(datasets, IdempotencyKey("k")), Erased | Absent)
    return _lying(server, one)


def _give_up(shelf: Shelf, key: str, part: bytes) -> None:
    with client(shelf.server) as s3:
        where = {"Bucket": shelf.name, "Key": shelf.prefix + key}
        begun = s3.create_multipart_upload(**where)["UploadId"]
        s3.upload_part(**where, UploadId=begun, PartNumber=1, Body=part)


def _lying(server: SeaweedServer, one: Person) -> list[str]:
    """Bodies only: the server's own tables and logs keep names."""
    needles = (one.blob[500:532], one.blob.hex().encode()[1000:1064])
    return sorted(f"content in {path}" for path, data in contents(server.data) if any(needle in data for needle in needles))


@contextmanager
def _without(rung: str) -> Iterator[None]:
    """Leave one rung out of the ladder, none when it is empty; every upload counts as given up."""
    before, stale = s3_ladder.RUNGS, s3_ladder.STALE
    s3_ladder.RUNGS = tuple(each for each in before if each.name != rung)
    s3_ladder.STALE = timedelta(seconds=-5)
    assert not rung or len(s3_ladder.RUNGS) == len(before) - 1
    try:
        yield
    finally:
        s3_ladder.RUNGS, s3_ladder.STALE = before, stale
