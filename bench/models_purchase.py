"""The tabular task of SISA's reference implementation, as far as it can be made anew: batches of 8 requests in 20 shards of 50 slices.

Their data, 600 yes-or-no columns about purchases, is not to be had; 10,000 rows like it are drawn here, every row a person of its own.
Network (600-128-tanh-2), SGD at 1e-3, batches of 16 and 20 passes are theirs; so are shards, slices and the size of a batch behind the
4.63 of Bourtoule et al., *Machine Unlearning*, IEEE S&P 2021, which cannot be expected of shards and slices alone: 4.23 is, see
:mod:`expunge.learn.forecast.shard_forecast`. An integer head on the same rows stands beside it.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from bench.result import Result
from expunge.learn.exact.ridge import IntegerRidgeClassifier
from expunge.learn.forecast.shard_forecast import Crowd, Layout, expected_share, simulate
from expunge.learn.sharded.networks import ShardedTorch

ROWS, TESTED, COLUMNS, SEGMENTS = 10_000, 2_000, 600, 20
SHARDS, SLICES, EPOCHS, BATCH, BATCHES = 20, 50, 20, 8, 32
THEIRS = 4.63
SETTINGS: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 16, "optimiser": "sgd", "learning_rate": 1e-3}
_T_95 = {8: 2.36, 16: 2.13, 24: 2.07, 32: 2.04}


def network(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 128), nn.Tanh(), nn.Linear(128, classes))


def purchases() -> tuple[np.ndarray, np.ndarray]:
    """Customers of twenty kinds, who buy each thing with a probability of their kind; which of two classes depends on the kind."""
    dice = np.random.default_rng(20)
    chances = dice.beta(0.4, 1.6, size=(SEGMENTS, COLUMNS))
    kind = dice.integers(SEGMENTS, size=ROWS + TESTED)
    bought = dice.random((len(kind), COLUMNS)) < 0.7 * chances[kind] + 0.3 * chances.mean(axis=0)
    return bought.astype(np.float32), kind % 2


def run() -> list[Result]:
    x, y = purchases()
    people = np.array([f"customer{number}" for number in range(ROWS)])
    start = time.process_time()
    one = ShardedTorch(network, shards=1, slices=1, **SETTINGS).fit(x[:ROWS], y[:ROWS], subjects=people)
    whole = time.process_time() - start
    accuracy = float((one.predict(x[ROWS:]) == y[ROWS:]).mean())
    found = [each for even in ("passes", "steps") for each in _sharded(x, y, people, even, (accuracy, whole))]
    return [*found, _integer(x, y, people, accuracy)]


def _sharded(x: np.ndarray, y: np.ndarray, people: np.ndarray, even: str, beside: tuple[float, float]) -> list[Result]:
    """Batches of requests against shards whose stages have as many passes each, as SISA's, or as many steps; beside one model."""
    learnt, labels = x[:ROWS], y[:ROWS]
    with tempfile.TemporaryDirectory() as folder:
        model = ShardedTorch(network, shards=SHARDS, slices=SLICES, even=even, checkpoints=folder, **SETTINGS)
        model.fit(learnt, labels, subjects=people, records=people)
        accuracy = float((model.predict(x[ROWS:]) == y[ROWS:]).mean())
        leaving = np.random.default_rng(8).permutation(people)[: BATCH * BATCHES]
        reports, seconds = [], []
        for batch in np.split(leaving, BATCHES):
            start = time.process_time()
            reports.append(model.forget(batch.tolist()))
            seconds.append(time.process_time() - start)
        old = {each for report in reports for each in report.destroyed}
        left = sum(any(name in path.name for name in old) for path in Path(folder).iterdir())
        digest = model.digest()
    stay = np.flatnonzero(~np.isin(people, leaving))[::-1]
    again = ShardedTorch(network, shards=SHARDS, slices=SLICES, even=even, **SETTINGS)
    again.fit(learnt[stay], labels[stay], subjects=people[stay], records=people[stay])
    same = again.digest() == digest
    means = sum(each.monolith for each in reports) / sum(each.recomputed for each in reports)
    ratios = [each.monolith / each.recomputed for each in reports]
    layout = Layout(SHARDS, SLICES, steps=even == "steps")
    expected, drawn = 1 / expected_share(layout, BATCH), simulate(layout, Crowd(ROWS), BATCH)
    half = _T_95[len(ratios)] * statistics.stdev(ratios) / math.sqrt(len(ratios))
    note = (
        f"ratio of means over {BATCHES} batches; mean of ratios {statistics.mean(ratios):.2f} +- {half:.2f} (95 %); "
        f"expected {expected:.2f} and {drawn.mean_of_ratios:.2f}; the same bytes as a fit without them, rows turned round: {same}; "
        f"old checkpoints: {len(old)} destroyed, {left} left; "
        f"accuracy {100 * accuracy:.1f} %, one model {100 * beside[0]:.1f} %"
    )
    name = f"{BATCH} of {ROWS:,} customers, {SHARDS} shards of {SLICES} slices, as many {even} in each stage"
    return [
        Result(f"samples saved, {name}", means, "times", THEIRS, "SISA, as published", THEIRS, note=note),
        Result(f"time, {name}", statistics.mean(seconds), "s", beside[1], "one model again", note="processor time"),
    ]


def _integer(x: np.ndarray, y: np.ndarray, people: np.ndarray, beside: float) -> Result:
    model = IntegerRidgeClassifier().fit(x[:ROWS], y[:ROWS], subjects=people, records=people)
    accuracy = float((model.predict(x[ROWS:]) == y[ROWS:]).mean())
    report = model.forget(people[:BATCH].tolist())
    again = IntegerRidgeClassifier().fit(
        x[BATCH:ROWS][::-1], y[BATCH:ROWS][::-1], subjects=people[BATCH:][::-1], records=people[BATCH:][::-1]
    )
    same = again.digest() == model.digest()
    note = f"accuracy {100 * accuracy:.1f} %, one network {100 * beside:.1f} %; the same bytes as a fit without them: {same}"
    return Result(f"samples saved, {BATCH} of {ROWS:,} customers, integer head", report.monolith / report.records, "times", THEIRS,
                  "SISA, as published", THEIRS, note=note)  # fmt: skip
