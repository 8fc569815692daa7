"""Integer models give what scikit-learn gives on the same numbers, up to the rounding of floating point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn import decomposition, discriminant_analysis, linear_model, naive_bayes, neighbors, preprocessing
from sklearn.pipeline import make_pipeline

import expunge.learn as learn
from expunge.learn.base.fixed_point import gram, whole
from tests.learn.people import world

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(params=[2, 3])
def task(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    """Numbers far from 0, of different spread, that 12 fractional bits hold exactly."""
    made = world(rows=400, classes=request.param, features=7, seed=11)
    x = made.x * np.array([1.0, 3.0, 0.2, 1.0, 10.0, 1.0, 1.0]) + np.array([0.0, 0.0, 0.0, 500.0, -80.0, 0.0, 3.0])
    return np.rint(x * 4096) / 4096, made.y


def same(ours: Any, theirs: Any, x: np.ndarray, *asked: str) -> None:
    for each in asked:
        np.testing.assert_allclose(getattr(ours, each)(x), getattr(theirs, each)(x), **CLOSE)
    assert (ours.predict(x) == theirs.predict(x)).all()


def test_ridge_for_classes(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = task
    theirs = make_pipeline(preprocessing.StandardScaler(), linear_model.RidgeClassifier(alpha=3.0)).fit(x, y)
    same(learn.IntegerRidgeClassifier(alpha=3.0).fit(x, y), theirs, x, "decision_function")


@pytest.mark.parametrize("targets", [1, 3])
def test_ridge_for_numbers(task: tuple[np.ndarray, np.ndarray], targets: int) -> None:
    x, _ = task
    y = np.rint(4096 * (x @ np.random.default_rng(0).normal(size=(7, targets)) + np.sin(x[:, :1]))) / 4096
    theirs = make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge(alpha=2.0)).fit(x, y)
    ours = learn.IntegerRidge(alpha=2.0).fit(x, y)
    np.testing.assert_allclose(ours.predict(x).reshape(len(x), -1), theirs.predict(x).reshape(len(x), -1), **CLOSE)
    assert ours.score(x, y) == pytest.approx(theirs.score(x, y), abs=1e-9)


def test_linear_discriminant(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = task
    theirs = discriminant_analysis.LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.05).fit(x, y)
    ours = learn.LinearDiscriminant(shrinkage=0.05).fit(x, y)
    # What is the same for each class tells them nothing apart; theirs has the far-off means in it, and their rounding.
    found, expected = (each.decision_function(x).reshape(len(x), -1) for each in (ours, theirs))
    if found.shape[1] > 1:
        found, expected = found - found[:, :1], expected - expected[:, :1]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-6, atol=1e-6)


def test_gaussian_naive_bayes(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = task
    same(learn.GaussianNaiveBayes().fit(x, y), naive_bayes.GaussianNB().fit(x, y), x, "predict_proba")


def test_multinomial_naive_bayes() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.poisson(rng.uniform(0, 3, 9), (300, 9)), rng.integers(0, 3, 300)
    ours, theirs = learn.MultinomialNaiveBayes(alpha=0.5).fit(x, y), naive_bayes.MultinomialNB(alpha=0.5).fit(x, y)
    same(ours, theirs, x, "predict_proba")
    same(learn.MultinomialNaiveBayes(alpha=0.5).fit(sparse.csr_matrix(x), y), theirs, sparse.csr_matrix(x), "predict_proba")
    # One negative count makes two things of each feature, until it is forgotten.
    ours.partial_fit(-x[:1], y[:1], subjects=["late"])
    assert ours.feature_log_prob_.shape == (3, 18)
    ours.forget("late")
    same(ours, theirs, x, "predict_proba")


def test_nearest_centroid(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = task
    ours, theirs = learn.NearestCentroid().fit(x, y), neighbors.NearestCentroid().fit(x, y)
    np.testing.assert_allclose(ours.centroids_, theirs.centroids_, **CLOSE)
    assert (ours.predict(x) == theirs.predict(x)).all()


def test_principal_components(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, _ = task
    ours, theirs = learn.PrincipalComponents(n_components=4).fit(x), decomposition.PCA(n_components=4).fit(x)
    signs = np.sign((ours.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(ours.components_, theirs.components_ * signs[:, None], rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.transform(x), theirs.transform(x) * signs, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        ours.inverse_transform(ours.transform(x)), theirs.inverse_transform(theirs.transform(x)), rtol=1e-6, atol=1e-6
    )
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, **CLOSE)
    np.testing.assert_allclose(ours.explained_variance_ratio_, theirs.explained_variance_ratio_, **CLOSE)


def test_standard_scaler(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, _ = task
    ours, theirs = learn.StandardScaler().fit(x), preprocessing.StandardScaler().fit(x)
    np.testing.assert_allclose(ours.transform(x), theirs.transform(x), **CLOSE)
    rows = sparse.csr_matrix(np.where(np.abs(x) > 1, x, 0))
    ours, theirs = learn.StandardScaler(with_mean=False).fit(rows), preprocessing.StandardScaler(with_mean=False).fit(rows)
    np.testing.assert_allclose(ours.transform(rows).toarray(), theirs.transform(rows).toarray(), **CLOSE)
    with pytest.raises(learn.BadInput, match="with_mean=False"):
        learn.StandardScaler().fit(rows).transform(rows)


def test_sparse_rows_give_the_weights_of_dense_ones(task: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = task
    kinds = (
        learn.IntegerRidgeClassifier,
        learn.IntegerRidge,
        learn.LinearDiscriminant,
        learn.GaussianNaiveBayes,
        learn.NearestCentroid,
        learn.PrincipalComponents,
    )
    for kind in kinds:
        dense, thin = (kind().fit(each, y) for each in (x, sparse.csr_matrix(x)))
        for name in dense.solved:
            assert np.array_equal(getattr(dense, name), getattr(thin, name)), (kind, name)
        if hasattr(dense, "predict"):
            np.testing.assert_allclose(dense.predict(x), thin.predict(sparse.csr_matrix(x)), rtol=1e-7)


def test_rounding_to_the_step_is_all_that_differs_from_the_numbers_as_they_are() -> None:
    made = world(rows=500, features=5, seed=1)
    x = made.x / 3
    theirs = make_pipeline(preprocessing.StandardScaler(), linear_model.RidgeClassifier(alpha=1.0)).fit(x, made.y)
    for bits, most in ((6, 1e-1), (12, 2e-3), (20, 1e-5)):
        ours = learn.IntegerRidgeClassifier(alpha=1.0, fractional_bits=bits).fit(x, made.y)
        assert np.abs(ours.decision_function(x) - theirs.decision_function(x)).max() < most


def test_products_in_blocks_are_those_of_whole_numbers_in_python() -> None:
    rng = np.random.default_rng(4)
    for largest in (3, 2**20, 2**25, 2**27):
        values = whole(rng.integers(-largest, largest + 1, (900, 4)).astype(np.float64), 0)
        exact = [[int(each) for each in row] for row in values]
        expected = [[sum(row[a] * row[b] for row in exact) for b in range(4)] for a in range(4)]
        assert gram(values).tolist() == expected
        assert gram(sparse.csr_matrix(values.astype(np.int64))).tolist() == expected


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_chances_by_ridge_are_the_nearest_to_what_regression_says_and_name_the_same_class(classes: int) -> None:
    of = world(rows=400, seed=11, classes=classes)
    made = learn.IntegerRidgeClassifier().fit(of.x, of.y)
    found, said = made.predict_proba(of.x * 3), made.decision_function(of.x * 3)
    said = np.column_stack([-said, said]) if classes == 2 else said
    wanted = (1 + said) / 2
    assert found.shape == (400, classes)
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(1)
    # Nearest: what is taken off is the same for all that are left, and as much or more than there was for all that are not.
    off = np.where(found > 0, wanted - found, -np.inf).max(axis=1)
    assert np.where(found > 0, wanted - found, off[:, None]) == pytest.approx(np.repeat(off[:, None], classes, axis=1))
    assert (np.where(found > 0, -np.inf, wanted) <= off[:, None] + 1e-12).all()
    assert (found == 0).any()
    assert (made.classes_[found.argmax(axis=1)] == made.predict(of.x * 3)).all()


def test_chances_by_ridge_are_chances_where_a_plane_is_the_truth() -> None:
    dice = np.random.default_rng(12)
    x = dice.uniform(-1, 1, size=(40_000, 2))
    truth = 0.5 + 0.2 * x[:, 0] - 0.25 * x[:, 1]
    made = learn.IntegerRidgeClassifier().fit(x, dice.random(40_000) < truth)
    assert made.predict_proba(x)[:, 1] == pytest.approx(truth, abs=0.02)


def test_one_class_has_every_chance_and_nobody_has_none() -> None:
    made = learn.IntegerRidgeClassifier().fit([[0.0], [1.0], [2.0]], ["a", "a", "b"], subjects=["ann", "bob", "eve"])
    made.forget("eve")
    assert made.predict_proba([[5.0]]).tolist() == [[1.0]]
    made.forget(["ann", "bob"])
    with pytest.raises(learn.NothingLearned):
        made.predict_proba([[5.0]])
