"""The ladder of a lake in a folder, with and without one rung: one person's rows, what others leave beside files, and a reader at work."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec
from expunge.core.values.copy import Selector
from expunge.core.values.ids import IdempotencyKey, Pseudonym
from expunge.core.values.outcome import Absent, Erased, Reason, Unable
from expunge.durable import TEMPORARY_PREFIX
from expunge.stores.parquet import ladder as parquet_ladder
from expunge.stores.parquet.store import Parquet
from expunge.testing.people import Person, person
from expunge.testing.plain_search import search

RUNGS = tuple((rung.name, rung.why) for rung in parquet_ladder.RUNGS)
EVENTS = Dataset("events", "lake", ByField({"person": "person"}), "life", layout=PathLayout(("events/day={day}/{part}.parquet",)))
KEY = IdempotencyKey("k")


@contextmanager
def ready() -> Iterator[Callable[[str, bool], list[str]]]:
    """A folder and a person for each run."""
    numbers = count(1)
    with tempfile.TemporaryDirectory(prefix="expunge-ladder-") as name:
        yield lambda rung, left_out: stays(Path(name, str(next(numbers))), person(f"lake-{next(numbers)}"), rung if left_out else "")


def stays(root: Path, one: Person, left_out: str) -> list[str]:
    """Erase the person and climb, perhaps without one rung; where bytes of theirs lie after the store said that they are gone."""
    day = root / "events" / "day=1"
    day.mkdir(parents=True)
    plain = {"compression": "none", "use_dictionary": False}
    pq.write_table(pa.table({"person": [one.id, "else"], "text": [one.text, "other"]}), day / "a.parquet", **plain)
    reader = (day / "a.parquet").open("rb")
    assert _lying(root, one, reader.fileno())
    with closing(Parquet(StoreSpec("lake", "parquet", str(root)), (EVENTS,))) as store:
        copies = list(store.locate(EVENTS, [Selector(Pseudonym("p"), {"person": frozenset({one.id})})]))
        assert all(isinstance(each, Erased) for each in store.erase(EVENTS, copies, KEY).values())
        # What others did badly, and a run that was killed.
        (root / "events" / "_metadata").write_bytes(one.text.encode())
        os.utime(root / "events" / "_metadata", ns=(1, 1))
        (day / f".{one.id}.parquet.crc").write_bytes(b"crc")
        (day / f"{TEMPORARY_PREFIX}0123").write_bytes(one.text.encode())
        with _without(left_out):
            answer = store.purge((EVENTS,), KEY)
            if isinstance(answer, Unable) and answer.reason is Reason.READER_OPEN:
                reader.close()
                answer = store.purge((EVENTS,), KEY)
            assert isinstance(answer, Erased | Absent)
    found = _lying(root, one, -1 if reader.closed else reader.fileno())
    reader.close()
    return found


def _lying(root: Path, one: Person, handle: int) -> list[str]:
    found = search([root], [*one.marks, one.id])
    if handle >= 0 and any(mark.encode() in os.pread(handle, 1 << 20, 0) for mark in one.marks):
        found.append("content in an open file")
    return found


@contextmanager
def _without(rung: str) -> Iterator[None]:
    before = parquet_ladder.RUNGS
    parquet_ladder.RUNGS = tuple(each for each in before if each.name != rung)
    assert not rung or len(parquet_ladder.RUNGS) == len(before) - 1
    try:
        yield
    finally:
        parquet_ladder.RUNGS = before
