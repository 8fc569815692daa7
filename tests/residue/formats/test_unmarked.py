"""What is packed and begins with nothing of its own is opened by its file's name; raw deflate by its first bytes too."""

from __future__ import annotations

import gzip
import lzma
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import cramjam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.residue.matching.patterns import TracePatterns
from expunge.residue.matching.session import Limits
from expunge.residue.scanning.scan_units import UnitScanner, gathered
from tests.residue.planting import SENTENCE, look, text_traces, ways

TRACES = text_traces(SENTENCE)
NOISE = random.Random(6).randbytes(60_000).hex()
FILLER = " ".join(f"{number} bottles of {number * 7919 % 1000}" for number in range(3000))


def deflated(text: str) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(text.encode()) + packer.flush()


def brotli(text: str) -> bytes:
    return bytes(cramjam.brotli.compress(text.encode()))


def unusual(text: str) -> bytes:
    """LZMA with other properties than all programs take."""
    return lzma.compress(
        text.encode(), format=lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "preset": 6, "lc": 2, "lp": 1, "pb": 1}]
    )


def stated(text: str) -> bytes:
    """LZMA that states its length, as by other programs than Python and xz."""
    packed = lzma.compress(text.encode(), format=lzma.FORMAT_ALONE)
    return packed[:5] + len(text.encode()).to_bytes(8, "little") + packed[13:]


PACKERS: dict[str, Callable[[str], bytes]] = {
    "a.br": brotli,
    "a.html.BR": brotli,
    "a.lzma": unusual,
    "b": stated,
    "a.deflate": deflated,
    "a": deflated,
}
CONTENTS = {"short": "{}", "long": f"{FILLER} {{}} {FILLER}", "very long": f"{NOISE} {{}} {NOISE}"}


@pytest.mark.parametrize("length", CONTENTS)
@pytest.mark.parametrize("name", PACKERS)
def test_a_file_is_opened(tmp_path: Path, name: str, length: str) -> None:
    content = CONTENTS[length]
    (tmp_path / name).write_bytes(PACKERS[name](content.format(f"{SENTENCE}, twice: {SENTENCE}")))
    assert {way.partition("@")[0] for way in ways(tmp_path, TRACES)} & {"brotli", "lzma", "deflate"}
    assert not look(tmp_path, TRACES).coverage.skipped
    (tmp_path / name).write_bytes(PACKERS[name](content.format("nothing in particular, nothing at all; nothing in particular, and so on")))
    seen = look(tmp_path, TRACES)
    assert not seen.found
    assert not seen.coverage.skipped
    assert seen.coverage.decoded_bytes


def test_a_short_text_in_raw_deflate_is_opened_where_it_is_all_there_is(tmp_path: Path) -> None:
    for said in (SENTENCE, f"{SENTENCE}\n"):
        for packed in (deflated(said), gzip.compress(deflated(said)), zlib.compress(deflated(said))):
            (tmp_path / "a").write_bytes(packed)
            assert {way.rpartition(" ")[2] for way in ways(tmp_path, TRACES)} == {"deflate@0"}
    (tmp_path / "a").write_bytes(zlib.compress(deflated(SENTENCE) + b"\0"))
    assert not ways(tmp_path, TRACES)


def test_raw_deflate_in_something_packed_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(gzip.compress(deflated(CONTENTS["long"].format(SENTENCE))))
    assert "gzip@0 > deflate@0" in ways(tmp_path, TRACES)
    (tmp_path / "a").write_bytes(gzip.compress(gzip.compress(gzip.compress(deflated(CONTENTS["very long"].format(SENTENCE))))))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == {"limit": 1}


@pytest.mark.parametrize("name", PACKERS)
def test_damage_is_said_and_what_stands_before_it_is_found(tmp_path: Path, name: str) -> None:
    packed = PACKERS[name](f"{FILLER} {SENTENCE} {random.Random(7).randbytes(150_000).hex()}")
    # brotli yields what stands before a tear, but not what stands before damage
    behind = b"" if "." in name and name[-1] in "rR" else bytes(10_000) + random.Random(9).randbytes(30_000)
    (tmp_path / name).write_bytes(packed[: len(packed) * 3 // 4] + behind)
    seen = look(tmp_path, TRACES)
    assert seen.found
    assert dict(seen.coverage.skipped) == {"corrupt": 1}
    (tmp_path / name).write_bytes(b"\xff\xfe\xfd" + random.Random(1).randbytes(3000))
    assert dict(look(tmp_path, TRACES).coverage.skipped) == ({} if "." not in name else {"corrupt": 1})


@pytest.mark.parametrize("name", PACKERS)
def test_a_bomb_is_cut_off_and_said(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(PACKERS[name](SENTENCE + "\0" * (40 << 20)))
    seen = look(tmp_path, TRACES, Limits(decoded=8 << 20, ratio=1, held=16 << 20))
    assert seen.found
    assert dict(seen.coverage.skipped) == {"limit": 1}
    assert seen.coverage.decoded_bytes < 32 << 20


def test_text_by_such_a_name_is_text(tmp_path: Path) -> None:
    (tmp_path / "notes.br").write_bytes(f"{FILLER} {SENTENCE}".encode())
    assert ways(tmp_path, TRACES) == {"plain"}
    assert not look(tmp_path, TRACES).coverage.skipped


def test_stretches_of_a_file_are_not_taken_for_all_of_it(tmp_path: Path) -> None:
    path = tmp_path / "a.br"
    path.write_bytes(brotli(NOISE) + SENTENCE.encode() + bytes(4096))
    scanner = UnitScanner(TracePatterns.of(TRACES), Limits(), 1)
    size = path.stat().st_size
    (unit,) = gathered({path: [(8192, 16_384), (size - 8192, size)]})
    done = scanner.take(unit)
    assert done.seen
    assert not done.skipped


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(name=st.sampled_from(sorted(PACKERS)), seed=st.integers(0, 2**32), cut=st.integers(0, 3000), flips=st.integers(0, 8))
def test_damaged_files_never_break_a_scan(tmp_path: Path, name: str, seed: int, cut: int, flips: int) -> None:
    rng = random.Random(seed)
    data = bytearray(PACKERS[name](CONTENTS["long"].format("nothing")))
    for _ in range(flips):
        data[rng.randrange(len(data))] = rng.randrange(256)
    (tmp_path / name).write_bytes(bytes(data[: len(data) - cut]) + SENTENCE.encode())
    assert "plain" in ways(tmp_path, TRACES)
