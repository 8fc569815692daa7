"""What forgetting will cost: the closed form against batches drawn at random, and against figures that were published."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import UsageError
from expunge.learn.forecast.shard_forecast import Crowd, Layout, expected_samples, expected_share, expected_share_at, plan, simulate
from expunge.learn.forecast.sharding_risk import CURVES, risk
from expunge.learn.sharded.trees import ShardedTrees
from tests.cli.running import expunge
from tests.soaking import examples

OF_THE_PAPER = Layout(20, 50)
PEOPLE = Crowd(10_000)


@pytest.mark.parametrize(("requests", "published"), [(8, 4.25), (18, 2.24), (39, 1.42)])
def test_batches_as_large_as_the_papers_cost_what_others_simulated(requests: int, published: float) -> None:
    assert 1 / expected_share(OF_THE_PAPER, requests) == pytest.approx(published, rel=0.01)


def test_one_request_of_twenty_shards_and_fifty_slices_costs_a_thirtieth() -> None:
    assert 1 / expected_share(OF_THE_PAPER, 1) == pytest.approx(29.7, abs=0.05)


@given(slices=st.integers(1, 2000))
def test_slices_alone_never_save_more_than_a_third(slices: int) -> None:
    assert 1 <= 1 / expected_share(Layout(1, slices), 1) <= 1.5 + 1e-9


@given(slices=st.integers(2, 2000))
def test_stages_of_as_many_steps_save_up_to_a_half_and_always_more_than_those_of_as_many_passes(slices: int) -> None:
    saved = 1 / expected_share(Layout(1, slices, steps=True), 1)
    assert 1 / expected_share(Layout(1, slices), 1) < saved <= 2
    assert saved == pytest.approx(2 * slices / (slices + 1))
    # Everything at once costs everything, either way.
    assert expected_share(Layout(1, slices, steps=True), 10**6) == pytest.approx(1)


def test_a_batch_of_the_papers_costs_a_quarter_less_where_stages_have_as_many_steps() -> None:
    by_hand = sum(0.02 * (1 - (1 - each / 50 / 20) ** 8) for each in range(1, 51))
    assert expected_share(Layout(20, 50, steps=True), 8) == pytest.approx(by_hand)
    assert 1 / by_hand == pytest.approx(5.50, abs=0.005)


@pytest.mark.parametrize(
    "layout", [Layout(1, 1), Layout(8, 1), Layout(1, 8), Layout(8, 8), Layout(4, 5, grown=True), Layout(8, 8, steps=True), OF_THE_PAPER]
)
@pytest.mark.parametrize("requests", [1, 8, 60])
def test_batches_drawn_at_random_cost_what_the_formula_says(layout: Layout, requests: int) -> None:
    drawn = simulate(layout, PEOPLE, requests, seed=1)
    assert drawn.share == pytest.approx(expected_share(layout, requests), rel=0.06)
    assert drawn.ratio_of_means == pytest.approx(1 / drawn.share)
    assert drawn.mean_of_ratios >= drawn.ratio_of_means - 1e-9


def test_unequal_shards_make_the_mean_of_ratios_larger_but_not_the_ratio_of_means() -> None:
    drawn = simulate(Layout(24, 1), Crowd(200), 1, trials=20_000)
    assert drawn.ratio_of_means == pytest.approx(24, rel=0.02)
    assert drawn.mean_of_ratios > 26


def test_the_same_seed_draws_the_same() -> None:
    once, again, other = (simulate(Layout(8, 8), PEOPLE, 5, trials=200, seed=each) for each in (3, 3, 4))
    assert once == again != other


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 60))
def test_a_larger_batch_costs_more_and_never_more_than_everything(shards: int, slices: int, requests: int) -> None:
    layout = Layout(shards, slices)
    shares = [expected_share(layout, each) for each in (requests, requests + 1)]
    assert 0 <= shares[0] <= shares[1] <= 1 + 1e-9


def test_requests_that_come_at_random_cost_less_than_batches_of_the_same_size_each_time() -> None:
    for mean in (1, 5, 30):
        assert expected_share_at(Layout(8, 8), mean) < expected_share(Layout(8, 8), mean)
    by_hand = sum(math.exp(-5) * 5.0**k / math.factorial(k) * expected_share(Layout(8, 8), k) for k in range(60))
    assert expected_share_at(Layout(8, 8), 5) == pytest.approx(by_hand)


def test_waiting_for_a_larger_batch_never_costs_more() -> None:
    costs = [expected_samples(Layout(8), Crowd(1000, 10), 100, batch) for batch in (1, 2, 5, 10, 20, 50, 100)]
    assert all(later < sooner for sooner, later in pairwise(costs))
    assert costs[0] == pytest.approx(sum((1000 - gone) * 10 / 8 for gone in range(1, 101)))


def test_a_last_batch_that_is_smaller_is_counted() -> None:
    crowd = Crowd(100)
    assert expected_samples(Layout(4), crowd, 3, 2) == pytest.approx(expected_share(Layout(4), 2) * 98 + expected_share(Layout(4), 1) * 97)


def test_trees_that_are_grown_in_slices_cost_less_from_the_first() -> None:
    everything = expected_share(Layout(1, 4, grown=True), 10_000)
    assert everything == pytest.approx((1 + 2 + 3 + 4) / 16)
    assert expected_share(Layout(1, 4, grown=True), 1) < expected_share(Layout(1, 4), 1)


@pytest.mark.parametrize("slices", [1, 4])
def test_trees_count_what_the_formula_forecasts(slices: int) -> None:
    dice = np.random.default_rng(4)
    x, who = dice.normal(size=(3000, 3)), np.repeat([f"p{number}" for number in range(300)], 10)
    model = ShardedTrees(shards=4, slices=slices, trees=4, leaves=3).fit(x, (x[:, 0] > 0).astype(int), subjects=who)
    counted = sum(model.forget(each).recomputed for each in sorted(set(who))[:60]) / 4
    assert counted == pytest.approx(expected_samples(Layout(4, slices, grown=True), Crowd(300, 10), 60, 1), rel=0.1)


def test_people_who_are_known_to_go_soon_are_cheap_in_the_last_slice() -> None:
    usual, foreseen = Crowd(10_000), Crowd(10_000, foreseen=0.02, foreseen_requests=0.8)
    layout = Layout(8, 8)
    assert expected_share(layout, 1, foreseen) < 0.6 * expected_share(layout, 1, usual)
    drawn = simulate(layout, foreseen, 3, seed=2)
    assert drawn.share == pytest.approx(expected_share(layout, 3, foreseen), rel=0.05)


def test_a_network_trained_end_to_end_is_hardly_to_be_sharded_and_a_head_is() -> None:
    crowd = Crowd(200, 12)
    network, head = (plan(crowd, 0.3, learner=each).recommended for each in ("network", "head"))
    assert network is not None
    assert network.layout.shards <= 2
    assert network.accuracy.points <= 1
    assert head is not None
    assert head.layout.shards >= 24
    assert head.accuracy.points <= 1
    assert head.accuracy.within


@pytest.mark.parametrize("layout", [Layout(100, 1), Layout(8, 9)])
def test_nothing_is_recommended_that_nobody_measured(layout: Layout) -> None:
    advice = plan(Crowd(200, 12), 0.3, learner="head", layouts=[layout])
    assert not advice.forecasts[0].accuracy.within
    assert advice.recommended is None


def test_disk_is_a_bound() -> None:
    free = plan(Crowd(200, 12), 0.3, learner="head", checkpoint_bytes=400_000)
    bound = plan(Crowd(200, 12), 0.3, learner="head", checkpoint_bytes=400_000, most_bytes=10_000_000)
    assert free.recommended is not None
    assert bound.recommended is not None
    assert free.recommended.disk_bytes is not None
    assert bound.recommended.disk_bytes is not None
    assert bound.recommended.disk_bytes <= 10_000_000 < free.recommended.disk_bytes


@pytest.mark.parametrize("learner", CURVES)
def test_fewer_samples_in_a_shard_never_promise_more_accuracy(learner: str) -> None:
    points = [risk(learner, samples).points for samples in np.geomspace(1e5, 1, 200)]
    assert points == sorted(points)
    for samples, lost in CURVES[learner].points:
        assert risk(learner, samples).points == pytest.approx(lost)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Crowd(0),
        lambda: Crowd(1, float("nan")),
        lambda: Crowd(1, 1, 1.5),
        lambda: Layout(0),
        lambda: Layout(1, -1),
        lambda: plan(Crowd(10), 0),
        lambda: plan(Crowd(10), float("nan")),
        lambda: plan(Crowd(10), 1, every_days=0),
        lambda: plan(Crowd(10), 1, learner="oracle"),
        lambda: plan(Crowd(10), 1, most_bytes=1),
        lambda: simulate(Layout(2), Crowd(10), 10),
        lambda: simulate(Layout(2), Crowd(10), 0),
        lambda: expected_samples(Layout(2), Crowd(10), 11, 1),
        lambda: expected_samples(Layout(2), Crowd(10), 1, 0),
        lambda: expected_share(Layout(2), -1),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_way_out(wrong: object) -> None:
    with pytest.raises(UsageError):
        wrong()  # type: ignore[operator]


@settings(max_examples=examples(20))
@given(st.integers(1, 500), st.floats(0.01, 50), st.sampled_from(sorted(CURVES)))
def test_whatever_is_asked_gets_an_answer(subjects: int, rate: float, learner: str) -> None:
    advice = plan(Crowd(subjects, 5), rate, learner=learner, layouts=[Layout(1, 1), Layout(4, 1)])
    assert advice.forecasts[0].ratio_of_means == pytest.approx(1)
    assert advice.recommended is not None


ASKED = ("learn", "plan", "--subjects", "200", "--rate", "0.3", "--samples-per-subject", "12", "--learner", "head")


def test_the_command_recommends_and_draws(tmp_path: Path) -> None:
    ran = expunge(*ASKED, "--chart", tmp_path / "cost.svg")
    assert ran.code == 0
    assert "recommended: 48 shards" in ran.out
    assert "█" in ran.out
    drawing = ET.parse(tmp_path / "cost.svg").getroot()
    assert len(drawing.findall("{http://www.w3.org/2000/svg}polyline")) == 2 * 4


def test_the_command_answers_in_json() -> None:
    answer = expunge(*ASKED, "--shards", "1,8", "--slices", "1", "--json").json
    assert [(each["shards"], each["slices"]) for each in answer["layouts"]] == [(1, 1), (8, 1)]
    assert answer["recommended"]["shards"] == 8
    assert answer["layouts"][0]["ratio_of_means"] == pytest.approx(1)


def test_the_command_says_when_no_layout_keeps_to_the_bounds() -> None:
    ran = expunge(*ASKED[:-1], "network", "--shards", "24")
    assert ran.code == 1
    assert "none of these keeps to the bounds" in ran.out


@pytest.mark.parametrize("wrong", [("--shards", "1,x"), ("--shards", "0"), ("--every", "0"), ("--learner", "oracle"), ("--foreseen", "2")])
def test_the_command_refuses_what_makes_no_sense(wrong: tuple[str, str]) -> None:
    ran = expunge(*ASKED, *wrong)
    assert ran.code == 2
    assert "help:" in ran.err


def test_a_chart_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    ran = expunge(*ASKED, "--chart", tmp_path / "nowhere" / "cost.svg")
    assert ran.code == 1
    assert "cannot be written" in ran.err
