"""Fixed convolutions: public constants, whole numbers, and a head behind them that forgets."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

import expunge.learn as learn
from expunge.learn.features.convolutions import UNIT, _kernels

CONSTANTS = {
    (125, 0, 40, 100): "28b80b8d202ce38fb300e391c13b02f6fd28aa691a324f1fe063254894095ac6",
    (10, 7, 1, 30): "bdc0e269bfe06a62394a884c799277cf3c0061746d3f4ce89dadda19f20450ed",
}


def rows(n: int = 30, channels: int = 12, frames: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(-4, 3, size=(n, channels, frames))


@pytest.mark.parametrize("which", CONSTANTS)
def test_the_kernels_are_constants_that_never_change(which: tuple[int, int, int, int]) -> None:
    kernels, seed, channels, frames = which
    assert learn.IntegerConvolutions(kernels=kernels, seed=seed).constants(channels, frames) == CONSTANTS[which]


def test_features_are_what_four_plain_loops_count() -> None:
    x = rows(n=3)
    made = learn.IntegerConvolutions(kernels=40, seed=5)
    found = made.fit_transform(x).reshape(3, 4, 40) * UNIT
    counted = np.rint(x * 8).astype(int)
    for group in _kernels(40, 5, 12, 40):
        for number, weights in zip(group.numbers, group.weights.astype(int), strict=True):
            for row in range(3):
                answers = []
                for start in range(40 - (len(weights) - 1) * group.dilation):
                    places = [start + tap * group.dilation for tap in range(len(weights))]
                    answers.append(sum(int(weights[tap] @ counted[row, :, place]) for tap, place in enumerate(places)))
                changes = [abs(two - one) for one, two in pairwise(answers)]
                assert found[row, :, number].tolist() == [
                    sum(each > 0 for each in answers) * UNIT // len(answers),
                    sum(answers) // len(answers),
                    sum(changes) // max(len(changes), 1),
                    max(answers),
                ]


def test_kernels_look_at_2_to_16_neighbouring_channels_and_fit_into_the_row() -> None:
    for channels, frames in ((40, 100), (2, 9), (1, 1), (3, 2)):
        for group in _kernels(60, 1, channels, frames):
            assert (group.weights.shape[1] - 1) * group.dilation < frames
            assert np.abs(group.weights).max() <= 2
            for weights in group.weights:
                used = np.flatnonzero(weights.any(axis=0))
                assert len(used) == 0 or used[-1] - used[0] < 16


def test_a_head_counts_the_features_without_rounding_any() -> None:
    found = learn.IntegerConvolutions().fit_transform(rows())
    assert (np.rint(found * 2**12) == found * 2**12).all()


@pytest.mark.soak
def test_features_are_the_same_in_blocks_alone_and_on_any_number_of_threads() -> None:
    x = rows(n=70)
    whole = learn.IntegerConvolutions(kernels=20).fit_transform(x)
    alone = np.vstack([learn.IntegerConvolutions(kernels=20).fit_transform(x[each : each + 1]) for each in range(70)])
    assert (whole == alone).all()
    code = "import numpy as np, expunge.learn as learn; from tests.learn.test_convolutions import rows; from hashlib import sha256;"
    code += "print(sha256(learn.IntegerConvolutions(kernels=20).fit_transform(rows(n=70)).tobytes()).hexdigest())"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "OPENBLAS_NUM_THREADS": threads}
        ).stdout
        for threads in ("1", "2")
    }
    assert len(answers) == 1


def test_they_are_nobodys_model_so_there_is_nothing_to_forget() -> None:
    assert not hasattr(learn.IntegerConvolutions, "forget")
    assert not hasattr(learn.IntegerConvolutions, "digest")
    one = learn.IntegerConvolutions(kernels=5).fit(rows(seed=1))
    two = learn.IntegerConvolutions(kernels=5).fit(rows(seed=2))
    assert (one.transform(rows(seed=3)) == two.transform(rows(seed=3))).all()


def test_behind_a_pipeline_the_head_forgets() -> None:
    x, y = rows(n=60), np.arange(60) % 2
    x[y == 1] += np.sin(np.arange(40) / 2) * 3
    whose, ids = [f"p{each // 4}" for each in range(60)], [f"r{each}" for each in range(60)]
    made = make_pipeline(learn.IntegerConvolutions(kernels=25), learn.IntegerRidgeClassifier())
    made.fit(x, y, integerridgeclassifier__subjects=whose, integerridgeclassifier__records=ids)
    assert made.score(x, y) > 0.95
    assert made[-1].forget(["p2", "p9"]).records == 8
    keep = [each for each in range(59, -1, -1) if whose[each] not in {"p2", "p9"}]
    fresh = clone(made).fit(
        x[keep],
        y[keep],
        integerridgeclassifier__subjects=[whose[each] for each in keep],
        integerridgeclassifier__records=[ids[each] for each in keep],
    )
    assert made[-1].digest() == fresh[-1].digest()
    assert (made.predict(x) == fresh.predict(x)).all()


def test_one_channel_may_come_as_a_table() -> None:
    x = rows(channels=1)
    assert (learn.IntegerConvolutions(kernels=9).fit_transform(x[:, 0]) == learn.IntegerConvolutions(kernels=9).fit_transform(x)).all()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (np.ones(4), "they must be"),
        (np.ones((2, 0, 4)), "they must be"),
        (np.full((1, 2, 3), np.nan), "finite"),
        ([["a"]], "not numbers"),
        (np.full((1, 2, 3), 1e300), "smaller scale"),
    ],
)
def test_rows_that_cannot_be_counted(given: object, why: str) -> None:
    with pytest.raises(learn.BadInput, match=why):
        learn.IntegerConvolutions().fit_transform(given)


def test_rows_of_another_shape_than_those_it_was_fitted_on() -> None:
    with pytest.raises(learn.BadInput, match="fit saw"):
        learn.IntegerConvolutions().fit(rows()).transform(rows(frames=41))
    for settings in ({"kernels": 0}, {"scale": 0.0}):
        with pytest.raises(learn.BadInput, match="must be above 0"):
            learn.IntegerConvolutions(**settings).fit(rows())


def test_a_tone_is_heard_in_its_band_and_a_second_has_98_frames() -> None:
    seconds = np.arange(16_000) / 16_000
    heard = [learn.log_mel(np.sin(2 * np.pi * pitch * seconds)).mean(axis=1).argmax() for pitch in (200, 1000, 4000)]
    assert heard == sorted(set(heard))
    assert learn.log_mel(np.zeros(16_000)).shape == (40, 98)
    loud = (np.sin(2 * np.pi * 1000 * seconds) * 32767).astype(np.int16)
    np.testing.assert_allclose(learn.log_mel(loud), learn.log_mel(loud / 32768.0))
    for bad in (np.zeros((2, 16_000)), np.zeros(10), np.full(16_000, np.nan)):
        with pytest.raises(learn.BadInput, match="one channel of finite samples"):
            learn.log_mel(bad)
