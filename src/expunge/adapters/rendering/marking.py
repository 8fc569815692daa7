"""The mark that is burned into frames: who looks, for which case and when. It deters and traces; it prevents no picture of the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from expunge.adapters.rendering.hiding import plane
from expunge.core.review.rendition import TILE_ALPHA, Tile, tile_place

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

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


def _drawn(lines: tuple[str, ...], width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the writing and its outline, from 0 to 1, as large as the frame lets them be."""
    for size in range(max(_LEAST_FONT, height // 18), _LEAST_FONT - 1, -1):
        font, edge = ImageFont.load_default(size), max(2, size // 8)
        box = ImageDraw.Draw(Image.new("L", (1, 1))).multiline_textbbox((0, 0), "\n".join(lines), font, stroke_width=edge)
        if box[2] - box[0] <= width * _WIDEST:
            break
    layers = []
    for stroke in (edge // 2, edge + edge // 2):
        layer = Image.new("L", (int(box[2] - box[0]) + 8, int(box[3] - box[1]) + 8))
        ImageDraw.Draw(layer).multiline_text((4 - box[0], 4 - box[1]), "\n".join(lines), 255, font, stroke_width=stroke)
        turned = layer.rotate(_TURNED, Image.Resampling.BILINEAR, expand=True)
        layers.append(np.asarray(turned, np.float32) / 255)
    return layers[0], layers[1]
