"""The loss of accuracy by sharding, read off measured curves: a warning to measure your own, not a promise.

Behind ``network`` and ``head`` lies one task, the sex of a voice from one-second windows of speech, 200 speakers to learn from and 51
others to be tested on (``bench/models_speech.py``); behind ``trees`` the table of ``bench/models.py``.
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
        ((2343, 0.0), (586, 1.4), (293, 2.5), (146, 4.6), (98, 6.2)),
        "a small convolutional network trained end to end in eight slices a shard, mean of ten splits",
        slices=8,
    ),
    "head": Measured(
        ((2343, 0.0), (98, 0.0), (49, 0.0)),
        "a small network on a frozen public encoder in eight slices a shard, mean of ten splits: no worse than one",
        slices=8,
    ),
    "trees": Measured(
        ((100_000, 0.0), (25_000, 0.3), (12_500, 0.5), (6_250, 0.9), (3_125, 1.6), (1_562, 3.1)),
        "gradient-boosted trees over 100,000 synthetic rows of 20 features, mean of three tables",
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
    """Return the risk, interpolated between measurements, linear in the logarithm of the samples. One shard (``whole``) loses nothing.

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
