"""Measure how much detail of a recording is left in a rendition of it, from the bytes of both alone.

The detail of a region is what its block means do not tell. It is found by regression of what was received on the clear picture and on the
interpolated block means together: the share of the clear picture is the detail that is left (1: all of it). It takes the extra ``desk``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np

REGION = 120
"""Pixels of a side of a region, at 720 rows."""
LEAST_DETAIL = 6.0
"""Grey levels of detail (standard deviation) that a region has to have, to be told from what a codec adds."""
ALONG_THE_SHORTER_SIDE = 12
"""Blocks of a pixelated rendition."""
_MARK, _AROUND = 14, 12
"""Grey levels by which the letters of a mark differ from blocks, and pixels around them that are left out with them."""


@dataclass(frozen=True)
class Measured:
    """The measure of a rendition."""

    detail: float
    """The share of detail that is left in the worst region: 0 for none, 1 for all."""
    frames: int
    colours: float
    """How far colours are from grey at most, of 128."""
    sound: bool


def measure(received: bytes, recording: bytes, every: int = 5, until: float = 1e9) -> Measured:
    """Decode a rendition and the recording that it is of, and return what is left.

    Args:
        received: a rendition that plays alone, with the times of the recording.
        recording: the recording in the clear.
        every: one frame of so many is held against the recording.
        until: seconds of the recording after which nothing more is looked at.

    Raises ValueError where the rendition has no picture, or its times lie outside the recording.
    """
    from av.video.frame import VideoFrame

    times, frames, colours, sound = _decoded(received, until)
    if not frames:
        raise ValueError("no picture was received")
    clear_times, clear, _, _ = _decoded(recording, until=times[-1])
    if times[0] + 1e-6 < clear_times[0]:
        raise ValueError("what was received is of another time than the recording")
    shown = np.stack(frames[::every])
    height, width = shown.shape[1:]
    places = [max(0, int(np.searchsorted(clear_times, time + 1e-6)) - 1) for time in times[::every]]
    same = [VideoFrame.from_ndarray(clear[place], "gray").reformat(width, height, "gray", interpolation="BICUBIC") for place in places]
    own = np.stack([each.to_ndarray() for each in same])
    shorter = min(clear[0].shape)
    rows, columns = (round(size * ALONG_THE_SHORTER_SIDE / shorter) for size in clear[0].shape)
    blocks = np.stack([pixelated(frame, rows, columns, height, width) for frame in own])
    marked = np.stack([_grown(each) for each in np.abs(shown - blocks) > _MARK])
    # Why only where most is no mark: a clear picture differs from blocks everywhere, and is measured whole.
    without = marked if marked.mean() < 1 / 2 else None
    return Measured(detail_left(shown, own, rows, columns, without), len(frames), colours, sound)


def detail_left(received: np.ndarray, clear: np.ndarray, rows: int, columns: int, without: np.ndarray | None = None) -> float:
    """Return the largest share of detail in any region.

    Args:
        received: frames (time, rows, columns), luminance.
        clear: the same of the recording, of the same size.
        rows: blocks down.
        columns: blocks across.
        without: places that are left out, as those of the mark: (time, rows, columns), True where they are.
    """
    height, width = clear.shape[1:]
    side = max(24, REGION * height // 720)
    own = clear.astype(np.float32)
    means = [block_means(frame, rows, columns) for frame in own]
    smooth = np.stack([_interpolated(each, height, width) for each in means]).astype(np.float32)
    steps = np.stack([_stretched(each, height, width) for each in means]).astype(np.float32)
    kept = np.ones(own.shape, np.float32) if without is None else (~without).astype(np.float32)
    layers = [(layer - 128) * kept for layer in (own, smooth, steps, received.astype(np.float32))] + [kept]
    places = [(top, left) for top in range(0, height - side + 1, side // 2) for left in range(0, width - side + 1, side // 2)]
    return max((_share([layer[:, top : top + side, left : left + side].ravel() for layer in layers]) for top, left in places), default=0.0)


def pixelated(frame: np.ndarray, rows: int, columns: int, height: int, width: int) -> np.ndarray:
    """Return a frame as blocks of the means of what is in them, computed with weights of parts of pixels."""
    return _stretched(block_means(frame.astype(np.float64), rows, columns), height, width)


def block_means(frame: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return the means of the blocks of a frame."""
    means: np.ndarray = _weights(frame.shape[0], rows) @ frame @ _weights(frame.shape[1], columns).T
    return means


def _decoded(data: bytes, until: float = 1e9) -> tuple[list[float], list[np.ndarray], float, bool]:
    """Return times in seconds, luminance, the strongest colour, and whether there is sound."""
    # Why late: decoding is an extra, which a story that leaves the desk out does without.
    import av

    times: list[float] = []
    frames: list[np.ndarray] = []
    colours = 0.0
    with av.open(io.BytesIO(data), "r") as container:
        sound = bool(container.streams.audio)
        if not container.streams.video:
            return times, frames, colours, sound
        for frame in container.decode(video=0):
            if frame.time is None or frame.time > until:
                break
            planes = frame.to_ndarray(format="yuv420p")
            times.append(frame.time)
            frames.append(planes[: frame.height].copy())
            colours = max(colours, float(np.abs(planes[frame.height :].astype(int) - 128).max()))
    return times, frames, colours, sound


def _grown(marked: np.ndarray) -> np.ndarray:
    """Return places with those around them."""
    for axis in (0, 1):
        sums = np.cumsum(np.pad(marked.astype(np.int32), [(_AROUND + 1, _AROUND) if each == axis else (0, 0) for each in (0, 1)]), axis)
        wide = 2 * _AROUND + 1
        marked = (np.take(sums, range(wide, sums.shape[axis]), axis) - np.take(sums, range(sums.shape[axis] - wide), axis)) > 0
    return marked


def _share(layers: list[np.ndarray]) -> float:
    """Return the share of the clear picture in what was received of a region; 0 where the region has too little detail to tell."""
    own, smooth, steps, told, kept = layers
    if kept.sum() < kept.size // 4 or np.std((own - steps)[kept > 0]) < LEAST_DETAIL:
        return 0.0
    basis = np.stack([own, smooth, steps, kept]).astype(np.float64)
    products = basis @ basis.T
    return abs(float(np.linalg.solve(products + np.eye(4) * 1e-3, basis @ told)[0]))


def _weights(size: int, parts: int) -> np.ndarray:
    edges = np.linspace(0, size, parts + 1)
    places = np.arange(size)
    out = np.zeros((parts, size))
    for number in range(parts):
        covered = np.minimum(places + 1, edges[number + 1]) - np.maximum(places, edges[number])
        out[number] = np.clip(covered, 0, None)
    shares: np.ndarray = out / out.sum(axis=1, keepdims=True)
    return shares


def _stretched(means: np.ndarray, height: int, width: int) -> np.ndarray:
    down = ((np.arange(height) + 0.5) * means.shape[0] / height).astype(int)
    across = ((np.arange(width) + 0.5) * means.shape[1] / width).astype(int)
    blocks: np.ndarray = means[down][:, across]
    return blocks


def _interpolated(means: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = means.shape
    down = (np.arange(height) + 0.5) * rows / height - 0.5
    across = (np.arange(width) + 0.5) * columns / width - 0.5
    by_row = np.stack([np.interp(across, np.arange(columns), row) for row in means])
    return np.stack([np.interp(down, np.arange(rows), column) for column in by_row.T]).T
