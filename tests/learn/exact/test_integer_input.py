"""What integer models refuse, and that they are as before then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import is_classifier

import expunge.learn as learn
from tests.learn.lives import MODELS, Row, arguments, fitted

ROWS = [Row(f"r{number}", (number / 8, 1.0 - number, 2.0), float(number % 2), (f"p{number // 3}",)) for number in range(18)]
NUMBERS = [each for each in MODELS if each not in {"Counts", "Heatmap", "NextPlace"}]
CLASSIFIERS = [each for each in MODELS if is_classifier(getattr(learn, each)())]


@pytest.fixture(params=MODELS)
def made(request: pytest.FixtureRequest) -> Any:
    return fitted(request.param, ROWS)


def refused(made: Any, error: type[Exception], match: str, *given: Any, **more: Any) -> None:
    """A batch is refused by ``partial_fit`` and by ``fit``, and leaves no trace."""
    before = made.digest()
    for verb in (made.partial_fit, made.fit):
        with pytest.raises(error, match=match):
            verb(*given, **more)
        assert made.digest() == before


@pytest.mark.parametrize("what", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite(made: Any, what: float) -> None:
    refused(made, learn.BadInput, "not a finite number", np.array([[1.0, what, 0.0]]), [1], ["p1"], ["new"])


def test_one_id_for_different_rows_here_or_before(made: Any) -> None:
    other = np.array([[9.0, 9.0, 9.0]])
    with pytest.raises(learn.BadInput, match="one record id stands for different contents"):
        made.partial_fit(other, [1], ["p1"], ["r3"])
    refused(made, learn.BadInput, "one record id", np.vstack([other, -other]), [1, 1], ["p1", "p1"], ["twice", "twice"])


def test_rows_subjects_and_records_of_different_numbers(made: Any) -> None:
    refused(made, learn.BadInput, "1 rows and 2 subjects", np.ones((1, 3)), [1], ["p1", "p2"], ["new"])
    refused(made, learn.BadInput, "1 rows and 2 records", np.ones((1, 3)), [1], ["p1"], ["new", "newer"])
    refused(made, learn.BadInput, "one for each row, not one text", np.ones((1, 3)), [1], "p1", ["new"])


@pytest.mark.parametrize("subject", [None, "", float("nan"), (), ("p1", None)])
def test_a_row_of_nobody(made: Any, subject: Any) -> None:
    refused(made, learn.BadInput, "has no subject", np.ones((1, 3)), [1], [subject], ["new"])


@pytest.mark.parametrize("record", [None, "", float("nan")])
def test_a_row_without_an_id_among_those_with_one(made: Any, record: Any) -> None:
    refused(made, learn.BadInput, "no record id", np.ones((1, 3)), [1], ["p1"], [record])


def test_rows_of_another_width(made: Any) -> None:
    before = made.digest()
    with pytest.raises(learn.BadInput, match=r"X has 4 features, but \w+ is expecting 3"):
        made.partial_fit(np.ones((1, 4)), [1], ["p1"], ["new"])
    with pytest.raises(learn.BadInput, match=r"X has 4 features, but \w+ is expecting 3"):
        getattr(made, "predict" if hasattr(made, "predict") else "transform")(np.ones((1, 4)))
    assert made.digest() == before


@pytest.mark.parametrize("model", NUMBERS)
def test_features_that_are_no_table_of_numbers(model: str) -> None:
    made = fitted(model, ROWS)
    refused(made, learn.BadInput, "rows and columns", np.ones(3), [1, 1, 1])
    refused(made, learn.BadInput, "not numbers", [["a", "b", "c"]], [1])
    refused(made, learn.BadInput, "not numbers", [[1.0, 2.0, 3.0], [1.0]], [1, 1])


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_labels_that_are_no_classes(model: str) -> None:
    made = fitted(model, ROWS)
    refused(made, learn.BadInput, "labels are missing", np.ones((1, 3)))
    refused(made, learn.BadInput, "not a finite number", np.ones((1, 3)), [np.nan])
    refused(made, learn.BadInput, "one class for each row", np.ones((1, 3)), [1, 2])
    with pytest.raises(learn.BadInput, match="text and some are numbers"):
        made.partial_fit(np.ones((1, 3)), ["yes"], ["p1"], ["new"])


def test_targets_that_are_no_numbers() -> None:
    made = fitted("IntegerRidge", ROWS)
    refused(made, learn.BadInput, "targets must be numbers", np.ones((1, 3)), ["yes"])
    refused(made, learn.BadInput, "not a finite", np.ones((1, 3)), [np.inf])
    refused(made, learn.BadInput, "targets must be numbers", np.ones((2, 3)), [1.0, 2.0, 3.0])
    with pytest.raises(learn.BadInput, match="2 targets for a model of 1"):
        made.partial_fit(np.ones((1, 3)), [[1.0, 2.0]])


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_a_class_that_turns_up_later_and_one_that_goes_with_the_last_of_its_people(model: str) -> None:
    late = [Row("late", (7.0, 7.0, 7.0), 5.0, ("late",))]
    made = fitted(model, ROWS).partial_fit(*arguments(late))
    assert made.classes_.tolist() == [0, 1, 5]
    made.forget("late")
    assert made.classes_.tolist() == [0, 1]
    assert made.digest() == fitted(model, ROWS).digest()


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_when_the_only_class_that_is_no_whole_number_goes_the_others_are_whole_again(model: str) -> None:
    late = [Row("late", (7.0, 7.0, 7.0), 0.5, ("late",))]
    made = fitted(model, [*ROWS, *late])
    assert made.classes_.tolist() == [0, 0.5, 1]
    made.forget("late")
    assert made.classes_.dtype == np.int64
    assert made.digest() == fitted(model, ROWS).digest()


@pytest.mark.parametrize("model", CLASSIFIERS)
def test_one_class_that_is_left_is_what_everybody_gets(model: str) -> None:
    rows = [Row(f"r{number}", (number / 8, 1.0, 2.0), float(number % 2), (f"class {number % 2}",)) for number in range(10)]
    made = fitted(model, rows)
    made.forget("class 0")
    assert made.classes_.tolist() == [1]
    assert made.predict(np.array([[-9.0, 0.0, 0.0], [9.0, 0.0, 0.0]])).tolist() == [1, 1]
    if hasattr(made, "predict_proba"):
        assert made.predict_proba(np.zeros((2, 3))).tolist() == [[1.0], [1.0]]


def test_somebody_of_whom_there_is_nothing(made: Any) -> None:
    before = made.digest()
    report = made.forget(["nobody", "no one"], missing="ignore")
    assert (report.subjects, report.records, report.unknown) == (0, 0, ("nobody", "no one"))
    assert made.digest() == before
    assert "nobody" not in repr(report)


@pytest.mark.parametrize("model", MODELS)
def test_before_anything_was_learnt(model: str) -> None:
    made = getattr(learn, model)()
    asked = made.predict if hasattr(made, "predict") else made.transform
    for verb in (made.digest, lambda: made.forget("a"), lambda: asked(np.ones((1, 3)))):
        with pytest.raises(learn.NothingLearned, match="call fit first"):
            verb()
    with pytest.raises(learn.BadInput, match="stream has no batch"):
        made.fit_batches([])


def test_rows_that_were_changed_behind_the_models_back(made: Any) -> None:
    x, y, whose, ids = arguments(ROWS)
    made.fit(x, y, whose, ids)
    before = made.digest()
    x[4] += 1.0
    with pytest.raises(learn.RecordChanged):
        made.forget("p1")
    assert made.digest() == before
    x[4] -= 1.0
    assert made.forget("p1").records == 3


def test_a_source_that_returns_other_rows_or_fewer(made: Any, tmp_path: Path) -> None:
    made.save(tmp_path / "model")
    loaded = type(made).load(tmp_path / "model")
    before = loaded.digest()
    x, y, _, _ = arguments(ROWS)
    with pytest.raises(learn.SourceNeeded, match="forget\\(subjects, source="):
        loaded.forget("p1")
    for wrong in (slice(2, 5), slice(3, 5), slice(3, 7)):
        with pytest.raises(learn.RecordChanged):
            loaded.forget("p1", source=lambda ids, wrong=wrong: (x[wrong], y[wrong]))
        assert loaded.digest() == before
    loaded.forget("p1", source=lambda ids: (x[[int(each[1:]) for each in ids]], y[[int(each[1:]) for each in ids]]))
    assert loaded.digest() == fitted(type(made).__name__, [each for each in ROWS if each.people != ("p1",)]).digest()


def test_a_file_that_was_cut_altered_or_is_of_something_else(made: Any, tmp_path: Path) -> None:
    whole = made.to_bytes()
    path = tmp_path / "model"
    kind = type(made)
    for size in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(learn.FileRefused):
            kind.load(path)
    for at in range(0, len(whole), max(len(whole) // 60, 1)):
        altered = bytearray(whole)
        altered[at] ^= 1
        path.write_bytes(altered)
        with pytest.raises(learn.FileRefused):
            kind.load(path)
    path.write_bytes(b"{}" * 50)
    with pytest.raises(learn.FileRefused, match="not a model"):
        kind.load(path)
    path.write_bytes(whole)
    other = learn.NearestCentroid if kind is not learn.NearestCentroid else learn.Counts
    with pytest.raises(learn.FileRefused, match=f"holds a {kind.__name__}, not a {other.__name__}"):
        other.load(path)
    with pytest.raises(learn.FileRefused, match="another key"):
        kind.load(path, key=b"another")


def test_with_a_key_a_file_tells_nobody_whose_it_is_and_opens_with_that_key_alone(tmp_path: Path) -> None:
    x, y, whose, _ = arguments(ROWS)
    named = [(f"Anna Nym {each[0]}",) for each in whose]
    made = learn.IntegerRidgeClassifier(key=b"secret of this model").fit(x, y, named)
    made.save(tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    assert b"Anna" not in data
    assert b"secret" not in data
    with pytest.raises(learn.FileRefused, match="another key"):
        learn.IntegerRidgeClassifier.load(tmp_path / "model")
    loaded = learn.IntegerRidgeClassifier.load(tmp_path / "model", key=b"secret of this model")
    assert loaded.digest() == made.digest()
    assert loaded.forget("Anna Nym p9", source=lambda ids: (x, y), missing="ignore").records == 0


@pytest.mark.parametrize("model", NUMBERS)
def test_sums_that_would_run_over_are_refused_before_anything_is_added(model: str) -> None:
    made = fitted(model, ROWS)
    refused(made, learn.OutOfBounds, "would run over", np.full((1 << 14, 3), 2.0**40), np.arange(1 << 14) % 2)
    refused(made, learn.OutOfBounds, "too large to be counted", np.full((2, 3), 1e300), [0, 1])


def test_numbers_that_take_int64_products_give_the_sums_that_python_gives() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-(2**26), 2**26, (200, 3)).astype(np.float64)
    made = learn.PrincipalComponents(fractional_bits=0).fit(x)
    exact = [[int(each) for each in row] for row in x]
    expected = [[sum(row[a] * row[b] for row in exact) for b in range(3)] for a in range(3)]
    assert made._sums.gram is not None
    assert made._sums.gram.tolist() == expected


@pytest.mark.parametrize("bits", [1.5, True, "12", 51, -61])
def test_fractional_bits_that_are_none(bits: Any) -> None:
    with pytest.raises(learn.BadInput, match=r"fractional_bits is .*: it must be a whole number"):
        learn.NearestCentroid(fractional_bits=bits).fit([[1.0]], [0])


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("IntegerRidgeClassifier", {"alpha": 0.0}),
        ("IntegerRidgeClassifier", {"alpha": float("nan")}),
        ("IntegerRidge", {"alpha": -1.0}),
        ("LinearDiscriminant", {"shrinkage": 0.0}),
        ("LinearDiscriminant", {"shrinkage": 1.5}),
        ("GaussianNaiveBayes", {"var_smoothing": 0.0}),
        ("MultinomialNaiveBayes", {"alpha": 0.0}),
        ("PrincipalComponents", {"n_components": 4}),
        ("PrincipalComponents", {"n_components": 0}),
        ("Heatmap", {"cell": 0.0}),
        ("NextPlace", {"cell": float("nan")}),
    ],
)
def test_settings_that_make_no_sense(model: str, settings: dict[str, Any]) -> None:
    with pytest.raises(learn.BadInput, match=next(iter(settings))):
        getattr(learn, model)(**settings).fit(*arguments(ROWS))


def test_settings_that_were_changed_after_fit_are_refused_until_they_are_set_back(made: Any, tmp_path: Path) -> None:
    before, settings = made.digest(), made.get_params()
    for name in settings:
        other = b"another" if name == "key" else 0.25 if name in {"alpha", "cell"} else 2
        made.set_params(**{name: other})
        for act in (
            made.digest,
            lambda: made.save(tmp_path / "model"),
            lambda: made.forget("p1"),
            lambda: made.partial_fit(np.ones((1, 3)), [1], ["new"], ["new"]),
        ):
            with pytest.raises(learn.BadInput, match="settings were changed after fit"):
                act()
        made.set_params(**settings)
        assert made.digest() == before
    made.save(tmp_path / "model")
    loaded = type(made).load(tmp_path / "model").set_params(key=b"another")
    with pytest.raises(learn.BadInput, match="settings were changed after fit"):
        loaded.digest()


@pytest.mark.parametrize("smallest", [1e-300, 1e-12])
def test_next_to_no_ridge_is_enough_for_columns_that_depend_on_one_another(smallest: float) -> None:
    x = np.random.default_rng(1).normal(size=(300, 20))
    x = np.column_stack([x, x, x.sum(axis=1), x * 1e-3, x + 1000])
    y = (x[:, 0] + x[:, 1] > 0).astype(int)
    assert learn.IntegerRidgeClassifier(alpha=smallest).fit(x, y).score(x, y) > 0.8
    assert learn.LinearDiscriminant(shrinkage=smallest).fit(x, y).score(x, y) > 0.8
    assert learn.IntegerRidge(alpha=smallest).fit(x, x[:, 3] - x[:, 2]).score(x, x[:, 3] - x[:, 2]) > 0.99


def test_columns_that_repeat_one_another_or_never_change_are_no_trouble() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    x = np.column_stack([x, x, np.full(60, 3.0), np.zeros(60)])
    y = (x[:, 0] > 0).astype(int)
    for model in MODELS:
        made = getattr(learn, model)().fit(x, y)
        if model in {"IntegerRidgeClassifier", "LinearDiscriminant", "GaussianNaiveBayes"}:
            assert made.score(x, y) > 0.9, model


def test_a_file_of_another_environment_is_solved_again_from_its_sums(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(400, 60)), rng.integers(0, 2, 400)
    np.savez(tmp_path / "rows.npz", x=x, y=y)
    elsewhere = (
        "import sys, numpy as np, expunge.learn as learn; rows = np.load(sys.argv[1]);"
        "learn.IntegerRidgeClassifier().fit(rows['x'], rows['y']).save(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", elsewhere, tmp_path / "rows.npz", tmp_path / "model"],
        env={**os.environ, "OPENBLAS_CORETYPE": "Haswell"},
        check=True,
        timeout=600,
    )
    here = learn.IntegerRidgeClassifier().fit(x, y)
    loaded = learn.IntegerRidgeClassifier.load(tmp_path / "model")
    assert loaded.solved_again_
    assert (tmp_path / "model").read_bytes() != here.to_bytes()
    assert loaded.digest() == here.digest()
    loaded.partial_fit(x[:1] + 9, y[:1], subjects=["late"], records=["late"])
    report = loaded.forget("late", source=lambda _: (x[:1] + 9, y[:1]))
    assert "another environment" in report.why_all
    assert report.recomputed == 0
    assert loaded.digest() == here.digest()
    here.save(tmp_path / "model")
    assert not learn.IntegerRidgeClassifier.load(tmp_path / "model").solved_again_


def test_sparse_rows_with_stored_zeros_or_in_any_order_are_the_same_rows() -> None:
    dense = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0], [0.0, 0.0, 1.0], [2.0, 1.0, 0.0]])
    tidy = sparse.csr_matrix(dense)
    untidy = sparse.csr_matrix(
        (np.array([2.0, 0.0, 3.0, 1.0, 1.0, 1.0, 2.0]), np.array([1, 0, 2, 0, 2, 1, 0]), np.array([0, 2, 4, 5, 7])), (4, 3)
    )
    assert (untidy.toarray() == dense).all()
    given = untidy.copy()
    for model in NUMBERS:
        settings = {"with_mean": False} if model == "StandardScaler" else {}
        one, two = (getattr(learn, model)(**settings).fit(each, [0, 1, 0, 1], ["a", "b", "c", "c"]) for each in (tidy, untidy))
        assert one.digest() == two.digest()
        assert one.forget("a").records == 1
        assert one.digest() == getattr(learn, model)(**settings).fit(untidy[1:], [1, 0, 1], ["b", "c", "c"]).digest()
    assert untidy.nnz == given.nnz
    with pytest.raises(learn.BadInput, match="not a finite"):
        learn.NearestCentroid().fit(sparse.csr_matrix([[np.nan]]), [0])
