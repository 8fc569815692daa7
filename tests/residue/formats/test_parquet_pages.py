"""What Parquet packed, cut up or put in another order is found, by a reader that shares no code with what wrote it."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.core.evidence.traces import Traces
from expunge.residue.formats.decoders import Broken, Unsupported
from expunge.residue.formats.parquet import runs
from expunge.residue.formats.parquet_thrift import ThriftReader
from expunge.residue.formats.parquet_values import delta_packed, indices, unpack
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits, TooLarge
from expunge.residue.take.tracer import Collector
from tests.residue.pg_planting import prose, token
from tests.residue.planting import MARY, found_in, look, traces_of, ways

CODECS = ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]
VECTOR = [float(each) for each in np.random.default_rng(5).uniform(-1, 1, 64)]


def whole(*tokens: str) -> Traces:
    def fill(tracer: Collector) -> None:
        for each in tokens:
            tracer.text(MARY, "notes", f"text {each}", each)

    return traces_of(fill, 1)


def vector(numbers: list[float]) -> Traces:
    return traces_of(lambda tracer: tracer.vector(MARY, "notes", "embedding", numbers), 8)


def packed_only(traces: Traces) -> set[int]:
    """Those traces of a vector that are windows of 32-bit floats as they lie in memory."""
    return {index for index, each in enumerate(traces.traces) if each.form == "float32"}


def texts(text: str, count: int = 3000) -> list[str]:
    made = [f"https://family.example/{prose(3, each)}/{each}" for each in range(count)]
    # cut to pieces by compression, and by leaving out what the value before it begins with
    made[count // 2 : count // 2] = [text[:9] + " " + text[5:20] + " " + text[12:], text[:-8] + "x", text, text + "x"]
    return made


def written(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **{"use_dictionary": False, "write_statistics": False, **options})
    return path


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "dictionary"])
def test_text_is_found_in_every_codec_and_encoding(tmp_path: Path, codec: str, version: str, encoding: str) -> None:
    text = token(1)
    how: dict[str, Any] = {"use_dictionary": True} if encoding == "dictionary" else {"column_encoding": {"a": encoding}}
    path = written(tmp_path / "a", {"a": texts(text)}, compression=codec, data_page_version=version, **how)
    hits = {each.hidden for each in found_in(path, whole(text))}
    name = {"none": "plain", "lz4": "lz4 raw"}.get(codec, codec)
    assert f"parquet {name}" in hits
    if codec not in {"none", "snappy", "lz4"} or encoding == "DELTA_BYTE_ARRAY":
        assert text.encode() not in path.read_bytes()


@pytest.mark.parametrize("codec", ["none", "snappy", "zstd"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ["PLAIN", "BYTE_STREAM_SPLIT", "dictionary"])
@pytest.mark.parametrize("listed", [True, False])
def test_vectors_are_found_in_the_order_of_the_rows(tmp_path: Path, codec: str, version: str, encoding: str, listed: bool) -> None:
    rng = random.Random(9)
    others = [[rng.choice([0.25, 0.5, -0.125, rng.uniform(-1, 1)]) for _ in range(64)] for _ in range(300)]
    # all its numbers were met before, in another order
    others[0] = sorted(VECTOR)
    rows: list[Any] = [*others[:150], VECTOR, None, *others[150:]] if listed else [*chain(*others[:9]), *VECTOR, None, *chain(*others[9:])]
    kind = pa.list_(pa.float32()) if listed else pa.float32()
    name = "v.list.element" if listed else "v"
    how: dict[str, Any] = {"use_dictionary": True} if encoding == "dictionary" else {"column_encoding": {name: encoding}}
    how |= {"compression": codec, "data_page_version": version, "data_page_size": 4096, "write_batch_size": 33}
    path = written(tmp_path / "a", {"v": pa.array(rows, kind)}, **how)
    traces = vector(VECTOR)
    assert packed_only(traces)
    assert packed_only(traces) <= look(path, traces).seen
    if encoding != "PLAIN":
        assert np.array(VECTOR, dtype="<f4").tobytes() not in path.read_bytes()


def test_whole_numbers_that_are_written_as_differences_are_found(tmp_path: Path) -> None:
    rng = random.Random(3)
    numbers = [rng.getrandbits(62) for _ in range(5000)]
    path = written(tmp_path / "a", {"n": pa.array(numbers, pa.int64())}, compression="none", column_encoding={"n": "DELTA_BINARY_PACKED"})
    traces = traces_of(lambda tracer: tracer.blob(MARY, "notes", "n", io.BytesIO(np.array(numbers[2345:2353]).tobytes())), 8)
    assert "parquet plain" in ways(path, traces)
    assert numbers[2345].to_bytes(8, "little") not in path.read_bytes()


def test_recordings_and_archives_in_values_are_opened(tmp_path: Path) -> None:
    text = token(2)
    blob = gzip.compress((" ".join(token(each, "f") for each in range(900)) + text).encode())
    path = written(tmp_path / "a", {"b": pa.array([b"x", blob], pa.binary())}, compression="zstd")
    assert any(each.startswith("parquet zstd > gzip@") for each in ways(path, whole(text)))


def test_nested_and_fixed_columns_are_read(tmp_path: Path) -> None:
    text = token(4)
    rows = [{"a": [{"b": t, "c": [1.5, None]}], "d": None} for t in texts(text, 500)]
    fixed = pa.array([text.encode()[:20]] * len(rows), pa.binary(20))
    path = written(tmp_path / "a", {"r": rows, "f": fixed}, compression="zstd", column_encoding={"f": "BYTE_STREAM_SPLIT"})
    assert "parquet zstd" in ways(path, whole(text))
    assert "parquet zstd" in ways(path, whole(text[:20]))


def test_statistics_indexes_and_metadata_lie_open(tmp_path: Path) -> None:
    first, other = token(5), token(6)
    table = pa.table({"a": ["!" + first, "~"]}).replace_schema_metadata({"who": other})
    pq.write_table(table, tmp_path / "a", compression="zstd", write_page_index=True)
    assert "plain" in ways(tmp_path, whole(first))
    assert "plain" in ways(tmp_path, whole(other))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, str]:
    text = token(7)
    path = tmp_path_factory.mktemp("lake") / "a"
    columns = {"a": texts(text), "v": pa.array([VECTOR] * 3004, pa.list_(pa.float32()))}
    encodings = {"a": "DELTA_BYTE_ARRAY", "v.list.element": "BYTE_STREAM_SPLIT"}
    return written(path, columns, compression="snappy", row_group_size=700, column_encoding=encodings).read_bytes(), text


def test_a_file_inside_other_bytes_is_read(lake: tuple[bytes, str], tmp_path: Path) -> None:
    body, text = lake
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in (("first", written(tmp_path / "other", {"a": ["somebody else"] * 40}).read_bytes()), ("second", body)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    (tmp_path / "other").unlink()
    for name, data in (("tar", out.getvalue()), ("gz", gzip.compress(body)), ("lead", b"x" * 4099 + body + b"trailing" * 999)):
        (tmp_path / name).write_bytes(data)
        seen = look(tmp_path / name, whole(text))
        assert seen.found, name
        assert not seen.coverage.skipped, name


@pytest.mark.parametrize("codec", CODECS)
def test_without_a_footer_pages_are_read_and_the_damage_is_said(tmp_path: Path, codec: str) -> None:
    text = token(8)
    columns = {"a": texts(text), "v": pa.array([VECTOR] * 3004, pa.list_(pa.float32()))}
    encodings = {"a": "DELTA_BYTE_ARRAY", "v.list.element": "BYTE_STREAM_SPLIT"}
    path = written(tmp_path / "a", columns, compression=codec, column_encoding=encodings)
    path.write_bytes(path.read_bytes()[:-40])
    traces = vector(VECTOR)
    seen = look(path, whole(text))
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    assert packed_only(traces) <= look(path, traces).seen


def test_pages_that_no_footer_names_are_read(lake: tuple[bytes, str], tmp_path: Path) -> None:
    body, text = lake
    other = written(tmp_path / "b", {"a": ["somebody else"] * 40}, compression="snappy").read_bytes()
    size = int.from_bytes(body[-8:-4], "little")
    # the pages of the second file are said to be everything; those of the first lie before them
    (tmp_path / "b").unlink()
    pages, footer = body[: len(body) - 8 - size], other[4:]
    shift = len(pages)
    (tmp_path / "a").write_bytes(pages[:shift] + footer)
    assert look(tmp_path / "a", whole(text)).found


def test_what_cannot_be_read_is_said(lake: tuple[bytes, str], tmp_path: Path) -> None:
    body, text = lake
    (tmp_path / "a").write_bytes(body)
    assert dict(look(tmp_path, whole(text), Limits(decoded=1000, ratio=0)).coverage.skipped) == {"limit": 1}
    assert dict(look(tmp_path, whole(text), Limits(depth=0)).coverage.skipped) == {"limit": 1}
    place = body.index(b"https://family")
    broken = bytearray(body)
    broken[place - 40 : place + 400] = bytes(440)
    (tmp_path / "a").write_bytes(broken)
    assert "corrupt" in dict(look(tmp_path, whole(text)).coverage.skipped)


@pytest.mark.parametrize("codec", CODECS)
def test_a_table_without_rows_is_read(tmp_path: Path, codec: str) -> None:
    pq.write_table(
        pa.table({"said": pa.array([], pa.string()), "n": pa.array([], pa.int64())}), tmp_path / "empty.parquet", compression=codec
    )
    assert not look(tmp_path, whole(token(3))).coverage.skipped


def test_others_are_not_taken_for_the_erased(lake: tuple[bytes, str], tmp_path: Path) -> None:
    body, text = lake
    (tmp_path / "a").write_bytes(body)
    seen = look(tmp_path, whole(*(text[:-1] + each for each in "ghijk")))
    assert not seen.found
    assert not seen.coverage.skipped


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=[] if seed < 6 else pytest.mark.soak) for seed in range(25)])
def test_a_damaged_file_never_breaks_a_scan(lake: tuple[bytes, str], tmp_path: Path, seed: int) -> None:
    body, text = lake
    rng = random.Random(seed)
    data = bytearray(body)
    for _ in range(rng.choice([1, 5, 60])):
        at = rng.randrange(7, len(data)) if rng.random() < 0.5 else rng.randrange(len(data) - 900, len(data))
        data[at] = rng.choice([0, 255, rng.randrange(256)])
    (tmp_path / "a").write_bytes(bytes(data) + text.encode())
    assert look(tmp_path, whole(text)).found


@given(st.binary(max_size=300))
def test_anything_can_be_taken_for_a_file(data: bytes) -> None:
    with suppress(Broken, TooLarge, Unsupported):
        for _, _, parts in runs(MemorySlice(b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"), lambda _: None):
            assert all(isinstance(each, bytes) for each in parts)
        ThriftReader(data).struct()


@given(st.binary(max_size=200), st.integers(min_value=0, max_value=1 << 30))
def test_anything_can_be_taken_for_packed_numbers(data: bytes, count: int) -> None:
    for call in (lambda: indices(data, 0, count), lambda: delta_packed(data, 0), lambda: unpack(data, 0, count, 33)):
        with suppress(Broken):
            call()


@given(st.lists(st.integers(min_value=0, max_value=(1 << 64) - 1), max_size=40), st.integers(min_value=1, max_value=64))
def test_packed_numbers_are_unpacked(numbers: list[int], width: int) -> None:
    numbers = [each & ((1 << width) - 1) for each in numbers]
    bits = sum(each << (index * width) for index, each in enumerate(numbers))
    assert unpack(bits.to_bytes((len(numbers) * width + 7) // 8, "little"), 0, len(numbers), width).tolist() == numbers
