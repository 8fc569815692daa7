"""Traces are found inside whatever they were packed into, and nothing that lies in a file can break or stall a scan."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import cramjam
import lz4.frame
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.residue.matching.session import Limits
from tests.residue.planting import SENTENCE, found_in, look, text_traces, ways

TRACES = text_traces(SENTENCE)
FILLER = " ".join(f"{number} bottles of {number * 7919 % 1000}" for number in range(3000)).encode()
CONTENT = FILLER[:40_000] + SENTENCE.encode() + FILLER[40_000:]


def zipped(data: bytes, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("first.txt", FILLER[:500])
        archive.writestr("deep/second.txt", data)
    return out.getvalue()


def tarred(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("x.txt")
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "snappy": lambda data: bytes(cramjam.snappy.compress(data)),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zip": zipped,
}


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("lead", [0, 1, 7, 1000, 131_060, 1_048_570, 1_048_576, 1_100_000])
def test_a_frame_is_opened_wherever_it_starts(tmp_path: Path, kind: str, lead: int) -> None:
    packed = PACKERS[kind](CONTENT)
    (tmp_path / "f").write_bytes(random.Random(lead).randbytes(lead) + packed + b"trailing bytes" * 10)
    hits = [each for each in found_in(tmp_path, TRACES) if each.hidden.startswith(f"{kind}@")]
    assert hits
    starts = {lead} if kind != "zip" else {each.offset for each in hits}
    assert {each.offset for each in hits} == starts
    assert min(starts) >= lead


@pytest.mark.parametrize("lead", [0, 3, 1_048_570])
def test_text_in_utf_32_is_read_from_its_mark_on(tmp_path: Path, lead: int) -> None:
    text = b"\xff\xfe\x00\x00" + CONTENT.decode().encode("utf-32-le")
    (tmp_path / "f").write_bytes(random.Random(lead).randbytes(lead) + text + b"\xff\xff\xff\xff" + b"trailing bytes" * 10)
    assert [hit for hit in found_in(tmp_path, TRACES) if hit.hidden.startswith("utf-32@")]
    assert look(tmp_path, TRACES).coverage.skipped == ()


@pytest.mark.parametrize("outer", PACKERS)
@pytest.mark.parametrize("inner", PACKERS)
def test_a_frame_in_a_frame_is_opened(tmp_path: Path, outer: str, inner: str) -> None:
    (tmp_path / "f").write_bytes(PACKERS[outer](b"before" + PACKERS[inner](CONTENT)))
    assert any(way.startswith(f"{outer}@") and f"> {inner}@" in way for way in ways(tmp_path, TRACES))


def test_a_finding_in_a_frame_says_where_in_its_content_it_lies(tmp_path: Path) -> None:
    """Of what lies deeper, where the next frame begins in the content of the outermost."""
    lines = b"x y z\n" * 20_000
    (tmp_path / "f").write_bytes(b"....." + gzip.compress(lines + CONTENT) + gzip.compress(lines + gzip.compress(lines + CONTENT)))
    (tmp_path / "plain").write_bytes(CONTENT)
    found = [place for place in found_in(tmp_path, TRACES) if place.trace.form == "utf-8"]
    first = CONTENT.index(SENTENCE.encode())
    inner = {place.hidden.count("@"): place.inner for place in found if place.path.name == "f"}
    assert inner[1] is not None
    assert len(lines) <= inner[1] - first < len(lines) + len(SENTENCE)
    assert inner[2] == len(lines)
    assert {place.inner for place in found if place.path.name == "plain"} == {None}


def test_a_tar_in_a_gzip_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "f.tgz").write_bytes(gzip.compress(tarred(gzip.compress(CONTENT))))
    assert any(way.startswith("gzip@0 > gzip@") for way in ways(tmp_path, TRACES))


def test_frames_one_after_another_are_each_opened(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(
        b"".join(zstandard.compress(FILLER[at : at + 3000]) for at in range(0, 30_000, 3000)) + zstandard.compress(CONTENT)
    )
    assert look(tmp_path, TRACES).found


@pytest.mark.parametrize("before", range(-40, 41, 8))
def test_a_frame_at_the_edge_of_a_block_is_opened_once(tmp_path: Path, before: int) -> None:
    (tmp_path / "f").write_bytes(b"." * ((1 << 20) - before) + zstandard.compress(CONTENT))
    assert look(tmp_path, TRACES).coverage.decoded_bytes == len(CONTENT)


def test_depth_is_bounded(tmp_path: Path) -> None:
    data = CONTENT
    for _ in range(4):
        # the others store what does not shrink, where it can be seen from outside
        data = bz2.compress(data)
    (tmp_path / "f").write_bytes(data)
    assert not look(tmp_path, TRACES).found
    assert look(tmp_path, TRACES, Limits(depth=4)).found


def nested(inner: bytes, times: int = 3) -> bytes:
    for _ in range(times):
        inner = bz2.compress(inner)
    return inner


def database() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (?)", (CONTENT,))
        connection.commit()
        return bytes(connection.serialize())


@pytest.mark.parametrize("lead", [0, 512, (1 << 20) - 40, (1 << 20) + 3])
@pytest.mark.parametrize("kind", PACKERS)
def test_what_lies_deeper_than_the_scan_goes_is_counted_as_not_read(tmp_path: Path, kind: str, lead: int) -> None:
    (tmp_path / "f").write_bytes(nested(b"." * lead + PACKERS[kind](CONTENT)))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"limit": 1}


@pytest.mark.parametrize("kind", PACKERS)
def test_a_few_words_that_lie_too_deep_are_counted_as_well(tmp_path: Path, kind: str) -> None:
    (tmp_path / "f").write_bytes(nested(PACKERS[kind](SENTENCE.encode())))
    seen = look(tmp_path, TRACES)
    assert seen.found or dict(seen.coverage.skipped) == {"limit": 1}


def test_a_database_that_lies_too_deep_is_counted(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(nested(database()))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"limit": 1}


def test_a_tar_of_a_tar_of_a_tar_is_counted(tmp_path: Path) -> None:
    data = CONTENT
    for _ in range(4):
        data = gzip.compress(tarred(data))
    (tmp_path / "f").write_bytes(data)
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"limit": 1}


@pytest.mark.parametrize("times", [40, pytest.param(200, marks=pytest.mark.soak)])
def test_bytes_that_look_packed_by_chance_are_not_counted(tmp_path: Path, times: int) -> None:
    rng = random.Random(5)
    noise = b"".join(
        magic + rng.randbytes(3000)
        for magic in (b"\x1f\x8b\x08\x00", b"\x78\x01", b"\x78\x9c", b"\x78\xda", b"\x78\x5e", b"PK\x03\x04\x14\x00\x00\x00\x08\x00")
        for _ in range(times)
    )
    (tmp_path / "f").write_bytes(nested(noise))
    (tmp_path / "g").write_bytes(nested(rng.randbytes(15_000 * times)))
    assert look(tmp_path, TRACES).coverage.skipped == ()


def test_names_that_look_packed_are_names(tmp_path: Path) -> None:
    (tmp_path / "BZh91AY&SY and more of it").write_bytes(b"")
    assert look(tmp_path, TRACES).coverage.skipped == ()


@pytest.mark.parametrize("kind", PACKERS)
def test_what_stands_before_a_tear_is_found_and_the_tear_is_said(tmp_path: Path, kind: str) -> None:
    # blocks of bzip2 are decoded as a whole, so the content must fill more than one
    size = 1_100_000 if kind == "bzip2" else 200_000
    noise = random.Random(3).randbytes(size).hex().encode()
    packed = PACKERS[kind](SENTENCE.encode() + noise)
    torn = packed[: len(packed) * 3 // 5] + random.Random(4).randbytes(size // 2)
    (tmp_path / "f").write_bytes(torn)
    seen = look(tmp_path, TRACES)
    assert any(each.hidden.startswith(f"{kind}@") for each in seen.found)
    if kind not in {"zlib", "zip", "snappy"}:
        # a zip member is found by its own header; garbage after snappy may look like the beginning of a long chunk
        assert dict(seen.coverage.skipped).get("corrupt", 0) == 1


def test_a_file_that_is_still_being_written_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    packed = zlib.compressobj(wbits=31)
    data = packed.compress(CONTENT) + packed.flush(zlib.Z_SYNC_FLUSH)
    (tmp_path / "f").write_bytes(data)
    seen = look(tmp_path, TRACES)
    assert any(each.hidden == "gzip@0" for each in seen.found)
    assert seen.coverage.skipped == ()


def test_a_bomb_is_cut_off_and_said(tmp_path: Path) -> None:
    for name, packed in {
        "g": gzip.compress(bytes(60 << 20), compresslevel=1),
        "z": zstandard.compress(bytes(60 << 20)),
        "x": lzma.compress(bytes(60 << 20), preset=0),
        "l": lzma.compress(bytes(60 << 20), format=lzma.FORMAT_ALONE, preset=0),
    }.items():
        (tmp_path / name).write_bytes(packed)
        seen = look(tmp_path / name, TRACES, Limits(decoded=8 << 20, ratio=1))
        assert dict(seen.coverage.skipped) == {"limit": 1}
        # a piece of input yields some megabytes at most before the limit is seen
        assert seen.coverage.decoded_bytes < 200 << 20


def test_a_bomb_in_a_bomb_ends(tmp_path: Path) -> None:
    inner = gzip.compress(bytes(20 << 20))
    (tmp_path / "f").write_bytes(zipped(inner * 20))
    seen = look(tmp_path, TRACES, Limits(decoded=16 << 20, ratio=1))
    assert "limit" in dict(seen.coverage.skipped)


def test_an_encrypted_member_is_said(tmp_path: Path) -> None:
    data = bytearray(zipped(CONTENT))
    data[6] |= 1
    (tmp_path / "f.zip").write_bytes(bytes(data))
    seen = look(tmp_path, TRACES)
    assert dict(seen.coverage.skipped)["encrypted"] == 1
    # the other member is not encrypted
    assert seen.found


def test_a_member_packed_with_lzma_is_opened(tmp_path: Path) -> None:
    (tmp_path / "f.zip").write_bytes(zipped(CONTENT, zipfile.ZIP_LZMA))
    assert any(way.startswith("zip@") for way in ways(tmp_path, TRACES))
    (tmp_path / "f.zip").write_bytes(zipped(FILLER, zipfile.ZIP_LZMA))
    seen = look(tmp_path, TRACES)
    assert not seen.found
    assert seen.coverage.skipped == ()
    assert seen.coverage.decoded_bytes >= len(FILLER)


def test_an_unknown_method_is_said(tmp_path: Path) -> None:
    data = bytearray(zipped(CONTENT, zipfile.ZIP_STORED))
    data[8] = 9
    (tmp_path / "f.zip").write_bytes(bytes(data))
    assert dict(look(tmp_path, TRACES).coverage.skipped)["unsupported"] == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=st.sampled_from(sorted(PACKERS)), seed=st.integers(0, 2**32), cut=st.integers(0, 3000), flips=st.integers(0, 8))
def test_damaged_frames_never_break_a_scan(tmp_path: Path, kind: str, seed: int, cut: int, flips: int) -> None:
    rng = random.Random(seed)
    data = bytearray(PACKERS[kind](CONTENT[38_000:44_000]))
    for _ in range(flips):
        data[rng.randrange(len(data))] = rng.randrange(256)
    (tmp_path / "f").write_bytes(bytes(data[: len(data) - cut]) + SENTENCE.encode())
    assert any(each.hidden == "plain" for each in look(tmp_path, TRACES).found)


@pytest.mark.parametrize(
    "magic",
    [
        b"\x1f\x8b\x08\x00" + bytes(6),
        b"\x28\xb5\x2f\xfd",
        b"\x04\x22\x4d\x18",
        b"PK\x03\x04",
        b"BZh91AY&SY",
        b"fLaC\x00\x00\x00\x22",
        b"\x78\x9c",
        b"\xff\xfe\x00\x00",
    ],
)
def test_a_file_full_of_magics_ends_soon(tmp_path: Path, magic: bytes) -> None:
    # Each of them is tried: 5,000 beginnings of FLAC take a second and a half.
    (tmp_path / "f").write_bytes(magic * (40_000 // len(magic)) + SENTENCE.encode())
    assert look(tmp_path, TRACES).found


def test_random_and_other_peoples_data_hold_nothing(tmp_path: Path) -> None:
    rng = random.Random(5)
    (tmp_path / "random").write_bytes(rng.randbytes(4 << 20))
    (tmp_path / "words").write_bytes(FILLER * 20)
    for kind, pack in PACKERS.items():
        (tmp_path / kind).write_bytes(pack(FILLER))
    seen = look(tmp_path, TRACES)
    assert seen.found == ()
    assert seen.seen == frozenset()
    assert seen.coverage.skipped == ()
    assert seen.coverage.files == 2 + len(PACKERS)
    assert seen.coverage.decoded_bytes >= len(FILLER) * len(PACKERS)
