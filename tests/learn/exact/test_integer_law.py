"""The law: after ``forget`` a model is, bit for bit, the one that a process fits which never had those people."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import expunge.learn as learn
from tests.learn import people
from tests.learn.lives import MODELS, Left, Row, arguments, batches, fitted, fresh_digests, some_people
from tests.soaking import THREADS, examples


def test_every_integer_model_of_the_package_is_under_this_law() -> None:
    forgetful = {name for name in dir(learn) if hasattr(getattr(learn, name), "forget") and hasattr(getattr(learn, name), "digest")}
    assert forgetful - {"ShardedTorch", "ShardedTrees"} == set(MODELS)


@pytest.mark.parametrize("threads", THREADS)
def test_whatever_was_learnt_and_forgotten_a_fresh_process_makes_the_same_bytes(threads: int) -> None:
    cases: list[tuple[str, list[Row]]] = []
    digests: list[str] = []
    for model in MODELS:
        for left, digest in lives(model):
            cases.append((model, left))
            digests.append(digest)
    assert fresh_digests(cases, threads) == digests


def lives(model: str) -> list[tuple[list[Row], str]]:
    """What was left at the end of some lives of a model, and its digest then."""
    ends = []

    @settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(life=st.lists(st.tuples(batches(), some_people()), min_size=1, max_size=4))
    def live(life: list[tuple[list[Row], list[str]]]) -> None:
        left = Left()
        made = getattr(learn, model)()
        for rows, gone in life:
            made.partial_fit(*arguments(rows))
            left.learn(rows)
            had = {name for name in set(gone) if any(name in each.people for each in left.rows.values())}
            report = made.forget(gone, missing="ignore")
            assert report.records == left.forget(gone)
            assert report.subjects == len(had)
            assert set(report.unknown) == set(gone) - had
            assert report.recomputed == 0
            assert report.emptied == (not left.rows)
        # Here the failing life is made small; the fresh processes are the proof.
        assert made.digest() == fitted(model, list(left.rows.values())).digest()
        ends.append((list(left.rows.values()), made.digest()))

    live()
    return ends


@pytest.mark.parametrize("threads", THREADS)
def test_large_models_do_not_depend_on_how_many_threads_the_machine_has(threads: int) -> None:
    models: list[tuple[str, dict[str, Any]]] = [
        (name, {}) for name in ("IntegerRidgeClassifier", "LinearDiscriminant", "PrincipalComponents")
    ]
    settings_: dict[str, Any] = {"rows": 900, "people": 60, "seed": 5, "shared": 0.2, "features": 180}
    whole = people.world(**settings_)
    gone = ["person 3", "person 17", "person 59"]
    made = [whole.fit(getattr(learn, name)(**params)) for name, params in models]
    for each in made:
        assert each.forget(gone).subjects == 3
    assert [each.digest() for each in made] == people.fresh_digests(models, settings_, gone, threads)


class Life(RuleBasedStateMachine):
    """Learning, forgetting, saving and loading in any order."""

    @initialize(model=st.sampled_from(MODELS), rows=batches())
    def born(self, model: str, rows: list[Row]) -> None:
        self.model, self.left, self.loaded = model, Left(), False
        self.made = getattr(learn, model)().fit(*arguments(rows))
        self.left.learn(rows)

    @rule(rows=batches())
    def learns_more(self, rows: list[Row]) -> None:
        self.made.partial_fit(*arguments(rows))
        self.left.learn(rows)

    @rule(rows=batches())
    def learns_anew(self, rows: list[Row]) -> None:
        self.made.fit(*arguments(rows))
        self.left, self.loaded = Left(), False
        self.left.learn(rows)

    @rule(rows=batches(4))
    def learns_from_a_stream(self, rows: list[Row]) -> None:
        self.made.fit_batches([arguments([each]) for each in rows])
        self.left, self.loaded = Left(), True
        self.left.learn(rows)

    @rule(gone=some_people())
    def forgets(self, gone: list[str]) -> None:
        there = [each for each in self.left.rows.values() if set(each.people) & set(gone)]
        if self.loaded and there:
            before = self.made.digest()
            with pytest.raises(learn.SourceNeeded):
                self.made.forget(gone, missing="ignore")
            assert self.made.digest() == before
        report = self.made.forget(gone, source=self.left.source if self.loaded else None, missing="ignore")
        assert report.records == len(there) == self.left.forget(gone)

    @rule(gone=some_people())
    def forgets_from_a_source(self, gone: list[str]) -> None:
        self.made.forget(gone, source=self.left.source, missing="ignore")
        self.left.forget(gone)

    @rule()
    def is_saved_and_loaded(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.safetensors")
            self.made.save(path)
            assert [each.name for each in path.parent.iterdir()] == [path.name]
            self.made = type(self.made).load(path)
        self.loaded = True

    @precondition(lambda self: self.left.rows)
    @rule()
    def answers_as_one_that_never_had_them(self) -> None:
        fresh = fitted(self.model, list(self.left.rows.values()))
        rows = arguments(list(self.left.rows.values()))[0]
        ask = "predict" if hasattr(fresh, "predict") else "transform"
        assert np.array_equal(getattr(self.made, ask)(rows), getattr(fresh, ask)(rows))

    @invariant()
    def is_the_one_that_never_had_them(self) -> None:
        if hasattr(self, "made"):
            assert self.made.digest() == fitted(self.model, list(self.left.rows.values()), seed=7).digest()


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=examples(25, 100), stateful_step_count=10, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("model", MODELS)
def test_when_everybody_is_forgotten_it_is_the_model_of_nobody(model: str) -> None:
    rows = [Row(f"r{number}", (float(number), 1.0, -2.0), float(number % 2), (f"p{number % 4}",)) for number in range(12)]
    made = getattr(learn, model)().fit(*arguments(rows))
    assert made.forget([f"p{number}" for number in range(4)]).emptied
    nobody = getattr(learn, model)().fit(*arguments([]))
    assert made.digest() == nobody.digest()
    for each in (made, nobody):
        with pytest.raises(learn.NothingLearned, match="nobody is left"):
            getattr(each, "predict" if hasattr(each, "predict") else "transform")(np.zeros((1, 3)))
    assert made.partial_fit(*arguments(rows[:5])).digest() == fitted(model, rows[:5]).digest()


@pytest.mark.parametrize("model", MODELS)
def test_rows_without_ids_may_be_alike_and_each_of_them_counts(model: str) -> None:
    x = np.repeat(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 2.0, 1.0]]), 4, axis=0)
    y = np.repeat([0, 1, 0], 4)
    whose = np.array(["a", "b", "a", "c"] * 3)
    made = getattr(learn, model)().fit(x, y, subjects=whose)
    assert made.forget("a").records == 6
    keep = np.flatnonzero(whose != "a")[::-1]
    parts = getattr(learn, model)().fit(x[keep[:2]], y[keep[:2]], subjects=whose[keep[:2]])
    parts.partial_fit(x[keep[2:]], y[keep[2:]], subjects=whose[keep[2:]])
    assert made.digest() == parts.digest()


def test_who_gave_neither_ids_nor_subjects_forgets_a_record_by_its_id() -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    ids = [f"r{each}" for each in range(30)]
    made = learn.IntegerRidgeClassifier().fit(x, y, records=ids)
    assert made.forget(["r4", "r9"]).records == 2
    keep = [each for each in range(30) if each not in {4, 9}]
    assert made.digest() == learn.IntegerRidgeClassifier().fit(x[keep], y[keep], records=[ids[each] for each in keep]).digest()


def test_ids_that_are_numbers_come_back_as_numbers_from_a_file_too(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    made = learn.NearestCentroid().fit(x, y, subjects=[f"p{each % 5}" for each in range(30)], records=np.arange(30))
    made.partial_fit(x[:2] + 1, [0, 1], subjects=["p1", "p2"], records=["x", "07"])
    made.save(tmp_path / "model")
    asked: list[Any] = []

    def source(ids: list[Any]) -> tuple[np.ndarray, np.ndarray]:
        asked.extend(ids)
        rows = {**dict(enumerate(zip(x, y, strict=True))), "x": (x[0] + 1, 0), "07": (x[1] + 1, 1)}
        return np.array([rows[each][0] for each in ids]), np.array([rows[each][1] for each in ids])

    loaded = learn.NearestCentroid.load(tmp_path / "model")
    loaded.forget("p1", source=source)
    assert set(asked) == {1, 6, 11, 16, 21, 26, "x"}
    loaded.forget("p2", source=source)
    assert set(asked) >= {2, 7, "07"}
    keep = [each for each in range(29, -1, -1) if each % 5 not in {1, 2}]
    fresh = learn.NearestCentroid().fit(x[keep], y[keep], subjects=[f"p{each % 5}" for each in keep], records=keep)
    assert loaded.digest() == fresh.digest()
    for mixed in ([3], ["3", 3]):
        with pytest.raises(learn.BadInput, match="as a number and there as text"):
            learn.NearestCentroid().fit(x[3:4], [1], records=["3"]).partial_fit(x[[3] * len(mixed)], [1] * len(mixed), records=mixed)


def test_subjects_that_are_numbers_are_named_by_numbers_or_as_text() -> None:
    x, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    made = [learn.NearestCentroid().fit(x, y, subjects=np.arange(30) % 5, records=np.arange(30)) for _ in range(4)]
    for each, named in zip(made, (3, "3", [3], np.array([3])), strict=True):
        assert each.forget(named).records == 6
    assert len({each.digest() for each in made}) == 1
