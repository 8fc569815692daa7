"""Recordings are found as samples, whichever lossless container they are in, and as the bytes they were stored as."""

from __future__ import annotations

import gzip
import io
import os
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

from expunge.core.evidence.traces import Traces
from expunge.residue.matching.session import Limits
from expunge.residue.take.tracer import Collector
from tests.residue.planting import KEY, MARY, found_in, look, traces_of, ways

SPEECH = Path(os.environ.get("EXPUNGE_SPEECH") or Path(__file__).parents[4] / "shared" / "data" / "librispeech")


def voice(seed: int, seconds: float = 2.0, channels: int = 1) -> np.ndarray:
    """Something that moves like a voice: a few swelling tones and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(16_000 * seconds)) / 16_000
    tones = sum(np.sin(2 * np.pi * rng.uniform(80, 900) * time + rng.uniform(0, 6)) for _ in range(5))
    sound = (tones / 5 + rng.normal(0, 0.05, time.size)) * (0.3 + 0.2 * np.sin(2 * np.pi * 1.5 * time))
    samples = (sound * 20_000).astype(np.int16)
    return samples if channels == 1 else np.stack([samples, np.roll(samples, 100)], axis=1)


def encode(samples: np.ndarray, kind: str, subtype: str = "PCM_16") -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, 16_000, format=kind, subtype=subtype)
    return out.getvalue()


def blob_traces(data: bytes, budget: int = 8) -> Traces:
    def fill(tracer: Collector) -> None:
        tracer.blob(MARY, "recordings", "content", io.BytesIO(data))

    return traces_of(fill, budget)


def forms_found(path: Path, traces: Traces) -> set[str]:
    return {each.trace.form for each in found_in(path, traces)}


@pytest.mark.parametrize("stored", ["FLAC", "WAV"])
@pytest.mark.parametrize("copy", ["FLAC", "WAV", "raw"])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_is_found_in_another_container(tmp_path: Path, stored: str, copy: str, channels: int) -> None:
    samples = voice(1, channels=channels)
    traces = blob_traces(encode(samples, stored))
    data = samples.astype("<i2").tobytes() if copy == "raw" else encode(samples, copy)
    # an odd number of bytes before raw samples
    (tmp_path / "f").write_bytes((b"odd" if copy == "raw" else b"") + data)
    assert "pcm16" in forms_found(tmp_path, traces)


@pytest.mark.parametrize("stored", ["FLAC", "WAV"])
@pytest.mark.parametrize("copy", ["AIFF", "AU"])
def test_the_same_samples_with_the_other_byte_first_are_found(tmp_path: Path, stored: str, copy: str) -> None:
    samples = voice(1)
    (tmp_path / "f").write_bytes(encode(samples, copy))
    assert forms_found(tmp_path, blob_traces(encode(samples, stored))) == {"pcm16-be"}


def test_the_way_it_was_hidden_is_named(tmp_path: Path) -> None:
    samples = voice(1)
    (tmp_path / "f").write_bytes(b"x" * 77 + encode(samples, "FLAC"))
    hits = found_in(tmp_path, blob_traces(encode(samples, "WAV")))
    assert {(each.offset, each.hidden) for each in hits if each.hidden.startswith("flac")} == {(77, "flac > pcm16")}


def test_a_part_of_a_recording_is_found(tmp_path: Path) -> None:
    samples = voice(1, seconds=8)
    (tmp_path / "f").write_bytes(encode(samples[20_001:90_000], "FLAC"))
    assert "pcm16" in forms_found(tmp_path, blob_traces(encode(samples, "FLAC"), budget=32))


def test_somebody_elses_recording_holds_nothing(tmp_path: Path) -> None:
    traces = blob_traces(encode(voice(1), "FLAC"))
    (tmp_path / "f").write_bytes(encode(voice(2), "FLAC"))
    (tmp_path / "w").write_bytes(encode(voice(3), "WAV"))
    assert not look(tmp_path, traces).found


def test_silence_is_not_traced() -> None:
    traces = blob_traces(encode(np.zeros(32_000, dtype=np.int16), "WAV"))
    assert not [each for each in traces.traces if each.form == "pcm16"]


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT", "DOUBLE", "PCM_32", "PCM_U8", "ULAW"])
def test_other_widths_are_found_in_themselves_and_in_compressed_copies(tmp_path: Path, subtype: str) -> None:
    data = encode(voice(1) / 32_768 if subtype in {"FLOAT", "DOUBLE"} else voice(1), "WAV", subtype)
    traces = blob_traces(data)
    (tmp_path / "f").write_bytes(gzip.compress(data))
    assert {"bytes", "pcm16"} <= forms_found(tmp_path, traces)


def test_24_bits_are_found_in_a_flac_of_24_bits(tmp_path: Path) -> None:
    wide = voice(1).astype(np.int32) * 65_536 + 1234 * 256
    traces = blob_traces(encode(wide, "WAV", "PCM_24"))
    (tmp_path / "f").write_bytes(encode(wide, "FLAC", "PCM_24"))
    assert "pcm16" in forms_found(tmp_path, traces)


def test_recordings_in_archives_and_databases_are_decoded(tmp_path: Path) -> None:
    samples = voice(1, seconds=1)
    flac = encode(samples, "FLAC")
    traces = blob_traces(encode(samples, "WAV"))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("other.flac", encode(voice(2), "FLAC"))
        archive.writestr("voice.flac", flac)
    with tarfile.open(tmp_path / "b.tgz", "w:gz") as archive:
        for number in range(5):
            data = flac if number == 3 else encode(voice(10 + number), "FLAC")
            info = tarfile.TarInfo(f"{number}.flac")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    with sqlite3.connect(tmp_path / "c.db") as database:
        database.execute("CREATE TABLE v (sound BLOB)")
        database.execute("INSERT INTO v VALUES (?)", (flac,))
    database.close()
    for name, way in (("a.zip", "> flac > pcm16"), ("b.tgz", "gzip@0 > flac > pcm16"), ("c.db", "sqlite overflow > flac > pcm16")):
        assert any(each.endswith(way) for each in ways(tmp_path / name, traces)), name


def test_flac_bytes_are_traced_as_they_are_too(tmp_path: Path) -> None:
    flac = encode(voice(1), "FLAC")
    (tmp_path / "torn").write_bytes(b"no header" + flac[5000:])
    assert forms_found(tmp_path, blob_traces(flac, budget=16)) == {"bytes"}


def test_bytes_are_found_as_base64_and_hex(tmp_path: Path) -> None:
    import base64

    jpeg = np.random.default_rng(1).bytes(30_000)
    traces = blob_traces(jpeg)
    (tmp_path / "b").write_bytes(b'{"photo": "' + base64.b64encode(jpeg) + b'"}')
    (tmp_path / "h").write_bytes(jpeg.hex().encode())
    assert any(each.startswith("base64") for each in ways(tmp_path / "b", traces))
    assert "hex" in ways(tmp_path / "h", traces)


def test_a_broken_recording_is_said_and_searched_as_far_as_it_goes(tmp_path: Path) -> None:
    samples = voice(1, seconds=20)
    flac = encode(samples, "FLAC")
    (tmp_path / "f").write_bytes(flac[: len(flac) // 2])
    seen = look(tmp_path, blob_traces(encode(samples, "WAV"), budget=32))
    assert any(each.hidden == "flac > pcm16" for each in seen.found)
    assert dict(seen.coverage.skipped) == {"corrupt": 1}


def test_a_nested_recording_beyond_the_limit_is_said(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(gzip.compress(encode(voice(1, seconds=10), "FLAC")))
    seen = look(tmp_path, blob_traces(encode(voice(1, seconds=10), "WAV")), Limits(held=10_000))
    assert dict(seen.coverage.skipped) == {"limit": 1}


def test_recordings_side_by_side_are_held_one_at_a_time(tmp_path: Path) -> None:
    flacs = [encode(voice(number, seconds=5), "FLAC") for number in range(8)]
    (tmp_path / "f").write_bytes(gzip.compress(b"".join(each + b"padding" * 50 for each in flacs)))
    seen = look(tmp_path, blob_traces(encode(voice(7, seconds=5), "WAV")), Limits(held=3 * len(flacs[0]) + (1 << 20)))
    assert seen.coverage.skipped == ()
    assert any(each.hidden == "gzip@0 > flac > pcm16" for each in seen.found)


def test_a_blob_that_is_json_is_traced_by_its_strings(tmp_path: Path) -> None:
    traces = blob_traces(b'{"n": 1, "who": "Philippa Featherstone", "tags": ["swing and slide"]}')
    (tmp_path / "f").write_bytes("Philippa Featherstone".encode("utf-16-le"))
    assert "utf-16" in ways(tmp_path, traces)
    (tmp_path / "g").write_bytes(b"swing and slide")
    assert "plain" in ways(tmp_path / "g", traces)


def test_a_blob_is_read_once_and_to_its_end() -> None:
    class Once(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.inner = io.BytesIO(data)
            self.taken = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            data = self.inner.read(min(len(buffer), 777))
            buffer[: len(data)] = data
            self.taken += len(data)
            return len(data)

    data = encode(voice(1, seconds=10), "WAV")
    stream = Once(data)
    tracer = Collector(KEY, 8)
    tracer.blob(MARY, "d", "f", stream)
    assert stream.taken == len(data)
    assert {each.digest for each in tracer.traces().traces} == {each.digest for each in blob_traces(data).traces}


@pytest.mark.skipif(not SPEECH.is_dir(), reason="no folder of real speech")
def test_real_speech_is_told_apart(tmp_path: Path) -> None:
    paths = sorted(SPEECH.glob("*.flac"))[:30]
    tracer = Collector(KEY, 8)
    for number, path in enumerate(paths):
        with path.open("rb") as stream:
            tracer.blob(MARY, "recordings", str(number), stream)
    traces = tracer.traces()
    for number, path in enumerate(paths):
        (tmp_path / str(number)).mkdir()
        samples, rate = soundfile.read(path, dtype="int16")
        soundfile.write(tmp_path / str(number) / "copy.wav", samples, rate, subtype="PCM_16")
    seen = look(tmp_path, traces)
    for each in seen.found:
        assert each.path.parent.name == each.trace.part
    sound = {index for index, each in enumerate(traces.traces) if each.form == "pcm16"}
    assert len(sound) >= 30 * 3
    assert sound <= seen.seen
