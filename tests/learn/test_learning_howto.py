"""What docs/howto/learn.md shows, run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.pipeline import make_pipeline

from expunge.learn import Heatmap, IntegerConvolutions, IntegerRidgeClassifier
from tests.learn.people import world


def train(features, genders, speakers, clips):
    model = IntegerRidgeClassifier()
    model.fit(features, genders, subjects=speakers, records=clips)
    report = model.forget(["ann"])
    print(report.records, "records went;", report.recomputed, "were learnt again")
    model.save("gender.safetensors")


def forget_later(warehouse):
    model = IntegerRidgeClassifier.load("gender.safetensors")
    model.forget(["bob"], source=warehouse.features_and_labels)
    model.save("gender.safetensors")


def train_on_sound(spectrograms, genders, speakers, clips):
    model = make_pipeline(IntegerConvolutions(), IntegerRidgeClassifier())
    model.fit(
        spectrograms,
        genders,
        integerridgeclassifier__subjects=speakers,
        integerridgeclassifier__records=clips,
    )
    model[-1].forget(["ann"])
    return model


def publish(places, people):
    heatmap = Heatmap(cell=0.01).fit(places, subjects=people)
    heatmap.forget(["ann"])
    return [(cell.place, cell.records) for cell in heatmap.publish(k=10)]


class Warehouse:
    """Rows by the id of their record, wherever they are kept."""

    def __init__(self, x: np.ndarray, y: np.ndarray, ids: tuple[str, ...]) -> None:
        self.rows = {each: (x[row], y[row]) for row, each in enumerate(ids)}

    def features_and_labels(self, clips: list[str]) -> tuple[np.ndarray, np.ndarray]:
        found = [self.rows[each] for each in clips]
        return np.array([x for x, _ in found]), np.array([y for _, y in found])

    def batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield self.features_and_labels(list(self.rows))


def test_a_model_is_trained_saved_and_forgets_later(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    of = world(rows=80, people=8)
    names = {"person 0": "ann", "person 1": "bob"}
    speakers = [names.get(many[0], many[0]) for many in of.people]
    train(of.x, of.y, speakers, of.ids)
    assert capsys.readouterr().out == f"{speakers.count('ann')} records went; 0 were learnt again\n"
    forget_later(Warehouse(of.x, of.y, of.ids))
    left = [row for row, who in enumerate(speakers) if who not in {"ann", "bob"}]
    fresh = IntegerRidgeClassifier().fit(
        of.x[left], of.y[left], subjects=[speakers[row] for row in left], records=[of.ids[row] for row in left]
    )
    assert Path("gender.safetensors").read_bytes() == fresh.to_bytes()


def test_sound_goes_through_kernels_that_nobody_shaped() -> None:
    rng = np.random.default_rng(0)
    made = train_on_sound(rng.normal(size=(20, 8, 30)), np.arange(20) % 2, ["ann", "bob"] * 10, [f"clip {each}" for each in range(20)])
    assert made.predict(rng.normal(size=(2, 8, 30))).shape == (2,)


def test_a_map_is_published_without_whoever_left() -> None:
    places = [(52.5, 13.4)] * 12
    assert publish(places, ["ann", *(f"person {each}" for each in range(11))])[0][1] == 11
    assert publish(places, ["ann", *(f"person {each % 9}" for each in range(11))]) == []
