"""How fast the rows of many people are found in a lake, with the locate index and without, beside polars and DuckDB in the same run.

1.6 million rows in 40 files of five row groups, 80 rows for each of 20,000 people: *clustered* (a person's rows lie together) and
*unsorted* (they lie anywhere). Everybody answers the same question, which rows of which files are theirs, into columns in memory, and
every answer is counted. All take turns; the best of the rounds counts, since what else runs on a machine only ever adds.
"""

from __future__ import annotations

import gc
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from bench.result import Result
from expunge.adapters.files.index_files import FileIndex
from expunge.core.datamap.datamap import ByField, Dataset, PathLayout
from expunge.core.values.copy import Selector
from expunge.core.values.ids import Pseudonym
from expunge.stores.parquet.lake.index_recall import IndexRecall
from expunge.stores.parquet.lake.lake_files import LakeLayout, LocalLake
from expunge.stores.parquet.lake.search import LakeSearch

PEOPLE, EACH, FILES, GROUPS = 20_000, 80, 40, 5
ROUNDS = 7
FIELD = "subject_id"
KEY = bytes(32)
EVENTS = Dataset("events", "lake", ByField({"person": FIELD}), "bench", layout=PathLayout(("{part}.parquet",)))


def build(folder: Path, layout: str, names: Sequence[str]) -> None:
    rng = np.random.default_rng(1)
    rows = PEOPLE * EACH // FILES
    everybody = np.repeat(np.arange(PEOPLE), EACH)
    if layout == "unsorted":
        everybody = rng.permutation(everybody)
    known = np.array(names)
    for number in range(FILES):
        mine = everybody[number * rows : (number + 1) * rows]
        columns = {
            FIELD: known[mine],
            "at": rng.integers(0, 1 << 40, rows),
            "device": rng.integers(0, 9, rows),
            "load": rng.normal(size=rows),
        }
        pq.write_table(pa.table(columns), folder / f"part-{number:03}.parquet", row_group_size=rows // GROUPS, compression="zstd")


class Ours:
    """The search of the store, as its ``locate`` uses it."""

    def __init__(self, folder: Path, index: FileIndex | None) -> None:
        self._lake = LocalLake("lake", folder)
        self._layout = LakeLayout.of_lake(EVENTS)
        self._index = index

    def __call__(self, wanted: Sequence[Selector]) -> int:
        recall = IndexRecall(self._index, KEY, EVENTS.name) if self._index is not None else None
        owners, parts, rows, _ = LakeSearch(self._lake, self._layout, (self._layout,), recall).find(wanted).rows()
        assert len(owners) == len(parts) == len(rows)
        return len(rows)


def polars_finds(folder: Path, wanted: Sequence[str]) -> int:
    found = pl.scan_parquet(folder / "*.parquet", include_file_paths="file").with_row_index("row")
    return found.filter(pl.col(FIELD).is_in(list(wanted))).select(FIELD, "file", "row").collect().height


def duckdb_finds(folder: Path, wanted: Sequence[str]) -> int:
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.register("wanted", pa.table({"id": list(wanted)}))
        sql = f"SELECT {FIELD}, filename, file_row_number FROM read_parquet('{folder}/*.parquet', filename=true, file_row_number=true)"
        return connection.sql(f"{sql} SEMI JOIN wanted ON {FIELD} = id").to_arrow_table().num_rows


def best(ways: dict[str, Callable[[], int]], expected: int) -> dict[str, tuple[float, float]]:
    """Milliseconds of the best round of each, and those of processor time in the round that took least of it."""
    taken: dict[str, tuple[float, float]] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            gc.collect()
            begin, used = time.perf_counter(), time.process_time()
            found = way()
            spent, used = (time.perf_counter() - begin) * 1000, (time.process_time() - used) * 1000
            if found != expected:
                message = f"{name} found {found} rows instead of {expected}"
                raise RuntimeError(message)
            before = taken.get(name, (spent, used))
            taken[name] = min(spent, before[0]), min(used, before[1])
    return taken


def run() -> list[Result]:
    """Measure; half a minute."""
    rng = random.Random(2)
    names = [rng.randbytes(16).hex() for _ in range(PEOPLE)]
    results = []
    for layout in ("unsorted", "clustered"):
        with tempfile.TemporaryDirectory() as top:
            folder, index = Path(top, "lake"), FileIndex(Path(top, "index"))
            folder.mkdir()
            build(folder, layout, names)
            # A file that was written a moment ago is never taken from the index.
            time.sleep(2.1)
            learned = time.perf_counter()
            Ours(folder, index)([Selector(Pseudonym("s"), {FIELD: frozenset(names[:1])})])
            learned = time.perf_counter() - learned
            size = sum(path.stat().st_size for path in Path(top, "index").rglob("*") if path.is_file())
            for count in (1, 1_000, 10_000):
                some = rng.sample(names, count)
                wanted = [Selector(Pseudonym(f"s{number}"), {FIELD: frozenset({name})}) for number, name in enumerate(some)]
                ways: dict[str, Callable[[], int]] = {
                    "scan": lambda wanted=wanted, folder=folder: Ours(folder, None)(wanted),
                    "index": lambda wanted=wanted, folder=folder, index=index: Ours(folder, index)(wanted),
                    "polars": lambda some=some, folder=folder: polars_finds(folder, some),
                    "DuckDB": lambda some=some, folder=folder: duckdb_finds(folder, some),
                }
                taken = best(ways, count * EACH)
                peer = min("polars", "DuckDB", key=taken.__getitem__)
                peers = ", ".join(f"{each} {taken[each][0]:.0f} ms ({taken[each][1]:.0f})" for each in ("polars", "DuckDB"))
                for way, target in (("scan", 80.0), ("index", 30.0)):
                    name = f"locate {count:,} of {PEOPLE:,} people in 1.6 M rows, {layout}, " + ("index" if way == "index" else "no index")
                    note = f"processor time {taken[way][1]:.0f} ms; {peers}" + (
                        f"; index built in {learned:.1f} s, {size / 1e6:.1f} MB" if way == "index" else ""
                    )
                    goal = target if count == 10_000 else None
                    results.append(
                        Result(name, taken[way][0], "ms", other=taken[peer][0], other_name=peer, target=goal, better="lower", note=note)
                    )
    return results
