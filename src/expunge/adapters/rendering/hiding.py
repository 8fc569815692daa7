"""What is done to frames: pixelated as a whole, or with boxes over faces. What is hidden is not in the frame any more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import VideoReformatter

from expunge.core.review.faces import Box
from expunge.core.review.rendition import blocks

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.plane import VideoPlane
    from numpy.typing import NDArray

_GREY = 128


class Painter:
    """Makes frames of one size. It keeps tables of the scaler between frames: for one film."""

    def __init__(self, width: int, height: int) -> None:
        """``width`` and ``height``: pixels of the rendition, even."""
        self._size = width, height
        self._down, self._up, self._plain = VideoReformatter(), VideoReformatter(), VideoReformatter()

    def pixelated(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame as grey blocks, each the mean of what was there."""
        across, down = blocks(frame.width, frame.height)
        small = self._down.reformat(frame, width=across, height=down, format="gray", interpolation="AREA", threads=1)
        width, height = self._size
        return self._up.reformat(small, width=width, height=height, format="yuv420p", interpolation="POINT", threads=1)

    def plain(self, frame: VideoFrame) -> VideoFrame:
        """Return a frame in colour, nothing hidden."""
        width, height = self._size
        shown = self._plain.reformat(frame, width=width, height=height, format="yuv420p", interpolation="BILINEAR", threads=1)
        if shown is frame:
            # Why a copy: the decoder still looks at its own frames.
            copy = type(frame)(width, height, "yuv420p")
            for ours, theirs in zip(copy.planes, frame.planes, strict=True):
                plane(ours)[:] = plane(theirs)
            return copy
        return shown

    def hidden(self, frame: VideoFrame, boxes: Iterable[Box]) -> VideoFrame:
        """Return a frame in colour with solid grey over the boxes."""
        shown = self.plain(frame)
        width, height = self._size
        planes = [plane(each) for each in shown.planes]
        for box in boxes:
            left, top, right, bottom = box.pixels(width, height)
            planes[0][top:bottom, left:right] = _GREY
            for colours in planes[1:]:
                colours[top // 2 : bottom // 2, left // 2 : right // 2] = _GREY
        return shown


def plane(of: VideoPlane) -> NDArray[np.uint8]:
    """Return the bytes of a plane as rows, to read and to write."""
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(of), np.uint8).reshape(of.height, of.line_size)
    return rows[:, : of.width]
