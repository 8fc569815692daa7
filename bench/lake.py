"""How fast rows of a few people leave a lake of Parquet files, beside what others do with the same files in the same run.

Two layouts, two codecs. *Clustered*: the 80 rows of a person lie together; *unsorted*: they lie anywhere, so that nearly every row group
holds some. A tenth of a per cent of the people goes. Everybody gets the list of files that hold them and finds the rows in these files by
reading the identifiers; nobody syncs. The best of three rounds counts, in which all take turns; processor seconds are in the notes.
"""

from __future__ import annotations

import base64
import itertools
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.writer import convert_to_deltalake

from bench.result import Result
from expunge.stores.parquet.rewrite import file_rewrite

ROWS, GROUP, EACH, FAN_OUT = 40_000, 8_000, 80, 128
FILES, ROUNDS, FRACTION = 10, 3, 0.001
THREADS = 2
WORDS = [f"{first}{last}" for first in ("ba", "ki", "lor", "mun", "pe", "stra") for last in ("ding", "lo", "mer", "na", "sh", "tic", "vy")]
OURS = "expunge"


def identifier(number: int) -> str:
    return base64.b32encode(random.Random(number).randbytes(20)).decode()


def table(people: np.ndarray, names: list[str], seed: int) -> pa.Table:
    """One file's rows: an identifier, a device, a time, a place, a text, an embedding."""
    rng, count = np.random.default_rng(seed), len(people)
    words = np.array(WORDS)[rng.integers(0, len(WORDS), (count, 12))]
    vectors = pa.array(rng.normal(size=count * FAN_OUT).astype("f4"))
    return pa.table(
        {
            "subject_id": pa.array(np.array(names)[people]),
            "device": pa.array([f"speaker-{each}" for each in rng.integers(0, 40, count)]),
            "at": pa.array(1_700_000_000_000_000 + rng.integers(0, 10**13, count), pa.timestamp("us")),
            "latitude": rng.uniform(47, 55, count),
            "text": pa.array([" ".join(each) for each in words]),
            "embedding": pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype="i4") * FAN_OUT), vectors),
        }
    )


@dataclass
class Lake:
    """Files of one layout and codec, and the people who go."""

    folder: Path
    codec: str
    gone: list[str]
    files: list[Path] = field(default_factory=list)

    def affected(self) -> list[Path]:
        wanted = pa.array(self.gone)
        held = (pq.read_table(each, columns=["subject_id"])["subject_id"] for each in self.files)
        return [each for each, ids in zip(self.files, held, strict=True) if pc.any(pc.is_in(ids, wanted)).as_py()]


def made_lake(folder: Path, codec: str, *, clustered: bool, dictionary: bool | list[str] = True, files: int = FILES) -> Lake:
    people = files * ROWS // EACH
    names = [identifier(each) for each in range(people)]
    rows = np.repeat(np.arange(people), EACH)
    if not clustered:
        np.random.default_rng(5).shuffle(rows)
    lake = Lake(folder, codec, random.Random(6).sample(names, max(1, round(people * FRACTION))))
    folder.mkdir()
    for number in range(files):
        path = folder / f"part-{number:03}.parquet"
        part = table(rows[number * ROWS : (number + 1) * ROWS], names, number)
        pq.write_table(part, path, row_group_size=GROUP, compression=codec, use_dictionary=dictionary)
        lake.files.append(path)
    return lake


def with_copy(_: Lake, files: list[Path], out: Path) -> None:
    for each in files:
        shutil.copyfile(each, out / each.name)


def with_expunge(lake: Lake, files: list[Path], out: Path) -> None:
    wanted = pa.array(lake.gone)

    def one(path: Path) -> None:
        ids = pq.read_table(path, columns=["subject_id"], use_threads=False)["subject_id"]
        rows = np.flatnonzero(pc.is_in(ids, wanted))
        edges = np.searchsorted(rows, np.arange(0, len(ids) + GROUP, GROUP))
        pairs = enumerate(itertools.pairwise(edges))
        drop = {group: rows[low:high] - group * GROUP for group, (low, high) in pairs if high > low}
        file_rewrite.rewrite(path, out / path.name, drop, threads=1)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, files))


def with_pyarrow(lake: Lake, files: list[Path], out: Path) -> None:
    wanted = pa.array(lake.gone)
    for each in files:
        whole = pq.read_table(each)
        left = whole.filter(pc.invert(pc.is_in(whole["subject_id"], wanted)))
        pq.write_table(left, out / each.name, row_group_size=GROUP, compression=lake.codec)


def with_duckdb(lake: Lake, files: list[Path], out: Path) -> None:
    connection = duckdb.connect(config={"threads": THREADS})
    connection.execute("CREATE TABLE gone AS SELECT unnest($1) AS subject_id", [lake.gone])
    for each in files:
        connection.execute(
            f"COPY (SELECT * FROM '{each}' WHERE subject_id NOT IN (SELECT subject_id FROM gone)) "
            f"TO '{out / each.name}' (FORMAT parquet, CODEC '{lake.codec}', ROW_GROUP_SIZE {GROUP})"
        )
    connection.close()


def with_polars(lake: Lake, files: list[Path], out: Path) -> None:
    for each in files:
        left = pl.read_parquet(each).filter(~pl.col("subject_id").is_in(lake.gone))
        left.write_parquet(out / each.name, compression=lake.codec, row_group_size=GROUP)


def with_delta(lake: Lake, _: list[Path], out: Path) -> None:
    quoted = ", ".join(f"'{each}'" for each in lake.gone)
    DeltaTable(out).delete(f"subject_id IN ({quoted})")


WAYS: dict[str, Callable[[Lake, list[Path], Path], None]] = {
    OURS: with_expunge,
    "pyarrow": with_pyarrow,
    "DuckDB": with_duckdb,
    "Polars": with_polars,
    "delta-rs": with_delta,
    "cp": with_copy,
}


def turn(way: str, lake: Lake, files: list[Path], out: Path) -> tuple[float, float]:
    """Wall and processor seconds of one way, once; what it wrote is looked at for the first round of ours, then removed."""
    out.mkdir()
    if way == "delta-rs":
        for each in lake.files:
            shutil.copyfile(each, out / each.name)
        convert_to_deltalake(out)
    wall, cpu = time.perf_counter(), time.process_time()
    WAYS[way](lake, files, out)
    taken = time.perf_counter() - wall, time.process_time() - cpu
    if way == OURS:
        for each in files:
            _check(each, out / each.name, lake)
    shutil.rmtree(out)
    return taken


def _check(before: Path, after: Path, lake: Lake) -> None:
    whole = pq.read_table(before)
    expected = whole.filter(pc.invert(pc.is_in(whole["subject_id"], pa.array(lake.gone))))
    if not pq.read_table(after).equals(expected, check_metadata=True):
        raise RuntimeError("the rewritten file is not what it should be")


def measure(lake: Lake, scratch: Path, rounds: int = ROUNDS) -> dict[str, tuple[float, float]]:
    """Best wall and processor seconds of each way."""
    files = lake.affected()
    best: dict[str, tuple[float, float]] = {}
    for _ in range(rounds):
        for way in WAYS:
            wall, cpu = turn(way, lake, files, scratch / "out")
            old = best.get(way, (wall, cpu))
            best[way] = (min(old[0], wall), min(old[1], cpu))
    return best


def run() -> list[Result]:
    """Measure; some minutes, and about 600 MB of disk."""
    results = []
    for clustered in (True, False):
        for codec in ("zstd", "snappy"):
            with tempfile.TemporaryDirectory() as name:
                lake = made_lake(Path(name, "lake"), codec, clustered=clustered)
                taken = measure(lake, Path(name))
            results += _results("clustered" if clustered else "unsorted", codec, taken)
    return results


def _results(layout: str, codec: str, taken: dict[str, tuple[float, float]]) -> list[Result]:
    peers = {way: each for way, each in taken.items() if way not in {OURS, "cp"}}
    best = min(peers, key=lambda way: peers[way][0])
    note = ", ".join(f"{way} {wall:.2f} s ({cpu:.2f} s of processor)" for way, (wall, cpu) in taken.items())
    name = f"0.1 % of the people out of a lake, {layout}, {codec}"
    target = 0.5 if layout == "clustered" else 1.0
    ours = taken[OURS][0]
    rows = [Result(name, ours, "s", peers[best][0], best, target, of="ratio", better="lower", note=note)]
    copy_target = 8.0 if layout == "clustered" else None
    rows.append(Result(f"{name}, beside copying", ours, "s", taken["cp"][0], "cp", copy_target, of="ratio", better="lower"))
    return rows
