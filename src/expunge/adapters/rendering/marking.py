"""The mark that is burned into frames: who looks, for which case and when. It deters and traces; it prevents no picture of the screen."""

from __future__ import annotations

import functools
from math import ceil, floor
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from expunge.adapters.rendering.hiding import plane
from expunge.core.review.rendition import TILE_ALPHA, Tile, tile_place

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

_WHITE, _BLACK = 235.0, 16.0
"""Of a picture whose range is that of television."""
_TURNED = 6
"""Degrees: lines of writing along lines of the picture are taken out more easily."""
_WIDEST = 0.62
"""Of the frame's width."""
_LEAST_FONT = 9


class Mark:
    """A mark, drawn once for frames of one size."""

    def __init__(self, tile: Tile, width: int, height: int) -> None:
        """Draw it. ``width`` and ``height``: of the frames."""
        self._frame = width, height
        light, dark = _drawn(tile.lines, width, height)
        strength = np.maximum(light, dark) * np.float32(TILE_ALPHA)
        colour = np.where(light >= dark, np.float32(_WHITE), np.float32(_BLACK))
        self._kept, self._added = 1 - strength, strength * colour

    def burn(self, frame: VideoFrame, at_ms: float) -> None:
        """Draw it into a frame (``yuv420p``), at its place for that time."""
        rows, columns = self._kept.shape
        left, top = tile_place(at_ms, self._frame, (columns, rows))
        part = plane(frame.planes[0])[top : top + rows, left : left + columns]
        rows, columns = part.shape
        part[:] = (part * self._kept[:rows, :columns] + self._added[:rows, :columns]).astype(np.uint8)


@functools.lru_cache(maxsize=8)
def _drawn(lines: tuple[str, ...], width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the writing and its outline, from 0 to 1, as large as the frame lets them be."""
    text, largest = "\n".join(lines), max(_LEAST_FONT, height // 18)
    wide = _box(text, largest)[2]
    size = max(_LEAST_FONT, min(largest, int(largest * width * _WIDEST / max(1, wide))))
    font, edge = ImageFont.load_default(size), _edge(size)
    left, top, right, bottom = _box(text, size)
    layers: list[NDArray[np.float32]] = []
    for stroke in (edge // 2, edge + edge // 2):
        layer = Image.new("L", (right - left + 8, bottom - top + 8))
        ImageDraw.Draw(layer).multiline_text((4 - left, 4 - top), text, 255, font, stroke_width=stroke)
        turned = layer.rotate(_TURNED, Image.Resampling.BILINEAR, expand=True)
        layers.append(np.asarray(turned, np.float32) / np.float32(255))
    return layers[0], layers[1]


def _box(text: str, size: int) -> tuple[int, int, int, int]:
    box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), text, ImageFont.load_default(size), stroke_width=_edge(size))
    return floor(box[0]), floor(box[1]), ceil(box[2]), ceil(box[3])


def _edge(size: int) -> int:
    return max(2, size // 8)
