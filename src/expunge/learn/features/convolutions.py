"""Features that no person's data shaped: random whole-number kernels, public constants like the digits of pi, over sound, motion or trails.

Cf. Dempster, Petitjean and Webb, *ROCKET*, Data Mining and Knowledge Discovery 2020. Here the kernels span neighbouring channels, every
count is in whole numbers, and a head that forgets exactly comes behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, shake_256
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from expunge.learn.records.refusals import BadInput

LENGTHS = (1, 3, 5, 9)
TALLEST = 16
"""Neighbouring channels that one kernel looks at, at most."""
LARGEST = 2
"""Weights are whole numbers from minus this to this."""
UNIT = 256
"""Features are whole multiples of 1 / UNIT, so that a head that counts in steps of 2**-8 or finer rounds nothing."""
_BLOCK = 64
"""Rows taken at a time."""


@dataclass(frozen=True)
class Kernels:
    """The kernels of one length and one dilation."""

    numbers: tuple[int, ...]
    dilation: int
    weights: np.ndarray
    """(kernels, length, channels) int8."""


class IntegerConvolutions(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Four features for each kernel: how often its answer is above 0, and the answer's mean, mean change and maximum.

    There is nothing to forget: the kernels depend on the parameters and the shape of a row alone.
    """

    def __init__(self, kernels: int = 125, scale: float = 8.0, seed: int = 0) -> None:
        """Configure.

        Args:
            kernels: how many; the rows get four times as many features.
            scale: rows are multiplied by this and rounded; 8 suits log-mel energies.
            seed: which kernels.
        """
        self.kernels = kernels
        self.scale = scale
        self.seed = seed

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Note the shape of a row, (channels, frames); nothing else of the data is looked at. Raises BadInput."""
        rows = _rows(X)
        self._drawn(*rows.shape[1:])
        self.shape_ = rows.shape[1:]
        self.n_features_in_ = int(np.prod(np.shape(X)[1:]))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Features (n, 4 * kernels), multiples of 1/256.

        Args:
            X: (n, channels, frames), or (n, frames) for one channel: log-mel energies, acceleration, steps of a trail.

        Raises:
            BadInput: another shape than ``fit`` was given, not finite, or too large to be counted exactly.
        """
        rows = _rows(X)
        if rows.shape[1:] != getattr(self, "shape_", rows.shape[1:]):
            message = f"rows of shape {rows.shape[1:]}: fit saw {self.shape_}"
            raise BadInput(message)
        groups = self._drawn(*rows.shape[1:])
        found = np.empty((len(rows), 4, self.kernels))
        for start in range(0, len(rows), _BLOCK):
            part = _counted(rows[start : start + _BLOCK], self.scale)
            for group in groups:
                found[start : start + _BLOCK, :, list(group.numbers)] = _pooled(_answers(part, group))
        return found.reshape(len(rows), 4 * self.kernels) / UNIT

    def constants(self, channels: int, frames: int) -> str:
        """Return hex SHA-256 of the kernels for rows of a shape, to name them in a record of a model's fixed parts."""
        state = sha256()
        for group in self._drawn(channels, frames):
            state.update(repr((group.numbers, group.dilation, group.weights.shape)).encode() + group.weights.tobytes())
        return state.hexdigest()

    def _drawn(self, channels: int, frames: int) -> tuple[Kernels, ...]:
        if not isinstance(self.kernels, int) or self.kernels < 1 or not self.scale > 0:
            message = f"kernels is {self.kernels!r} and scale is {self.scale!r}: both must be above 0"
            raise BadInput(message)
        return _kernels(self.kernels, int(self.seed), channels, frames)

    def __sklearn_is_fitted__(self) -> bool:
        return True


@lru_cache(maxsize=8)
def _kernels(kernels: int, seed: int, channels: int, frames: int) -> tuple[Kernels, ...]:
    drawn: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    lengths = [each for each in LENGTHS if each <= frames]
    for number in range(kernels):
        # Why not a generator of NumPy's: its streams may change from one version to the next, and these are to stay.
        numbers = _numbers(f"expunge.learn.convolutions/1|{seed}|{number}")
        length = lengths[next(numbers) % len(lengths)]
        farthest = ((frames - 1) // (length - 1)).bit_length() if length > 1 else 1
        dilation = 1 << next(numbers) % farthest
        height = min(channels, 2 + next(numbers) % (TALLEST - 1))
        first = next(numbers) % (channels - height + 1)
        weights = np.zeros((length, channels), np.int8)
        for tap in range(length):
            for channel in range(first, first + height):
                weights[tap, channel] = next(numbers) % (2 * LARGEST + 1) - LARGEST
        drawn.setdefault((length, dilation), []).append((number, weights))
    return tuple(
        Kernels(tuple(number for number, _ in each), dilation, np.stack([weights for _, weights in each]))
        for (_, dilation), each in sorted(drawn.items(), key=lambda item: item[0])
    )


def _numbers(name: str) -> Iterator[int]:
    data = shake_256(name.encode()).digest(4 * (4 + max(LENGTHS) * TALLEST))
    for start in range(0, len(data), 4):
        yield int.from_bytes(data[start : start + 4], "little")


def _rows(rows: Any) -> np.ndarray:
    try:
        found = np.asarray(rows, np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput("rows are not numbers of one shape") from error
    if found.ndim == 2:
        found = found[:, None, :]
    if found.ndim != 3 or not all(found.shape[1:]):
        message = f"rows of shape {found.shape}: they must be (n, channels, frames) or (n, frames)"
        raise BadInput(message)
    if not np.isfinite(found).all():
        raise BadInput("a row is not of finite numbers")
    return found


def _counted(rows: np.ndarray, scale: float) -> np.ndarray:
    """Whole numbers, as float32 where no answer can leave what it counts exactly, else as float64."""
    found = np.rint(rows * scale)
    answer = float(np.abs(found).max()) * LARGEST * TALLEST * max(LENGTHS) if found.size else 0.0
    if answer * rows.shape[2] >= 2**53:
        raise BadInput("rows are too large to be counted exactly: take a smaller scale")
    return found.astype(np.float32 if answer < 2**24 else np.float64)


def _answers(rows: np.ndarray, group: Kernels) -> np.ndarray:
    """(n, kernels, places) whole numbers: each kernel at each place where all of it lies within the row."""
    _, length, channels = group.weights.shape
    places = rows.shape[2] - (length - 1) * group.dilation
    taps = [rows[:, :, tap * group.dilation : tap * group.dilation + places] for tap in range(length)]
    table = np.stack(taps, axis=1).reshape(len(rows), length * channels, places)
    return np.asarray(group.weights.reshape(len(group.numbers), -1).astype(rows.dtype) @ table)


def _pooled(answers: np.ndarray) -> np.ndarray:
    """(n, 4, kernels) whole numbers."""
    places = answers.shape[2]
    change = np.abs(np.diff(answers, axis=2)).sum(axis=2, dtype=np.float64) // max(places - 1, 1)
    return np.stack(
        [
            np.count_nonzero(answers > 0, axis=2) * UNIT // places,
            answers.sum(axis=2, dtype=np.float64) // places,
            change,
            answers.max(axis=2).astype(np.float64),
        ],
        axis=1,
    )
