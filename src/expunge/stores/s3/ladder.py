"""The rungs of a bucket's purge. Each removes what deleting keys leaves. The disks of a provider are out of reach.

``docs/reference/stores/s3.md`` says what each rung removes. A test per rung shows what stays without it.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from expunge import clock, permit
from expunge.core.values.outcome import Reason, Unable
from expunge.faults import failpoint
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.deletion import BucketDeleter
from expunge.stores.tree.folder_layout import FolderLayout
from expunge.stores.tree.interface import NameTrouble
from expunge.stores.waiting import Wait

STALE = timedelta(days=7)
"""An upload to a file of many people that was begun longer ago is taken for abandoned."""
THRESHOLD = "0.000000001"
"""Share of garbage from which a volume is rewritten: any. The server's own 0.3 leaves nearly all of it, 0 rewrites what has none."""
PATIENCE = 120.0
"""Seconds for a vacuum."""
_LAG = 1.5
"""Seconds: the filer hands deleted chunks to the volumes about once a second, some time after it has answered."""


@dataclass(frozen=True)
class BucketClimb:
    """One purge of one bucket."""

    bucket: Bucket
    layouts: Sequence[FolderLayout]
    vacuum: str
    """URL of the master of a SeaweedFS of one's own; empty elsewhere."""


@dataclass(frozen=True)
class BucketRung:
    """One step of the ladder."""

    name: str
    why: str
    """What stays without it."""
    climb: Callable[[BucketClimb], int]
    """Do it; how many structures were removed or rewritten. Raises NameTrouble, OSError."""


def abandoned_uploads(way: BucketClimb) -> int:
    """Abort old uploads to files of many subjects: their parts cannot be read, and may hold records of any subject."""
    before = clock.now() - STALE
    many = [layout for layout in way.layouts if layout.dataset.format]
    if not many:
        return 0
    stale = [
        upload
        for upload in way.bucket.uploads()
        if any(layout.template_of(upload.key) for layout in many) and _moment(upload.initiated) < before
    ]
    return BucketDeleter(way.bucket).abort(stale) if stale else 0


def vacuum(way: BucketClimb) -> int:
    """Rewrite the volumes of a self-hosted SeaweedFS without deleted objects, until none has any garbage left."""
    if not way.vacuum:
        return 0
    rewritten, clean = 0, 0
    wait = Wait(PATIENCE)
    while clean < 2:
        garbage = sum(1 for volume in _volumes(way.vacuum) if volume.get("DeletedByteCount") or volume.get("DeleteCount"))
        clean = 0 if garbage else clean + 1
        if garbage:
            if wait.over():
                raise NameTrouble(Unable(Reason.LOCKED, "the vacuum of the object store does not come to an end; it is tried again"))
            permit.check()
            failpoint("s3.purge.vacuum:before")
            # commit point: volumes that were compacted replace the old ones, which are unlinked.
            _get(way.vacuum, f"/vol/vacuum?garbageThreshold={THRESHOLD}")
            failpoint("s3.purge.vacuum:after")
            rewritten += garbage
        if clean < 2:
            time.sleep(_LAG)
    return rewritten


RUNGS: tuple[BucketRung, ...] = (
    BucketRung("abandoned_uploads", "parts of uploads to files of many people that nobody will finish", abandoned_uploads),
    BucketRung("vacuum", "bodies in the volumes of a SeaweedFS of one's own", vacuum),
)
"""In the order of climbing: what is aborted is garbage for the vacuum."""


def _volumes(master: str) -> Iterator[dict[str, Any]]:
    """Every volume, as the server that has it sees it now (the master hears of it seconds later)."""
    topology = json.loads(_get(master, "/dir/status"))["Topology"]
    for center in topology.get("DataCenters") or ():
        for rack in center.get("Racks") or ():
            for node in rack.get("DataNodes") or ():
                yield from json.loads(_get(f"{urlsplit(master).scheme}://{node['Url']}", "/status")).get("Volumes") or ()


def _get(base: str, path: str) -> bytes:
    """The body of an answer 200. Raises NameTrouble."""
    url = urlsplit(base)
    made = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = made(url.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", url.path.rstrip("/") + path)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NameTrouble(Unable(Reason.UNREACHABLE, "the servers behind `vacuum:` cannot be reached")) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise NameTrouble(Unable(Reason.ERROR, f"the servers behind `vacuum:` answer {answer.status}"))
    return body


def _moment(text: str) -> datetime:
    """When an upload was begun; what cannot be read counts as just now."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return clock.now()
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
