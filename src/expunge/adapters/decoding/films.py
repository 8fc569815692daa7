"""Frames of a film by their time, upright."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import av.filter

from expunge.adapters.decoding.containers import begin_of, faults
from expunge.adapters.decoding.faults import MOST_PIXELS, MediaFault, MediaRefused

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

_TURNS = {90: "cclock", 180: "", 270: "clock"}
"""Degrees that a frame is turned, against the clock -> direction of ``transpose``."""
_HELD_MS = 2_000
"""Milliseconds for which a frame may stay: a stream that says nothing for longer has ended."""


def frames(container: InputContainer, stream: VideoStream, first_ms: int, last_ms: int) -> Iterator[tuple[float, VideoFrame]]:
    """Yield frames with their milliseconds: the one that is shown at ``first_ms``, and those until before ``last_ms``.

    Raises MediaRefused where nothing can be decoded there.
    """
    base, begin = cast("Fraction", stream.time_base), begin_of(stream)
    upright = Upright()
    held: tuple[float, VideoFrame] | None = None
    shown = False
    with faults():
        container.seek(int((Fraction(first_ms, 1000) + begin) / base), stream=stream)
        for frame in container.decode(stream):
            if frame.pts is None:
                continue
            at = float((frame.pts * base - begin) * 1000)
            if at >= last_ms:
                break
            if frame.width * frame.height > MOST_PIXELS:
                raise MediaRefused(MediaFault.PIXELS)
            if at <= first_ms:
                held = at, frame
                continue
            if held is not None and not shown:
                yield held[0], upright(held[1])
            shown, held = True, None
            yield at, upright(frame)
        if not shown and held is not None and first_ms - held[0] <= _HELD_MS:
            shown = True
            yield held[0], upright(held[1])
    if not shown:
        raise MediaRefused(MediaFault.DAMAGED)


def rate_of(stream: VideoStream) -> float:
    """Return the frames a second of a film, roughly; 30 where it does not say."""
    told = stream.average_rate or stream.base_rate
    return float(told) if told and 0 < told < 1000 else 30.0


class Upright:
    """Turns frames as their head says, for films of telephones."""

    def __init__(self) -> None:
        """Build nothing yet."""
        self._graph: tuple[tuple[int, int, str, int], av.filter.Graph] | None = None

    def __call__(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame as it is to be seen."""
        turned = frame.rotation % 360
        if turned not in _TURNS:
            return frame
        key = frame.width, frame.height, frame.format.name, turned
        if self._graph is None or self._graph[0] != key:
            self._graph = key, _turning(frame, turned)
        graph = self._graph[1]
        graph.push(frame)
        return cast("VideoFrame", graph.pull())


def upright_size(width: int, height: int, turned: int) -> tuple[int, int]:
    """Return the size of a frame once it is upright."""
    return (height, width) if turned % 180 == 90 else (width, height)


def _turning(frame: VideoFrame, turned: int) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, 1000))
    acts = [("hflip", ""), ("vflip", "")] if turned == 180 else [("transpose", f"dir={_TURNS[turned]}")]
    nodes = [source, *(graph.add(name, options) for name, options in acts), graph.add("buffersink")]
    graph.link_nodes(*nodes)
    graph.configure()
    return graph
