"""Counts, heatmaps and next places: what they say, and what they publish."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import expunge.learn as learn
from expunge.learn.exact.counting import PublishedCount

HOME, WORK, SHOP = (52.5001, 13.4001), (52.5301, 13.3801), (52.5101, 13.4201)
VISITS = [("ann", HOME), ("ann", HOME), ("ann", WORK), ("bob", HOME), ("bob", WORK), ("cid", SHOP), (("ann", "cid"), WORK)]


def heatmap(visits: list[Any] = VISITS) -> learn.Heatmap:
    return learn.Heatmap(cell=0.01).fit(np.array([place for _, place in visits]).reshape(-1, 2), subjects=[who for who, _ in visits])


def test_a_heatmap_counts_visits_and_the_people_behind_them() -> None:
    made = heatmap()
    assert made.transform([HOME, WORK, SHOP, (0.0, 0.0)]).ravel().tolist() == [3, 3, 1, 0]
    shown = {tuple(np.round(each.place, 2)): (each.records, each.people) for each in made.publish(k=1)}
    assert shown == {(52.5, 13.4): (3, 2), (52.53, 13.38): (3, 3), (52.51, 13.42): (1, 1)}


def test_a_cell_is_published_while_enough_different_people_were_there_however_often_one_came() -> None:
    made = learn.Heatmap(cell=1.0).fit(np.zeros((100, 2)), subjects=["often"] * 99 + ["once"])
    assert made.publish(k=3) == []
    assert made.publish(k=2) == [PublishedCount((0.0, 0.0), 100, 2)]
    made.forget("once")
    assert made.publish(k=2) == []
    assert made.publish(k=1) == [PublishedCount((0.0, 0.0), 99, 1)]


def test_what_is_published_after_an_erasure_is_what_would_be_without_the_person() -> None:
    made = heatmap()
    assert len(made.publish(k=3)) == 1
    made.forget("ann")
    assert made.publish(k=1) == heatmap([each for each in VISITS if "ann" not in each[0]]).publish(k=1)
    assert made.publish(k=3) == []


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 4)), max_size=40),
    st.integers(1, 5),
    st.sets(st.sampled_from("abcdefgh")),
)
def test_no_cell_of_fewer_than_k_people_is_ever_published_and_no_other_is_left_out(
    visits: list[tuple[str, int]], k: int, gone: set[str]
) -> None:
    made = learn.Heatmap(cell=1.0).fit(np.array([[float(cell)] for _, cell in visits]).reshape(-1, 1), subjects=[who for who, _ in visits])
    made.forget(gone, missing="ignore")
    left = [each for each in visits if each[0] not in gone]
    people = {cell: {who for who, where in left if where == cell} for _, cell in left}
    records = Counter(cell for _, cell in left)
    assert made.publish(k) == [
        PublishedCount((float(cell),), records[cell], len(people[cell])) for cell in sorted(people) if len(people[cell]) >= k
    ]


@pytest.mark.parametrize("k", [0, -1, 2.0, "5"])
def test_a_publication_for_no_number_of_people_is_refused(k: object) -> None:
    with pytest.raises(learn.BadInput, match="k is"):
        heatmap().publish(k)  # type: ignore[arg-type]


def test_the_cells_of_a_map_are_the_same_left_and_right_of_zero() -> None:
    made = learn.Heatmap(cell=0.5).fit([[-0.25], [0.25], [-0.0], [0.0]], subjects=list("abcd"))
    assert made.publish(k=1) == [PublishedCount((-0.5,), 1, 1), PublishedCount((0.0,), 3, 3)]


def test_words_are_counted_as_they_are() -> None:
    made = learn.Counts().fit(["play", "stop", "play", "größer"], subjects=["ann", "ann", "bob", "cid"])
    assert made.transform(["play", "stop", "louder"]).ravel().tolist() == [2, 1, 0]
    assert made.publish(k=2) == [PublishedCount(("play",), 2, 2)]
    made.partial_fit(["a much longer command"], subjects=["ann"])
    made.forget("ann")
    assert made.digest() == learn.Counts().fit(["größer", "play"], subjects=["cid", "bob"]).digest()
    with pytest.raises(learn.BadInput, match="some places are text and some are numbers"):
        made.partial_fit([[1.0]])
    with pytest.raises(learn.BadInput, match="text lies in no cell"):
        learn.Heatmap().fit(["home"])


def test_codes_that_no_number_tells_apart_are_refused_and_counted_as_text() -> None:
    codes = [2**60, 2**60 + 1]
    with pytest.raises(learn.BadInput, match="give codes so long as text"):
        learn.Counts().fit(codes)
    made = learn.Counts().fit([str(each) for each in codes])
    assert made.transform([str(2**60)]).tolist() == [[1]]


def test_several_columns_are_counted_together() -> None:
    made = learn.Counts().fit([["kitchen", "play"], ["kitchen", "stop"], ["kitchen", "play"]])
    assert made.transform([["kitchen", "play"], ["play", "kitchen"]]).ravel().tolist() == [2, 0]


def test_the_next_place_is_where_most_went_from_here_and_elsewhere_where_most_go_at_all() -> None:
    here = ["home", "home", "home", "work", "shop", "shop"]
    then = ["work", "work", "shop", "home", "home", "work"]
    whose = ["ann", "ann", "bob", "bob", "cid", "cid"]
    made = learn.NextPlace().fit(here, then, subjects=whose)
    assert made.classes_.tolist() == ["home", "shop", "work"]
    assert made.predict(["home", "work", "moon"]).tolist() == ["work", "home", "work"]
    # From home: 0, 1 and 2 of 3, and one visit more in the shares of all: 2, 1 and 3 of 6.
    np.testing.assert_allclose(made.predict_proba(["home"])[0], np.array([2 / 6, 1 + 1 / 6, 2 + 3 / 6]) / 4)
    assert made.publish(k=1)[0] == PublishedCount(("home", "shop"), 1, 1)
    made.forget("ann")
    assert made.predict(["home", "moon"]).tolist() == ["shop", "home"]


def test_the_next_cell_of_a_trail_is_learnt_from_coordinates() -> None:
    trail = np.array([[0.1, 0.1], [1.2, 0.3], [0.4, 0.2], [1.9, 0.9], [0.3, 0.8], [1.1, 0.1]])
    made = learn.NextPlace(cell=1.0).fit(trail[:-1], [3, 7, 3, 7, 3])
    assert made.predict([[0.9, 0.9], [1.5, 0.5]]).tolist() == [3, 7]


def test_whole_labels_are_the_same_next_place_whatever_type_they_came_in() -> None:
    one = learn.NextPlace().fit([[1], [2]], [1, 2], records=["a", "b"]).partial_fit([[1]], [0.5], records=["c"])
    two = learn.NextPlace().fit([[2], [1], [1]], [2.0, 0.5, 1.0], records=["b", "c", "a"])
    assert one.digest() == two.digest()


def test_a_file_of_counts_holds_no_subject_and_no_row(tmp_path: Path) -> None:
    made = heatmap()
    made.save(tmp_path / "model")
    data = (tmp_path / "model").read_bytes()
    assert not any(name in data for name in (b"ann", b"bob", b"cid", json.dumps(HOME).encode()))
    assert learn.Heatmap.load(tmp_path / "model").publish(k=2) == made.publish(k=2)
