"""Whose name it is: one reading for every learner, and for every question that is asked of one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unicodedata import normalize
from uuid import UUID

import numpy as np
import pytest

from expunge import learn
from expunge.learn.proof.exactness_proof import bystanders
from expunge.learn.provenance.ledger import Training
from expunge.learn.records.record_hashes import tag
from expunge.learn.records.records import KEY
from expunge.learn.records.subject_names import subject_name

MODELS: dict[str, Callable[[], Any]] = {
    "IntegerRidgeClassifier": learn.IntegerRidgeClassifier,
    "NearestCentroid": learn.NearestCentroid,
    "Heatmap": lambda: learn.Heatmap(cell=1.0),
    "ShardedTrees": lambda: learn.ShardedTrees(shards=2, trees=2),
}
PEOPLE = ("Ang\u00e9la", "17", "49", "55")


def fitted(name: str, subjects: list[Any] | None = None) -> Any:
    x = np.random.default_rng(1).normal(size=(40, 2))
    whose = [PEOPLE[row % 4] for row in range(40)] if subjects is None else subjects
    labels = () if name == "Heatmap" else (np.arange(40) // 4 % 2,)
    return MODELS[name]().fit(x, *labels, subjects=whose, records=[f"r{row}" for row in range(40)])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    "wrong", [b"17", bytearray(b"17"), [b"17"], 17.0, [np.float64(17)], True, None, [""], [("17",)], np.array([b"17"]), float("nan")]
)
def test_what_could_be_read_as_another_name_is_refused_and_nobody_goes(model: str, wrong: Any) -> None:
    made = fitted(model)
    before = made.digest()
    with pytest.raises(learn.BadInput, match=r"id came as|no name"):
        made.forget(wrong)
    assert made.digest() == before


@pytest.mark.parametrize("wrong", [b"17", 17.0, True, 1j])
def test_rows_of_such_names_are_refused_too(wrong: Any) -> None:
    with pytest.raises(learn.BadInput, match="id came as"):
        fitted("NearestCentroid", [wrong, *["17"] * 39])
    with pytest.raises(learn.BadInput, match="id came as"):
        learn.NearestCentroid().fit(np.eye(2), [0, 1], records=[wrong, "r1"])
    with pytest.raises(learn.BadInput, match="id came as"):
        learn.Opaque("model", {"r1": [wrong]})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("asked", "held"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_both_unicode_forms_are_one_person(model: str, asked: Any, held: Any) -> None:
    made = fitted(model, [normalize(held, PEOPLE[row % 4]) for row in range(40)])
    assert made.forget(normalize(asked, PEOPLE[0])).records == 10


@pytest.mark.parametrize("named", [17, "17", np.int64(17), np.array([17]), np.str_("17"), np.array(17)])
def test_a_number_and_its_text_are_one_person(named: Any) -> None:
    assert fitted("IntegerRidgeClassifier").forget(named).records == 10
    assert fitted("IntegerRidgeClassifier", [17, 49, 55, 60] * 10).forget(named).records == 10


def test_a_uuid_is_its_text() -> None:
    assert subject_name(UUID(int=7)) == str(UUID(int=7))


@pytest.mark.parametrize("model", MODELS)
def test_people_of_whom_there_is_nothing_are_refused_unless_that_is_to_be_ignored(model: str) -> None:
    made = fitted(model)
    before = made.digest()
    with pytest.raises(learn.UnknownSubjects, match="1 of 2 subjects") as refused:
        made.forget(["17", "nobody"])
    assert "nobody" not in str(refused.value)
    assert made.digest() == before
    with pytest.raises(learn.BadInput, match="'raise' or 'ignore'"):
        made.forget("17", missing="perhaps")
    report = made.forget(["17", "nobody"], missing="ignore")
    assert (report.records, report.unknown) == (10, ("nobody",))


def test_an_opaque_model_asks_the_same(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    model = learn.Opaque(tmp_path / "model", {"r1": PEOPLE[0], "r2": 17})
    for wrong, error in (("nobody", learn.UnknownSubjects), (b"17", learn.BadInput), (17.0, learn.BadInput)):
        with pytest.raises(error):
            model.forget(wrong)
    assert (tmp_path / "model").exists()
    assert model.forget([normalize("NFD", PEOPLE[0]), "17"]).records == 2


def test_names_in_files_of_earlier_versions_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = normalize("NFD", PEOPLE[0])
    with monkeypatch.context() as before:
        before.setattr("expunge.learn.records.row_owners.subject_name", str)
        fitted("NearestCentroid", [old, "17"] * 20).save(tmp_path / "model")
    x = np.random.default_rng(1).normal(size=(40, 2))

    def rows(ids: list[str]) -> tuple[np.ndarray, list[int]]:
        numbers = [int(each[1:]) for each in ids]
        return x[numbers], [each // 4 % 2 for each in numbers]

    for asked in (old, PEOPLE[0]):
        assert learn.NearestCentroid.load(tmp_path / "model").forget(asked, source=rows).records == 20
    assert Training("ab" * 32, 1, frozenset({tag(KEY, old)})).used(KEY, PEOPLE[0])


def test_every_question_reads_names_alike() -> None:
    made = fitted("ShardedTrees")
    assert made.shard_of([PEOPLE[0], 17]).tolist() == made.shard_of([normalize("NFD", PEOPLE[0]), "17"]).tolist()
    features, truth = np.zeros((2, 2)), np.array([0, 1])
    stays = bystanders(made, made, features, truth, [normalize("NFD", PEOPLE[0]), 49], forgotten=[PEOPLE[0]])
    assert stays.samples == 1
