"""The second opinion: it catches a forget that was skipped, and says when it could not have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB

from expunge.learn.proof.membership import Audit, Verdict, attack, audit, shard_scores, subject_scores
from expunge.learn.records.refusals import BadInput
from expunge.learn.sharded.trees import ShardedTrees

SHARDS, PEOPLE, OUTSIDERS, ROWS = 5, 120, 60, 4
FORGOTTEN = [f"p{number:03}" for number in range(40)]
NEVER = [f"p{number:03}" for number in range(PEOPLE, PEOPLE + OUTSIDERS)]


@dataclass
class Shards:
    """A model for each shard. Labels are mostly chance: a forest learns them by heart, naive Bayes over one feature does not."""

    features: np.ndarray
    y: np.ndarray
    person: np.ndarray

    @property
    def subjects(self) -> list[str]:
        return [f"p{number:03}" for number in self.person]

    @property
    def own(self) -> np.ndarray:
        return self.person % SHARDS

    def fit(self, *, without: frozenset[str] = frozenset(), by_heart: bool = True) -> np.ndarray:
        """(models, samples) probability of the true label."""
        names = np.array(self.subjects)
        stays = (self.person < PEOPLE) & ~np.isin(names, sorted(without))
        rows = []
        for shard in range(SHARDS):
            here = stays & (self.own == shard)
            model = RandomForestClassifier(20, random_state=shard) if by_heart else GaussianNB()
            told = self.features if by_heart else self.features[:, :1]
            rows.append(model.fit(told[here], self.y[here]).predict_proba(told)[np.arange(len(self.y)), self.y])
        return np.array(rows)


@pytest.fixture(scope="module")
def shards() -> Shards:
    dice = np.random.default_rng(5)
    person = np.repeat(np.arange(PEOPLE + OUTSIDERS), ROWS)
    features = dice.normal(size=(len(person), 12))
    y = ((features[:, 0] + 2 * dice.normal(size=len(person))) > 0).astype(int)
    return Shards(features, y, person)


@pytest.fixture(scope="module")
def before(shards: Shards) -> np.ndarray:
    return shards.fit()


@pytest.fixture(scope="module")
def after(shards: Shards) -> np.ndarray:
    return shards.fit(without=frozenset(FORGOTTEN))


def judged(shards: Shards, before: np.ndarray, after: np.ndarray, forgotten: list[str] = FORGOTTEN) -> Audit:
    scores = [subject_scores(each, shards.own, shards.subjects) for each in (before, after)]
    return audit(*scores, forgotten=forgotten, outsiders=NEVER)


def test_people_who_were_really_forgotten_are_like_people_who_were_never_there(
    shards: Shards, before: np.ndarray, after: np.ndarray
) -> None:
    found = judged(shards, before, after)
    assert found.verdict is Verdict.PASS
    assert found.control is Verdict.FAIL
    assert found.before.auc > 0.8 > found.after.high - 0.1
    assert "not the proof" in found.said


def test_a_forget_that_was_skipped_is_caught(shards: Shards, before: np.ndarray) -> None:
    assert judged(shards, before, before).verdict is Verdict.FAIL


def test_a_forget_in_half_of_the_shards_is_caught(shards: Shards, before: np.ndarray, after: np.ndarray) -> None:
    half = np.where(np.arange(SHARDS)[:, None] < 2, after, before)
    assert judged(shards, before, half).verdict is Verdict.FAIL


def test_a_model_that_learns_nobody_by_heart_leaves_the_audit_without_power(shards: Shards) -> None:
    found = judged(shards, shards.fit(by_heart=False), shards.fit(without=frozenset(FORGOTTEN), by_heart=False))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.control is not Verdict.FAIL
    assert "shows nothing" in found.said


def test_a_sharded_model_brings_its_own_references(shards: Shards) -> None:
    names, stays = np.array(shards.subjects), shards.person < PEOPLE
    model = ShardedTrees(shards=SHARDS, trees=30, min_samples=1)
    model.fit(shards.features[stays], shards.y[stays], subjects=names[stays])
    everything = (shards.features, shards.y, shards.subjects)
    before = shard_scores(model, *everything)
    assert set(model.forget(FORGOTTEN).parts) == set(range(SHARDS))
    found = audit(before, shard_scores(model, *everything), forgotten=FORGOTTEN, outsiders=NEVER)
    assert (found.verdict, found.control) == (Verdict.PASS, Verdict.FAIL)


def test_what_a_sharded_model_cannot_say_is_refused(shards: Shards) -> None:
    x, y = shards.features[:8], np.array([0, 1] * 4)
    model = ShardedTrees(shards=40, trees=2).fit(x, y, subjects=["ann"] * 4 + ["bob"] * 4)
    with pytest.raises(BadInput, match="a label"):
        shard_scores(model, x, y + 1, ["ann"] * 8)
    with pytest.raises(BadInput, match="has learnt nothing"):
        shard_scores(model, x, y, [f"p{number}" for number in range(8)])


def test_one_person_alone_can_never_be_judged(shards: Shards, before: np.ndarray, after: np.ndarray) -> None:
    found = judged(shards, before, after, FORGOTTEN[:1])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.before.low <= 0.5 <= found.before.high


def test_those_who_stay_are_still_recognised(shards: Shards, before: np.ndarray, after: np.ndarray) -> None:
    stay = [f"p{number:03}" for number in range(40, PEOPLE)]
    assert judged(shards, before, after, stay).verdict is Verdict.FAIL


def test_who_is_recognised_with_few_false_alarms_is_told() -> None:
    never = np.arange(100.0)
    found = attack(np.array([200.0, 97.5, 94.5, 3.0]), never)
    assert found.caught == ((0.01, 0.25), (0.05, 0.75))


def test_scores_from_below_are_a_trace_too() -> None:
    found = attack(np.full(30, -1.0), np.zeros(30))
    assert found.auc == 0.0
    assert found.tells


SCORES = st.lists(st.integers(-5, 5), min_size=1, max_size=30).map(lambda each: np.array(each, dtype=float))


@given(SCORES, SCORES)
def test_the_area_is_the_share_of_pairs_in_which_the_forgotten_score_higher(gone: np.ndarray, never: np.ndarray) -> None:
    pairs = (gone[:, None] > never).mean() + (gone[:, None] == never).mean() / 2
    found, turned = attack(gone, never), attack(never, gone)
    assert found.auc == pytest.approx(pairs)
    assert found.low <= found.auc <= found.high
    assert turned.auc == pytest.approx(1 - pairs)
    assert turned.tells == found.tells


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    dice = np.random.default_rng(1)
    truth = 0.76  # Two normal groups a standard deviation apart: the normal distribution at 1 / sqrt(2).
    held = 0
    for _ in range(400):
        found = attack(dice.normal(1, size=40), dice.normal(size=60))
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 400 <= 0.99


def test_honest_deletions_fail_by_chance_about_once_in_twenty() -> None:
    dice = np.random.default_rng(2)
    told = sum(attack(dice.normal(size=40), dice.normal(size=60)).tells for _ in range(400))
    assert 0.02 <= told / 400 <= 0.08


def test_the_score_is_the_mean_difference_of_logits_to_the_other_models() -> None:
    odds = np.array([[3.0, 1.0, 1.0], [1.0, 9.0, 1.0], [1.0, 1.0, 1.0]])
    scores = subject_scores(odds / (1 + odds), np.array([0, 1, 2]), ["ann", "ann", "bob"])
    assert scores["ann"] == pytest.approx((np.log(3) + np.log(9)) / 2)
    assert scores["bob"] == pytest.approx(0)


def test_a_model_that_is_certain_is_still_finite() -> None:
    scores = subject_scores(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0]), ["ann", "bob"])
    assert all(np.isfinite(each) for each in scores.values())


GOOD = (np.full((2, 3), 0.5), np.array([0, 1, 0]), ["a", "b", "c"])


@pytest.mark.parametrize(
    "wrong",
    [
        (GOOD[0][:1], np.zeros(3, int), GOOD[2]),
        (GOOD[0][0], GOOD[1], GOOD[2]),
        (GOOD[0], GOOD[1][:2], GOOD[2]),
        (GOOD[0], GOOD[1], GOOD[2][:2]),
        (GOOD[0], np.array([0, 2, 0]), GOOD[2]),
        (GOOD[0], np.array([0, -1, 0]), GOOD[2]),
        (GOOD[0], np.array([0.0, 1.0, 0.0]), GOOD[2]),
        (np.full((2, 3), np.nan), GOOD[1], GOOD[2]),
        (np.full((2, 3), 1.5), GOOD[1], GOOD[2]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(wrong: tuple[np.ndarray, np.ndarray, list[str]]) -> None:
    with pytest.raises(BadInput):
        subject_scores(*wrong)


def test_groups_that_make_no_sense_are_refused() -> None:
    scores = {"a": 0.1, "b": 0.2}
    for gone, never in ((["a"], ["a"]), (["a"], []), ([], ["b"]), (["a"], ["stranger"])):
        with pytest.raises(BadInput) as refused:
            audit(scores, scores, forgotten=gone, outsiders=never)
        assert "stranger" not in str(refused.value)
