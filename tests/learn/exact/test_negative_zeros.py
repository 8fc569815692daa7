"""-0.0 equals 0.0, so a row with the one is the row with the other: the same content, the same weights, the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import expunge.learn as learn
from tests.learn.lives import MODELS

SHARDED = [name for name in ("ShardedTrees", "ShardedTorch") if name in dir(learn)]
X = np.random.default_rng(0).integers(-2, 3, (60, 3)) / 2
Y = (X.sum(axis=1) > 0).astype(float)
WHOSE, IDS = [f"p{row % 6}" for row in range(60)], [f"r{row}" for row in range(60)]


def negative(x: np.ndarray) -> np.ndarray:
    found = np.where(x == 0, -0.0, x)
    assert np.signbit(found[x == 0]).all()
    assert (x == 0).any()
    return found


def made(model: str) -> Any:
    if model == "ShardedTrees":
        return learn.ShardedTrees(shards=2, trees=3, min_samples=2)
    if model == "ShardedTorch":
        return learn.ShardedTorch("tests.learn.nets:minded", shards=2, slices=2, epochs=2)
    return getattr(learn, model)()


def turned_round(ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    rows = [IDS.index(each) for each in ids]
    return negative(X)[rows], Y[rows]


@pytest.mark.parametrize("model", [*MODELS, *SHARDED])
def test_both_zeros_are_one_row_for_every_model(model: str) -> None:
    one, other = made(model).fit(X, Y, WHOSE, IDS), made(model).fit(negative(X), negative(Y), WHOSE, IDS)
    assert one.digest() == other.digest()
    # The same record once more, whichever zero it came with.
    one.partial_fit(negative(X[:5]), Y[:5], WHOSE[:5], IDS[:5])
    assert one.digest() == other.digest()
    keep = [row for row in range(60) if row % 6 != 3]
    assert one.forget(
        "p3", source=lambda ids: (negative(X)[[IDS.index(each) for each in ids]], Y[[IDS.index(each) for each in ids]])
    ).records
    assert one.digest() == made(model).fit(X[keep], Y[keep], [WHOSE[row] for row in keep], [IDS[row] for row in keep]).digest()


def test_targets_too() -> None:
    one, other = (learn.IntegerRidge().fit(X, targets, WHOSE, IDS) for targets in (X[:, :2] * 2, negative(X[:, :2] * 2)))
    assert one.digest() == other.digest()


@pytest.mark.parametrize("model", ["NearestCentroid", *SHARDED])
def test_a_question_with_either_zero_has_one_answer(model: str) -> None:
    one = made(model).fit(X, Y, WHOSE, IDS)
    ask = "predict_proba" if model in SHARDED else "decision_function"
    assert np.array_equal(getattr(one, ask)(X), getattr(one, ask)(negative(X)))


def test_what_came_in_is_left_as_it_was() -> None:
    given = negative(X)
    learn.GaussianNaiveBayes().fit(given, Y)
    assert np.signbit(given[given == 0]).all()
