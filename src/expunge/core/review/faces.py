"""Where faces are hidden in a film, and when that is not to be trusted. Pure.

A detector looks at some frames. A frame is shown with its faces hidden only if, within half a second to both sides, each frame that was
looked at has a face, and each face is there in the frames beside it. Otherwise a face may be there that was not found, and the frame is
pixelated as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite

AROUND_MS = 500
"""Milliseconds before and after a frame whose faces are hidden in it too."""
PADDING = 0.25
"""Of a face's width and height, on each side."""
SAMPLE_MS = 100
"""Milliseconds between frames that a detector looks at."""


@dataclass(frozen=True)
class Box:
    """A face: left, top, right and bottom in fractions of the frame."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def whole(self) -> bool:
        """Return whether it is a box at all: finite numbers, and some extent."""
        return all(map(isfinite, (self.left, self.top, self.right, self.bottom))) and self.left < self.right and self.top < self.bottom

    def meets(self, other: Box) -> bool:
        """Return whether the two overlap."""
        return self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom

    def padded(self) -> Box:
        """Return it with :data:`PADDING` around, inside the frame."""
        across, down = (self.right - self.left) * PADDING, (self.bottom - self.top) * PADDING
        return Box(max(0.0, self.left - across), max(0.0, self.top - down), min(1.0, self.right + across), min(1.0, self.bottom + down))

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom in a frame: even numbers, rounded outward."""
        return (
            floor(self.left * width / 2) * 2,
            floor(self.top * height / 2) * 2,
            min(width, ceil(self.right * width / 2) * 2),
            min(height, ceil(self.bottom * height / 2) * 2),
        )


@dataclass(frozen=True)
class FaceSample:
    """The faces of a frame that was looked at."""

    at_ms: float
    boxes: tuple[Box, ...]


def sample_times(first_ms: int, last_ms: int, length_ms: int) -> list[int]:
    """Return the times at which a detector looks, for a segment: every :data:`SAMPLE_MS`, and as far around as the recording goes."""
    begin = max(0, (first_ms - AROUND_MS) // SAMPLE_MS * SAMPLE_MS)
    end = min(last_ms + AROUND_MS + SAMPLE_MS, length_ms)
    return list(range(begin, end, SAMPLE_MS))


def hidden_at(at_ms: float, samples: Sequence[FaceSample]) -> tuple[Box, ...] | None:
    """Return what is hidden in a frame; None where its faces cannot be followed, and the frame is to be pixelated as a whole.

    Args:
        at_ms: the time of the frame.
        samples: what a detector found, by time.
    """
    near = [sample for sample in samples if abs(sample.at_ms - at_ms) <= AROUND_MS]
    if not near or not all(sample.boxes for sample in near):
        return None
    if not all(box.whole for sample in near for box in sample.boxes):
        return None
    if any(lost(before.boxes, after.boxes) or lost(after.boxes, before.boxes) for before, after in pairwise(near)):
        return None
    return tuple(box.padded() for sample in near for box in sample.boxes)


def lost(boxes: Iterable[Box], others: Sequence[Box]) -> bool:
    """Return whether one of the boxes meets none of the others."""
    return any(not any(box.meets(other) for other in others) for box in boxes)
