"""The parts of a model's shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


@dataclass(frozen=True)
class ShardInput:
    """The training input of one shard."""

    shard: int
    slices: tuple[np.ndarray, ...]
    """Row numbers of each slice."""
    rows: np.ndarray
    """All of them, in canonical order; ``features`` and ``codes`` go along."""
    features: Any
    codes: np.ndarray
    """(n,) numbers of classes, 0 to ``classes`` - 1."""
    classes: int
    since: int
    """The first slice that is not as it was; 0 teaches everything."""
    keys: np.ndarray | None = None
    """(n,) uint64 from which the orders of the passes come, where there are passes."""
    learnt: tuple[str, ...] = ()
    """For each slice a hash over the records of the slices up to it, where there are checkpoints."""

    def slice_of(self) -> np.ndarray:
        """(n,): the slice of each row."""
        if len(self.slices) == 1:
            return np.zeros(len(self.rows), np.int64)
        found = np.empty(int(self.rows.max(initial=-1)) + 1, np.int64)
        for number, rows in enumerate(self.slices):
            found[rows] = number
        return np.asarray(found[self.rows])


@dataclass(frozen=True)
class TrainedShard:
    """One trained shard."""

    classes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    """Those among its own rows; none for an empty shard."""
    rows: int = 0
    model: Any = None
    """None where there is nothing to tell apart: an empty shard, or one class."""


class TaughtShard(NamedTuple):
    """The result of teaching one shard."""

    model: Any
    samples: int = 0
    """How many it was taught, each pass counted."""
    lost: bool = False
    """Whether it began from scratch because what it should have gone on from was missing or altered."""


@dataclass(frozen=True)
class Serving:
    """The shards that vote now. Replaced whole, so that a prediction beside a ``forget`` sees the shards of one moment."""

    classes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    parts: Mapping[int, TrainedShard] = field(default_factory=dict)
