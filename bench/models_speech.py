"""Forgetting a speaker: accuracy and cost of ways to do it, over speaker-disjoint splits of real speech.

The task: is a second of speech a woman's? Of 251 speakers of LibriSpeech (CC BY 4.0), one utterance each, 200 are learnt from and 51 others
tested on. ``EXPUNGE_SPEECH`` names the folder; without it nothing is measured. `make bench` takes one split, which proves nothing about
accuracy (two splits differ by two to three points); the table in ``docs/reference/numbers.md`` comes from ten::

    python -m bench.models_speech --splits 10 --out speech.jsonl

which writes a line for each split and way, and goes on where it was interrupted. ``EXPUNGE_ENCODER`` names the wheel of Resemblyzer
(Apache-2.0), for heads on a frozen public encoder, or is left out.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench._speech import Table, embedded, windows
from bench.result import Result
from expunge.learn.exact.ridge import IntegerRidgeClassifier
from expunge.learn.features.convolutions import IntegerConvolutions
from expunge.learn.proof.membership import audit, shard_scores
from expunge.learn.sharded.networks import ShardedTorch

LEARNT, LEAVING, AUDITED = 200, 5, 40
KERNELS, PASSES = (125, 250, 500), 16
MIDDLE, SPREAD = 150.0, 30.0
"""Of log-mel steps: public constants, so that no person's data scales anybody else's."""
_T_95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


class Scaled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x - MIDDLE) / SPREAD


def cnn(shape: tuple[int, ...], classes: int) -> nn.Module:
    """33,474 parameters for two classes."""
    return nn.Sequential(
        Scaled(), nn.Conv1d(shape[0], 64, 5), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(64, 64, 5), nn.ReLU(), nn.AdaptiveAvgPool1d(1),
        nn.Flatten(), nn.Linear(64, classes),
    )  # fmt: skip


def head(shape: tuple[int, ...], classes: int) -> nn.Module:
    return nn.Sequential(nn.Linear(shape[0], 32), nn.ReLU(), nn.Linear(32, classes))


@functools.cache
def convolved(kernels: int) -> Table:
    """What frozen random integer kernels make of the windows; no person's data shapes them, so that once is enough for every split."""
    x, y, who = windows()
    return IntegerConvolutions(kernels, scale=1.0).fit_transform(x), y, who


Way = tuple[str, Callable[[], Table], Callable[[], Any]]


def ways() -> list[Way]:
    """Name, data, and how it is made. No setting was looked for here: defaults, but for the number of kernels."""

    def sharded(build: Any, shards: int, slices: int, epochs: int = PASSES) -> Callable[[], Any]:
        return lambda: ShardedTorch(build, shards=shards, slices=slices, epochs=epochs)

    found: list[Way] = [("CNN, one", windows, sharded(cnn, 1, 1))]
    found += [
        (f"integer head on {4 * each:,} integer features", functools.partial(convolved, each), IntegerRidgeClassifier) for each in KERNELS
    ]
    found += [(f"CNN, {shards} shards of 8 slices", windows, sharded(cnn, shards, 8)) for shards in (4, 8, 16, 24)]
    if os.environ.get("EXPUNGE_ENCODER"):
        found += [
            ("torch head on the encoder, one", embedded, sharded(head, 1, 1, 32)),
            *((f"torch head on the encoder, {each} shards of 8 slices", embedded, sharded(head, each, 8, 32)) for each in (24, 48)),
            ("integer head on the encoder", embedded, IntegerRidgeClassifier),
        ]
    return found


def measured(way: Way, split: int) -> dict[str, Any]:
    """One way on one split: accuracy, and what ``LEAVING`` people cost who leave one by one."""
    x, y, who = way[1]()
    people = np.random.default_rng(split).permutation(np.unique(who))
    inside = np.isin(who, people[:LEARNT])
    model = way[2]()
    start = time.process_time()
    model.fit(x[inside], y[inside], subjects=who[inside])
    fit = time.process_time() - start
    accuracy = float((model.predict(x[~inside]) == y[~inside]).mean())
    again, whole, seconds = [], [], []
    # One model over everybody is taught again as a whole, whoever leaves: once is enough.
    for each in people[: 1 if getattr(model, "shards", 0) == 1 else LEAVING]:
        start = time.process_time()
        report = model.forget(str(each))
        seconds.append(time.process_time() - start)
        # A head that subtracts stands beside the network that would be taught again, pass by pass.
        again.append(report.recomputed if hasattr(model, "shards") else report.records)
        whole.append(report.monolith if hasattr(model, "shards") else report.monolith * PASSES)
    return {
        "way": way[0],
        "split": split,
        "accuracy": accuracy,
        "fit_s": fit,
        "forget_s": seconds,
        "again": again,
        "whole": whole,
    }


def run() -> list[Result]:
    """One split, the quick ways."""
    if not os.environ.get("EXPUNGE_SPEECH"):
        print("EXPUNGE_SPEECH names no folder of speech: nothing is measured here", file=sys.stderr)
        return []
    chosen = [each for each in ways() if not each[0].startswith("CNN, ") or each[0] in ("CNN, one", "CNN, 8 shards of 8 slices")]
    return [*results([measured(each, 0) for each in chosen]), audited()]


def audited() -> Result:
    """The second opinion on speakers who are forgotten, against 51 who were never learnt from; and on a forget that was skipped."""
    x, y, who = windows()
    people = np.random.default_rng(0).permutation(np.unique(who))
    forgotten, never = people[:AUDITED].tolist(), people[LEARNT:].tolist()
    inside, asked = np.isin(who, people[:LEARNT]), np.isin(who, [*forgotten, *never])
    model = ShardedTorch(cnn, shards=8, slices=1, epochs=48)
    model.fit(x[inside], y[inside], subjects=who[inside])
    before = shard_scores(model, x[asked], y[asked], who[asked].tolist())
    model.forget(forgotten)
    found = audit(before, shard_scores(model, x[asked], y[asked], who[asked].tolist()), forgotten=forgotten, outsiders=never)
    rates = zip(found.before.caught, found.after.caught, strict=True)
    caught = ", ".join(f"{100 * then:.0f} and {100 * now:.0f} % at {100 * rate:.0f} %" for (rate, then), (_, now) in rates)
    note = (
        f"{found.verdict.value}; skipped on purpose: {found.control.value}; {found.said}; recognised before and after, by false alarms: "
        f"{caught}; CNN in 8 shards, 48 passes: learnt by heart"
    )
    return Result(f"audit of {AUDITED} forgotten speakers, AUC", found.after.auc, "", found.before.auc, "before", note=note)


def results(lines: Sequence[dict[str, Any]]) -> list[Result]:
    """Rows from lines; differences are paired by split."""
    by_way: dict[str, dict[int, dict[str, Any]]] = {}
    for each in lines:
        by_way.setdefault(each["way"], {})[each["split"]] = each
    found = []
    for name, mine in by_way.items():
        other = by_way.get("torch head on the encoder, one" if "torch head" in name else "CNN, one", mine)
        gains = [100 * (mine[split]["accuracy"] - other[split]["accuracy"]) for split in sorted(mine.keys() & other.keys())]
        sure = "which proves nothing"
        if len(gains) > 1:
            half = _T_95.get(len(gains), 2.0) * statistics.stdev(gains) / math.sqrt(len(gains))
            sure = f"95 % interval +-{half:.1f}"
        means = sum(sum(each["whole"]) for each in mine.values()) / sum(sum(each["again"]) for each in mine.values())
        ratios = statistics.mean(w / a for each in mine.values() for w, a in zip(each["whole"], each["again"], strict=True) if a)
        seconds = statistics.median(one for each in mine.values() for one in each["forget_s"])
        note = (
            f"speaker-disjoint splits of {LEARNT}/51: {len(gains)}, difference {statistics.mean(gains):+.1f} points ({sure}); "
            f"{means:,.1f} times fewer samples (ratio of means), {ratios:,.1f} (mean of ratios); one person "
            f"{1e3 * seconds:,.1f} ms of processor"
        )
        accuracy = 100 * statistics.mean(each["accuracy"] for each in mine.values())
        beside = 100 * statistics.mean(each["accuracy"] for each in other.values())
        what = "its monolith" if "torch head" in name else "CNN, one model"
        found.append(Result(f"a second of speech, {name}", accuracy, "%", beside, what, note=note))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.models_speech", description=__doc__)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--out", type=Path, required=True, help="JSON lines; what is there is not measured again")
    parser.add_argument("--only", default="", help="ways whose names hold this")
    options = parser.parse_args()
    done = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    there = {(each["way"], each["split"]) for each in done}
    for split in range(options.splits):
        for way in ways():
            if (way[0], split) not in there and options.only in way[0]:
                line = measured(way, split)
                done.append(line)
                with options.out.open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(f"{way[0]}, split {split}: {line['accuracy']:.3f}, fit {line['fit_s']:.1f} s", file=sys.stderr, flush=True)
    for each in results(done):
        print(f"{each.name}: {each.ours:.1f} %, beside {each.other:.1f} %; {each.note}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
