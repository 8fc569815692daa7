"""The habits of scikit-learn, and streams that no memory holds."""

from __future__ import annotations

import copy
import io
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_info, threadpool_limits

import expunge.learn as learn
from expunge.learn.base import environment
from tests.learn.lives import MODELS
from tests.learn.people import world


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_read_set_and_cloned_and_nothing_learnt_is(model: str) -> None:
    made = getattr(learn, model)().fit([[1.0], [2.0]], [0, 1])
    again = clone(made)
    assert again.get_params() == made.get_params()
    with pytest.raises(learn.NothingLearned):
        again.digest()
    assert again.set_params(key=b"k").key == b"k"
    assert "key" not in repr(made) or made.key is None
    assert made.n_features_in_ == 1


@pytest.mark.parametrize("model", MODELS)
def test_nothing_that_runs_code_or_keeps_rows_is_ever_written(model: str) -> None:
    made = getattr(learn, model)().fit([[1.0], [2.0]], [0, 1])
    for write in (pickle.dumps, lambda each: joblib.dump(each, io.BytesIO()), copy.deepcopy):
        with pytest.raises(TypeError, match=r"use save\(path\) and load\(path\)"):
            write(made)


def test_each_says_what_it_is() -> None:
    classifiers = {each for each in MODELS if is_classifier(getattr(learn, each)())}
    assert classifiers == {
        "GaussianNaiveBayes",
        "IntegerRidgeClassifier",
        "LinearDiscriminant",
        "MultinomialNaiveBayes",
        "NearestCentroid",
        "NextPlace",
    }
    assert [each for each in MODELS if is_regressor(getattr(learn, each)())] == ["IntegerRidge"]


def test_a_grid_search_finds_a_setting_and_its_best_model_forgets() -> None:
    of = world(rows=200, people=20, seed=2)
    search = GridSearchCV(learn.IntegerRidgeClassifier(), {"alpha": [1.0, 50.0]}, cv=3, n_jobs=1)
    search.fit(of.x, of.y, subjects=list(of.people), records=list(of.ids))
    best = search.best_estimator_
    assert best.forget("person 1").subjects == 1
    left = of.without("person 1")
    assert best.digest() == left.fit(clone(best)).digest()
    assert cross_val_score(learn.LinearDiscriminant(), of.x, of.y, cv=3).mean() > 0.6


def test_in_a_pipeline_a_transformer_may_stand_before_a_head() -> None:
    of = world(rows=100, seed=3)
    made = make_pipeline(learn.StandardScaler(), learn.PrincipalComponents(n_components=2), learn.NearestCentroid()).fit(of.x, of.y)
    assert made.predict(of.x).shape == (100,)


@pytest.mark.parametrize("kind", [str, bool, float, np.int8, object])
def test_labels_of_any_type_come_back_by_value(kind: Any) -> None:
    x = np.array([[0.0], [0.1], [1.0], [1.1]])
    y = (
        np.array(["no", "no", "yes", "yes"], dtype=object if kind is object else str)
        if kind in {str, object}
        else np.array([0, 0, 1, 1], kind)
    )
    made = learn.NearestCentroid().fit(x, y)
    assert (made.predict(x) == y).all()
    assert made.score(x, y) == 1.0


def test_numbers_of_any_type_are_the_same_rows_by_value() -> None:
    x, y = np.arange(24).reshape(8, 3), np.arange(8) % 2
    digests = {
        learn.GaussianNaiveBayes().fit(given, labels).digest()
        for given in (x, x.astype(np.float32), x.tolist(), np.asfortranarray(x, np.float64), x.astype(np.uint8))
        for labels in (y, y.astype(float), y.astype(bool), y.tolist())
    }
    assert len(digests) == 1


def test_a_forgotten_row_comes_from_arrays_of_any_type() -> None:
    of = world(rows=90, people=9, seed=4)
    for given in (of.x.astype(np.float32), of.x.tolist(), sparse.csr_matrix(of.x), sparse.csc_matrix(of.x), np.asfortranarray(of.x)):
        made = learn.IntegerRidgeClassifier().fit(given, of.y, subjects=of.people, records=of.ids)
        assert made.forget("person 2").records > 0


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_of_batches_is_learnt_without_keeping_any_and_forgets_with_a_source(model: str) -> None:
    of = world(rows=120, people=10, seed=5, shared=0.3)
    let_go = []

    def batches() -> Iterator[tuple[Any, ...]]:
        for start in range(0, 120, 40):
            part = slice(start, start + 40)
            yield of.x[part].copy(), of.y[part], of.people[part], of.ids[part]
            let_go.append(start)

    made = getattr(learn, model)().fit_batches(batches())
    assert let_go == [0, 40, 80]
    assert made.digest() == of.fit(getattr(learn, model)()).digest()
    with pytest.raises(learn.SourceNeeded):
        made.forget("person 1")
    made.forget("person 1", source=of.source())
    assert made.digest() == of.without("person 1").fit(getattr(learn, model)()).digest()


def test_a_stream_that_breaks_off_leaves_the_model_as_it_was() -> None:
    of = world(rows=60, seed=6)
    made = of.fit(learn.IntegerRidgeClassifier())
    before = made.digest()

    def broken() -> Iterator[tuple[Any, ...]]:
        yield of.x[:20], of.y[:20]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        made.fit_batches(broken())
    assert made.digest() == before
    assert made.forget(of.people[0]).subjects == 1


def test_a_stream_may_be_kept_and_then_needs_no_source() -> None:
    of = world(rows=60, people=6, seed=7)
    parts = [
        (of.x[each : each + 20], of.y[each : each + 20], of.people[each : each + 20], of.ids[each : each + 20]) for each in (0, 20, 40)
    ]
    made = learn.IntegerRidgeClassifier().fit_batches(parts, keep=True)
    made.forget(["person 0", "person 5"])
    assert made.digest() == of.without("person 0", "person 5").fit(learn.IntegerRidgeClassifier()).digest()


def test_who_leaves_first_does_not_take_the_limit_from_who_is_still_solving() -> None:
    def blas() -> set[int]:
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    inside, gone = threading.Event(), threading.Event()
    with threadpool_limits(2):

        def leaves_first() -> None:
            with environment.one_thread():
                inside.set()
                gone.wait(20)

        other = threading.Thread(target=leaves_first)
        other.start()
        assert inside.wait(20)
        with environment.one_thread(), environment.one_thread():
            gone.set()
            other.join()
            assert blas() == {1}
        assert blas() == {2}


def test_several_at_once_forget_to_the_same_bits() -> None:
    of = world(rows=600, people=8, features=180, seed=8)
    made = [of.fit(learn.IntegerRidgeClassifier()) for _ in range(4)]
    # A limit that this thread has set must not keep the others from setting theirs.
    with threadpool_limits(2), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: [each.forget(f"person {who}") for who in range(5)], made))
    left = of.without(*(f"person {who}" for who in range(5)))
    assert {each.digest() for each in made} == {left.fit(learn.IntegerRidgeClassifier()).digest()}
