"""Forecast the cost of forgetting before training: shards and slices against the rate of requests.

The model: people are placed in shards and slices by a keyed hash. A shard is taught in stages, stage ``j`` over its first ``j`` slices,
each with the same number of passes (or of steps, see :attr:`Layout.steps`), so that a whole shard costs as much as its people cost one
model over all people (trees that are grown in slices cost less, see :attr:`Layout.grown`). A request goes back to the training checkpoint
before the slice of the person who leaves; requests of one batch in one shard go back to the earliest. Costs are samples learnt from again,
as a share of the samples that one model over all people who stay would have to learn from again for the same batch; both sides leave out
those who go. Cf. Bourtoule et al., *Machine Unlearning*, IEEE S&P 2021, whose 4.63, 2.45 and 1.36 are such ratios.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from expunge.errors import UsageError
from expunge.learn.forecast.sharding_risk import Risk, risk

DAYS_A_YEAR = 365.0
SHARDS = (1, 2, 4, 8, 12, 16, 20, 24, 32, 48, 64)
SLICES = (1, 2, 4, 8)
"""What is tried where nothing is named."""
_NEAR = 1.1
"""A layout that costs at most this much more than the cheapest is as good: then the fewest checkpoints count."""
_TRIALS = 2000
_CELLS_AT_A_TIME = 1 << 22


@dataclass(frozen=True, order=True)
class Layout:
    """The number of shards, and of slices in each."""

    shards: int = 1
    slices: int = 1
    grown: bool = False
    """Whether stages add to what the ones before left as it is, each with its share of the whole work (the trees of
    :class:`~expunge.learn.sharded.trees.ShardedTrees`), instead of teaching it further: then slices make the first training cheaper too."""
    steps: bool = False
    """Whether stages have as many steps each, and not as many passes (``even="steps"`` of
    :class:`~expunge.learn.sharded.networks.ShardedTorch`): then more of the work is in the first ones, which few deletions repeat."""

    def __post_init__(self) -> None:
        if not (1 <= self.shards <= 100_000 and 1 <= self.slices <= 10_000):
            message = f"{self.shards} shards of {self.slices} slices cannot be planned"
            raise UsageError(message, help="take 1 to 100,000 shards and 1 to 10,000 slices")

    @property
    def checkpoints(self) -> int:
        """Files that are kept so that a deletion need not begin anew: one a slice."""
        return self.shards * self.slices


@dataclass(frozen=True)
class Crowd:
    """The people who are learnt from, and those who leave.

    ``foreseen`` is the share of people of whom it is known when they come that they may go soon (children, consents about to end): they are
    placed in the last slice. ``foreseen_requests`` is the share of all requests that come from them.
    """

    subjects: int
    samples_per_subject: float = 1.0
    foreseen: float = 0.0
    foreseen_requests: float = 0.0

    def __post_init__(self) -> None:
        shares = (self.foreseen, self.foreseen_requests)
        if self.subjects < 1 or not 0 < self.samples_per_subject < math.inf or not all(0 <= share <= 1 for share in shares):
            raise UsageError(
                "nobody could be learnt from like that",
                help="name at least one person, more than no sample for each, and shares from 0 to 1",
            )

    @property
    def samples(self) -> float:
        """Samples of all people."""
        return self.subjects * self.samples_per_subject


@dataclass(frozen=True)
class ShardStages:
    """The stages of one shard: shares of its people who are in them, of the cost, of the requests that touch them."""

    layout: Layout
    crowd: Crowd

    @cached_property
    def slices(self) -> np.ndarray:
        """(R,) share of a shard's people in each slice."""
        return self._spread(self.crowd.foreseen)

    @cached_property
    def requests(self) -> np.ndarray:
        """(R,) share of the requests to a shard that name a person in each slice."""
        return self._spread(self.crowd.foreseen_requests if self.crowd.foreseen else 0.0)

    @cached_property
    def passes(self) -> np.ndarray:
        """(R,) number of passes of each stage through its people, in trainings of one model over all people."""
        slices = self.layout.slices
        if self.layout.grown:
            return np.full(slices, 1.0 / slices)
        found = 1.0 / np.arange(1, slices + 1) if self.layout.steps else np.ones(slices)
        return np.asarray(found / float((found * self.slices.cumsum()).sum()))

    @cached_property
    def cost(self) -> np.ndarray:
        """(R,) cost of each stage, as a share of the cost of one model over all people for the people of the shard."""
        return np.asarray(self.passes * self.slices.cumsum())

    @cached_property
    def touched(self) -> np.ndarray:
        """(R,) how likely one request makes a given shard repeat each stage."""
        return self.requests.cumsum() / self.layout.shards

    def _spread(self, last: float) -> np.ndarray:
        shares = np.full(self.layout.slices, (1.0 - last) / self.layout.slices)
        shares[-1] += last
        return shares


def expected_share(layout: Layout, requests: int, crowd: Crowd | None = None) -> float:
    """Expected samples learnt from again for a batch of exactly ``requests`` people, by those of one model; exact, nothing is drawn.

    One by this is the *ratio of means*: one model's mean cost by this layout's mean cost.
    """
    if requests < 0:
        raise UsageError("a batch cannot hold fewer than no requests")
    stages = ShardStages(layout, crowd or Crowd(1))
    return float((stages.cost * (1.0 - (1.0 - stages.touched) ** requests)).sum())


def expected_share_at(layout: Layout, mean_requests: float, crowd: Crowd | None = None) -> float:
    """Return the same where requests come at random (Poisson), ``mean_requests`` a batch; empty batches cost nothing and are counted."""
    stages = ShardStages(layout, crowd or Crowd(1))
    return float((stages.cost * -np.expm1(-mean_requests * stages.touched)).sum())


def expected_samples(layout: Layout, crowd: Crowd, requests: int, batch: int) -> float:
    """Expected samples, counted once a training, for ``requests`` people who leave ``batch`` at a time; the last batch may be smaller."""
    if batch < 1 or not 0 <= requests <= crowd.subjects:
        raise UsageError("nobody can leave like that", help="take batches of one or more, and no more requests than people")
    total, gone = 0.0, 0
    while gone < requests:
        size = min(batch, requests - gone)
        gone += size
        total += expected_share(layout, size, crowd) * (crowd.subjects - gone) * crowd.samples_per_subject
    return total


@dataclass(frozen=True)
class Simulated:
    """The result of batches drawn at random. Ratios are samples of one model over all people by samples of the layout."""

    ratio_of_means: float
    mean_of_ratios: float
    """Larger, since cheap batches count for more here. Batches that repeat nothing have no ratio and are left out."""
    error_of_mean_of_ratios: float
    """Standard error from the number of trials."""
    share: float
    trials: int


def simulate(layout: Layout, crowd: Crowd, requests: int, *, trials: int = _TRIALS, seed: int = 0) -> Simulated:
    """Place all people, let ``requests`` of them leave in one batch, count the samples learnt from again; ``trials`` times, by ``seed``."""
    if not 1 <= requests < crowd.subjects:
        raise UsageError("somebody has to leave, and somebody to stay", help="take fewer requests than people, and at least one")
    dice = np.random.default_rng(seed)
    at_a_time = max(1, min(trials, _CELLS_AT_A_TIME // (layout.checkpoints + requests)))
    parts = [_batches(layout, crowd, requests, min(at_a_time, trials - done), dice) for done in range(0, trials, at_a_time)]
    shares = np.concatenate(parts)
    ratios = 1.0 / shares[shares > 0]
    mean = float(shares.mean())
    return Simulated(
        ratio_of_means=1.0 / mean if mean else math.inf,
        mean_of_ratios=float(ratios.mean()) if len(ratios) else math.inf,
        error_of_mean_of_ratios=float(ratios.std(ddof=1) / math.sqrt(len(ratios))) if len(ratios) > 1 else math.inf,
        share=mean,
        trials=trials,
    )


def _batches(layout: Layout, crowd: Crowd, requests: int, trials: int, dice: np.random.Generator) -> np.ndarray:
    """(trials,) share of what one model would learn from again."""
    stages = ShardStages(layout, crowd)
    staying = crowd.subjects - requests
    cells = np.tile(stages.slices / layout.shards, layout.shards)
    people = dice.multinomial(staying, cells / cells.sum(), size=trials).reshape(trials, layout.shards, layout.slices)
    shard = dice.integers(layout.shards, size=(trials, requests))
    slice_ = dice.choice(layout.slices, p=stages.requests, size=(trials, requests))
    earliest = np.full((trials, layout.shards), layout.slices)
    np.minimum.at(earliest, (np.arange(trials)[:, None], shard), slice_)
    repeated = np.arange(layout.slices)[None, None, :] >= earliest[:, :, None]
    counted: np.ndarray = (people.cumsum(axis=2) * repeated * stages.passes).sum(axis=(1, 2))
    return counted / staying


@dataclass(frozen=True)
class Forecast:
    """The cost of a layout in a year, on disk and in accuracy."""

    layout: Layout
    yearly_samples: float
    """Expected samples learnt from again in a year; the passes of one training count once together."""
    yearly_monolith: float
    """The same for one model over everybody."""
    ratio_of_means: float
    """``yearly_monolith`` by ``yearly_samples``."""
    mean_of_ratios: float
    """Mean over simulated batches of the expected size, at least one request."""
    disk_bytes: int | None
    """All checkpoints; None where the size of one is not known."""
    samples_per_shard: float
    accuracy: Risk


@dataclass(frozen=True)
class Advice:
    """Every layout that was looked at, and the one to take."""

    forecasts: tuple[Forecast, ...]
    recommended: Forecast | None
    """None where no layout keeps to the bounds."""
    every_days: float
    own_samples: float
    """Samples that an integer family touches in a year for the same requests: those of the people who leave."""


def plan(
    crowd: Crowd,
    rate: float,
    *,
    every_days: float = 1.0,
    learner: str = "network",
    layouts: Iterable[Layout] | None = None,
    checkpoint_bytes: int | None = None,
    most_points: float = 1.0,
    most_bytes: int | None = None,
) -> Advice:
    """Forecast layouts for ``rate`` requests a day, carried out every ``every_days`` days, and recommend one.

    The cheapest layout whose accuracy risk was measured and is at most ``most_points`` (percentage points) and whose checkpoints take at
    most ``most_bytes``; among those that cost nearly as little, the one with the fewest checkpoints. People who leave are taken to be
    replaced by others.

    Raises:
        UsageError: where a rate, a period, a learner or a size makes no sense.
    """
    if not (0 < rate < math.inf and 0 < every_days <= DAYS_A_YEAR):
        raise UsageError("no cost follows from such a rate", help="take more than no request a day, and a batch at least once a year")
    if (checkpoint_bytes is not None and checkpoint_bytes < 0) or (most_bytes is not None and checkpoint_bytes is None):
        raise UsageError("disk cannot be bounded like that", help="say how many bytes one checkpoint has")
    asked = sorted(set(_usual(crowd, learner) if layouts is None else layouts))
    made = tuple(_forecast(each, crowd, rate * every_days, every_days, learner, checkpoint_bytes) for each in asked)
    return Advice(made, _best(made, most_points, most_bytes), every_days, rate * DAYS_A_YEAR * crowd.samples_per_subject)


def _usual(crowd: Crowd, learner: str) -> Sequence[Layout]:
    return [Layout(s, r, grown=learner == "trees") for s in SHARDS if s == 1 or s * 2 <= crowd.subjects for r in SLICES]


def _forecast(layout: Layout, crowd: Crowd, requests: float, every_days: float, learner: str, size: int | None) -> Forecast:
    batches = DAYS_A_YEAR / every_days
    ours = expected_share_at(layout, requests, crowd) * batches * crowd.samples
    whole = -math.expm1(-requests) * batches * crowd.samples
    batch = max(1, round(requests))
    per_shard = crowd.samples / layout.shards
    return Forecast(
        layout=layout,
        yearly_samples=ours,
        yearly_monolith=whole,
        ratio_of_means=whole / ours,
        mean_of_ratios=simulate(layout, crowd, batch, trials=_trials(layout)).mean_of_ratios if batch < crowd.subjects else 1.0,
        disk_bytes=layout.checkpoints * size if size is not None else None,
        samples_per_shard=per_shard,
        accuracy=risk(learner, per_shard, layout.slices, whole=layout.shards == 1),
    )


def _trials(layout: Layout) -> int:
    return max(50, min(_TRIALS, _CELLS_AT_A_TIME // layout.checkpoints))


def _best(forecasts: Sequence[Forecast], most_points: float, most_bytes: int | None) -> Forecast | None:
    def fits() -> Iterator[Forecast]:
        for each in forecasts:
            small = most_bytes is None or (each.disk_bytes or 0) <= most_bytes
            if small and each.accuracy.within and each.accuracy.points <= most_points:
                yield each

    good = list(fits())
    if not good:
        return None
    bound = min(each.yearly_samples for each in good) * _NEAR
    return min((each for each in good if each.yearly_samples <= bound), key=lambda each: (each.layout.checkpoints, each.yearly_samples))
