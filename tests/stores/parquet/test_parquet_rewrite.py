"""Rows leave a Parquet file: what stays is the same to every reader, and of what went no byte is left."""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.errors import CouldNotLook
from expunge.stores.parquet.format import footer as footers
from expunge.stores.parquet.format.pages import content, decompress, walk
from expunge.stores.parquet.format.thrift import dump, parse
from expunge.stores.parquet.rewrite.file_rewrite import RewriteResult, rewrite

CODECS = ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]
TOKEN = 24


def token(rng: random.Random) -> str:
    """Text that is nowhere else."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=TOKEN))


def column(kind: str, count: int, rng: random.Random) -> pa.Array:
    """Values of one kind, with nulls where the kind has them."""
    numbers = [rng.getrandbits(62) for _ in range(count)]
    some = [None if each % 7 == 0 else each for each in numbers]
    tokens = [token(rng) for _ in range(count)]
    pairs = list(zip(some, tokens, strict=True))
    made: dict[str, Any] = {
        "token": lambda: pa.array(tokens),
        "maybe_token": lambda: pa.array([None if each is None else text for each, text in zip(some, tokens, strict=True)]),
        "few": lambda: pa.array([f"kind {each % 4}" for each in numbers]),
        "runs": lambda: pa.array([f"person {place // 9}" for place in range(count)]),
        "sorted": lambda: pa.array(sorted(numbers)),
        "int32": lambda: pa.array([None if each is None else each % 2**31 for each in some], pa.int32()),
        "uint64": lambda: pa.array([each * 3 for each in numbers], pa.uint64()),
        "bool": lambda: pa.array([None if each is None else each % 3 == 0 for each in some]),
        "float": lambda: pa.array([float("nan") if each % 11 == 0 else each / 2**40 for each in numbers], pa.float32()),
        "double": lambda: pa.array([rng.gauss(0, 1) for _ in numbers]),
        "half": lambda: pa.array(np.array(numbers, "f8").astype("f4").view("f2")[::2]),
        "time": lambda: pa.array([each % 10**15 for each in numbers], pa.timestamp("us", "UTC")),
        "date": lambda: pa.array([each % 20000 for each in numbers], pa.date32()),
        "decimal": lambda: pa.array(numbers, pa.int64()).cast(pa.decimal128(30, 2)),
        "uuid": lambda: pa.array([text.encode()[:16] for text in tokens], pa.binary(16)),
        "bytes": lambda: pa.array([text.encode() * (each % 3) for each, text in zip(numbers, tokens, strict=True)], pa.binary()),
        "null": lambda: pa.nulls(count),
        "vector": lambda: pa.array([[rng.gauss(0, 1) for _ in range(12)] for _ in numbers], pa.list_(pa.float32())),
        "long": lambda: pa.array([[text] * (70 if each % 5 == 0 else 1) for each, text in zip(numbers, tokens, strict=True)]),
        "list": lambda: pa.array([None if n is None else [t if k else None for k in range(n % 4)] for n, t in pairs]),
        "lists": lambda: pa.array([[list(range(j)) for j in range(each % 4)] for each in numbers]),
        "struct": lambda: pa.array([None if n is None else {"a": n, "b": [{"c": t}] * (n % 3)} for n, t in pairs]),
        "map": lambda: pa.array([[(f"{t}{k}", n) for k in range((n or 0) % 3)] for n, t in pairs], pa.map_(pa.string(), pa.int64())),
        "category": lambda: pa.array([f"c{each % 5}" for each in numbers]).dictionary_encode(),
    }  # fmt: skip
    return made[kind]()


KINDS = [
    "token", "maybe_token", "few", "runs", "sorted", "int32", "uint64", "bool", "float", "double", "half", "time", "date", "decimal",
    "uuid", "bytes", "null", "vector", "long", "list", "lists", "struct", "map", "category",
]  # fmt: skip


def table(kinds: list[str], count: int, seed: int) -> pa.Table:
    rng = random.Random(seed)
    return pa.table({kind: column(kind, count, rng) for kind in kinds}, metadata={"made by": "a test"})


def written(whole: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(whole, file, **{"row_group_size": 100, "write_batch_size": 16, **options})
    return file.getvalue()


def dropped(data: bytes, gone: list[int], **options: Any) -> tuple[bytes, RewriteResult]:
    """The file without rows that are numbered through all row groups."""
    drop: dict[int, np.ndarray] = {}
    for number, group in enumerate(footers.read(io.BytesIO(data)).row_groups):
        rows = [each - group.first_row for each in gone if group.first_row <= each < group.first_row + group.rows]
        if rows:
            drop[number] = np.array(rows)
    target = io.BytesIO()
    done = rewrite(io.BytesIO(data), target, drop, **options)
    return target.getvalue(), done


def plainly(whole: pa.Table) -> pa.Table:
    """Dictionaries depend on the order in which values come; the values are compared."""
    for place, field in enumerate(whole.schema):
        if pa.types.is_dictionary(field.type):
            whole = whole.set_column(place, field.name, whole[field.name].cast(field.type.value_type))
    return whole


def same(one: pa.Table, other: pa.Table) -> bool:
    """Equal, NaN to NaN as well."""
    if not one.schema.equals(other.schema, check_metadata=True):
        return False
    one, other = plainly(one), plainly(other)
    pairs = zip(one, other, strict=True)
    return all(left.equals(right) or repr(left.to_pylist()) == repr(right.to_pylist()) for left, right in pairs)


def without(whole: pa.Table, gone: list[int]) -> pa.Table:
    keep = np.ones(len(whole), bool)
    keep[gone] = False
    return whole.filter(pa.array(keep))


def everything(data: bytes) -> Iterator[bytes]:
    """The file as it is, and every page of it unpacked."""
    yield data
    for group in footers.read(io.BytesIO(data)).row_groups:
        for chunk in group.chunks:
            for page in walk(chunk, memoryview(data)[chunk.start : chunk.start + chunk.size]):
                yield (
                    content(page, chunk.leaf, chunk.codec).body.tobytes()
                    if page.is_data
                    else decompress(chunk.codec, page.body, int(page.header.value(2))).tobytes()
                )


def texts(value: Any) -> Iterator[bytes]:
    """All tokens inside a value."""
    if isinstance(value, str | bytes):
        raw = value.encode() if isinstance(value, str) else value
        if len(raw) >= 16:
            yield raw[:16]
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


def left_over(data: bytes, whole: pa.Table, gone: list[int]) -> list[bytes]:
    """Texts of the rows that went which are still somewhere in the file."""
    wanted = {each for row in whole.take(gone).to_pylist() for value in row.values() for each in texts(value)}
    wanted -= {each for row in without(whole, gone).to_pylist() for value in row.values() for each in texts(value)}
    found = list(everything(data))
    return [each for each in wanted if any(each in part for part in found)]


def true_bounds(data: bytes) -> bool:
    """Whether the bounds of all chunks hold what is in them, and are values that are in them."""
    file = pq.ParquetFile(io.BytesIO(data))
    for number in range(file.num_row_groups):
        rows = file.read_row_group(number)
        for place in range(file.metadata.num_columns):
            about = file.metadata.row_group(number).column(place)
            if "." in about.path_in_schema or about.statistics is None:
                continue
            values = plainly(rows.select([about.path_in_schema]))[0]
            stats = about.statistics
            if stats.has_null_count and stats.null_count != values.null_count:
                return False
            if stats.has_min_max and not pa.types.is_null(values.type) and not pa.types.is_floating(values.type):
                low, high = pc.min_max(values).as_py().values()
                if (stats.min, stats.max) != (low, high):
                    return False
    return True


def placed(data: bytes) -> bool:
    """Whether all page indexes say where the pages lie and which rows they hold, and claim bounds for each."""
    for group in footers.read(io.BytesIO(data)).row_groups:
        for chunk in group.chunks:
            if chunk.offset_index is None:
                continue
            locations = parse(data[chunk.offset_index[0] :][: chunk.offset_index[1]])[0].value(1)
            at, row, found = chunk.start, 0, []
            for page in walk(chunk, memoryview(data)[chunk.start : chunk.start + chunk.size]):
                if page.is_data:
                    found.append((at, page.size, row))
                    row += content(page, chunk.leaf, chunk.codec).levels.rows
                at += page.size
            if found != [(each.value(1), each.value(2), each.value(3)) for each in locations] or row != group.rows:
                return False
            if chunk.column_index is not None:
                index = parse(data[chunk.column_index[0] :][: chunk.column_index[1]])[0]
                if not len(index.value(1)) == len(index.value(2)) == len(index.value(3)) == len(found):
                    return False
    return True


some_rows = st.sets(st.integers(0, 249), min_size=1, max_size=120)


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4, unique=True),
    seed=st.integers(0, 2**20),
    gone=some_rows | st.integers(0, 240).map(lambda first: set(range(first, first + 9))) | st.just(set(range(100, 200))),
    codec=st.sampled_from(CODECS),
    version=st.sampled_from(["1.0", "2.0"]),
    page=st.sampled_from([64, 700, 100_000]),
    flags=st.tuples(*[st.booleans()] * 4),
)
def test_what_stays_is_the_same_and_what_went_is_nowhere(
    kinds: list[str], seed: int, gone: set[int], codec: str, version: str, page: int, flags: tuple[bool, ...]
) -> None:
    whole = table(kinds, 250, seed)
    dictionary, index, checksum, threads = flags
    data = written(
        whole, compression=codec, data_page_version=version, data_page_size=page, use_dictionary=dictionary,
        write_page_index=index, write_page_checksum=checksum,
    )  # fmt: skip
    rows = sorted(gone)
    after, done = dropped(data, rows, threads=2 if threads else 1)
    read = pq.read_table(io.BytesIO(after), page_checksum_verification=checksum)
    assert same(read, without(pq.read_table(io.BytesIO(data)), rows))
    assert (done.rows, done.erased) == (250 - len(rows), len(rows))
    assert not left_over(after, whole, rows)
    assert true_bounds(after)
    assert placed(after)


def one_of_each(count: int = 300) -> pa.Table:
    """No half floats: not every reader has them. One null and one NaN column kind suffices for all readers."""
    return table([kind for kind in KINDS if kind not in {"half", "category", "null", "float"}], count, 4)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", CODECS)
def test_other_readers_see_the_same(codec: str, version: str, tmp_path: Path) -> None:
    whole, rows = one_of_each(), [0, 1, 2, 50, 120, 121, 199, 299]
    after, _ = dropped(written(whole, compression=codec, data_page_version=version, data_page_size=500), rows)
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    ours.write_bytes(after)
    pq.write_table(without(whole, rows), theirs)
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT * FROM '{ours}'").fetchall() == connection.execute(f"SELECT * FROM '{theirs}'").fetchall()
    assert pl.read_parquet(ours).equals(pl.read_parquet(theirs))


@pytest.mark.parametrize(
    ("kind", "encoding"),
    [
        ("int32", "DELTA_BINARY_PACKED"), ("sorted", "DELTA_BINARY_PACKED"), ("time", "DELTA_BINARY_PACKED"),
        ("token", "DELTA_LENGTH_BYTE_ARRAY"), ("maybe_token", "DELTA_BYTE_ARRAY"), ("runs", "DELTA_BYTE_ARRAY"),
        ("uuid", "DELTA_BYTE_ARRAY"),
        ("double", "BYTE_STREAM_SPLIT"), ("int32", "BYTE_STREAM_SPLIT"), ("uuid", "BYTE_STREAM_SPLIT"), ("vector", "BYTE_STREAM_SPLIT"),
        ("bool", "RLE"),
    ],
)  # fmt: skip
def test_encodings_stay_what_they_are(kind: str, encoding: str) -> None:
    whole, rows = table([kind], 300, 8), [0, 3, 4, 5, 99, 150, 299]
    name = "vector.list.element" if kind == "vector" else kind
    data = written(
        whole, use_dictionary=False, column_encoding={name: encoding}, data_page_size=300, data_page_version="2.0", compression="none"
    )
    after, _ = dropped(data, rows)
    assert same(pq.read_table(io.BytesIO(after)), without(pq.read_table(io.BytesIO(data)), rows))
    assert encoding in pq.ParquetFile(io.BytesIO(after)).metadata.row_group(0).column(0).encodings
    assert not left_over(after, whole, rows)


@pytest.mark.parametrize("writer", ["duckdb", "polars"])
def test_files_of_other_writers(writer: str, tmp_path: Path) -> None:
    whole, rows = one_of_each(500), [0, 7, 8, 9, 300, 498]
    path, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    if writer == "polars":
        pl.from_arrow(whole).write_parquet(path, row_group_size=200, data_page_size=400)  # type: ignore[union-attr]
    else:
        flat = whole.drop_columns(["map"])
        with duckdb.connect() as connection:
            connection.register("flat", flat)
            connection.execute(f"COPY flat TO '{path}' (FORMAT parquet, PARQUET_VERSION v2, ROW_GROUP_SIZE 2048)")
    data = path.read_bytes()
    after, _ = dropped(data, rows)
    target.write_bytes(after)
    assert same(pq.read_table(target), without(pq.read_table(path), rows))
    assert not left_over(after, pq.read_table(path), rows)
    assert true_bounds(after)


def test_a_dictionary_that_names_each_value_once_is_given_up_where_it_held_an_erased_value() -> None:
    whole = pa.table({"number": pa.array(range(10**15, 10**15 + 12_000))})
    data = written(whole, row_group_size=6_000, write_batch_size=500, compression="zstd", write_page_index=True)
    after, _ = dropped(data, [17])
    assert same(pq.read_table(io.BytesIO(after)), without(whole, [17]))
    first, second = (pq.ParquetFile(io.BytesIO(after)).metadata.row_group(each).column(0) for each in (0, 1))
    assert (first.has_dictionary_page, second.has_dictionary_page) == (False, True)
    assert (10**15 + 17).to_bytes(8, "little") not in b"".join(everything(after))
    assert placed(after)


def test_row_groups_that_lose_nothing_are_the_same_bytes_with_their_indexes_and_filters() -> None:
    whole = table(["token", "int32", "vector"], 300, 2)
    data = written(whole, write_page_index=True, bloom_filter_options={"token": {"ndv": 100}})
    after, done = dropped(data, [150])
    assert (done.groups_copied, done.groups_spliced) == (2, 1)
    before_groups, after_groups = (footers.read(io.BytesIO(each)).row_groups for each in (data, after))
    for number in (0, 2):
        for old, new in zip(before_groups[number].chunks, after_groups[number].chunks, strict=True):
            assert data[old.start : old.start + old.size] == after[new.start : new.start + new.size]
            assert old.statistics == new.statistics
            if old.bloom:
                assert new.bloom
                assert new.bloom[1]
                assert data[old.bloom[0] :][: new.bloom[1]] == after[new.bloom[0] :][: new.bloom[1]]
    assert before_groups[1].chunks[0].bloom
    assert after_groups[1].chunks[0].bloom is None
    assert placed(after)


def test_row_groups_without_rows_go_and_a_file_without_rows_is_not_written(tmp_path: Path) -> None:
    data = written(table(["token", "list"], 300, 3))
    after, done = dropped(data, list(range(100, 200)))
    assert done.groups_removed == 1
    assert pq.ParquetFile(io.BytesIO(after)).num_row_groups == 2
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(data)
    assert rewrite(source, target, {each: range(100) for each in range(3)}).empty
    assert not target.exists()


def test_files_on_disk_are_written_like_those_in_memory(tmp_path: Path) -> None:
    data = written(table(["token", "vector", "map"], 300, 3), compression="zstd")
    expected, _ = dropped(data, [5, 105])
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(data)
    drop = {0: np.array([5]), 1: range(5, 6)}
    done = rewrite(source, target, drop, threads=2)
    assert target.read_bytes() == expected
    assert done.bytes_written == len(expected)
    with source.open("rb") as old, (tmp_path / "c").open("w+b") as new:
        rewrite(old, new, drop)
        assert new.tell() == len(expected)
    assert (tmp_path / "c").read_bytes() == expected


def test_a_value_in_key_value_metadata_goes_and_the_rest_stays() -> None:
    field = pa.field("id", pa.string(), metadata={"example": "anna@example.org", "unit": "none"})
    whole = pa.table({"id": ["anna@example.org", "b"]}, schema=pa.schema([field], metadata={"last": "anna@example.org", "kept": "yes"}))
    after, _ = dropped(written(whole), [0], forbidden=["anna@example.org"])
    read = pq.read_schema(io.BytesIO(after))
    assert read.metadata == {b"kept": b"yes"}
    assert read.field("id").metadata[b"unit"] == b"none"
    assert not any(b"anna@" in part for part in everything(after))
    entries = dict(footers.read(io.BytesIO(after)).key_values)
    assert set(entries) == {"kept", "ARROW:schema"}


def test_unknown_fields_of_a_footer_stay() -> None:
    data = written(table(["token"], 300, 3))
    size = int.from_bytes(data[-8:-4], "little")
    struct, _ = parse(data[-8 - size : -8])
    struct[99] = (8, b"from the future")
    footer = dump(struct)
    after, _ = dropped(data[: -8 - size] + footer + len(footer).to_bytes(4, "little") + b"PAR1", [7])
    assert footers.read(io.BytesIO(after)).struct.value(99) == b"from the future"


@pytest.mark.parametrize("rows", [[100], [-1], [3, 3], [4, 2]])
def test_rows_that_are_not_there_are_a_mistake_of_the_caller(rows: list[int]) -> None:
    data = written(table(["few"], 100, 3))
    with pytest.raises(ValueError, match="row group 0"):
        rewrite(io.BytesIO(data), io.BytesIO(), {0: np.array(rows)})


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" * 9, b"PARE" + b"\0" * 30 + b"PARE", b"not parquet at all, but long enough"])
def test_what_is_no_parquet_or_encrypted_could_not_be_looked_at(data: bytes) -> None:
    with pytest.raises(CouldNotLook):
        footers.read(io.BytesIO(data))


@pytest.mark.soak
def test_damage_is_said_never_a_surprise() -> None:
    rng, whole = random.Random(9), table(["token", "few", "int32", "list", "lists", "bool", "vector"], 200, 5)
    files = [
        written(whole, compression=codec, data_page_size=300, data_page_version=v) for codec in ("none", "snappy") for v in ("1.0", "2.0")
    ]
    refused = 0
    for _ in range(150):
        data = bytearray(rng.choice(files))
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            rewrite(io.BytesIO(data), io.BytesIO(), {0: np.array([3, 50]), 1: range(10, 30)})
        except CouldNotLook:
            refused += 1
    assert refused > 30
