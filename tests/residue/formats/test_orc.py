"""ORC files are read stream by stream, whatever packed them; what is damaged is said."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import orc

from expunge.residue.formats.containers import orc as reader
from expunge.residue.formats.containers.orc_values import numbers
from expunge.residue.formats.decoders import Broken
from expunge.residue.formats.slices import MemorySlice
from expunge.residue.matching.session import Limits
from tests.residue.pg_planting import prose
from tests.residue.planting import SENTENCE, look, text_traces, ways

TRACES = text_traces(SENTENCE)
CODECS = ["zlib", "snappy", "lz4", "zstd"]


def written(said: str, codec: str, rows: int = 3000, **options: Any) -> bytes:
    texts = [prose(12, each) for each in range(rows)]
    texts[rows // 2] = f"{texts[0]} {said}"
    out = io.BytesIO()
    orc.write_table(pa.table({"id": range(rows), "note": texts}), out, compression=codec, stripe_size=65_536, **options)
    return out.getvalue()


def decoded(body: bytes) -> tuple[bytes, list[str]]:
    skipped: list[str] = []
    return b"".join(b"".join(run) for _, _, run in reader.runs(MemorySlice(body), skipped.append, sure=True)), skipped


@pytest.mark.parametrize("codec", CODECS)
def test_stripes_of_every_codec_are_opened(tmp_path: Path, codec: str) -> None:
    body = written(SENTENCE, codec)
    for path, data, way in (
        ("a.orc", body, f"orc {codec}"),
        ("behind", b"lead" * 1000 + body + b"trailing bytes" * 99, f"orc {codec}"),
        ("a.orc.gz", gzip.compress(body, mtime=int.from_bytes(b"\\\\AB", "little")), f"gzip@0 > orc {codec}"),
    ):
        (tmp_path / path).write_bytes(data)
        assert way in ways(tmp_path / path, TRACES)
        assert not look(tmp_path / path, TRACES).coverage.skipped
    (tmp_path / "a.orc").write_bytes(written("nothing", codec))
    seen = look(tmp_path / "a.orc", TRACES)
    assert not seen.found
    assert not seen.coverage.skipped


def test_values_of_a_dictionary_and_statistics_are_read(tmp_path: Path) -> None:
    out = io.BytesIO()
    orc.write_table(pa.table({"note": ["a", SENTENCE, "z"] * 5000}), out, compression="zlib", dictionary_key_size_threshold=1.0)
    (tmp_path / "a.orc").write_bytes(out.getvalue())
    assert "orc zlib" in ways(tmp_path, TRACES)


@pytest.mark.parametrize(("codec", "tenths"), [("zlib", 7), ("zstd", 8)])
def test_what_is_damaged_is_said_and_the_rest_is_read(tmp_path: Path, codec: str, tenths: int) -> None:
    body = written(SENTENCE, codec)
    # of zlib over the border of two chunks: within one it may find its way again and notice nothing
    at = len(body) * tenths // 10
    (tmp_path / "a.orc").write_bytes(body[:at] + random.Random(1).randbytes(4000) + body[at + 4000 :])
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert dict(seen.coverage.skipped)["corrupt"] >= 1
    # without its end, as while it is written
    (tmp_path / "a.orc").write_bytes(written(SENTENCE, codec, 9000)[:-3000])
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    (tmp_path / "a.orc").write_bytes(body)
    assert dict(look(tmp_path, TRACES, Limits(decoded=1 << 16, ratio=1)).coverage.skipped)["limit"] >= 1


def test_a_codec_that_is_not_read_is_said(tmp_path: Path) -> None:
    body = written(SENTENCE, "zlib")
    at = len(body) - 1 - body[-1]
    (tmp_path / "a.orc").write_bytes(body[:at] + body[at:].replace(b"\x10\x01", b"\x10\x03", 1))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"unsupported": 1}


def test_words_that_begin_like_a_file_are_words(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(("ORCHID ORC\n" * 3000 + "é" + SENTENCE).encode() + b"ORC\x01\x00\x00\x00\x00" * 200)
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert not seen.coverage.skipped


@pytest.mark.parametrize("version", ["0.11", "0.12"])
@settings(max_examples=60, deadline=None)
@given(
    st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=700),
        st.lists(st.one_of(st.integers(0, 100), st.integers(0, 2**40)), min_size=1, max_size=1500),
        st.builds(
            lambda first, step, count: [first + step * each for each in range(count)],
            st.integers(-(2**40), 2**40),
            st.integers(),
            st.just(9),
        ),
    )
)
def test_numbers_are_unpacked(version: str, values: list[int]) -> None:
    out = io.BytesIO()
    orc.write_table(pa.table({"n": pa.array(values, pa.int64())}), out, compression="uncompressed", file_version=version)
    body, skipped = decoded(out.getvalue())
    assert np.array(values, dtype="<i8").tobytes() in body
    assert not skipped


@given(st.binary(min_size=1, max_size=400), st.booleans())
def test_anything_can_be_taken_for_numbers(data: bytes, old: bool) -> None:
    try:
        for run in numbers(data, old=old):
            assert run.dtype == np.int64
    except Broken:
        pass


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2000), st.integers(1, 12))
def test_a_damaged_file_never_breaks_a_scan(seed: int, cut: int, flips: int) -> None:
    rng = random.Random(seed)
    body = bytearray(_WHOLE)
    for _ in range(flips):
        body[rng.randrange(3, len(body))] = rng.randrange(256)
    decoded(bytes(body[: len(body) - cut]))


_WHOLE = written(SENTENCE, "zlib", 500)
