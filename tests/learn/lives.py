"""Lives of a model: what it learns and forgets in which order, and the set of records that must be all that is left of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

import expunge.learn as learn

MODELS = (
    "Counts",
    "GaussianNaiveBayes",
    "Heatmap",
    "IntegerRidge",
    "IntegerRidgeClassifier",
    "LinearDiscriminant",
    "MultinomialNaiveBayes",
    "NearestCentroid",
    "NextPlace",
    "PrincipalComponents",
    "StandardScaler",
)
COLUMNS = 3
PEOPLE = tuple("abcdef")


@dataclass(frozen=True)
class Row:
    """One record, of one person or several."""

    id: str
    x: tuple[float, ...]
    y: float
    people: tuple[str, ...]


@dataclass
class Left:
    """The records that are in a model, kept the slow and obvious way."""

    rows: dict[str, Row] = field(default_factory=dict)

    def learn(self, rows: Iterable[Row]) -> None:
        for each in rows:
            before = self.rows.get(each.id)
            people = {*each.people, *(before.people if before else ())}
            self.rows[each.id] = replace(each, people=tuple(sorted(people)))

    def forget(self, people: Iterable[str]) -> int:
        gone = [name for name, each in self.rows.items() if set(people) & set(each.people)]
        for name in gone:
            del self.rows[name]
        return len(gone)

    def source(self, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        return matrix([self.rows[each] for each in ids]), np.array([self.rows[each].y for each in ids])


def content(record: int) -> tuple[tuple[float, ...], float]:
    """What a record holds depends on which one it is, so that one id always stands for the same."""
    rng = np.random.default_rng(record)
    return tuple(float(each) for each in rng.integers(-40, 40, COLUMNS) / 8), float(rng.integers(0, 3))


def batches(most: int = 12) -> st.SearchStrategy[list[Row]]:
    """Rows, the same record more than once among them, with the same people or others."""
    people = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=3).map(tuple)
    row = st.builds(lambda record, people: Row(f"record {record}", *content(record), people), st.integers(0, 40), people)
    return st.lists(row, min_size=1, max_size=most)


def some_people() -> st.SearchStrategy[list[str]]:
    """Some who may have a record, and one who never has."""
    return st.lists(st.sampled_from((*PEOPLE, "nobody")), min_size=1, max_size=4)


def matrix(rows: Sequence[Row]) -> np.ndarray:
    return np.array([each.x for each in rows], np.float64).reshape(len(rows), COLUMNS)


def arguments(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, list[tuple[str, ...]], list[str]]:
    return matrix(rows), np.array([each.y for each in rows]), [each.people for each in rows], [each.id for each in rows]


def fitted(model: str, rows: Sequence[Row], seed: int = 0) -> Any:
    """A model that never had anything but these rows, in another order."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return getattr(learn, model)().fit(*arguments([rows[each] for each in order]))


def fresh_digests(cases: Sequence[tuple[str, Sequence[Row]]], threads: int) -> list[str]:
    """What a process of its own makes of many such sets, each shuffled; ``threads`` are what its libraries may use."""
    asked = json.dumps([(model, [(each.id, each.x, each.y, each.people) for each in rows]) for model, rows in cases])
    counts = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.learn.lives"],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **counts},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


if __name__ == "__main__":
    for number, (name, found) in enumerate(json.load(sys.stdin)):
        print(fitted(name, [Row(each, tuple(x), y, tuple(people)) for each, x, y, people in found], number).digest())
