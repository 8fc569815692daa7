"""Writes a segment: H.264 and AAC in fragmented MP4, at its time in the recording."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from av.audio.frame import AudioFrame

from expunge.adapters.rendering import fragments
from expunge.core.review.rendition import SEGMENT_MS, SOUND_RATE, TICKS

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

GRAIN = 1024
"""Samples of a frame of AAC."""
BESIDE = 2 * GRAIN
"""Samples that are encoded before a segment's first and behind its last, and left out: each frame overlaps with those beside it."""
PICTURE_OPTIONS = {"preset": "ultrafast", "crf": "26", "g": "1000", "sc_threshold": "0", "bf": "0", "threads": "2"}
_SOUND_BITS = 64_000


@dataclass(frozen=True)
class Picture:
    """The frames of a segment."""

    size: tuple[int, int]
    rate: int
    frames: Iterable[tuple[int, int, VideoFrame]]
    """Tick, length in ticks, and the frame (``yuv420p``)."""


@dataclass(frozen=True)
class Sound:
    """The sound of a segment: samples from :data:`BESIDE` before ``first`` to as many behind its end."""

    first: int
    """The sample at which the segment begins; a multiple of :data:`GRAIN`, as is the end."""
    samples: NDArray[np.float32] = field(repr=False)


def sound_range(first_ms: int, last_ms: int) -> tuple[int, int]:
    """Return the samples of a segment, from the first to before the last: whole frames of AAC, none of them in two segments."""
    per_ms = SOUND_RATE // 1000
    first, last = (-(-at * per_ms // GRAIN) * GRAIN for at in (first_ms, last_ms))
    return first, last


def encoded(first_ms: int, picture: Picture | None, sound: Sound | None) -> tuple[bytes, bytes, str]:
    """Return head, fragment and codecs (RFC 6381) of a segment. Its tracks are the picture, then the sound."""
    out = io.BytesIO()
    begins: dict[int, int] = {}
    options = {"movflags": "frag_custom+empty_moov+default_base_moof", "fflags": "+bitexact"}
    with av.open(out, "w", format="mp4", options=options) as container:
        # Why all tracks first: the head is written with the first packet.
        shown = None if picture is None else _picture_track(container, picture)
        heard = None if sound is None else _sound_track(container, sound)
        packets: list[Any] = []
        if picture is not None and shown is not None:
            begins[len(begins) + 1] = first_ms * TICKS
            packets += _picture_packets(shown, picture, first_ms)
        if sound is not None and heard is not None:
            begins[len(begins) + 1] = sound.first
            packets += _sound_packets(heard, sound)
        for packet in sorted(packets, key=lambda each: each.dts * each.time_base):
            container.mux(packet)
    head, body = fragments.apart(out.getvalue())
    return head, fragments.placed(body, begins, first_ms // SEGMENT_MS + 1), fragments.codecs(head)


def _picture_track(container: OutputContainer, picture: Picture) -> Any:
    stream: Any = container.add_stream("libx264", rate=picture.rate, options=dict(PICTURE_OPTIONS))
    stream.width, stream.height = picture.size
    stream.pix_fmt = "yuv420p"
    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS * 1000)
    return stream


def _sound_track(container: OutputContainer, sound: Sound) -> Any:
    stream: Any = container.add_stream("aac", rate=SOUND_RATE, layout="stereo" if sound.samples.shape[0] == 2 else "mono")
    stream.bit_rate = _SOUND_BITS * sound.samples.shape[0]
    stream.time_base = stream.codec_context.time_base = Fraction(1, SOUND_RATE)
    return stream


def _picture_packets(stream: Any, picture: Picture, first_ms: int) -> list[Any]:
    lengths: dict[int, int] = {}
    packets: list[Any] = []
    for tick, length, frame in picture.frames:
        frame.pts, frame.time_base, frame.pict_type = tick - first_ms * TICKS, Fraction(1, TICKS * 1000), 0
        lengths[frame.pts] = length
        packets += stream.encode(frame)
    packets += stream.encode(None)
    for packet in packets:
        packet.duration = lengths[packet.pts]
    return packets


def _sound_packets(stream: Any, sound: Sound) -> list[Any]:
    channels, length = sound.samples.shape
    packets: list[Any] = []
    for at in range(0, length, GRAIN):
        samples = np.ascontiguousarray(sound.samples[:, at : at + GRAIN])
        frame = AudioFrame.from_ndarray(samples, "fltp", "stereo" if channels == 2 else "mono")
        frame.sample_rate, frame.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
        frame.pts = at - BESIDE
        packets += stream.encode(frame)
    packets += stream.encode(None)
    kept = [packet for packet in packets if 0 <= packet.pts < length - 2 * BESIDE]
    for packet in kept:
        packet.duration = GRAIN
    return kept
