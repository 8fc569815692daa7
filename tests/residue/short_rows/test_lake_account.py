"""Every byte of a Parquet file is accounted for, whoever wrote it how, and a value that no row has is not."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expunge.ports.optional.placing import LiveRows
from expunge.ports.optional.row_accounts import FileHolds, TableFile
from expunge.residue.short_rows.account_reader import open_account

VALUES: tuple[tuple[Any, Callable[[random.Random], object]], ...] = (
    (pa.int8(), lambda draw: draw.randrange(-99, 99)),
    (pa.int32(), lambda draw: draw.randrange(5000)),
    (pa.int64(), lambda draw: draw.randrange(10**12)),
    (pa.bool_(), lambda draw: draw.random() < 0.5),
    (pa.string(), lambda draw: "long words " * draw.randrange(30) + str(draw.randrange(9))),
    (pa.binary(), lambda draw: draw.randbytes(draw.randrange(5))),
    (pa.binary(4), lambda draw: draw.randbytes(4)),
    (pa.float32(), lambda draw: draw.choice([0.0, -0.0, 1.5, draw.random()])),
    (pa.float64(), lambda draw: draw.choice([0.0, float("nan"), draw.random()])),
    (pa.date32(), lambda draw: dt.date(2020, 1, 1) + dt.timedelta(draw.randrange(900))),
    (pa.timestamp("us"), lambda draw: draw.randrange(10**15)),
    (pa.decimal128(7, 2), lambda draw: Decimal(draw.randrange(99999)) / 100),
    (pa.list_(pa.int32()), lambda draw: [draw.randrange(9) for _ in range(draw.randrange(4))]),
    (pa.struct([("a", pa.int16()), ("b", pa.string())]), lambda draw: {"a": draw.randrange(9), "b": draw.choice([None, "x"])}),
)


def written(path: Path, draw: random.Random) -> int:
    """Write a file of any form; return how many rows it has."""
    rows = draw.choice([0, 1, 7, 8, 9, 300, 3000])
    columns = {}
    for number in range(draw.randrange(1, 6)):
        kind, value = draw.choice(VALUES)
        columns[f"c{number}"] = pa.array([None if draw.random() < 0.15 else value(draw) for _ in range(rows)], kind)
    pq.write_table(
        pa.table(columns),
        path,
        compression=draw.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"]),
        use_dictionary=draw.random() < 0.6,
        data_page_version=draw.choice(["1.0", "2.0"]),
        write_page_index=draw.random() < 0.5,
        row_group_size=draw.choice([50, 1000, 10**6]),
        data_page_size=draw.choice([100, 5000, 2**20]),
        write_statistics=draw.random() < 0.8,
        write_page_checksum=draw.random() < 0.3,
        dictionary_pagesize_limit=draw.choice([100, 2**20]),
    )
    return rows


def account(path: Path) -> tuple[int, set[str]]:
    with closing(open_account([TableFile(path, str(path), FileHolds.LAKE)])) as reader:  # type: ignore[type-var]
        parts = list(reader.parts())  # type: ignore[union-attr]
    return sum(len(each.rows) for each in parts if isinstance(each, LiveRows)), {
        each.why for each in parts if not isinstance(each, LiveRows)
    }


@pytest.mark.parametrize("seed", [number if number < 8 else pytest.param(number, marks=pytest.mark.soak) for number in range(150)])
def test_any_file_is_accounted_for(tmp_path: Path, seed: int) -> None:
    rows = written(tmp_path / "any.parquet", random.Random(seed))
    assert account(tmp_path / "any.parquet") == (rows, set())


def test_an_entry_of_a_dictionary_that_no_row_has_is_not_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    pq.write_table(pa.table({"a": pa.array([7, 8, 7, 8], pa.int32())}), path, compression="none", write_statistics=False)
    data = path.read_bytes()
    assert account(path) == (4, set())
    # the codes of the four rows: one run of packed bits
    at = data.index(bytes([0x01, 0x03, 0b1010]))
    path.write_bytes(data[:at] + bytes([0x01, 0x03, 0b0000]) + data[at + 3 :])
    assert account(path) == (4, {"dictionary entry of no row"})


def test_bytes_behind_the_values_of_a_page_are_not_accounted_for(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    table = pa.table({"a": pa.array([7, 8, 9], pa.int32())}, schema=pa.schema([pa.field("a", pa.int32(), nullable=False)]))
    pq.write_table(table, path, compression="none", write_statistics=False, use_dictionary=False)
    data = path.read_bytes()
    # of the page's header: how many values there are
    at = data.index((7).to_bytes(4, "little"))
    head = data.index(bytes([0x15, 6]), 4)
    assert head < at
    path.write_bytes(data[:head] + bytes([0x15, 4]) + data[head + 2 :])
    assert account(path)[1] <= {"slack", "damaged page"}
    assert account(path)[1]
