"""How fast the ages of 10 million dated rows are told: what a preview of retention asks, beside the same count by plain SQL.

Times lie anywhere in three years, so that no row group lies between two edges and nothing is saved from reading; once more with rows in
the order of their times, as logs are written, where footers answer for most of them. The best of three rounds counts.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from bench.result import Result
from expunge.core.datamap.datamap import ByField, Dataset, PathLayout, StoreSpec, TableLayout
from expunge.servers.postgres import running_postgres
from expunge.stores.parquet.store import Parquet
from expunge.stores.postgres.store import Postgres

ROWS, FILES, GROUP, ROUNDS, TARGET_S = 10_000_000, 10, 100_000, 3, 5.0
START = datetime(2023, 1, 1, tzinfo=UTC)
SPAN_S = 3 * 365 * 86_400
EDGES = [START + timedelta(days=30 * each) for each in range(1, 37)]
PERSON = ByField({"person": "person"})


def run() -> Iterator[Result]:
    """Both stores."""
    with tempfile.TemporaryDirectory() as folder:
        for name, ordered in (("anywhere", False), ("in order", True)):
            yield _lake(Path(folder) / f"lake-{ordered}", name, ordered=ordered)
        yield _table(Path(folder) / "postgres")


def _lake(folder: Path, name: str, *, ordered: bool) -> Result:
    folder.mkdir()
    rng = np.random.default_rng(7)
    at = rng.integers(0, SPAN_S * 1_000_000, ROWS) + int(START.timestamp()) * 1_000_000
    if ordered:
        at.sort()
    for number in range(FILES):
        part = slice(number * (ROWS // FILES), (number + 1) * (ROWS // FILES))
        people = pa.array(rng.integers(0, 100_000, ROWS // FILES))
        table = pa.table({"person": people, "recorded_at": pa.array(at[part], pa.timestamp("us", "UTC"))})
        pq.write_table(table, folder / f"part-{number}.parquet", row_group_size=GROUP, compression="zstd")
    dataset = Dataset("clips", "lake", PERSON, "voice", layout=PathLayout(("{part}.parquet",)))
    edges = ", ".join(f"count(*) FILTER (WHERE recorded_at < TIMESTAMPTZ '{each.isoformat()}')" for each in EDGES)
    with closing(Parquet(StoreSpec("lake", "parquet", str(folder)), (dataset,))) as store, closing(duckdb.connect()) as other:
        ours = _best(lambda: _checked(sum(store.ages(dataset, "recorded_at", EDGES).items)))
        theirs = _best(lambda: other.execute(f"SELECT {edges} FROM '{folder}/*.parquet'").fetchall())
    note = f"{FILES} files of {ROWS // FILES:,} rows, row groups of {GROUP:,}, {len(EDGES) + 1} buckets"
    title = f"retention preview, 10 M rows in Parquet, times {name}"
    return Result(title, ours, "s", theirs, "DuckDB", TARGET_S, "ours", "lower", note)


def _table(folder: Path) -> Result:
    dataset = Dataset("clips", "app", PERSON, "voice", layout=TableLayout("clips"))
    with running_postgres(folder) as server:
        url = server.database("bench")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE UNLOGGED TABLE clips (id bigint, person bigint, recorded_at timestamptz)")
            rows = "SELECT n, n %% 100000, %s::timestamptz + random() * %s * interval '1 second' FROM generate_series(1, %s) AS n"
            connection.execute(f"INSERT INTO clips {rows}", (START, SPAN_S, ROWS))
            connection.execute("VACUUM ANALYZE clips")
            with closing(Postgres(StoreSpec("app", "postgres", url), (dataset,))) as store:
                ours = _best(lambda: _checked(sum(store.ages(dataset, "recorded_at", EDGES).items)))
            sql = "SELECT date_trunc('month', recorded_at), count(*) FROM clips GROUP BY 1"
            theirs = _best(lambda: connection.execute(sql).fetchall())
    note = f"one table without an index over the time, {len(EDGES) + 1} buckets; beside it: counted by month"
    return Result("retention preview, 10 M rows in PostgreSQL", ours, "s", theirs, "date_trunc", TARGET_S, "ours", "lower", note)


def _checked(rows: int) -> None:
    if rows != ROWS:
        message = f"counted {rows} of {ROWS} rows"
        raise AssertionError(message)


def _best(act: Callable[[], object]) -> float:
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        act()
        taken.append(time.perf_counter() - start)
    return min(taken)
