"""What sharding costs in accuracy, read off curves that were measured: a warning to measure one's own, not a promise.

One task lies behind ``network`` and ``head``: the gender of a voice, from one-second windows of log-mel speech, 200 speakers to learn from
and 51 others to be tested on, several ways to split them. ``trees`` are gradient-boosted trees over 121 features of the same windows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from expunge.errors import UsageError


@dataclass(frozen=True)
class Measured:
    """One curve."""

    points: tuple[tuple[float, float], ...]
    """(samples a shard had, percentage points of accuracy lost against one model over everybody), most samples first."""
    said: str
    """How it was measured."""
    slices: int = 1
    """Of each shard."""


CURVES = {
    "network": Measured(
        ((2394, 0.0), (299, 4.2), (150, 6.9), (100, 7.7)),
        "a small convolutional network trained end to end in eight slices a shard, mean of ten splits",
        slices=8,
    ),
    "head": Measured(
        ((2394, 0.0), (150, 0.2), (100, 0.2), (50, 0.3)),
        "a small network on a frozen public encoder, mean of five splits",
        slices=8,
    ),
    "trees": Measured(
        ((2921, 0.0), (365, 0.5)),
        "gradient-boosted trees, one split",
    ),
}


@dataclass(frozen=True)
class Risk:
    """Percentage points of accuracy that may be lost."""

    points: float
    within: bool
    """Whether a shard has as many samples as some that were measured, and no more slices; if not, more may be lost than ``points``."""
    said: str


def risk(learner: str, samples_per_shard: float, slices: int = 1, *, whole: bool = False) -> Risk:
    """Interpolated between what was measured, linear in the logarithm of the samples; sharding loses nothing in one shard (``whole``).

    Raises:
        UsageError: for a learner of which no curve was measured.
    """
    curve = CURVES.get(learner)
    if curve is None:
        message = f"nothing was measured about this kind of learner; there are {', '.join(sorted(CURVES))}"
        raise UsageError(message, help="take the one that is most like yours")
    known = slices <= curve.slices
    if whole or samples_per_shard >= curve.points[0][0]:
        return Risk(0.0, known, curve.said)
    for (more, lost), (fewer, lost_more) in zip(curve.points, curve.points[1:], strict=False):
        if samples_per_shard >= fewer:
            part = math.log(more / samples_per_shard) / math.log(more / fewer)
            return Risk(lost + part * (lost_more - lost), known, curve.said)
    return Risk(curve.points[-1][1], within=False, said=curve.said)
