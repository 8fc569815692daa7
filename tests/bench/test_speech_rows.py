"""Rows about accuracy over splits: differences are paired, and both means are told."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch", reason="the networks that are measured need torch")
from bench.models_speech import results

pytestmark = pytest.mark.torch


def line(way: str, split: int, accuracy: float, again: list[int]) -> dict[str, Any]:
    return {"way": way, "split": split, "accuracy": accuracy, "fit_s": 1.0, "forget_s": [0.5], "again": again, "whole": [100] * len(again)}


def test_a_way_is_compared_with_the_monolith_of_the_same_split() -> None:
    lines = [line("CNN, one", split, accuracy, [100]) for split, accuracy in enumerate((0.8, 0.9, 0.7))]
    lines += [line("CNN, 8 shards of 8 slices", split, accuracy, [10, 20]) for split, accuracy in enumerate((0.78, 0.88, 0.68))]
    one, sharded = results(lines)
    assert (one.ours, one.ratio) == (pytest.approx(80), 1)
    assert sharded.other == pytest.approx(80)
    assert "splits of 200/51: 3" in sharded.note
    assert "difference -2.0 points (95 % interval +-0.0)" in sharded.note
    assert "6.7 times fewer samples (ratio of means), 7.5 (mean of ratios)" in sharded.note


def test_a_split_that_one_side_lacks_is_left_out() -> None:
    lines = [line("CNN, one", 0, 0.8, [100]), line("integer head", 0, 0.9, [2]), line("integer head", 1, 0.5, [2])]
    (_, head) = results(lines)
    assert "splits of 200/51: 1" in head.note
    assert "difference +10.0 points (which proves nothing)" in head.note
