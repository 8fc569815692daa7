"""Files of weights name their class by a tag of its own, which stays when the class is renamed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import expunge.learn as library
from expunge.learn import GaussianNaiveBayes
from expunge.learn.base.estimator import Forgetting
from expunge.learn.records.refusals import FileRefused

TAGS = {
    "Counts", "GaussianNaiveBayes", "Heatmap", "IntegerRidge", "IntegerRidgeClassifier", "LinearDiscriminant", "MultinomialNaiveBayes",
    "NearestCentroid", "NextPlace", "PrincipalComponents", "ShardedTorch", "ShardedTrees", "StandardScaler",
}  # fmt: skip
"""Of every file that was ever written. Never edit one: add one."""


def saved() -> list[type[Forgetting]]:
    """Every class of the library that is written to files, but for those whose extra is not installed."""
    found = [getattr(library, name) for name in dir(library) if not name.startswith("_")]
    return [each for each in found if isinstance(each, type) and issubclass(each, Forgetting)]


def test_every_class_that_is_saved_sets_its_own_tag() -> None:
    assert [each for each in saved() if "file_tag" not in each.__dict__] == []
    found = [each.file_tag for each in saved()]
    assert len(set(found)) == len(found)
    assert set(found) <= TAGS
    assert len(found) >= len(TAGS) - len({"ShardedTorch", "ShardedTrees"})


class Renamed(GaussianNaiveBayes):
    file_tag = "GaussianNaiveBayes"


class Derived(GaussianNaiveBayes):
    pass


def fitted(kind: type[GaussianNaiveBayes]) -> GaussianNaiveBayes:
    rows = np.arange(12, dtype=np.float64).reshape(6, 2)
    return kind().fit(rows, np.array([0, 1, 0, 1, 0, 1]), subjects=list("abcdef"))


def test_a_class_that_is_renamed_writes_and_reads_the_same_bytes(tmp_path: Path) -> None:
    model = fitted(GaussianNaiveBayes)
    assert fitted(Renamed).to_bytes() == model.to_bytes()
    model.save(tmp_path / "model")
    assert Renamed.load(tmp_path / "model").to_bytes() == model.to_bytes()


def test_a_class_that_is_derived_without_a_tag_is_not_taken_for_its_parent(tmp_path: Path) -> None:
    fitted(Derived).save(tmp_path / "model")
    assert Derived.load(tmp_path / "model").digest() == fitted(Derived).digest()
    with pytest.raises(FileRefused, match="holds a Derived, not a GaussianNaiveBayes"):
        GaussianNaiveBayes.load(tmp_path / "model")
