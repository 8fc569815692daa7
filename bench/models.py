"""What it costs to forget somebody: integer heads and sharded trees over 100,000 rows, beside training anew and beside the plain library.

All on one thread. Ratios are of processor seconds (thread CPU time), so that what else runs on the machine counts for little; each side is
the best of several runs. The rows are synthetic: 2,000 people with 50 rows each, labels from a few features, products and noise.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import lightgbm
import numpy as np

from bench.result import Result
from expunge.learn.base.environment import one_thread
from expunge.learn.exact.ridge import IntegerRidgeClassifier
from expunge.learn.forecast.shard_forecast import Crowd, Layout, expected_samples, simulate
from expunge.learn.sharded.trees import ShardedTrees

ROWS, PEOPLE, TESTED = 100_000, 2_000, 20_000
NAMES = [f"person{number}" for number in range(PEOPLE)]
BATCHES = (1, 2, 5, 10, 20, 50, 100)
LEAVING, FEW, FEW_SHARDS = 100, 1_000, 8
TREES = 100


def run() -> list[Result]:
    return [*_heads(), *_trees(), *_batches()]


def _clocked(act: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall and processor seconds, and what came of it."""
    wall, processor = time.perf_counter(), time.process_time()
    with one_thread():
        made = act()
    return time.perf_counter() - wall, time.process_time() - processor, made


def _paired(one: Callable[[], Any], other: Callable[[], Any], times: int) -> tuple[float, float]:
    """Processor seconds of both, the best of runs that alternate: what else the machine does meanwhile hits both alike."""
    taken = [(_clocked(one)[1], _clocked(other)[1]) for _ in range(times)]
    return min(each for each, _ in taken), min(each for _, each in taken)


def _heads() -> list[Result]:
    results = []
    for features, target in ((121, 1.0), (500, 15.0)):
        dice = np.random.default_rng(features)
        x = dice.normal(size=(ROWS, features))
        y = (x[:, 0] + x[:, 1] + dice.normal(size=ROWS) > 0).astype(int)
        who = np.repeat(NAMES, ROWS // PEOPLE)
        model = IntegerRidgeClassifier()
        _, fit, _ = _clocked(lambda: model.fit(x, y, subjects=who))  # noqa: B023 - called at once
        taken = [_clocked(lambda: model.forget(each))[:2] for each in NAMES[:40]]  # noqa: B023 - called at once
        gone = np.isin(who, NAMES[:40])
        again = IntegerRidgeClassifier().fit(x[~gone][::-1], y[~gone][::-1], subjects=who[~gone][::-1])
        same = np.array_equal(again.coef_, model.coef_) and np.array_equal(again.intercept_, model.intercept_)
        wall, processor = (1e3 * statistics.median(each) for each in zip(*taken, strict=True))
        note = f"median of 40 people one after the other; {wall:.2f} ms by the clock; weights bit-identical to a fit without them: {same}"
        results.append(
            Result(
                f"forget one of {PEOPLE:,} people, integer head, {features} features, {ROWS:,} rows",
                processor, "ms", 1e3 * fit, "fit again", target, better="lower", note=note,
            )
        )  # fmt: skip
    return results


def _table(seed: int) -> tuple[np.ndarray, np.ndarray]:
    dice = np.random.default_rng(seed)
    x = dice.normal(size=(ROWS + TESTED, 20))
    hidden = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + x[:, 3] + 0.5 * dice.normal(size=len(x))
    return x, (hidden > 0).astype(int)


def _plain(x: np.ndarray, y: np.ndarray, bins: int = 255) -> lightgbm.Booster:
    """What one would write without us, with the same settings."""
    settings = {
        "objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "min_data_in_leaf": 20, "max_bin": bins, "seed": 0,
        "num_threads": 1, "deterministic": True, "force_row_wise": True, "feature_pre_filter": False, "verbosity": -1,
    }  # fmt: skip
    return lightgbm.train(settings, lightgbm.Dataset(x, y), TREES)


def _trees() -> list[Result]:
    x, y = _table(1)
    who = np.repeat(NAMES, ROWS // PEOPLE)
    learnt, labels = x[:ROWS], y[:ROWS]
    results = []
    ids = np.array([f"clip {number}" for number in range(ROWS)])
    for features, named in ((20, False), (20, True), (8, False)):
        narrow = np.ascontiguousarray(learnt[:, :features])
        more = {"records": ids} if named else {}
        one, plain = _paired(
            lambda: ShardedTrees(shards=1, trees=TREES).fit(narrow, labels, subjects=who, **more),  # noqa: B023 - called at once
            lambda: _plain(narrow, labels),  # noqa: B023 - called at once
            4,
        )
        results.append(
            Result(
                f"fit {ROWS:,} rows of {features} features{', with ids of records' if named else ''}, trees in one shard",
                one, "s", plain, "LightGBM alone", 1.1, of="ratio", better="lower",
                note="same settings, one thread; ours hashes every row and puts them in an order of their own",
            )
        )  # fmt: skip
    model = ShardedTrees(shards=8, trees=TREES).fit(learnt, labels, subjects=who)
    reports = [_clocked(lambda each=each: model.forget(each)) for each in NAMES[:8]]  # type: ignore[misc]
    processor = statistics.mean(each[1] for each in reports)
    samples = sum(each[2].monolith for each in reports) / sum(each[2].recomputed for each in reports)
    kept = ~np.isin(who, NAMES[:1])
    again, eighth = _paired(lambda: _plain(learnt[kept], labels[kept]), lambda: _plain(learnt[::8], labels[::8]), 3)
    coarse, eighth_coarse = _paired(lambda: _plain(learnt[kept], labels[kept], 63), lambda: _plain(learnt[::8], labels[::8], 63), 3)
    whole = float(((_plain(learnt, labels).predict(x[ROWS:]) > 0.5) == y[ROWS:]).mean())
    sharded = float((model.predict(x[ROWS:]) == y[ROWS:]).mean())
    note = (
        f"mean of 8 people; shards of so few rows take 63 bins of a feature; LightGBM alone, whole and an eighth of the rows: "
        f"{again:.3f} and {eighth:.3f} s with 255 bins, {coarse:.3f} and {eighth_coarse:.3f} s with 63"
    )
    results += [
        Result(f"samples for one of {PEOPLE:,} people, trees in 8 shards", samples, "times fewer", target=6,
               note="ratio of means over 8 people, who leave one by one"),
        Result(f"time to forget one of {PEOPLE:,} people, trees in 8 shards", processor, "s", again, "LightGBM trained again", 1 / 6,
               of="ratio", better="lower", note=note),
        Result("accuracy, trees in 8 shards", 100 * sharded, "%", 100 * whole, "LightGBM alone", 100 * whole - 1,
               note=f"one split, {TESTED:,} rows"),
    ]  # fmt: skip
    return results


def _batches() -> list[Result]:
    """100 of 1,000 people leave, by batches: what was counted against what the simulator forecasts."""
    dice = np.random.default_rng(2)
    each = 20
    x = dice.normal(size=(FEW * each, 8))
    y = (x[:, 0] * x[:, 1] + 0.5 * dice.normal(size=len(x)) > 0).astype(int)
    names = np.array(NAMES[:FEW])
    leaving = dice.permutation(names)[:LEAVING].tolist()
    told, worst = [], 0.0
    for batch in BATCHES:
        model = ShardedTrees(shards=FEW_SHARDS, trees=5, leaves=8).fit(x, y, subjects=np.repeat(names, each))
        parts = [leaving[start : start + batch] for start in range(0, LEAVING, batch)]
        counted = sum(model.forget(part).recomputed for part in parts) / 5
        forecast = expected_samples(Layout(FEW_SHARDS), Crowd(FEW, each), LEAVING, batch)
        worst = max(worst, abs(counted / forecast - 1))
        told.append((batch, counted, forecast))
    curve = ", ".join(f"{batch} at a time {counted:,.0f} ({forecast:,.0f})" for batch, counted, forecast in told)
    drawn = simulate(Layout(FEW_SHARDS), Crowd(FEW, each), 1)
    return [
        Result("forecast of what batches cost, furthest off", 100 * worst, "%", target=15, better="lower",
               note=f"trees in 8 shards, {LEAVING} of {FEW:,} people leave; samples counted (forecast): {curve}; a single request saves "
               f"{drawn.ratio_of_means:.2f} times (ratio of means), {drawn.mean_of_ratios:.2f} times (mean of ratios)"),
        Result(f"{LEAVING} people forgotten in one batch", told[-1][1], "samples", told[0][1], "one by one"),
    ]  # fmt: skip
