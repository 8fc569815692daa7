"""Trees that forget exactly: after a forget the file is, byte for byte, the one of a model that never had them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.base import clone, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from expunge.learn import BadInput, NothingLearned, RecordChanged, ShardedTrees, SourceNeeded
from expunge.learn.base.environment import one_thread
from expunge.learn.records.refusals import FileRefused
from expunge.learn.sharded import trees_hist
from tests.learn.people import World, fresh_digests, shuffled, world
from tests.soaking import THREADS, examples

QUICK: dict[str, Any] = {"trees": 4, "leaves": 4, "shards": 4, "min_samples": 3}
BACKENDS = ("lightgbm", "hist")
RELAXED = settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize(("rows", "bins", "expected"), [(400, None, 63), (20_000, None, 100), (400, 31, 31)])
def test_a_shard_takes_bins_for_its_own_rows_unless_it_is_told_how_many(rows: int, bins: int | None, expected: int) -> None:
    x = np.random.default_rng(0).normal(size=(rows, 2))
    model = ShardedTrees(shards=1, trees=1, leaves=2, bins=bins).fit(x, x[:, 0] > 0)
    assert f"[max_bin: {expected}]" in model._serving.parts[0].model[0].text


# ---- the law -------------------------------------------------------------------------------------------------------


@RELAXED
@given(
    rows=st.integers(20, 90),
    people=st.integers(3, 12),
    seed=st.integers(0, 999),
    shared=st.sampled_from([0.0, 0.05, 0.3]),
    classes=st.integers(2, 3),
    shape=st.tuples(st.integers(1, 5), st.sampled_from([("lightgbm", 1), ("lightgbm", 3), ("hist", 1)])),
    batches=st.lists(st.sets(st.integers(0, 12), max_size=4), max_size=3),
    likely=st.sets(st.integers(0, 12), max_size=3),
)
def test_any_forgets_one_after_another_leave_what_never_had_them(
    rows: int, people: int, seed: int, shared: float, classes: int, shape: Any, batches: list[set[int]], likely: set[int]
) -> None:
    everybody = world(rows, people, seed=seed, shared=shared, classes=classes)
    shards, (kind, slices) = shape
    quick = {**QUICK, "backend": kind, "shards": shards, "slices": slices, "high_risk": [f"person {each}" for each in likely]}
    model = everybody.fit(ShardedTrees(**quick), shuffled(everybody, seed))
    gone: set[str] = set()
    for batch in batches:
        names = {f"person {each}" for each in batch}
        before = model._serving
        report = model.forget(names, missing="ignore")
        gone |= names
        left = everybody.without(*gone)
        assert report.emptied == (not left.ids)
        if not left.ids:
            with pytest.raises(NothingLearned):
                model.predict(everybody.x)
            return
        again = left.fit(ShardedTrees(**quick), shuffled(left, seed + 1))
        assert model.digest() == again.digest()
        assert model.classes_.tolist() == sorted(set(left.y.tolist()))
        # It costs what it promises: who was not touched is the very same object.
        untouched = set(range(shards)) - set(report.parts)
        assert all(model._serving.parts[shard] is before.parts[shard] for shard in untouched)


@RELAXED
@given(
    seed=st.integers(0, 999),
    shared=st.sampled_from([0.0, 0.2]),
    cut=st.integers(1, 59),
    early=st.sets(st.integers(0, 9), max_size=2),
    late=st.sets(st.integers(0, 9), max_size=2),
)
def test_learning_more_in_between_makes_no_difference(seed: int, shared: float, cut: int, early: set[int], late: set[int]) -> None:
    everybody = world(60, 10, seed=seed, shared=shared)
    first, second = {f"person {each}" for each in early}, {f"person {each}" for each in early | late}
    start, rest = np.arange(cut), np.arange(cut, 60)
    model = everybody.fit(ShardedTrees(**QUICK), start)
    model.forget(first, missing="ignore")
    model.partial_fit(everybody.x[rest], everybody.y[rest], [everybody.people[row] for row in rest], [everybody.ids[row] for row in rest])
    model.forget(second, missing="ignore")
    left = everybody.without(*second)
    if left.ids:
        assert model.digest() == left.fit(ShardedTrees(**QUICK), shuffled(left, 3)).digest()


@pytest.mark.parametrize("threads", THREADS)
def test_a_fresh_process_that_never_had_them_writes_the_same_file_on_one_thread_and_on_two(threads: int) -> None:
    described = {"rows": 300, "people": 30, "shared": 0.05, "classes": 3}
    kinds = [{**QUICK}, {**QUICK, "backend": "hist"}, {**QUICK, "slices": 2}]
    models = [world(**described).fit(ShardedTrees(**kind)) for kind in kinds]
    for model in models:
        model.forget(["person 3", "person 4"])
        model.forget("person 17")
    mine = [model.digest() for model in models]
    assert fresh_digests([("ShardedTrees", kind) for kind in kinds], described, ["person 3", "person 4", "person 17"], threads) == mine


def test_each_shard_gets_its_rows_in_one_order_whatever_order_they_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = world(120, 12, shared=0.1)
    given: list[list[bytes]] = [[], []]
    grow = ShardedTrees._grow
    for seed, seen in enumerate(given):

        def noting(self: ShardedTrees, x: np.ndarray, *rest: Any, seen: list[bytes] = seen) -> Any:
            seen.append(x.tobytes())
            return grow(self, x, *rest)

        monkeypatch.setattr(ShardedTrees, "_grow", noting)
        everybody.fit(ShardedTrees(**QUICK), shuffled(everybody, seed))
    assert given[0] == given[1]
    assert given[0]


@pytest.mark.parametrize("kind", [{"backend": "lightgbm", "slices": 3}, {"backend": "hist"}])
def test_a_class_that_only_one_person_had_goes_with_them(kind: dict[str, Any]) -> None:
    everybody = world(90, 9)
    rare = np.array([2 if many == ("person 4",) else label for label, many in zip(everybody.y, everybody.people, strict=True)])
    everybody = replace(everybody, y=rare)
    settings = {**QUICK, **kind, "shards": 1, "high_risk": ["person 4"]}
    model = everybody.fit(ShardedTrees(**settings))
    assert model.classes_.tolist() == [0, 1, 2]
    model.forget("person 4")
    assert model.classes_.tolist() == [0, 1]
    assert model.predict_proba(everybody.x).shape == (90, 2)
    assert model.digest() == everybody.without("person 4").fit(ShardedTrees(**settings)).digest()


def test_one_shard_is_the_plain_library(backend: str) -> None:
    few = world(500, 50, classes=3)
    model = few.fit(ShardedTrees(backend, shards=1, trees=10, bins=255))
    order = model._canonical(model._members[0])
    if backend == "hist":
        with one_thread():
            plain = HistGradientBoostingClassifier(max_iter=10, early_stopping=False, categorical_features=None)
            plain.fit(few.x[order], few.y[order])
        expected = plain.predict_proba(few.x)
    else:
        options = {
            "objective": "multiclass",
            "num_class": 3,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        expected = np.asarray(lightgbm.train(options, lightgbm.Dataset(few.x[order], few.y[order]), 10).predict(few.x))
    assert np.allclose(model.predict_proba(few.x), expected, rtol=0, atol=1e-12)


# ---- what it costs and says ----------------------------------------------------------------------------------------


def test_a_batch_of_people_costs_each_shard_once_and_the_report_counts_what_was_taught(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = world(400, 40)
    model = everybody.fit(ShardedTrees(**{**QUICK, "backend": backend}))
    grown: list[int] = []
    grow = ShardedTrees._grow

    def counting(self: ShardedTrees, x: np.ndarray, codes: np.ndarray, classes: int, trees: int, before: Any) -> Any:
        grown.append(len(x) * trees)
        return grow(self, x, codes, classes, trees, before)

    monkeypatch.setattr(ShardedTrees, "_grow", counting)
    gone = [f"person {each}" for each in range(6)]
    where = {row: shard for shard, cut in enumerate(model._members) for rows in cut for row in rows.tolist()}
    shards = {where[row] for row, many in enumerate(everybody.people) if set(many) & set(gone)}
    report = model.forget([*gone, "nobody"], missing="ignore")
    assert report.recomputed == sum(grown) > 0
    assert len(grown) == len(report.parts)
    assert set(report.parts) == shards
    assert report.monolith == 4 * len(everybody.without(*gone).ids)
    assert (report.subjects, report.unknown) == (6, ("nobody",))
    assert "nobody" not in repr(report)


def test_whoever_is_in_the_last_slice_costs_the_last_stage_only() -> None:
    everybody = world(400, 40)
    kind = {**QUICK, "trees": 9, "shards": 2, "slices": 3}
    likely = everybody.fit(ShardedTrees(**kind, high_risk=lambda name: name == "person 7"))
    plain = everybody.fit(ShardedTrees(**{**kind, "slices": 1}))
    cheap, dear = likely.forget("person 7"), plain.forget("person 7")
    assert cheap.recomputed * 3 == dear.recomputed > 0


def test_nobody_of_that_name_changes_nothing(backend: str) -> None:
    model = world(60, 6).fit(ShardedTrees(**{**QUICK, "backend": backend}))
    before = model.digest()
    report = model.forget("a stranger", missing="ignore")
    assert (report.subjects, report.records, report.recomputed, report.unknown) == (0, 0, 0, ("a stranger",))
    assert model.digest() == before


# ---- shards that are empty, or know one class ---------------------------------------------------------------------


def test_shards_without_anybody_and_shards_of_one_class_vote_as_they_should(backend: str) -> None:
    few = world(12, 3)
    model = few.fit(ShardedTrees(backend, shards=50))
    assert sum(part.rows > 0 for part in model._serving.parts.values()) <= 3
    chances = model.predict_proba(few.x)
    assert np.allclose(chances.sum(axis=1), 1)
    one_each = few.fit(ShardedTrees(backend, shards=200, key=b"k"))
    assert one_each.forget("person 0").emptied is False
    left = few.without("person 0")
    assert one_each.digest() == left.fit(ShardedTrees(backend, shards=200, key=b"k")).digest()


def test_when_one_class_is_left_it_is_the_answer(backend: str) -> None:
    rows = World(np.eye(6), np.array(["a", "a", "a", "b", "b", "b"]), tuple((each,) for each in "uvwxyz"), tuple("123456"))
    model = rows.fit(ShardedTrees(backend, shards=2))
    model.forget(["x", "y", "z"])
    assert model.classes_.tolist() == ["a"]
    assert model.predict(np.eye(6)).tolist() == ["a"] * 6
    assert model.predict_proba(np.eye(6)).tolist() == [[1.0]] * 6


def test_when_all_are_forgotten_the_model_says_so_and_predicts_nothing(backend: str) -> None:
    model = world(30, 3).fit(ShardedTrees(**{**QUICK, "backend": backend}))
    assert model.forget([f"person {each}" for each in range(3)]).emptied
    with pytest.raises(NothingLearned):
        model.predict(np.zeros((1, 4)))
    assert model.forget("person 0", missing="ignore").emptied


# ---- files ---------------------------------------------------------------------------------------------------------


def test_a_saved_model_is_one_file_of_that_digest_and_predicts_the_same(backend: str, tmp_path: Path) -> None:
    everybody = world(200, 20, classes=3)
    model = everybody.fit(ShardedTrees(**{**QUICK, "backend": backend}))
    model.save(tmp_path / "model.safetensors")
    assert [each.name for each in tmp_path.iterdir()] == ["model.safetensors"]
    again = ShardedTrees.load(tmp_path / "model.safetensors")
    assert again.digest() == model.digest()
    assert np.array_equal(again.predict_proba(everybody.x), model.predict_proba(everybody.x))
    assert again.classes_.tolist() == model.classes_.tolist()


def test_a_loaded_model_asks_for_the_rows_of_the_touched_shards_and_no_others(backend: str, tmp_path: Path) -> None:
    everybody = world(200, 20, shared=0.02)
    kind = {**QUICK, "backend": backend, "high_risk": ["person 2"]}
    everybody.fit(ShardedTrees(**kind)).save(tmp_path / "model")
    model = ShardedTrees.load(tmp_path / "model")
    with pytest.raises(SourceNeeded):
        model.forget("person 5")
    asked: list[str] = []
    hand = everybody.source()
    report = model.forget("person 5", source=lambda records: (asked.extend(records), hand(records))[1])
    left = everybody.without("person 5")
    assert 0 < len(asked) < len(left.ids)
    assert not set(asked) - set(left.ids)
    assert report.why_all == ""
    assert model.digest() == left.fit(ShardedTrees(**kind)).digest()


def test_in_another_environment_everything_is_fitted_again_and_the_report_says_so(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = world(200, 20)
    kind = {**QUICK, "backend": backend}
    here = ShardedTrees._environment
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(ShardedTrees, "_environment", lambda self: {**here(self), "lightgbm": "0.0"})
        everybody.fit(ShardedTrees(**kind)).save(tmp_path / "model")
    model = ShardedTrees.load(tmp_path / "model")
    asked: list[str] = []
    hand = everybody.source()
    report = model.forget("person 5", source=lambda records: (asked.extend(records), hand(records))[1])
    left = everybody.without("person 5")
    assert sorted(asked) == sorted(left.ids)
    assert report.parts == (0, 1, 2, 3)
    assert report.recomputed == report.monolith
    assert "fitted again" in report.why_all
    assert model.digest() == left.fit(ShardedTrees(**kind)).digest()


@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_file_with_a_flipped_bit_is_refused(backend: str, tmp_path: Path, at: float) -> None:
    path = tmp_path / "model"
    world(60, 6).fit(ShardedTrees(**{**QUICK, "backend": backend})).save(path)
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 4
    path.write_bytes(bytes(data))
    with pytest.raises(FileRefused):
        ShardedTrees.load(path)


def test_trees_that_lead_in_a_circle_or_out_of_the_file_are_refused() -> None:
    stage = world(60, 6).fit(ShardedTrees("hist", **{**QUICK, "shards": 1}))._serving.parts[0].model[0]
    sound = stage.tensors()
    assert trees_hist.Nodes(sound).raw(np.zeros((2, 4))).shape == (2, 1)
    inner = int(np.flatnonzero(sound["left"] > np.arange(len(sound["left"])))[-1])
    for name, value in (("left", inner), ("right", 0), ("left", -1), ("right", 10**6), ("feature", -1)):
        wrong = {**sound, name: sound[name].copy()}
        wrong[name][inner] = value
        with pytest.raises(FileRefused):
            trees_hist.Nodes(wrong)
    for name in ("left", "feature", "threshold"):
        with pytest.raises(FileRefused):
            trees_hist.Nodes({**sound, name: sound[name][:-1]})


def test_a_file_names_nobody_and_keeps_no_list_of_those_at_risk(tmp_path: Path) -> None:
    world(60, 6).fit(ShardedTrees(**QUICK, high_risk=["person 2"])).save(tmp_path / "model")
    assert b"person" not in (tmp_path / "model").read_bytes()


# ---- input ---------------------------------------------------------------------------------------------------------


def test_without_arguments_it_learns_a_plain_task(backend: str) -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 5))
    y = (x[:, 0] - x[:, 3] > 0).astype(int)
    model = ShardedTrees() if backend == "lightgbm" else ShardedTrees("hist")
    model.fit(x[:300], y[:300], subjects=[f"p{row // 5}" for row in range(300)])
    assert model.score(x[300:], y[300:]) > 0.85
    model.forget("p3")
    assert model.score(x[300:], y[300:]) > 0.85


@pytest.mark.parametrize("labels", [["no", "yes"], [0, 1], [False, True], [0.5, 1.5], [-3, 10**6]])
def test_labels_of_any_kind_come_back_as_they_were(labels: list[Any]) -> None:
    rows = world(60, 6)
    y = np.array([labels[each] for each in rows.y])
    model = ShardedTrees(**QUICK).fit(rows.x, y)
    assert model.classes_.tolist() == sorted(labels)
    assert set(model.predict(rows.x).tolist()) <= set(labels)
    as_objects = ShardedTrees(**QUICK).fit(rows.x, np.array(y.tolist(), object))
    assert as_objects.digest() == model.digest()


BAD = {
    "NaN": lambda x, y: (np.where(np.arange(len(x))[:, None] == 3, np.nan, x), y),
    "infinity": lambda x, y: (np.where(np.arange(len(x))[:, None] == 3, -np.inf, x), y),
    "text": lambda x, y: (x.astype(str).astype(object) + "a", y),
    "one dimension": lambda x, y: (x[:, 0], y),
    "no column": lambda x, y: (x[:, :0], y),
    "no row": lambda x, y: (x[:0], y[:0]),
    "fewer labels": lambda x, y: (x, y[:-1]),
    "no labels": lambda x, y: (x, None),
    "a label that is NaN": lambda x, y: (x, np.where(np.arange(len(y)) == 2, np.nan, y)),
    "labels of two kinds": lambda x, y: (x, np.array([*y[:-1].tolist(), "x"], object)),
}


@pytest.mark.parametrize("what", BAD)
def test_rows_that_cannot_be_learnt_are_refused_and_what_was_learnt_stays(what: str, backend: str) -> None:
    rows = world(60, 6)
    model = rows.fit(ShardedTrees(**{**QUICK, "backend": backend}))
    before = model.digest()
    x, y = BAD[what](rows.x, rows.y)
    for learn in (model.fit, model.partial_fit) if what != "no row" else (model.fit,):
        with pytest.raises(BadInput):
            learn(x, y)
    assert model.digest() == before
    model.predict(rows.x)


def test_one_id_for_two_contents_is_refused() -> None:
    with pytest.raises(BadInput, match="one record id"):
        ShardedTrees(**QUICK).fit(np.eye(2), [0, 1], ["a", "b"], ["same", "same"])


def test_rows_of_another_width_are_refused(backend: str) -> None:
    rows = world(60, 6)
    model = rows.fit(ShardedTrees(**{**QUICK, "backend": backend}))
    for call in (model.predict, lambda x: model.partial_fit(x, rows.y)):
        with pytest.raises(BadInput, match="X has 3 features"):
            call(rows.x[:, :3])


def test_a_row_that_was_changed_meanwhile_is_noticed_and_the_model_is_as_before() -> None:
    rows = world(120, 12)
    model = rows.fit(ShardedTrees(**QUICK))
    before, digest = model.predict_proba(rows.x), model.digest()
    kept = rows.x.copy()
    rows.x[:] += 1
    with pytest.raises(RecordChanged):
        model.forget("person 3")
    assert model.digest() == digest
    assert np.array_equal(model.predict_proba(kept), before)


@pytest.mark.parametrize(
    "wrong",
    [{"backend": "xgboost"}, {"shards": 0}, {"trees": 0}, {"slices": 0}, {"slices": 101}, {"leaves": 1}, {"bins": 1000},
     {"learning_rate": 0.0}, {"l2": -1.0}, {"backend": "hist", "slices": 2}, {"min_samples": 0}],
)  # fmt: skip
def test_settings_that_make_no_model_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        world(30, 3).fit(ShardedTrees(**wrong))


def test_it_has_the_habits_of_scikit_learn() -> None:
    rows = world(60, 6)
    model = clone(ShardedTrees(trees=4, key=b"k"))
    assert model.get_params()["key"] == b"k"
    line = make_pipeline(FunctionTransformer(lambda x: x * 2), model)
    line.fit(rows.x, rows.y, shardedtrees__subjects=list(rows.people))
    assert line.predict(rows.x).shape == (60,)
    assert model.n_features_in_ == 4
    assert is_classifier(model)
    assert cross_val_score(ShardedTrees(**QUICK), rows.x, rows.y, cv=3).shape == (3,)
    with pytest.raises(TypeError, match="save"):
        pickle.dumps(model)
    with pytest.raises(NothingLearned):
        ShardedTrees().predict(rows.x)
