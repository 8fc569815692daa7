"""What is left of a recording's detail in what was received, and a rendition computed independently, with NumPy alone.

The detail of a region is what its block means do not tell. It is found by regression of what was received on the clear picture and on the
interpolated block means together: the share of the clear picture is the detail that is left (1: all of it).
"""

from __future__ import annotations

import numpy as np

REGION = 120
"""Pixels of a side of a region, at 720 rows."""
LEAST_DETAIL = 6.0
"""Grey levels of detail (standard deviation) that a region has to have, to be told from what a codec adds."""


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
    means = [_means(frame, rows, columns) for frame in own]
    smooth = np.stack([_interpolated(each, height, width) for each in means]).astype(np.float32)
    steps = np.stack([_stretched(each, height, width) for each in means]).astype(np.float32)
    kept = np.ones(own.shape, np.float32) if without is None else (~without).astype(np.float32)
    layers = [(layer - 128) * kept for layer in (own, smooth, steps, received.astype(np.float32))] + [kept]
    places = [(top, left) for top in range(0, height - side + 1, side // 2) for left in range(0, width - side + 1, side // 2)]
    return max((_share([layer[:, top : top + side, left : left + side].ravel() for layer in layers]) for top, left in places), default=0.0)


def _share(layers: list[np.ndarray]) -> float:
    """Return the share of the clear picture in what was received of a region; 0 where the region has too little detail to tell."""
    own, smooth, steps, told, kept = layers
    if kept.sum() < kept.size // 4 or np.std((own - steps)[kept > 0]) < LEAST_DETAIL:
        return 0.0
    basis = np.stack([own, smooth, steps, kept]).astype(np.float64)
    products = basis @ basis.T
    return abs(float(np.linalg.solve(products + np.eye(4) * 1e-3, basis @ told)[0]))


def pixelated(frame: np.ndarray, rows: int, columns: int, height: int, width: int) -> np.ndarray:
    """Return a frame as blocks of the means of what is in them, computed with weights of parts of pixels."""
    return _stretched(_means(frame.astype(np.float64), rows, columns), height, width)


def _means(frame: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return _weights(frame.shape[0], rows) @ frame @ _weights(frame.shape[1], columns).T


def _weights(size: int, parts: int) -> np.ndarray:
    edges = np.linspace(0, size, parts + 1)
    places = np.arange(size)
    out = np.zeros((parts, size))
    for number in range(parts):
        covered = np.minimum(places + 1, edges[number + 1]) - np.maximum(places, edges[number])
        out[number] = np.clip(covered, 0, None)
    return out / out.sum(axis=1, keepdims=True)


def _stretched(means: np.ndarray, height: int, width: int) -> np.ndarray:
    down = ((np.arange(height) + 0.5) * means.shape[0] / height).astype(int)
    across = ((np.arange(width) + 0.5) * means.shape[1] / width).astype(int)
    return means[down][:, across]


def _interpolated(means: np.ndarray, height: int, width: int) -> np.ndarray:
    rows, columns = means.shape
    down = (np.arange(height) + 0.5) * rows / height - 0.5
    across = (np.arange(width) + 0.5) * columns / width - 0.5
    by_row = np.stack([np.interp(across, np.arange(columns), row) for row in means])
    return np.stack([np.interp(down, np.arange(rows), column) for column in by_row.T]).T
