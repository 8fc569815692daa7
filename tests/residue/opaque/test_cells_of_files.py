"""Each value of a column of bytes in a Parquet, ORC or Arrow file is accounted for by itself."""

from __future__ import annotations

import gzip
import io
import random
import zlib
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc

from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits
from expunge.residue.opaque.account import account
from expunge.residue.opaque.stretches import Unread
from tests.attacks.test_opaque import age, jpeg, zipped

READABLE = [jpeg(), gzip.compress(b"text " * 50, mtime=0), b"text " * 30, bytes(16), zipped(jpeg()), None, b""] * 5
DEFLATED = zlib.compress(b"a letter of some length, as people write it" + bytes(range(256)), wbits=-15)
UNREAD = [age(), age(300), DEFLATED]
WRITTEN: dict[str, tuple[str, dict[str, Any]]] = {
    "parquet": ("parquet", {}),
    "parquet plain": ("parquet", {"use_dictionary": False, "compression": "none"}),
    "parquet lengths": ("parquet", {"use_dictionary": False, "column_encoding": {"payload": "DELTA_LENGTH_BYTE_ARRAY"}}),
    "parquet prefixes": ("parquet", {"use_dictionary": False, "column_encoding": {"payload": "DELTA_BYTE_ARRAY"}}),
    "parquet groups": ("parquet", {"compression": "zstd", "row_group_size": 7, "data_page_version": "2.0"}),
    "orc": ("orc", {}),
    "orc zlib": ("orc", {"compression": "zlib"}),
    "old orc": ("orc", {"file_version": "0.11", "compression": "zstd"}),
    "arrow": ("arrow", {"compression": "uncompressed"}),
    "arrow lz4": ("arrow", {"compression": "lz4"}),
    "arrow zstd": ("arrow", {"compression": "zstd", "chunksize": 9}),
}


def rows(values: list[bytes | None], kind: pa.DataType) -> pa.Table:
    count, vectors = len(values), np.random.default_rng(1).standard_normal((len(values), 64)).astype(np.float32)
    return pa.table(
        {
            "n": list(range(count)),
            "said": [f"text {number} of some length. " * 5 for number in range(count)],
            "payload": pa.array(values, kind),
            "vector": pa.array(list(vectors), pa.list_(pa.float32(), 64)),
            "pairs": pa.array([[1.5, 2.5], []] * (count // 2) + [None] * (count % 2)),
            "word": pa.array(["x"] * count).dictionary_encode(),
            "nested": pa.array([{"a": 1, "b": True}] * count),
        }
    )


def written(table: pa.Table, form: str, options: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, out, **options)
    elif form == "orc":
        orc.write_table(table.drop_columns(["vector", "word"]), out, **options)
    else:
        feather.write_feather(table, out, **options)
    return out.getvalue()


def left(data: bytes) -> Unread:
    return account(MemorySlice(data), "rows.bin", Limits())


@pytest.mark.parametrize("case", WRITTEN)
def test_a_value_that_nobody_can_read_is_left_and_all_others_are_explained(case: str) -> None:
    form, options = WRITTEN[case]
    assert left(written(rows(READABLE, pa.binary()), form, options)) == Unread()
    for value in UNREAD:
        found = left(written(rows([*READABLE, value], pa.binary()), form, options))
        assert found.counts, (case, found)


@pytest.mark.parametrize("form", ["parquet", "arrow"])
@pytest.mark.parametrize(
    "values",
    [
        pa.array([age(300), None, b"s"], pa.large_binary()),
        pa.array([random.Random(1).randbytes(64)] * 3, pa.binary(64)),
        pa.array([[age(300)], [], None], pa.list_(pa.binary())),
        pa.array([{"a": None, "b": age(300)}]),
        pa.array([age(300), b"s", age(300)]).dictionary_encode(),
    ],
    ids=["large", "of one width", "in lists", "in structures", "in dictionaries"],
)
def test_it_is_left_in_whatever_column_of_bytes_it_lies(form: str, values: pa.Array) -> None:
    assert left(written(pa.table({"payload": values}), form, {})).counts


def test_it_is_left_in_a_view_and_in_a_file_within_an_archive() -> None:
    views = written(pa.table({"payload": pa.array([age(300), b"s"], pa.binary_view())}), "arrow", {})
    assert left(views).counts
    assert left(gzip.compress(written(rows([age(300)], pa.binary()), "parquet", {}), mtime=0)).counts


@pytest.mark.parametrize("case", ["arrow", "arrow lz4"])
def test_an_arrow_file_that_is_cut_or_goes_on_is_no_explanation(case: str) -> None:
    whole = written(rows(READABLE, pa.binary()), *WRITTEN[case])
    assert left(whole[:-200]).opaque
    assert left(whole[:-10] + age(5000) + whole[-10:]).opaque
